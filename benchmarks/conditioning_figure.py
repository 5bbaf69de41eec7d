"""The figure of docs/conditioning.md: ``python benchmarks/conditioning_figure.py``.

Clear against varied, every method at every weight that benchmarks/conditioning.py ran. A mark is
the mean of the seeds, larger for a larger weight; thin bars reach from the lowest to the highest.
"""

from __future__ import annotations

from pathlib import Path
from statistics import mean
from typing import Any

from conditioning import RESULTS
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from rows import stored

from cgan_kit.plots import COLOURS, DPI, MARKERS, to_png

DOCS = Path(__file__).resolve().parents[1] / "docs"
SETS = {
    ("glyphs", 10, 400): "ten glyphs, 400 steps",
    ("shapes", 10, 800): "ten shapes, 800 steps",
    ("glyphs", 100, 800): "a hundred glyphs, 800 steps",
}
SIZES = {0.1: 4, 1.0: 6.5, 3.0: 9}
PLAIN = 6.5  # of a method that has no weight
STYLES = {  # method -> whose colour, whose marker, line
    "none": ("none", "none", ":"),
    "concatenation": ("concatenation", "concatenation", ":"),
    "projection": ("projection", "projection", ":"),
    "acgan": ("acgan", "acgan", "-"),
    "acgan-real-only": ("acgan", "acgan_real_only", "--"),
    "acgan-normalised-features": ("acgan", "tacgan", "-."),
    "acgan-normalised": ("acgan", "fake", "--"),
    "contragan": ("contragan", "contragan", "--"),
    "reacgan": ("reacgan", "reacgan", "-"),
    "reacgan-reference": ("reacgan", "tacgan", "-."),
    "tacgan": ("tacgan", "tacgan", "-"),
    "adcgan": ("adcgan", "adcgan", "-"),
    "amgan": ("amgan", "amgan", "--"),
    "frozen-classifier": ("none", "fake", "-"),
}


def frontier(axes: Axes, rows: list[dict[str, Any]], method: str) -> None:
    """One method: its weights joined in order."""
    whose, marker, line = STYLES[method]
    style = {"color": COLOURS[whose], "alpha": 0.85}
    weights = sorted({row["weight"] for row in rows}, key=lambda weight: weight or 0)
    groups = [[row for row in rows if row["weight"] == weight] for weight in weights]
    varied = [mean(row["recall"] for row in group) for group in groups]
    clear = [mean(row["recognisable"] for row in group) for group in groups]
    axes.plot(varied, clear, ls=line, lw=1, **style)
    for weight, group, x, y in zip(weights, groups, varied, clear, strict=True):
        across = [[each["recall"] for each in group], [each["recognisable"] for each in group]]
        bars = [[[at - min(v)], [max(v) - at]] for at, v in zip((x, y), across, strict=True)]
        axes.errorbar(x, y, *bars[::-1], color=COLOURS[whose], alpha=0.3, lw=0.7)
        axes.plot(x, y, MARKERS[marker], ms=SIZES.get(weight, PLAIN), mew=1.2, **style)


def build() -> Figure:
    figure = Figure(figsize=(13, 4.4), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    everything = [row for row in stored(RESULTS) if not row["options"]]
    for axes, (key, title) in zip(figure.subplots(1, 3, sharey=True), SETS.items(), strict=True):
        of_set = [r for r in everything if (r["data"], r["classes"], r["steps"]) == key]
        for method in STYLES:
            rows = [row for row in of_set if row["method"] == method]
            rows = [row for row in rows if row["weight"] in (None, *SIZES)]
            frontier(axes, rows, method)
        axes.set(title=title, xlabel="recall: how varied", xlim=(-0.03, 1.03))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set(ylabel="recognisable: how clear", ylim=(0, 0.85))
    handles = [
        Line2D([], [], color=COLOURS[whose], marker=MARKERS[marker], ls=line, ms=6, label=method)
        for method, (whose, marker, line) in STYLES.items()
    ]
    figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=8)
    return figure


if __name__ == "__main__":
    (DOCS / "conditioning.png").write_bytes(to_png(build(), 100))
