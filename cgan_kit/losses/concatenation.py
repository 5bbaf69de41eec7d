"""Concatenation: the label is put beside the features, as in the first conditional GAN."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cgan_kit.checks import check_counts
from cgan_kit.losses.conditioning import Conditioning


class Concatenation(Conditioning):
    """Adds h([F(x), e_y]) to the adversarial score: e_y an embedding, h one hidden layer.

    Mirza & Osindero 2014, arXiv:1411.1784, equation 2: the discriminator sees D(x|y). They
    join the label to the image's hidden representation; here that is F(x). No loss is added.

    Arguments:
        width: units of h's hidden layer, and the length of e_y.

    Raises:
        ValueError: a width that is no whole number, or below 1.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        check_counts(width=width)
        self.width = width

    def attach(self, feature_dim: int, num_classes: int) -> None:
        self.embedding = nn.Embedding(num_classes, self.width)
        self.head = nn.Sequential(
            nn.Linear(feature_dim + self.width, self.width),
            nn.LeakyReLU(0.2),
            nn.Linear(self.width, 1),
        )

    def score(self, features: Tensor, labels: Tensor) -> Tensor:
        joined = torch.cat([features, self.embedding(labels)], dim=1)
        scores: Tensor = self.head(joined)
        return scores.squeeze(1)
