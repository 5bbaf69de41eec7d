"""Are images varied within their class? The crudest answer, which needs no network."""

from __future__ import annotations

import torch
from torch import Tensor

from cgan_kit.metrics.checks import as_double, as_float, check_images, check_labels
from cgan_kit.metrics.samples import BATCH, Drawn


def within_class_variance(images: Tensor | Drawn, labels: Tensor, num_classes: int) -> Tensor:
    """Pixel variance within each class, mean over the pixels.

    It falls when a class collapses to one image. It also rises with noise, so that a high
    value praises nothing.

    Arguments:
        images: uint8 or float in [-1, 1], (n, C, H, W); of a run, a batch is held at a time.
        labels: int64 (n,), in [0, num_classes).
        num_classes: K.

    Returns:
        float64 (K,), unbiased, of pixels in [-1, 1]; NaN for a class with fewer than 2 images.

    Raises:
        ValueError: images of another dtype, shape or range, NaN; labels out of range.
    """
    return variance_without_groups(images, labels, num_classes, torch.zeros_like(labels))[0]


def variance_without_groups(
    images: Tensor | Drawn, labels: Tensor, num_classes: int, group: Tensor
) -> Tensor:
    """`within_class_variance` of all images, and without each group, from one look at them.

    Sums over images add up group by group, so no image is needed twice.

    Arguments:
        images, labels, num_classes: as there.
        group: int64 (n,), from 0 up: see `intervals.deal`.

    Returns:
        float64 (1 + g, K) on the CPU: of all, without group 0, without group 1, ...
    """
    if isinstance(images, Tensor):
        check_images(images)
    check_labels(labels, len(images), num_classes)
    labels, group = labels.cpu(), group.cpu()
    groups = int(group.max()) + 1
    variance = torch.full((1 + groups, num_classes), torch.nan, dtype=torch.float64)
    for k in labels.unique().tolist():
        variance[:, k] = _of_one_class(images[labels == k], group[labels == k], groups)
    return variance


def variance_ratio(variance: Tensor, reference: Tensor) -> float:
    """Mean over the classes of one `within_class_variance` over that of another.

    Classes that either of the two lacks are left out of both; NaN when none is left.
    """
    both = ~(variance.isnan() | reference.isnan())
    return float(variance[both].mean() / reference[both].mean())


def _of_one_class(images: Tensor | Drawn, group: Tensor, groups: int) -> Tensor:
    """float64 (1 + groups,): variance of all the images, and without each group."""
    first, second, centre = torch.zeros(0), torch.zeros(0), torch.zeros(0)
    for batch, own in zip(images.split(BATCH), group.split(BATCH), strict=True):
        pixels = as_double(as_float(batch)).flatten(1)
        if len(centre) == 0:
            # Any image near the mean does: sums about it lose fewer digits than those about 0.
            centre = pixels[0].clone()
            first, second = pixels.new_zeros(groups, len(centre)), pixels.new_zeros(groups)
        pixels, own = pixels - centre, own.to(pixels.device)
        first.index_add_(0, own, pixels)
        second.index_add_(0, own, pixels.square().sum(dim=1))
    n = _all_and_without(group.bincount(minlength=groups).to(first))
    squares = _all_and_without(second) - _all_and_without(first).square().sum(dim=1) / n
    variance = squares.clamp(min=0) / (n - 1) / len(centre)
    return torch.where(n > 1, variance, torch.nan).cpu()


def _all_and_without(sums: Tensor) -> Tensor:
    """(1 + g, ...): the sum over all groups, then without each."""
    return torch.cat([sums.sum(dim=0, keepdim=True), sums.sum(dim=0) - sums])
