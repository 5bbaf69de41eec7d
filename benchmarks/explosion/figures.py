"""The figures of docs/explosion.md: ``python benchmarks/explosion/figures.py``.

Every mark is one run of points.json or images.json; a line joins the means of the seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import images
from laboratory import Laboratory
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from study import LABORATORY, METHODS, OVERLAP, STUDIES

from cgan_kit import Run
from cgan_kit.plots import COLOURS, DPI, MARKERS, class_grids, to_png

DOCS = Path(__file__).resolve().parents[2] / "docs"
Value = Callable[[dict[str, Any]], float]


def late(name: str) -> Value:
    return lambda row: float(row[name][1])


def marks(
    axes: Axes,
    settings: Sequence[Any],
    names: Sequence[str],
    value: Value,
    method: str,
    label: str = "",
    line: str = "-",
    laboratory: Laboratory = LABORATORY,
) -> None:
    """One column a setting, one mark a seed; the means joined, where the dial has an order."""
    colour, marker = COLOURS[method], MARKERS[method]
    rows = [laboratory.found(setting) for setting in settings]
    for column, of_setting in enumerate(rows):
        values = [value(row) for row in of_setting]
        axes.plot([column] * len(values), values, marker, color=colour, ms=5, alpha=0.7)
    means = [(i, mean(map(value, each))) for i, each in enumerate(rows) if each]
    axes.plot(*zip(*means, strict=True), color=colour, lw=1, ls=line, label=label)
    axes.set_xticks(range(len(names)), names, fontsize=8)


def of_points() -> Figure:
    figure, panels = sheet(2, 3)

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

    dress(panels)
    return figure


ON_IMAGES = {  # method -> colour and marker of, name, line
    "acgan": ("acgan", "AC-GAN", "-"),
    "acgan-normalised": ("acgan_real_only", "normalised AC-GAN", "--"),
    "reacgan": ("reacgan", "ReACGAN", "-"),
    "projection": ("projection", "projection", "-"),
}


def of_images() -> Figure:
    figure, panels = sheet(2, 4)
    counts = sorted({each.data_options["classes"] for each in images.STUDIES["classes"]})
    names = [str(count) for count in counts]
    for method, (style, label, line) in ON_IMAGES.items():
        shared = {"method": style, "line": line, "laboratory": images.LABORATORY}
        by_classes = of_method("classes", method)
        if method != "projection":
            marks(panels[0], by_classes, names, peak("head_gradient"), **shared)
        marks(panels[1], by_classes, names, share_of_real("recall"), **shared)

        fifty = by_classes[counts.index(50)]
        stronger = [fifty, *of_method("penalty", method)]
        gammas = [f"{each.gamma:g}" for each in stronger]
        marks(panels[2], stronger, gammas, share_of_real("recall"), label=label, **shared)
        variance = share_of_real("within-class pixel variance")
        sizes = [fifty, *of_method("32 px", method), *of_method("32 px, stronger penalty", method)]
        of_sizes = [f"{each.size} px\nγ = {each.gamma:g}" for each in sizes]
        papers = of_method("hinge with spectral norm", method)
        games = [fifty, *papers, *of_method("linear game", method)[:1]]
        in_games = ["R1 and R2", "hinge,\nspectral norm", "linear,\nno bound"]
        # Neither sizes nor games have an order: marks alone.
        apart = shared | {"line": ""}
        marks(panels[3], sizes, of_sizes, variance, **apart)
        marks(panels[4], games, in_games, variance, **apart)
        longer = [*papers, *of_method("10,000 steps, hinge with spectral norm", method)]
        steps = [f"{each.steps:,}" for each in longer]
        marks(panels[5], longer, steps, variance, **shared)
        if method != "projection":
            marks(panels[6], longer, steps, late("head_gradient"), **shared)
    panels[0].set(title="highest ‖∂L/∂W‖ of the run", xlabel="glyphs", yscale="log")
    panels[1].set(title="recall over that of real images", xlabel="glyphs", ylim=(-0.02, 1.05))
    panels[2].set(title="fifty glyphs: recall", xlabel="γ of R1 and R2", ylim=(-0.02, 1.05))
    panels[3].set(title="fifty glyphs: variance within a class", ylim=(0, None))
    panels[4].set(title="the same in other games", ylim=(0, None))
    panels[5].set(title="hinge, spectral norm: variance", xlabel="steps", yscale="log")
    panels[6].set(title="the same: ‖∂L/∂W‖ at the end", xlabel="steps", yscale="log")

    overlap = [each for each in images.STUDIES["overlap"] if each.method != "none"]
    for row, setting in enumerate(overlap):
        rows = images.LABORATORY.found(setting)
        style = ON_IMAGES.get(setting.method, (setting.method,))[0]
        panels[7].plot(
            [each["crossed"] for each in rows], [row] * len(rows), MARKERS[style],
            color=COLOURS[style], ms=6, alpha=0.7,
        )  # fmt: skip
        panels[7].axvline(rows[0]["crossed_real"], color=COLOURS["none"], ls=":", lw=1)
    panels[7].set_yticks(range(len(overlap)), [each.method for each in overlap], fontsize=8)
    panels[7].invert_yaxis()
    panels[7].set(title="two shapes that overlap", xlabel="drawn as the other one; dotted: real")
    dress(panels)
    return figure


def of_method(study: str, method: str) -> list[Any]:
    return [each for each in images.STUDIES[study] if each.method == method]


def peak(name: str) -> Value:
    return lambda row: float(row[name][2])


def share_of_real(name: str) -> Value:
    return lambda row: float(row[name] / row[f"{name}_real"])


def sheet(rows: int, columns: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(4 * columns, 3.2 * rows), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(rows, columns).flat)


def dress(panels: Sequence[Axes]) -> None:
    for axes in panels:
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_legend_handles_labels()[1]:
            axes.legend(frameon=False, fontsize=8)


def of_runs() -> Figure:
    """The runs that ship, one z for all."""
    names = ("acgan", "reacgan", "projection")
    runs = {name: Run(DOCS.parent / "data" / "runs" / "glyphs" / f"{name}-0") for name in names}
    return class_grids(runs, rows=4, classes=range(8))


if __name__ == "__main__":
    for name, figure in (
        ("explosion", of_points()),
        ("explosion_images", of_images()),
        ("explosion_grids", of_runs()),
    ):
        (DOCS / f"{name}.png").write_bytes(to_png(figure, 100))
        print(f"{name}.png")
