"""The figure of docs/explosion.md: ``python benchmarks/explosion/figures.py``.

Every mark is one run of points.json; a line joins the means of the seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from study import LABORATORY, METHODS, OVERLAP, STUDIES, Setting

from cgan_kit.plots import COLOURS, DPI, MARKERS, to_png

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "explosion.png"
Value = Callable[[dict[str, Any]], float]


def late(name: str) -> Value:
    return lambda row: float(row[name][1])


def marks(
    axes: Axes,
    settings: Sequence[Setting],
    names: Sequence[str],
    value: Value,
    method: str,
    label: str = "",
    line: str = "-",
) -> None:
    """One column a setting, one mark a seed; the means joined, where the dial has an order."""
    colour, marker = COLOURS[method], MARKERS[method]
    rows = [LABORATORY.found(setting) for setting in settings]
    for column, of_setting in enumerate(rows):
        values = [value(row) for row in of_setting]
        axes.plot([column] * len(values), values, marker, color=colour, ms=5, alpha=0.7)
    means = [(i, mean(map(value, each))) for i, each in enumerate(rows) if each]
    axes.plot(*zip(*means, strict=True), color=colour, lw=1, ls=line, label=label)
    axes.set_xticks(range(len(names)), names, fontsize=8)


def draw() -> Figure:
    figure = Figure(figsize=(12, 6.4), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    panels = list(figure.subplots(2, 3).flat)

    for axes, study, title in (
        (panels[0], "learning_rate", "linear game, no bound"),
        (panels[1], "learning_rate, bounded game", "hinge"),
    ):
        names = [f"{setting.learning_rate:g}" for setting in STUDIES[study]]
        marks(axes, STUDIES[study], names, late("norm"), "projection", "‖F‖")
        gradient = "‖∂L/∂W‖ of the classifier"
        marks(axes, STUDIES[study], names, late("head_gradient"), "acgan", gradient)
        axes.set(title=title, xlabel="learning rate", yscale="log")
    panels[1].set_ylim(panels[0].get_ylim())

    classes = STUDIES["classes"]
    names = [str(setting.classes) for setting in classes]
    for key, method, label in (
        ("norm", "projection", "‖F‖"),
        ("product", "acgan", "‖F‖(1 − p)"),
    ):
        marks(panels[2], classes, names, late(key), method, label)
    panels[2].set(title="relativistic game with R1 and R2", xlabel="classes on the ring")
    panels[2].set_yscale("log")

    reached = STUDIES["interventions"]
    names = [setting.intervention.replace(" ", "\n") or "none" for setting in reached]
    marks(panels[3], reached, names, late("norm"), "projection", "‖F‖", ":")
    marks(panels[3], reached, names, late("variance"), "acgan", "variance within a class", ":")
    panels[3].axhline(1, color=COLOURS["none"], ls=":", lw=1)
    panels[3].set(title="interventions in the linear game", yscale="log")

    overlap = [replace(OVERLAP, method=method) for method in METHODS]
    for row, setting in enumerate(overlap):
        values = [each["spread"] for each in LABORATORY.found(setting)]
        family = "acgan" if setting.method.startswith("acgan") else setting.method
        method = family.removesuffix("-reference")
        style = {"color": COLOURS[method], "marker": MARKERS[method]}
        panels[4].plot(values, [row] * len(values), ls="none", ms=6, alpha=0.7, **style)
    panels[4].set_yticks(range(len(METHODS)), METHODS, fontsize=8)
    panels[4].invert_yaxis()
    panels[4].axvline(1, color=COLOURS["none"], ls=":", lw=1)
    panels[4].set(title="classes that overlap", xlabel="spread within a class; true is 1")

    weights = STUDIES["overlap, weight"]
    names = [f"{setting.options['weight']:g}" for setting in weights]
    marks(panels[5], weights, names, lambda row: float(row["spread"]), "acgan", "AC-GAN")
    panels[5].axhline(1, color=COLOURS["none"], ls=":", lw=1)
    panels[5].set(title="classes that overlap: spread by λ", xlabel="λ", ylim=(0, None))

    for axes in panels:
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_legend_handles_labels()[1]:
            axes.legend(frameon=False, fontsize=8)
    return figure


if __name__ == "__main__":
    PICTURE.write_bytes(to_png(draw(), 100))
    print(PICTURE.name)
