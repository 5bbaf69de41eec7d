import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

import cgan_kit.data
from cgan_kit.data.gaussians import Gaussians

LAYOUTS = [
    {"layout": "ring"},
    {"layout": "ring", "classes": 3, "modes": 4, "standard_deviation": 0.4},
    {"layout": "grid", "classes": 25},
    {"layout": "line"},
    {"layout": "pair", "standard_deviation": 0.7},
]


def load(**options) -> Gaussians:
    return cgan_kit.data.load("gaussians", **options)


@pytest.fixture(params=LAYOUTS, ids=lambda options: "-".join(map(str, options.values())))
def data(request):
    return load(samples=4000, **request.param)


def scattered(seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(200, 2, generator=generator, dtype=torch.float64)


def test_log_density_is_scipys(data):
    points = scattered()
    covariance = data.standard_deviation**2 * np.eye(2)
    expected = np.stack(
        [
            np.mean(
                [stats.multivariate_normal(c, covariance).pdf(points) for c in modes.numpy()],
                axis=0,
            )
            for modes in data.centres
        ],
        axis=1,
    )
    np.testing.assert_allclose(data.log_density(points).exp(), expected, rtol=1e-10)


def test_in_eight_dimensions_too():
    data = load(layout="sphere", classes=20, modes=2, samples=40_000)
    assert data.sample_shape == (8,)
    points = torch.randn(50, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    normal = [stats.multivariate_normal(c, 0.09 * np.eye(8)) for c in data.centres[3].numpy()]
    expected = np.mean([each.pdf(points) for each in normal], axis=0)
    np.testing.assert_allclose(data.log_density(points).exp()[:, 3], expected, rtol=1e-10)
    torch.testing.assert_close(data.centres.norm(dim=2), torch.full((20, 2), 2.0).double())
    of_class = data.points[data.labels == 3].double()
    torch.testing.assert_close(of_class.mean(0), data.centres[3].mean(0), rtol=0, atol=0.1)
    assert data.posterior(data.points)[torch.arange(40_000), data.labels].mean() > 0.97
    with pytest.raises(ValueError, match="have 8 axes"):
        data.conditional_entropy()
    with pytest.raises(ValueError, match=r"give floats \(n, 8\)"):
        data.log_density(points[:, :2])


def test_log_marginal_integrates_to_one(data):
    ticks = torch.linspace(-8, 8, 321, dtype=torch.float64)
    points = torch.cartesian_prod(ticks, ticks)
    mass = data.log_marginal(points).exp().sum() * (ticks[1] - ticks[0]) ** 2
    assert mass.item() == pytest.approx(1, abs=1e-8)


def test_posterior_is_bayes_with_equal_classes(data):
    points = scattered()
    density = data.log_density(points).exp()
    expected = density / density.sum(1, keepdim=True)
    assert torch.allclose(data.posterior(points), expected, atol=1e-12)


def test_densities_stay_finite_far_away(data):
    far = torch.tensor([[1e4, -1e4]])
    assert data.log_density(far).isfinite().all()
    assert data.posterior(far).sum().item() == pytest.approx(1)


@pytest.mark.parametrize("standard_deviation", [0.1, 0.5, 1.0, 4.0])
def test_entropy_of_a_pair_is_the_one_dimensional_integral(standard_deviation):
    def integrand(x: float) -> float:
        # −log p(y=1|x) for centres at ±1 is softplus(−2x / s²)
        surprise = np.logaddexp(0, -2 * x / standard_deviation**2)
        return float(stats.norm.pdf(x, 1, standard_deviation) * surprise)

    reach = 12 * standard_deviation
    expected, _ = integrate.quad(integrand, 1 - reach, 1 + reach, epsabs=1e-13, limit=200)
    entropy = load(layout="pair", standard_deviation=standard_deviation).conditional_entropy()
    assert entropy == pytest.approx(expected, abs=1e-9)


def test_entropy_is_the_mean_surprise_of_the_truth(data):
    labels = torch.arange(40_000) % data.num_classes
    points = data.draw(labels, seed=5).double()
    surprise = -data.posterior(points).clamp_min(1e-300).log()
    surprise = surprise.gather(1, labels[:, None]).flatten()
    error = surprise.std().item() / math.sqrt(len(labels))
    assert data.conditional_entropy() == pytest.approx(surprise.mean().item(), abs=5 * error + 1e-7)


def test_entropy_ends_at_zero_and_log_k():
    assert load(classes=5, standard_deviation=0.01).conditional_entropy() == pytest.approx(0)
    wide = load(classes=5, standard_deviation=500.0).conditional_entropy()
    assert wide == pytest.approx(math.log(5), abs=1e-4)


def test_samples_have_the_mean_and_spread_they_say():
    data = load(layout="line", samples=30_000, seed=2)
    for k, centre in enumerate((-2.0, 0.0, 2.0)):
        points = data.points[data.labels == k]
        assert points.mean(0).tolist() == pytest.approx([centre, 0], abs=0.05)
        assert points.std(0).tolist() == pytest.approx([1, 1], abs=0.03)


def test_centres_stand_where_the_layout_says():
    assert load(layout="pair").centres.flatten().tolist() == [-1, 0, 1, 0]
    ring = load(layout="ring", classes=10).centres
    assert ring.norm(dim=2).flatten().tolist() == pytest.approx([2.0] * 10)
    grid = load(layout="grid", classes=9).centres
    assert grid[0, 0].tolist() == [-2, 2]
    assert grid[4, 0].tolist() == [0, 0]


def test_modes_take_turns_along_the_pattern():
    centres = load(layout="line", classes=2, modes=3).centres
    assert centres[0, :, 0].tolist() == [-5, -1, 3]
    assert centres[1, :, 0].tolist() == [-3, 1, 5]


def test_every_mode_of_a_class_is_drawn():
    data = load(layout="line", classes=2, modes=3, standard_deviation=0.05, samples=600)
    nearest = (data.points[data.labels == 0, :1] - data.centres[0, :, 0].float()).abs().argmin(1)
    assert torch.bincount(nearest, minlength=3).min() > 60


def test_classes_share_the_samples_evenly():
    assert load(classes=3, samples=11).class_counts().tolist() == [4, 4, 3]


def test_seed_and_options_make_the_set_again():
    data = load(layout="grid", classes=16, seed=4, samples=500)
    assert cgan_kit.data.load(data.name, **data.options).fingerprint() == data.fingerprint()
    assert load(layout="grid", classes=16, seed=5, samples=500).fingerprint() != data.fingerprint()


def test_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    load(samples=50).draw(torch.zeros(5).long())
    assert torch.equal(torch.get_rng_state(), before)


def test_a_split_keeps_the_truth():
    data = load(samples=400)
    train, held = data.split(0.2)
    assert (len(train), len(held)) == (320, 80)
    points = scattered()
    assert torch.equal(held.log_density(points), data.log_density(points))


def test_log_density_has_the_gradient_of_the_score():
    data = load(layout="pair")
    points = scattered().requires_grad_()
    (score,) = torch.autograd.grad(data.log_density(points)[:, 0].sum(), points)
    assert torch.allclose(score, data.centres[0, 0] - points)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "circle"}, "layout is 'circle'; choose one of ring, grid, line, pair"),
        ({"layout": "pair", "classes": 3}, "classes is 3 but a pair has 2"),
        ({"layout": "pair", "modes": 2}, "modes is 2 but a pair has 1"),
        ({"layout": "grid", "classes": 10}, "10, which fills no square grid; 9 and 16 do"),
        ({"classes": 1}, "classes is 1"),
        ({"classes": 2.5}, "classes is 2.5; give a whole number"),
        ({"modes": 0}, "modes is 0"),
        ({"standard_deviation": 0.0}, "standard_deviation is 0.0"),
        ({"standard_deviation": float("inf")}, "standard_deviation is inf"),
        ({"samples": 3}, "samples is 3 but there are 8 classes"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        load(**options)


def test_points_of_another_shape_are_named():
    with pytest.raises(ValueError, match=r"points have shape \(3,\)"):
        load(samples=8).log_density(torch.zeros(3))
