"""Curves and samples while a run trains, and a button that stops it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ipywidgets

from cgan_kit.diagnostics import ClassifierProbe, GradientShare, LayerProbe, SampleProbe
from cgan_kit.grids import choose_classes, fixed_latents, sample_grid
from cgan_kit.panels import BY_PROBE
from cgan_kit.pictures import beside, fitting_scale, frame, from_png, tile, to_png
from cgan_kit.plots import check_makes_images, in_ipython, row_names
from cgan_kit.training import Run, Training
from cgan_kit.training.loop import Record
from cgan_kit.widgets.live_curves import LiveCurves, View, losses
from cgan_kit.widgets.parts import MimeBundle, caption, mime_bundle, picture

REDRAW_EVERY = 0.5  # seconds, at the least
DRAWING_SHARE = 0.025  # of the time may go into redrawing, beside what the first one costs
CURVES_HEIGHT = 240, 340  # dots; as high as the samples, within bounds
PROBED = {
    "classifier": ClassifierProbe,
    "gradients of head and score": GradientShare,
    "samples": SampleProbe,
    "layers": LayerProbe,
}


class LiveTraining(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Watch a run: its curves, and samples of fixed z that get better.

    The curves are losses and class accuracies; of a training with probes, also what each of them
    recorded. Another choice may be made at any time, also while the run trains.

    In a notebook, `run = await live.fit()` trains and leaves the Stop button alive;
    elsewhere `run = live.run_now()` is the same loop as a plain call. Stopped, interrupted or
    finished, the run is saved, and the widget keeps its last picture. What is drawn changes
    nothing in the run.

    Arguments:
        training: a `Training`, begun or not.
        rows: z in the grid of samples.
        classes: numbers or names of the classes to show; None is the first `columns`.
        columns: how many classes None shows at most.
        seed: of the grid's z; the same seed gives the z of `ClassGrid`.

    Attributes:
        stop: button.
        quantities: slider over what the curves show; on the page where there are several.
        curves, samples: `ipywidgets.Image`; their values are PNG bytes.
        progress, status: what the top line shows.
        latents: float32 (rows, Z), the rows' z.

    Raises:
        ValueError: a training on points; an unknown class; rows below 1.
    """

    def __init__(
        self,
        training: Training,
        *,
        rows: int = 8,
        classes: Sequence[int | str] | None = None,
        columns: int = 10,
        seed: int = 0,
    ) -> None:
        generator = training.averaged
        check_makes_images(generator.sample_shape)
        self.training = training
        self.class_names = training.players.batches.data.class_names
        shown = choose_classes(classes, self.class_names)
        self.classes = shown if classes is not None else shown[:columns]
        self.seed = seed
        self.latents = fixed_latents(rows, generator.latent_dim, seed)
        self.history: list[Record] = training.run.history() if training.step else []
        self._views = views_of(training)
        self._drawings: dict[str, LiveCurves] = {}
        self._drawn_at = self._started_at = 0.0
        self._drawing_cost = 0.0
        self._started_step = training.step
        self._make_parts()
        super().__init__(children=self._arranged())
        self._draw()
        self._say("not started")

    def __repr__(self) -> str:
        return f"LiveTraining: {self.training.steps:,} steps, {len(self.class_names)} classes"

    def _repr_mimebundle_(self, **kwargs: Any) -> MimeBundle:
        bundle = super()._repr_mimebundle_(**kwargs)
        return mime_bundle(bundle, self.picture(), self._describe(), repr(self))

    def picture(self) -> bytes:
        """The curves and the samples as they are, as one PNG."""
        samples = from_png(self.samples.value)
        if not self.curves.value:
            return to_png(samples)
        return to_png(beside(from_png(self.curves.value), samples))

    async def fit(self) -> Run:
        """Train while the notebook stays awake, so that the Stop button works.

        Returns:
            the run, as far as it got.

        Raises:
            DivergedError: see `Training`; the last picture stays.
        """
        with self._watched() as records:
            for record in records:
                self._look(record)
                await asyncio.sleep(0)  # here the kernel reads what the browser sent
        return self.training.run

    def run_now(self) -> Run:
        """Train in a plain call, for scripts; interrupt it (Ctrl-C) to stop early.

        Returns and raises as `fit` does.
        """
        with self._watched() as records:
            for record in records:
                self._look(record)
        return self.training.run

    @contextmanager
    def _watched(self) -> Iterator[Iterator[Record]]:
        """The training's steps; however they end, the run is saved and the picture is last."""
        shown = self._display()
        self.stop.disabled = False
        self._started_at = time.monotonic()
        self._started_step = self.training.step
        records = iter(self.training)
        ending = "ended by an error; the last checkpoint before it is kept"
        try:
            yield records
            whole = self.training.step >= self.training.steps
            ending = "finished and saved" if whole else "stopped; saved up to here"
        except (KeyboardInterrupt, asyncio.CancelledError):
            ending = "interrupted; saved up to here"
            _take_back_cancellation()
        finally:
            records.close()  # a generator; closing saves
            self.stop.disabled = True
            self.stop.description = "Stop"
            self._draw()
            self._say(ending)
            if shown is not None:
                shown.update(self)

    def _display(self) -> Any:
        if not in_ipython():
            return None
        from IPython.display import display

        return display(self, display_id=True)  # type: ignore[no-untyped-call]

    def _look(self, record: Record) -> None:
        if len(record) > 1:
            self.history.append(record)
        now = time.monotonic()
        if now - self._drawn_at < max(REDRAW_EVERY, self._drawing_cost / DRAWING_SHARE):
            return
        first = self.quantities.value not in self._drawings
        self._draw()
        self._say(self._time_left())
        self._drawn_at = time.monotonic()
        if not first:
            # The least so far: now and then the axes are drawn anew, which costs far more.
            self._drawing_cost = min(self._drawing_cost or math.inf, self._drawn_at - now)

    def _draw(self) -> None:
        images = sample_grid(self.training.sample, self.latents, self.classes)
        scale = fitting_scale(tuple(images.shape[1:]), target=25)
        tiled = tile(images, len(self.classes), scale=scale)
        heads = [self.class_names[k] for k in self.classes]
        samples = frame(tiled, heads, row_names(len(self.latents)))
        self.samples.value = to_png(samples)
        self._curves_height = min(max(len(samples), CURVES_HEIGHT[0]), CURVES_HEIGHT[1])
        self._draw_curves()

    def _draw_curves(self, _: object = None) -> None:
        if not any("d_loss" in record for record in self.history):
            return
        chosen = self.quantities.value
        if chosen not in self._drawings:
            self._drawings[chosen] = LiveCurves(
                self._views[chosen], self.training.steps, self._curves_height
            )
        self.curves.value = to_png(self._drawings[chosen].draw(self.history))
        self.curves.layout.display = None

    def _say(self, words: str) -> None:
        self.progress.value = self.training.step
        self.status.value = caption(
            f"step {self.training.step:,} of {self.training.steps:,}: {words}"
        )

    def _describe(self) -> str:
        names = [self.class_names[k] for k in self.classes]
        return (
            f"Learning curves so far; samples of the averaged generator: one z (seed {self.seed}) "
            f"a row, one class a column ({names[0]} to {names[-1]})."
        )

    def _time_left(self) -> str:
        done = self.training.step - self._started_step
        elapsed = time.monotonic() - self._started_at
        seconds = elapsed / max(done, 1) * (self.training.steps - self.training.step)
        if seconds < 90:
            return f"about {max(1, round(seconds))} s left"
        if seconds < 90 * 60:
            return f"about {round(seconds / 60)} min left"
        return f"about {round(seconds / 3600)} h left"

    def _stop(self, _: object) -> None:
        self.training.stop()
        self.stop.description = "Stopping"
        self.stop.disabled = True

    def _make_parts(self) -> None:
        self.progress = ipywidgets.IntProgress(max=self.training.steps)
        self.progress.layout.width = "200px"
        self.status = ipywidgets.HTML()
        self.stop = ipywidgets.Button(
            description="Stop", icon="stop", disabled=True, tooltip="End the run and save it"
        )
        self.stop.layout.width = "auto"
        self.stop.on_click(self._stop)
        # Not a dropdown: JupyterLab takes the arrow keys away from one.
        self.quantities = ipywidgets.SelectionSlider(
            options=list(self._views), description="Curves"
        )
        self.quantities.layout.width = "420px"
        self.quantities.observe(self._draw_curves, names="value")
        self.curves, self.samples = picture(), picture()
        self.curves.layout.display = "none"  # until there is a first record

    def _arranged(self) -> list[Any]:
        choice = [self.quantities] if len(self._views) > 1 else []
        top = ipywidgets.HBox([self.stop, self.progress, self.status, *choice])
        pictures = ipywidgets.HBox([self.curves, self.samples])
        for box in (top, pictures):
            box.layout.flex_flow = "row wrap"
        top.layout.align_items = "center"
        top.layout.grid_gap = pictures.layout.grid_gap = "12px"
        return [top, pictures, ipywidgets.HTML(caption(self._describe()))]


def views_of(training: Training) -> dict[str, View]:
    """What curves can show of a training: its losses, and what its probes record."""
    views: dict[str, View] = {"losses": losses}
    for name, kind in PROBED.items():
        if any(isinstance(probe, kind) for probe in training.probes):
            views[name] = BY_PROBE[kind]
    return views


def _take_back_cancellation() -> None:
    """The task goes on after its cancellation; from Python 3.11 on it must be told so."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs: a plain call
        return
    if task is not None and hasattr(task, "uncancel"):
        task.uncancel()
