"""What every generator and discriminator of the kit promises."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn


class Judgement(NamedTuple):
    """What a discriminator says of n images; it knows nothing of classes.

    adversarial: (n,), unbounded; larger means "looks real".
    features: (n, F), the vector F(x) every conditioning method builds on.
    """

    adversarial: Tensor
    features: Tensor


class Generator(nn.Module):
    """(latents float (n, Z), labels int64 (n,)) -> samples (n, *sample_shape) in [-1, 1].

    Points have no bounds; images do.
    """

    latent_dim: int
    num_classes: int
    sample_shape: tuple[int, ...]

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """float (n, latent_dim) and int64 (n,) in [0, num_classes) -> (n, *sample_shape)."""
        raise NotImplementedError


class Discriminator(nn.Module):
    """samples (n, *sample_shape) -> Judgement."""

    sample_shape: tuple[int, ...]
    feature_dim: int

    def forward(self, samples: Tensor) -> Judgement:
        """float (n, *sample_shape) -> Judgement((n,), (n, feature_dim))."""
        raise NotImplementedError
