"""From a batch of images to the bytes of one PNG: tile, name the columns, encode.

NumPy and Pillow alone, so that widgets, figures and the command line draw the same pixels.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

Pixels = NDArray[np.uint8]

WHITE = 255
INK = 45  # near black: softer than 0 beside pictures on white, contrast 14 : 1
FONT_SIZE = 12


def tile(images: Tensor, columns: int, *, scale: int = 1, gap: int = 2) -> Pixels:
    """Lay images out in rows, each pixel enlarged to scale × scale pixels.

    Arguments:
        images: uint8 (n, C, H, W), C = 1 or 3; row by row. The last row may be short.
        columns: images in a row, at least 1.
        scale: pixels a side that one pixel becomes, at least 1.
        gap: white pixels between neighbours.

    Returns:
        uint8 (rows·(H·scale + gap) − gap, columns·(W·scale + gap) − gap) for grey images,
        with a last axis of 3 for RGB.

    Raises:
        ValueError: images that are not uint8 (n, C, H, W); columns or scale below 1.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(
            f"images have dtype {images.dtype} and shape {tuple(images.shape)}; "
            "give uint8 (n, C, H, W) with C = 1 or 3 (cgan_kit.data.to_uint8 converts floats)"
        )
    for name, value in (("columns", columns), ("scale", scale)):
        if value < 1:
            raise ValueError(f"{name} is {value}; give at least 1")
    n, channels, height, width = images.shape
    rows = -(-n // columns)
    cells = np.full((rows * columns, height * scale, width * scale, channels), WHITE, np.uint8)
    pixels = images.cpu().permute(0, 2, 3, 1).numpy()
    cells[:n] = pixels.repeat(scale, axis=1).repeat(scale, axis=2)
    sheet = np.full(
        (rows, height * scale + gap, columns, width * scale + gap, channels), WHITE, np.uint8
    )
    sheet[:, : height * scale, :, : width * scale] = cells.reshape(
        rows, columns, height * scale, width * scale, channels
    ).swapaxes(1, 2)
    sheet = sheet.reshape(rows * (height * scale + gap), columns * (width * scale + gap), channels)
    sheet = sheet[: sheet.shape[0] - gap, : sheet.shape[1] - gap]
    return sheet[..., 0] if channels == 1 else sheet


def frame(tiled: Pixels, heads: Sequence[str], sides: Sequence[str] = ()) -> Pixels:
    """Write column heads above a tiled picture and row names to its left.

    Heads that are wider than a column are all turned upright. The tiled picture stays, pixel
    for pixel, the lower right corner of what is returned.

    Arguments:
        tiled: what `tile` returned.
        heads: one a column.
        sides: one a row, or none at all.
    """
    above = _head_strip(tuple(heads), tiled.shape[1])
    left = _side_strip(tuple(sides), tiled.shape[0])
    height = above.shape[0] + tiled.shape[0]
    width = left.shape[1] + tiled.shape[1]
    framed = np.full((height, width, *tiled.shape[2:]), WHITE, np.uint8)
    colour = (..., None) if tiled.ndim == 3 else (...,)
    framed[: above.shape[0], left.shape[1] :] = above[colour]
    framed[above.shape[0] :, : left.shape[1]] = left[colour]
    framed[above.shape[0] :, left.shape[1] :] = tiled
    return framed


def beside(left: Pixels, right: Pixels, gap: int = 16) -> Pixels:
    """Two pictures next to each other on white, RGB (H, W, 3)."""
    pictures = [p if p.ndim == 3 else p[..., None].repeat(3, axis=2) for p in (left, right)]
    height = max(p.shape[0] for p in pictures)
    width = left.shape[1] + gap + right.shape[1]
    sheet = np.full((height, width, 3), WHITE, np.uint8)
    sheet[: left.shape[0], : left.shape[1]] = pictures[0]
    sheet[: right.shape[0], left.shape[1] + gap :] = pictures[1]
    return sheet


def to_png(pixels: Pixels) -> bytes:
    """Pixels uint8 (H, W) or (H, W, 3) as PNG, fast: a slider waits for it."""
    buffer = io.BytesIO()
    # Enlarged pixels are runs of one value, which run lengths catch quickly and well.
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return buffer.getvalue()


def from_png(data: bytes) -> Pixels:
    """What `to_png` was given."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def fitting_scale(sample_shape: Sequence[int], target: int = 40) -> int:
    """The smallest enlargement that makes an image (C, H, W) at least `target` pixels high."""
    return max(1, -(-target // sample_shape[1]))


@lru_cache(maxsize=64)
def _head_strip(heads: tuple[str, ...], width: int) -> Pixels:
    pitch = width / len(heads)
    texts = [_text(head if _drawable(head) else str(k)) for k, head in enumerate(heads)]
    if max(text.shape[1] for text in texts) > pitch - 4:
        texts = [np.rot90(text) for text in texts]
    height = max(text.shape[0] for text in texts)
    strip = np.full((height + 5, width), WHITE, np.uint8)
    for k, text in enumerate(texts):
        x = max(0, round((k + 0.5) * pitch - text.shape[1] / 2))
        text = text[:, : width - x]
        strip[height - text.shape[0] : height, x : x + text.shape[1]] = text
    return strip


@lru_cache(maxsize=64)
def _side_strip(sides: tuple[str, ...], height: int) -> Pixels:
    if not sides:
        return np.full((height, 0), WHITE, np.uint8)
    texts = [_text(side) for side in sides]
    width = max(text.shape[1] for text in texts)
    strip = np.full((height, width + 10), WHITE, np.uint8)
    for k, text in enumerate(texts):
        y = max(0, round((k + 0.5) * height / len(sides) - text.shape[0] / 2))
        text = text[: height - y]
        strip[y : y + text.shape[0], width + 4 - text.shape[1] : width + 4] = text
    return strip


def _text(words: str) -> Pixels:
    """One line of text, cropped to its width and to the font's line height."""
    font = _font()
    left, _, right, _ = font.getbbox(words)
    image = Image.new("L", (max(1, round(right - left)), FONT_SIZE + 4), WHITE)
    ImageDraw.Draw(image).text((-left, 0), words, fill=INK, font=font)
    return np.asarray(image)


def _drawable(words: str) -> bool:
    """Whether the font has every letter; a row of empty boxes would tell nobody anything."""
    font = _font()
    missing = bytes(font.getmask("\uffff"))
    return all(letter == " " or bytes(font.getmask(letter)) != missing for letter in words)


@lru_cache(maxsize=1)
def _font() -> Any:
    """DejaVu Sans as matplotlib brings it (Latin, Greek, Cyrillic), or Pillow's own."""
    spec = find_spec("matplotlib")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if path.is_file():
            return ImageFont.truetype(str(path), FONT_SIZE)
    return ImageFont.load_default(size=FONT_SIZE)
