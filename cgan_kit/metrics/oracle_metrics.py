"""What a rendered set allows: exact answers, for every image that could be right is known.

The oracle finds the nearest rendered image of any image, and with it a class and the factors
within the class (size, place, rotation, ...). So nothing here rests on a learned network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from cgan_kit.metrics.checks import check_images, check_labels
from cgan_kit.metrics.samples import Sampler, draw_samples
from cgan_kit.metrics.tables import table

if TYPE_CHECKING:
    from cgan_kit.data.oracle import Oracle, Reading


@dataclass(frozen=True)
class OracleReport:
    """What the oracle says of n images with the classes that were asked for.

    An image *counts* when it is recognisable and of the class asked for. A combination is one
    value of every factor; class k has m_k of them in the oracle's grid. Where a set leaves some
    of them out, perfect images reach less than is expected here: see the real value.

    Attributes:
        class_accuracy: share of all images whose nearest rendered image has the class asked.
        recognisable: share of all images within the oracle's threshold of a rendered image.
        counts: int64 (K,), images asked of each class.
        coverage_by_class: float64 (K,), share of the class's combinations that some counting
            image shows; NaN for a class that was not asked for.
        expected_by_class: float64 (K,), the same for as many perfect images, drawn uniformly
            with replacement: 1 - (1 - 1/m_k)^n_k.
        factor_counts: factor -> int64 (K, V), how many counting images of each class show
            each value.
        factor_coverage: factor -> share of its values shown, mean over the classes asked for.
    """

    class_accuracy: float
    recognisable: float
    counts: Tensor
    coverage_by_class: Tensor
    expected_by_class: Tensor
    factor_counts: dict[str, Tensor]
    factor_coverage: dict[str, float]

    @property
    def coverage(self) -> float:
        """Mean of `coverage_by_class` over the classes asked for."""
        return float(self.coverage_by_class.nanmean())

    @property
    def expected_coverage(self) -> float:
        """Mean of `expected_by_class` over the classes asked for: what perfect images reach."""
        return float(self.expected_by_class.nanmean())

    def marginal(self, factor: str) -> Tensor:
        """float64 (V,): share of each value among all counting images; NaN when none counts."""
        totals = self.factor_counts[factor].sum(dim=0).double()
        return totals / totals.sum()

    def table(self, class_names: Sequence[str], decimals: int = 2) -> str:
        """Coverage of each class beside that of as many perfect images, as plain text."""
        columns = (self.counts, self.coverage_by_class, self.expected_by_class)
        rows = list(zip(class_names, *(c.tolist() for c in columns), strict=True))
        return table(("", "images", "coverage", "perfect"), rows, decimals)

    def factor_table(
        self, factor_values: Mapping[str, Sequence[str | float]], decimals: int = 2
    ) -> str:
        """Share of each value of each factor among the counting images, as plain text."""
        rows = [
            (factor if v == 0 else "", str(value), share, 1 / len(values))
            for factor, values in factor_values.items()
            for v, (value, share) in enumerate(
                zip(values, self.marginal(factor).tolist(), strict=True)
            )
        ]
        return table(("", "value", "share", "even"), rows, decimals)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers and lists, ready for JSON; NaN becomes None."""
        return {
            "class_accuracy": self.class_accuracy,
            "recognisable": self.recognisable,
            "counts": self.counts.tolist(),
            "coverage_by_class": _plain(self.coverage_by_class),
            "expected_by_class": _plain(self.expected_by_class),
            "factor_counts": {key: value.tolist() for key, value in self.factor_counts.items()},
            "factor_coverage": self.factor_coverage,
        }


def oracle_report(images: Tensor, labels: Tensor, oracle: Oracle) -> OracleReport:
    """Class, recognisability and within-class coverage of images, by the oracle.

    Arguments:
        images: uint8 or float in [-1, 1], (n, C, H, W).
        labels: int64 (n,), the class asked for.
        oracle: of the set that the images imitate: `image_set.oracle()`.

    Raises:
        ValueError: images of another dtype, shape or range, NaN; labels out of range.
    """
    check_images(images)
    check_labels(labels, len(images), int(oracle.labels.max()) + 1)
    return report_reading(oracle.read(images), labels, oracle)


def report_reading(reading: Reading, labels: Tensor, oracle: Oracle) -> OracleReport:
    """`oracle_report` for images that the oracle has read; same arguments otherwise."""
    labels, read = labels.cpu(), reading.labels.cpu()
    num_classes = int(oracle.labels.max()) + 1
    asked = torch.bincount(labels, minlength=num_classes)
    right, recognisable = read == labels, reading.recognisable.cpu()
    counting = right & recognisable
    grid = _combinations(oracle.factors, oracle.factors)
    combinations = _combinations(reading.factors, oracle.factors)
    shown = _hits(labels[counting], combinations[counting], num_classes, int(grid.max()) + 1)
    grid_size = torch.bincount(oracle.labels.cpu(), minlength=num_classes).double()
    absent = asked == 0
    counts = {
        factor: _hits(
            labels[counting],
            values.cpu()[counting],
            num_classes,
            int(oracle.factors[factor].max()) + 1,
        )
        for factor, values in reading.factors.items()
    }
    return OracleReport(
        class_accuracy=float(right.double().mean()),
        recognisable=float(recognisable.double().mean()),
        counts=asked,
        coverage_by_class=((shown > 0).sum(1) / grid_size).masked_fill(absent, torch.nan),
        expected_by_class=(1 - (1 - 1 / grid_size) ** asked).masked_fill(absent, torch.nan),
        factor_counts=counts,
        factor_coverage={
            factor: float((hits[~absent] > 0).double().mean()) for factor, hits in counts.items()
        },
    )


class Kept(NamedTuple):
    """How often two classes show the same value of a factor for the same z.

    agreement: share of pairs of classes, over all z, that agree.
    chance: the share that would agree if z had nothing to do with it, from how often each
        class shows each value. 1 where every class shows one and the same value.
    pairs: how many pairs were compared. With 0, the two shares are NaN.
    """

    agreement: float
    chance: float
    pairs: int


def kept_across_classes(readings: Sequence[Reading]) -> dict[str, Kept]:
    """What a fixed z keeps when only the class changes: factor -> `Kept`.

    Only recognisable images are compared, for the factors of the others mean nothing.
    Agreement above chance is what z carries across classes.

    Arguments:
        readings: one a class, each of n images that were made from the same n latents in the
            same order; see `read_across_classes`.

    Raises:
        ValueError: fewer than two classes, or readings of different lengths.
    """
    lengths = [len(reading.labels) for reading in readings]
    if len(readings) < 2 or len(set(lengths)) > 1:
        raise ValueError(
            f"readings hold {lengths} images; give one reading a class, for two classes or "
            "more, all made from the same latents"
        )
    usable = torch.stack([reading.recognisable for reading in readings]).cpu()
    return {
        factor: _kept(torch.stack([r.factors[factor] for r in readings]).cpu(), usable)
        for factor in readings[0].factors
    }


def read_across_classes(
    run: Sampler, oracle: Oracle, n: int = 64, *, seed: int = 0, step: int | None = None
) -> list[Reading]:
    """The oracle's readings of n fixed latents in every class, for `kept_across_classes`.

    Arguments:
        run: what can `sample(latents, labels, step)`.
        oracle: of the set the run learned.
        n: latents, at least 1; they are drawn once and serve every class.
        seed: of the latents.
        step: of the checkpoint; None is the last.
    """
    return [
        oracle.read(draw_samples(run, torch.full((n,), k), seed=seed, step=step))
        for k in range(run.num_classes)
    ]


def kept_table(kept: Mapping[str, Kept], decimals: int = 2) -> str:
    """`kept_across_classes` as plain text."""
    rows = [(factor, answer.agreement, answer.chance) for factor, answer in kept.items()]
    return table(("", "kept", "chance"), rows, decimals)


def _kept(values: Tensor, usable: Tensor) -> Kept:
    """`Kept` of one factor: values int64 (K, n), usable bool (K, n)."""
    # One-hot, with a row of zeros where an image is not usable: products then count agreements.
    hot = torch.nn.functional.one_hot(values).double() * usable[..., None]
    agree = torch.einsum("anv,bnv->ab", hot, hot)
    pairs = usable.double() @ usable.double().T
    share = hot.sum(dim=1) / usable.sum(dim=1, keepdim=True).clamp(min=1)
    chance = share @ share.T
    upper = torch.ones_like(pairs, dtype=torch.bool).triu(diagonal=1)
    total = float(pairs[upper].sum())
    if total == 0:
        return Kept(float("nan"), float("nan"), 0)
    return Kept(
        agreement=float(agree[upper].sum()) / total,
        chance=float((chance * pairs)[upper].sum()) / total,
        pairs=int(total),
    )


def _combinations(factors: Mapping[str, Tensor], grid: Mapping[str, Tensor]) -> Tensor:
    """int64 (n,): one number for each combination of factor values."""
    number = torch.zeros(len(next(iter(grid.values()))), dtype=torch.int64)
    for j, (factor, every) in enumerate(grid.items()):
        base = int(every.max()) + 1
        values = factors[factor].cpu()
        number = values if j == 0 else number * base + values
    return number


def _hits(labels: Tensor, values: Tensor, num_classes: int, num_values: int) -> Tensor:
    """int64 (K, V): how many samples of each class show each value."""
    flat = torch.bincount(labels * num_values + values, minlength=num_classes * num_values)
    return flat.view(num_classes, num_values)


def _plain(values: Tensor) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]
