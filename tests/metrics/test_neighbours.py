"""Precision, recall, density and coverage against prdc and against known answers."""

from __future__ import annotations

import sys

import pytest
import torch
from prdc import compute_prdc

from cgan_kit.metrics.neighbours import neighbours


def normal(n: int, d: int, seed: int, shift: float = 0.0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=draw) + shift


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize(("n_real", "n_fake", "d"), [(300, 300, 16), (257, 401, 64), (90, 30, 2)])
def test_equals_prdc_exactly(n_real: int, n_fake: int, d: int, k: int) -> None:
    real, fake = normal(n_real, d, seed=1), normal(n_fake, d, seed=2, shift=0.2) * 0.8
    theirs = compute_prdc(real.double().numpy(), fake.double().numpy(), nearest_k=k)
    ours = neighbours(real, fake, k)
    assert ours._asdict() == pytest.approx(theirs, abs=1e-12)
    assert ours.precision > 0
    assert 0 < ours.recall < 1


def test_far_from_the_origin_equals_prdc_near_it() -> None:
    real, fake = normal(200, 8, seed=1).double(), normal(200, 8, seed=2).double()
    theirs = compute_prdc(real.numpy(), fake.numpy(), nearest_k=5)
    assert neighbours(real + 1e7, fake + 1e7)._asdict() == pytest.approx(theirs, abs=1e-12)


def test_chunks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = normal(101, 8, seed=1), normal(77, 8, seed=2)
    whole = neighbours(real, fake)
    # The package exports the function under the name of its module.
    monkeypatch.setattr(sys.modules["cgan_kit.metrics.neighbours"], "_CHUNK", 500)
    assert neighbours(real, fake) == whole


def test_a_set_against_itself() -> None:
    real = normal(200, 8, seed=1)
    assert neighbours(real, real.clone()) == (1.0, 1.0, 1.0, 1.0)


def test_two_samples_of_one_distribution_reach_the_floor_of_coverage() -> None:
    answers = [neighbours(normal(1500, 4, s), normal(1500, 4, s + 100), k=3) for s in range(3)]
    assert sum(a.coverage for a in answers) / 3 == pytest.approx(1 - 2**-3, abs=0.01)
    assert sum(a.density for a in answers) / 3 == pytest.approx(1, abs=0.03)


def test_one_image_repeated_keeps_precision_and_loses_the_rest() -> None:
    real = normal(200, 8, seed=1)
    centre = real[real.norm(dim=1).argmin()]
    answer = neighbours(real, centre.repeat(200, 1))
    assert answer.precision == 1
    assert answer.recall == 1 / 200
    assert answer.coverage < 0.3


def test_half_of_the_clusters_missing_halves_recall_and_coverage() -> None:
    real = torch.cat([normal(200, 4, 1), normal(200, 4, 2, shift=50)])
    answer = neighbours(real, torch.cat([normal(200, 4, 3), normal(200, 4, 4)]))
    assert answer.recall == pytest.approx(0.5, abs=0.05)
    assert answer.coverage == pytest.approx(0.5, abs=0.05)
    assert answer.precision > 0.8


def test_duplicates_cover_each_other() -> None:
    real = torch.tensor([[0.1, 0.7]]).repeat(20, 1)
    assert neighbours(real, real.clone()) == (1.0, 1.0, 4.0, 1.0)
    assert neighbours(real, real + 1e-6) == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("real", "fake", "k", "message"),
    [
        (normal(5, 2, 0), normal(9, 2, 0), 5, "k is 5 but there are 5 real and 9"),
        (normal(9, 2, 0), normal(3, 2, 0), 5, "9 real and 3 generated samples; give at least 6"),
        (normal(9, 2, 0), normal(9, 3, 0), 5, "2 dimensions and fake_features 3"),
        (normal(9, 2, 0), normal(9, 2, 0) / 0, 5, "fake_features hold NaN or Inf in 9 of 9"),
        (normal(9, 2, 0), normal(9, 2, 0), 0, "k is 0"),
        (normal(9, 2, 0).long(), normal(9, 2, 0), 2, "int64"),
        (normal(9, 2, 0)[0], normal(9, 2, 0), 2, "real_features have shape"),
    ],
)
def test_bad_input(real: torch.Tensor, fake: torch.Tensor, k: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        neighbours(real, fake, k)
