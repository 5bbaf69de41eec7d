"""How a check calls an answer and says what it found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def called(answer: Callable[..., Any], *arguments: object) -> tuple[Any, str]:
    """(what the answer returned, "") or (None, why there is nothing to look at)."""
    try:
        returned = answer(*arguments)
    except Exception as error:
        return None, f"it raised {type(error).__name__}: {error}"
    if returned is None or returned is ...:
        return None, "it returns nothing; replace the dots by your answer"
    return returned, ""


def say(right: bool, reason: str) -> bool:
    print(f"Right: {reason}." if right else f"Not yet: {reason}.")
    return right
