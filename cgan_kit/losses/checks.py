"""Checks that the losses share; each error names argument, value and remedy."""

from __future__ import annotations

import torch
from torch import Tensor

from cgan_kit.checks import is_number


def check_weight(value: float, name: str = "weight", none: str = "no class loss") -> float:
    """A finite number from 0 up."""
    if not _lies(value, 0) or value == float("inf"):
        raise ValueError(f"{name} is {value!r}; give a number from 0 ({none}) up")
    return value


def check_temperature(value: float) -> float:
    """A finite number above 0."""
    if not _lies(value, 0) or value in (0, float("inf")):
        raise ValueError(f"temperature is {value!r}; give a number above 0, such as 0.5")
    return value


def check_cosine(name: str, value: float) -> float:
    """A margin between unit vectors: a cosine."""
    if not _lies(value, -1, 1):
        raise ValueError(f"{name} is {value!r}, but it is compared with cosines; give -1 to 1")
    return value


def check_embedded(embeddings: Tensor, proxies: Tensor, labels: Tensor) -> None:
    """Shapes that fit together; no value is looked at, for a GPU would have to wait for it."""
    if embeddings.ndim != 2 or not len(embeddings):
        shape = tuple(embeddings.shape)
        raise ValueError(f"embeddings have shape {shape}; give (N, d), one row an image")
    n, d = embeddings.shape
    if proxies.ndim != 2 or proxies.shape[1] != d:
        shape = tuple(proxies.shape)
        raise ValueError(f"proxies have shape {shape}; give (K, {d}), one row a class")
    if labels.shape != (n,):
        shape = tuple(labels.shape)
        raise ValueError(f"labels have shape {shape}; give one class an image: ({n},)")
    if labels.dtype != torch.int64:
        raise ValueError(f"labels have dtype {labels.dtype}; give labels.long()")


def _lies(value: float, low: float, high: float = float("inf")) -> bool:
    """Whether it is a number, and one from low to high; NaN is not."""
    return is_number(value) and low <= value <= high
