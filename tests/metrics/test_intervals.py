"""Intervals: exact where a formula knows, right in simulation where none does."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from scipy.stats import binom
from torch import Tensor

from cgan_kit.metrics.frechet import frechet_distance
from cgan_kit.metrics.intervals import GROUPS, Interval, deal, jackknife, standard_error
from cgan_kit.metrics.neighbours import neighbours

Measure = Callable[[Tensor], float]


def without_each(measure: Measure, samples: Tensor, groups: int = GROUPS) -> list[float]:
    group = deal(torch.zeros(len(samples), dtype=torch.int64), groups)
    return [measure(samples[group != j]) for j in range(int(group.max()) + 1)]


def interval(measure: Measure, samples: Tensor, share: bool = False) -> Interval:
    cases = len(samples) if share else None
    return jackknife(measure(samples), without_each(measure, samples), cases)


def mean(samples: Tensor) -> float:
    return float(samples.double().mean())


def test_of_a_mean_it_is_the_standard_error_and_agrees_with_the_bootstrap() -> None:
    draw = torch.Generator().manual_seed(0)
    samples = torch.randn(300, generator=draw, dtype=torch.float64)
    exact = float(samples.std()) / math.sqrt(300)
    assert standard_error(without_each(mean, samples, groups=300)) == pytest.approx(exact)
    again = samples[torch.randint(300, (4000, 300), generator=draw)].mean(dim=1)
    assert float(again.std()) == pytest.approx(exact, rel=0.05)
    in_groups = [
        standard_error(without_each(mean, torch.randn(300, generator=draw))) for _ in range(50)
    ]
    assert sum(in_groups) / 50 == pytest.approx(1 / math.sqrt(300), rel=0.1)


def held(
    measure: Measure, draw: Callable[[], Tensor], truth: float, trials: int, share: bool = False
) -> int:
    """In how many trials the interval holds the truth."""
    found = (interval(measure, draw(), share) for _ in range(trials))
    return sum(low <= truth <= high for low, high in found)


@pytest.mark.parametrize("accuracy", [0.5, 0.9, 0.985])
def test_accuracy_is_held_as_often_as_it_says(accuracy: float) -> None:
    random = torch.Generator().manual_seed(1)
    hits = held(
        mean, lambda: torch.rand(200, generator=random) < accuracy, accuracy, 400, share=True
    )
    assert 0.9 <= hits / 400 <= 0.985


@pytest.mark.parametrize(
    ("measure", "share"),
    [
        (lambda real, fake: neighbours(real, fake, 5).coverage, True),
        (lambda real, fake: frechet_distance(real, fake), False),
    ],
    ids=["coverage", "frechet"],
)
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_the_mean_over_repetitions_is_held(
    measure: Callable[[Tensor, Tensor], float], share: bool, scale: float
) -> None:
    random = torch.Generator().manual_seed(2)
    real = torch.randn(80, 3, generator=random)

    def draw() -> Tensor:
        return torch.randn(80, 3, generator=random) * scale

    truth = sum(measure(real, draw()) for _ in range(300)) / 300
    hits = held(lambda fake: measure(real, fake), draw, truth, 40, share)
    # A binomial of 40 trials is below this once in a thousand at 95 %, and at 100 % never.
    assert hits >= binom.ppf(0.001, 40, 0.95)
    if scale != 1:
        slack = interval(lambda fake: measure(real, fake), draw(), share)
        assert slack.high - slack.low < 0.5 * max(truth, 1)


def test_no_interval_over_samples_holds_what_infinitely_many_would_score() -> None:
    random = torch.Generator().manual_seed(3)
    real = torch.randn(100, 8, generator=random)
    hits = held(
        lambda fake: frechet_distance(real, fake),
        lambda: torch.randn(100, 8, generator=random),
        truth=0.0,
        trials=20,
    )
    assert hits <= 1


def test_a_share_stays_between_0_and_1_and_is_never_sure() -> None:
    low, high = jackknife(1.0, [1.0] * 20, cases=100)
    assert 0.94 < low < 0.97
    assert high == 1
    low, high = jackknife(0.0, [0.0] * 20, cases=100)
    assert low == 0
    assert 0.03 < high < 0.06
    low, high = jackknife(0.02, [0.02 + 0.005 * (-1) ** j for j in range(20)], cases=100)
    assert 0 < low < 0.02 < high
    assert jackknife(1.0, [1.0] * 20) == (1.0, 1.0)
    # In the middle it is as wide as the values say, however many cases there are.
    without = [0.5 + 0.01 * (-1) ** j for j in range(20)]
    low, high = jackknife(0.5, without, cases=10_000)
    plain = jackknife(0.5, without)
    assert high - low == pytest.approx(plain.high - plain.low, rel=0.03)


def test_classes_are_dealt_evenly_and_do_not_count_as_chance() -> None:
    labels = torch.tensor([0, 1, 2]).repeat_interleave(torch.tensor([40, 60, 100]))
    group = deal(labels, 20)
    for k, each in enumerate((2, 3, 5)):
        assert group[labels == k].bincount(minlength=20).tolist() == [each] * 20
    by_class = labels.double()
    without = [float(by_class[group != j].mean()) for j in range(20)]
    assert standard_error(without) == pytest.approx(0, abs=1e-12)
    assert not torch.equal(group, deal(labels, 20, seed=1))
    assert deal(torch.zeros(3, dtype=torch.int64)).sort().values.tolist() == [0, 1, 2]


def test_what_cannot_be_said() -> None:
    for values in ([1.0, math.nan], [1.0, math.inf]):
        assert all(map(math.isnan, jackknife(1.0, values)))
    assert all(map(math.isnan, jackknife(math.nan, [1.0, 2.0])))
    with pytest.raises(ValueError, match="without holds 1 values; give at least 2"):
        jackknife(1.0, [1.0])
    with pytest.raises(ValueError, match="groups is 1 and there are 9 samples"):
        deal(torch.zeros(9, dtype=torch.int64), 1)
