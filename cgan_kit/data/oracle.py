"""Reads any image exactly: the nearest image of a factor grid, and how far away it is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from cgan_kit.data.imageset import to_float

# Small enough for what is computed on the way to stay in the processor's cache.
GRID_CHUNK = 1024
CANDIDATE_CHUNK = 128


class Reading(NamedTuple):
    """What the oracle says of n images.

    labels: int64 (n,), the class of the nearest rendered image.
    factors: name -> int64 (n,), its factor indices.
    distance: float32 (n,), root mean square difference to it, pixels in [-1, 1].
    recognisable: bool (n,), distance <= threshold × ink of the nearest; see `Oracle.threshold`.
    """

    labels: Tensor
    factors: dict[str, Tensor]
    distance: Tensor
    recognisable: Tensor


class Oracle:
    """Nearest rendered image over a full factor grid, by squared distance, exactly.

    A matrix product in float32 finds every grid image that rounding errors let be the nearest;
    these few are compared pixel by pixel. A rendered image reads as itself, at distance 0.

    Arguments:
        images: uint8 (G, C, H, W), the grid.
        labels: int64 (G,).
        factors: name -> int64 (G,).
        graded: the factors whose values have an order; they give the threshold. The grid is
            then classes × all combinations, the last factor running fastest.
        device: where the reading is done and its tensors are. Apple's "mps" has no float64:
            there the oracle stays on the CPU.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        factors: dict[str, Tensor],
        device: torch.device | str = "cpu",
        *,
        graded: Sequence[str] = (),
    ) -> None:
        self.device = _reading_device(device)
        self.graded = tuple(graded)
        self.images = images.to(self.device)
        self.labels = labels.to(self.device)
        self.factors = {key: value.to(self.device) for key, value in factors.items()}

    def to(self, device: torch.device | str) -> Oracle:
        """The same oracle on another device; itself when it is there already."""
        if _reading_device(device) == self.device:
            return self
        moved = Oracle(self.images, self.labels, self.factors, device, graded=self.graded)
        moved.__dict__["threshold"] = self.threshold
        return moved

    @cached_property
    def threshold(self) -> float:
        """How far from the grid an image may be and still be recognisable, as a share of the
        ink of the rendered image that is nearest to it: no farther than the middle of the
        grid's cells.

        Two images that differ by one step in *every* graded factor (size, x, y, ...) are
        opposite corners of a cell. The threshold is the median, over all such pairs, of half
        their distance, divided by the ink of the first; 0 where no factor is graded. The ink of
        an image is its distance from the empty, black one, so an empty image has the relative
        distance 1, and dim images get no discount.

        For `shapes` at 16 px in grey it is 0.40. Within it are 72 % of perfect drawings whose
        size, place, rotation and brightness lie at random *between* the grid's values; all
        shapes blurred by 0.7 px, 96 % of those blurred by 1 px and 40 % by 1.5 px; 31 % of
        blends of eight images of one class, the mean of the class in 5 of 10 classes, and the
        mean of all images.
        Not within it are black and shapes under noise of 80 grey levels. So "recognisable" says
        that a shape can be made out, not that it is crisp, varied or of the class asked for:
        read it beside the class accuracy and the coverage.
        """
        if not self.graded:
            return 0.0
        names = list(self.factors)
        sides = [int(values.max()) + 1 for values in self.factors.values()]
        cells = torch.arange(len(self.labels), device=self.device).view(-1, *sides)
        halves = []
        for steps in itertools.product((1, -1), repeat=len(self.graded)):
            first = other = cells
            for name, step in zip(self.graded, steps, strict=True):
                axis = 1 + names.index(name)
                low = slice(0, cells.shape[axis] - 1), slice(1, cells.shape[axis])
                first = first.index_select(axis, _range(low[step < 0], self.device))
                other = other.index_select(axis, _range(low[step > 0], self.device))
            halves.append(self._relative_halves(first.flatten(), other.flatten()))
        return float(torch.cat(halves).double().median())

    @torch.no_grad()
    def read(self, images: Tensor, batch_size: int = 1024) -> Reading:
        """The nearest rendered image of each image; of several equally near, the first.

        Arguments:
            images: uint8 (n, C, H, W) in [0, 255] or floating point in [-1, 1]; added noise
                may take them up to ±2.
            batch_size: images read at a time; it bounds the memory, not the result.

        Raises:
            ValueError: images of another shape than the grid's, of integers other than uint8,
                or with values that are not finite or far out of range.
        """
        self._check(images, batch_size)
        with _full_precision(self.device):
            found = [self._nearest(self._pixels(part)) for part in torch.split(images, batch_size)]
        index = torch.cat([indices for indices, _ in found])
        distance = torch.cat([distances for _, distances in found])
        return Reading(
            labels=self.labels[index],
            factors={key: value[index] for key, value in self.factors.items()},
            distance=distance,
            recognisable=distance <= self.threshold * self._ink[index],
        )

    @cached_property
    def _ink(self) -> Tensor:
        """Root mean square distance of each grid image from the black one, float32 (G,)."""
        levels = [part.float().square().flatten(1).mean(1).sqrt() for part in self._grid_chunks()]
        return torch.cat(levels) / 127.5

    def _relative_halves(self, first: Tensor, other: Tensor) -> Tensor:
        """Half the distance of pairs of grid images over the ink of the first, (pairs,)."""
        parts = []
        for a, b in zip(first.split(4096), other.split(4096), strict=True):
            apart = (self.images[a].float() - self.images[b].float()).square().flatten(1)
            parts.append(apart.mean(1).sqrt() / 127.5 / 2 / self._ink[a])
        return torch.cat(parts)

    @cached_property
    def _centre(self) -> Tensor:
        """Mean grid image float32 (D,): taken off both sides, it makes rounding errors small."""
        total = self.images.sum(dim=0, dtype=torch.float64)
        return (total / (127.5 * len(self.images)) - 1).float().flatten()

    @cached_property
    def _half_squares(self) -> Tensor:
        """‖b‖²/2 of the centred grid images, float32 (G,)."""
        parts = [self._centred(part).double().square().sum(1) for part in self._grid_chunks()]
        return (torch.cat(parts) / 2).float()

    def _grid_chunks(self) -> tuple[Tensor, ...]:
        return torch.split(self.images, GRID_CHUNK)

    def _centred(self, images: Tensor) -> Tensor:
        return to_float(images).flatten(1) - self._centre

    def _pixels(self, images: Tensor) -> Tensor:
        images = images.to(self.device)
        return (to_float(images) if images.dtype == torch.uint8 else images.float()).flatten(1)

    def _nearest(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Grid indices int64 (n,) and distances float32 (n,) of pixels float32 (n, D)."""
        rows, columns = self._candidates(pixels - self._centre)
        parts = zip(
            torch.split(rows, CANDIDATE_CHUNK), torch.split(columns, CANDIDATE_CHUNK), strict=True
        )
        squared = torch.cat([_squared_distance(pixels[r], self.images[c]) for r, c in parts])
        least = squared.new_full((len(pixels),), math.inf)
        least = least.scatter_reduce(0, rows, squared, "amin")
        nearest = squared == least[rows]
        first = rows.new_full((len(pixels),), len(self.images))
        first = first.scatter_reduce(0, rows[nearest], columns[nearest], "amin")
        return first, (least / pixels.shape[1]).sqrt().float()

    def _candidates(self, centred: Tensor) -> tuple[Tensor, Tensor]:
        """(row, grid index), int64 (pairs,) each: all that may be nearest, given rounding."""
        # ‖a − b‖² = ‖a‖² + ‖b‖² − 2 a·b, where ‖a‖² does not change which b is nearest.
        scores = [
            torch.addmm(half, centred, self._centred(part).T, alpha=-1.0)
            for part, half in zip(
                self._grid_chunks(), torch.split(self._half_squares, GRID_CHUNK), strict=True
            )
        ]
        best = torch.stack([part.amin(dim=1) for part in scores])
        limit = best.amin(dim=0) + self._slack(centred)
        rows, columns = [], []
        for chunk, part in enumerate(scores):
            close = torch.nonzero(best[chunk] <= limit).flatten()
            row, column = torch.nonzero(part[close] <= limit[close, None]).unbind(1)
            rows.append(close[row])
            columns.append(column + chunk * GRID_CHUNK)
        return torch.cat(rows), torch.cat(columns)

    def _slack(self, centred: Tensor) -> Tensor:
        """How far float32 scores of one image can be wrong against each other, float32 (n,).

        A sum of D products is off by at most about D · eps · ‖a‖ ‖b‖, in any order of summing.
        """
        eps = torch.finfo(torch.float32).eps
        largest = self._half_squares.amax().mul(2).sqrt()
        lengths: Tensor = torch.linalg.vector_norm(centred, dim=1) + largest
        return 2 * (centred.shape[1] + 4) * eps * largest * lengths

    def _check(self, images: Tensor, batch_size: int) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; give at least 1")
        if images.ndim != 4 or images.shape[1:] != self.images.shape[1:]:
            shape = ", ".join(str(side) for side in self.images.shape[1:])
            raise ValueError(
                f"images have shape {tuple(images.shape)} but the oracle knows (n, {shape}); "
                "use the oracle of the set the images imitate"
            )
        if images.dtype != torch.uint8 and not images.is_floating_point():
            raise ValueError(
                f"images have dtype {images.dtype}; give uint8 in [0, 255] or floats in [-1, 1]"
            )
        if images.is_floating_point() and images.numel():
            furthest = float(images.abs().amax())
            if not math.isfinite(furthest):
                raise ValueError("images hold NaN or Inf; the generator that made them diverged")
            if furthest > 2:
                raise ValueError(
                    f"images reach {furthest:g}; give floats in [-1, 1], or uint8 in [0, 255]"
                )


def _squared_distance(pixels: Tensor, images: Tensor) -> Tensor:
    """float64 (n,) of float32 pixels (n, D) and uint8 images (n, C, H, W)."""
    difference = pixels - to_float(images).flatten(1)
    return difference.square_().sum(dim=1, dtype=torch.float64)


def _range(part: slice, device: torch.device) -> Tensor:
    return torch.arange(part.start, part.stop, device=device)


def _reading_device(device: torch.device | str) -> torch.device:
    wanted = torch.device(device)
    return torch.device("cpu") if wanted.type == "mps" else wanted


@contextmanager
def _full_precision(device: torch.device) -> Iterator[None]:
    """float32 products as float32: training may have turned on TF32 or autocast around us."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
