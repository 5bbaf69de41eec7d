"""Learning curves that are cheap to redraw while a run trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cgan_kit.pictures import Pixels
from cgan_kit.plots import DPI, history_curves

Record = Mapping[str, float]


class LiveCurves:
    """Draws frame and labels once and then only the lines, a tenth of a figure's cost.

    Arguments:
        history: what is recorded so far, at least one record with losses.
        steps: where the step axis ends.
        width, height: of the picture, in dots.
    """

    def __init__(self, history: Sequence[Record], steps: int, width: int, height: int) -> None:
        self.figure, self.lines = history_curves(history, width=width / DPI, height=height / DPI)
        # matplotlib's types know neither an Agg canvas's regions nor that a line has axes.
        self.canvas: Any = self.figure.canvas
        self.panels: dict[str, Any] = {key: line.axes for key, line in self.lines.items()}
        for key, line in self.lines.items():
            line.set_animated(True)
            self.panels[key].set_xlim(-0.03 * steps, 1.03 * steps)
        for axes in self.figure.axes:
            if axes.get_autoscaley_on():  # a first record says little of the range to come
                low, high = axes.get_ylim()
                axes.set_ylim(min(low, 0), high + 0.3 * abs(high))
        self.frame: Any = None

    def draw(self, history: Sequence[Record]) -> Pixels:
        """The curves of a history that has grown: uint8 RGB (height, width, 3)."""
        kept = [record for record in history if "d_loss" in record]
        steps = [record["step"] for record in kept]
        for key, line in self.lines.items():
            line.set_data(steps, [record.get(key, np.nan) for record in kept])
        if self.frame is None or self._outgrown():
            self._make_room()
        self.canvas.restore_region(self.frame)
        for key, line in self.lines.items():
            self.panels[key].draw_artist(line)
        return np.asarray(self.canvas.buffer_rgba())[..., :3].copy()

    def _outgrown(self) -> bool:
        for axes in self.figure.axes:
            low, high = axes.get_ylim()
            values = self._values(axes)
            if len(values) and (values.min() < low or values.max() > high):
                return True
        return False

    def _make_room(self) -> None:
        """Widen the axes by more than is needed, so that this happens a few times in a run."""
        for axes in self.figure.axes:
            low, high = axes.get_ylim()
            values = self._values(axes)
            if len(values) == 0:
                continue
            least, most = values.min(), values.max()
            room = 0.3 * (max(high, most) - min(low, least))
            axes.set_ylim(
                low if least >= low else least - room, high if most <= high else most + room
            )
        self.canvas.draw()
        self.frame = self.canvas.copy_from_bbox(self.figure.bbox)

    def _values(self, axes: Any) -> Any:
        values = np.concatenate(
            [
                np.asarray(line.get_ydata(), float)
                for line in self.lines.values()
                if line.axes is axes
            ]
        )
        return values[np.isfinite(values)]
