"""A classifier trained beforehand in place of the auxiliary one: it never learns again."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import Self

from cgan_kit.losses.checks import check_weight
from cgan_kit.losses.conditioning import Conditioning, Judged


class FrozenClassifier(Conditioning):
    """The generator minimises the cross entropy of a fixed classifier of images.

    Odena et al. 2017, arXiv:1610.09585, ask what the auxiliary classifier adds to one that
    knows real images already. The discriminator gets no class loss and shares nothing with
    this classifier, so the generator may fool it: it was never shown a fake.

    Arguments:
        classifier: images (n, C, H, W) in [-1, 1] -> logits (n, K), such as
            `metrics.train_classifier` returns; a copy is kept, in evaluation mode. Its
            `num_classes` and `sample_shape`, where it has them, are held against the data's.
            Do not measure the generator with the same one.
        weight: λ, at least 0.

    Raises:
        ValueError: a weight out of its range; a classifier that is no module, or (when the
            GAN is built) one for another number of classes or for images of another shape.
    """

    def __init__(self, classifier: nn.Module, weight: float = 1.0) -> None:
        super().__init__()
        if not isinstance(classifier, nn.Module):
            raise ValueError(
                f"classifier is {classifier!r}; give a trained one: "
                "metrics.train_classifier(images)"
            )
        self.weight = check_weight(weight)
        self.classifier = copy.deepcopy(classifier).eval().requires_grad_(False)
        self.sample_shape = getattr(classifier, "sample_shape", None)

    def attach(self, feature_dim: int, num_classes: int) -> None:
        known = getattr(self.classifier, "num_classes", num_classes)
        if known != num_classes:
            raise ValueError(
                f"classifier knows {known} classes but the data has {num_classes}; "
                "train it on the same data"
            )

    def generator_loss(self, fake: Judged) -> Tensor:
        return self.weight * F.cross_entropy(self._logits(fake), fake.labels)

    @torch.no_grad()
    def observe(self, judged: Judged) -> dict[str, Tensor]:
        hits = self._logits(judged).argmax(dim=1) == judged.labels
        return {"accuracy": hits.float().mean()}

    def train(self, mode: bool = True) -> Self:
        """Never puts the classifier into training mode."""
        super().train(mode)
        self.classifier.eval()
        return self

    def _logits(self, judged: Judged) -> Tensor:
        shape = tuple(judged.images.shape[1:])
        if tuple(self.sample_shape or shape) != shape:
            raise ValueError(
                f"classifier reads images of {self.sample_shape} but is shown {shape}; "
                "train it on the same data"
            )
        logits: Tensor = self.classifier(judged.images.float())
        return logits
