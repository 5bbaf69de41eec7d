"""Inception Score against torch-fidelity, AM Score by hand, both for perfect generators."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch_fidelity.metric_isc import isc_features_to_metric

from cgan_kit.metrics.inception_score import (
    am_score,
    inception_score,
    perfect_am_score,
    perfect_inception_score,
)


def logits(n: int, num_classes: int, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(n, num_classes, generator=draw)


@pytest.mark.parametrize(("n", "splits", "seed"), [(500, 10, 2020), (503, 7, 3), (40, 1, 0)])
def test_equals_torch_fidelity(n: int, splits: int, seed: int) -> None:
    theirs = isc_features_to_metric(logits(n, 10), splits=splits, rng_seed=seed)
    ours = inception_score(logits(n, 10).double().softmax(dim=1), splits, seed)
    assert ours == pytest.approx(list(theirs.values()), rel=1e-9)
    single = inception_score(logits(n, 10).softmax(dim=1), splits, seed)
    assert single == pytest.approx(list(theirs.values()), rel=1e-6, abs=1e-6)


def test_from_one_to_the_number_of_classes() -> None:
    sure = torch.eye(5).repeat(20, 1)
    assert inception_score(sure, splits=1) == pytest.approx((5, 0))
    assert inception_score(torch.full((50, 5), 0.2)) == pytest.approx((1, 0))
    assert inception_score(torch.eye(5)[:1].repeat(50, 1)) == pytest.approx((1, 0))
    assert inception_score(sure[sure[:, 4] == 0], splits=1).mean == pytest.approx(4)


def test_less_sure_is_lower() -> None:
    blurred = [(logits(400, 6) / heat).softmax(dim=1) for heat in (0.5, 1, 2, 4, 8)]
    scores = [inception_score(p).mean for p in blurred]
    assert scores == sorted(scores, reverse=True)
    am_scores = [am_score(p, torch.ones(6)).value for p in blurred]
    assert am_scores == sorted(am_scores)


@pytest.mark.parametrize("weights", [[1, 1, 1, 1], [4, 2, 1, 1]])
@pytest.mark.parametrize(("n", "splits"), [(400, 10), (200, 1)])
def test_perfect_scores_are_what_perfect_images_reach(
    weights: list[int], n: int, splits: int
) -> None:
    draw = torch.Generator().manual_seed(1)
    frequencies = torch.tensor(weights)
    reached, am_reached = [], []
    for seed in range(150):
        labels = torch.multinomial(frequencies.double(), n, replacement=True, generator=draw)
        perfect = torch.eye(4)[labels]
        reached.append(inception_score(perfect, splits, seed).mean)
        am_reached.append(am_score(perfect, frequencies).value)
    expected = perfect_inception_score(frequencies, n, splits)
    assert sum(reached) / 150 == pytest.approx(expected, rel=0.005)
    assert sum(am_reached) / 150 == pytest.approx(perfect_am_score(4, n), rel=0.25)


def test_the_loss_of_a_perfect_generator_is_seen_by_the_test_above() -> None:
    assert perfect_inception_score(torch.ones(4), 400) < 0.97 * 4
    assert perfect_inception_score(torch.ones(10), 10**9) == pytest.approx(10)
    # A class of frequency 0 is no class.
    few = torch.tensor([3, 3, 0])
    assert perfect_inception_score(few, 100) == perfect_inception_score(few[:2], 100)


def test_classes_in_their_exact_share_lose_less() -> None:
    perfect = torch.eye(4).repeat(100, 1)
    reached = sum(inception_score(perfect, 10, seed).mean for seed in range(60)) / 60
    loss = math.log(4 / perfect_inception_score(torch.ones(4), 400))
    assert math.log(4 / reached) == pytest.approx(0.9 * loss, rel=0.06)


def test_am_score_by_hand() -> None:
    p = torch.tensor([[0.5, 0.5], [1.0, 0.0]])
    found = am_score(p, torch.tensor([1, 3]))
    assert found.entropy == pytest.approx(math.log(2) / 2)
    by_hand = 0.25 * math.log(0.25 / 0.75) + 0.75 * math.log(0.75 / 0.25)
    assert found.divergence == pytest.approx(by_hand)
    assert found.value == pytest.approx(found.entropy + found.divergence)
    assert am_score(torch.eye(4), torch.ones(4)) == pytest.approx((0, 0, 0))


def test_am_score_asks_for_the_classes_of_the_training_set() -> None:
    skewed = torch.eye(2)[torch.tensor([0, 0, 0, 1])]
    assert am_score(skewed, torch.tensor([3, 1])).value == pytest.approx(0)
    assert am_score(skewed, torch.tensor([1, 1])).value > 0.1
    # A class that no real image has costs what it takes from the others.
    assert am_score(skewed, torch.tensor([1, 0])).value == pytest.approx(math.log(4 / 3))
    assert am_score(torch.eye(3)[:2], torch.tensor([1, 1, 0])).value == pytest.approx(0)
    # A real class that no generated image has.
    assert am_score(torch.eye(3)[:2], torch.ones(3)).value == math.inf


def test_one_image_a_class_is_perfect_to_both() -> None:
    repeated = torch.eye(5).repeat(10, 1)
    assert inception_score(repeated, splits=1).mean == pytest.approx(5)
    assert am_score(repeated, torch.ones(5)).value == pytest.approx(0, abs=1e-12)


P = torch.eye(3).repeat(4, 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: inception_score(logits(9, 3)), r"look like logits: pass logits.softmax\(dim=1\)"),
        (lambda: inception_score(2 * P), "rows that add up to 2 to 2"),
        (lambda: inception_score(P, splits=13), "splits is 13; give 1 to 12"),
        (lambda: inception_score(P, splits=0), "splits is 0"),
        (lambda: inception_score(P / 0), "probabilities hold NaN or Inf in 12 of 12"),
        (lambda: inception_score(P[0]), r"probabilities have shape \(3,\)"),
        (lambda: am_score(P, torch.ones(4)), "hold 4 classes but probabilities 3"),
        (lambda: am_score(P, torch.zeros(3)), r"class_frequencies are \[0.0, 0.0, 0.0\]"),
        (lambda: am_score(P, torch.tensor([1, -1, 1])), "not negative"),
        (lambda: am_score(P, torch.tensor([1, torch.nan, 1])), "class_frequencies are"),
        (lambda: perfect_inception_score(torch.ones(3), 5), "splits is 10; give 1 to 5"),
        (lambda: perfect_am_score(3, 0), "n is 0"),
    ],
)
def test_bad_input(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
