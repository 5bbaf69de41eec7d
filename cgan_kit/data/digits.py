"""Handwritten digits that come with scikit-learn: 1,797 real images, no download."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from cgan_kit.data.imageset import ImageSet

SIZES = (8, 16, 32)
NATIVE_SIZE = 8
BRIGHTEST = 16.0


def load(*, size: int = 16) -> ImageSet:
    """The digits 0 to 9, bright on dark: images uint8 (1797, 1, size, size) in [0, 255].

    The originals are 8 × 8 counts from 0 to 16. Larger sizes are bicubic enlargements,
    clipped to the range of the originals; they hold no more detail, only smoother strokes.

    Arguments:
        size: side in pixels, one of 8, 16, 32.

    Raises:
        ValueError: another size.
    """
    if size not in SIZES:
        raise ValueError(f"size is {size!r}; digits come at 8, 16 or 32 pixels")
    # Imported here because scikit-learn takes a second that no other data set needs.
    from sklearn.datasets import load_digits

    counts, digits = load_digits(return_X_y=True)
    images = torch.from_numpy(counts).float().view(-1, 1, NATIVE_SIZE, NATIVE_SIZE) / BRIGHTEST
    if size != NATIVE_SIZE:
        images = F.interpolate(images, size=(size, size), mode="bicubic", align_corners=False)
    images = images.clamp_(0, 1).mul_(255).round_().to(torch.uint8)
    return ImageSet(
        images,
        torch.from_numpy(digits).long(),
        [str(digit) for digit in range(10)],
        name="digits",
        options={"size": size},
    )
