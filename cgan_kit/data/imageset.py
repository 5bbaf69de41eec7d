"""Images with class labels, held whole on one device: no workers, no copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from cgan_kit.data.labelled import LabelledSet, check_tensor


class ImageSet(LabelledSet):
    """Images uint8 (N, C, H, W) with labels int64 (N,); see `LabelledSet` for the rest.

    Raises:
        ValueError: images that are no tensor, not uint8, not four-dimensional, or not grey or RGB.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        class_names: Sequence[str],
        *,
        factors: Mapping[str, Tensor] | None = None,
        name: str = "custom",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        check_tensor("images", images)
        if images.dtype != torch.uint8:
            raise ValueError(
                f"images have dtype {images.dtype}; give uint8 in [0, 255], "
                "or convert floats in [-1, 1] with cgan_kit.data.to_uint8(images)"
            )
        if images.ndim != 4 or images.shape[1] not in (1, 3):
            raise ValueError(
                f"images have shape {tuple(images.shape)}; "
                "give (N, C, H, W) with C = 1 (grey) or 3 (RGB)"
            )
        super().__init__(images, labels, class_names, factors=factors, name=name, options=options)

    @property
    def images(self) -> Tensor:
        """uint8 (N, C, H, W)."""
        return self.samples

    def real(self, indices: Tensor) -> Tensor:
        """The images at `indices` (int64 (n,)) as float32 (n, C, H, W) in [-1, 1]."""
        return to_float(self.images[indices])


def to_float(images: Tensor) -> Tensor:
    """uint8 in [0, 255] to float32 in [-1, 1].

    Raises:
        ValueError: images that are no uint8 tensor.
    """
    check_tensor("images", images)
    if images.dtype != torch.uint8:
        raise ValueError(f"images have dtype {images.dtype}; give uint8 in [0, 255]")
    return images.float().div_(127.5).sub_(1)


def to_uint8(images: Tensor) -> Tensor:
    """Float in [-1, 1] to uint8 in [0, 255]; values outside are clipped.

    Raises:
        ValueError: images that are no floating-point tensor.
    """
    check_tensor("images", images)
    if not images.is_floating_point():
        raise ValueError(f"images have dtype {images.dtype}; give floats in [-1, 1]")
    return images.float().add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
