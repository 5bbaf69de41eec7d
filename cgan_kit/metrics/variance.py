"""Are images varied within their class? The crudest answer, which needs no network."""

from __future__ import annotations

import torch
from torch import Tensor

from cgan_kit.metrics.checks import as_float, check_images, check_labels


def within_class_variance(images: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Pixel variance within each class, mean over the pixels.

    It falls when a class collapses to one image. It also rises with noise, so that a high
    value praises nothing.

    Arguments:
        images: uint8 or float in [-1, 1], (n, C, H, W).
        labels: int64 (n,), in [0, num_classes).
        num_classes: K.

    Returns:
        float64 (K,), unbiased, of pixels in [-1, 1]; NaN for a class with fewer than 2 images.

    Raises:
        ValueError: images of another dtype, shape or range, NaN; labels out of range.
    """
    check_images(images)
    check_labels(labels, len(images), num_classes)
    variance = torch.full((num_classes,), torch.nan, dtype=torch.float64)
    for k in range(num_classes):
        members = images[labels == k]
        if len(members) > 1:
            variance[k] = as_float(members).cpu().double().var(dim=0).mean()
    return variance


def variance_ratio(variance: Tensor, reference: Tensor) -> float:
    """Mean over the classes of one `within_class_variance` over that of another.

    Classes that either of the two lacks are left out of both; NaN when none is left.
    """
    both = ~(variance.isnan() | reference.isnan())
    return float(variance[both].mean() / reference[both].mean())
