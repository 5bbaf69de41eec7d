"""The layer under the checks: what it reads, what it says, and causes that no two answers share."""

from itertools import combinations
from typing import Any

import pytest
import torch

from cgan_kit.exercises import acgan, explosion, gan, measuring, reacgan, verdict
from cgan_kit.exercises.verdict import as_tensor, called, choice, kind, no_dict, number


def test_every_cause_has_a_number_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def spy(value: Any, right: Any, causes: Any, otherwise: str) -> str:
        seen.append({"right": right, **causes})
        return otherwise

    for module in (verdict, gan, acgan, explosion, measuring):
        monkeypatch.setattr(module, "fault", spy)
    for check, shape in (
        (gan.check_discriminator_loss, ()),
        (gan.check_generator_loss, ()),
        (gan.check_best_discriminator, (4,)),
        (acgan.check_class_loss, ()),
        (acgan.check_arc, (6,)),
        (explosion.check_row_gradient, (5,)),
        (explosion.check_product, (4,)),
        (reacgan.check_d2d_ce, ()),
        (measuring.check_coverage, ()),
    ):
        check(lambda *given, of=shape: torch.zeros(of))
    assert len(seen) == 9
    for values in seen:
        for (one, first), (other, second) in combinations(values.items(), 2):
            assert not verdict.same(first.detach().double(), second), (one, other)


def test_an_argument_is_copied() -> None:
    given = torch.ones(3)
    assert called(lambda each: each.zero_(), given)[0].sum() == 0
    assert given.sum() == 3


def test_an_error_is_told_in_one_line() -> None:
    def fails() -> None:
        raise ValueError("\nfirst line.\nsecond line")

    def fails_silently() -> None:
        raise NotImplementedError

    assert called(fails) == (None, "it raised ValueError: first line")
    assert called(fails_silently) == (None, "it raised NotImplementedError")


def test_an_answer_that_is_no_function_is_told_so() -> None:
    assert called(3.0)[1] == "it is a float; give the function itself, without calling it"
    assert called(...)[1] == called(None)[1] == "no answer yet; replace the dots"
    assert called(lambda: ...)[1] == "it returns nothing; replace the dots by your answer"


def test_numbers_of_any_kind_are_read() -> None:
    for one in (2, 2.0, torch.tensor(2), torch.tensor(2.0, requires_grad=True)):
        value, problem = number(one)
        assert (float(value), value.dtype, value.requires_grad) == (2.0, torch.float64, False)
        assert problem == ""
    assert number([2.0])[1] == "it has shape (1,); give one number"
    assert as_tensor("text") == (None, "it is a str; return a torch tensor")


def test_words() -> None:
    assert [kind(each) for each in (None, [], 1, object())] == [
        "None",
        "a list",
        "an int",
        "an object",
    ]
    assert choice(" One\n", ("one", "Other")) == ("one", "")
    assert choice("other", ("one", "Other")) == ("Other", "")
    assert choice(..., ("one",), of="set A")[1] == "set A has no answer yet; choose one of one"
    assert choice(3, ("one",), of="set A")[1] == "set A: it is an int; choose one of one"
    assert choice("x", ("one", "Other")) == (None, "'x' is none of one, Other")


def test_answers_by_name_have_a_form() -> None:
    form = "give a dict: {'A': 'blurred', ...}"
    assert no_dict({}, ["A", "B"], "blurred") == ""
    assert no_dict(..., ["A", "B"], "blurred") == f"no answer yet; {form}"
    assert no_dict(None, ["A", "B"], "blurred") == f"no answer yet; {form}"
    assert no_dict([], ["A", "B"], "blurred") == f"it is a list; {form}"
