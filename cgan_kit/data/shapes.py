"""Ten shapes on a factor grid of 432 combinations each: a set in which everything is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

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
    polygon_distance,
)
from cgan_kit.data.resize import check_size
from cgan_kit.data.selection import (
    assemble,
    check_channels,
    check_pair,
    choose_combinations,
    mix,
    thin,
)

Vertices = list[tuple[float, float]]

SIDES = (16, 32)
OVERLAPPING = ("ellipse", "square")

SIZES = {"small": 0.6, "medium": 0.7, "large": 0.8}
SHIFT = 0.125  # one pixel at 16 px, two at 32
ROTATIONS = (-10.0, 10.0)
STYLES = ("filled", "outline")
PER_CLASS = len(SIZES) * 3 * 3 * len(ROTATIONS) * len(STYLES) * len(BRIGHTNESS)
HALF_OUTLINE = 0.14  # of the canvas's half side: lines 2.2 px wide at 16 px, 4.5 at 32 px


def _ring(n: int, radius_x: float, radius_y: float, turn: float = 90.0) -> Vertices:
    angles = [math.radians(turn + 360 * k / n) for k in range(n)]
    return [(radius_x * math.cos(a), radius_y * math.sin(a)) for a in angles]


def _star() -> Vertices:
    outer, inner = _ring(5, 1.18, 1.18), _ring(5, 0.56, 0.56, 126)
    return [vertex for pair in zip(outer, inner, strict=True) for vertex in pair]


def _heart() -> Vertices:
    vertices = []
    for k in range(28):
        t = 2 * math.pi * k / 28
        x = 16 * math.sin(t) ** 3
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        vertices.append((x / 16, (y + 2.5) / 15))
    return vertices


def _crescent() -> Vertices:
    outer = [math.radians(a) for a in range(50, 311, 20)]
    tip_x, tip_y = math.cos(outer[0]), math.sin(outer[0])
    centre = 0.62
    radius = math.hypot(tip_x - centre, tip_y)
    start = math.degrees(math.atan2(tip_y, tip_x - centre))
    inner = [math.radians(360 - start - k * (360 - 2 * start) / 10) for k in range(1, 10)]
    hollow = [(centre + radius * math.cos(a), radius * math.sin(a)) for a in inner]
    return [
        (1.1 * x + 0.2, 1.1 * y) for x, y in [(math.cos(a), math.sin(a)) for a in outer] + hollow
    ]


CROSS: Vertices = [
    *[(0.36, 1.0), (0.36, 0.36), (1.0, 0.36), (1.0, -0.36), (0.36, -0.36), (0.36, -1.0)],
    *[(-0.36, -1.0), (-0.36, -0.36), (-1.0, -0.36), (-1.0, 0.36), (-0.36, 0.36), (-0.36, 1.0)],
]
ARROW: Vertices = [
    *[(0.0, 1.1), (0.95, 0.05), (0.36, 0.05), (0.36, -1.0)],
    *[(-0.36, -1.0), (-0.36, 0.05), (-0.95, 0.05)],
]

# Outlines with a radius of about 1, centred. Each looks different at all four rotations: a disc
# would not, so there is an ellipse in its place, and the rotations span less than the 72 degrees
# after which the star repeats itself.
OUTLINES: dict[str, Vertices] = {
    "ellipse": _ring(28, 0.62, 1.1),
    "square": [(0.8, 0.8), (-0.8, 0.8), (-0.8, -0.8), (0.8, -0.8)],
    "triangle": [(0.0, 1.05), (-0.95, -0.65), (0.95, -0.65)],
    "cross": CROSS,
    "star": _star(),
    "heart": _heart(),
    "crescent": _crescent(),
    "arrow": ARROW,
    "ell": [(-0.7, 1.0), (-0.7, -0.85), (0.8, -0.85), (0.8, -0.25), (-0.1, -0.25), (-0.1, 1.0)],
    "hourglass": [(-0.8, 0.9), (-0.2, 0.0), (-0.8, -0.9), (0.8, -0.9), (0.2, 0.0), (0.8, 0.9)],
}


def _distances(size: int, vertices: Vertices) -> Tensor:
    """Signed distances float64 (sizes, x, y, rotations, size, size) of one class."""
    shifts = torch.tensor([-SHIFT, 0.0, SHIFT], dtype=torch.float64)
    radius = torch.tensor(list(SIZES.values()), dtype=torch.float64)
    s, x, y, a = torch.cartesian_prod(
        radius, shifts, -shifts, torch.tensor(ROTATIONS, dtype=torch.float64).deg2rad()
    ).unbind(1)
    points = pixel_centres(size)[None] - torch.stack((x, y), dim=1)[:, None]
    cos, sin = a.cos()[:, None], a.sin()[:, None]
    px, py = points.unbind(-1)
    turned = torch.stack((cos * px + sin * py, cos * py - sin * px), dim=-1)
    distance = polygon_distance(turned / s[:, None, None], vertices) * s[:, None]
    return distance.view(-1, size, size)


@lru_cache(maxsize=4)
def grid(size: int = 16, channels: int = 1) -> FactorGrid:
    """The full grid: 4,320 images, made once for each size and number of channels."""
    colour, colour_values, colours = colour_factor(channels)
    values = {
        "size": tuple(SIZES),
        "x": ("left", "centre", "right"),
        "y": ("top", "middle", "bottom"),
        "rotation": ROTATIONS,
        "style": STYLES,
        colour: colour_values,
    }
    labels, factors = factor_grid({k: len(v) for k, v in values.items()}, len(OUTLINES))
    images = []
    for vertices in OUTLINES.values():
        distance = _distances(size, vertices)
        styles = torch.stack((distance, distance.abs() - HALF_OUTLINE), dim=1)
        cover = coverage(styles, size)[:, :, None]
        images.append(ink(cover, colours).flatten(0, 2))
    return FactorGrid(torch.cat(images), labels, factors, values, tuple(OUTLINES))


def load(
    *,
    size: int = 16,
    channels: int = 1,
    imbalance: float = 1.0,
    overlap: float = 0.0,
    overlapping: Sequence[str] = OVERLAPPING,
    held_out_combinations: float = 0.0,
    combinations: str = "train",
    seed: int = 0,
) -> RenderedSet:
    """Ten shapes, bright on black: images uint8 (N, channels, size, size), N = 4,320 by default.

    Each class shows every combination of size (3), x (3), y (3), rotation (2, in degrees,
    anticlockwise), style (filled or outline) and brightness (4; of RGB images: hue): 432 images,
    all different, across classes too.

    Arguments:
        size: side in pixels, 16 or 32.
        channels: 1 (grey) or 3 (RGB).
        imbalance: largest class over smallest, at least 1; sizes fall geometrically from the
            first class to the last.
        overlap: in [0, 1], the share of the images of the two classes `overlapping` that comes
            from a pool common to both, where each image is there once under either label. With
            balanced classes H(C|X) = overlap · ln 2 / 5 nats, up to rounding; the set's
            `conditional_entropy` is exact. `split` takes the two as separate samples.
        overlapping: the two classes' names.
        held_out_combinations: share of each class's 432 combinations that is held out, in
            [0, 1); each class has its own.
        combinations: which of them the set holds: "train", "held-out" or "all". The oracle
            knows all of them in any case.
        seed: of the choices that the last five options make.

    Raises:
        ValueError: naming the option, its value and the remedy.
    """
    size = check_size("shapes", size, SIDES)
    channels = check_channels("shapes", channels)
    pair = check_pair(overlapping, tuple(OUTLINES))
    members = choose_combinations(
        len(OUTLINES),
        PER_CLASS,
        held_out=held_out_combinations,
        combinations=combinations,
        seed=seed,
    )
    indices, labels = assemble(mix(thin(members, imbalance), pair, overlap))
    return RenderedSet(
        grid(size, channels),
        indices,
        labels=labels,
        name="shapes",
        options={
            "size": size,
            "channels": channels,
            "imbalance": float(imbalance),
            "overlap": float(overlap),
            "overlapping": list(overlapping),
            "held_out_combinations": float(held_out_combinations),
            "combinations": combinations,
            "seed": int(seed),
        },
    )
