"""Up to 200 simple marks on a factor grid: as many classes as an experiment asks for."""

from __future__ import annotations

import itertools
import math
import operator
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from cgan_kit.data.rendered import (
    BRIGHTNESS,
    FactorGrid,
    RenderedSet,
    colour_factor,
    coverage,
    factor_grid,
    ink,
    pixel_centres,
    segment_distance,
)
from cgan_kit.data.resize import check_size
from cgan_kit.data.selection import assemble, check_channels, choose_combinations, thin

Node = tuple[int, int]
Stroke = tuple[Node, Node]
Glyph = tuple[Stroke, ...]

SIDES = (16, 32)
MOST_CLASSES = 200

SIZES = {"small": 0.5, "large": 0.61}
SLANTS = {"upright": 0.0, "italic": 0.32}
SHIFT = 0.125
HALF_STROKE = 0.125  # of the canvas's half side: strokes 2 px wide at 16 px, 4 px at 32 px
MIDDLE = [8, 9, 26, 27]  # where x and y are central, among the 36 of size · x · y · slant
PER_CLASS = len(SIZES) * 3 * 3 * len(SLANTS) * len(BRIGHTNESS)


NODES: tuple[Node, ...] = tuple((x, y) for x in (-1, 0, 1) for y in (-1, 0, 1))

# Straight, between nodes of the 3 × 3 lattice {-1, 0, 1}² (y up), one or two steps long.
STROKES: tuple[Stroke, ...] = tuple(
    (a, b)
    for a, b in itertools.combinations(NODES, 2)
    if {abs(a[0] - b[0]), abs(a[1] - b[1])} in ({0, 1}, {1}, {0, 2}, {2})
)


def candidates() -> list[Glyph]:
    """Every mark of two or three strokes that is whole, fills the lattice and is clear.

    Marks that fill the lattice's width and height cannot be mistaken for each other moved.
    """
    found: dict[frozenset[Stroke], Glyph] = {}
    for count in (2, 3):
        for glyph in itertools.combinations(STROKES, count):
            steps = [step for stroke in glyph for step in _steps(stroke)]
            apart = len(set(steps)) == len(steps)  # no stroke lies on another
            if apart and _fills(glyph) and _whole(steps) and _clear(glyph):
                found.setdefault(frozenset(steps), glyph)
    return list(found.values())


def _steps(stroke: Stroke) -> list[Stroke]:
    """A stroke as strokes of one step, so that one mark has one description."""
    (ax, ay), (bx, by) = stroke
    if max(abs(ax - bx), abs(ay - by)) == 1:
        return [stroke]
    middle = ((ax + bx) // 2, (ay + by) // 2)
    return [((ax, ay), middle), (middle, (bx, by))]


def _fills(glyph: Glyph) -> bool:
    nodes = [node for stroke in glyph for node in stroke]
    return all({-1, 1} <= {node[axis] for node in nodes} for axis in (0, 1))


def _whole(steps: list[Stroke]) -> bool:
    reached = set(steps[0])
    for _ in steps:
        reached.update(*(step for step in steps if reached & set(step)))
    return all(reached & set(step) for step in steps)


def _clear(glyph: Glyph) -> bool:
    """No wedge of 45 degrees between two arms of one step: at 16 px it would be a blot."""
    arms = [arm for stroke in glyph for arm in _arms(stroke)]
    return not any(
        at == other_at
        and max(length, other_length) == 1
        and math.hypot(dx - other_dx, dy - other_dy) == 1
        for (at, (dx, dy), length), (other_at, (other_dx, other_dy), other_length) in (
            itertools.combinations(arms, 2)
        )
    )


def _arms(stroke: Stroke) -> list[tuple[Node, Node, int]]:
    """(node, direction, steps) of what leaves each node along a stroke."""
    steps = _steps(stroke)
    arms = []
    for index, ((ax, ay), (bx, by)) in enumerate(steps):
        arms.append(((ax, ay), (bx - ax, by - ay), len(steps) - index))
        arms.append(((bx, by), (ax - bx, ay - by), index + 1))
    return arms


def _stroke_distances(size: int) -> Tensor:
    """Distances float64 (strokes, sizes · x · y · slants, size, size) to each stroke's line.

    The line is slanted, then measured: an italic stroke is as wide as an upright one.
    """
    shifts = torch.tensor([-SHIFT, 0.0, SHIFT], dtype=torch.float64)
    sizes = torch.tensor(list(SIZES.values()), dtype=torch.float64)
    slants = torch.tensor(list(SLANTS.values()), dtype=torch.float64)
    scale, x, y, slant = torch.cartesian_prod(sizes, shifts, -shifts, slants).unbind(1)
    points = pixel_centres(size)

    def node(at: Node) -> Tensor:
        across = x + scale * (at[0] + slant * at[1])
        return torch.stack((across, y + scale * at[1]), dim=1)

    lines = [segment_distance(points, node(a), node(b)) for a, b in STROKES]
    return torch.stack(lines).view(len(STROKES), -1, size, size)


def _cover(size: int, stroke_distances: Tensor, glyph: Glyph) -> Tensor:
    """Coverage float64 (sizes · x · y · slants, size, size) of one mark."""
    lines = stroke_distances[[STROKES.index(stroke) for stroke in glyph]]
    return coverage(lines.amin(dim=0) - HALF_STROKE, size)


@lru_cache(maxsize=1)
def alphabet() -> tuple[Glyph, ...]:
    """The marks of all 200 classes; the first k of them are the alphabet of k classes.

    Farthest first: after the plus sign comes, each time, the candidate that, in the
    middle, is farthest from the nearest image of the marks chosen so far, over all places,
    sizes and slants of either. Squared distances are whole numbers below 2^24, which float32
    holds exactly, so every machine chooses the same marks.
    """
    choices = candidates()
    lines, white = _stroke_distances(16), torch.ones(1, 1, dtype=torch.float64)
    images = torch.stack([ink(_cover(16, lines, glyph)[:, None], white) for glyph in choices])
    everywhere = images.flatten(2).float()
    middle = everywhere[:, MIDDLE].flatten(0, 1)
    middle_squared = middle.square().sum(1, keepdim=True)
    chosen = [choices.index((((-1, 0), (1, 0)), ((0, -1), (0, 1))))]
    nearest = torch.full((len(choices),), math.inf)
    while len(chosen) < MOST_CLASSES:
        last = everywhere[chosen[-1]]
        squared = middle_squared + last.square().sum(1) - 2 * middle @ last.T
        nearest = torch.minimum(nearest, squared.view(len(choices), -1).amin(dim=1))
        chosen.append(int(nearest.argmax()))
    return tuple(choices[index] for index in chosen)


@lru_cache(maxsize=2)
def grid(classes: int = 10, size: int = 16, channels: int = 1) -> FactorGrid:
    """The full grid of `classes` marks: 144 images each."""
    colour, colour_values, colours = colour_factor(channels)
    values = {
        "size": tuple(SIZES),
        "x": ("left", "centre", "right"),
        "y": ("top", "middle", "bottom"),
        "slant": tuple(SLANTS),
        colour: colour_values,
    }
    labels, factors = factor_grid({k: len(v) for k, v in values.items()}, classes)
    lines = _stroke_distances(size)
    images = [
        ink(_cover(size, lines, glyph)[:, None], colours).flatten(0, 1)
        for glyph in alphabet()[:classes]
    ]
    names = tuple(f"glyph {k}" for k in range(classes))
    return FactorGrid(torch.cat(images), labels, factors, values, names)


def load(
    *,
    classes: int = 10,
    size: int = 16,
    channels: int = 1,
    imbalance: float = 1.0,
    held_out_combinations: float = 0.0,
    combinations: str = "train",
    seed: int = 0,
) -> RenderedSet:
    """Simple marks, bright on black: images uint8 (N, channels, size, size).

    Each class is a mark of two or three strokes and shows every combination of size (2),
    x (3), y (3), slant (2) and brightness (4; of RGB images: hue): 144 images, all different,
    across classes too. Class k is the same mark whatever the number of classes.

    Arguments:
        classes: from 2 to 200.
        size: side in pixels, 16 or 32.
        channels: 1 (grey) or 3 (RGB).
        imbalance: largest class over smallest, at least 1; sizes fall geometrically from the
            first class to the last.
        held_out_combinations: share of each class's 144 combinations that is held out, in
            [0, 1); each class has its own.
        combinations: which of them the set holds: "train", "held-out" or "all". The oracle
            knows all of them in any case.
        seed: of the choices that the last three options make. The marks do not depend on it.

    Raises:
        ValueError: naming the option, its value and the remedy.
    """
    classes = _check_classes(classes)
    size = check_size("glyphs", size, SIDES)
    channels = check_channels("glyphs", channels)
    members = choose_combinations(
        classes, PER_CLASS, held_out=held_out_combinations, combinations=combinations, seed=seed
    )
    indices, labels = assemble(thin(members, imbalance))
    return RenderedSet(
        grid(classes, size, channels),
        indices,
        labels=labels,
        name="glyphs",
        options={
            "classes": classes,
            "size": size,
            "channels": channels,
            "imbalance": float(imbalance),
            "held_out_combinations": float(held_out_combinations),
            "combinations": combinations,
            "seed": int(seed),
        },
    )


def _check_classes(classes: Any) -> int:
    try:
        if 2 <= operator.index(classes) <= MOST_CLASSES:
            return operator.index(classes)
    except TypeError:
        pass
    raise ValueError(
        f"classes is {classes!r}; glyphs has marks for 2 to {MOST_CLASSES} classes: "
        "choose a whole number between them"
    )
