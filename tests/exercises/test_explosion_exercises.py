"""Right answers pass, blank ones do not, and each known fault is called by its name."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import cgan_kit as kit
from cgan_kit.diagnostics.verdict import ILLNESSES
from cgan_kit.exercises import explosion
from cgan_kit.exercises.explosion import (
    DIAGNOSES,
    check_diagnoses,
    check_product,
    check_row_gradient,
    three_runs,
)


def pull(logits: Any, labels: Any) -> Any:
    return F.one_hot(labels, logits.shape[1]) - logits.softmax(dim=1)


def by_autograd(features: Any, logits: Any, labels: Any, k: int) -> Any:
    """Of w_k = 0 added to the logits: the same gradient."""
    row = torch.zeros(features.shape[1], dtype=features.dtype, requires_grad=True)
    moved = logits + F.one_hot(torch.tensor(k), logits.shape[1]) * (features @ row)[:, None]
    return torch.autograd.grad(F.cross_entropy(moved, labels), row)[0]


def own(logits: Any, labels: Any) -> Any:
    return logits.softmax(dim=1)[torch.arange(len(labels)), labels]


def of_class(values: Any, labels: Any) -> Any:
    return torch.stack([values[labels == k].mean() for k in range(4)])


def right_product(x: Any, s: Any, y: Any) -> Any:
    return of_class(x.norm(dim=1) * (1 - own(s, y)), y)


def test_right_answers_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_row_gradient(by_autograd)
    assert check_row_gradient(lambda x, s, y, k: -(pull(s, y)[:, k] @ x) / len(x))
    assert check_product(right_product)
    # A lesson's features are float32, and so is a one-hot matrix made with .float().
    assert check_row_gradient(
        lambda x, s, y, k: -(((y == k).float() - s.softmax(dim=1)[:, k]) @ x) / len(x)
    )
    assert check_row_gradient(
        lambda x, s, y, k: -((F.one_hot(y, 4).float() - s.softmax(dim=1)).T @ x)[k] / len(x)
    )
    assert check_product(lambda x, s, y: right_product(x.double(), s.double(), y))
    assert capsys.readouterr().out.count("Right") == 6


def test_whatever_is_handed_in_gets_one_line(
    malformed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for check in (check_row_gradient, check_product):
        assert check(malformed) is False
        assert check(lambda *given: malformed) is False
    assert check_diagnoses(malformed, {"A": sick_history()}) is False
    assert check_diagnoses({"A": malformed}, {"A": sick_history()}) is False
    lines = capsys.readouterr().out.splitlines()
    assert [line[:9] for line in lines] == ["Not yet: "] * 6


def test_another_shape_at_another_class(capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_row_gradient(lambda x, s, y, k: by_autograd(x, s, y, k)[: 5 - k])
    assert "it has shape (4,); w_k is as long" in capsys.readouterr().out


def test_blank_answers_do_not_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_row_gradient(lambda x, s, y, k: ...)
    assert not check_product(lambda x, s, y: ...)
    assert not check_diagnoses({"A": ...}, {"A": sick_history()})
    assert not check_diagnoses({}, {"A": sick_history()})
    assert capsys.readouterr().out.count("Not yet") == 4


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda x, s, y, k: -(pull(s, y)[:, k] @ x), "1/N is missing: the loss"),
        (lambda x, s, y, k: pull(s, y)[:, k] @ x / len(x), "direction in which L falls"),
        (lambda x, s, y, k: pull(s, y)[:, k] @ x, "turned round, and 1/N"),
        (
            lambda x, s, y, k: -(((y == k).float() - own(s, y)) @ x) / len(x),
            "each image's own class",
        ),
        (
            lambda x, s, y, k: -(((y == k) * (1 - s.softmax(dim=1)[:, k])) @ x) / len(x),
            "images of other classes are missing",
        ),
        (lambda x, s, y, k: s.softmax(dim=1)[:, k] @ x / len(x), "1[y_i = k] is missing"),
        (lambda x, s, y, k: -(((y == k).float() - s[:, k]) @ x) / len(x), "took the logits"),
        (
            lambda x, s, y, k: -(pull(s, y)[:, k] @ F.normalize(x, dim=1)) / len(x),
            "features were normalised",
        ),
        (lambda x, s, y, k: -(pull(s, y)[:, k] @ x) / (y == k).sum(), "class k alone"),
        (lambda x, s, y, k: pull(s, y).T @ x, "shape (4, 5)"),
        (lambda x, s, y, k: 1.0, "it is a float; return a torch tensor"),
        (lambda x, s, y, k: by_autograd(x, s, y, k).numpy(), "it is an ndarray; return a torch"),
        (lambda x, s, y, k: by_autograd(x, s, y, k).tolist(), "it is a list; return a torch"),
        (lambda x, s, y, k: by_autograd(x, s, y, 0), "k is not used: this is the row of class 0"),
        (lambda x, s, y, k: by_autograd(x, s, y, 1), "k is not used: this is the row of class 1"),
        (
            lambda x, s, y, k: -((F.one_hot(y, 4) - s.softmax(dim=0))[:, k] @ x) / len(x),
            "the softmax runs over the batch; use dim=1",
        ),
        (
            lambda x, s, y, k: -((1 - s.softmax(dim=1)[:, k]) @ x) / len(x),
            "1 stands where 1[y_i = k] should",
        ),
        (lambda x, s, y, k: -((1 - own(s, y)) @ x) / len(x), "by 1 - p_{i,y_i}; those of other"),
        (lambda x, s, y, k: -(pull(s, y)[:, k] @ x.log()) / len(x), "it is NaN"),
        (lambda x, s, y, k: torch.zeros(5), "not by a mistake"),
        (lambda x, s, y, k: x.nothing, "AttributeError"),
    ],
)
def test_wrong_gradients(wrong: Any, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_row_gradient(wrong)
    assert named in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (
            lambda x, s, y: of_class(x.norm(dim=1), y) * of_class(1 - own(s, y), y),
            "product of two means",
        ),
        (lambda x, s, y: of_class(x.norm(dim=1) * own(s, y), y), "p instead of 1 - p"),
        (lambda x, s, y: right_product(x, s, y) * y.bincount(), "sum over a class"),
        (lambda x, s, y: right_product(x, s, y) * y.bincount() / len(y), "whole batch"),
        (
            lambda x, s, y: of_class(x.norm(dim=1) * (1 - s.softmax(dim=1).amax(dim=1)), y),
            "largest p",
        ),
        (
            lambda x, s, y: (x.norm(dim=1)[:, None] * (1 - s.softmax(dim=1))).mean(dim=0),
            "of all images",
        ),
        (lambda x, s, y: of_class(x.square().sum(dim=1) * (1 - own(s, y)), y), "squared"),
        (lambda x, s, y: x.norm(dim=1) * (1 - own(s, y)), "shape (8,)"),
        (lambda x, s, y: torch.ones(4), "not by a mistake"),
        (lambda x, s, y: right_product(x, s, y).numpy(), "it is an ndarray; return a torch tensor"),
        (
            lambda x, s, y: of_class(
                x.norm(dim=1) * (1 - s.softmax(dim=0)[torch.arange(len(y)), y]), y
            ),
            "the softmax runs over the batch; use dim=1",
        ),
        (lambda x, s, y: of_class(x.norm() * (1 - own(s, y)), y), "length of the whole matrix"),
        (lambda x, s, y: right_product(x, s, y) * torch.nan, "it is NaN"),
        (lambda x, s, y: x.nothing, "AttributeError"),
    ],
)
def test_wrong_products(wrong: Any, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_product(wrong)
    assert named in capsys.readouterr().out


def sick_history() -> list[dict[str, float]]:
    """The head drowns the score; nothing else is wrong."""
    return [
        {"step": s, "d_loss": 1.0, "share/trunk_head": 60.0, "share/trunk_score": 1.0}
        for s in range(1, 9)
    ]


def test_a_diagnosis_is_what_the_verdict_finds(capsys: pytest.CaptureFixture[str]) -> None:
    well = [{**record, "share/trunk_head": 0.5} for record in sick_history()]
    runs = {"A": sick_history(), "B": well}
    right = {"A": "conditioning drowns the adversarial term", "B": "healthy"}
    assert check_diagnoses(right, runs)
    shown = "in D's trunk the head's gradient is 60 times the score's"
    assert (
        capsys.readouterr().out
        == f"Right: A {right['A']} ({shown}); B healthy (no illness shows).\n"
    )
    assert check_diagnoses({"A": f" {right['A'].upper()}", "B": "Healthy "}, runs)
    assert capsys.readouterr().out.startswith("Right: A conditioning drowns")
    for changed, named in (
        ({"A": "healthy"}, "run A: not healthy"),
        ({"B": right["A"]}, "run B: not 'conditioning drowns the adversarial term'; then in D's"),
        ({"B": "class confusion"}, "would end low"),
        ({"B": ...}, "run B has no answer yet; choose one of healthy, diverged"),
        ({"A": "tired"}, "run A: 'tired' is none of healthy, diverged"),
    ):
        assert not check_diagnoses({**right, **changed}, runs)
        assert named in capsys.readouterr().out


def test_every_illness_of_the_verdict_can_be_answered_and_has_its_sign() -> None:
    names = {illness.name for illness in ILLNESSES}
    assert set(DIAGNOSES) == names | {"healthy"}
    assert set(explosion._SIGNS) == names


def test_the_three_runs_are_read_by_name(tmp_path: Path) -> None:
    for number, name in enumerate(explosion._RUNS.values()):
        folder = tmp_path / name
        folder.mkdir()
        config = {
            "data": {"class_names": []},
            "gan": {"generator": {}},
            "training": {"steps": 1},
        }
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "history.jsonl").write_text(json.dumps({"step": number}) + "\n")
    histories = three_runs(tmp_path)
    assert list(histories) == ["A", "B", "C"]
    assert [history[0]["step"] for history in histories.values()] == [0, 1, 2]


SHIPPED = Path(__file__).parents[2] / "data" / "runs" / "explosion"


def test_the_shipped_three_differ_in_what_they_have() -> None:
    found = [
        kit.diagnostics.diagnose(history).illnesses for history in three_runs(SHIPPED).values()
    ]
    assert len(set(found)) == 3


def test_a_right_diagnosis_is_told_what_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    runs = three_runs(SHIPPED)
    found = {name: kit.diagnostics.diagnose(history).illnesses for name, history in runs.items()}
    assert check_diagnoses({name: [*each, "healthy"][0] for name, each in found.items()}, runs)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "(‖∂L/∂W‖ of the head went from 4.8 to 720)" in out
    assert "but their variance within it is 0.21 of that of real images)" in out
