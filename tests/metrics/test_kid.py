"""KID against torch-fidelity and a double loop; its error and p-value by simulation."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch_fidelity.metric_kid import kid_features_to_metric

from cgan_kit.metrics.kid import KID, intra_class_kid, kid, kid_over_subsets


def normal(n: int, d: int, seed: int, shift: float = 0.0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=draw, dtype=torch.float64) + shift


def by_loop(real: Tensor, fake: Tensor) -> float:
    """The unbiased squared discrepancy, pair by pair."""

    def kernel(x: Tensor, y: Tensor) -> float:
        return float((x @ y / len(x) + 1) ** 3)

    def within(sample: Tensor) -> float:
        pairs = [kernel(x, y) for x, y in itertools.permutations(sample, 2)]
        return sum(pairs) / len(pairs)

    across = [kernel(x, y) for x, y in itertools.product(real, fake)]
    return within(real) + within(fake) - 2 * sum(across) / len(across)


def by_torch_fidelity(
    real: Tensor, fake: Tensor, size: int, subsets: int, seed: int
) -> list[float]:
    found = kid_features_to_metric(
        real,
        fake,
        kid_subsets=subsets,
        kid_subset_size=size,
        kid_kernel="poly",
        kid_kernel_poly_degree=3,
        kid_kernel_poly_gamma=None,
        kid_kernel_poly_coef0=1,
        rng_seed=seed,
        verbose=False,
    )
    return list(found.values())


@pytest.mark.parametrize(("size", "subsets", "seed"), [(100, 7, 2020), (250, 3, 5)])
def test_subsets_equal_torch_fidelity(size: int, subsets: int, seed: int) -> None:
    real, fake = normal(400, 16, 1), normal(300, 16, 2, shift=0.2)
    theirs = by_torch_fidelity(real, fake, size, subsets, seed)
    assert kid_over_subsets(real, fake, size, subsets, seed) == pytest.approx(theirs, rel=1e-9)
    # Its own arithmetic is float32 for such features.
    theirs = by_torch_fidelity(real.float(), fake.float(), size, subsets, seed)
    ours = kid_over_subsets(real.float(), fake.float(), size, subsets, seed)
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_whole_samples_equal_the_double_loop_and_one_whole_subset() -> None:
    real, fake = normal(9, 3, 1), normal(6, 3, 2, shift=0.5)
    assert kid(real, fake).value == pytest.approx(by_loop(real, fake), rel=1e-10)
    real, fake = normal(80, 8, 1), normal(80, 8, 2, shift=0.5)
    whole = kid_over_subsets(real, fake, subset_size=80, subsets=2)
    assert kid(real, fake, permutations=0).value == pytest.approx(whole.mean, rel=1e-10)
    assert whole.std == pytest.approx(0, abs=1e-12)


def test_standard_error_is_that_of_the_samples_own_means() -> None:
    real, fake = normal(7, 3, 1), normal(5, 3, 2, shift=0.5)
    pooled = torch.cat([real, fake])
    kernel = ((pooled @ pooled.T / 3 + 1) ** 3).fill_diagonal_(0)
    parts = (
        kernel[:7, :7].sum(dim=1) / 6 - kernel[:7, 7:].mean(dim=1),
        kernel[7:, 7:].sum(dim=1) / 4 - kernel[7:, :7].mean(dim=1),
    )
    squared = 4 * parts[0].var() / 7 + 4 * parts[1].var() / 5
    assert kid(real, fake).standard_error == pytest.approx(float(squared) ** 0.5)


def test_p_value_counts_divisions_that_are_as_large() -> None:
    real, fake = normal(3, 2, 1), normal(4, 2, 2, shift=0.8)
    pooled = torch.cat([real, fake])
    divisions = [list(chosen) for chosen in itertools.combinations(range(7), 3)]
    rest = [[i for i in range(7) if i not in chosen] for chosen in divisions]
    values = [by_loop(pooled[a], pooled[b]) for a, b in zip(divisions, rest, strict=True)]
    exact = sum(value >= values[0] - 1e-12 for value in values) / len(values)
    assert 0.05 < exact < 0.95
    assert kid(real, fake, permutations=4000).p_value == pytest.approx(exact, abs=0.03)


def test_p_value_of_sets_far_apart_is_the_least_there_is() -> None:
    far = kid(normal(30, 4, 1), normal(30, 4, 2, shift=3), permutations=99)
    assert far.p_value == 0.01
    assert math.isnan(kid(normal(30, 4, 1), normal(30, 4, 2), permutations=0).p_value)


def test_chunks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = normal(50, 8, 1), normal(37, 8, 2)
    whole = kid(real, fake, permutations=20)
    monkeypatch.setattr(sys.modules["cgan_kit.metrics.kid"], "_ROWS", 7)
    assert kid(real, fake, permutations=20) == pytest.approx(whole, rel=1e-9)


def test_seed_decides_the_p_value_alone() -> None:
    real, fake = normal(50, 8, 1), normal(50, 8, 2)
    before = torch.get_rng_state()
    first = kid(real, fake, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert kid(real, fake, seed=1) == first
    other = kid(real, fake, seed=2)
    assert other[:2] == first[:2]
    assert other.p_value != first.p_value


def repeated(shift: float, permutations: int) -> list[KID]:
    draw = torch.Generator().manual_seed(7)
    return [
        kid(
            torch.randn(120, 4, generator=draw),
            torch.randn(60, 4, generator=draw) + shift,
            permutations,
            seed,
        )
        for seed in range(200)
    ]


def test_equal_distributions_score_zero_on_average_and_p_is_honest() -> None:
    answers = repeated(0.0, permutations=39)
    values = torch.tensor([answer.value for answer in answers])
    errors = torch.tensor([answer.standard_error for answer in answers])
    assert abs(float(values.mean())) < 3 * float(values.std()) / 200**0.5
    assert 0.4 < float((values < 0).double().mean()) < 0.75
    assert 1 < float(errors.square().mean().sqrt() / values.std()) < 1.7  # √2 in theory
    p = torch.tensor([answer.p_value for answer in answers])
    for level in (0.1, 0.5):
        assert float((p <= level).double().mean()) == pytest.approx(level, abs=0.1)


def test_standard_error_of_distributions_that_differ() -> None:
    answers = repeated(0.4, permutations=0)
    values = torch.tensor([answer.value for answer in answers])
    errors = torch.tensor([answer.standard_error for answer in answers])
    assert 0.85 < float(errors.square().mean().sqrt() / values.std()) < 1.2


def test_equal_sets_score_below_zero() -> None:
    real = normal(100, 4, 1)
    assert -0.5 < kid(real, real.clone()).value < 0
    assert kid(real, real.clone()).p_value == 1


def test_more_noise_scores_higher_and_so_do_faults() -> None:
    real, fake = normal(200, 8, 1), normal(200, 8, 2)
    noise = normal(200, 8, 3)
    values = [kid(real, fake + level * noise, 0).value for level in (0, 1, 2, 4)]
    assert values == sorted(values)
    one = kid(real, fake[:1].repeat(200, 1))
    assert one.value > 10 * one.standard_error
    apart = torch.cat([fake[:100], fake[100:] + 3])
    assert kid(apart, apart[:100]).p_value < 0.01  # half of the modes missing


def test_within_the_classes_labels_count() -> None:
    labels = torch.arange(120) % 3
    real, fake = normal(120, 4, 5) + labels[:, None], normal(120, 4, 6) + labels[:, None]
    assert kid(real, fake).p_value > 0.05
    right = intra_class_kid(real, labels, fake, labels, 4)
    wrong = intra_class_kid(real, labels, fake, labels.roll(1), 4)
    assert (right.p_value[:3] > 0.05).all()
    assert (wrong.p_value[:3] < 0.01).all()
    assert (wrong.value[:3] > right.value[:3]).all()
    assert tuple(part[1].item() for part in right) == kid(real[labels == 1], fake[labels == 1])
    assert torch.stack(right)[:, 3].isnan().all()  # nobody is of class 3


X, Y = normal(20, 2, 1), torch.arange(20) % 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kid(X[:1], X), "real_features hold 1 samples; .* at least 2"),
        (lambda: kid(X, X / 0), "fake_features hold NaN or Inf in 20 of 20 rows"),
        (lambda: kid(X, X[:, :1]), "2 dimensions and fake_features 1"),
        (lambda: kid(X, X, permutations=-1), "permutations is -1"),
        (lambda: kid_over_subsets(X, X), "real_features hold 20 samples; .* at least 1000"),
        (lambda: kid_over_subsets(X, X, subset_size=1), "subset_size is 1"),
        (lambda: kid_over_subsets(X, X, subset_size=5, subsets=0), "subsets is 0"),
        (lambda: intra_class_kid(X, Y, X, Y + 1, 2), "labels run from 1 to 2"),
        (lambda: intra_class_kid(X, Y, X, Y, 2, permutations=-1), "permutations is -1"),
    ],
)
def test_bad_input(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
