"""Measured values beside those of real images."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cgan_kit.plots.style import BLACK, COLOURS, DPI, GREY, LABEL_SIZE, MARKERS, blank

LEFT_END = -0.5  # of a track: how far beyond real images it goes


def accuracy_against_similarity(
    accuracies: Mapping[str, Sequence[float]],
    similarities: Mapping[str, Sequence[float]],
    class_names: Sequence[str],
    threshold: float | None = None,
) -> Figure:
    """Are classes that are easy to recognise the ones without variety? One mark a class.

    The joint picture of Odena et al. 2017 (AC-GAN), section 4.3: high and to the left is right
    and varied, high and to the right is right and collapsed. Each class is named at its last
    group.

    Arguments:
        accuracies: group -> K shares, one a class; groups are roles or methods, such as "real"
            and "fake". See `metrics.accuracy_by_class`.
        similarities: group -> K mean similarities, see `metrics.class_similarity`.
        class_names: K.
        threshold: the similarity of the least varied real class, drawn as a line.

    Raises:
        ValueError: groups that differ, or numbers of classes that do.
    """
    if accuracies.keys() != similarities.keys():
        raise ValueError(
            f"accuracies has the groups {list(accuracies)}, similarities {list(similarities)}; "
            "give the same"
        )
    figure, (axes,) = blank(5, 3.6, 1)
    for group in accuracies:
        across, up = similarities[group], accuracies[group]
        if not len(across) == len(up) == len(class_names):
            raise ValueError(
                f"{group} has {len(up)} accuracies and {len(across)} similarities for "
                f"{len(class_names)} class_names; give one each a class"
            )
        colour, marker = COLOURS.get(group, GREY), MARKERS.get(group, "o")
        axes.scatter(
            list(across), list(up), s=36, alpha=0.8, label=group, color=colour, marker=marker
        )
        for name, x, y in zip(class_names, across, up, strict=True):
            axes.annotate(name, (x, y), (4, 4), textcoords="offset points", fontsize=LABEL_SIZE - 1)
    if threshold is not None:
        axes.axvline(threshold, color=BLACK, ls=":", lw=1, label="least varied real class")
    axes.set(xlabel="similarity of random pairs of the class", ylabel="class accuracy")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=LABEL_SIZE)
    return figure


class Track(NamedTuple):
    """One line of `tracks`: a value, what as many real images score, and what would be bad."""

    name: str
    value: float
    low: float
    mean: float
    high: float
    bad: float

    def place(self, value: float) -> float:
        """0 at the mean of real images, 1 where it is bad; a root between, so that little shows."""
        share = (value - self.mean) / (self.bad - self.mean)
        return math.copysign(math.sqrt(abs(share)), share)


def tracks(lines: Sequence[Track], title: str = "") -> Figure:
    """Where each value stands between real images of the same number and bad ones.

    The band is what real images score, from the lowest to the highest. A value inside it is an
    open square, one outside a filled square, one beyond the left end a triangle.
    """
    figure = Figure(figsize=(6.4, 0.6 + 0.32 * len(lines)), dpi=DPI)
    FigureCanvasAgg(figure)
    above = 0.5 / figure.get_figheight()
    axes = figure.add_axes((0.36, 0.02, 0.38, 0.98 - above))
    for row, line in enumerate(lines):
        ends = sorted((line.place(line.low), line.place(line.high)))
        axes.plot([LEFT_END, 1], [row, row], color="#cccccc", lw=1, zorder=1)
        width = max(ends[1] - ends[0], 0.02)
        blue = COLOURS["real"]
        axes.barh(row, width, 0.6, ends[0], color=blue, alpha=0.45, lw=0, zorder=2)
        beside = f"{_short(line.value)}  (real {_short(line.mean)})"
        axes.text(1.08, row, beside, va="center", fontsize=LABEL_SIZE)
        _mark(axes, row, line)
    axes.set(xlim=(LEFT_END - 0.03, 1.05), ylim=(len(lines) - 0.5, -0.5))
    axes.set_yticks(range(len(lines)), [line.name for line in lines], fontsize=LABEL_SIZE)
    axes.set_xticks([0, 1], ["as real", "bad"], fontsize=LABEL_SIZE)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    axes.axvline(0, color=COLOURS["real"], lw=1, zorder=1)
    words = textwrap.fill(title, 70)  # two lines have room
    figure.text(0.01, 1 - 0.03 / figure.get_figheight(), words, va="top", fontsize=9)
    return figure


def _mark(axes: Axes, row: int, line: Track) -> None:
    if not math.isfinite(line.value):
        return
    at, inside = line.place(line.value), line.low <= line.value <= line.high
    axes.plot(
        min(max(at, LEFT_END), 1),
        row,
        color=COLOURS["fake"],
        marker="<" if at < LEFT_END else MARKERS["fake"],
        markersize=8,
        markerfacecolor="white" if inside else COLOURS["fake"],
        zorder=3,
        clip_on=False,
    )


def _short(value: float) -> str:
    """Two decimals below 10, one below 100, none above."""
    if math.isnan(value):
        return "–"
    decimals = 2 - (abs(value) >= 10) - (abs(value) >= 100)
    return f"{value:.{decimals}f}"
