"""The same few questions to any images, beside one reference: made for breaking things.

`evaluate` measures one run with care. A `Bench` measures the same reference again and again, fast
enough for a slider, and knows beforehand what real images would score: it deals real images
that no network has seen into two halves, takes one for the reference and the other for a perfect
generator, and measures. Then it deals anew, twenty times. The lowest and the highest value are
the `Floor`. Among perfect generators, few lie outside.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from cgan_kit.metrics.checks import check_images, check_labels, check_same_range
from cgan_kit.metrics.classifier import Classifier
from cgan_kit.metrics.discriminability import Share
from cgan_kit.metrics.features import classifier_features
from cgan_kit.metrics.frechet import intra_class_frechet
from cgan_kit.metrics.intervals import deal
from cgan_kit.metrics.rows import METRICS, SLOW_METRICS, Metric
from cgan_kit.metrics.subject import Judges, Subject

if TYPE_CHECKING:
    from cgan_kit.data.imageset import ImageSet


class Floor(NamedTuple):
    """What as many real images score, over all deals."""

    low: float
    mean: float
    high: float

    def side(self, value: float) -> int:
        """-1 below every deal, 1 above every deal, else 0; NaN lies nowhere, which is 0 too."""
        return int(value > self.high) - int(value < self.low)


class Gauge(NamedTuple):
    """A metric, and the direction in which things get worse: 1 up, -1 down."""

    metric: Metric
    worse: int

    @property
    def name(self) -> str:
        return self.metric.name


def _within_classes(subject: Subject) -> float:
    base = subject.beside
    given = base.features, base.labels, subject.features, subject.labels, subject.num_classes
    with warnings.catch_warnings():
        # Of few images a class: the floor stands beside, which is what it asks for.
        warnings.simplefilter("ignore", UserWarning)
        return float(intra_class_frechet(*given).nanmean())


_BY_NAME = {metric.name: metric for metric in METRICS + SLOW_METRICS}

GAUGES: tuple[Gauge, ...] = (
    Gauge(_BY_NAME["class accuracy (classifier)"], -1),
    Gauge(_BY_NAME["precision"], -1),
    Gauge(_BY_NAME["recall"], -1),
    Gauge(_BY_NAME["coverage"], -1),
    Gauge(_BY_NAME["within-class MS-SSIM"], 1),
    Gauge(_BY_NAME["within-class Vendi score"], -1),
    Gauge(_BY_NAME["Fréchet distance"], 1),
    Gauge(Metric("Fréchet distance within classes", _within_classes, paired=True), 1),
)
"""What a bench asks, in order: right class, clear, varied, the whole."""


class Bench:
    """One reference, a few metrics, and what perfect samples of this size score.

    Arguments:
        train: what the classifier learned.
        unseen: real images that no network has learned from; half of each class becomes the
            reference, the other half the sample.
        classifier: of `train`; its hidden layer is the space for distances.
        gauges: the metrics. Each must answer without an oracle.
        deals: divisions of `unseen` for the floor, the bench's own among them; at least 2.
        k: neighbours.
        seed: of the first deal; the bench's own.

    Attributes:
        reference, sample: the two halves of the bench's own deal, one part of `unseen` each.
        floors: name of a metric -> `Floor`.

    Raises:
        ValueError: fewer than 2 deals; halves with no more images than k; a classifier of
            another shape.
    """

    def __init__(
        self,
        train: ImageSet,
        unseen: ImageSet,
        classifier: Classifier,
        *,
        gauges: tuple[Gauge, ...] = GAUGES,
        deals: int = 20,
        k: int = 5,
        seed: int = 0,
    ) -> None:
        if deals < 2:
            raise ValueError(f"deals is {deals}; give at least 2, such as 20, for a range")
        if len(unseen) < 2 * (k + 1):
            raise ValueError(
                f"unseen holds {len(unseen)} images, but either half needs {k + 1} for k = {k}; "
                "hold out more"
            )
        self.gauges = gauges
        extractor = classifier_features(classifier)
        self.judges = Judges(train, unseen, classifier, extractor, None, k, seed)
        self._features = extractor(unseen.images)
        self._deal(seed)
        self.floors = self._measure_floors(range(seed, seed + deals))

    def __repr__(self) -> str:
        return (
            f"Bench: {len(self.gauges)} metrics beside {len(self.reference)} real images "
            f"of {self.reference.name}"
        )

    def dealt(self, seed: int) -> Bench:
        """A bench with the same floors, and halves dealt anew: another draw of real images.

        The floors' own deals have the seeds from the bench's up; others are fresh.
        """
        again = copy.copy(self)
        again._deal(seed)
        return again

    def outside(self, values: Mapping[str, float]) -> dict[str, int]:
        """Of `measure`'s values, those that no deal of real images had: -1 below, 1 above."""
        sides = {name: self.floors[name].side(value) for name, value in values.items()}
        return {name: side for name, side in sides.items() if side}

    def measure(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Every metric of these images, by name.

        Values for another number of images than `len(bench.sample)` do not compare with the
        floors.

        Arguments:
            images: uint8 or float in [-1, 1], (n, C, H, W), n above k.
            labels: int64 (n,), the class asked for.

        Raises:
            ValueError: images or labels of another kind; too few.
        """
        check_images(images)
        check_same_range(images, self.reference.images)
        check_labels(labels, len(images), self.reference.num_classes)
        return self._ask(Subject(images, labels, self.judges, self._base))

    def _deal(self, seed: int) -> None:
        unseen = self.judges.held_out
        group = deal(unseen.labels, 2, seed)
        self.reference = unseen.subset(torch.nonzero(group == 0).flatten())
        self.sample = unseen.subset(torch.nonzero(group == 1).flatten())
        self._base = self._half(group == 0)

    def _half(self, kept: Tensor, base: Subject | None = None) -> Subject:
        unseen, features = self.judges.held_out, self._features
        kept = kept.to(unseen.device)
        half = Subject(unseen.images[kept], unseen.labels[kept], self.judges, base)
        # Read once for all deals, and put where the subject would keep its own reading.
        vars(half)["features"] = features[kept.to(features.device)]
        return half

    def _measure_floors(self, seeds: range) -> dict[str, Floor]:
        found = []
        for seed in seeds:
            group = deal(self.judges.held_out.labels, 2, seed)
            base = self._half(group == 0)
            found.append(self._ask(self._half(group == 1, base)))
        columns = {gauge.name: [each[gauge.name] for each in found] for gauge in self.gauges}
        return {
            name: Floor(min(values), math.fsum(values) / len(values), max(values))
            for name, values in columns.items()
        }

    def _ask(self, subject: Subject) -> dict[str, float]:
        answers = {gauge.name: gauge.metric.measure(subject) for gauge in self.gauges}
        return {
            name: answer.value if isinstance(answer, Share) else answer
            for name, answer in answers.items()
        }
