"""How a probe looks at a training without touching it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cgan_kit.checks import check_counts
from cgan_kit.data import LabelledSet
from cgan_kit.models import draw_latents
from cgan_kit.training.step import Players

SEED = 20211101  # of what probes look at; training's own chance is never asked


@dataclass(frozen=True)
class Look:
    """What all probes share: how often they look, and at how many images.

    Arguments:
        every: steps between two looks, at least 1.
        n: images of either kind, at least 1; see `scene`.

    Raises:
        ValueError: a count below 1.
    """

    every: int = 50
    n: int = 128

    def __post_init__(self) -> None:
        check_counts(every=self.every, n=self.n)


class Scene(NamedTuple):
    """What all probes look at: the same real images, labels and latents at every step.

    real: float32 (n, ...), as the discriminator sees them.
    labels: int64 (n,), of the real images, and asked for in the fakes.
    latents: float32 (n, Z).
    """

    real: Tensor
    labels: Tensor
    latents: Tensor


def scene(players: Players, n: int) -> Scene:
    """n real images of the training set, its classes in turn, and as many latents.

    Nothing is remembered between calls, so a run that was stopped goes on with the same scene.
    """
    data, device = players.batches.data, next(players.gan.parameters()).device
    chosen = in_turn(data, n)
    random = torch.Generator().manual_seed(SEED)
    latents = draw_latents(len(chosen), players.gan.latent_dim, random).to(device)
    return Scene(data.real(chosen), data.labels[chosen], latents)


def in_turn(data: LabelledSet, n: int) -> Tensor:
    """int64 (min(n, N),): one sample of each class, then a second of each, and so on."""
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(SEED))
    labels = data.labels.cpu()[order]
    by_class = labels.argsort(stable=True)
    counts = labels.bincount()
    place = torch.empty_like(labels)  # of each sample among those of its class
    place[by_class] = torch.arange(len(labels)) - (counts.cumsum(0) - counts)[labels[by_class]]
    return order[place.argsort(stable=True)[:n]].to(data.device)


@contextmanager
def untouched(module: nn.Module) -> Iterator[None]:
    """Within it the networks may run as in training; afterwards everything is as it was.

    Running statistics of batch norms, the vectors of spectral norms and torch's own chance are
    put back. Gradients are nobody's: a probe asks `torch.autograd.grad`, which stores none.
    """
    kept = {name: buffer.clone() for name, buffer in module.named_buffers()}
    device = next(module.parameters()).device
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:  # a look that fails must not leave its trace in what is saved then
        with torch.no_grad():
            for name, buffer in module.named_buffers():
                buffer.copy_(kept[name])
