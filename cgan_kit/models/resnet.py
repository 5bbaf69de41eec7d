"""SNGAN's residual pair for images of 32, 64 and 128 px.

Miyato et al. 2018, arXiv:1802.05957, tables of appendix B, with class-conditional batch
normalisation in the generator as in Miyato & Koyama 2018, arXiv:1802.05637. For 64 px there
is no table; here it is SNGAN's for 48 px, whose generator gets a stage more.

    gan = kit.GAN(
        kit.models.ResNetGenerator(num_classes=10, sample_shape=(3, 32, 32)),
        kit.models.ResNetDiscriminator(sample_shape=(3, 32, 32)),
        kit.losses.Projection(),
        kit.losses.hinge,
    )
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan_kit.checks import check_counts, check_flags
from cgan_kit.models.conditional_norm import ConditionalBatchNorm2d
from cgan_kit.models.interfaces import Discriminator, Generator, Judgement
from cgan_kit.models.residual import (
    DISCRIMINATOR_CHANNELS,
    GENERATOR_CHANNELS,
    HALVINGS,
    check_side,
    down_stages,
    up_stages,
)
from cgan_kit.spectral import add_spectral_norm


class ResNetGenerator(Generator):
    """z -> a 4×4 map -> doubled by residual blocks, in which the label scales and shifts.

    Arguments:
        num_classes: K.
        sample_shape: (C, H, W), square, H one of 32, 64, 128.
        latent_dim: Z.
        width: 64 as published; 256 channels at 32 px, 1024 to 64 above.
        depth: residual blocks at each size of the maps; 1 as published.

    Raises:
        ValueError: a sample shape the pair is not made for; a count below 1.
    """

    def __init__(
        self,
        num_classes: int,
        sample_shape: tuple[int, ...],
        latent_dim: int = 128,
        width: int = 64,
        depth: int = 1,
    ) -> None:
        super().__init__()
        channels, side = check_side(sample_shape, "ResNet")
        check_counts(num_classes=num_classes, latent_dim=latent_dim, width=width, depth=depth)
        self.num_classes = num_classes
        self.sample_shape = tuple(sample_shape)
        self.latent_dim = latent_dim
        self.width = width
        self.depth = depth

        widths = [width * times for times in GENERATOR_CHANNELS[side]]
        self.project = nn.Linear(latent_dim, widths[0] * 16)
        self.stages = up_stages(
            widths, depth, lambda channels: ConditionalBatchNorm2d(channels, num_classes)
        )
        self.norm = nn.BatchNorm2d(widths[-1])
        self.to_image = nn.Conv2d(widths[-1], channels, 3, padding=1)
        start_as_glorot(self)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """latents (n, Z), labels int64 (n,) -> images (n, C, H, W) in [-1, 1]."""
        maps = self.project(latents).unflatten(1, (-1, 4, 4))
        for stage in self.stages:
            maps = stage(maps, labels)
        return torch.tanh(self.to_image(F.relu(self.norm(maps))))


class ResNetDiscriminator(Discriminator):
    """Halved by residual blocks to 4×4 (8×8 for 32 px), then summed over places.

    Arguments:
        sample_shape: (C, H, W), square, H one of 32, 64, 128.
        width: 64 as published; 128 channels at 32 px, 64 to 1024 above.
        depth: residual blocks in each stage; 1 as published.
        spectral_norm: whether each layer's largest singular value is held at 1: see `spectral`.

    Raises:
        ValueError: a sample shape the pair is not made for; a count below 1.
    """

    def __init__(
        self,
        sample_shape: tuple[int, ...],
        width: int = 64,
        depth: int = 1,
        spectral_norm: bool = True,
    ) -> None:
        super().__init__()
        channels, side = check_side(sample_shape, "ResNet")
        check_counts(width=width, depth=depth)
        check_flags(spectral_norm=spectral_norm)
        self.sample_shape = tuple(sample_shape)
        self.width = width
        self.depth = depth
        self.spectral_norm = spectral_norm

        widths = [channels] + [width * times for times in DISCRIMINATOR_CHANNELS[side]]
        self.stages = nn.Sequential(*down_stages(widths, HALVINGS[side], depth, wide=False))
        self.feature_dim = widths[-1]
        self.to_score = nn.Linear(self.feature_dim, 1)
        start_as_glorot(self)
        if spectral_norm:
            add_spectral_norm(self)

    def forward(self, samples: Tensor) -> Judgement:
        """images (n, C, H, W) -> adversarial (n,), features (n, F)."""
        features = F.relu(self.stages(samples)).sum(dim=(2, 3))
        return Judgement(self.to_score(features).squeeze(1), features)


def start_as_glorot(network: nn.Module) -> None:
    """Glorot's uniform weights, √2 times as large in a block's two convolutions; no biases.

    As in the authors' released code: a relu lets half of the variance through.
    """
    for name, layer in network.named_modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            in_block = name.endswith(("conv1", "conv2"))
            nn.init.xavier_uniform_(layer.weight, gain=math.sqrt(2) if in_block else 1)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
