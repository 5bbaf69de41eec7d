"""Where the images that are measured come from: a run, or images somebody has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

BATCH = 500
"""Images of a run that are held at one time, where all are not needed at once."""


@runtime_checkable
class Sampler(Protocol):
    """What a `Run` offers, and all that a metric asks of one."""

    @property
    def latent_dim(self) -> int: ...

    @property
    def num_classes(self) -> int: ...

    def sample(self, latents: Tensor, labels: Tensor, step: int | None = None) -> Tensor:
        """(n, Z), int64 (n,) -> uint8 (n, C, H, W)."""
        ...


@dataclass(frozen=True)
class Drawn:
    """n images of a run, made batch by batch each time they are looked at, and never held.

    `drawn` makes one with latents of a seed.

    Attributes:
        run: what can `sample(latents, labels, step)`.
        latents: float32 (n, Z).
        labels: int64 (n,).
        step: of the checkpoint; None is the last.
        device: where the images go.
    """

    run: Sampler
    latents: Tensor
    labels: Tensor
    step: int | None = None
    device: torch.device | str = "cpu"

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, chosen: Tensor) -> Drawn:
        """Some of them, by bool (n,) or indices, as a tensor of images would give them."""
        return replace(self, latents=self.latents[chosen], labels=self.labels[chosen])

    def split(self, size: int) -> Iterator[Tensor]:
        """uint8 (up to size, C, H, W), one batch after the other, as `Tensor.split`."""
        for z, y in zip(self.latents.split(size), self.labels.split(size), strict=True):
            yield self.run.sample(z, y, self.step).to(self.device)


def drawn(
    run: Sampler,
    labels: Tensor,
    *,
    seed: int = 0,
    step: int | None = None,
    device: torch.device | str = "cpu",
) -> Drawn:
    """One image for each label, from the distribution the generator was trained on.

    Arguments:
        run: what can `sample(latents, labels, step)`.
        labels: int64 (n,).
        seed: of the latents; the same seed and n give the same latents for any labels.
        step: of the checkpoint; None is the last.
        device: where the images go.
    """
    draw = torch.Generator().manual_seed(seed)
    # Every generator of the kit learns from the standard normal: `models.draw_latents`.
    latents = torch.randn(len(labels), run.latent_dim, generator=draw)
    return Drawn(run, latents, labels.cpu(), step, device)


def draw_samples(run: Sampler, labels: Tensor, *, seed: int = 0, step: int | None = None) -> Tensor:
    """The images of `drawn`, all at once: uint8 (n, C, H, W)."""
    (images,) = drawn(run, labels, seed=seed, step=step).split(len(labels))
    return images


def stratified(labels: Tensor, n: int, num_classes: int, seed: int) -> Tensor:
    """Indices int64 (n,) of a random sample that keeps the frequencies of the classes.

    Each class gives its share of n, rounded so that they add up to n (largest remainder).
    """
    counts = torch.bincount(labels.cpu(), minlength=num_classes)
    return take(labels, apportion(counts, n), seed)


def apportion(counts: Tensor, n: int) -> Tensor:
    """int64 (K,): n split in proportion to counts int64 (K,), by largest remainder."""
    quota = counts.double() * n / counts.sum()
    share = quota.floor().long()
    left = n - int(share.sum())
    first = (share - quota).argsort(stable=True)[:left]
    share[first] += 1
    return share


def take(labels: Tensor, wanted: Tensor, seed: int) -> Tensor:
    """Random indices, ascending: wanted[k] samples (int64 (K,)) of class k, without repeats.

    Raises:
        ValueError: a class with fewer samples than wanted.
    """
    draw = torch.Generator().manual_seed(seed)
    labels = labels.cpu()
    chosen = []
    for k, count in enumerate(wanted.tolist()):
        members = torch.nonzero(labels == k).flatten()
        if len(members) < count:
            raise ValueError(
                f"class {k} has {len(members)} images but {count} are wanted; give a smaller n"
            )
        chosen.append(members[torch.randperm(len(members), generator=draw)[:count]])
    return torch.cat(chosen).sort().values
