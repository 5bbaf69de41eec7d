"""The real/fake game, against its formulas written again from the papers, one score at a time."""

import math

import pytest
import torch

from cgan_kit import losses
from cgan_kit.losses import AdversarialLoss

RANDOM = torch.Generator().manual_seed(0)
REAL = 3 * torch.randn(40, generator=RANDOM, dtype=torch.float64)
FAKE = 3 * torch.randn(40, generator=RANDOM, dtype=torch.float64)


def sigmoid(t: float) -> float:
    return 1 / (1 + math.exp(-t))


# For one pair of scores (r, f): the discriminator's loss, the generator's.
FORMULAS = {
    "minimax": (
        lambda r, f: -math.log(sigmoid(r)) - math.log(1 - sigmoid(f)),
        lambda r, f: math.log(1 - sigmoid(f)),
    ),
    "non_saturating": (
        lambda r, f: -math.log(sigmoid(r)) - math.log(1 - sigmoid(f)),
        lambda r, f: -math.log(sigmoid(f)),
    ),
    "least_squares": (
        lambda r, f: 0.5 * (r - 1) ** 2 + 0.5 * f**2,
        lambda r, f: 0.5 * (f - 1) ** 2,
    ),
    "hinge": (
        lambda r, f: -min(0, r - 1) - min(0, -f - 1),
        lambda r, f: -f,
    ),
    "wasserstein": (lambda r, f: f - r, lambda r, f: -f),
    "relativistic": (
        lambda r, f: -math.log(sigmoid(r - f)),
        lambda r, f: -math.log(sigmoid(f - r)),
    ),
}
PAIRS = {name: getattr(losses, name) for name in FORMULAS}


def test_every_pair_of_the_package_is_tested_and_knows_its_name():
    exported = {name for name in losses.__all__ if isinstance(vars(losses)[name], AdversarialLoss)}
    assert exported == set(FORMULAS)
    assert all(pair.name == name for name, pair in PAIRS.items())


@pytest.mark.parametrize("name", FORMULAS)
def test_values_are_those_of_the_formulas(name):
    d_formula, g_formula = FORMULAS[name]
    pairs = list(zip(REAL.tolist(), FAKE.tolist(), strict=True))
    d_slow = sum(d_formula(r, f) for r, f in pairs) / len(pairs)
    g_slow = sum(g_formula(r, f) for r, f in pairs) / len(pairs)
    assert PAIRS[name].discriminator(REAL, FAKE).item() == pytest.approx(d_slow, abs=1e-12)
    assert PAIRS[name].generator(REAL, FAKE).item() == pytest.approx(g_slow, abs=1e-12)


def slopes(loss, real, fake):
    real, fake = real.clone().requires_grad_(), fake.clone().requires_grad_()
    grads = torch.autograd.grad(loss(real, fake), [real, fake], allow_unused=True)
    return [torch.zeros_like(real) if g is None else g for g in grads]


@pytest.mark.parametrize("name", FORMULAS)
def test_gradients_point_where_each_player_wants_to_go(name):
    real = torch.linspace(-0.9, 0.9, 9, dtype=torch.float64)
    fake = real.flip(0)
    d_real, d_fake = slopes(PAIRS[name].discriminator, real, fake)
    assert (d_real < 0).all(), "the discriminator raises the scores of real images"
    if name == "least_squares":
        assert torch.equal(d_fake.sign(), fake.sign())  # towards 0
    else:
        assert (d_fake > 0).all(), "the discriminator lowers the scores of fakes"
    g_real, g_fake = slopes(PAIRS[name].generator, real, fake)
    assert (g_fake < 0).all(), "the generator raises the scores of its fakes"
    assert (g_real != 0).any() == PAIRS[name].relative


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients_stay_finite_for_scores_of_ten_thousand(name, dtype):
    extremes = torch.tensor([-1e4, -1e4, 0.0, 1e4, 1e4], dtype=dtype)
    for real, fake in ((extremes, extremes), (extremes, extremes.flip(0))):
        for loss in (PAIRS[name].discriminator, PAIRS[name].generator):
            assert torch.isfinite(loss(real, fake))
            assert all(torch.isfinite(g).all() for g in slopes(loss, real, fake))


def test_an_undecided_discriminator_loses_two_log_two():
    half = torch.zeros(5, dtype=torch.float64)  # D = sigmoid(0) = 1/2 everywhere
    assert losses.minimax.discriminator(half, half).item() == pytest.approx(2 * math.log(2))
    assert losses.relativistic.discriminator(half, half).item() == pytest.approx(math.log(2))


def test_the_minimax_optimum_is_the_share_of_real_density():
    # Goodfellow et al. 2014, proposition 1: with p_real = 3 p_fake at x, D*(x) = 3/4. Here x is
    # among 3 of 4 real images and 1 of 4 fakes; the others get a score without influence.
    rest = torch.zeros(1, dtype=torch.float64)

    def slope_at(score: float) -> float:
        t = torch.tensor([score], dtype=torch.float64, requires_grad=True)
        loss = losses.minimax.discriminator(torch.cat([t, t, t, rest]), torch.cat([t, *[rest] * 3]))
        return torch.autograd.grad(loss, t)[0].item()

    assert slope_at(math.log(3)) == pytest.approx(0, abs=1e-12)
    assert slope_at(math.log(3) - 0.1) < 0 < slope_at(math.log(3) + 0.1)


def test_least_squares_and_hinge_are_at_rest_at_their_targets():
    ones, zeros = torch.ones(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    assert losses.least_squares.discriminator(ones, zeros) == 0
    assert losses.least_squares.generator(zeros, ones) == 0
    assert losses.hinge.discriminator(ones, -ones) == 0
    assert losses.hinge.discriminator(5 * ones, -5 * ones) == 0


def test_saturation_tells_minimax_from_non_saturating():
    poor = torch.full((1,), -8.0, dtype=torch.float64)
    _, weak = slopes(losses.minimax.generator, poor, poor)
    _, strong = slopes(losses.non_saturating.generator, poor, poor)
    assert weak.abs().item() == pytest.approx(sigmoid(-8))
    assert strong.abs().item() == pytest.approx(1 - sigmoid(-8))


def test_relativistic_depends_on_the_pairing_and_on_differences_alone():
    loss = losses.relativistic.discriminator
    assert loss(REAL + 5, FAKE + 5).item() == pytest.approx(loss(REAL, FAKE).item())
    assert loss(REAL, FAKE.sort().values).item() != pytest.approx(loss(REAL, FAKE).item())
