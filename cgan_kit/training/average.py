"""The exponential moving average of a generator's weights."""

from __future__ import annotations

import copy

import torch

from cgan_kit.models import Generator


def averaged_copy(generator: Generator) -> Generator:
    """A copy to keep the average in: evaluation mode, no gradients."""
    return copy.deepcopy(generator).eval().requires_grad_(False)


def decay_at(step: int, decay: float, start: int = 0) -> float:
    """The decay to use after `step` steps (from 1): never above step / (step + 10).

    With a fixed decay the average of a short run consists of its first, random weights for
    hundreds of steps. This way it reaches back over about the last tenth of the run, until
    `decay` is reached. Up to the step `start` it is 0: the average is a copy.
    """
    return 0.0 if step <= start else min(decay, step / (step + 10))


@torch.no_grad()
def update_average(average: Generator, generator: Generator, decay: float) -> None:
    """average <- decay * average + (1 - decay) * generator, in one fused operation.

    The running batch-norm statistics are averaged in the same way: they belong to the
    weights. Counters are copied. The averaged generator samples in evaluation mode.

    Arguments:
        decay: in [0, 1); 0 copies the generator.
    """
    ours, theirs = average.state_dict(), generator.state_dict()
    floating = [key for key, tensor in ours.items() if tensor.is_floating_point()]
    torch._foreach_lerp_(
        [ours[key] for key in floating], [theirs[key] for key in floating], 1 - decay
    )
    for key in ours.keys() - set(floating):
        ours[key].copy_(theirs[key])
