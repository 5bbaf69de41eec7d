"""Right answers pass, blank ones do not, and each known fault is called by its name."""

from typing import Any

import pytest
import torch

import cgan_kit as kit
from cgan_kit.exercises import measuring
from cgan_kit.exercises.measuring import (
    check_coverage,
    check_detective,
    check_which_is_better,
    forgetful,
    three_sets,
)

RIGHT = {"A": "blurred", "B": "labels mixed", "C": "images dropped"}
OVERLAP = {"one": [0.90, 0.91, 0.92], "other": [0.86, 0.87, 0.93]}
APART = {"one": [0.80, 0.81, 0.82], "other": [0.70, 0.71, 0.79]}


def right_coverage(among_real: Any, to_fake: Any, k: int) -> Any:
    radius = among_real.sort(dim=1).values[:, k]
    return (to_fake < radius[:, None]).any(dim=1).double().mean()


def ball(among_real: Any, to_fake: Any, k: int) -> Any:
    return to_fake < among_real.sort(dim=1).values[:, k : k + 1]


def test_right_answers_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_coverage(right_coverage)
    assert check_coverage(lambda a, b, k: float(right_coverage(a, b, k)))
    assert check_coverage(lambda a, b, k: right_coverage(a.fill_diagonal_(torch.inf), b, k - 1))
    assert check_detective(RIGHT)
    assert check_which_is_better("cannot tell", OVERLAP)
    assert check_which_is_better("one", APART)
    turned = [dict(reversed(values.items())) for values in (OVERLAP, APART)]
    assert check_which_is_better("cannot tell", turned[0])
    assert check_which_is_better("one", turned[1])
    assert check_detective({"A": "Blurred", "B": " labels mixed", "C": "images dropped "})
    assert check_which_is_better(" Cannot tell", OVERLAP)
    named = {"ReACGAN": APART["one"], "Projection": APART["other"]}
    assert check_which_is_better("reacgan", named)
    assert capsys.readouterr().out.count("Right") == 11


def test_whatever_is_handed_in_gets_one_line(
    malformed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_coverage(malformed) is False
    assert check_coverage(lambda *given: malformed) is False
    assert check_detective(malformed) is False
    assert check_detective({**RIGHT, "B": malformed}) is False
    assert check_which_is_better(malformed, APART) is False
    lines = capsys.readouterr().out.splitlines()
    assert [line[:9] for line in lines] == ["Not yet: "] * 5


def test_another_shape_at_the_second_size(capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_coverage(lambda a, b, k: right_coverage(a, b, k) if k == 4 else a)
    assert "it has shape (83, 83); give one number" in capsys.readouterr().out


def test_bad_luck_is_spoken_of_only_where_it_may_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_which_is_better("one", OVERLAP)
    assert "either could have come out ahead" in capsys.readouterr().out
    assert not check_which_is_better("other", APART)
    assert "either could have come out ahead" not in capsys.readouterr().out


def test_blank_answers_do_not_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_coverage(lambda a, b, k: ...)
    assert not check_detective({"A": ..., "B": ..., "C": ...})
    assert not check_detective({})
    assert not check_which_is_better(..., OVERLAP)
    assert capsys.readouterr().out.count("Not yet") == 4


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda a, b, k: right_coverage(a, b, k - 1), "its own nearest neighbour"),
        (lambda a, b, k: ball(a, b, k).any(dim=0).double().mean(), "this is precision"),
        (lambda a, b, k: ball(a, b, k).double().mean(), "share of pairs"),
        (lambda a, b, k: ball(a, b, k).double().sum(dim=0).mean() / k, "density"),
        (lambda a, b, k: ball(a, b, k).any(dim=1).sum(), "how many"),
        (
            lambda a, b, k: (b < a.sort(dim=1).values[:, k].mean()).any(dim=1).double().mean(),
            "a ball of its own",
        ),
        (
            lambda a, b, k: (b < a.sort(dim=1).values[:, k].median()).any(dim=1).double().mean(),
            "the median; each real image has a ball of its own",
        ),
        (lambda a, b, k: right_coverage(a, b, 3), "k is not used: it is 3 here, whatever k is"),
        (lambda a, b, k: right_coverage(a, b, 5), "k is not used: it is 5 here, whatever k is"),
        (lambda a, b, k: right_coverage(a, b, 4), "k is not used: it is 4 here, whatever k is"),
        (lambda a, b, k: torch.nan * right_coverage(a, b, k), "it is NaN"),
        (lambda a, b, k: "0.7", "it is a str; give one number"),
        (lambda a, b, k: 0.7 + 0j, "it is complex; return real numbers"),
        (lambda a, b, k: 1 - right_coverage(a, b, k), "not covered"),
        (lambda a, b, k: ball(a, b, k).any(dim=1), "shape (60,); give one number"),
        (lambda a, b, k: 0.123, "yours 0.123"),
        (lambda a, b, k: 1.0, "yours 1.000"),
        (lambda a, b, k: a.no_such_thing, "AttributeError"),
    ],
)
def test_wrong_coverages(wrong: Any, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_coverage(wrong)
    assert named in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"A": "images dropped"}, "set A: not images dropped"),
        ({"B": "nothing"}, "twenty deals"),
        ({"C": "labels mixed"}, "Fréchet distance within classes has risen"),
        ({"C": "frobnicated"}, "none of images dropped"),
        ({"B": ...}, "set B has no answer yet; choose one of images dropped, labels mixed"),
    ],
)
def test_wrong_detectives(changed: Any, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_detective({**RIGHT, **changed})
    assert named in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "values", "named"),
    [
        ("one", OVERLAP, "one has the higher mean; other has the best single seed; the worst"),
        ("other", OVERLAP, "other has not even the higher mean; other has the best single seed"),
        ("cannot tell", APART, "every seed of one is the better"),
        ("other", APART, "below the best of one"),
        ("both", OVERLAP, "'both' is none of"),
    ],
)
def test_wrong_comparisons(
    answer: str, values: Any, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not check_which_is_better(answer, values)
    assert named in capsys.readouterr().out


def test_the_three_sets_have_the_damage_that_is_their_answer() -> None:
    digits = kit.data.load("digits", size=8)
    sets = three_sets(digits.images, digits.labels)
    changed = {
        name: (not torch.equal(images, digits.images), not torch.equal(labels, digits.labels))
        for name, (images, labels) in sets.items()
    }
    assert changed == {"A": (True, False), "B": (False, True), "C": (True, False)}
    fewest = {name: len(images.flatten(1).unique(dim=0)) for name, (images, _) in sets.items()}
    assert fewest["A"] > 1700
    assert fewest["C"] <= 240
    assert set(measuring.DAMAGES) == {*RIGHT.values(), "nothing"}


def test_what_the_forgetful_generator_lost() -> None:
    lossy = forgetful(kit.data.load("shapes", size=16), n=3000)
    assert len(lossy) == 3000
    assert bool((lossy.factors["style"] == 0).all())
    small = float((lossy.factors["size"] == 0).double().mean())
    assert small == pytest.approx(0.3 / 2.3, abs=0.03)
    assert int(lossy.factors["x"].bincount().min()) > 900
