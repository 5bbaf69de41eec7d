"""Are they of the right class, and what do their pixels add? The resolution sweep of AC-GAN.

A generator may draw 32 × 32 pixels that say no more than 8 × 8 would. So a fixed classifier of
real images reads the generated ones at full size, and again after they were made small and
large again. Accuracy that does not fall was never in the fine detail. The same sweep over real
images says what there is to lose. Making images small and large again also softens what detail
is left, so a little is lost even where nothing fine was there.

Odena et al. 2017 (AC-GAN), section 4.1 and figure 3. The interval is Wilson's (1927).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from cgan_kit.metrics.checks import as_float, check_images, check_labels, check_same_range
from cgan_kit.metrics.classifier import Classifier

_BATCH = 1024


class Share(NamedTuple):
    """A share of n independent cases, with its interval of 95 %.

    value: hits / n; NaN when n is 0, and the interval is then [0, 1].
    low, high: Wilson's interval.
    """

    value: float
    low: float
    high: float


class Discriminability(NamedTuple):
    """Class accuracy of generated and of real images that were `pixels` wide for a moment."""

    pixels: int
    generated: Share
    real: Share


def wilson(hits: float, n: int, z: float = 1.96) -> Share:
    """The share hits / n with Wilson's interval, which stays in [0, 1] and is not empty at 0 or 1.

    centre = (p + z²/2n) / (1 + z²/n);  half = z / (1 + z²/n) · sqrt(p(1 − p)/n + z²/4n²)

    Arguments:
        hits: between 0 and n; fractions of a hit are allowed.
        n: cases.
        z: standard deviations; 1.96 is 95 %, and half the width is then about two standard
            errors sqrt(p(1 − p)/n).

    Raises:
        ValueError: hits outside [0, n].
    """
    if not 0 <= hits <= n:
        raise ValueError(f"hits is {hits} of n = {n}; give a number from 0 to n")
    if n == 0:
        return Share(math.nan, 0.0, 1.0)
    p, scale = hits / n, 1 + z * z / n
    centre = (p + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # At 0 and at n the bound is exactly that end; rounding would leave it a hair inside.
    return Share(p, centre - half if hits > 0 else 0.0, centre + half if hits < n else 1.0)


def resize_and_back(images: Tensor, pixels: int) -> Tensor:
    """Images made `pixels` wide on their shorter side, and as large as before; bilinear.

    On the way down each new pixel averages over all it covers (antialiasing), so that no
    pattern appears that was not there.

    Arguments:
        images: uint8 or float in [-1, 1], (n, C, H, W).
        pixels: from 1 to the shorter side; that side itself leaves the images as they are.

    Returns:
        float32 (n, C, H, W) in [-1, 1].
    """
    height, width = images.shape[-2:]
    floats, side = as_float(images), min(height, width)
    if pixels == side:
        return floats
    small = (round(height * pixels / side), round(width * pixels / side))
    down = F.interpolate(floats, small, mode="bilinear", antialias=True)
    return F.interpolate(down, (height, width), mode="bilinear").clamp_(-1, 1)


def resolution_sweep(
    images: Tensor,
    labels: Tensor,
    real_images: Tensor,
    real_labels: Tensor,
    classifier: Classifier,
    resolutions: Sequence[int] | None = None,
) -> list[Discriminability]:
    """Class accuracy at each resolution, of generated images beside real ones.

    The interval speaks of the images drawn, not of other training seeds of generator or
    classifier. Accuracy says nothing of variety: one perfect image a class scores 1.

    Arguments:
        images, real_images: uint8 or float in [-1, 1], (n, C, H, W) of the classifier's shape;
            the two numbers may differ. The classifier must not have seen the real ones.
        labels, real_labels: int64 (n,), the class asked for, and the true one.
        classifier: trained on real images at full size.
        resolutions: shorter sides in pixels; None halves the images' own down to 2.

    Raises:
        ValueError: images or labels of another kind; a resolution below 1 or above the side.
    """
    side = min(classifier.sample_shape[1:])
    pixels = halvings(side) if resolutions is None else list(resolutions)
    for each in pixels:
        if not 1 <= each <= side:
            raise ValueError(f"resolutions hold {each}; give sides from 1 to {side} pixels")
    for given, of_class, name in (
        (images, labels, "images"),
        (real_images, real_labels, "real_images"),
    ):
        check_images(given, name)
        check_labels(of_class, len(given), classifier.num_classes)
    check_same_range(images, real_images)
    return [
        Discriminability(
            each,
            _accuracy(images, labels, classifier, each),
            _accuracy(real_images, real_labels, classifier, each),
        )
        for each in pixels
    ]


def halvings(side: int) -> list[int]:
    """side, side/2, side/4, ... down to 2 pixels."""
    return [side >> step for step in range(side.bit_length() - 1)] or [side]


def accuracy_by_class(images: Tensor, labels: Tensor, classifier: Classifier) -> list[Share]:
    """Accuracy in each class asked for, K of them; arguments as for `resolution_sweep`."""
    check_labels(labels, len(images), classifier.num_classes)
    labels = labels.cpu()
    hits = classifier.predict(images).cpu() == labels
    return [
        wilson(int(hits[labels == k].sum()), int((labels == k).sum()))
        for k in range(classifier.num_classes)
    ]


def _accuracy(images: Tensor, labels: Tensor, classifier: Classifier, pixels: int) -> Share:
    parts = [
        classifier.predict(resize_and_back(part, pixels)).cpu()
        for part in torch.split(images, _BATCH)
    ]
    return wilson(int((torch.cat(parts) == labels.cpu()).sum()), len(labels))
