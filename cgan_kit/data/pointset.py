"""Points with class labels: the two-dimensional stand-in for images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from cgan_kit.data.labelled import LabelledSet, check_tensor


class PointSet(LabelledSet):
    """Points float32 (N, D) with labels int64 (N,); see `LabelledSet` for the rest.

    Raises:
        ValueError: points that are no float32 tensor (N, D), or not finite.
    """

    def __init__(
        self,
        points: Tensor,
        labels: Tensor,
        class_names: Sequence[str],
        *,
        name: str = "custom",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        check_tensor("points", points)
        if points.dtype != torch.float32 or points.ndim != 2:
            raise ValueError(
                f"points have dtype {points.dtype} and shape {tuple(points.shape)}; "
                "give float32 (N, D)"
            )
        if not torch.isfinite(points).all():
            raise ValueError("points hold NaN or Inf; remove those rows")
        super().__init__(points, labels, class_names, name=name, options=options)

    @property
    def points(self) -> Tensor:
        """float32 (N, D)."""
        return self.samples

    def real(self, indices: Tensor) -> Tensor:
        """The points at `indices` (int64 (n,)), as they are."""
        return self.points[indices]
