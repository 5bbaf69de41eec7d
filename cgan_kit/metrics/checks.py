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


def check_features(features: Tensor, argument: str = "features", at_least: int = 1) -> None:
    """Features as a metric wants them: finite floats (n, d) of enough samples.

    Arguments:
        features: (n, d).
        argument: what to call them in a message.
        at_least: samples that the metric needs.

    Raises:
        ValueError: another shape or dtype, too few samples, NaN or Inf.
    """
    if features.ndim != 2 or features.shape[1] == 0 or not features.is_floating_point():
        raise ValueError(
            f"{argument} have shape {tuple(features.shape)} and dtype {features.dtype}; "
            "give floats (n, d)"
        )
    if len(features) < max(1, at_least):
        raise ValueError(
            f"{argument} hold {len(features)} samples; this metric needs at least {at_least}: "
            "measure more images"
        )
    # The extremes of a set that holds NaN or Inf are not finite, and come without a second array.
    if not torch.stack(features.aminmax()).isfinite().all():
        bad = int((~torch.isfinite(features)).any(dim=1).sum())
        raise ValueError(
            f"{argument} hold NaN or Inf in {bad} of {len(features)} rows; "
            "look for the image or the layer they come from"
        )


def check_real_and_fake(real_features: Tensor, fake_features: Tensor, at_least: int = 1) -> None:
    """Both as `check_features` wants them, and of one width.

    Raises:
        ValueError: as `check_features`, or two numbers of dimensions.
    """
    check_features(real_features, "real_features", at_least)
    check_features(fake_features, "fake_features", at_least)
    if real_features.shape[1] != fake_features.shape[1]:
        raise ValueError(
            f"real_features have {real_features.shape[1]} dimensions and fake_features "
            f"{fake_features.shape[1]}; take both from one network"
        )


def as_double(features: Tensor) -> Tensor:
    """float64 without gradient, on the same device where it knows float64, else on the CPU."""
    device = torch.device("cpu") if features.device.type == "mps" else features.device
    return features.detach().to(device, torch.float64)


def as_float(images: Tensor) -> Tensor:
    """uint8 in [0, 255] or floats in [-1, 1] to float32 in [-1, 1]."""
    if images.dtype == torch.uint8:
        return images.float().div_(127.5).sub_(1)
    return images.float()
