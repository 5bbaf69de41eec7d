"""One call, one table: generated images beside real ones of the same number.

No number here means much alone. So every row is measured twice: for the generated images, and
for as many real ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from cgan_kit.metrics.checks import check_images, check_labels, check_same_range
from cgan_kit.metrics.classifier import Classifier, train_classifier
from cgan_kit.metrics.neighbours import Neighbours, neighbours
from cgan_kit.metrics.oracle_metrics import OracleReport, oracle_report
from cgan_kit.metrics.report import Report, Value
from cgan_kit.metrics.samples import Sampler, draw_samples, stratified, take
from cgan_kit.metrics.variance import variance_ratio, within_class_variance

if TYPE_CHECKING:
    from cgan_kit.data.imageset import ImageSet
    from cgan_kit.data.oracle import Oracle

MAX_REFERENCE = 2000
"""Images in the reference unless n says otherwise: k-NN metrics on two cores take seconds."""


@dataclass(frozen=True)
class Subject:
    """Images with the class asked for, and what judges them; every reading is made once.

    Attributes:
        images: uint8 or float in [-1, 1], (n, C, H, W); labels: int64 (n,).
        classifier: trained on real images that are not the reference.
        oracle: of the set, where it has one.
        k: neighbours.
        reference: what to compare with; None for the reference itself.
    """

    images: Tensor
    labels: Tensor
    classifier: Classifier
    oracle: Oracle | None
    k: int
    reference: Subject | None

    @cached_property
    def features(self) -> Tensor:
        return self.classifier.features(self.images)

    @cached_property
    def predicted(self) -> Tensor:
        return self.classifier.predict(self.images).to(self.labels.device)

    @cached_property
    def neighbours(self) -> Neighbours:
        assert self.reference is not None
        return neighbours(self.reference.features, self.features, self.k)

    @cached_property
    def variance(self) -> Tensor:
        return within_class_variance(self.images, self.labels, self.classifier.num_classes)

    @cached_property
    def by_oracle(self) -> OracleReport:
        assert self.oracle is not None
        return oracle_report(self.images, self.labels, self.oracle)


class Metric(NamedTuple):
    """One row of the report.

    name: as it is printed and stored.
    measure: of some images; it may look at their reference.
    perfect: what as many perfect images would score in expectation, where that is known.
    paired: whether `measure` compares with the reference. If so, its real value is that of
        training images beside the reference. If not, it is that of the reference itself,
        which the classifier has not seen.
    by_oracle: only for sets with an oracle.
    """

    name: str
    measure: Callable[[Subject], float]
    perfect: Callable[[Subject], float] = lambda _: float("nan")
    paired: bool = False
    by_oracle: bool = False


def _accuracy(subject: Subject) -> float:
    return float((subject.predicted == subject.labels).cpu().double().mean())


def _one(_: Subject) -> float:
    return 1.0


def _variance(subject: Subject) -> float:
    assert subject.reference is not None
    return variance_ratio(subject.variance, subject.reference.variance)


METRICS: tuple[Metric, ...] = (
    Metric("class accuracy (classifier)", _accuracy),
    Metric("class accuracy (oracle)", lambda s: s.by_oracle.class_accuracy, by_oracle=True),
    Metric("recognisable share", lambda s: s.by_oracle.recognisable, _one, by_oracle=True),
    Metric("precision", lambda s: s.neighbours.precision, paired=True),
    Metric("recall", lambda s: s.neighbours.recall, paired=True),
    Metric("density", lambda s: s.neighbours.density, _one, paired=True),
    Metric("coverage", lambda s: s.neighbours.coverage, lambda s: 1 - 2.0**-s.k, paired=True),
    Metric("within-class pixel variance", _variance, _one, paired=True),
    Metric(
        "within-class combinations",
        lambda s: s.by_oracle.coverage,
        lambda s: s.by_oracle.expected_coverage,
        by_oracle=True,
    ),
)
"""The rows of the report, in order. A new metric is one more line here."""


def evaluate(
    generated: Sampler | tuple[Tensor, Tensor],
    image_set: ImageSet | tuple[ImageSet, ImageSet],
    *,
    n: int | None = None,
    k: int = 5,
    seed: int = 0,
    step: int | None = None,
    classifier: Classifier | None = None,
    metrics: tuple[Metric, ...] = METRICS,
) -> Report:
    """Measures generated images beside real ones of the same number.

    Protocol. The set is split; a classifier learns the training part. The reference is the
    held-out part, or a random sample of n of it. The generated images have the classes of the
    reference in the same frequencies. The real value of a row that compares with the
    reference is that of as many images of the training part, drawn without repeats, of the
    same classes. The real value of any other row is that of the reference itself.

    Arguments:
        generated: a run, or (images, labels): uint8 or float in [-1, 1], (n, C, H, W), with
            the class asked for, int64 (n,).
        image_set: what the generator learned from, split here as `image_set.split()` does; or
            a pair (training part, held-out part).
        n: images on each side; by default as many as there are, up to `MAX_REFERENCE`.
        k: neighbours, for precision, recall, density and coverage.
        seed: of latents, of samples from the set, and of the classifier.
        step: of the run's checkpoint; None is the last.
        classifier: one from `train_classifier` on the training part, to measure many times
            with the same one; by default one is trained, which takes seconds.
        metrics: the rows.

    Raises:
        ValueError: images that are not images of the set, labels out of range, a class
            without images, n that is more than there are or not more than k, a set of points.
    """
    train, held_out = _parts(image_set)
    n = _number(n, k, generated, train, held_out)
    reference = held_out.subset(stratified(held_out.labels, n, held_out.num_classes, seed))
    images, labels = _generated(generated, reference, n, seed, step)
    real = train.subset(take(train.labels, reference.class_counts(), seed))
    if classifier is None:
        classifier = train_classifier(train, held_out, seed=seed)
    _check_classifier(classifier, train)
    oracle = reference.oracle() if hasattr(reference, "oracle") else None
    base = Subject(reference.images, reference.labels, classifier, oracle, k, None)
    fake = Subject(images.to(train.device), labels.to(train.device), classifier, oracle, k, base)
    true = Subject(real.images, real.labels, classifier, oracle, k, base)
    values = {
        row.name: Value(
            row.measure(fake), row.measure(true if row.paired else base), row.perfect(fake)
        )
        for row in metrics
        if oracle is not None or not row.by_oracle
    }
    protocol = {
        **_origin(generated, step, seed),
        "data": train.name,
        "n": n,
        "k": k,
        "reference": f"{n} of {len(held_out)} held-out images",
        "real": f"{n} of {len(train)} training images, without repeats",
        "features": f"classifier of the training part, {base.features.shape[1]} dimensions",
        "classifier_accuracy": classifier.accuracy,
        "seed": seed,
    }
    return Report(values, protocol, fake.by_oracle if oracle is not None else None)


def _parts(image_set: ImageSet | tuple[ImageSet, ImageSet]) -> tuple[ImageSet, ImageSet]:
    train, held_out = image_set if isinstance(image_set, tuple) else image_set.split()
    for part in (train, held_out):
        if not hasattr(part, "images"):
            raise ValueError(f"image_set is {part!r}, which holds no images; give a set of images")
    if (train.sample_shape, train.class_names) != (held_out.sample_shape, held_out.class_names):
        raise ValueError(
            f"image_set is the pair {train!r} and {held_out!r}; give two parts of one set"
        )
    return train, held_out


def _number(
    n: int | None,
    k: int,
    generated: Sampler | tuple[Tensor, Tensor],
    train: ImageSet,
    held_out: ImageSet,
) -> int:
    most = {"held-out": len(held_out), "training": len(train)}
    if isinstance(generated, tuple):
        most["generated"] = len(generated[0])
    if n is None:
        n = min(MAX_REFERENCE, *most.values())
    for name, available in most.items():
        if n > available:
            raise ValueError(f"n is {n} but there are {available} {name} images; give a smaller n")
    if n <= max(k, held_out.num_classes):
        raise ValueError(
            f"n is {n}, too few for k = {k} neighbours and {held_out.num_classes} classes; "
            f"measure at least {max(k, held_out.num_classes) + 1} images"
        )
    return n


def _generated(
    generated: Sampler | tuple[Tensor, Tensor],
    reference: ImageSet,
    n: int,
    seed: int,
    step: int | None,
) -> tuple[Tensor, Tensor]:
    """n images with labels, checked against the reference."""
    if not isinstance(generated, tuple):
        if generated.num_classes != reference.num_classes:
            raise ValueError(
                f"the run has {generated.num_classes} classes but the set has "
                f"{reference.num_classes}; give the set that the run learned"
            )
        labels = reference.labels.cpu()
        images = draw_samples(generated, labels, seed=seed, step=step)
    else:
        images, labels = generated
    if tuple(images.shape[1:]) != reference.sample_shape:
        raise ValueError(
            f"generated images have shape {tuple(images.shape)} but those of the set are "
            f"{reference.sample_shape}; give the set that the generator learned, at its size"
        )
    check_images(images, "generated images")
    check_same_range(images, reference.images, "generated images")
    check_labels(labels, len(images), reference.num_classes)
    _check_classes(labels, reference)
    if len(images) > n:
        chosen = stratified(labels, n, reference.num_classes, seed).to(images.device)
        images, labels = images[chosen], labels.to(images.device)[chosen]
    return images, labels


def _check_classes(labels: Tensor, reference: ImageSet) -> None:
    counts = torch.bincount(labels, minlength=reference.num_classes)
    for k, (asked, there) in enumerate(
        zip(counts.tolist(), reference.class_counts().tolist(), strict=True)
    ):
        if there and not asked:
            raise ValueError(
                f"class {reference.class_names[k]!r} has no generated image but "
                f"{there} in the reference; generate every class, as often as the set has it"
            )


def _check_classifier(classifier: Classifier, train: ImageSet) -> None:
    if (classifier.sample_shape, classifier.num_classes) != (train.sample_shape, train.num_classes):
        raise ValueError(
            f"the classifier was trained on {classifier.num_classes} classes of images "
            f"{classifier.sample_shape} but the set has {train.num_classes} of "
            f"{train.sample_shape}; train one with train_classifier(train, held_out)"
        )


def _origin(
    generated: Sampler | tuple[Tensor, Tensor], step: int | None, seed: int
) -> dict[str, Any]:
    if isinstance(generated, tuple):
        return {"source": "images as given", "labels": "as given"}
    return {
        "source": "run",
        "step": step if step is not None else getattr(generated, "steps", [None])[-1],
        "weights": "averaged (EMA)",
        "batch_norm": "running averages",
        "latents": f"standard normal, seed {seed}",
        "labels": "frequencies of the reference",
    }
