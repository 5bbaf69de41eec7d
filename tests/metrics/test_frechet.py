"""Fréchet distance against scipy and torch-fidelity, its floor and its limit by simulation."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from cgan_kit.metrics.frechet import (
    class_aware_frechet,
    frechet_distance,
    frechet_floor,
    frechet_infinity,
    intra_class_frechet,
)


def normal(n: int, d: int, seed: int) -> Tensor:
    """float64 (n, d) whose dimensions differ in scale and go together."""
    draw = torch.Generator().manual_seed(seed)
    mixed = torch.randn(d, d, generator=torch.Generator().manual_seed(99), dtype=torch.float64)
    return torch.randn(n, d, generator=draw, dtype=torch.float64) @ mixed


def by_scipy(
    mean: np.ndarray, covariance: np.ndarray, other: np.ndarray, other_covariance: np.ndarray
) -> float:
    root = scipy.linalg.sqrtm(covariance @ other_covariance)
    traces = np.trace(covariance) + np.trace(other_covariance) - 2 * np.trace(root).real
    return float(((mean - other) ** 2).sum() + traces)


def by_torch_fidelity(real: Tensor, fake: Tensor) -> float:
    statistics = [fid_features_to_statistics(features) for features in (real, fake)]
    found = fid_statistics_to_metric(*statistics, verbose=False)
    return float(found["frechet_inception_distance"])


@pytest.mark.parametrize(
    ("n_real", "n_fake", "d"), [(500, 400, 16), (300, 700, 64), (40, 30, 64), (20, 200, 64)]
)
def test_equals_torch_fidelity_and_scipy(n_real: int, n_fake: int, d: int) -> None:
    real, fake = normal(n_real, d, 1), 0.9 * normal(n_fake, d, 2) + 0.3
    ours = frechet_distance(real, fake)
    # Where the product of the covariances is singular, their own rounding is 1e-6 or so.
    assert ours == pytest.approx(by_torch_fidelity(real, fake), rel=1e-6)
    if min(n_real, n_fake) > d:
        moments = [(x.mean(0), np.cov(x, rowvar=False)) for x in (real.numpy(), fake.numpy())]
        assert ours == pytest.approx(by_scipy(*moments[0], *moments[1]), rel=1e-9)


def test_float32_features_are_not_rounded_again() -> None:
    real, fake = normal(40, 64, 1).float(), normal(50, 64, 2).float()
    assert frechet_distance(real, fake) == pytest.approx(
        frechet_distance(real.double(), fake.double()), rel=1e-12
    )


@pytest.mark.parametrize(("n", "d"), [(300, 32), (20, 64)])
def test_a_set_is_at_zero_from_itself(n: int, d: int) -> None:
    real = normal(n, d, 1)
    assert frechet_distance(real, real.flip(0)) == pytest.approx(0, abs=1e-9)
    # Dead units and nearly dead ones, as a ReLU leaves them.
    real[:, 0] = 0
    real[:, 1] *= 1e-7
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-9)


def test_answers_known_by_hand() -> None:
    line = torch.tensor([[-1.0], [1.0]])  # variance 2
    assert frechet_distance(line, 3 * line + 5) == pytest.approx(25 + 2 * (3 - 1) ** 2)
    # Two variances in directions that have nothing to do with each other: nothing is shared.
    across, along = line @ torch.tensor([[0.0, 2]]), line @ torch.tensor([[1.0, 0]])
    assert frechet_distance(across, along) == pytest.approx(8 + 2)


@pytest.mark.parametrize(("half", "scale"), [(16, 1.0), (16, 1e-4), (1, 1.0), (2, 1.0)])
def test_features_that_share_no_direction_share_nothing(half: int, scale: float) -> None:
    # Singular covariances, where the root of a rounding error of 1e-16 would be one of 1e-8.
    for seed in range(10):  # rounding decides whether Cholesky takes note of it
        turn = torch.linalg.qr(normal(2 * half, 2 * half, seed)).Q
        real = normal(100, half, seed + 10) @ turn[:half]
        fake = scale * normal(100, half, seed + 20) @ turn[half:]
        apart = real.var(dim=0).sum() + fake.var(dim=0).sum()
        apart += (real.mean(dim=0) - fake.mean(dim=0)).square().sum()
        assert frechet_distance(real, fake) == pytest.approx(float(apart), rel=1e-12)


def test_a_shift_adds_its_square_and_noise_adds_up() -> None:
    real = normal(400, 8, 1)
    for shift in (0.1, 1.0, 1e3):
        assert frechet_distance(real, real + shift) == pytest.approx(8 * shift**2, rel=1e-9)
    noise = torch.randn(400, 8, generator=torch.Generator().manual_seed(3)).double()
    distances = [frechet_distance(real, real + level * noise) for level in (0, 0.3, 1, 3, 10)]
    assert distances == sorted(distances)
    assert distances[1] > distances[0] + 1e-3


def test_one_image_repeated_leaves_the_whole_variance() -> None:
    real = normal(300, 8, 1)
    answer = frechet_distance(real, real.mean(dim=0).repeat(50, 1))
    assert answer == pytest.approx(float(real.var(dim=0).sum()))


def three_classes(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Features float64 (n, 4) of three classes that lie apart, and their labels."""
    centres = torch.eye(3, 4, dtype=torch.float64) * 10
    labels = torch.arange(n) % 3
    return centres[labels] + 0.5 * normal(n, 4, seed), labels


def test_a_dropped_class_is_seen() -> None:
    (real, _), (fake, labels) = three_classes(300, 1), three_classes(300, 2)
    floor = frechet_floor(real, 300, 200)
    assert frechet_distance(real, fake) < 4 * floor
    assert frechet_distance(real, fake[labels != 2]) > 20 * floor


def test_shuffled_labels_are_seen_within_the_classes_only() -> None:
    (real, labels), (fake, _) = three_classes(300, 1), three_classes(300, 2)
    wrong = labels.roll(1)
    right = intra_class_frechet(real, labels, fake, labels, 3)
    mistaken = intra_class_frechet(real, labels, fake, wrong, 3)
    assert (mistaken > 100 * right).all()
    one_hot = torch.eye(3)
    aware = [class_aware_frechet(real, one_hot[labels], fake, one_hot[y]) for y in (labels, wrong)]
    assert aware[1] > 100 * aware[0]


# Samplers of features: (n, seeded generator) -> (n, 16).
def gaussian(n: int, draw: torch.Generator) -> Tensor:
    return torch.randn(n, 16, generator=draw) * torch.linspace(1, 0.05, 16)


def rectified(n: int, draw: torch.Generator) -> Tensor:
    weights = torch.randn(8, 16, generator=torch.Generator().manual_seed(0))
    return (torch.randn(n, 8, generator=draw) @ weights).relu()


def mixture(n: int, draw: torch.Generator) -> Tensor:
    centres = 3 * torch.randn(5, 16, generator=torch.Generator().manual_seed(0))
    picks = torch.randint(5, (n,), generator=draw)
    return centres[picks] + 0.5 * torch.randn(n, 16, generator=draw)


@pytest.mark.parametrize("sampler", [gaussian, rectified, mixture])
@pytest.mark.parametrize(("n", "m"), [(300, 200), (64, 1000)])
def test_floor_is_what_equal_distributions_reach(
    sampler: Callable[[int, torch.Generator], Tensor], n: int, m: int
) -> None:
    draw = torch.Generator().manual_seed(1)
    reached = [frechet_distance(sampler(n, draw), sampler(m, draw)) for _ in range(600)]
    floor = frechet_floor(sampler(20_000, draw), n, m)
    assert sum(reached) / 600 == pytest.approx(floor, rel=0.06)


def test_floor_from_few_features_is_too_low_as_it_says() -> None:
    draw = torch.Generator().manual_seed(2)
    long = frechet_floor(gaussian(20_000, draw), 100, 100)
    for share, low in ((10, 0.93), (2, 0.6)):
        own = [frechet_floor(gaussian(share * 16, draw), 100, 100) for _ in range(40)]
        assert low * long < sum(own) / 40 < 1.01 * long


def test_floor_of_infinite_samples() -> None:
    real = normal(500, 8, 1)
    assert frechet_floor(real, math.inf, 500) == pytest.approx(frechet_floor(real, 500, 500) / 2)
    assert frechet_floor(real, math.inf, math.inf) == 0
    assert frechet_floor(real, 20, 70) == pytest.approx(frechet_floor(real, 70, 20))
    assert frechet_floor(torch.ones(5, 3), 5, 5) == 0


@pytest.mark.parametrize("shift", [0.0, 0.2])
def test_infinity_is_free_of_the_bias_in_n(shift: float) -> None:
    draw = torch.Generator().manual_seed(3)
    real = torch.randn(20_000, 8, generator=draw)
    exact = 8 * shift**2 + frechet_floor(real, math.inf, 20_000)
    answers, biased = [], []
    for seed in range(40):
        fake = torch.randn(200, 8, generator=draw) + shift
        answers.append(frechet_infinity(real, fake, seed=seed))
        biased.append(frechet_distance(real, fake))
    values = torch.tensor([answer.value for answer in answers])
    errors = torch.tensor([answer.standard_error for answer in answers])
    assert sum(biased) / 40 > exact + 0.1
    assert float(values.mean()) == pytest.approx(exact, abs=4 * float(values.std()) / 40**0.5)
    # Right where the distributions differ, up to twice too large where they do not.
    assert 0.75 < float(errors.square().mean().sqrt() / values.std()) < 2.6


def test_infinity_depends_on_its_seed_alone() -> None:
    real, fake = normal(300, 4, 1), normal(200, 4, 2)
    before = torch.get_rng_state()
    first = frechet_infinity(real, fake, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert frechet_infinity(real, fake, seed=1) == first
    assert frechet_infinity(real, fake, seed=2) != first
    # The sums of the blocks are taken about the real mean: far from 0 nothing is lost.
    far = frechet_infinity(real + 1e5, fake + 1e5, seed=1)
    assert far == pytest.approx(first, rel=1e-6)


def test_infinity_warns_of_too_few_samples() -> None:
    with pytest.warns(UserWarning, match="smallest subsets hold 20 samples for 16 dimensions"):
        frechet_infinity(normal(300, 16, 1), normal(100, 16, 2))


def test_intra_class_is_the_distance_of_each_class() -> None:
    (real, y), (fake, _) = three_classes(300, 1), three_classes(240, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = intra_class_frechet(real, y, fake, y[:240], 3)
    for k in range(3):
        assert float(found[k]) == frechet_distance(real[y == k], fake[y[:240] == k])


def test_intra_class_names_small_classes_and_says_nan_for_empty_ones() -> None:
    real, y = three_classes(300, 1)
    few = torch.tensor([0] * 60 + [1] * 39 + [2])
    with pytest.warns(UserWarning, match=r"classes 1, 2, 3 have fewer than 40 samples"):
        found = intra_class_frechet(real, y, real[:100], few, 4)
    assert found.isnan().tolist() == [False, False, True, True]


def test_class_aware_weighs_every_sample_by_its_probability() -> None:
    real, fake = normal(300, 3, 1), normal(200, 3, 2) + 0.5
    p, q = normal(300, 2, 3).softmax(dim=1), normal(200, 2, 4).softmax(dim=1)
    moments = [
        (np.average(x, axis=0, weights=w), np.cov(x, rowvar=False, aweights=w, ddof=0))
        for x, weights in ((real.numpy(), p.numpy()), (fake.numpy(), q.numpy()))
        for w in weights.T
    ]
    wanted = (by_scipy(*moments[0], *moments[2]) + by_scipy(*moments[1], *moments[3])) / 2
    assert class_aware_frechet(real, p, fake, q) == pytest.approx(wanted, rel=1e-9)
    # The scale of the weights is of no account.
    assert class_aware_frechet(real, p, fake, 3 * q) == pytest.approx(wanted, rel=1e-9)


def test_class_aware_with_one_hot_labels_is_the_mean_over_classes() -> None:
    (real, y), (fake, _) = three_classes(3000, 1), three_classes(3000, 2)
    one_hot = torch.eye(3)[y]
    aware = class_aware_frechet(real, one_hot, fake, one_hot)
    assert aware == pytest.approx(float(intra_class_frechet(real, y, fake, y, 3).mean()), rel=0.01)


X, Y = normal(60, 2, 1), torch.arange(60) % 2
P = torch.eye(2)[Y]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: frechet_distance(X[:1], X), "real_features hold 1 samples; .* at least 2"),
        (lambda: frechet_distance(X, X / 0), "fake_features hold NaN or Inf in 60 of 60 rows"),
        (lambda: frechet_distance(X, X[:, :1]), "2 dimensions and fake_features 1"),
        (lambda: frechet_distance(X.long(), X), "int64; give floats"),
        (lambda: frechet_floor(X, 1, 5), "n is 1 and m is 5"),
        (lambda: frechet_floor(X[:1], 5, 5), "features hold 1 samples"),
        (lambda: frechet_infinity(X, X, blocks=4), "blocks is 4; give at least 5"),
        (lambda: frechet_infinity(X, X[:19]), "fewer than 2 for each of 10 blocks"),
        (lambda: intra_class_frechet(X, Y, X, Y + 1, 2), "labels run from 1 to 2"),
        (lambda: intra_class_frechet(X, Y[:5], X, Y, 2), r"one label an image: \(60,\)"),
        (lambda: class_aware_frechet(X, P[:5], X, P), "real_probabilities hold 5 rows for 60"),
        (lambda: class_aware_frechet(X, P, X, -P), "fake_probabilities fall to -1"),
        (lambda: class_aware_frechet(X, P, X, P[:, :1]), "2 classes and fake_probabilities 1"),
        (lambda: class_aware_frechet(X, P, X, P * torch.tensor([1, 0])), "in classes 1; leave"),
    ],
)
def test_bad_input(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
