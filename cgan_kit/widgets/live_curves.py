"""Learning curves that are cheap to redraw while a run trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cgan_kit.diagnostics.curves import Curve, History, curve
from cgan_kit.panels import Instrument, Line, Shown, draw_instrument
from cgan_kit.pictures import Pixels
from cgan_kit.plots import ACCURACIES, DPI, LOSSES, SCORES

PANEL_WIDTH = 220  # dots
TITLE_SIZE = 7.5  # points: the longest title is as wide as a panel
ROOM = 0.3  # of an axis's range that is added when a curve leaves it

View = Callable[[History], Shown]


def losses(history: History) -> Shown:
    """Losses, and class accuracies where a classifier is trained; else the scores."""
    trained = any("accuracy_real" in record for record in history)
    shown = {}
    for title, series in (LOSSES, ACCURACIES if trained else SCORES):
        instrument = Instrument(title, share=title == ACCURACIES[0])
        shown[instrument] = [Line(role, name, curve(history, key)) for key, role, name in series]
    return shown


class LiveCurves:
    """Draws frame and labels once and then only the lines, a tenth of a figure's cost.

    Arguments:
        view: history -> the instruments to draw, such as `losses`.
        steps: where the step axis ends.
        height: of the picture, in dots; each instrument is 220 wide.
    """

    def __init__(self, view: View, steps: int, height: int) -> None:
        self.view = view
        self.steps = steps
        self.height = height
        self.lines: dict[tuple[str, str], Line2D] | None = None  # (title, name) -> line
        self.frame: Any = None
        self._framed_at = 0  # records

    def draw(self, history: History) -> Pixels:
        """The curves of a history that has grown: uint8 RGB (height, width, 3)."""
        shown = self.view(history)
        curves = {
            (instrument.title, line.name): line.curve
            for instrument, lines in shown.items()
            for line in lines
            if line.curve.values
        }
        if self.lines is None or self.lines.keys() != curves.keys():
            self._build(shown)
        self._fill(curves)
        # Legends look for a free place whenever the frame is drawn.
        if self.frame is None or self._outgrown() or len(history) > 2 * self._framed_at:
            self._framed_at = len(history)
            self._make_room()
        self.canvas.restore_region(self.frame)
        for line in (self.lines or {}).values():
            _axes(line).draw_artist(line)
        return np.asarray(self.canvas.buffer_rgba())[..., :3].copy()

    def _build(self, shown: Shown) -> None:
        width = PANEL_WIDTH * max(len(shown), 2)
        self.figure = Figure((width / DPI, self.height / DPI), dpi=DPI, layout="constrained")
        # matplotlib's types do not know an Agg canvas's regions.
        self.canvas: Any = FigureCanvasAgg(self.figure)
        self.lines, self.frame = {}, None
        panels = self.figure.subplots(1, len(shown), squeeze=False)[0]
        for axes, (instrument, lines) in zip(panels, shown.items(), strict=True):
            draw_instrument(axes, instrument, lines)
            axes.set_title(instrument.title, fontsize=TITLE_SIZE)
            names = [line.name for line in lines if line.curve.values]
            for name, line in zip(names, axes.lines, strict=False):  # then there are guides
                line.set_animated(True)
                self.lines[instrument.title, name] = line
            axes.set_xlim(-0.03 * self.steps, 1.03 * self.steps)
            if names and not instrument.share:
                _open(axes, instrument.logarithmic)

    def _fill(self, curves: dict[tuple[str, str], Curve]) -> None:
        for key, line in (self.lines or {}).items():
            line.set_data(curves[key].steps, curves[key].values)

    def _outgrown(self) -> bool:
        return any(_is_outside(axes, self._values(axes)) for axes in self.figure.axes)

    def _make_room(self) -> None:
        """Widen the axes by more than is needed, so that this happens a few times in a run."""
        for axes in self.figure.axes:
            if _is_outside(axes, self._values(axes)):
                _widen(axes, self._values(axes))
        self.canvas.draw()
        self.frame = self.canvas.copy_from_bbox(self.figure.bbox)

    def _values(self, axes: Any) -> Any:
        """What the axes' lines hold and the axes can show, float (n,)."""
        held = [line.get_ydata() for line in (self.lines or {}).values() if _axes(line) is axes]
        values = np.concatenate([[], *held])
        shown = values > 0 if axes.get_yscale() == "log" else np.isfinite(values)
        return values[shown]


def _axes(line: Line2D) -> Any:
    """matplotlib's types do not know that a line has axes."""
    return line.axes


def _open(axes: Any, logarithmic: bool) -> None:
    """Room for what is to come: a first record says little of it."""
    axes.set_yscale("log" if logarithmic else "linear")
    low, high = axes.get_ylim()
    if logarithmic:
        axes.set_ylim(low / 2, high * 2)
    else:
        axes.set_ylim(min(low, 0), high + ROOM * abs(high))


def _is_outside(axes: Any, values: Any) -> bool:
    low, high = axes.get_ylim()
    return bool(len(values)) and bool(values.min() < low or values.max() > high)


def _widen(axes: Any, values: Any) -> None:
    """Room beyond the values at each end that they have reached, as the axis measures it."""
    measure = axes.transScale
    (_, low), (_, high) = measure.transform([(0, limit) for limit in axes.get_ylim()])
    (_, least), (_, most) = measure.transform([(0, values.min()), (0, values.max())])
    room = ROOM * (max(high, most) - min(low, least))
    ends = low if least >= low else least - room, high if most <= high else most + room
    axes.set_ylim(*(limit for _, limit in measure.inverted().transform([(0, e) for e in ends])))
