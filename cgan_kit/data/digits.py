"""Handwritten digits that come with scikit-learn: 1,797 real images, no download."""

from __future__ import annotations

import torch

from cgan_kit.data.imageset import ImageSet
from cgan_kit.data.resize import check_size, resize

SIZES = (8, 16, 32)
NATIVE_SIZE = 8
BRIGHTEST = 16


def load(*, size: int = 16) -> ImageSet:
    """The digits 0 to 9, bright on dark: images uint8 (1797, 1, size, size) in [0, 255].

    The originals are 8 × 8 counts from 0 to 16. Larger sizes are bicubic enlargements,
    clipped to the range of the originals; they hold no more detail, only smoother strokes.

    Arguments:
        size: side in pixels, one of 8, 16, 32.

    Raises:
        ValueError: another size.
    """
    size = check_size("digits", size, SIZES)
    # Imported here because scikit-learn takes a second that no other data set needs.
    from sklearn.datasets import load_digits

    counts, digits = load_digits(return_X_y=True)
    images = torch.from_numpy(counts).view(-1, 1, NATIVE_SIZE, NATIVE_SIZE)
    images = (images * (255 / BRIGHTEST)).round_().to(torch.uint8)
    return ImageSet(
        resize(images, size),
        torch.from_numpy(digits).long(),
        [str(digit) for digit in range(10)],
        name="digits",
        options={"size": size},
    )
