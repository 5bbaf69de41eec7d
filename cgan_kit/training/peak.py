"""How near a training comes to its device's peak: operations counted, and the peak measured."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.optim import SGD
from torch.utils.module_tracker import ModuleTracker
from typing_extensions import Self

from cgan_kit.training.distributed import ALONE, share_batch_statistics
from cgan_kit.training.step import Batch, Players, discriminator_step, generator_step

# Sides of the square matrices, and how many products are timed.
CUDA_PRODUCT = (8192, 10)
CPU_PRODUCT = (256, 5)


def fastest_pace(players: Players, discriminator_steps: int = 1) -> float | None:
    """Steps a second, did the device nothing but the step's products, each at its peak.

    Returns None for networks that cannot be counted, and where no memory is left to measure:
    neither stands in a training's way. Takes a second or two.
    """
    try:
        flops = flops_of_step(players, discriminator_steps)
        return measured_peak(players.batches.data.device, players.precision.bfloat16) / flops
    # Out of memory is one of these, and whatever fake tensors cannot do.
    except RuntimeError:
        return None


def flops_of_step(players: Players, discriminator_steps: int = 1) -> int:
    """Floating-point operations of one whole training step of this process.

    Counted, not run: copies go through the step that have shapes and no numbers (torch's fake
    tensors). So it takes no memory on the device, and players, chance and the order of the data
    stay as they are. Convolutions and products of matrices count, forward and backward, two
    operations a multiplication with its addition. Norms, activations, Adam, the average and
    spectral norm's products with vectors do not: few operations, though they take time.

    Arguments:
        players: of a run on any device; of several processes' batch, this one's part counts.
        discriminator_steps: the discriminator's turns in a step.

    Raises:
        RuntimeError: networks or losses whose way depends on the numbers they see.
    """
    with FakeTensorMode(allow_non_fake_inputs=True) as fake:
        shapes, batch = copy_of_shapes(players, fake)
        turn = flops_of(lambda: discriminator_step(shapes, batch))
        return discriminator_steps * turn + flops_of(lambda: generator_step(shapes, batch))


def flops_of(step: Callable[[], object]) -> int:
    """Floating-point operations of convolutions and matrix products within one call of it."""
    # Brings a compiler along, which is slow to import.
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    counter.mod_tracker = NoModules()
    with counter:
        step()
    return int(counter.get_total_flops())


class NoModules(ModuleTracker):
    """Does not ask which module an operation is in: its hooks fail under WGANGP's slopes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def copy_of_shapes(players: Players, fake: FakeTensorMode) -> tuple[Players, Batch]:
    """The players as one process has them and its part of a batch, all numbers fake tensors."""
    gan, data = players.gan, players.batches.data
    tensors = [*gan.parameters(), *gan.buffers()]
    # What deepcopy takes for copied already, it does not copy.
    gan = copy.deepcopy(gan, {id(each): fake.from_tensor(each) for each in tensors})
    share_batch_statistics(gan, ALONE)
    shapes = replace(
        players,
        gan=gan,
        discriminator_optimiser=idle(gan.discriminator, gan.conditioning),
        generator_optimiser=idle(gan.generator),
        random=torch.Generator(data.device),
        shard=ALONE,
    )
    n, device = players.batches.batch_size // players.shard.world_size, data.device
    return shapes, Batch(
        real_images=torch.empty(n, *data.sample_shape, device=device),
        labels=torch.zeros(n, dtype=torch.int64, device=device),
        latents=torch.empty(n, gan.latent_dim, device=device),
    )


def idle(*modules: nn.Module) -> SGD:
    """Holds what learns in the modules, and does nothing that counts."""
    learning = [each for module in modules for each in module.parameters() if each.requires_grad]
    return SGD(learning, lr=0.0)


def measured_peak(device: torch.device, bfloat16: bool) -> float:
    """Operations a second of a product of two large square matrices, measured here and now.

    Arguments:
        device: on a GPU of 8192 rows, ten products by its own clock; on a CPU of 256.
        bfloat16: else float32; on a GPU as TensorFloat-32 where its convolutions compute so.
    """
    side, rounds = CUDA_PRODUCT if device.type == "cuda" else CPU_PRODUCT
    random = torch.Generator(device).manual_seed(0)
    kind = torch.bfloat16 if bfloat16 else torch.float32
    left, right, product = (
        torch.randn(side, side, generator=random, device=device).to(kind) for _ in range(3)
    )

    def multiply() -> None:
        for _ in range(rounds):
            torch.mm(left, right, out=product)

    with products_as_convolutions(device):
        multiply()  # kernels are chosen, and the clock rises
        elapsed = seconds(multiply, device)
    if device.type == "cuda":
        # What a run says of its memory is not to count these matrices.
        del left, right, product
        torch.cuda.reset_peak_memory_stats(device)
    return rounds * 2 * side**3 / elapsed


def seconds(work: Callable[[], None], device: torch.device) -> float:
    """What the work takes: on a GPU between two events, else by the clock."""
    if device.type != "cuda":
        start = time.perf_counter()
        work()
        return time.perf_counter() - start
    with torch.cuda.device(device):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        end.synchronize()
        return float(begin.elapsed_time(end)) / 1000


@contextmanager
def products_as_convolutions(device: torch.device) -> Iterator[None]:
    """Within it, a GPU's float32 products may round as its convolutions do by default."""
    before = torch.get_float32_matmul_precision()
    if device.type == "cuda" and torch.backends.cudnn.allow_tf32:
        torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
