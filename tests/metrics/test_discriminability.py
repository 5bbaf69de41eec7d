"""The resolution sweep: known shares, known images, what it does and does not see."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from cgan_kit.data import load
from cgan_kit.data.imageset import to_float
from cgan_kit.metrics import Classifier, train_classifier
from cgan_kit.metrics.discriminability import (
    accuracy_by_class,
    halvings,
    resize_and_back,
    resolution_sweep,
    wilson,
)

TRAIN, HELD_OUT = load("shapes", size=16).split()
IMAGES, LABELS = HELD_OUT.images, HELD_OUT.labels


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return train_classifier(TRAIN, HELD_OUT, steps=80)


def test_wilson_is_the_interval_where_the_score_test_gives_its_bounds() -> None:
    for hits, n in ((3, 17), (50, 100), (0, 8), (8, 8)):
        value, low, high = wilson(hits, n)
        assert value == hits / n
        for bound in (low, high):  # (p - bound)² = z² bound (1 - bound) / n
            if 0 < bound < 1:
                score = (value - bound) ** 2
                assert score == pytest.approx(1.96**2 * bound * (1 - bound) / n, abs=1e-12)
    assert wilson(0, 8).low == 0 < wilson(0, 8).high
    assert wilson(8, 8).high == 1 > wilson(8, 8).low
    assert wilson(860, 860).high == 1


def test_wilson_holds_the_truth_about_95_times_in_100() -> None:
    draw = torch.Generator().manual_seed(0)
    hits = (torch.rand(2000, 40, generator=draw) < 0.9).sum(dim=1).tolist()
    inside = [low <= 0.9 <= high for _, low, high in (wilson(h, 40) for h in hits)]
    assert sum(inside) / 2000 == pytest.approx(0.95, abs=0.03)


def test_no_cases_and_impossible_hits() -> None:
    assert math.isnan(wilson(0, 0).value)
    assert wilson(0, 0)[1:] == (0, 1)
    with pytest.raises(ValueError, match="hits is 5 of n = 4"):
        wilson(5, 4)


def test_down_is_the_mean_of_what_a_pixel_covers_and_back_is_bilinear() -> None:
    ramp = torch.linspace(-1, 1, 16).repeat(1, 1, 8, 1)
    torch.testing.assert_close(resize_and_back(ramp, 4)[..., 4:-4], ramp[..., 4:-4])
    board = (torch.arange(8)[:, None] + torch.arange(8)) % 2 * 2.0 - 1
    assert float(resize_and_back(board[None, None], 2).abs().max()) < 0.02
    stripes = torch.tensor([-1.0, 1, 1, -1]).repeat(1, 1, 16, 4)  # two pixels in the middle lie
    assert float(resize_and_back(stripes, 4)[..., 4:-4].abs().max()) < 0.3
    assert torch.equal(resize_and_back(IMAGES[:2], 16), to_float(IMAGES[:2]))
    assert resize_and_back(torch.zeros(1, 3, 8, 12), 4).shape == (1, 3, 8, 12)


def test_accuracy_falls_with_the_resolution_and_equals_itself(classifier: Classifier) -> None:
    sweep = resolution_sweep(IMAGES, LABELS, IMAGES, LABELS, classifier)
    assert [row.pixels for row in sweep] == [16, 8, 4, 2]
    assert all(row.generated == row.real for row in sweep)
    values = [row.real.value for row in sweep]
    assert values == sorted(values, reverse=True)
    assert values[0] == classifier.accuracy
    assert values[-1] < 0.35


def test_images_without_detail_lose_less_on_the_way_down(classifier: Classifier) -> None:
    coarse = resize_and_back(IMAGES, 4)
    full, half = resolution_sweep(coarse, LABELS, IMAGES, LABELS, classifier, (16, 8))
    assert full.generated.high < full.real.low
    assert half.real.value < 0.8 * full.real.value
    assert half.generated.value > 0.8 * full.generated.value


def noisy(strength: float) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    noise = torch.randn(IMAGES.shape, generator=draw) * strength
    return (to_float(IMAGES) + noise).clamp(-1, 1)


def test_known_answers(classifier: Classifier) -> None:
    def accuracy(images: Tensor, labels: Tensor) -> float:
        (row,) = resolution_sweep(images, labels, IMAGES, LABELS, classifier, [16])
        return row.generated.value

    shuffled = LABELS[torch.randperm(len(LABELS), generator=torch.Generator().manual_seed(0))]
    assert accuracy(IMAGES, shuffled) == pytest.approx(0.1, abs=0.04)
    falling = [accuracy(noisy(s), LABELS) for s in (0.0, 0.4, 0.8)]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] < 0.7 * falling[0]
    right = torch.nonzero(classifier.predict(IMAGES) == LABELS).flatten()
    one = torch.stack([right[LABELS[right] == k][0] for k in range(10)])
    assert accuracy(IMAGES[one][LABELS], LABELS) == 1  # it does not see a lack of variety


def test_by_class(classifier: Classifier) -> None:
    wrong = torch.where(LABELS == 4, 0, LABELS)  # class 4 is asked for as class 0
    shares = accuracy_by_class(IMAGES, wrong, classifier)
    assert math.isnan(shares[4].value)
    assert shares[0].value < 0.6 < shares[1].value
    whole = accuracy_by_class(IMAGES, LABELS, classifier)
    counts = HELD_OUT.class_counts().tolist()
    mean = sum(s.value * n for s, n in zip(whole, counts, strict=True)) / sum(counts)
    assert mean == pytest.approx(classifier.accuracy)


def test_halvings() -> None:
    assert halvings(32) == [32, 16, 8, 4, 2]
    assert halvings(28) == [28, 14, 7, 3]
    assert halvings(1) == [1]


def test_bad_input(classifier: Classifier) -> None:
    with pytest.raises(ValueError, match="resolutions hold 17; give sides from 1 to 16"):
        resolution_sweep(IMAGES, LABELS, IMAGES, LABELS, classifier, [8, 17])
    with pytest.raises(ValueError, match="real_images hold NaN"):
        resolution_sweep(IMAGES[:1], LABELS[:1], noisy(0)[:1] / 0, LABELS[:1], classifier)
    with pytest.raises(ValueError, match="one label an image"):
        resolution_sweep(IMAGES, LABELS[:3], IMAGES, LABELS, classifier)
    with pytest.raises(ValueError, match=r"look like \[0, 1\]"):
        resolution_sweep(IMAGES / 255, LABELS, IMAGES, LABELS, classifier)
