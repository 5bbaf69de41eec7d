"""Reads any image exactly: the nearest image of a factor grid, and how far away it is."""

from __future__ import annotations

import math
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from cgan_kit.data.imageset import to_float

GRID_CHUNK = 8192
CANDIDATE_CHUNK = 8192


class Reading(NamedTuple):
    """What the oracle says of n images.

    labels: int64 (n,), the class of the nearest rendered image.
    factors: name -> int64 (n,), its factor indices.
    distance: float32 (n,), root mean square difference to it, pixels in [-1, 1].
    recognisable: bool (n,), distance <= the oracle's threshold.
    """

    labels: Tensor
    factors: dict[str, Tensor]
    distance: Tensor
    recognisable: Tensor


class Oracle:
    """Nearest rendered image over a full factor grid.

    Arguments:
        images: uint8 (G, C, H, W), the grid, class after class.
        labels: int64 (G,), ascending.
        factors: name -> int64 (G,).
        device: where the reading is done.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        factors: dict[str, Tensor],
        device: torch.device | str = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self.images = images.to(self.device)
        self.labels = labels.to(self.device)
        self.factors = {key: value.to(self.device) for key, value in factors.items()}

    def to(self, device: torch.device | str) -> Oracle:
        """The same oracle on another device; itself when it is there already."""
        if torch.device(device) == self.device:
            return self
        moved = Oracle(self.images, self.labels, self.factors, device)
        moved.__dict__["threshold"] = self.threshold
        return moved

    @cached_property
    def threshold(self) -> float:
        """As close to the grid as the grid is to itself.

        The 95 % quantile, over all rendered images, of the distance to the nearest *other*
        rendered image of the same class: an image within it is, for nearly every place in the
        grid, nearer to a rendered image than that image's own neighbour is.
        """
        nearest = []
        for members in self.labels.unique():
            own = self.images[self.labels == members]
            rows = to_float(own).flatten(1).double()
            squared = torch.cdist(rows, rows, compute_mode="use_mm_for_euclid_dist")
            nearest.append(squared.fill_diagonal_(math.inf).amin(dim=1))
        distance = torch.cat(nearest) / math.sqrt(self.images[0].numel())
        return float(torch.quantile(distance, 0.95))

    @torch.no_grad()
    def read(self, images: Tensor, batch_size: int = 1024) -> Reading:
        """The nearest rendered image of each image; of several equally near, the first.

        Arguments:
            images: uint8 (n, C, H, W) in [0, 255] or floating point in [-1, 1].
            batch_size: images read at a time; it bounds the memory, not the result.

        Raises:
            ValueError: images of another shape or dtype than the grid's, or not finite.
        """
        self._check(images, batch_size)
        found = [self._nearest(self._pixels(part)) for part in images.split(batch_size)]
        index = torch.cat([indices for indices, _ in found])
        distance = torch.cat([distances for _, distances in found])
        return Reading(
            labels=self.labels[index],
            factors={key: value[index] for key, value in self.factors.items()},
            distance=distance,
            recognisable=distance <= self.threshold,
        )

    @cached_property
    def _centre(self) -> Tensor:
        """Mean grid image float32 (D,): taken off both sides, it makes rounding errors small."""
        return (self.images.double().mean(dim=0) / 127.5 - 1).float().flatten()

    @cached_property
    def _half_squares(self) -> Tensor:
        """‖b‖²/2 of the centred grid images, float32 (G,)."""
        parts = [self._centred(part).double().square().sum(1) for part in self._grid_chunks()]
        return (torch.cat(parts) / 2).float()

    def _grid_chunks(self) -> tuple[Tensor, ...]:
        return self.images.split(GRID_CHUNK)

    def _centred(self, images: Tensor) -> Tensor:
        return to_float(images).flatten(1) - self._centre

    def _pixels(self, images: Tensor) -> Tensor:
        images = images.to(self.device)
        return (to_float(images) if images.dtype == torch.uint8 else images.float()).flatten(1)

    def _nearest(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Grid indices int64 (n,) and distances float32 (n,) of pixels float32 (n, D)."""
        centred = pixels - self._centre
        # ‖a − b‖² = ‖a‖² + ‖b‖² − 2 a·b; ‖a‖² does not change which b is nearest.
        scores = torch.cat(
            [
                torch.addmm(half, centred, self._centred(part).T, alpha=-1.0)
                for part, half in zip(
                    self._grid_chunks(), self._half_squares.split(GRID_CHUNK), strict=True
                )
            ],
            dim=1,
        )
        best = scores.amin(dim=1)
        rows, columns = torch.nonzero(scores <= (best + self._slack(centred))[:, None]).unbind(1)
        squared = torch.cat(
            [
                (pixels[r].double() - to_float(self.images[c]).flatten(1).double()).square().sum(1)
                for r, c in zip(
                    rows.split(CANDIDATE_CHUNK), columns.split(CANDIDATE_CHUNK), strict=True
                )
            ]
        )
        least = torch.full((len(pixels),), math.inf, dtype=torch.float64, device=self.device)
        least = least.scatter_reduce(0, rows, squared, "amin")
        first = torch.full((len(pixels),), len(self.images), device=self.device)
        winners = squared == least[rows]
        first = first.scatter_reduce(0, rows[winners], columns[winners], "amin")
        return first, (least / pixels.shape[1]).sqrt().float()

    def _slack(self, centred: Tensor) -> Tensor:
        """How far float32 scores of one image can be wrong against each other, float32 (n,).

        A sum of D products is off by at most D·eps·‖a‖‖b‖, and two scores are compared.
        """
        eps = torch.finfo(torch.float32).eps
        largest = self._half_squares.amax().mul(2).sqrt()
        return 2 * centred.shape[1] * eps * largest * (centred.norm(dim=1) + largest)

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
        if images.is_floating_point() and not torch.isfinite(images).all():
            raise ValueError("images hold NaN or Inf; the generator that made them has diverged")
