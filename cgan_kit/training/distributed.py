"""Training by several processes, which together do exactly what one would do alone.

    torchrun --nproc-per-node 4 -m cgan_kit train shapes --conditioning reacgan

Every process draws the same batches and latents from the same seeds and takes its part of
them; what a loss or a batch norm must see of the other parts is gathered with its gradient,
and the parameters' gradients are averaged before each optimiser's step.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd import Function

from cgan_kit.losses import Conditioning, Judged

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """This process's place among all that train together; by default it is alone.

    Alone, every method gives back what it was given, to the bit. Otherwise all but `part`
    and `check_batch` wait for the other processes: all must call them in the same order.

    Arguments:
        rank: from 0; rank 0 alone writes and prints.
        world_size: how many processes there are.
    """

    rank: int = 0
    world_size: int = 1

    def check_batch(self, batch_size: int) -> None:
        """All parts must be of one size: only then is a mean of means the mean.

        Raises:
            ValueError: a batch that does not divide by the world size.
        """
        if batch_size % self.world_size:
            larger = batch_size + self.world_size - batch_size % self.world_size
            raise ValueError(
                f"batch_size is {batch_size}, which {self.world_size} processes cannot share "
                f"evenly; give a multiple of {self.world_size}, such as {larger}, "
                "or start another number of processes"
            )

    def part(self, batch: Tensor) -> Tensor:
        """The rows of a full batch (n, ...) that are this process's: (n / world_size, ...).

        Raises:
            ValueError: n does not divide by the world size.
        """
        self.check_batch(len(batch))
        n = len(batch) // self.world_size
        return batch[self.rank * n : (self.rank + 1) * n] if self.world_size > 1 else batch

    def uniform(self, n: int, random: torch.Generator) -> Tensor:
        """n numbers in [0, 1), (n,): this process's part of those one process would draw."""
        return self.part(torch.rand(n * self.world_size, generator=random, device=random.device))

    def gathered(self, conditioning: Conditioning, *judged: Judged) -> tuple[Judged, ...]:
        """Each `Judged` as the conditioning's losses need it.

        A method that compares images sees those of all processes: labels, scores and features
        are the full batch's, with gradient; images stay this process's own. The other methods'
        losses are means over images, whose gradients `average_gradients` puts together.
        """
        if self.world_size == 1 or not conditioning.compares_images:
            return judged
        return tuple(
            Judged(one.images, *(stack(each).flatten(0, 1) for each in one[1:])) for one in judged
        )

    def average_gradients(self, *modules: nn.Module) -> None:
        """Replace each parameter's gradient by its mean over all processes.

        Called between backward() and the optimiser's step. DistributedDataParallel would do
        it within backward(), but it forbids what penalties need: a derivative of a derivative,
        and a network called more than once before it.
        """
        if self.world_size == 1:
            return
        parameters = (parameter for module in modules for parameter in module.parameters())
        gradients = [each.grad for each in parameters if each.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        means = (flat / self.world_size).split([gradient.numel() for gradient in gradients])
        for gradient, mean in zip(gradients, means, strict=True):
            gradient.copy_(mean.view(gradient.shape))

    def averaged(self, seen: dict[str, Tensor]) -> dict[str, Tensor]:
        """Scalars that are means over images, as means over the full batch."""
        if self.world_size == 1:
            return seen
        means = torch.stack(list(seen.values()))
        dist.all_reduce(means)
        return dict(zip(seen, means / self.world_size, strict=True))

    def in_parts(self, answer: Callable[..., Tensor], *rows: Tensor) -> Tensor:
        """answer(*rows) for tensors of n rows each, one answer a row: each process does its part.

        All processes get all answers (n, ...), in order. n need not divide by the world size.
        """
        n = len(rows[0])
        if self.world_size == 1 or n < self.world_size:
            return answer(*rows)
        own = answer(*(each.tensor_split(self.world_size)[self.rank] for each in rows))
        most = -(-n // self.world_size)  # parts differ by one row, and travel at one size
        padded = own.new_zeros(most, *own.shape[1:])
        padded[: len(own)] = own
        parts = [torch.empty_like(padded) for _ in range(self.world_size)]
        dist.all_gather(parts, padded)
        sizes = [len(each) for each in rows[0].tensor_split(self.world_size)]
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        if self.world_size == 1:
            return flag
        # On the CPU, so that no GPU is waited for.
        flags = torch.tensor(int(flag))
        dist.all_reduce(flags)
        return bool(flags)

    def from_first(self, make: Callable[[], T]) -> T:
        """What `make` gives in rank 0; the others do not call it. Its errors reach them too."""
        if self.world_size == 1:
            return make()
        answer: list[Any] = [None, None]
        if self.rank == 0:
            try:
                answer[0] = make()
            except Exception as error:
                answer[1] = error
        dist.broadcast_object_list(answer)
        if answer[1] is not None:
            raise answer[1]
        return cast(T, answer[0])

    def check_same(self, name: str, value: str) -> None:
        """Refuse, in every process, what is not the same in all of them.

        Raises:
            ValueError: a process whose value is not rank 0's; `name` says of what.
        """
        if self.any(self.from_first(lambda: value) != value):
            raise ValueError(
                f"{name} is not the same in all {self.world_size} processes; "
                "give each the same, made from the same seed"
            )

    def share(self, gan: nn.Module) -> None:
        """Give all processes rank 0's weights, and batch norms that see the full batch."""
        if self.world_size == 1:
            return
        for tensor in gan.state_dict().values():
            whole = tensor.contiguous()
            dist.broadcast(whole, 0)
            tensor.copy_(whole)
        share_batch_statistics(gan, self)


ALONE = Shard()


def place() -> Shard:
    """This process's place: in the process group, or as torchrun has put it down."""
    if dist.is_available() and dist.is_initialized():
        return Shard(dist.get_rank(), dist.get_world_size())
    if "RANK" in os.environ and "WORLD_SIZE" in os.environ:
        return Shard(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    return ALONE


def join(device: torch.device) -> tuple[Shard, torch.device]:
    """This process's place, with a process group where there are several, and its device.

    "cuda" becomes the GPU of this process's number on its machine. A group that exists
    already is used as it is; it must carry CPU tensors too.

    Raises:
        ValueError: more processes on this machine than it has GPUs.
    """
    shard = place()
    if shard.world_size == 1:
        return shard, device
    if device.type == "cuda":
        device = own_gpu() if device.index is None else device
        torch.cuda.set_device(device)
    if not dist.is_initialized():
        # gloo besides nccl: flags and names live on the CPU.
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
        atexit.register(dist.destroy_process_group)
    return shard, device


def own_gpu() -> torch.device:
    """The GPU with this process's number on this machine."""
    number, gpus = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if number >= gpus:
        raise ValueError(
            f"LOCAL_RANK is {number}, but PyTorch finds {gpus} GPUs here; start one process "
            f"for each (--nproc-per-node {gpus}), or give device='cpu'"
        )
    return torch.device("cuda", number)


class SumOverRanks(Function):
    """Σ_r x_r on every rank. Each sum depends on x_r, so x_r's gradient is the sum of theirs.

    torch.distributed.nn.functional holds the same; torch 2.15 calls it deprecated.
    """

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return cast(Tensor, SumOverRanks.apply(gradient))


def stack(own: Tensor) -> Tensor:
    """The tensors (...) of all ranks, of one shape, with gradient: (world_size, ...).

    When every rank computes one loss from it, each own tensor's gradient is world_size times
    that of the loss: the mean of the parameters' gradients over ranks is then exactly the
    gradient of a single process.
    """
    places = own.new_zeros(dist.get_world_size(), *own.shape)
    places[dist.get_rank()] = own
    return cast(Tensor, SumOverRanks.apply(places))


class SharedBatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d` whose training statistics are those of all ranks' maps.

    nn.SyncBatchNorm is the same for GPUs; it refuses a CPU.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """maps (n, C, H, W) -> (n, C, H, W); in training all ranks must call it together."""
        if not self.training:
            return super().forward(maps)
        exact = maps.to(torch.promote_types(maps.dtype, torch.float32))
        own = torch.stack(torch.var_mean(exact, dim=(0, 2, 3), correction=0))
        variances, means = stack(own).unbind(dim=1)
        mean = means.mean(dim=0)
        variance = variances.mean(dim=0) + (means - mean).square().mean(dim=0)
        self._remember(mean.detach(), variance.detach(), maps[:, 0].numel() * len(means))

        normalised = exact.sub(mean[:, None, None]) * (variance + self.eps).rsqrt()[:, None, None]
        if self.affine:
            normalised = normalised * self.weight[:, None, None] + self.bias[:, None, None]
        return normalised.to(maps.dtype)

    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """The running averages of nn.BatchNorm2d, which keep the unbiased variance."""
        if self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        new = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, new)
        self.running_var.lerp_(variance * (count / (count - 1)), new)


def share_batch_statistics(module: nn.Module, shard: Shard) -> None:
    """Let each nn.BatchNorm2d within the module see the maps of all ranks, in place.

    Its class changes to `SharedBatchNorm2d`, or back to nn.BatchNorm2d for a shard that is
    alone; names, parameters and running averages stay, and so does evaluation mode. With
    statistics over their parts, several processes would train another generator than one.
    """
    kind = SharedBatchNorm2d if shard.world_size > 1 else nn.BatchNorm2d
    for each in module.modules():
        if type(each) in (nn.BatchNorm2d, SharedBatchNorm2d):
            each.__class__ = kind
