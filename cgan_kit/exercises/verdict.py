"""How a check calls an answer, reads what came back, and says what it found.

What reads an answer gives (what it read, "") or (None, the problem), whatever a learner hands in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

NO_ANSWER = "no answer yet; replace the dots"


def say(right: bool, reason: str) -> bool:
    print(f"Right: {reason}." if right else f"Not yet: {reason}.")
    return right


def kind(answer: object) -> str:
    """Its type with an article, such as "a list" or "an int"."""
    if answer is None:
        return "None"
    name = type(answer).__name__
    article = "an" if name.lower().startswith(("a", "e", "i", "o", "nd")) else "a"
    return f"{article} {name}"


def called(function: object, *arguments: object) -> tuple[Any, str]:
    """What the function returns for copies of the arguments, through which gradients flow back."""
    if function is None or function is ...:
        return None, NO_ANSWER
    if not callable(function):
        return None, f"it is {kind(function)}; give the function itself, without calling it"
    copies = [each.clone() if isinstance(each, Tensor) else each for each in arguments]
    try:
        answer = function(*copies)
    except Exception as error:
        return None, _raised(error)
    if answer is None or answer is ...:
        return None, "it returns nothing; replace the dots by your answer"
    return answer, ""


def _raised(error: Exception) -> str:
    """The first line of the error; torch's advice to detach is left out, for it misleads."""
    if "numpy() on Tensor that requires grad" in str(error):
        return "NumPy lets no gradient through, and a loss needs one: use torch's functions"
    first = "".join(str(error).strip().splitlines()[:1])
    return f"it raised {type(error).__name__}: {first}".rstrip(":. ")


def as_tensor(answer: object, form: str = "return a torch tensor") -> tuple[Tensor | None, str]:
    """The numbers of a tensor, an array, a list or a number: detached, float64."""
    try:
        found = torch.as_tensor(answer).detach()
        if found.is_complex():
            return None, "it is complex; return real numbers"
        return found.to("cpu", torch.float64).to_dense(), ""
    except Exception:  # of many kinds, from a string to lists of unequal length
        return None, f"it is {kind(answer)}; {form}"


def numbers(answer: object, shape: tuple[int, ...], form: str) -> tuple[Tensor | None, str]:
    """The numbers of an answer of this shape; form says it in words."""
    value, problem = as_tensor(answer, form)
    if value is not None and value.shape != shape:
        return None, f"it has shape {tuple(value.shape)}; {form}"
    return value, problem


def number(answer: object, form: str = "give one number") -> tuple[Tensor | None, str]:
    """The one number of an answer, of any kind: a 0-d tensor."""
    return numbers(answer, (), form)


def tensor(answer: object, shape: tuple[int, ...], form: str) -> tuple[Tensor | None, str]:
    """`numbers`, of torch tensors alone."""
    if not isinstance(answer, Tensor):
        return None, f"it is {kind(answer)}; return a torch tensor (no .item(), no .numpy())"
    return numbers(answer, shape, form)


def returned(
    function: Callable[..., Any],
    arguments: Sequence[object],
    read: Callable[[object], tuple[Tensor | None, str]] = number,
) -> tuple[Tensor | None, str]:
    """What the function returns for these arguments, as read reads it."""
    answer, problem = called(function, *arguments)
    return (None, problem) if problem else read(answer)


def same(value: Tensor, other: Tensor, atol: float = 1e-4) -> bool:
    """Whether two tensors of one shape, value in float64, agree."""
    return torch.allclose(value, other.detach().double(), atol=atol)


def fault(value: Tensor, right: Tensor, causes: Mapping[str, Tensor], otherwise: str) -> str:
    """The cause that gives this value, else what is said otherwise; empty if it is right.

    Arguments:
        value: float64, of the shape of right and of every cause.
    """
    if same(value, right):
        return ""
    if value.isnan().any():
        return "it is NaN: 0 / 0, inf - inf, or the log of a negative number"
    return next((cause for cause, mistaken in causes.items() if same(value, mistaken)), otherwise)


def loss_fault(
    loss: Callable[..., Tensor],
    arguments: Sequence[object],
    right: Tensor,
    causes: Mapping[str, Tensor],
) -> str:
    """What is wrong with a loss to train with, in kind, number or gradient; empty if nothing.

    Arguments:
        arguments: of the loss; a gradient must reach those that require one.
        right, causes: scalars, as in `fault`.
    """
    answer, problem = called(loss, *arguments)
    if problem:
        return problem
    value, problem = tensor(answer, (), "a loss is one number (a scalar)")
    if value is None:
        return problem
    otherwise = f"it should be {right:.3f}, yours is {value:.3f}"
    return fault(value, right, causes, otherwise) or _gradient_fault(answer, arguments)


def _gradient_fault(answer: Tensor, arguments: Sequence[object]) -> str:
    learning = [each for each in arguments if isinstance(each, Tensor) and each.requires_grad]
    slopes: Sequence[Tensor | None] = [None]
    if answer.requires_grad:
        try:
            slopes = torch.autograd.grad(answer, learning, allow_unused=True)
        except Exception as error:
            return f"its number is right, but backward fails: {_raised(error)}"
    if all(slope is not None for slope in slopes):
        return ""
    where = "to some of its arguments" if any(s is not None for s in slopes) else "through it"
    return (
        f"its number is right, but no gradient flows {where}: keep it a torch tensor, without "
        ".item(), .detach() or numpy"
    )


def no_dict(answers: object, names: Sequence[str], word: str) -> str:
    """The form that answers by name should have; empty if they have it."""
    if isinstance(answers, Mapping):
        return ""
    found = "no answer yet" if answers is None or answers is ... else f"it is {kind(answers)}"
    return f"{found}; give a dict: {{{names[0]!r}: {word!r}, ...}}"


def choice(answer: object, words: Sequence[str], of: str = "") -> tuple[str | None, str]:
    """Which of the words was chosen; capitals and spaces round it do not matter.

    Arguments:
        of: what the answer is about, where there are several answers.
    """
    menu = ", ".join(words)
    if answer is None or answer is ...:
        return None, f"{of} has no answer yet; choose one of {menu}" if of else NO_ANSWER
    about = f"{of}: " if of else ""
    if not isinstance(answer, str):
        return None, f"{about}it is {kind(answer)}; choose one of {menu}"
    meant = answer.strip().lower()
    found = next((word for word in words if word.lower() == meant), None)
    return found, "" if found else f"{about}{answer!r:.60} is none of {menu}"
