"""One cell of a class grid, enlarged, beside the nearest real image, with the oracle's reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ipywidgets
import numpy as np
import torch
from torch import Tensor

from cgan_kit.data import ImageSet, RenderedSet
from cgan_kit.pictures import Pixels, fitting_scale, frame, tile, to_png
from cgan_kit.plots import row_names
from cgan_kit.widgets.parts import caption, named_slider, picture

SIDE = 120  # pixels that an enlarged image is high, at the least
CHUNK = 128  # real images compared at a time: few stay in the processor's cache
MARK = (213, 94, 0)  # vermillion, RGB
MARK_WIDTH = 2


class CloserLook(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Two sliders choose a row and a class; the cell is shown large, beside a real image.

    Whoever owns the grid calls `show` when a slider has moved or the grid has changed.

    Arguments:
        real: the images among which the nearest is sought; its oracle reads, if it has one.
        classes: labels to choose from.
        rows: how many z.

    Attributes:
        row: slider; its value counts rows from 0.
        label: slider; its value is a label.
        image: `ipywidgets.Image`; its value is the picture as PNG bytes.
        words: what is read of the cell, a sentence or two a run.
    """

    def __init__(self, real: ImageSet, classes: Sequence[int], rows: int) -> None:
        self.real = real
        self.row = named_slider("Row", [(name, row) for row, name in enumerate(row_names(rows))])
        self.label = named_slider("Class", [(real.class_names[k], k) for k in classes])
        self.image, self.caption = picture(), ipywidgets.HTML()
        self.words = ""
        controls = ipywidgets.HBox([self.row, self.label])
        controls.layout.flex_flow = "row wrap"
        super().__init__(children=[controls, self.image, self.caption])

    def show(self, samples: Mapping[str, Tensor]) -> None:
        """Draw the chosen cell of every run: name -> uint8 (C, H, W)."""
        images, heads, words = [], [], []
        read = self._read(torch.stack(list(samples.values())))
        for (name, sample), reading in zip(samples.items(), read, strict=True):
            nearest, distance = nearest_image(sample, self.real.images)
            images += [sample, self.real.images[nearest].cpu()]
            heads += [name or "sample", "nearest real"]
            found = self.real.class_names[int(self.real.labels[nearest])]
            words.append(
                f"{name or 'Sample'}: the nearest real image is of class {found}, pixels "
                f"{distance:.2f} apart in the mean.{reading}"
            )
        tiled = tile(torch.stack(images), len(images), scale=fitting_scale(images[0].shape, SIDE))
        self.image.value = to_png(frame(tiled, heads))
        row, name = row_names(self.row.value + 1)[-1], self.real.class_names[self.label.value]
        self.words = " ".join([f"{row} asked for class {name}.", *words])
        self.caption.value = caption(self.words)

    def _read(self, samples: Tensor) -> list[str]:
        """What the oracle says of each, in a sentence; nothing where there is none."""
        if not isinstance(self.real, RenderedSet):
            return [""] * len(samples)
        reading, values = self.real.oracle().read(samples), self.real.grid.factor_values
        sentences = []
        for place, (label, sure) in enumerate(
            zip(reading.labels.tolist(), reading.recognisable.tolist(), strict=True)
        ):
            factors = [
                f"{key} {values[key][int(found[place])]}" for key, found in reading.factors.items()
            ]
            sentences.append(
                f" The oracle reads {self.real.class_names[label]} ({', '.join(factors)}), "
                f"{'' if sure else 'not '}recognisable."
            )
        return sentences


def nearest_image(image: Tensor, images: Tensor) -> tuple[int, float]:
    """Which of `images` is nearest, and how near: mean |difference| of pixels in [-1, 1].

    The distance with which Odena et al. 2017 (AC-GAN), section 4.5, look for copies.

    Arguments:
        image: uint8 (C, H, W).
        images: uint8 (N, C, H, W), on any device.
    """
    wanted = image.to(images.device).short()
    parts = [
        (part.short() - wanted).abs_().flatten(1).sum(dim=1, dtype=torch.int32)
        for part in images.split(CHUNK)
    ]
    distances = torch.cat(parts)
    nearest = int(distances.argmin())
    return nearest, float(distances[nearest]) / image.numel() / 127.5


def outlined(tiled: Pixels, rows: int, columns: int, row: int, column: int, gap: int = 2) -> Pixels:
    """A tiled picture, RGB, with a frame drawn on the rim of one of its rows × columns images."""
    sheet = tiled if tiled.ndim == 3 else tiled[..., None].repeat(3, axis=2)
    sheet = sheet.copy()
    high, wide = (sheet.shape[0] + gap) // rows, (sheet.shape[1] + gap) // columns
    cell = sheet[row * high : (row + 1) * high - gap, column * wide : (column + 1) * wide - gap]
    inside = (slice(MARK_WIDTH, -MARK_WIDTH),) * 2
    kept = cell[inside].copy()
    cell[:] = MARK
    cell[inside] = kept
    return sheet


def stacked(upper: Pixels, lower: Pixels, gap: int = 12) -> Pixels:
    """Two pictures one above the other on white, RGB (H, W, 3)."""
    pictures = [p if p.ndim == 3 else p[..., None].repeat(3, axis=2) for p in (upper, lower)]
    width = max(p.shape[1] for p in pictures)
    sheet = np.full((upper.shape[0] + gap + lower.shape[0], width, 3), 255, np.uint8)
    sheet[: upper.shape[0], : upper.shape[1]] = pictures[0]
    sheet[-lower.shape[0] :, : lower.shape[1]] = pictures[1]
    return sheet
