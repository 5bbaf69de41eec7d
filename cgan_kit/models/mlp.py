"""A fully connected pair for points: small enough to watch every sample move."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cgan_kit.checks import check_counts, check_flags, check_shape
from cgan_kit.models.interfaces import Discriminator, Generator, Judgement
from cgan_kit.spectral import add_spectral_norm


class MLPGenerator(Generator):
    """z and y -> two hidden layers -> a point.

    Arguments:
        num_classes: K.
        sample_shape: (D,).
        latent_dim: Z.
        width: units of each hidden layer.
        depth: number of hidden layers.
    """

    def __init__(
        self,
        num_classes: int,
        sample_shape: tuple[int, ...],
        latent_dim: int = 8,
        width: int = 64,
        depth: int = 2,
    ) -> None:
        super().__init__()
        check_counts(num_classes=num_classes, latent_dim=latent_dim, width=width, depth=depth)
        self.num_classes = num_classes
        self.sample_shape = _check_point_shape(sample_shape)
        self.latent_dim = latent_dim
        self.width = width
        self.depth = depth
        self.embedding = nn.Embedding(num_classes, latent_dim)
        self.layers = nn.Sequential(
            *_hidden_layers(2 * latent_dim, width, depth), nn.Linear(width, sample_shape[0])
        )

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """latents (n, Z), labels int64 (n,) -> points (n, D), unbounded."""
        points: Tensor = self.layers(torch.cat([latents, self.embedding(labels)], dim=1))
        return points


class MLPDiscriminator(Discriminator):
    """A point -> hidden layers (the last one is F(x)) -> one score.

    Arguments:
        sample_shape: (D,).
        width: units of each hidden layer, and the feature dimension.
        depth: number of hidden layers.
        spectral_norm: whether each layer's largest singular value is held at 1.
    """

    def __init__(
        self,
        sample_shape: tuple[int, ...],
        width: int = 64,
        depth: int = 2,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        check_counts(width=width, depth=depth)
        check_flags(spectral_norm=spectral_norm)
        self.sample_shape = _check_point_shape(sample_shape)
        self.width = width
        self.depth = depth
        self.spectral_norm = spectral_norm
        self.feature_dim = width
        self.layers = nn.Sequential(*_hidden_layers(sample_shape[0], width, depth))
        self.to_score = nn.Linear(width, 1)
        if spectral_norm:
            add_spectral_norm(self)

    def forward(self, samples: Tensor) -> Judgement:
        """points (n, D) -> adversarial (n,), features (n, width)."""
        features = self.layers(samples)
        return Judgement(self.to_score(features).squeeze(1), features)


def _hidden_layers(inputs: int, width: int, depth: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for i in range(depth):
        layers += [nn.Linear(inputs if i == 0 else width, width), nn.LeakyReLU(0.2)]
    return layers


def _check_point_shape(sample_shape: tuple[int, ...]) -> tuple[int, ...]:
    shape = check_shape(sample_shape)
    if len(shape) != 1:
        raise ValueError(
            f"sample_shape is {shape}; the MLP pair makes points (D,): "
            "use the DCGAN pair for images"
        )
    return shape
