"""A run's instruments and its samples under one slider: what did the curves say just then?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from cgan_kit import plots
from cgan_kit.diagnostics.curves import short
from cgan_kit.grids import choose_classes, fixed_latents, image_generator, sample_grid
from cgan_kit.panels import check_named, instrument_panel
from cgan_kit.pictures import Pixels, fitting_scale, frame, tile, to_png
from cgan_kit.training.run import Run, sample
from cgan_kit.widgets.parts import MimeBundle, caption, choice, mime_bundle, picture

COLUMNS = 10  # classes in the grid, at most
KEPT_PICTURES = 256
READINGS = {
    "‖F(x)‖": "classifier/feature_norm_real",
    "p": "classifier/p_real",
    "‖F‖(1 − p)": "classifier/product_real",
    "‖∂L/∂W‖": "classifier/head_gradient",
    "variance within a class": "sample/pixel_variance",
}


class Instruments(NamedTuple):
    """A drawn instrument panel, and where a cursor goes in it.

    pixels: uint8 RGB (H, W, 3).
    places: of each instrument, (first row, last row, column of step 0, columns a step), in pixels.
    """

    pixels: Pixels
    places: tuple[tuple[int, int, float, float], ...]

    def at(self, step: int) -> Pixels:
        """The panel with a line at that step in every instrument."""
        marked = self.pixels.copy()
        for top, bottom, origin, pitch in self.places:
            column = round(origin + pitch * step)
            marked[top:bottom, column : column + 2] = 0
        return marked


class TrainingPanel(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A slider over a run's checkpoints moves a cursor through its instruments, and the samples.

    The samples are those of the averaged generator: for images a grid of fixed z and all
    classes (the first ten), for points in the plane a scatter plot.

    Arguments:
        runs: a run, or name -> run, recorded with probes.
        rows: z in the grid of images.
        seed: of the z; they stay the same for all checkpoints, and for all runs of one Z.

    Attributes:
        run: buttons; its value is a run's name. Shown when there are several.
        checkpoint: slider; its value is one of the run's steps.
        panel, samples: `ipywidgets.Image`; their values are PNG bytes.

    Raises:
        ValueError: no runs; one without checkpoints or without a probe's records; rows below 1.
    """

    def __init__(self, runs: Run | Mapping[str, Run], *, rows: int = 5, seed: int = 0) -> None:
        runs = {"": runs} if isinstance(runs, Run) else runs
        _check(runs, rows)
        self.runs = dict(runs)
        self.rows = rows
        self.seed = seed
        self._histories = {name: run.history() for name, run in self.runs.items()}
        # Once for all: matplotlib takes a second for eight instruments.
        self._instruments = {
            name: _drawn(instrument_panel(history)) for name, history in self._histories.items()
        }
        self._scatters = {
            name: _scatters(run, seed)
            for name, run in self.runs.items()
            if len(run.sample_shape) == 1
        }
        self._look = lru_cache(maxsize=KEPT_PICTURES)(self._draw_samples)
        self._make_controls()
        self._draw()
        super().__init__(children=self._arranged())
        self.run.observe(self._choose, names="value")
        self.checkpoint.observe(self._draw, names="value")

    def __repr__(self) -> str:
        steps = self.runs[self.run.value].steps
        return f"TrainingPanel: runs {len(self.runs)}, checkpoints {len(steps)}"

    def _repr_mimebundle_(self, **kwargs: Any) -> MimeBundle:
        bundle = super()._repr_mimebundle_(**kwargs)
        return mime_bundle(bundle, self.picture(), self._describe(), repr(self))

    def picture(self) -> bytes:
        """The instruments and, below them, the samples, as one PNG."""
        panel, samples = self._pictures()
        samples = samples if samples.ndim == 3 else samples[..., None].repeat(3, axis=2)
        width = max(panel.shape[1], samples.shape[1])
        sheet = np.full((panel.shape[0] + 12 + samples.shape[0], width, 3), 255, np.uint8)
        sheet[: panel.shape[0], : panel.shape[1]] = panel
        sheet[-samples.shape[0] :, : samples.shape[1]] = samples
        return to_png(sheet)

    def _pictures(self) -> tuple[Pixels, Pixels]:
        name, step = self.run.value, self.checkpoint.value
        return self._instruments[name].at(step), self._look(name, step)

    def _draw(self, _: object = None) -> None:
        panel, samples = self._pictures()
        self.panel.value, self.samples.value = to_png(panel), to_png(samples)
        self.caption.value = caption(self._describe())

    def _choose(self, _: object) -> None:
        """Another run, at its checkpoint nearest to the step shown."""
        step, steps = self.checkpoint.value, self.runs[self.run.value].steps
        self.checkpoint.options = _options(steps)  # which goes back to the first one
        self.checkpoint.value = min(steps, key=lambda each: abs(each - step))
        self._draw()

    def _draw_samples(self, name: str, step: int) -> Pixels:
        run = self.runs[name]
        if name in self._scatters:
            return self._scatters[name][step]
        classes = choose_classes(None, run.class_names)[:COLUMNS]
        generator, latents = image_generator(run, step), self._latents(run)
        images = sample_grid(lambda z, y: sample(generator, z, y), latents, classes)
        tiled = tile(images, len(classes), scale=fitting_scale(run.sample_shape))
        return frame(tiled, [run.class_names[k] for k in classes], plots.row_names(self.rows))

    def _latents(self, run: Run) -> Tensor:
        return fixed_latents(self.rows, run.latent_dim, self.seed)

    def _describe(self) -> str:
        step, history = self.checkpoint.value, self._histories[self.run.value]
        named = f" of {self.run.value}" if self.run.value else ""
        read = []
        for name, key in READINGS.items():
            looks = [record for record in history if key in record and record["step"] <= step]
            if looks:
                read.append(f"{name} {short(looks[-1][key])}")
        samples = "Samples of fixed z: one z a row, one class a column."
        if self.run.value in self._scatters:
            samples = "Samples of fixed z, in the colour of the class asked for."
        return f"Step {step:,}{named}: {', '.join(read) or 'before the first look'}. {samples}"

    def _make_controls(self) -> None:
        names = list(self.runs)
        self.run = choice("Run", names, names[0])
        steps = self.runs[names[0]].steps
        self.checkpoint = ipywidgets.SelectionSlider(
            options=_options(steps), value=steps[-1], description="Checkpoint"
        )
        self.checkpoint.layout.width = "420px"
        self.checkpoint.style.description_width = "80px"
        self.panel, self.samples = picture(), picture()
        self.caption = ipywidgets.HTML()

    def _arranged(self) -> list[Any]:
        several = len(self.runs) > 1
        controls = ipywidgets.HBox([self.run, self.checkpoint] if several else [self.checkpoint])
        controls.layout.flex_flow = "row wrap"
        return [controls, self.panel, self.caption, self.samples]


def _options(steps: list[int]) -> list[tuple[str, int]]:
    return [(f"step {step:,}", step) for step in steps]


def _scatters(run: Run, seed: int) -> dict[int, Pixels]:
    """Step -> the points, on axes that stay the same over the run."""
    figures = {step: plots.points(run, step, seed=seed) for step in run.steps}
    ends = [end for each in figures.values() for end in each.axes[0].axis()]
    for figure in figures.values():
        figure.axes[0].set(xlim=(min(ends), max(ends)), ylim=(min(ends), max(ends)))
    return {step: _pixels(figure) for step, figure in figures.items()}


def _drawn(figure: Figure) -> Instruments:
    pixels = _pixels(figure)
    places = []
    for axes in filter(lambda each: each.lines, figure.axes):
        box, height = axes.get_window_extent(), pixels.shape[0]
        (origin, _), (one, _) = axes.transData.transform([(0, 1), (1, 1)])
        top, bottom = round(height - box.y1), round(height - box.y0)
        places.append((top, bottom, float(origin), float(one - origin)))
    return Instruments(pixels, tuple(places))


def _pixels(figure: Figure) -> Pixels:
    canvas: Any = figure.canvas
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _check(runs: Mapping[str, Run], rows: int) -> None:
    if rows < 1:
        raise ValueError(f"rows is {rows}; give at least 1")
    check_named(runs)
    for name, run in runs.items():
        if not run.steps:
            which = f"runs[{name!r}]" if name else "run"
            raise ValueError(
                f"{which} has no checkpoints to show samples of; train it with checkpoints=1 or "
                "more, or draw cgan_kit.panels.instrument_panel(run)"
            )
