"""What a conditioning method is: a head on the features, and the two losses it adds.

To add a method, write one file with one subclass of `Conditioning` and name it in
`losses/__init__.py`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Judged(NamedTuple):
    """n images, the labels they are said to have, and what the discriminator made of them.

    images: (n, ...), as the discriminator saw them.
    labels: int64 (n,). For fake images, the classes the generator was asked for.
    scores: float32 (n,), the adversarial score, with what the conditioning adds to it.
    features: float32 (n, F).
    """

    images: Tensor
    labels: Tensor
    scores: Tensor
    features: Tensor


class Conditioning(nn.Module):
    """How labels enter the game. This one: not at all; the others override a part of it.

    A method may add to the adversarial score (`score`) and may add a loss to the
    discriminator's and the generator's (`discriminator_loss`, `generator_loss`). Its head
    is made by `attach`, once the size of the features and the number of classes are known,
    and learns together with the discriminator.
    """

    attached = False  # set by the GAN that made the head
    sample_shape: tuple[int, ...] | None = None  # of the images, where it reads them itself
    compares_images = False  # whether a loss looks at several images at once: see distributed

    def attach(self, feature_dim: int, num_classes: int) -> None:
        """Make the head for features (n, feature_dim) and labels in [0, num_classes)."""

    def score(self, features: Tensor, labels: Tensor) -> Tensor:
        """features (n, F), labels (n,) -> what is added to the adversarial score, (n,)."""
        return features.new_zeros(len(features))

    def discriminator_loss(self, real: Judged, fake: Judged) -> Tensor:
        """The loss added to the discriminator's: a scalar."""
        return real.scores.new_zeros(())

    def generator_loss(self, fake: Judged) -> Tensor:
        """The loss added to the generator's: a scalar."""
        return fake.scores.new_zeros(())

    @torch.no_grad()
    def observe(self, judged: Judged) -> dict[str, Tensor]:
        """Scalars worth writing into the history, such as the classifier's accuracy."""
        return {}


class NoConditioning(Conditioning):
    """Labels reach the generator but nothing asks it to obey them: the plain GAN.

    Goodfellow et al. 2014, arXiv:1406.2661, when the set has one class; with more, the
    floor every conditioning method is measured from.
    """
