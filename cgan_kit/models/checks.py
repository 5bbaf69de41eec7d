"""What can be wrong with the numbers a network is built from."""

from __future__ import annotations


def check_counts(**counts: int) -> None:
    """Widths, depths and dimensions are whole numbers, 1 or more.

    Raises:
        ValueError: naming the first that is not.
    """
    for name, value in counts.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} is {value!r}; give a whole number, 1 or more")
