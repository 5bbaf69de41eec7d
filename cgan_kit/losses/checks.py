"""Checks that the losses' constructors share; each error names argument, value and remedy."""

from __future__ import annotations


def check_weight(value: float, name: str = "weight", none: str = "no class loss") -> float:
    """A finite number from 0 up."""
    if not 0 <= value < float("inf"):
        raise ValueError(f"{name} is {value}; give a number from 0 ({none}) up")
    return value


def check_temperature(value: float) -> float:
    """A finite number above 0."""
    if not 0 < value < float("inf"):
        raise ValueError(f"temperature is {value}; give a number above 0, such as 0.5")
    return value


def check_cosine(name: str, value: float) -> float:
    """A margin between unit vectors: a cosine."""
    if not -1 <= value <= 1:
        raise ValueError(f"{name} is {value}, but it is compared with cosines; give -1 to 1")
    return value
