"""D2D-CE and 2C on whatever batch hypothesis thinks of."""

from __future__ import annotations

from typing import NamedTuple

import slow_losses as slow
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from situations import gradients
from torch import Tensor

from cgan_kit.losses import conditional_contrastive, d2d_ce, d2d_ce_reference

some = settings(deadline=None, max_examples=50, derandomize=True, database=None)
MARGINS = st.floats(-1, 1)
TEMPERATURES = st.sampled_from([0.05, 0.1, 0.25, 0.5, 1.0, 3.0])


class Batch(NamedTuple):
    f: Tensor
    v: Tensor
    y: Tensor

    @property
    def leaves(self) -> list[Tensor]:
        return [self.f, self.v]


@st.composite
def batches(draw, most_images=8) -> Batch:
    """1 to 8 images of 1 to 6 classes in 2 to 6 dimensions, from even to all in one class, from
    scattered to tight clusters, images repeated or opposite ones among them."""
    n, k, d = draw(st.integers(1, most_images)), draw(st.integers(1, 6)), draw(st.integers(2, 6))
    random = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    labels = torch.randint(0, k, (n,), generator=random)
    labels[torch.rand(n, generator=random) < draw(st.sampled_from([0, 0.5, 0.9, 1]))] = 0
    v = F.normalize(torch.randn(k, d, generator=random, dtype=torch.float64), dim=1)
    noise = torch.randn(n, d, generator=random, dtype=torch.float64)
    f = F.normalize(draw(st.sampled_from([0, 1, 10])) * v[labels] + noise, dim=1)
    if n > 1 and draw(st.booleans()):
        f[1] = draw(st.sampled_from([1, -1])) * f[0]
    return Batch(f.requires_grad_(), v.requires_grad_(), labels)


def assert_equal(fast: Tensor, expected: Tensor, leaves: list[Tensor]) -> None:
    torch.testing.assert_close(fast, expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(
        gradients(fast, leaves), gradients(expected, leaves), rtol=1e-10, atol=1e-10
    )


@some
@given(batches(), TEMPERATURES, MARGINS, MARGINS)
def test_d2d_ce_is_the_equation(batch, tau, m_p, m_n):
    fast = d2d_ce(*batch, tau, m_p, m_n)
    assert_equal(fast, slow.d2d_ce(*batch, tau, m_p, m_n), batch.leaves)
    assert fast >= 0


@some
@given(batches(), TEMPERATURES)
def test_2c_is_the_equation(batch, tau):
    fast = conditional_contrastive(*batch, tau)
    assert_equal(fast, slow.conditional_contrastive(*batch, tau), batch.leaves)
    assert fast >= -1e-15


@some
@given(batches(), TEMPERATURES, st.floats(0, 1))
def test_the_reference_is_its_arithmetic(batch, tau, m_p):
    fast = d2d_ce_reference(*batch, tau, m_p)
    if len(batch.y) == 1:
        assert fast == 0
    else:
        assert_equal(fast, slow.d2d_ce_reference(*batch, tau, m_p), batch.leaves)


@some
@given(batches(most_images=20), TEMPERATURES, MARGINS, MARGINS, st.randoms(use_true_random=False))
def test_the_order_of_images_and_the_names_of_classes_change_nothing(batch, tau, m_p, m_n, dice):
    f, v, y = batch
    order = torch.tensor(dice.sample(range(len(y)), len(y)))
    names = torch.tensor(dice.sample(range(len(v)), len(v)))  # class k is now called names[k]
    again = Batch(f[order], v[names.argsort()], names[y[order]])
    for loss in (
        lambda b: d2d_ce(*b, tau, m_p, m_n),
        lambda b: d2d_ce_reference(*b, tau, abs(m_p)),
        lambda b: conditional_contrastive(*b, tau),
    ):
        assert_equal(loss(batch), loss(again), batch.leaves)


@some
@given(batches(most_images=20), TEMPERATURES, MARGINS, MARGINS)
def test_on_unit_vectors_slopes_are_bounded_by_the_temperature(batch, tau, m_p, m_n):
    # Row i pulls with 1 - q_i on f_i and on its proxy, and its negatives, whose shares sum to
    # 1 - q_i, push f_i and each other: 3 (1 - q_i) / (N τ) in all. In 2C the shares of the
    # fraction's two sides differ by at most 2, felt by f_i and by those it is compared with.
    n = len(batch.y)
    for loss, most in (
        (d2d_ce(*batch, tau, m_p, m_n), 3),
        (conditional_contrastive(*batch, tau), 4),
    ):
        of_images, of_proxies = gradients(loss, batch.leaves)
        assert of_images.norm(dim=1).sum() <= most / tau * (1 + 1e-9)
        assert of_images.norm(dim=1).max() <= (most - 1 + n) / (n * tau) * (1 + 1e-9)
        assert of_proxies.norm(dim=1).sum() <= 2 / tau


@some
@given(batches(), TEMPERATURES, MARGINS, MARGINS, MARGINS)
def test_a_stricter_margin_never_lowers_d2d_ce(batch, tau, one, other, fixed):
    low, high = sorted((one, other))
    tiny = 1e-12
    # To ask for more nearness of the proxy, or for more distance of the others, costs more.
    assert d2d_ce(*batch, tau, high, fixed) >= d2d_ce(*batch, tau, low, fixed) - tiny
    assert d2d_ce(*batch, tau, fixed, low) >= d2d_ce(*batch, tau, fixed, high) - tiny


@some
@given(batches(), TEMPERATURES, MARGINS, MARGINS)
def test_a_turn_of_the_whole_sphere_changes_nothing(batch, tau, m_p, m_n):
    f, v, y = batch
    d = f.shape[1]
    noise = torch.randn(d, d, generator=torch.Generator().manual_seed(d), dtype=torch.float64)
    turn = torch.linalg.qr(noise).Q
    turned = Batch(f @ turn, v @ turn, y)
    for loss in (
        lambda b: d2d_ce(*b, tau, m_p, m_n).detach(),
        lambda b: conditional_contrastive(*b, tau).detach(),
    ):
        torch.testing.assert_close(loss(turned), loss(batch), rtol=1e-9, atol=1e-9)


@some
@given(batches(), TEMPERATURES, MARGINS, MARGINS)
def test_classes_alone_in_the_batch_and_unused_proxies(batch, tau, m_p, m_n):
    f, v, y = batch
    unused = [k for k in range(len(v)) if k not in y.tolist()]
    for loss in (d2d_ce(f, v, y, tau, m_p, m_n), conditional_contrastive(f, v, y, tau)):
        _, of_proxies = gradients(loss, batch.leaves)
        assert (of_proxies[unused] == 0).all()
        if len(y.unique()) == 1:
            assert loss == 0
            assert all((slope == 0).all() for slope in gradients(loss, batch.leaves))
