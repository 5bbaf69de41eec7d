"""D2D-CE against a double loop written from the equation, and the reference beside it."""

import math

import pytest
import slow_losses as slow
import torch
import torch.nn.functional as F
from situations import D, K, N, assert_agree, attached, gradients, judged, learning

from cgan_kit.losses import ReACGAN, ReACGANReference, d2d_ce, d2d_ce_reference
from cgan_kit.losses.sphere import SHORTEST, on_sphere


def sphere(seed=0, n=N, k=K, d=D, spread=1.0, labels=None):
    """Unit embeddings and proxies, as leaves, and labels; a small spread makes tight classes."""
    random = torch.Generator().manual_seed(seed)
    draw = {"generator": random, "dtype": torch.float64}
    y = torch.randint(0, k, (n,), generator=random) if labels is None else torch.tensor(labels)
    proxies = F.normalize(torch.randn(k, d, **draw), dim=1)
    noise = torch.randn(n, d, **draw)
    embeddings = F.normalize((proxies[y] if spread < 1 else 0) + spread * noise, dim=1)
    return embeddings.requires_grad_(), proxies.requires_grad_(), y


# τ, m_p, m_n: the paper's, margins that cut nothing off, all or much of either side.
SETTINGS = [
    (0.5, 0.98, 0.02),
    (0.25, 1.0, -1.0),
    (1.0, -1.0, 1.0),
    (0.1, 0.2, 0.3),
    (0.05, 0.6, -0.4),
]


@pytest.mark.parametrize(("tau", "m_p", "m_n"), SETTINGS)
@pytest.mark.parametrize("spread", [1.0, 0.2])
def test_d2d_ce_is_the_equation(tau, m_p, m_n, spread):
    f, v, y = sphere(spread=spread)
    fast, expected = d2d_ce(f, v, y, tau, m_p, m_n), slow.d2d_ce(f, v, y, tau, m_p, m_n)
    torch.testing.assert_close(fast, expected, rtol=1e-10, atol=1e-10)
    if (m_p, m_n) == (-1.0, 1.0):  # everything is near enough and far enough
        assert all((g == 0).all() for g in gradients(fast, [f, v]))
    else:
        assert_agree(fast, expected, [f, v])


@pytest.mark.parametrize("name", ["discriminator", "generator"])
def test_the_discriminator_learns_from_real_images_and_the_generator_from_fakes(name):
    method = attached(ReACGAN(0.7, 0.4, 0.9, 0.1, projection_dim=D))
    real, fake = judged(1), judged(2)
    part = real if name == "discriminator" else fake
    loss = method.discriminator_loss(real, fake) if part is real else method.generator_loss(fake)
    f = [slow.unit(slow.affine(method.head.projection, x)) for x in slow.rows(part.features)]
    v = [slow.unit(row) for row in slow.rows(method.head.proxy_matrix.weight)]
    f, v = (torch.stack([torch.stack(row) for row in matrix]) for matrix in (f, v))
    expected = 0.7 * slow.d2d_ce(f, v, part.labels, 0.4, 0.9, 0.1)
    assert_agree(loss, expected, [real.features, fake.features, *learning(method)])


@pytest.mark.parametrize("name", ["discriminator", "generator"])
def test_the_reference_class_puts_the_reference_arithmetic_in_the_same_place(name):
    method = attached(ReACGANReference(0.7, 0.4, 0.9, projection_dim=D))
    real, fake = judged(1), judged(2)
    part = real if name == "discriminator" else fake
    loss = method.discriminator_loss(real, fake) if part is real else method.generator_loss(fake)
    f, v = method.head.embed(part.features), method.head.proxies()
    expected = 0.7 * slow.d2d_ce_reference(f, v, part.labels, 0.4, 0.9)
    assert_agree(loss, expected, [real.features, fake.features, *learning(method)])
    assert method.margin_negative == pytest.approx(0.1)


@pytest.mark.parametrize(("tau", "m_p"), [(0.5, 0.98), (0.25, 1.0), (0.1, 0.6)])
@pytest.mark.parametrize("spread", [1.0, 0.2])
def test_the_reference_takes_the_largest_similarity_off_the_negatives_alone(tau, m_p, spread):
    f, v, y = sphere(spread=spread)
    loss = d2d_ce_reference(f, v, y, tau, m_p)
    assert_agree(loss, slow.d2d_ce_reference(f, v, y, tau, m_p), [f, v])
    equation = d2d_ce(f, v, y, tau, m_p, 1 - m_p)
    assert (equation - loss).abs() > 1e-3, "the two differ"
    # Taken off both sides of the fraction, the shift cancels.
    assert_agree(equation, slow.d2d_ce_reference(f, v, y, tau, m_p, True), [f, v])


def test_where_nothing_is_shifted_the_reference_is_the_equation():
    # Orthogonal embeddings and m_p = 1: every similarity is m_n = 0, and so is the largest.
    f = torch.eye(4, dtype=torch.float64, requires_grad=True)
    _, v, _ = sphere(k=2, d=4)
    y = torch.tensor([0, 1, 0, 1])
    assert_agree(d2d_ce_reference(f, v, y, 0.3, 1.0), d2d_ce(f, v, y, 0.3, 1.0, 0.0), [f, v])


def test_in_tight_classes_at_a_small_temperature_the_references_gradient_fades():
    f, v, y = sphere(n=16, k=4, d=8, spread=0.05)
    (exact,) = gradients(d2d_ce(f, v, y, 0.02, 1.0, 0.0), [f])
    (faded,) = gradients(d2d_ce_reference(f, v, y, 0.02, 1.0), [f])
    assert faded.norm() < 1e-3 * exact.norm()


def two_images(to_proxy: float, between: float):
    """Two classes in the plane, one image each between its proxy and the other image."""
    apart, beside = math.acos(between), math.acos(to_proxy)
    angles = torch.tensor([0, apart, -beside, apart + beside], dtype=torch.float64)
    points = torch.stack([angles.cos(), angles.sin()], dim=1)
    return points[:2].requires_grad_(), points[2:], torch.tensor([0, 1])


def test_by_hand_for_two_images():
    f, v, y = two_images(to_proxy=0.5, between=0.25)
    positive, negative = (0.5 - 0.9) / 0.5, (0.25 - 0.1) / 0.5
    expected = math.log(1 + math.exp(negative - positive))
    assert d2d_ce(f, v, y, 0.5, 0.9, 0.1).item() == pytest.approx(expected, rel=1e-12)


def test_a_positive_beyond_its_margin_and_a_negative_below_its_own_move_nothing():
    f, v, y = two_images(to_proxy=0.95, between=-0.2)
    (slope,) = gradients(d2d_ce(f, v, y, 0.5, 0.9, 0.1), [f])
    assert (slope == 0).all()
    (slope,) = gradients(d2d_ce(f, v, y, 0.5, 0.96, 0.1), [f])
    assert (slope != 0).any(), "the positive pulls again"
    (slope,) = gradients(d2d_ce(f, v, y, 0.5, 0.9, -0.3), [f])
    assert (slope != 0).any(), "the negative pushes again"


def test_a_step_downhill_brings_images_to_their_proxy_and_apart_from_other_classes():
    f, v, y = two_images(to_proxy=0.5, between=0.5)
    (slope,) = gradients(d2d_ce(f, v, y, 0.5, 0.98, 0.02), [f])
    after = F.normalize(f - 0.05 * slope, dim=1)
    assert ((after * v).sum(dim=1) > (f * v).sum(dim=1)).all()
    assert after[0] @ after[1] < f[0] @ f[1]


@pytest.mark.parametrize("length", [0.0, 1e-30, 1e-12, 1e-6, 0.5e-3, 1e-3, 2e-3, 1.0, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_on_sphere_has_a_slope_of_at_most_a_thousand(length, dtype):
    direction = F.normalize(torch.randn(5, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    vectors = (length * direction).to(dtype).requires_grad_()
    ends = on_sphere(vectors)
    expected = min(1.0, length / SHORTEST)
    torch.testing.assert_close(ends.norm(dim=1), torch.full((5,), expected, dtype=dtype))
    for seed in range(10):
        pull = torch.randn(5, 8, generator=torch.Generator().manual_seed(seed)).to(dtype)
        (slope,) = torch.autograd.grad(ends, vectors, pull, retain_graph=True)
        assert torch.isfinite(slope).all()
        assert (slope.norm(dim=1) <= 1000 * pull.norm(dim=1) * (1 + 1e-5)).all()
    if length <= 0.5e-3:
        torch.testing.assert_close(slope, 1000 * pull)


@pytest.mark.parametrize("spectral_norm", [False, True])
def test_spectral_norm_is_a_dial_of_the_head_and_moves_no_proxy(spectral_norm):
    method = ReACGAN(projection_dim=D, spectral_norm=spectral_norm)
    torch.manual_seed(0)
    method.attach(5, K)
    head = method.head
    if not spectral_norm:
        assert not hasattr(head.projection, "parametrizations")
        return
    for _ in range(50):  # each look is one power iteration
        matrices = [head.projection.weight, head.proxy_matrix.weight]
    for matrix in matrices:
        assert torch.linalg.svdvals(matrix)[0].item() == pytest.approx(1, rel=1e-3)
    free = head.proxy_matrix.parametrizations.weight.original
    torch.testing.assert_close(head.proxies(), F.normalize(free, dim=1))


def test_accuracy_is_the_share_of_images_nearest_to_their_own_proxy():
    method, part = attached(ReACGAN(projection_dim=D)), judged(5)
    cosines = method.head.embed(part.features) @ method.head.proxies().T
    labels = cosines.argmax(dim=1)
    labels[0] = (labels[0] + 1) % K
    seen = method.observe(part._replace(labels=labels))
    assert seen["accuracy"].item() == pytest.approx((N - 1) / N)
