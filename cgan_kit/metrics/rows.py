"""The rows of a report: the question each one answers, in one line each.

`METRICS` are cheap enough for every report. `SLOW_METRICS` take seconds to minutes each, and
are added by hand: `evaluate(run, data, metrics=METRICS + SLOW_METRICS)`, or some of them.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from scipy.stats import t as student
from torch import Tensor

from cgan_kit.metrics.discriminability import Share
from cgan_kit.metrics.fixed_classes import frechet_floor_in_classes, kid_floor_in_classes
from cgan_kit.metrics.frechet import (
    BLOCKS,
    class_aware_frechet,
    frechet_distance,
    frechet_infinity,
)
from cgan_kit.metrics.inception_score import am_score, inception_score, perfect_inception_score
from cgan_kit.metrics.kid import kid
from cgan_kit.metrics.memorisation import (
    HeldOut,
    compare_recovery,
    held_out_reading,
    latent_recovery,
    pixel_neighbours,
)
from cgan_kit.metrics.samples import stratified
from cgan_kit.metrics.similarity import class_similarity
from cgan_kit.metrics.subject import Subject
from cgan_kit.metrics.variance import variance_ratio
from cgan_kit.metrics.vendi import vendi_by_class

if TYPE_CHECKING:
    from cgan_kit.data.rendered import RenderedSet

Measured = float | Share
"""A number, or one that brings its interval; the latter as a `Share`, even where it is none."""

RECOVERED = 64
"""Images of either part that `latent recovery` searches for."""


def unknown(_: Subject) -> float:
    """What is not known, or does not exist."""
    return math.nan


class Metric(NamedTuple):
    """One row of the report.

    name: as it is printed and stored.
    measure: of the generated images; it may look at their reference. A `Share` brings its own
        interval; for a number, `evaluate` finds one.
    perfect: what as many perfect images would score in expectation, where that is known.
    paired: whether `measure` compares with the reference. If so, its real value is that of
        training images beside the reference. If not, it is that of the reference itself,
        which the classifier has not seen.
    by_oracle: only for sets with an oracle.
    share: whether the value is a share, in [0, 1]; its interval then stays there.
    real: the real value, from the generated images' subject, where it comes about in another
        way than `paired` says.
    repeat: whether the interval may measure twenty times more. No interval otherwise.
    """

    name: str
    measure: Callable[[Subject], Measured]
    perfect: Callable[[Subject], float] = unknown
    paired: bool = False
    by_oracle: bool = False
    share: bool = False
    real: Callable[[Subject], float] | None = None
    repeat: bool = True


def _one(_: Subject) -> float:
    return 1.0


def _zero(_: Subject) -> float:
    return 0.0


def _accuracy(subject: Subject) -> float:
    return float((subject.predicted == subject.labels).cpu().double().mean())


def _variance(subject: Subject) -> float:
    return variance_ratio(subject.variance, subject.beside.variance)


def _vendi(subject: Subject) -> float:
    """Mean over the classes; NaN where an image's features are all 0 and have no direction."""
    base = subject.beside
    if any(bool((s.features == 0).all(dim=1).any()) for s in (subject, base)):
        return math.nan
    labels = subject.labels, base.labels
    scores = vendi_by_class(
        subject.features, labels[0], base.features, labels[1], subject.num_classes
    )
    return float(scores.generated.nanmean())


def _frechet(subject: Subject) -> float:
    return frechet_distance(subject.beside.features, subject.features)


def _all_real(subject: Subject) -> tuple[Tensor, Tensor]:
    """Features and labels of both real samples, for formulas that want many."""
    real = [each for each in (subject.reference, subject.real) if each is not None]
    return torch.cat([s.features for s in real]), torch.cat([s.labels for s in real])


def _frechet_floor(subject: Subject) -> float:
    return frechet_floor_in_classes(*_all_real(subject), len(subject), len(subject.beside))


def _class_aware(subject: Subject) -> float:
    base = subject.beside
    with warnings.catch_warnings():
        # Of few images a class: the real value stands beside, which is what it asks for.
        warnings.simplefilter("ignore", UserWarning)
        return class_aware_frechet(
            base.features, base.probabilities, subject.features, subject.probabilities
        )


def _kid(subject: Subject) -> float:
    return kid(subject.beside.features, subject.features, permutations=0).value


def _kid_floor(subject: Subject) -> float:
    return kid_floor_in_classes(*_all_real(subject), len(subject), len(subject.beside))


METRICS: tuple[Metric, ...] = (
    Metric("class accuracy (classifier)", _accuracy, share=True),
    Metric(
        "class accuracy (oracle)", lambda s: s.by_oracle.class_accuracy, by_oracle=True, share=True
    ),
    Metric(
        "recognisable share",
        lambda s: s.by_oracle.recognisable,
        _one,
        by_oracle=True,
        share=True,
    ),
    Metric("precision", lambda s: s.neighbours.precision, paired=True, share=True),
    Metric("recall", lambda s: s.neighbours.recall, paired=True, share=True),
    Metric("density", lambda s: s.neighbours.density, _one, paired=True),
    Metric("coverage", lambda s: s.neighbours.coverage, lambda s: 1 - 2.0**-s.k, True, share=True),
    Metric("within-class pixel variance", _variance, _one, paired=True),
    Metric("within-class Vendi score", _vendi, paired=True),
    Metric(
        "within-class combinations",
        lambda s: s.by_oracle.coverage,
        lambda s: s.by_oracle.expected_coverage,
        by_oracle=True,
        share=True,
    ),
    Metric("Fréchet distance", _frechet, _frechet_floor, paired=True),
    Metric("class-aware Fréchet distance", _class_aware, paired=True),
    Metric("KID", _kid, _kid_floor, paired=True),
)
"""The rows of a report, in order. A new metric is one more line."""


def _similarity(subject: Subject) -> float:
    seed = subject.judges.seed
    found = class_similarity(subject.images, subject.labels, subject.num_classes, seed=seed)
    return float(found.mean.nanmean())


def _frechet_infinity(subject: Subject) -> Share:
    base = subject.beside
    value, error = frechet_infinity(base.features, subject.features, seed=subject.judges.seed)
    half = float(student.ppf(0.975, BLOCKS - 1)) * error
    return Share(value, value - half, value + half)


def _am_score(subject: Subject) -> float:
    return am_score(subject.probabilities, subject.judges.train.class_counts()).value


def _perfect_inception_score(subject: Subject) -> float:
    # Each class has its exact share of n, and there is one split: nothing is lost to chance.
    return perfect_inception_score(subject.labels.bincount(), 10**9, splits=1)


def _nearest_is_training(subject: Subject) -> Share:
    judges = subject.judges
    return pixel_neighbours(subject.images, judges.train.images, judges.held_out.images).train_share


def _never_trained_on(subject: Subject) -> HeldOut:
    train = cast("RenderedSet", subject.judges.train)  # it has an oracle
    return held_out_reading(subject.reading, subject.labels, train)


def _recovery(subject: Subject) -> Measured:
    """The gap of training and held-out images; NaN for images whose generator nobody has."""
    if subject.generator is None:
        return math.nan
    found = compare_recovery(*(_recovered(subject, part) for part in ("train", "held_out")))
    return Share(found.gap, found.low, found.high)


def _recovered(subject: Subject, part: str) -> Tensor:
    assert subject.generator is not None
    real, seed = getattr(subject.judges, part), subject.judges.seed
    n = min(RECOVERED, len(real))
    chosen = stratified(real.labels, n, real.num_classes, seed).to(real.device)
    return latent_recovery(subject.generator, real.images[chosen], real.labels[chosen], seed=seed)


SLOW_METRICS: tuple[Metric, ...] = (
    Metric(
        "class accuracy at half size",
        lambda s: s.sweep[1].generated,
        real=lambda s: s.sweep[1].real.value,
    ),
    Metric(
        "class accuracy at quarter size",
        lambda s: s.sweep[2].generated,
        real=lambda s: s.sweep[2].real.value,
    ),
    Metric(
        "GAN-train accuracy", lambda s: s.transfer.gan_train, real=lambda s: s.transfer.real.value
    ),
    Metric(
        "GAN-test accuracy", lambda s: s.transfer.gan_test, real=lambda s: s.transfer.real.value
    ),
    Metric("within-class MS-SSIM", _similarity, repeat=False),
    Metric(
        "Inception Score",
        lambda s: inception_score(s.probabilities, splits=1).mean,
        _perfect_inception_score,
    ),
    Metric("AM Score", _am_score, _zero),
    Metric(
        "Fréchet distance, n to infinity",
        _frechet_infinity,
        lambda s: frechet_floor_in_classes(*_all_real(s), math.inf, len(s.beside)),
        paired=True,
    ),
    Metric(
        "nearest image is a training one",
        _nearest_is_training,
        lambda s: len(s.judges.train) / (len(s.judges.train) + len(s.judges.held_out)),
        real=unknown,
    ),
    Metric(
        "combinations not trained on",
        lambda s: _never_trained_on(s).share,
        lambda s: _never_trained_on(s).perfect,
        by_oracle=True,
        real=unknown,
    ),
    Metric("latent recovery gap", _recovery, _zero, real=unknown, repeat=False),
)
"""Rows that take seconds to minutes each, for whoever wants them.

Class accuracy at less than full size, GAN-train and GAN-test, MS-SSIM and the nearest image look
at pixels, and hold all images that are measured, uint8 where a run made them.
"""
