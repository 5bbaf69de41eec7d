"""z: standard normal, and the truncation that widgets and metrics apply to it."""

import math

import pytest
import torch
from scipy import stats

from cgan_kit.models import draw_latents, truncate

LATENTS = draw_latents(4000, 5, torch.Generator().manual_seed(1))


def test_latents_are_standard_normal_and_repeat_with_their_generator():
    again = draw_latents(4000, 5, torch.Generator().manual_seed(1))
    assert torch.equal(LATENTS, again)
    assert LATENTS.dtype == torch.float32
    assert stats.kstest(LATENTS.flatten().numpy(), "norm").pvalue > 1e-3


@pytest.mark.parametrize("bound", [0.2, 1.0, 2.5])
def test_truncated_latents_follow_the_truncated_normal(bound):
    moved = truncate(LATENTS, bound).flatten().numpy()
    assert abs(moved).max() <= bound
    assert stats.kstest(moved, stats.truncnorm(-bound, bound).cdf).pvalue > 1e-3


def test_each_coordinate_keeps_its_quantile():
    moved = truncate(LATENTS.double(), 1.5)
    wanted = stats.truncnorm(-1.5, 1.5).ppf(stats.norm.cdf(LATENTS.double().numpy()))
    assert torch.allclose(moved, torch.from_numpy(wanted), atol=1e-9)


def test_no_bound_gives_the_same_latents_to_the_bit():
    assert torch.equal(truncate(LATENTS, math.inf), LATENTS)


def test_a_bound_that_nothing_reaches_changes_nothing_worth_seeing():
    for bound in (6.0, 8.0, 9.0, 100.0):
        assert torch.allclose(truncate(LATENTS, bound), LATENTS, atol=1e-5)


def test_extreme_latents_stay_within_every_bound():
    extreme = torch.tensor([[-9.0, -6.0, 0.0, 6.0, 9.0]])
    for bound in (0.01, 1.0, 5.0, 8.0, 9.0, 100.0):
        moved = truncate(extreme, bound)
        assert torch.isfinite(moved).all(), bound
        assert moved.abs().max() <= bound


def test_order_is_kept_and_a_tighter_bound_moves_everything_inwards():
    line = torch.linspace(-4, 4, 101, dtype=torch.float64)[None]
    previous = line
    for bound in (3.0, 2.0, 1.0, 0.5, 0.1):
        moved = truncate(line, bound)
        assert (moved.diff() > 0).all()
        assert (moved.abs() <= previous.abs() + 1e-12).all()
        assert torch.equal(moved.sign(), line.sign())
        previous = moved
