"""What a person looks at: figures in role colours, shown the same way everywhere.

Functions return a `Figure` and open no window; `show` puts it into a notebook. Colours are Okabe
and Ito's, which colour-blind readers can tell apart, and no role or method is told by its colour
alone: each has a marker or a line style of its own too.
"""

from __future__ import annotations

import base64
import io
import math
import sys
import textwrap
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator
from torch import Tensor

from cgan_kit.data import ImageSet
from cgan_kit.grids import (
    check_comparable,
    choose_classes,
    common_steps,
    fixed_latents,
    image_generator,
    real_rows,
    sample_grid,
    step_at,
)
from cgan_kit.models import truncate
from cgan_kit.pictures import Pixels, fitting_scale, tile
from cgan_kit.training.run import Run, sample

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#767676"

# Roles, then methods. The methods that lessons compare have a colour each; relatives share one
# and differ in marker and line style.
COLOURS: dict[str, str] = {
    "real": BLUE,
    "fake": ORANGE,
    "generator": VERMILLION,
    "discriminator": GREEN,
    "none": GREY,
    "concatenation": ORANGE,
    "projection": BLUE,
    "acgan": VERMILLION,
    "acgan_real_only": VERMILLION,
    "reacgan": GREEN,
    "contragan": GREEN,
    "tacgan": PURPLE,
    "adcgan": SKY,
    "amgan": PURPLE,
}
MARKERS: dict[str, str] = {
    "real": "o",
    "fake": "s",
    "generator": "^",
    "discriminator": "v",
    "none": "x",
    "concatenation": "s",
    "projection": "o",
    "acgan": "^",
    "acgan_real_only": "2",
    "reacgan": "D",
    "contragan": "P",
    "tacgan": "v",
    "adcgan": "h",
    "amgan": "*",
}
LINESTYLES: dict[str, str] = {
    "real": "-",
    "fake": "--",
    "generator": "-",
    "discriminator": "--",
    "none": ":",
    "concatenation": "-.",
    "projection": "-",
    "acgan": "-",
    "acgan_real_only": "--",
    "reacgan": "-",
    "contragan": "--",
    "tacgan": "-",
    "adcgan": "-.",
    "amgan": "--",
}

DPI = 100  # of a figure's layout; `show` draws twice as fine for sharp text on fine screens
FINENESS = 2
PAGE = 1100  # dots that a notebook's page is wide, about
LEFT_END = -0.5  # of a track: how far beyond real images it goes
LABEL_SIZE = 9  # points, of the names of rows and columns
CurvePanel = tuple[str, tuple[tuple[str, str, str], ...]]  # title, (history key, role, name)...
LOSSES: CurvePanel = (
    "loss",
    (("d_loss", "discriminator", "discriminator"), ("g_loss", "generator", "generator")),
)
ACCURACIES: CurvePanel = (
    "class accuracy",
    (("accuracy_real", "real", "on real"), ("accuracy_fake", "fake", "on fake")),
)
SCORES: CurvePanel = (
    "score by discriminator",
    (("score_real", "real", "on real"), ("score_fake", "fake", "on fake")),
)


def show(figure: Figure, alt: str) -> None:
    """Put a figure into the notebook as a PNG with alternative text, and close it.

    The same figure gives the same bytes: resolution is fixed and no date or version is
    written. Outside IPython nothing happens, so a lesson runs as a plain script too.

    Arguments:
        alt: what the figure shows, in a sentence, for those who cannot see it. It is stored as
            text beside the picture and compared by tests, so put no number into it that
            differs between machines.

    Raises:
        ValueError: an empty alt.
    """
    if not alt.strip():
        raise ValueError("alt is empty; say in a sentence what the figure shows")
    if in_ipython():
        from IPython.display import display

        width, height = (round(side * DPI) for side in figure.get_size_inches())
        fineness = FINENESS if width <= PAGE else 1  # shown smaller than it is, it stays sharp
        encoded = base64.b64encode(to_png(figure, fineness * DPI)).decode("ascii")
        display(  # type: ignore[no-untyped-call]
            {"image/png": encoded, "text/plain": alt},
            metadata={"image/png": {"alt": alt, "width": width, "height": height}},
            raw=True,
        )
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close(figure)


def in_ipython() -> bool:
    """Whether there is a notebook or IPython shell to display in."""
    if "IPython" not in sys.modules:
        return False
    return sys.modules["IPython"].get_ipython() is not None


def to_png(figure: Figure, dpi: int = FINENESS * DPI) -> bytes:
    """The figure as PNG bytes, which depend on nothing but the figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def class_grid(
    run: Run,
    step: int | None = None,
    *,
    rows: int = 8,
    classes: Sequence[int | str] | None = None,
    seed: int = 0,
    truncation: float = float("inf"),
    scale: int | None = None,
) -> Figure:
    """Fixed z down, classes across: what `widgets.ClassGrid` shows, pixel for pixel.

    Arguments:
        step: one of `run.steps`; None is the last.
        rows: how many z.
        classes: numbers or names of the classes to show; None is all of them.
        seed: of the z, as in the widget.
        truncation: bound on each coordinate of z, above 0; infinity leaves z alone.
        scale: how many pixels a side one pixel becomes; None chooses.

    Raises:
        ValueError: a run on points, an unknown class or step, a bound that is not above 0.
    """
    check_makes_images(run.sample_shape)
    chosen = choose_classes(classes, run.class_names)
    latents = truncate(fixed_latents(rows, run.latent_dim, seed), truncation)
    generator = image_generator(run, step)
    images = sample_grid(lambda z, y: sample(generator, z, y), latents, chosen)
    return image_grid(
        images,
        columns=len(chosen),
        titles=[run.class_names[k] for k in chosen],
        sides=row_names(rows),
        scale=scale,
    )


def class_grids(
    runs: Mapping[str, Run],
    step: int | None = None,
    *,
    real: ImageSet | None = None,
    rows: int = 8,
    classes: Sequence[int | str] | None = None,
    seed: int = 0,
    truncation: float = float("inf"),
    scale: int | None = None,
) -> Figure:
    """Several runs side by side, given the same z: what `widgets.ClassGrid(runs)` shows.

    Arguments:
        runs: name -> run; of one latent_dim, on the same classes.
        step: each run shows its last checkpoint at or before it; None is the last of all.
        real: images of the same classes, for one more row at the bottom.
        The others as in `class_grid`.

    Raises:
        ValueError: runs or real images that differ in Z, classes or size; a step before the
            first checkpoint of a run; and as `class_grid`.
    """
    for run in runs.values():
        check_makes_images(run.sample_shape)
    check_comparable(runs, real)
    steps, first = common_steps(runs), next(iter(runs.values()))
    step = steps[-1] if step is None else step
    if step < steps[0]:
        raise ValueError(
            f"step is {step}, but not every run has a checkpoint there or before; give "
            f"{steps[0]} or more"
        )
    chosen = choose_classes(classes, first.class_names)
    latents = truncate(fixed_latents(rows, first.latent_dim, seed), truncation)
    below = [] if real is None else [real_rows(real, chosen, seed=seed)]
    shown: dict[str, Tensor] = {}
    for name, run in runs.items():
        at = step_at(run.steps, step)
        generator = image_generator(run, at)
        images = sample_grid(partial(sample, generator), latents, chosen)
        shown[panel_name(name, at, step)] = torch.cat([images, *below])
    return image_grids(
        shown,
        columns=len(chosen),
        titles=[first.class_names[k] for k in chosen],
        sides=row_names(rows) + ["real"] * len(below),
        scale=scale,
    )


def side_by_side_scale(sample_shape: Sequence[int], runs: int) -> int:
    """How much larger images are drawn: several runs get less room each."""
    return fitting_scale(sample_shape, 40 if runs == 1 else 30)


def panel_name(name: str, shown: int, asked: int) -> str:
    """A run's name, and its step where that is not the one asked for."""
    return name if shown == asked else f"{name} (at step {shown:,})"


def row_names(rows: int) -> list[str]:
    """z₁, z₂, ...: one name a row of a class grid."""
    subscripts = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
    return [f"z{str(row).translate(subscripts)}" for row in range(1, rows + 1)]


def check_makes_images(sample_shape: Sequence[int]) -> None:
    """Class grids are for images.

    Raises:
        ValueError: the shape of a point.
    """
    if len(sample_shape) != 3:
        raise ValueError(
            f"the run makes points of shape {tuple(sample_shape)}, and a class grid shows images; "
            "use cgan_kit.plots.points(run) for points"
        )


def real_grid(
    image_set: ImageSet,
    rows: int = 8,
    *,
    classes: Sequence[int | str] | None = None,
    seed: int = 0,
    scale: int | None = None,
) -> Figure:
    """Real images for comparison: classes across, `rows` different examples of each down.

    A class with fewer images than rows leaves its column short.

    Arguments:
        seed: of the choice of examples.
        The others as in `class_grid`.

    Raises:
        ValueError: an unknown class, or rows below 1.
    """
    if rows < 1:
        raise ValueError(f"rows is {rows}; give at least 1")
    chosen = choose_classes(classes, image_set.class_names)
    images = real_rows(image_set, chosen, rows, seed)
    titles = [image_set.class_names[k] for k in chosen]
    return image_grid(images, columns=len(chosen), titles=titles, scale=scale)


def image_grid(
    images: Tensor,
    columns: int,
    *,
    titles: Sequence[str] = (),
    sides: Sequence[str] = (),
    scale: int | None = None,
) -> Figure:
    """Images in rows, enlarged without smoothing; at `DPI`, one array pixel is one dot.

    Arguments:
        images: uint8 (n, C, H, W), row by row.
        columns: images in a row.
        titles: one a column, or none. They stand upright where they would touch.
        sides: one name a row, or none.
        scale: how many dots a side one pixel becomes; None chooses.

    Raises:
        ValueError: images that are not uint8 (n, C, H, W), or titles or sides that do not fit.
    """
    return image_grids({"": images}, columns, titles=titles, sides=sides, scale=scale)


def image_grids(
    groups: Mapping[str, Tensor],
    columns: int,
    *,
    titles: Sequence[str] = (),
    sides: Sequence[str] = (),
    scale: int | None = None,
) -> Figure:
    """Several `image_grid` side by side, all of one size.

    Arguments:
        groups: name -> images, uint8 (n, C, H, W) with one n; a name stands above its grid.
        The others as in `image_grid`; titles and sides are those of every grid.

    Raises:
        ValueError: as `image_grid`.
    """
    images = next(iter(groups.values()))
    scale = side_by_side_scale(images.shape[1:], len(groups)) if scale is None else scale
    sheets = [tile(each, columns, scale=scale) for each in groups.values()]
    rows = -(-len(images) // columns)
    for name, words, count in (("titles", titles, columns), ("sides", sides, rows)):
        if len(words) not in (0, count):
            raise ValueError(f"{name} has {len(words)} entries for {count} of them; give {count}")
    upright = max((len(title) for title in titles), default=0) * 7 > sheets[0].shape[1] / columns
    longest = max((len(word) for word in sides), default=0)
    above = 0 if not titles else (8 * max(map(len, titles)) + 8 if upright else 22)
    headline = 24 if any(groups) else 0
    left = 0 if not sides else 9 * longest + 8
    figure, panels = _pixel_axes(sheets, left=left, above=above + headline)
    for name, axes in zip(groups, panels, strict=True):
        _label(axes, sheets[0].shape, titles, sides, upright)
        if name:
            axes.annotate(
                name, (0.5, 1), (0, above * 72 / DPI + 3), xycoords="axes fraction",
                textcoords="offset points", ha="center", va="bottom", fontsize=11,
            )  # fmt: skip
    return figure


def _label(
    axes: Axes, shape: Sequence[int], titles: Sequence[str], sides: Sequence[str], upright: bool
) -> None:
    """Names of columns above and of rows to the left of a grid of (height, width) dots."""
    for column, title in enumerate(titles):
        axes.text(
            (column + 0.5) / len(titles),
            1 + 6 / shape[0],
            title,
            transform=axes.transAxes,
            rotation=90 if upright else 0,
            fontsize=LABEL_SIZE,
            ha="center",
            va="bottom",
        )
    for row, word in enumerate(sides):
        axes.text(
            -6 / shape[1],
            1 - (row + 0.5) / len(sides),
            word,
            transform=axes.transAxes,
            ha="right",
            va="center",
            fontsize=LABEL_SIZE,
        )


def points(run: Run, step: int | None = None, *, per_class: int = 200, seed: int = 0) -> Figure:
    """Where a run on 2-D points puts each class.

    Arguments:
        step: one of `run.steps`; None is the last.
        per_class: samples of each class.
        seed: of their z.

    Raises:
        ValueError: a run that does not make 2-D points.
    """
    if run.sample_shape != (2,):
        raise ValueError(
            f"run makes samples of shape {run.sample_shape}, not 2-D points; "
            "use cgan_kit.plots.class_grid(run) for images"
        )
    latents = fixed_latents(per_class * run.num_classes, run.latent_dim, seed)
    labels = torch.arange(run.num_classes).repeat_interleave(per_class)
    made = run.sample(latents, labels, step)
    figure, (axes,) = _figure(5, 4.2, 1)
    colours = (BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE, BLACK)
    markers = "os^vDPX*"
    for k, name in enumerate(run.class_names):
        style: dict[str, Any] = {"color": colours[k % len(colours)]}
        style["marker"] = markers[k % len(markers)]
        x, y = made[labels == k].unbind(dim=1)
        axes.scatter(x.numpy(), y.numpy(), s=9, alpha=0.6, linewidths=0, label=name, **style)
    axes.set_aspect("equal")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, markerscale=2)
    return figure


def curves(runs: Run | Mapping[str, Run]) -> Figure:
    """Learning curves: of one run, its losses and class accuracies; of several, side by side.

    Arguments:
        runs: a run, or name -> run. A name that is a method ("projection", "acgan", ...) gets
            that method's colour, marker and line style.

    Raises:
        ValueError: a run that has recorded nothing.
    """
    if isinstance(runs, Run):
        return history_curves(_history(runs, "run"))[0]
    histories = {name: _history(run, f"runs[{name!r}]") for name, run in runs.items()}
    keys = {"d_loss": "discriminator's loss", "g_loss": "generator's loss"}
    if any("accuracy_fake" in history[-1] for history in histories.values()):
        keys["accuracy_fake"] = "class accuracy on fake"
    figure, panels = _figure(4 * len(keys), 3, len(keys))
    for axes, (key, title) in zip(panels, keys.items(), strict=True):
        for position, (name, history) in enumerate(histories.items()):
            kept = [record for record in history if key in record]
            steps, values = [r["step"] for r in kept], [r[key] for r in kept]
            axes.plot(steps, values, label=name, **style_of(name, position))
        dress(axes, title, accuracy=key == "accuracy_fake")
    panels[0].legend(frameon=False)
    return figure


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
    figure, (axes,) = _figure(5, 3.6, 1)
    for position, group in enumerate(accuracies):
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
        if position == len(accuracies) - 1:
            for name, x, y in zip(class_names, across, up, strict=True):
                axes.annotate(
                    name, (x, y), (4, 4), textcoords="offset points", fontsize=LABEL_SIZE - 1
                )
    if threshold is not None:
        axes.axvline(threshold, color=BLACK, ls=":", lw=1, label="least varied real class")
    axes.set(xlabel="similarity of random pairs of the class", ylabel="class accuracy")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=LABEL_SIZE)
    return figure


def history_curves(
    history: Sequence[Mapping[str, float]], *, width: float = 8, height: float = 3
) -> tuple[Figure, dict[str, Line2D]]:
    """Losses, and class accuracies where a classifier is trained; else the scores.

    Arguments:
        history: records of a run, each with "step" and the losses.
        width, height: of the figure, in inches at 100 dots.

    Returns:
        the figure, and the line drawn for each history key.
    """
    second = ACCURACIES if "accuracy_real" in history[-1] else SCORES
    figure, panels = _figure(width, height, 2)
    lines = {}
    for axes, (title, series) in zip(panels, (LOSSES, second), strict=True):
        for key, role, name in series:
            kept = [record for record in history if key in record]
            steps, values = [r["step"] for r in kept], [r[key] for r in kept]
            (lines[key],) = axes.plot(steps, values, label=name, **style_of(role))
        rising = second is ACCURACIES and axes is panels[1]
        dress(axes, title, accuracy=rising)
        # Losses and scores start high on the left, accuracies low; a fixed place suits curves
        # that grow.
        axes.legend(frameon=False, loc="lower right" if rising else "upper right")
    return figure, lines


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


def _history(run: Run, argument: str) -> list[dict[str, float]]:
    history = [record for record in run.history() if "d_loss" in record]
    if not history:
        raise ValueError(f"{argument} has recorded no losses yet; train it for some steps first")
    return history


def style_of(name: str, position: int = 0) -> dict[str, Any]:
    """Colour, line style and markers of a role or method; other names take free ones in turn."""
    methods = list(COLOURS)[4:]
    role = name if name in COLOURS else methods[position % len(methods)]
    return {
        "color": COLOURS[role],
        "linestyle": LINESTYLES[role],
        "marker": MARKERS[role],
        "markersize": 4.5,
        "markevery": 0.12,
        "linewidth": 1.4,
    }


def _figure(width: float, height: float, panels: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, panels, squeeze=False)[0])


def dress(axes: Axes, title: str, accuracy: bool) -> None:
    axes.set_title(title, fontsize=11)
    axes.set_xlabel("step")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))  # 20k, not 20000
    if accuracy:
        axes.set_ylim(-0.02, 1.05)


def _pixel_axes(sheets: Sequence[Pixels], *, left: int, above: int) -> tuple[Figure, list[Axes]]:
    """A figure whose axes hold arrays of one size dot for dot, with margins in dots."""
    right = below = 4
    height, width = sheets[0].shape[:2]
    pitch = left + width + right
    total_width, total_height = len(sheets) * pitch, above + height + below
    figure = Figure(figsize=(total_width / DPI, total_height / DPI), dpi=DPI)
    FigureCanvasAgg(figure)
    panels = []
    for place, tiled in enumerate(sheets):
        corner = (place * pitch + left) / total_width, below / total_height
        axes = figure.add_axes((*corner, width / total_width, height / total_height))
        # As RGB, because a grey colour map rounds some values to their neighbours.
        colours = tiled if tiled.ndim == 3 else tiled[..., None].repeat(3, axis=2)
        axes.imshow(colours, interpolation="nearest", aspect="auto")
        axes.set_axis_off()
        panels.append(axes)
    return figure, panels
