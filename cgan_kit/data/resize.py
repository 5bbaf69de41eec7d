"""Square images to another size, the same way for every set that does not decode files."""

from __future__ import annotations

import operator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK = 4096


def resize(images: Tensor, size: int) -> Tensor:
    """uint8 (N, C, H, W) to uint8 (N, C, size, size): bicubic, antialiased, clipped to [0, 255]."""
    if images.shape[-2:] == (size, size):
        return images
    resized = images.new_empty((*images.shape[:2], size, size))
    # In chunks: the floats of a whole set would take four times its memory and more.
    for start in range(0, len(images), CHUNK):
        part = F.interpolate(
            images[start : start + CHUNK].float(), size=(size, size), mode="bicubic", antialias=True
        )
        resized[start : start + CHUNK] = part.round_().clamp_(0, 255).to(torch.uint8)
    return resized


def check_size(name: str, size: Any, sizes: tuple[int, ...]) -> int:
    """`size` as an int, once it is known to be one of `sizes`.

    Raises:
        ValueError: naming the set, the value and the sizes it comes at.
    """
    try:
        if operator.index(size) in sizes:
            return operator.index(size)
    except TypeError:
        pass
    known = ", ".join(str(side) for side in sizes)
    raise ValueError(f"size is {size!r}; {name} comes at {known} pixels: choose one of them")
