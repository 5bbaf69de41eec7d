"""What every metric asks of its input before it starts, said in one place."""

from __future__ import annotations

import torch
from torch import Tensor


def check_images(images: Tensor, argument: str = "images") -> None:
    """Images as the kit knows them: uint8 in [0, 255] or finite floats in [-1, 1].

    Arguments:
        images: (n, C, H, W).
        argument: what to call them in a message.

    Raises:
        ValueError: another dtype, number of dimensions or range, no image, NaN or Inf.
    """
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise ValueError(
            f"{argument} have dtype {images.dtype}; give uint8 in [0, 255] or floats in [-1, 1]"
        )
    if images.ndim != 4 or len(images) == 0:
        raise ValueError(
            f"{argument} have shape {tuple(images.shape)}; give (n, C, H, W) with n >= 1"
        )
    if images.dtype == torch.uint8:
        return
    low, high = (float(side) for side in images.aminmax())
    if not torch.isfinite(images).all():
        bad = int((~torch.isfinite(images)).flatten(1).any(dim=1).sum())
        raise ValueError(
            f"{bad} of {len(images)} {argument} hold NaN or Inf; the generator has diverged, "
            "or the images were divided by zero: measure an earlier checkpoint"
        )
    if low < -1.001 or high > 1.001:
        raise ValueError(
            f"{argument} are floats from {low:.4g} to {high:.4g}; "
            "give floats in [-1, 1], or uint8 in [0, 255]"
        )


def check_same_range(images: Tensor, reference: Tensor, argument: str = "images") -> None:
    """Catches floats in [0, 1] where [-1, 1] is meant: nothing below 0, where real images go.

    Arguments:
        images, reference: (n, C, H, W), each uint8 or float, already through `check_images`.

    Raises:
        ValueError: floats that are never below 0, while the reference is.
    """
    if images.dtype == torch.uint8:
        return
    if float(images.min()) >= 0 and float(as_float(reference).min()) < 0:
        raise ValueError(
            f"{argument} are floats that never go below 0, while the real images reach "
            f"{float(as_float(reference).min()):.4g}; they look like [0, 1] where [-1, 1] is "
            "meant: pass images * 2 - 1"
        )


def check_labels(labels: Tensor, num_samples: int, num_classes: int) -> None:
    """Labels int64 (num_samples,) in [0, num_classes).

    Raises:
        ValueError: another dtype or shape, or a label out of range.
    """
    if labels.dtype != torch.int64:
        raise ValueError(f"labels have dtype {labels.dtype}; convert them with labels.long()")
    if labels.shape != (num_samples,):
        raise ValueError(
            f"labels have shape {tuple(labels.shape)}; give one label an image: ({num_samples},)"
        )
    low, high = (int(side) for side in labels.aminmax())
    if low < 0 or high >= num_classes:
        raise ValueError(
            f"labels run from {low} to {high} but the set has {num_classes} classes; "
            f"labels must lie in [0, {num_classes - 1}]"
        )


def as_float(images: Tensor) -> Tensor:
    """uint8 in [0, 255] or floats in [-1, 1] to float32 in [-1, 1]."""
    if images.dtype == torch.uint8:
        return images.float().div_(127.5).sub_(1)
    return images.float()
