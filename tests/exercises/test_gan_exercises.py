"""Right answers pass, blank ones do not, and each known fault is called by its name."""

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import cgan_kit as kit
from cgan_kit.exercises.gan import (
    check_best_discriminator,
    check_discriminator_loss,
    check_generator_loss,
    check_three_generators,
    three_generators,
)
from cgan_kit.losses import minimax, non_saturating, relativistic
from cgan_kit.metrics import gaussian_modes

RIGHT = {"A": "uneven", "B": "collapsed", "C": "blurred"}
FUNCTIONS = (check_discriminator_loss, check_generator_loss, check_best_discriminator)


def test_right_answers_pass(capsys: pytest.CaptureFixture[str]) -> None:
    for check, sign in ((check_discriminator_loss, 1), (check_generator_loss, -1)):
        assert check(lambda r, f, s=sign: F.softplus(s * (f - r)).mean())
        assert check(lambda r, f, s=sign: -F.logsigmoid(s * (r - f)).mean())
        assert check(lambda r, f, s=sign: (s * (f - r)).logaddexp(torch.zeros(())).mean())
    assert check_discriminator_loss(relativistic.discriminator)
    assert check_generator_loss(relativistic.generator)
    assert check_generator_loss(lambda r, f: relativistic.generator(r.detach(), f))
    assert check_best_discriminator(lambda p, q: torch.sigmoid(p - q))
    assert check_best_discriminator(lambda p, q: 1 / (1 + (q - p).exp()))
    assert check_best_discriminator(lambda p, q: torch.sigmoid(p - q).numpy())
    assert check_three_generators(RIGHT)
    assert check_three_generators({"A": " Uneven", "B": "COLLAPSED", "C": "blurred "})
    assert capsys.readouterr().out.count("Right") == 14


def test_blank_answers_do_not_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_discriminator_loss(lambda r, f: ...)
    assert not check_generator_loss(lambda r, f: ...)
    assert not check_best_discriminator(lambda p, q: ...)
    assert not check_three_generators({"A": ..., "B": ..., "C": ...})
    assert not check_three_generators({})
    assert capsys.readouterr().out.count("Not yet") == 5


def test_whatever_is_handed_in_gets_one_line(
    malformed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for check in FUNCTIONS:
        assert check(malformed) is False
        assert check(lambda *given: malformed) is False
    assert check_three_generators(malformed) is False
    assert check_three_generators({**RIGHT, "B": malformed}) is False
    lines = capsys.readouterr().out.splitlines()
    assert [line[:9] for line in lines] == ["Not yet: "] * 8


@pytest.mark.parametrize("far", [torch.zeros(2, 2), "text", None, torch.tensor(math.nan)])
def test_another_kind_or_shape_at_the_second_call(
    far: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def only_near(right: Any) -> Any:
        return lambda a, b: far if a.abs().min() > 100 else right(a, b)

    assert not check_discriminator_loss(only_near(relativistic.discriminator))
    assert not check_generator_loss(only_near(relativistic.generator))
    assert not check_best_discriminator(only_near(lambda p, q: torch.sigmoid(p - q)))
    lines = capsys.readouterr().out.splitlines()
    assert [line[:20] for line in lines] == ["Not yet: it is right"] * 3


@pytest.mark.parametrize("player", ["D", "G"])
@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda r, f: F.softplus(r - f).mean(), "s loss: the sign inside is turned round"),
        (lambda r, f: F.softplus(f.mean() - r.mean()), "taken before the softplus"),
        (lambda r, f: F.logsigmoid(r - f).mean(), "and a loss is minimised"),
        (lambda r, f: F.logsigmoid(f - r).mean(), "its slope is lost"),
        (lambda r, f: F.softplus(f - r).sum(), "take the mean"),
        (lambda r, f: F.softplus(f - r).mean() / 2, "it is half of the loss"),
        (lambda r, f: F.softplus(f - r).mean() * 2, "it is twice the loss"),
        (lambda r, f: (f - r).mean(), "Wasserstein's loss, which has no bound"),
        (lambda r, f: (f - r).sigmoid().mean(), "the logarithm is missing"),
        (lambda r, f: F.softplus(f[None] - r[:, None]).mean(), "pair i with i only"),
        (lambda r, f: F.softplus(f - r), "shape (6,); a loss is one number"),
        (lambda r, f: (f - r).log().mean(), "it is NaN: 0 / 0, inf - inf, or the log of a neg"),
        (
            lambda r, f: (1 + (f - r).exp()).log().mean(),
            "by 300: there it is inf, not 300.0. In float32",
        ),
        (
            lambda r, f: -(r - f).sigmoid().log().mean(),
            "by 300: there it is inf, not 300.0. In float32",
        ),
        (lambda r, f: r.no_such_thing, "it raised AttributeError: 'Tensor' object has no"),
        (lambda r, f: F.softplus(f - r).mean().item(), "it is a float; return a torch tensor (no"),
        (
            lambda r, f: float(F.softplus(f - r).mean().detach()),
            "it is a float; return a torch tensor (no",
        ),
        (lambda r, f: F.softplus(f - r).mean().detach(), "no gradient flows through it: keep it"),
        (lambda r, f: F.softplus(f.detach() - r.detach()).mean(), "no gradient flows through it"),
        (lambda r, f: np.logaddexp(0, f - r).mean(), "NumPy lets no gradient through"),
        (
            lambda r, f: torch.tensor(np.logaddexp(0, (f - r).detach().numpy()).mean()),
            "no gradient flows through it",
        ),
        (lambda r, f: r.mean() + 0 * f.mean(), "it should be"),
    ],
)
def test_wrong_losses(
    player: str, wrong: Any, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of G are those of D with the scores changed over."""
    if player == "D":
        assert not check_discriminator_loss(wrong)
    else:
        assert not check_generator_loss(lambda r, f: wrong(f, r))
    out = capsys.readouterr().out
    assert named in out
    assert "G's loss" not in out or player == "D"
    assert "D's loss" not in out or player == "G"


@pytest.mark.parametrize(
    ("check", "wrong", "named"),
    [
        (check_discriminator_loss, minimax.discriminator, "the minimax loss: each score is judged"),
        (check_generator_loss, minimax.generator, "the minimax loss: each score is judged alone"),
        (check_generator_loss, non_saturating.generator, "the non-saturating loss: each score is"),
        (
            check_discriminator_loss,
            lambda r, f: relativistic.discriminator(r.detach(), f),
            "no gradient flows to some of its arguments",
        ),
        (
            check_generator_loss,
            lambda r, f: relativistic.generator(r, f.detach()),
            "no gradient flows through it",
        ),
    ],
)
def test_wrong_losses_of_one_player(
    check: Any, wrong: Any, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not check(wrong)
    assert named in capsys.readouterr().out


def test_a_broken_backward_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    def in_place(r: Any, f: Any) -> Any:
        grown = (f - r).exp()
        answer = grown.log1p().mean()
        grown.add_(1)
        return answer

    assert not check_discriminator_loss(in_place)
    assert "its number is right, but backward fails" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda p, q: torch.sigmoid(q - p), "swapped"),
        (lambda p, q: p / (p + q), "logarithms of densities"),
        (lambda p, q: p - q, "this is the score"),
        (lambda p, q: (p - q).exp(), "has no bound"),
        (lambda p, q: p.exp() / (p.exp() + q.exp()), "0 / 0"),
        (lambda p, q: torch.sigmoid(p - q).mean(), "shape ()"),
        (lambda p, q: F.logsigmoid(p - q), "this is log D*; D* is asked for"),
        (lambda p, q: torch.sigmoid(p), "at the second point it should be 0.168, yours is 0.119"),
        (lambda p, q: (p - q).log(), "it is NaN"),
        (lambda p, q: p.no_such_thing, "AttributeError"),
    ],
)
def test_wrong_best_discriminators(
    wrong: Any, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not check_best_discriminator(wrong)
    assert named in capsys.readouterr().out


def test_each_generators_fault_shows_in_its_number_alone() -> None:
    ring = kit.data.load("gaussians", standard_deviation=0.2)
    seen = {name: gaussian_modes(points, ring) for name, points in three_generators(ring).items()}
    assert [seen[name].hit for name in "ABC"] == [8, 3, 8]
    assert [seen[name].quality > 0.98 for name in "ABC"] == [True, True, False]
    assert [seen[name].kl > 0.1 for name in "ABC"] == [True, True, False]


@pytest.mark.parametrize(
    ("answers", "named"),
    [
        ({"A": "collapsed", "B": "uneven", "C": "blurred"}, "look at `hit`"),
        ({"A": "blurred", "B": "collapsed", "C": "uneven"}, "look at `quality`"),
        ({"A": "uneven", "B": "collapsed", "C": "uneven"}, "look at `kl`"),
        (["uneven", "collapsed", "blurred"], "it is a list; give a dict: {'A': 'collapsed', ...}"),
        (
            {"A": "uneven"},
            "generator B has no answer yet; choose one of collapsed, blurred, uneven",
        ),
        (
            {"A": "uneven", "B": "fine", "C": "blurred"},
            "generator B: 'fine' is none of collapsed, blurred, uneven",
        ),
    ],
)
def test_wrong_faults(answers: Any, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_three_generators(answers)
    assert named in capsys.readouterr().out
