"""A right answer passes, the blank one does not, and each known fault is called by its name."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cgan_kit.exercises.acgan import check_arc, check_class_loss, check_grid_inputs
from cgan_kit.paths import slerp


def angle(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a @ b / (a.norm() * b.norm())).acos()


def arc(a: torch.Tensor, b: torch.Tensor, t: float, turn: torch.Tensor) -> torch.Tensor:
    return (((1 - t) * turn).sin() * a + (t * turn).sin() * b) / turn.sin()


def test_right_answers_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_class_loss(F.cross_entropy)
    assert check_class_loss(
        lambda logits, labels: -logits.log_softmax(1)[torch.arange(len(labels)), labels].mean()
    )
    assert check_grid_inputs(
        lambda z, k: (z.repeat_interleave(k, 0), torch.arange(k).repeat(len(z)))
    )
    assert check_arc(lambda a, b, t: slerp(a, b, torch.tensor([t]))[0])
    assert check_arc(lambda a, b, t: arc(a, b, t, angle(a, b)))
    assert check_grid_inputs(
        lambda z, k: [z.repeat_interleave(k, 0), torch.arange(k).repeat(len(z))]
    )
    assert capsys.readouterr().out.count("Right") == 6


def test_whatever_is_handed_in_gets_one_line(
    malformed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for check in (check_class_loss, check_grid_inputs, check_arc):
        assert check(malformed) is False
        assert check(lambda *given: malformed) is False
    assert check_grid_inputs(lambda z, k: (malformed, torch.arange(k).repeat(len(z)))) is False
    assert check_grid_inputs(lambda z, k: (z.repeat_interleave(k, 0), malformed)) is False
    lines = capsys.readouterr().out.splitlines()
    assert [line[:9] for line in lines] == ["Not yet: "] * 8


def test_blank_answers_do_not_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_class_loss(lambda logits, labels: ...)
    assert not check_grid_inputs(lambda z, k: None)
    assert not check_arc(lambda a, b, t: ...)
    assert capsys.readouterr().out.count("replace the dots") == 3


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda x, y: F.cross_entropy(x.softmax(1), y), "twice"),
        (lambda x, y: F.nll_loss(x.softmax(1), y), "logarithm is missing"),
        (lambda x, y: -F.cross_entropy(x, y), "sign"),
        (lambda x, y: F.cross_entropy(x, y, reduction="sum"), "sum over the batch"),
        (lambda x, y: F.cross_entropy(x, y, reduction="none"), "shape (6,)"),
        (lambda x, y: F.mse_loss(x.softmax(1), F.one_hot(y, 5).float()), "it should be 4.507, y"),
        (lambda x, y: F.nll_loss(x, y), "wants log-probabilities: take log_softmax first"),
        (lambda x, y: F.nll_loss(x.log_softmax(0), y), "softmax runs over the batch; use dim=1"),
        (lambda x, y: -x.log_softmax(1)[:, y].mean(), "[:, labels] takes every label in every"),
        (
            lambda x, y: F.cross_entropy(x, y, reduction="sum") / x.numel(),
            "the mean over all entries",
        ),
        (
            lambda x, y: x.softmax(1)[torch.arange(len(y)), y].mean(),
            "the mean probability of the right class",
        ),
        (
            lambda x, y: -x.softmax(1)[torch.arange(len(y)), y].mean().log(),
            "the logarithm is taken after the mean",
        ),
        (lambda x, y: x.log().mean(), "it is NaN"),
        (lambda x, y: F.cross_entropy(x, y).item(), "it is a float; return a torch tensor (no .i"),
        (lambda x, y: F.cross_entropy(x.detach(), y), "no gradient flows through it: keep it a"),
        (lambda x, y: F.cross_entropy(x, y).detach(), "no gradient flows through it: keep it a"),
        (lambda x, y: -np.log(x.softmax(1))[0, 0], "NumPy lets no gradient through"),
        (lambda x, y: np.float64(1.0), "it is a float64; return a torch tensor"),
        (lambda x, y: x.no_such_thing, "AttributeError"),
    ],
)
def test_wrong_class_losses(wrong: Any, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_class_loss(wrong)
    assert named in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda z, k: (z.repeat(k, 1), torch.arange(k).repeat(len(z))), "together with the class"),
        (lambda z, k: (torch.randn(len(z) * k, 4), torch.arange(k).repeat(len(z))), "to the bit"),
        (
            lambda z, k: (z.repeat_interleave(k, 0), torch.arange(k).repeat_interleave(len(z))),
            "run through all classes",
        ),
        (lambda z, k: (z, torch.arange(k)), "latents: it has shape (3, 4); for 3 latents and 5"),
        (lambda z, k: (z.repeat(k, 1), torch.arange(k)), "labels: it has shape (5,); for 3"),
        (lambda z, k: z, "it is a Tensor; return two tensors: latents, labels"),
        (
            lambda z, k: (z.repeat(k, 1), torch.arange(k).repeat_interleave(len(z))),
            "this is column by column; the grid goes row by row",
        ),
        (
            lambda z, k: (z.repeat_interleave(k, 0), list(range(k)) * len(z)),
            "labels: it is a list; return a torch tensor",
        ),
        (
            lambda z, k: (z.repeat_interleave(k, 0).numpy(), torch.arange(k).repeat(len(z))),
            "latents: it is an ndarray; return a torch tensor",
        ),
        (
            lambda z, k: (z.repeat_interleave(k, 0), torch.arange(k).repeat(len(z)).float()),
            "the labels are torch.float32; classes are torch.int64",
        ),
        (
            lambda z, k: (z.repeat_interleave(k, 0).double(), torch.arange(k).repeat(len(z))),
            "the latents have become torch.float64",
        ),
    ],
)
def test_wrong_grid_inputs(wrong: Any, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_grid_inputs(wrong)
    assert named in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (torch.lerp, "straight line: in the middle"),
        (lambda a, b, t: torch.lerp(a, b, t) * a.norm() / torch.lerp(a, b, t).norm(), "longer"),
        (lambda a, b, t: arc(a, b, t, angle(a, b)) * angle(a, b).sin(), "sin Ω is missing"),
        (lambda a, b, t: arc(b, a, t, angle(a, b)), "changed places"),
        (lambda a, b, t: arc(a, b, t, (a @ b).acos()), "divide a · b by both lengths"),
        (lambda a, b, t: slerp(a, b, torch.tensor([t])), "shape (1, 6)"),
        (lambda a, b, t: a, "not the point at 0.3"),
        (
            lambda a, b, t: arc(F.normalize(a, dim=0), F.normalize(b, dim=0), t, angle(a, b)),
            "it has length 1: the ends have another; do not divide them, only their product",
        ),
        (lambda a, b, t: arc(a, b, t, angle(a, b)).numpy(), "it is an ndarray; return a torch"),
        (lambda a, b, t: arc(a, b, t, angle(a, b)).tolist(), "it is a list; return a torch tensor"),
        (lambda a, b, t: a.no_such_thing, "AttributeError"),
    ],
)
def test_wrong_arcs(wrong: Any, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_arc(wrong)
    assert named in capsys.readouterr().out
