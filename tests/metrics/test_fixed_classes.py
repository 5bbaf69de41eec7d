"""Floors for labels in fixed numbers: simulation against formula."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from cgan_kit.metrics.fixed_classes import frechet_floor_in_classes, kid_floor_in_classes
from cgan_kit.metrics.frechet import frechet_distance, frechet_floor
from cgan_kit.metrics.kid import kid

CENTRES = torch.tensor([[0.0, 0, 0], [4, 0, 0], [0, 3, 3]])
SPREAD = torch.tensor([0.5, 1.0, 0.7])
SHARES = torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64)


def draw(n: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """n samples of three classes, each with its share of n exactly."""
    labels = torch.arange(3).repeat_interleave((SHARES * n).long())
    noise = torch.randn(n, 3, generator=random)
    return CENTRES[labels] + SPREAD[labels, None] * noise, labels


def test_simulated() -> None:
    random = torch.Generator().manual_seed(0)
    pairs = [(draw(100, random)[0], draw(60, random)[0]) for _ in range(300)]
    distance = sum(frechet_distance(*pair) for pair in pairs) / len(pairs)
    discrepancy = sum(kid(*pair, permutations=0).value for pair in pairs) / len(pairs)
    many = draw(4000, random)
    assert frechet_floor_in_classes(*many, 100, 60) == pytest.approx(distance, rel=0.08)
    assert kid_floor_in_classes(*many, 100, 60) == pytest.approx(discrepancy, rel=0.08)
    assert discrepancy < 0
    assert frechet_floor(many[0], 100, 60) > 1.5 * distance


def test_one_class_is_the_random_sample() -> None:
    features = torch.randn(500, 4, generator=torch.Generator().manual_seed(1))
    one = torch.zeros(500, dtype=torch.int64)
    expected = frechet_floor(features, 50, 70)
    assert frechet_floor_in_classes(features, one, 50, 70) == pytest.approx(expected, rel=0.01)
    assert kid_floor_in_classes(features, one, 50, 70) == pytest.approx(0, abs=1e-12)


def test_the_kernels_means_by_hand() -> None:
    features, labels = draw(12, torch.Generator().manual_seed(4))
    features, (rows, columns) = features.double(), torch.triu_indices(12, 12, offset=1)
    kernel = (features[rows] @ features[columns].T / 3 + 1).diagonal() ** 3
    pairs = labels[rows] * 3 + labels[columns]
    either_way = [(pairs == p) | (pairs == p % 3 * 3 + p // 3) for p in range(9)]
    mean = torch.stack([kernel[chosen].mean() for chosen in either_way]).view(3, 3)
    expected = (SHARES @ mean.diag() - SHARES @ mean @ SHARES) * -(1 / 4 + 1 / 6)
    assert kid_floor_in_classes(features, labels, 5, 7) == pytest.approx(float(expected))


def test_floors_shrink_with_the_numbers() -> None:
    features, labels = draw(400, torch.Generator().manual_seed(2))
    for floor in (frechet_floor_in_classes, kid_floor_in_classes):
        assert floor(features, labels, 1e6, 1e6) == pytest.approx(0, abs=1e-3)
    half = frechet_floor_in_classes(features, labels, math.inf, 80)
    assert frechet_floor_in_classes(features, labels, 80, 80) == pytest.approx(2 * half)


def test_bad_input() -> None:
    features, labels = draw(40, torch.Generator().manual_seed(3))
    with pytest.raises(ValueError, match="n is 1 and m is 9; give at least 2"):
        frechet_floor_in_classes(features, labels, 1, 9)
    with pytest.raises(ValueError, match="features hold NaN"):
        kid_floor_in_classes(features * math.nan, labels, 9, 9)
    with pytest.raises(ValueError, match="give one label an image"):
        kid_floor_in_classes(features, labels[:3], 9, 9)
