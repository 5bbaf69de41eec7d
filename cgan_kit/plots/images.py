"""Grids of images: classes across, one z down; real ones; several runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
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
from cgan_kit.plots.style import DPI, LABEL_SIZE
from cgan_kit.training.run import Run, sample


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
