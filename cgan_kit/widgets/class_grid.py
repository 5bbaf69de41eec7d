"""Fixed z down, classes across, a slider over checkpoints; of one run, or of several."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import ipywidgets
import numpy as np
import torch
from torch import Tensor

from cgan_kit.checks import check_counts
from cgan_kit.data import ImageSet
from cgan_kit.grids import (
    check_comparable,
    choose_classes,
    common_steps,
    fingerprint,
    fixed_latents,
    image_generator,
    real_rows,
    sample_grid,
    step_at,
)
from cgan_kit.models import Generator, truncate
from cgan_kit.pictures import WHITE, Pixels, frame, from_png, tile, to_png
from cgan_kit.plots import check_makes_images, panel_name, row_names, side_by_side_scale
from cgan_kit.training.run import Run, sample
from cgan_kit.widgets.closer_look import CloserLook, outlined, stacked
from cgan_kit.widgets.parts import MimeBundle, caption, mime_bundle, named_slider, picture

TRUNCATIONS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, math.inf)
KEPT_GENERATORS = 16


class ClassGrid(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Rows are z, columns are classes; what changes along a row is the class and nothing else.

    The z of the rows come from the distribution the generator was trained on. They stay the
    same to the bit when the class, the checkpoint, the truncation or the run changes, and are
    drawn anew only by the button.

    Several runs stand side by side. At a step that one of them has not kept, it shows its last
    checkpoint before. With real images there is one more row, and a closer look at one cell.

    Arguments:
        runs: a run on images, or name -> run, of one latent_dim and on the same classes.
        real: images of the same classes: one of each class is the last row, and the closer look
            finds the nearest to the chosen cell among them.
        rows: how many z.
        classes: numbers or names of the classes to show, in this order; None is all of them.
        columns: at most this many classes at a time; a further slider turns the page.
        seed: of the z, and of the real row; the button goes on to seed + 1.
        scale: pixels a side that one pixel becomes; None makes images at least 40 high, or 30
            where there are several runs.

    Attributes:
        latents: float32 (rows, Z), the rows' z, before truncation.
        checkpoint: slider; its value is a step at which some run has a checkpoint.
        truncation: slider; its value bounds each coordinate of z, infinity (shown as "off")
            leaves z alone.
        page: slider over groups of classes; its value is the group's first position.
        new_z: button.
        closer: `CloserLook` at one cell, with sliders for its row and its class; None without
            real images.
        image: `ipywidgets.Image`; its value is the picture as PNG bytes.

    Raises:
        ValueError: what is no run; a run on points or without checkpoints; runs or real images
            that differ in Z, classes or size; an unknown class; rows, columns or scale that are
            no whole numbers, 1 or more.
    """

    def __init__(
        self,
        runs: Run | Mapping[str, Run],
        *,
        real: ImageSet | None = None,
        rows: int = 8,
        classes: Sequence[int | str] | None = None,
        columns: int = 12,
        seed: int = 0,
        scale: int | None = None,
    ) -> None:
        self.runs = named_runs(runs)
        for run in self.runs.values():
            check_makes_images(run.sample_shape)
        check_comparable(self.runs, real)
        check_counts(rows=rows, columns=columns, scale=1 if scale is None else scale)
        first = next(iter(self.runs.values()))
        self.class_names = first.class_names
        self.classes = choose_classes(classes, self.class_names)
        self.columns = columns
        self.scale = scale or side_by_side_scale(first.sample_shape, len(self.runs))
        self.rows = rows
        self.seed = seed
        self.latents: Tensor = fixed_latents(rows, first.latent_dim, seed)
        self.real = real
        self.closer = None if real is None else CloserLook(real, self.classes, rows)
        self._steps = {name: run.steps for name, run in self.runs.items()}
        self._read = lru_cache(maxsize=KEPT_GENERATORS * len(self.runs))(self._read_checkpoint)
        self._make_controls()
        self._draw()
        super().__init__(children=self._arranged())
        for control in self._sliders():
            control.observe(self._draw, names="value")
        self.new_z.on_click(self._reseed)

    def __repr__(self) -> str:
        named = f", {len(self.runs)} runs" if len(self.runs) > 1 else ""
        return (
            f"ClassGrid: {self.rows} z down, {len(self.classes)} classes across, "
            f"{len(self.checkpoint.options)} checkpoints{named}"
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> MimeBundle:
        bundle = super()._repr_mimebundle_(**kwargs)
        return mime_bundle(bundle, self.picture(), self._describe(), repr(self))

    def picture(self) -> bytes:
        """The grid, and the closer look below it, as one PNG."""
        if self.closer is None:
            return bytes(self.image.value)
        shown = from_png(self.image.value), from_png(self.closer.image.value)
        return to_png(stacked(*shown))

    @property
    def shown_classes(self) -> tuple[int, ...]:
        """Labels of the columns, left to right."""
        return self.classes[self.page.value : self.page.value + self.columns]

    def images(self, name: str | None = None) -> Tensor:
        """What the picture shows of a run, real images apart.

        Arguments:
            name: of the run; None is the first.

        Returns:
            uint8 (rows·len(shown_classes), C, H, W), row by row.
        """
        name = next(iter(self.runs)) if name is None else name
        return self._sampled(name, self.fed_latents(), self.shown_classes)

    def fed_latents(self) -> Tensor:
        """What every generator is given: float32 (rows, Z), the latents after truncation."""
        return truncate(self.latents, self.truncation.value)

    def shown_step(self, name: str) -> int:
        """The checkpoint that a run shows: the slider's, or its last one before that."""
        return step_at(self._steps[name], self.checkpoint.value)

    def _sampled(self, name: str, latents: Tensor, classes: Sequence[int]) -> Tensor:
        generator = self._read(name, self.shown_step(name))
        return sample_grid(partial(sample, generator), latents, classes)

    def _read_checkpoint(self, name: str, step: int) -> Generator:
        return image_generator(self.runs[name], step)

    def _draw(self, _: object = None) -> None:
        step, sheet = self.checkpoint.value, in_a_row([*map(self._panel, self.runs)])
        if any(self.runs):
            names = [panel_name(name, self.shown_step(name), step) for name in self.runs]
            sheet = frame(sheet, names)
        self.image.value = to_png(sheet)
        self.caption.value = caption(self._describe())
        if self.closer is not None:
            z, label = self.fed_latents()[self.closer.row.value, None], [self.closer.label.value]
            self.closer.show({name: self._sampled(name, z, label)[0] for name in self.runs})

    def _panel(self, name: str) -> Pixels:
        """One run's grid."""
        shown, classes, sides = self.images(name), self.shown_classes, row_names(self.rows)
        if self.real is not None:
            shown = torch.cat([shown, real_rows(self.real, classes, seed=self.seed)])
            sides = [*sides, "real"]
        tiled = tile(shown, len(classes), scale=self.scale)
        if self.closer is not None and self.closer.label.value in classes:
            column = classes.index(self.closer.label.value)
            tiled = outlined(tiled, len(sides), len(classes), self.closer.row.value, column)
        return frame(tiled, [self.class_names[k] for k in classes], sides)

    def _reseed(self, _: object = None) -> None:
        self.seed += 1
        self.latents = fixed_latents(self.rows, self.latents.shape[1], self.seed)
        self._draw()

    def _describe(self) -> str:
        names = [self.class_names[k] for k in self.shown_classes]
        across = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
        bound, step = self.truncation.value, self.checkpoint.value
        truncated = "" if math.isinf(bound) else f", each coordinate within ±{bound:g}"
        words = [
            f"Samples at step {step:,}. Each row is one z (seed {self.seed}{truncated}); each "
            f"column is one class ({across})."
        ]
        if len(self.runs) > 1:
            words.append(
                f"Left to right: {', '.join(self.runs)}; all are given the same z, whose numbers "
                f"have the fingerprint {fingerprint(self.fed_latents())}."
            )
        for name in self.runs:
            if self.shown_step(name) != step:
                words.append(
                    f"{name} has no checkpoint at step {step:,} and shows the one before, at step "
                    f"{self.shown_step(name):,}."
                )
        if self.real is not None:
            words.append("The last row is real images.")
        return " ".join(words)

    def _make_controls(self) -> None:
        steps = common_steps(self.runs)
        starts = range(0, len(self.classes), self.columns)
        self.checkpoint = named_slider(
            "Checkpoint", [(f"step {step:,}", step) for step in steps], steps[-1]
        )
        self.truncation = named_slider(
            "Truncation",
            [("off" if math.isinf(t) else f"±{t:g}", t) for t in TRUNCATIONS],
            math.inf,
        )
        self.page = named_slider(
            "Classes", [(self._page_name(start), start) for start in starts], 0
        )
        self.new_z = ipywidgets.Button(
            description="New z", icon="random", tooltip="Draw other z for the rows"
        )
        self.new_z.layout.width = "auto"
        self.image = picture()
        self.caption = ipywidgets.HTML()

    def _page_name(self, start: int) -> str:
        last = min(start + self.columns, len(self.classes)) - 1
        return f"{start + 1} to {last + 1} of {len(self.classes)}"

    def _sliders(self) -> list[Any]:
        closer = [] if self.closer is None else [self.closer.row, self.closer.label]
        return [self.checkpoint, self.truncation, self.page, *closer]

    def _arranged(self) -> list[Any]:
        sliders = [self.checkpoint, self.truncation]
        if len(self.page.options) > 1:
            sliders.append(self.page)
        controls = ipywidgets.HBox([*sliders, self.new_z])
        controls.layout.flex_flow = "row wrap"
        controls.layout.align_items = "center"
        closer = [] if self.closer is None else [self.closer]
        return [controls, self.image, self.caption, *closer]


def named_runs(runs: Run | Mapping[str, Run]) -> dict[str, Run]:
    """name -> run; the name of a run that comes alone is empty.

    Raises:
        ValueError: what is no run, such as a run's folder.
    """
    named = {"": runs} if isinstance(runs, Run) else runs
    if not isinstance(named, Mapping) or not all(isinstance(each, Run) for each in named.values()):
        raise ValueError(
            f"runs is {runs!r}; give a run, cgan_kit.Run(folder), or several by name: "
            "{'acgan': cgan_kit.Run(folder)}"
        )
    return dict(named)


def in_a_row(panels: Sequence[Pixels], gap: int = 16) -> Pixels:
    """Pictures of one size and kind side by side on white; grey ones stay grey."""
    between = np.full((len(panels[0]), gap, *panels[0].shape[2:]), WHITE, np.uint8)
    pieces = [piece for panel in panels for piece in (between, panel)]
    return np.concatenate(pieces[1:], axis=1)
