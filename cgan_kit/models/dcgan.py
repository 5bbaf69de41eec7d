"""A small convolutional pair for images of 8 to 64 px, after DCGAN.

Radford et al. 2016, arXiv:1511.06434; with class-conditional batch normalisation in the
generator and no normalisation, or spectral normalisation, in the discriminator.
"""

from __future__ import annotations

import itertools
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan_kit.checks import check_counts, check_flags, check_shape
from cgan_kit.models.conditional_norm import ConditionalBatchNorm2d
from cgan_kit.models.interfaces import Discriminator, Generator, Judgement
from cgan_kit.spectral import add_spectral_norm

SIZES = (8, 16, 32, 64)


class DCGANGenerator(Generator):
    """z and y -> a 4×4 map -> doubled until it has the size of the image.

    Arguments:
        num_classes: K.
        sample_shape: (C, H, W), square, H one of 8, 16, 32, 64.
        latent_dim: Z.
        width: channels of the last map; each earlier one has twice as many.
        embedding_dim: length of the class vector put beside z.

    Raises:
        ValueError: a sample shape the pair is not made for; a count below 1.
    """

    def __init__(
        self,
        num_classes: int,
        sample_shape: tuple[int, ...],
        latent_dim: int = 32,
        width: int = 16,
        embedding_dim: int = 32,
    ) -> None:
        super().__init__()
        channels, doublings = check_image_shape(sample_shape)
        check_counts(
            num_classes=num_classes,
            latent_dim=latent_dim,
            width=width,
            embedding_dim=embedding_dim,
        )
        self.num_classes = num_classes
        self.sample_shape = tuple(sample_shape)
        self.latent_dim = latent_dim
        self.width = width
        self.embedding_dim = embedding_dim

        widths = [width * 2**i for i in range(doublings, -1, -1)]
        self.embedding = nn.Embedding(num_classes, embedding_dim)
        self.project = nn.Linear(latent_dim + embedding_dim, widths[0] * 16)
        self.norms = nn.ModuleList(ConditionalBatchNorm2d(w, num_classes) for w in widths)
        self.doublings = nn.ModuleList(
            nn.ConvTranspose2d(wide, narrow, 4, stride=2, padding=1, bias=False)
            for wide, narrow in itertools.pairwise(widths)
        )
        self.to_image = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """latents (n, Z), labels int64 (n,) -> images (n, C, H, W) in [-1, 1]."""
        joined = torch.cat([latents, self.embedding(labels)], dim=1)
        maps = self.project(joined).unflatten(1, (-1, 4, 4))
        maps = F.relu(self.norms[0](maps, labels))
        for double, norm in zip(self.doublings, self.norms[1:], strict=True):
            maps = F.relu(norm(double(maps), labels))
        return torch.tanh(self.to_image(maps))


class DCGANDiscriminator(Discriminator):
    """Halved by strided convolutions down to 2×2, then read as one feature vector.

    Arguments:
        sample_shape: (C, H, W), square, H one of 8, 16, 32, 64.
        width: channels after the first halving; doubled at each further one.
        spectral_norm: whether each layer's largest singular value is held at 1
            (Miyato et al. 2018, arXiv:1802.05957).
        pooling: how the last map becomes the feature vector: laid flat, or summed or
            averaged over its four places.

    Raises:
        ValueError: a sample shape the pair is not made for.
    """

    def __init__(
        self,
        sample_shape: tuple[int, ...],
        width: int = 16,
        spectral_norm: bool = False,
        pooling: Literal["flat", "sum", "mean"] = "flat",
    ) -> None:
        super().__init__()
        channels, doublings = check_image_shape(sample_shape)
        check_counts(width=width)
        check_flags(spectral_norm=spectral_norm)
        if pooling not in ("flat", "sum", "mean"):
            raise ValueError(f"pooling is {pooling!r}; choose 'flat', 'sum' or 'mean'")
        self.sample_shape = tuple(sample_shape)
        self.width = width
        self.spectral_norm = spectral_norm
        self.pooling = pooling

        widths = [channels] + [width * 2**i for i in range(doublings + 1)]
        self.halvings = nn.ModuleList(
            nn.Conv2d(narrow, wide, 4, stride=2, padding=1)
            for narrow, wide in itertools.pairwise(widths)
        )
        self.feature_dim = widths[-1] * (4 if pooling == "flat" else 1)
        self.to_score = nn.Linear(self.feature_dim, 1)
        if spectral_norm:
            add_spectral_norm(self)

    def forward(self, samples: Tensor) -> Judgement:
        """images (n, C, H, W) -> adversarial (n,), features (n, F)."""
        maps = samples
        for halve in self.halvings:
            maps = F.leaky_relu(halve(maps), 0.2)
        features = self._pool(maps)
        return Judgement(self.to_score(features).squeeze(1), features)

    def _pool(self, maps: Tensor) -> Tensor:
        if self.pooling == "sum":
            return maps.sum(dim=(2, 3))
        if self.pooling == "mean":
            return maps.mean(dim=(2, 3))
        return maps.flatten(1)


def check_image_shape(sample_shape: tuple[int, ...]) -> tuple[int, int]:
    """(channels, how often 4 px must be doubled to reach the image), or a clear error."""
    sample_shape = check_shape(sample_shape)
    if len(sample_shape) != 3 or sample_shape[1] != sample_shape[2]:
        raise ValueError(
            f"sample_shape is {sample_shape}; the DCGAN pair makes square images "
            "(C, H, H): crop or resize the images, or use the MLP pair for points"
        )
    channels, size, _ = sample_shape
    if size not in SIZES:
        raise ValueError(
            f"sample_shape is {sample_shape}: {size} px is not a size of the DCGAN "
            f"pair; load the images with size= one of {', '.join(map(str, SIZES))}"
        )
    return channels, size.bit_length() - 3
