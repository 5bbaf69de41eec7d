"""A right answer passes, the blank one does not, and each known fault is called by its name."""

from typing import Any

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
    assert capsys.readouterr().out.count("Right") == 5


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
        (lambda x, y: F.mse_loss(x.softmax(1), F.one_hot(y, 5).float()), "differs"),
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
        (lambda z, k: (z, torch.arange(k)), "shapes"),
        (lambda z, k: z, "two tensors"),
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
    ],
)
def test_wrong_arcs(wrong: Any, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_arc(wrong)
    assert named in capsys.readouterr().out
