"""Image sets drawn from a finite grid of factors, by signed distance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from typing_extensions import Self

from cgan_kit.data.imageset import ImageSet
from cgan_kit.data.oracle import Oracle

FactorValue = str | float

BRIGHTNESS = (0.55, 0.7, 0.85, 1.0)

# Two warm and two cool hues, bright on black and apart for most kinds of colour vision. The two
# of a pair are as far apart as two steps of brightness, so that the oracle's threshold means the
# same in RGB as in grey. (With four hues at equal distance it lets blends of images pass.)
HUES: dict[str, tuple[float, float, float]] = {
    "orange": (1.0, 0.55, 0.25),
    "yellow": (1.0, 0.81, 0.25),
    "sky": (0.25, 0.81, 1.0),
    "blue": (0.25, 0.55, 1.0),
}

# Added before rounding down. Just off one half, so that a border that runs through the centre
# of a pixel (coverage one half, exactly) does not round differently on another machine.
ROUNDING = 0.4987


@dataclass(frozen=True)
class FactorGrid:
    """Every image a rendered set can hold: classes × factor combinations, class-major.

    images uint8 (K·M, C, H, W); labels int64 (K·M,); factors name -> int64 (K·M,), indices
    into `factor_values`; M is the number of combinations a class.
    """

    images: Tensor
    labels: Tensor
    factors: dict[str, Tensor]
    factor_values: dict[str, tuple[FactorValue, ...]]
    class_names: tuple[str, ...]

    @property
    def combinations(self) -> int:
        return len(self.labels) // len(self.class_names)

    @property
    def graded(self) -> tuple[str, ...]:
        """The factors whose values have an order, so that something lies between two of them."""
        return tuple(name for name in self.factor_values if name not in ("style", "hue"))

    @cached_property
    def oracle(self) -> Oracle:
        """The oracle over the whole grid, on the CPU."""
        return Oracle(self.images, self.labels, self.factors, graded=self.graded)


class RenderedSet(ImageSet):
    """Images of a factor grid; the oracle knows the whole grid, also what the set leaves out.

    Arguments:
        grid: the full grid.
        indices: int64 (N,), which of its images the set holds, in this order.
        labels: int64 (N,), or None for the class each image was drawn as. They differ where
            classes overlap.
        name, options: as for `LabelledSet`.

    Attributes:
        grid_index: int64 (N,), where each image stands in the grid.
        factor_values: what each factor's indices stand for.
    """

    def __init__(
        self,
        grid: FactorGrid,
        indices: Tensor,
        *,
        labels: Tensor | None = None,
        name: str = "custom",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            grid.images[indices],
            grid.labels[indices] if labels is None else labels,
            grid.class_names,
            factors={key: value[indices] for key, value in grid.factors.items()},
            name=name,
            options=options,
        )
        self.grid = grid
        self.grid_index = indices
        self.factor_values = grid.factor_values

    def oracle(self, device: torch.device | str | None = None) -> Oracle:
        """The oracle over the full grid, on `device` (by default the set's own).

        It reads an image as the class it was drawn as. Where classes overlap, that is one of
        the two labels the image has in the set.
        """
        return self.grid.oracle.to(self.device if device is None else device)

    @property
    def conditional_entropy(self) -> float:
        """H(C|X) in nats of the set as it stands, by counting the labels of each image.

        0 when every image has one label. An image that is there once under each of two labels
        adds ln 2, weighted with its share of the set.
        """
        pairs = self.grid_index.cpu() * self.num_classes + self.labels.cpu()
        kinds, counts = torch.unique(pairs, return_counts=True)
        per_image = torch.zeros(len(self.grid.labels), dtype=torch.float64)
        images = kinds // self.num_classes
        per_image.index_add_(0, images, counts.double())
        share = counts.double() / per_image[images]  # p(label | image)
        return abs(float((counts * share.log()).sum())) / len(self)

    def subset(self, indices: Tensor) -> Self:
        part = super().subset(indices)
        part.grid_index = self.grid_index[indices.to(self.grid_index.device)]
        return part


def factor_grid(counts: Mapping[str, int], num_classes: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Labels and factor indices of classes × all combinations; the last factor runs fastest."""
    axes = [torch.arange(num_classes), *(torch.arange(n) for n in counts.values())]
    columns = torch.cartesian_prod(*axes).unbind(dim=1)
    return columns[0], dict(zip(counts, columns[1:], strict=True))


def colour_factor(channels: int) -> tuple[str, tuple[FactorValue, ...], Tensor]:
    """The factor that says how ink looks: its name, its values, their colours (4, channels)."""
    if channels == 1:
        return "brightness", BRIGHTNESS, torch.tensor(BRIGHTNESS, dtype=torch.float64)[:, None]
    return "hue", tuple(HUES), torch.tensor(list(HUES.values()), dtype=torch.float64)


def pixel_centres(size: int) -> Tensor:
    """float64 (size², 2): x to the right, y up; the canvas is [-1, 1]²."""
    axis = (torch.arange(size, dtype=torch.float64) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(-axis, axis, indexing="ij")
    return torch.stack((x.flatten(), y.flatten()), dim=1)


def polygon_distance(points: Tensor, vertices: Sequence[tuple[float, float]]) -> Tensor:
    """Signed distance to a simple closed polygon, negative inside.

    Arguments:
        points: float64 (..., 2).
        vertices: in order around the polygon; the last joins the first.

    Returns:
        float64 (...), in the units of the points.
    """
    x, y = points.unbind(dim=-1)
    nearest = torch.full_like(x, math.inf)
    inside = torch.zeros_like(x, dtype=torch.bool)
    for (ax, ay), (bx, by) in zip(vertices, [*vertices[1:], vertices[0]], strict=True):
        ex, ey = bx - ax, by - ay
        px, py = x - ax, y - ay
        along = ((px * ex + py * ey) / (ex * ex + ey * ey)).clamp_(0, 1)
        nearest = torch.minimum(nearest, (px - along * ex).square() + (py - along * ey).square())
        if ey != 0:  # a ray to the right changes sides at every edge it crosses
            crosses = (y < ay) != (y < by)
            inside ^= crosses & (px < py * (ex / ey))
    distance = nearest.sqrt()
    return torch.where(inside, -distance, distance)


def segment_distance(points: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
    """Distance of points to straight lines.

    Arguments:
        points: float64 (P, 2).
        starts, ends: float64 (L, 2), the lines' ends, never the same point.

    Returns:
        float64 (L, P).
    """
    edges = (ends - starts)[:, None]
    offsets = points - starts[:, None]
    along = ((offsets * edges).sum(-1) / edges.square().sum(-1)).clamp_(0, 1)
    distance: Tensor = torch.linalg.vector_norm(offsets - along[..., None] * edges, dim=-1)
    return distance


def coverage(distance: Tensor, size: int) -> Tensor:
    """Share of each pixel that lies inside, from the signed distance of its centre.

    Linear over one pixel across the border: what a straight border along the pixel grid gives.
    """
    return (0.5 - distance * (size / 2)).clamp_(0, 1)


def ink(cover: Tensor, colours: Tensor) -> Tensor:
    """Coverage (..., H, W) of colours (..., C) in [0, 1], on black: uint8 (..., C, H, W)."""
    levels = cover.unsqueeze(-3) * colours[..., None, None]
    return levels.mul_(255).add_(ROUNDING).floor_().to(torch.uint8)
