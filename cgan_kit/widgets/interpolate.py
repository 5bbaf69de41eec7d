"""From one z to another and from one class to another, and everything in between."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import ipywidgets
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from cgan_kit.grids import choose_classes, fixed_latents, image_generator
from cgan_kit.models import Generator
from cgan_kit.paths import between_classes, slerp
from cgan_kit.pictures import WHITE, Pixels, beside, fitting_scale, frame, tile, to_png
from cgan_kit.plots import check_makes_images, image_grid, row_names
from cgan_kit.training.run import Run, sample
from cgan_kit.widgets.parts import MimeBundle, caption, mime_bundle, named_slider, picture

STEPS = 11  # images along a way: 0, 0.1, ..., 1
ENLARGED = 3  # the current image, beside those of the strips
KEPT_GENERATORS = 16
GAP = 2  # pixels between images, and of the mark around one
MARK = (230, 159, 0)  # plots.COLOURS["fake"]


class Interpolate(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Two strips through one image: along one only z changes, along the other only the class.

    t goes from one z to another on the arc between them (`paths.slerp`), s from one class to
    another by mixing the rows of the generator's tables (`paths.between_classes`). The upper
    strip runs through t at the s of its slider, the lower one through s at the t of its slider:
    both hold the current image, marked there and enlarged on the left.

    Arguments:
        run: a run on images.
        rows: how many z there are to choose from: those of a class grid of this seed.
        seed: of the z; the button goes on to seed + 1.
        first, second: the classes at s = 0 and s = 1, by number or name.
        scale: pixels a side that one pixel becomes; None makes images at least 40 high.

    Attributes:
        latents: float32 (rows, Z).
        start, end: sliders; their values are rows of `latents`.
        first, second: sliders; their values are labels.
        t, s: sliders, from 0 to 1 in tenths.
        checkpoint: slider; its value is one of `run.steps`.
        new_z: button.
        image: `ipywidgets.Image`; its value is the picture as PNG bytes.

    Raises:
        ValueError: a run on points or without checkpoints; an unknown class; fewer than 2 rows.
    """

    def __init__(
        self,
        run: Run,
        *,
        rows: int = 8,
        seed: int = 0,
        first: int | str = 0,
        second: int | str = 1,
        scale: int | None = None,
    ) -> None:
        check_makes_images(run.sample_shape)
        if not run.steps:
            raise ValueError("run has no checkpoints; train it with checkpoints=1 or more")
        if rows < 2:
            raise ValueError(f"rows is {rows}; give at least 2, to go from one z to another")
        self.run = run
        self.rows = rows
        self.seed = seed
        self.scale = fitting_scale(run.sample_shape) if scale is None else scale
        self.latents: Tensor = fixed_latents(rows, run.latent_dim, seed)
        self._between = lru_cache(maxsize=KEPT_GENERATORS)(self._make_between)
        self._make_controls(*choose_classes([first, second], run.class_names))
        self._draw()
        super().__init__(children=self._arranged())
        for control in self._controls():
            control.observe(self._draw, names="value")
        self.new_z.on_click(self._reseed)

    def __repr__(self) -> str:
        return f"Interpolate: {self.rows} z, {self.run.num_classes} classes, {STEPS} steps a way"

    def _repr_mimebundle_(self, **kwargs: Any) -> MimeBundle:
        bundle = super()._repr_mimebundle_(**kwargs)
        return mime_bundle(bundle, self.image.value, self._describe(), repr(self))

    def images(self) -> Tensor:
        """Both strips, the one through t first: uint8 (2·11, C, H, W)."""
        generator = self._between(self.checkpoint.value, self.first.value, self.second.value)
        start, end = self.latents[self.start.value], self.latents[self.end.value]
        path = slerp(start, end, torch.linspace(0, 1, STEPS))
        steps = torch.arange(STEPS)
        latents = torch.cat([path, path[self.t.value].expand(STEPS, -1)])
        return sample(generator, latents, torch.cat([torch.full_like(steps, self.s.value), steps]))

    def figure(self) -> Figure:
        """The two strips as a figure."""
        return image_grid(
            self.images(), STEPS, titles=_heads(), sides=self._sides(), scale=self.scale
        )

    def _make_between(self, step: int, first: int, second: int) -> Generator:
        generator = image_generator(self.run, step)
        return between_classes(generator, first, second, torch.linspace(0, 1, STEPS))

    def _draw(self, _: object = None) -> None:
        images = self.images()
        strips = _with_marks(tile(images, STEPS, scale=self.scale), self.t.value, self.s.value)
        current = tile(images[self.t.value][None], 1, scale=ENLARGED * self.scale)
        self.image.value = to_png(beside(current, frame(strips, _heads(), self._sides())))
        self.caption.value = caption(self._describe())

    def _sides(self) -> list[str]:
        z, names = row_names(self.rows), self.run.class_names
        return [
            f"t: {z[self.start.value]} to {z[self.end.value]}",
            f"s: {names[self.first.value]} to {names[self.second.value]}",
        ]

    def _reseed(self, _: object = None) -> None:
        self.seed += 1
        self.latents = fixed_latents(self.rows, self.run.latent_dim, self.seed)
        self._draw()

    def _describe(self) -> str:
        z, names, tenths = row_names(self.rows), self.run.class_names, _heads()
        return (
            f"Step {self.checkpoint.value:,}, z of seed {self.seed}. Marked and enlarged: "
            f"{tenths[self.t.value]} of the way from {z[self.start.value]} to {z[self.end.value]}, "
            f"{tenths[self.s.value]} of the way from class {names[self.first.value]} to "
            f"{names[self.second.value]}. Above, only z changes; below, only the class."
        )

    def _make_controls(self, first: int, second: int) -> None:
        z = [(name, row) for row, name in enumerate(row_names(self.rows))]
        classes = [(name, label) for label, name in enumerate(self.run.class_names)]
        steps = [(f"step {step:,}", step) for step in self.run.steps]
        self.start = named_slider("from z", z, 0, width=280)
        self.end = named_slider("to z", z, 1, width=280)
        self.first = named_slider("from class", classes, first, width=280)
        self.second = named_slider("to class", classes, second, width=280)
        tenths = [(name, place) for place, name in enumerate(_heads())]
        self.t = named_slider("t: z", tenths, 0, width=280)
        self.s = named_slider("s: class", tenths, 0, width=280)
        self.checkpoint = named_slider("Checkpoint", steps, steps[-1][1], width=280)
        self.new_z = ipywidgets.Button(
            description="New z", icon="random", tooltip="Draw other z to choose from"
        )
        self.new_z.layout.width = "auto"
        self.image, self.caption = picture(), ipywidgets.HTML()

    def _controls(self) -> list[Any]:
        choices = [self.start, self.end, self.first, self.second]
        return [*choices, self.t, self.s, self.checkpoint]

    def _arranged(self) -> list[Any]:
        rows = [
            [self.start, self.end, self.t],
            [self.first, self.second, self.s],
            [self.checkpoint, self.new_z],
        ]
        boxes = [ipywidgets.HBox(row) for row in rows]
        for box in boxes:
            box.layout.flex_flow = "row wrap"
        return [*boxes, self.image, self.caption]


def _heads() -> list[str]:
    return [f"{place / (STEPS - 1):.1f}" for place in range(STEPS)]


def _with_marks(strips: Pixels, t: int, s: int) -> Pixels:
    """The strips in RGB, with a coloured frame around the current image in either."""
    colours = strips if strips.ndim == 3 else strips[..., None].repeat(3, axis=2)
    sheet = np.pad(colours, ((GAP, GAP), (GAP, GAP), (0, 0)), constant_values=WHITE)
    height, width = (sheet.shape[0] - GAP) // 2, (sheet.shape[1] - GAP) // STEPS
    for row, column in enumerate((t, s)):
        top, left = row * height, column * width
        image = np.s_[top + GAP : top + height, left + GAP : left + width]
        kept = sheet[image].copy()
        sheet[top : top + height + GAP, left : left + width + GAP] = MARK
        sheet[image] = kept
    return sheet
