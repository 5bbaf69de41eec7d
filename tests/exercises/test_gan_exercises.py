"""Right answers pass, blank ones do not, and each known fault is called by its name."""

from typing import Any

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
from cgan_kit.losses import non_saturating
from cgan_kit.metrics import gaussian_modes

log_sigmoid = F.logsigmoid


def test_right_answers_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_discriminator_loss(lambda r, f: -(log_sigmoid(r).mean() + log_sigmoid(-f).mean()))
    assert check_discriminator_loss(non_saturating.discriminator)
    assert check_generator_loss(lambda f: F.softplus(-f).mean())
    assert check_generator_loss(lambda f: F.binary_cross_entropy_with_logits(f, torch.ones_like(f)))
    assert check_best_discriminator(lambda p, q: torch.sigmoid(p - q))
    assert check_best_discriminator(lambda p, q: 1 / (1 + (q - p).exp()))
    assert check_three_generators({"A": "uneven", "B": "collapsed", "C": "blurred"})
    assert capsys.readouterr().out.count("Right") == 7


def test_blank_answers_do_not_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_discriminator_loss(lambda r, f: ...)
    assert not check_generator_loss(lambda f: ...)
    assert not check_best_discriminator(lambda p, q: ...)
    assert not check_three_generators({"A": ..., "B": ..., "C": ...})
    assert not check_three_generators({})
    assert capsys.readouterr().out.count("Not yet") == 5


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda r, f: -log_sigmoid(r).mean(), "the fake half is missing"),
        (lambda r, f: -log_sigmoid(-f).mean(), "the real half is missing"),
        (lambda r, f: non_saturating.discriminator(f, r), "real and fake are swapped"),
        (lambda r, f: -non_saturating.discriminator(r, f), "the sign is turned round"),
        (lambda r, f: 6 * non_saturating.discriminator(r, f), "take the mean"),
        (lambda r, f: -log_sigmoid(r).mean() - log_sigmoid(f).mean(), "1 - D of a fake"),
        (lambda r, f: F.softplus(-r) + F.softplus(f), "shape (6,)"),
        (
            lambda r, f: -(r.sigmoid().log().mean() + (1 - f.sigmoid()).log().mean()),
            "log σ(-300) is -300",
        ),
        (lambda r, f: r.mean(), "yours is"),
        (lambda r, f: r.no_such_thing, "AttributeError"),
    ],
)
def test_wrong_discriminator_losses(
    wrong: Any, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not check_discriminator_loss(wrong)
    assert named in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda f: -F.softplus(f).mean(), "the saturating loss"),
        (lambda f: -F.softplus(-f).mean(), "this G helps D"),
        (lambda f: F.softplus(f).mean(), "this is D's half"),
        (lambda f: F.softplus(-f).sum(), "take the mean"),
        (lambda f: -f.sigmoid().log().mean(), "log σ(-300) is -300"),
        (lambda f: f.mean(), "it should be"),
    ],
)
def test_wrong_generator_losses(wrong: Any, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_generator_loss(wrong)
    assert named in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda p, q: torch.sigmoid(q - p), "swapped"),
        (lambda p, q: p / (p + q), "logarithms of densities"),
        (lambda p, q: p - q, "this is the score"),
        (lambda p, q: (p - q).exp(), "has no bound"),
        (lambda p, q: p.exp() / (p.exp() + q.exp()), "0 / 0"),
        (lambda p, q: torch.sigmoid(p - q).mean(), "shape ()"),
        (lambda p, q: torch.sigmoid(p), "at the first point it is 0.500"),
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
        ({"A": "uneven", "B": "fine", "C": "blurred"}, "generator B: answer one of"),
    ],
)
def test_wrong_faults(answers: Any, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_three_generators(answers)
    assert named in capsys.readouterr().out
