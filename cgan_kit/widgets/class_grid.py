"""Fixed z down, classes across, a slider over the checkpoints of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import ipywidgets
from torch import Tensor

from cgan_kit.grids import choose_classes, fixed_latents, image_generator, sample_grid
from cgan_kit.models import truncate
from cgan_kit.pictures import fitting_scale, frame, tile, to_png
from cgan_kit.plots import check_makes_images, row_names
from cgan_kit.training.run import Run, sample
from cgan_kit.widgets.parts import MimeBundle, caption, mime_bundle, picture

TRUNCATIONS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, math.inf)
KEPT_GENERATORS = 16


class ClassGrid(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Rows are z, columns are classes; what changes along a row is the class and nothing else.

    The z of the rows come from the distribution the generator was trained on. They stay the
    same to the bit when the class, the checkpoint or the truncation changes, and are drawn
    anew only by the button.

    Arguments:
        run: a run on images.
        rows: how many z.
        classes: numbers or names of the classes to show, in this order; None is all of them.
        columns: at most this many classes at a time; a further slider turns the page.
        seed: of the z; the button goes on to seed + 1.
        scale: pixels a side that one pixel becomes; None makes images at least 40 high.

    Attributes:
        latents: float32 (rows, Z), the rows' z, before truncation.
        checkpoint: slider; its value is one of `run.steps`.
        truncation: slider; its value bounds each coordinate of z, infinity (shown as "off")
            leaves z alone.
        page: slider over groups of classes; its value is the group's first position.
        new_z: button.
        image: `ipywidgets.Image`; its value is the picture as PNG bytes.

    Raises:
        ValueError: a run on points or without checkpoints; an unknown class; rows, columns or
            scale below 1.
    """

    def __init__(
        self,
        run: Run,
        *,
        rows: int = 8,
        classes: Sequence[int | str] | None = None,
        columns: int = 12,
        seed: int = 0,
        scale: int | None = None,
    ) -> None:
        check_makes_images(run.sample_shape)
        _check_sizes(run, columns, scale)
        self.run = run
        self.classes = choose_classes(classes, run.class_names)
        self.columns = columns
        self.scale = fitting_scale(run.sample_shape) if scale is None else scale
        self.rows = rows
        self.seed = seed
        self.latents: Tensor = fixed_latents(rows, run.latent_dim, seed)
        self._generator = lru_cache(maxsize=KEPT_GENERATORS)(partial(image_generator, run))
        self._make_controls()
        self._draw()
        super().__init__(children=self._arranged())
        for control in (self.checkpoint, self.truncation, self.page):
            control.observe(self._draw, names="value")
        self.new_z.on_click(self._reseed)

    def __repr__(self) -> str:
        return (
            f"ClassGrid: {self.rows} z down, {len(self.classes)} classes across, "
            f"{len(self.checkpoint.options)} checkpoints"
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> MimeBundle:
        bundle = super()._repr_mimebundle_(**kwargs)
        return mime_bundle(bundle, self.image.value, self._describe(), repr(self))

    @property
    def shown_classes(self) -> tuple[int, ...]:
        """Labels of the columns, left to right."""
        return self.classes[self.page.value : self.page.value + self.columns]

    def images(self) -> Tensor:
        """What the picture shows: uint8 (rows·len(shown_classes), C, H, W), row by row."""
        generator = self._generator(self.checkpoint.value)
        latents = truncate(self.latents, self.truncation.value)
        return sample_grid(lambda z, y: sample(generator, z, y), latents, self.shown_classes)

    def _draw(self, _: object = None) -> None:
        tiled = tile(self.images(), len(self.shown_classes), scale=self.scale)
        heads = [self.run.class_names[k] for k in self.shown_classes]
        self.image.value = to_png(frame(tiled, heads, row_names(self.rows)))
        self.caption.value = caption(self._describe())

    def _reseed(self, _: object = None) -> None:
        self.seed += 1
        self.latents = fixed_latents(self.rows, self.run.latent_dim, self.seed)
        self._draw()

    def _describe(self) -> str:
        names = [self.run.class_names[k] for k in self.shown_classes]
        across = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
        bound = self.truncation.value
        truncated = "" if math.isinf(bound) else f", each coordinate within ±{bound:g}"
        return (
            f"Samples at step {self.checkpoint.value:,}. Each row is one z "
            f"(seed {self.seed}{truncated}); each column is one class ({across})."
        )

    def _make_controls(self) -> None:
        steps = self.run.steps
        starts = range(0, len(self.classes), self.columns)
        self.checkpoint = _slider(
            "Checkpoint", [(f"step {step:,}", step) for step in steps], steps[-1]
        )
        self.truncation = _slider(
            "Truncation",
            [("off" if math.isinf(t) else f"±{t:g}", t) for t in TRUNCATIONS],
            math.inf,
        )
        self.page = _slider("Classes", [(self._page_name(start), start) for start in starts], 0)
        self.new_z = ipywidgets.Button(
            description="New z", icon="random", tooltip="Draw other z for the rows"
        )
        self.new_z.layout.width = "auto"
        self.image = picture()
        self.caption = ipywidgets.HTML()

    def _page_name(self, start: int) -> str:
        last = min(start + self.columns, len(self.classes)) - 1
        return f"{start + 1} to {last + 1} of {len(self.classes)}"

    def _arranged(self) -> list[Any]:
        sliders = [self.checkpoint, self.truncation]
        if len(self.page.options) > 1:
            sliders.append(self.page)
        controls = ipywidgets.HBox([*sliders, self.new_z])
        controls.layout.flex_flow = "row wrap"
        controls.layout.align_items = "center"
        return [controls, self.image, self.caption]


def _slider(name: str, options: Sequence[tuple[str, float]], value: float) -> Any:
    """A slider over named values; the arrow keys move it one value at a time."""
    slider = ipywidgets.SelectionSlider(options=options, value=value, description=name)
    slider.layout.width = "330px"
    slider.style.description_width = "80px"
    return slider


def _check_sizes(run: Run, columns: int, scale: int | None) -> None:
    if not run.steps:
        raise ValueError(
            "run has no checkpoints; train it with checkpoints=1 or more, then open it again"
        )
    for name, value in (("columns", columns), ("scale", scale)):
        if value is not None and value < 1:
            raise ValueError(f"{name} is {value}; give at least 1")
