"""Instrument panels: what the probes recorded, on one figure; of one run, or of several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from cgan_kit.diagnostics.classifier_probe import ClassifierProbe
from cgan_kit.diagnostics.curves import Curve, History, curve, ratio
from cgan_kit.diagnostics.gradient_share import GradientShare
from cgan_kit.diagnostics.layer_probe import GUIDE, LayerProbe
from cgan_kit.diagnostics.sample_probe import SampleProbe
from cgan_kit.diagnostics.verdict import Verdict, accuracy
from cgan_kit.plots import COLOURS, DPI, dress, style_of
from cgan_kit.training.run import Run


class Line(NamedTuple):
    """One curve of an instrument: a role or method that gives its colour, a name, its points."""

    role: str
    name: str
    curve: Curve


class Instrument(NamedTuple):
    """One panel: a title, its axis, a guide line and what that means.

    logarithmic: whether the axis is, where values span much.
    share: whether the values are shares, on an axis from 0 to 1.
    """

    title: str
    logarithmic: bool = False
    guide: float | None = None
    meaning: str = ""
    share: bool = False


NORM = Instrument("‖F(x)‖, length of the features", True)
CERTAIN = Instrument("p of the right class", share=True)
PRODUCT = Instrument("‖F‖(1 − p), and ‖∂L/∂W‖ of the head", True)
TRUNK = Instrument("gradient in D's trunk", True)
IMAGES = Instrument("gradient at G's images", True)
VARIETY = Instrument("variance within a class", True, 1.0, "real images")
RIGHT = Instrument("share right", share=True)
PACE = Instrument("update / weight", True, GUIDE, "a common pace")

Shown = dict[Instrument, list[Line]]


def _line(history: History, role: str, name: str, key: str) -> Line:
    return Line(role, name, curve(history, key))


def classifier_instruments(history: History) -> Shown:
    """What `ClassifierProbe` recorded."""
    line = partial(_line, history)
    return {
        NORM: [
            line("real", "real", "classifier/feature_norm_real"),
            line("fake", "fake", "classifier/feature_norm_fake"),
        ],
        CERTAIN: [
            line("real", "real", "classifier/p_real"),
            line("fake", "fake", "classifier/p_fake"),
            line("none", "real, lowest tenth", "classifier/p_real_low"),
        ],
        PRODUCT: [
            line("real", "‖F‖(1 − p), real", "classifier/product_real"),
            line("discriminator", "‖∂L/∂W‖", "classifier/head_gradient"),
        ],
    }


def share_instruments(history: History) -> Shown:
    """What `GradientShare` recorded."""
    line = partial(_line, history)
    return {
        TRUNK: [
            line("acgan", "conditioning's head", "share/trunk_head"),
            line("discriminator", "score", "share/trunk_score"),
        ],
        IMAGES: [
            line("acgan", "conditioning's head", "share/image_head"),
            line("discriminator", "score", "share/image_score"),
        ],
    }


def sample_instruments(history: History) -> Shown:
    """What `SampleProbe` recorded."""
    line = partial(_line, history)
    return {
        VARIETY: [
            line("fake", "pixels", "sample/pixel_variance"),
            line("discriminator", "D's features", "sample/feature_variance"),
        ],
        RIGHT: [
            Line("fake", "fakes in the right class", accuracy(history)),
            line("real", "real scored above fake", "sample/separation"),
            line("none", "held-out above fake", "sample/separation_held_out"),
        ],
    }


def layer_instruments(history: History) -> Shown:
    """What `LayerProbe` recorded, of the median layer."""
    return {
        PACE: [
            Line(player, f"{player}, median layer", _median_update(history, player))
            for player in ("generator", "discriminator")
        ]
    }


# In the order of the panel.
BY_PROBE: dict[type, Callable[[History], Shown]] = {
    ClassifierProbe: classifier_instruments,
    GradientShare: share_instruments,
    SampleProbe: sample_instruments,
    LayerProbe: layer_instruments,
}


def instrument_panel(run: Run | History, verdict: Verdict | None = None) -> Figure:
    """Eight instruments of one run; what no probe recorded stays empty and says so.

    Arguments:
        run: a run, or its history, with what `ClassifierProbe`, `GradientShare`, `SampleProbe`
            and `LayerProbe` recorded.
        verdict: of `diagnose(run)`: where its findings begin, a vertical line.

    Raises:
        ValueError: a run that no probe has looked at.
    """
    history = _looked_at(run)

    shown: Shown = {}
    for instruments in BY_PROBE.values():
        shown |= instruments(history)
    figure, panels = _grid(2, 4)
    for axes, (instrument, lines) in zip(panels, shown.items(), strict=True):
        draw_instrument(axes, instrument, lines)
        for finding in verdict.findings if verdict else ():
            axes.axvline(finding.since, color="black", lw=0.8, ls=(0, (1, 2)))
    return figure


def overlaid_panel(runs: Mapping[str, Run | History]) -> Figure:
    """The same eight instruments for several runs, one line each.

    Arguments:
        runs: name -> run or history. A name that is a method ("acgan", "reacgan", ...) gets that
            method's colour, marker and line style.

    Raises:
        ValueError: no runs, or one that no probe has looked at.
    """
    check_named(runs)
    histories = {name: _looked_at(run) for name, run in runs.items()}
    keys = {
        NORM._replace(title="‖F(x)‖ on real images"): "classifier/feature_norm_real",
        CERTAIN: "classifier/p_real",
        PRODUCT._replace(title="‖F‖(1 − p) on real images"): "classifier/product_real",
        PRODUCT._replace(title="‖∂L/∂W‖ of the head"): "classifier/head_gradient",
        VARIETY: "sample/pixel_variance",
    }
    shown = {
        instrument: [Line(name, name, curve(each, key)) for name, each in histories.items()]
        for instrument, key in keys.items()
    }
    for place, instrument in (("trunk", TRUNK), ("image", IMAGES)):
        head, score = f"share/{place}_head", f"share/{place}_score"
        title = f"{instrument.title}: head / score"
        shown[instrument._replace(title=title, guide=1.0, meaning="equal")] = [
            Line(name, name, ratio(each, head, score)) for name, each in histories.items()
        ]
    shown[RIGHT._replace(title="fakes in the right class")] = [
        Line(name, name, accuracy(each)) for name, each in histories.items()
    ]
    figure, panels = _grid(2, 4)
    for axes, (instrument, lines) in zip(panels, shown.items(), strict=True):
        draw_instrument(axes, instrument, lines, legend=False)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=6, frameon=False)
    return figure


def check_named(runs: Mapping[str, object]) -> None:
    """Several runs come each under its name."""
    if not isinstance(runs, Mapping):
        kind = type(runs).__name__
        raise ValueError(f"runs is a {kind}; give each run a name: {{'acgan': run}}")
    if not runs:
        raise ValueError("runs is empty; give at least one: {'acgan': run}")


def _looked_at(run: Run | History) -> History:
    history = run.history() if isinstance(run, Run) else run
    if not any("/" in key for record in history for key in record):
        raise ValueError(
            "run has no probe's records; train it with probes=[kit.diagnostics.ClassifierProbe(), "
            "kit.diagnostics.GradientShare(), kit.diagnostics.SampleProbe()]"
        )
    return history


def _median_update(history: History, player: str) -> Curve:
    """Over the layers of one network, the median of what `LayerProbe` calls "update"."""
    found = []
    for record in history:
        ratios = sorted(
            value
            for key, value in record.items()
            if key.startswith(f"layer/{player}.") and key.endswith("/update")
        )
        if ratios:
            found.append((int(record["step"]), ratios[len(ratios) // 2]))
    return Curve(tuple(step for step, _ in found), tuple(value for _, value in found))


def _grid(rows: int, columns: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(3.1 * columns, 2.6 * rows), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(rows, columns).flat)


def _take_logarithms(axes: Axes) -> None:
    """A logarithmic axis where values span much; where they do not, its labels would be few."""
    low, high = axes.dataLim.intervaly
    if low > 0 and high < 3 * low:
        return
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    few = high < 30 * low
    axes.yaxis.set_minor_formatter(StrMethodFormatter("{x:g}") if few else NullFormatter())


def draw_instrument(
    axes: Axes, instrument: Instrument, lines: Sequence[Line], *, legend: bool = True
) -> None:
    """One panel: a line each, those without a record left out."""
    for position, line in enumerate(lines):
        if line.curve.values:
            style = style_of(line.role, position)
            axes.plot(line.curve.steps, line.curve.values, label=line.name, **style)
    dress(axes, instrument.title, accuracy=instrument.share)
    axes.set_title(instrument.title, fontsize=9.5)
    if not axes.lines:
        axes.text(0.5, 0.5, "not recorded", transform=axes.transAxes, ha="center", color="#767676")
        axes.set_yticks([])
        return
    if instrument.logarithmic:
        _take_logarithms(axes)
    if legend:
        axes.legend(frameon=False, fontsize=7.5)
    if instrument.guide is not None:
        axes.axhline(instrument.guide, color=COLOURS["none"], ls=":", lw=1)
        axes.annotate(
            instrument.meaning,
            (0.01, instrument.guide),
            xycoords=("axes fraction", "data"),
            fontsize=8,
            color=COLOURS["none"],
            va="bottom",
        )
