"""What a row of the report may look at: some images, what was asked for, and who judges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cgan_kit.metrics.class_transfer import ClassTransfer, class_transfer
from cgan_kit.metrics.classifier import Classifier
from cgan_kit.metrics.discriminability import Discriminability, resolution_sweep
from cgan_kit.metrics.features import Extractor, classifier_features
from cgan_kit.metrics.neighbours import Neighbours, neighbours
from cgan_kit.metrics.oracle_metrics import OracleReport, report_reading
from cgan_kit.metrics.samples import BATCH, Drawn, Sampler
from cgan_kit.metrics.variance import variance_without_groups

if TYPE_CHECKING:
    from cgan_kit.data.imageset import ImageSet
    from cgan_kit.data.oracle import Oracle, Reading
    from cgan_kit.models.interfaces import Generator


@dataclass(frozen=True)
class Judges:
    """What all images of one report are judged by.

    Attributes:
        train, held_out: the two parts of the real set.
        classifier: trained on the training part.
        extractor: the space that distances are measured in.
        oracle: of the set, where it has one.
        k: neighbours.
        seed: of whatever a metric draws at random.
    """

    train: ImageSet
    held_out: ImageSet
    classifier: Classifier
    extractor: Extractor
    oracle: Oracle | None
    k: int
    seed: int


@dataclass(frozen=True)
class Subject:
    """Images with the class asked for; every reading of them is made once, when asked for.

    Attributes:
        source: the images, or the run that makes them batch by batch.
        labels: int64 (n,), the class asked for.
        judges: see there.
        reference: the held-out images to compare with; None for these themselves.
        real: training images of the same number and classes, compared with the same reference;
            None but for generated images.
        run, step: what made them; None where nobody knows.
        group: int64 (n,) on the CPU, from 0 up, for `without`; None where nobody asks.
    """

    source: Tensor | Drawn
    labels: Tensor
    judges: Judges
    reference: Subject | None = None
    real: Subject | None = None
    run: Sampler | None = None
    step: int | None = None
    group: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def k(self) -> int:
        return self.judges.k

    @property
    def num_classes(self) -> int:
        return self.judges.train.num_classes

    @cached_property
    def generator(self) -> Generator | None:
        """What made the images, for metrics that ask it further; None where nobody has it."""
        make = getattr(self.run, "generator", None)
        return None if make is None else make(self.step)

    @cached_property
    def images(self) -> Tensor:
        """(n, C, H, W), uint8 or float in [-1, 1]. From here on they are held in memory."""
        if isinstance(self.source, Tensor):
            return self.source
        return torch.cat(list(self.source.split(BATCH)))

    @cached_property
    def features(self) -> Tensor:
        """(n, d), of the judges' extractor."""
        return self.judges.extractor(self.source)

    @cached_property
    def probabilities(self) -> Tensor:
        """float32 (n, K): the classifier's answers; rows add up to 1."""
        own = classifier_features(self.judges.classifier)
        hidden = self.features if self.judges.extractor == own else own(self.source)
        with torch.no_grad():
            answers: Tensor = self.judges.classifier.head(hidden).softmax(dim=1)
        return answers

    @cached_property
    def predicted(self) -> Tensor:
        """int64 (n,): the likeliest class."""
        return self.probabilities.argmax(dim=1).to(self.labels.device)

    @cached_property
    def neighbours(self) -> Neighbours:
        return neighbours(self.beside.features, self.features, self.k)

    @property
    def variance(self) -> Tensor:
        """float64 (K,): see `within_class_variance`."""
        return self.variances[0]

    @cached_property
    def variances(self) -> Tensor:
        """float64 (1 + g, K): of all images, and without each group; see there."""
        group = torch.zeros(len(self), dtype=torch.int64) if self.group is None else self.group
        return variance_without_groups(self.source, self.labels, self.num_classes, group)

    @cached_property
    def reading(self) -> Reading:
        """The oracle's."""
        assert self.judges.oracle is not None
        parts = [self.judges.oracle.read(part) for part in self.source.split(BATCH)]
        columns = {key: torch.cat([p.factors[key] for p in parts]) for key in parts[0].factors}
        return type(parts[0])(
            torch.cat([part.labels for part in parts]),
            columns,
            torch.cat([part.distance for part in parts]),
            torch.cat([part.recognisable for part in parts]),
        )

    @cached_property
    def by_oracle(self) -> OracleReport:
        assert self.judges.oracle is not None
        return report_reading(self.reading, self.labels, self.judges.oracle)

    @cached_property
    def transfer(self) -> ClassTransfer:
        """GAN-train and GAN-test: trains two classifiers."""
        train, held_out = self.judges.train, self.judges.held_out
        return class_transfer(self.images, self.labels, train, held_out, seed=self.judges.seed)

    @cached_property
    def sweep(self) -> list[Discriminability]:
        """Class accuracy at full size, a half, a quarter, ..., beside the reference."""
        real = self.beside.images, self.beside.labels
        return resolution_sweep(self.images, self.labels, *real, self.judges.classifier)

    @property
    def beside(self) -> Subject:
        """The reference; for the reference itself, itself."""
        return self if self.reference is None else self.reference

    def without(self, left_out: int) -> Subject:
        """These images without one group; what was read of them is not read again."""
        assert self.group is not None
        kept = self.group != left_out
        return Part(
            source=self.source,
            labels=self.labels[kept.to(self.labels.device)],
            judges=self.judges,
            reference=self.reference,
            real=self.real,
            run=self.run,
            step=self.step,
            whole=self,
            left_out=left_out,
            kept=kept,
        )


@dataclass(frozen=True, kw_only=True)
class Part(Subject):
    """Those images of a whole, `source`, that are kept, bool (n,): without the group left out."""

    whole: Subject
    left_out: int
    kept: Tensor

    @cached_property
    def images(self) -> Tensor:
        return self._of(self.whole.images)

    @cached_property
    def features(self) -> Tensor:
        return self._of(self.whole.features)

    @property
    def variance(self) -> Tensor:
        return self.whole.variances[1 + self.left_out]

    @cached_property
    def probabilities(self) -> Tensor:
        return self._of(self.whole.probabilities)

    @cached_property
    def reading(self) -> Reading:
        labels, factors, distance, recognisable = self.whole.reading
        return type(self.whole.reading)(
            self._of(labels),
            {key: self._of(values) for key, values in factors.items()},
            self._of(distance),
            self._of(recognisable),
        )

    def _of(self, values: Tensor) -> Tensor:
        return values[self.kept.to(values.device)]
