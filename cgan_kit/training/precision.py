"""Which number format and memory layout is fastest here: a short trial decides."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import nn

from cgan_kit.checks import check_flags


@dataclass(frozen=True)
class Precision:
    """How the networks compute; losses, penalties and weights stay float32.

    bfloat16: convolutions and matrix products under autocast.
    channels_last: memory laid out channel by channel at each pixel.
    device_type: where it applies, "cpu" or "cuda"; a training puts its own there.

    Raises:
        ValueError: what is neither True nor False.
    """

    bfloat16: bool = False
    channels_last: bool = False
    device_type: str = "cpu"

    def __post_init__(self) -> None:
        check_flags(bfloat16=self.bfloat16, channels_last=self.channels_last)

    def __str__(self) -> str:
        number = "bfloat16" if self.bfloat16 else "float32"
        return f"{number}, channels last" if self.channels_last else number

    def autocast(self) -> AbstractContextManager[object]:
        """Within it, the networks compute in this precision."""
        if not self.bfloat16:
            return nullcontext()
        return torch.autocast(self.device_type, dtype=torch.bfloat16)

    def arrange(self, module: nn.Module) -> None:
        """Lay the module's weights out as this precision wants them, in place."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        for parameter in module.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=layout)


FLOAT32 = Precision()


def choose_precision(
    trial: Callable[[Precision], Callable[[], object]], device: torch.device
) -> Precision:
    """The fastest precision for this machine and model.

    On CUDA untried: bfloat16 with channels last on every card that has units for it (compute
    capability 8.0, Ampere), and float32 on older ones, which only emulate it. On a CPU each
    candidate runs a few steps of its own; a candidate is dropped after its first step when that
    takes three times as long as the best so far.

    Arguments:
        trial: given a precision, returns a function that runs one training step on a copy.
        device: where training will happen.
    """
    if device.type == "cuda":
        units = torch.cuda.get_device_capability(device) >= (8, 0)
        return Precision(bfloat16=units, channels_last=units, device_type="cuda")
    best, best_time = FLOAT32, float("inf")
    for candidate in (
        FLOAT32,
        Precision(channels_last=True),
        Precision(bfloat16=True),
        Precision(bfloat16=True, channels_last=True),
    ):
        step = trial(candidate)
        step()  # The first call sets kernels up.
        elapsed = _time_of(step)
        if elapsed < 3 * best_time:
            elapsed = min(elapsed, _time_of(step), _time_of(step))
        # A tie goes to the plainer one: a gain under 5 % is noise.
        if elapsed < 0.95 * best_time:
            best, best_time = candidate, elapsed
    return best


def _time_of(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start
