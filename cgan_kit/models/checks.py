"""What can be wrong with the numbers a network is built from."""

from __future__ import annotations

import operator


def check_counts(**counts: int) -> None:
    """Widths, depths and dimensions are whole numbers, 1 or more.

    Raises:
        ValueError: naming the first that is not.
    """
    for name, value in counts.items():
        try:
            good = operator.index(value) >= 1
        except TypeError:
            good = False
        if not good:
            raise ValueError(f"{name} is {value!r}; give a whole number, 1 or more")
