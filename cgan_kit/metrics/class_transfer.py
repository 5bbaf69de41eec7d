"""Are they of the right class, and do they show all of it? Let a classifier learn from them.

- GAN-train: learn from generated images, be tested on real ones. It falls when classes are
  mixed up *and* when their variety is missing, for what was not shown cannot be learned.
- GAN-test: learn from real images, be tested on generated ones. It falls when classes are
  mixed up only: one good image a class scores 1.

So GAN-train is near to recall and GAN-test to precision. Beside both stands the classifier that
learned from as many real images, tested on real ones.

Shmelkov et al. 2018; GAN-train is the classification accuracy score of Ravuri and
Vinyals 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor

from cgan_kit.metrics.checks import check_images, check_labels, check_same_range
from cgan_kit.metrics.classifier import fit_classifier
from cgan_kit.metrics.discriminability import Share, accuracy_by_class, wilson
from cgan_kit.metrics.samples import stratified
from cgan_kit.metrics.tables import table

if TYPE_CHECKING:
    from cgan_kit.data.imageset import ImageSet


class ClassTransfer(NamedTuple):
    """Accuracies over all images and by class (K of them), each with its interval.

    gan_train, gan_test: see above; real: learned from as many real images, tested on real ones.
    gan_train_by_class, gan_test_by_class, real_by_class: the same within each class.
    n: images that each of the two classifiers learned from.
    """

    gan_train: Share
    gan_test: Share
    real: Share
    gan_train_by_class: list[Share]
    gan_test_by_class: list[Share]
    real_by_class: list[Share]
    n: int

    def table(self, class_names: Sequence[str], decimals: int = 2) -> str:
        """The three accuracies, of all images and of each class, as plain text."""
        rows = zip(
            ("all", *class_names),
            (self.gan_train.value, *(share.value for share in self.gan_train_by_class)),
            (self.gan_test.value, *(share.value for share in self.gan_test_by_class)),
            (self.real.value, *(share.value for share in self.real_by_class)),
            strict=True,
        )
        return table(("", "GAN-train", "GAN-test", "real"), list(rows), decimals)


def class_transfer(
    images: Tensor,
    labels: Tensor,
    train: ImageSet,
    held_out: ImageSet,
    *,
    steps: int = 300,
    seed: int = 0,
) -> ClassTransfer:
    """GAN-train and GAN-test beside real images of the same number.

    Both classifiers start from the same weights and learn from n images, the smaller of the two
    numbers, each with its own class frequencies. GAN-test reads those n generated images. The
    intervals speak of the images tested, not of other seeds of the two classifiers: repeat with
    other seeds before a small difference is called one.

    Arguments:
        images: generated, uint8 or float in [-1, 1], (n, C, H, W).
        labels: int64 (n,), the class asked for.
        train, held_out: the two parts of the real set.
        steps, seed: of training each classifier.

    Raises:
        ValueError: images or labels of another kind or shape than those of `train`.
    """
    _check(images, labels, train)
    n = min(len(images), len(train))
    fake, real = (
        _part(some.to(train.device), of_class.to(train.device), n, train.num_classes, seed)
        for some, of_class in ((images, labels), (train.images, train.labels))
    )
    from_fake, from_real = (
        fit_classifier(*part, train.num_classes, steps=steps, seed=seed) for part in (fake, real)
    )
    tests = (
        accuracy_by_class(held_out.images, held_out.labels, from_fake),
        accuracy_by_class(*fake, from_real),
        accuracy_by_class(held_out.images, held_out.labels, from_real),
    )
    held_counts = held_out.class_counts()
    return ClassTransfer(
        _overall(tests[0], held_counts),
        _overall(tests[1], fake[1].bincount(minlength=train.num_classes)),
        _overall(tests[2], held_counts),
        *tests,
        n,
    )


def _part(
    images: Tensor, labels: Tensor, n: int, num_classes: int, seed: int
) -> tuple[Tensor, Tensor]:
    """n of them, with the class frequencies of all."""
    chosen = stratified(labels, n, num_classes, seed).to(images.device)
    return images[chosen], labels[chosen]


def _overall(by_class: list[Share], counts: Tensor) -> Share:
    hits = sum(share.value * n for share, n in zip(by_class, counts.tolist(), strict=True) if n)
    return wilson(round(hits), int(counts.sum()))


def _check(images: Tensor, labels: Tensor, train: ImageSet) -> None:
    check_images(images)
    check_labels(labels, len(images), train.num_classes)
    check_same_range(images, train.images)
    if tuple(images.shape[1:]) != train.sample_shape:
        raise ValueError(
            f"images are {tuple(images.shape[1:])} but train holds {train.sample_shape}; "
            "give images of the shape of the real ones"
        )
