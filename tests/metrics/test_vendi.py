"""The Vendi score: known numbers of different things, orders, classes, bias."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from cgan_kit.metrics.vendi import vendi_by_class, vendi_score


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


ORDERS = (0.0, 0.5, 1.0, 2.0, math.inf)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("n", [1, 5, 40])
def test_equal_samples_are_one_and_orthogonal_ones_are_n(n: int, order: float) -> None:
    row = torch.tensor([[0.3, -2.0, 5.0]])
    assert vendi_score(row.repeat(n, 1), order) == pytest.approx(1)
    scale = torch.linspace(0.1, 100, n)[:, None]  # lengths do not matter
    assert vendi_score(torch.eye(n) * scale, order) == pytest.approx(n)


@pytest.mark.parametrize("order", ORDERS)
def test_unequal_kinds_are_hill_numbers(order: float) -> None:
    shares = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    features = torch.eye(3).repeat_interleave(torch.tensor([50, 30, 20]), dim=0)
    expected = {
        0.0: 3.0,
        0.5: float(shares.sqrt().sum()) ** 2,
        1.0: math.exp(-float((shares * shares.log()).sum())),
        2.0: 1 / float(shares.square().sum()),
        math.inf: 2.0,
    }
    assert vendi_score(features, order) == pytest.approx(expected[order])


@pytest.mark.parametrize(("n", "d"), [(30, 7), (7, 30), (12, 12)])
def test_both_gram_matrices_give_the_definition(n: int, d: int) -> None:
    features = normal(n, d).double()
    unit = features / features.norm(dim=1, keepdim=True)
    kernel = torch.stack([torch.stack([a @ b for b in unit]) for a in unit]) / n
    values = torch.linalg.eigvals(kernel).real.clamp(min=1e-300)
    assert vendi_score(features) == pytest.approx(math.exp(-float((values * values.log()).sum())))


def test_orders_fall() -> None:
    scores = [vendi_score(normal(50, 8), order) for order in ORDERS]
    assert scores == sorted(scores, reverse=True)
    near = [vendi_score(normal(50, 8), 1 + e) for e in (-1e-6, 1e-6)]
    assert near == pytest.approx([vendi_score(normal(50, 8))] * 2, abs=1e-4)


def test_the_score_rises_with_n_to_that_of_the_distribution_and_stays_below_d() -> None:
    scores = [vendi_score(normal(n, 16)) for n in (5, 20, 80, 320, 5000)]
    assert scores == sorted(scores)
    assert scores[0] < 5
    assert scores[-1] == pytest.approx(16, abs=0.05)


def test_repeating_every_sample_changes_nothing_and_repeating_some_lowers_it() -> None:
    features = normal(40, 64)
    assert vendi_score(features.repeat(3, 1)) == pytest.approx(vendi_score(features))
    scores = [vendi_score(features[torch.arange(40) % kinds]) for kinds in (40, 20, 5, 1)]
    assert scores == sorted(scores, reverse=True)


def test_noise_passes_for_variety() -> None:
    kinds = torch.eye(16)[torch.arange(160) % 2]
    scores = [vendi_score(kinds + s * normal(160, 16)) for s in (0.0, 0.1, 0.3, 1.0)]
    assert scores == sorted(scores)
    assert scores[0] == pytest.approx(2)
    assert scores[-1] > 10


def test_by_class_takes_as_many_images_of_either_side() -> None:
    features, real = normal(100, 8), normal(400, 8, seed=1)
    labels, real_labels = torch.arange(100) % 4, torch.arange(400) % 4
    labels = torch.where(labels == 3, 2, labels)  # class 3 dropped
    features[labels == 1] = features[1].clone()  # class 1 collapsed
    answer = vendi_by_class(features, labels, real, real_labels, 4)
    assert answer.counts.tolist() == [25, 25, 50, 0]
    assert answer.generated[1] == pytest.approx(1)
    assert answer.real[1] > 5
    assert answer.generated.isnan().tolist() == answer.real.isnan().tolist() == [False] * 3 + [True]
    ratio = answer.generated / answer.real
    assert ratio[[0, 2]].tolist() == pytest.approx([1, 1], abs=0.1)
    same = vendi_by_class(real, real_labels, real, real_labels, 4)
    assert torch.equal(same.generated, same.real)
    double = vendi_by_class(features, labels, real, real_labels, 4, order=2)
    assert bool((double.generated[:3] <= answer.generated[:3] + 1e-9).all())


def test_shuffled_labels_raise_it_within_classes() -> None:
    labels = torch.arange(200) % 5
    features = torch.eye(5)[labels] + 0.1 * normal(200, 5)
    honest = vendi_by_class(features, labels, features, labels, 5)
    mixed = labels[torch.randperm(200, generator=torch.Generator().manual_seed(0))]
    answer = vendi_by_class(features, mixed, features, labels, 5)
    assert float(honest.generated.max()) < 1.5
    assert float(answer.generated.min()) > 3


@pytest.mark.parametrize(
    ("features", "order", "message"),
    [
        (normal(4, 3)[0], 1, r"features have shape \(3,\)"),
        (normal(4, 3)[:0], 1, "features hold 0 samples"),
        (normal(4, 3).long(), 1, "int64"),
        (normal(4, 3) / 0, 1, "hold NaN or Inf in 4 of 4 rows"),
        (normal(4, 3) * torch.tensor([[0.0], [1], [1], [0]]), 1, "all zero in 2 of 4 rows"),
        (normal(4, 3), -1, "order is -1"),
    ],
)
def test_bad_input(features: Tensor, order: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        vendi_score(features, order)


def test_bad_input_by_class() -> None:
    labels = torch.zeros(4, dtype=torch.int64)
    with pytest.raises(ValueError, match="3 dimensions and real_features 2"):
        vendi_by_class(normal(4, 3), labels, normal(4, 2), labels, 1)
    with pytest.raises(ValueError, match="real_features hold NaN"):
        vendi_by_class(normal(4, 3), labels, normal(4, 3) / 0, labels, 1)
    with pytest.raises(ValueError, match="one label an image"):
        vendi_by_class(normal(4, 3), labels[:2], normal(4, 3), labels, 1)
