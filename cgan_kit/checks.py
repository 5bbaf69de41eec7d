"""What can be wrong with the numbers a network or a training is built from."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from numbers import Real


def check_counts(**counts: int) -> None:
    """Widths, depths and dimensions are whole numbers, 1 or more.

    Raises:
        ValueError: naming the first that is not.
    """
    for name, value in counts.items():
        if not is_whole(value, 1):
            raise ValueError(f"{name} is {value!r}; give a whole number, 1 or more")


def check_flags(**flags: bool) -> None:
    """What is on or off: to Python the word "no" is true.

    Raises:
        ValueError: naming the first that is neither True nor False.
    """
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise ValueError(f"{name} is {value!r}; give True or False")


def check_shape(sample_shape: Iterable[int]) -> tuple[int, ...]:
    """The shape of one sample, as a tuple of whole numbers, 1 or more; or a clear error."""
    shape = tuple(sample_shape) if isinstance(sample_shape, Iterable) else ()
    if not shape or not all(is_whole(size, 1) for size in shape):
        raise ValueError(
            f"sample_shape is {sample_shape!r}; give whole numbers, 1 or more, such as "
            "(3, 32, 32): data.sample_shape"
        )
    return shape


def check_seed(seed: int) -> int:
    """A seed as torch's generators take it: NumPy's whole numbers become Python's.

    Raises:
        ValueError: a seed that is no whole number, or has more than 64 bits.
    """
    if not is_whole(seed, -(2**63)) or seed >= 2**63 - 1:
        raise ValueError(f"seed is {seed!r}; give a whole number of 64 bits at most, such as 0")
    return operator.index(seed)


def is_whole(value: object, least: int) -> bool:
    """Whether it is a whole number, `least` or more; True and False are none."""
    try:
        return not isinstance(value, bool) and operator.index(value) >= least  # type: ignore[arg-type]
    except TypeError:
        return False


def is_number(value: object) -> bool:
    """Whether it can be compared with numbers; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool)
