"""Losses are computed in float32, also where the networks run in bfloat16."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

import torch
from torch import Tensor

P = ParamSpec("P")


def in_float32(loss: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """The same function with autocast off and half-precision arguments raised to float32.

    For losses that multiply matrices: autocast would turn these products into bfloat16, whose
    three digits are too few to be divided by a small temperature. float64 stays.
    """

    @functools.wraps(loss)
    def exact(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        raised = [_raised(value) for value in args]
        named = {name: _raised(value) for name, value in kwargs.items()}
        with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
            return loss(*raised, **named)  # type: ignore[arg-type]

    return exact


def _raised(value: object) -> object:
    if isinstance(value, Tensor) and value.dtype in (torch.bfloat16, torch.float16):
        return value.float()
    return value
