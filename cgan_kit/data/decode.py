"""Image files to square uint8 pixels, many at a time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from tqdm import tqdm

FILES_A_TASK = 32
_MODES = {1: "L", 3: "RGB"}


class Decoded(NamedTuple):
    """What came out of a list of files.

    images: uint8 (N, C, size, size); the rows of unreadable files are undefined.
    unreadable: index of a file -> why it cannot be read.
    """

    images: Tensor
    unreadable: dict[int, str]


def decode(path: str, size: int, channels: int) -> NDArray[np.uint8]:
    """One file as uint8 (channels, size, size): short side resized to `size`, centre cropped.

    Photographs are turned upright by their EXIF tag, transparent pixels lie on white, of an
    animation the first frame counts. 16-bit grey keeps its upper 8 bits; 32-bit whole numbers
    are read as 8-bit grey where all lie in [0, 255] and as 16-bit grey otherwise; floats in
    [0, 1] are black to white.

    Arguments:
        channels: 1 for grey (luminance) or 3 for RGB.

    Raises:
        ValueError: pixels of 32 bits outside these ranges.
        Whatever else Pillow raises: its readers have no common exception.
    """
    mode = _MODES[channels]
    with Image.open(path) as image:
        # JPEG can be decoded at 1/2, 1/4 or 1/8 of its side. Twice the target is kept, so that
        # the resize that follows still does the antialiasing.
        image.draft(mode, (2 * size, 2 * size))
        upright = ImageOps.exif_transpose(image)
        upright.format = image.format  # which the copy has lost
        flat = _flat(upright, mode)
        square = ImageOps.fit(flat, (size, size), method=Image.Resampling.BICUBIC)
    return np.asarray(square).reshape(size, size, channels).transpose(2, 0, 1)


def decode_all(paths: Sequence[str], size: int, channels: int) -> Decoded:
    """All files, decoded on every core with a progress bar on stderr.

    Threads, not processes: Pillow lets go of the interpreter while it decodes and resizes, and
    threads need no start-up, no copies, and no guard around the caller's script.
    """
    images = torch.empty((len(paths), channels, size, size), dtype=torch.uint8)
    pixels = images.numpy()
    unreadable: dict[int, str] = {}

    def work(start: int) -> int:
        part = range(start, min(start + FILES_A_TASK, len(paths)))
        for index in part:
            try:
                pixels[index] = decode(paths[index], size, channels)
            except MemoryError:
                raise
            # Pillow answers damaged files with OSError, SyntaxError, ValueError, struct.error
            # and more; for the person all of them mean that this file cannot be read.
            except Exception as error:
                unreadable[index] = f"{type(error).__name__}: {_without_path(error, paths[index])}"
        return len(part)

    pool = ThreadPoolExecutor(_cores())
    try:
        with tqdm(total=len(paths), desc="decoding", unit=" images", mininterval=0.5) as bar:
            for done in pool.map(work, range(0, len(paths), FILES_A_TASK)):
                bar.update(done)
    finally:
        # After Ctrl-C the files still queued are not worth waiting for.
        pool.shutdown(cancel_futures=True)
    return Decoded(images, dict(sorted(unreadable.items())))


def _flat(image: Image.Image, mode: str) -> Image.Image:
    if image.mode[0] in "IF":
        return Image.fromarray(_eight_bits(image)).convert(mode)
    if "A" in image.getbands() or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert(mode)
    return image.convert(mode)


def _eight_bits(image: Image.Image) -> NDArray[np.uint8]:
    """Grey of 16 or 32 bits a pixel, Pillow's modes I;16, I and F, as uint8 (H, W)."""
    values = np.asarray(image)
    low, high = values.min(), values.max()
    if image.mode == "F":
        if not (low >= 0 and high <= 1):  # so that NaN is refused too
            raise ValueError(
                f"its pixels are floats from {low:g} to {high:g}; scale them to 0 to 1"
            )
        return (values * 255).round().astype(np.uint8)
    if low < 0 or high > 65535:
        raise ValueError(f"its pixels run from {low} to {high}; scale them to 0 to 255")
    # Only TIFF has 32-bit files. Pillow also gives mode I to 16-bit PGM, whose white is 65535
    # however dark the image is.
    if image.mode == "I" and image.format == "TIFF" and high <= 255:
        return values.astype(np.uint8)
    return (values >> 8).astype(np.uint8)


def _without_path(error: Exception, path: str) -> str:
    return str(error).replace(repr(path), "the file").replace(path, "the file")


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
