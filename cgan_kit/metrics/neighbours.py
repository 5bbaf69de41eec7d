"""Which part is missing, and which part is invented? Ask each sample's nearest neighbours.

Around every sample lies a ball that just reaches its k-th nearest neighbour of the same set.
The balls of the real samples say where real images are; those of the generated ones say
where the generator goes.

- precision: share of generated samples inside some real ball;
- recall: share of real samples inside some generated ball;
- density: how many real balls a generated sample lies in, over k; may exceed 1;
- coverage: share of real balls that hold a generated sample.

Perfect samples do not score 1. Two sets of one size from one distribution have density 1 and
coverage 1 - 2^(-k) in expectation (0.969 at k = 5, for large sets); precision and recall of
4,000 normal samples lie near 0.87 in 16 dimensions and near 0.55 in 512. So each is read beside
its value for real data.

Precision and recall: Kynkäänniemi et al. 2019, equations 1 and 2. Density, coverage and the
expected value of coverage: Naeem et al. 2020, section 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from cgan_kit.metrics.checks import as_double, check_real_and_fake

_CHUNK = 2**23  # distances held at once: 64 MiB of float64


class Neighbours(NamedTuple):
    """Precision, recall and coverage in [0, 1]; density in [0, n_real / k]."""

    precision: float
    recall: float
    density: float
    coverage: float


def neighbours(real_features: Tensor, fake_features: Tensor, k: int = 5) -> Neighbours:
    """k-nearest-neighbour precision, recall, density and coverage.

    Distances are Euclidean and in float64; memory is bounded by the features and a chunk of
    distances. A sample is inside a ball when it is nearer than the radius; a sample that
    equals the centre is inside also where the radius is 0, as among duplicates. A sample is
    not its own neighbour, but its duplicates are.

    Arguments:
        real_features: (n_real, d), any floating type.
        fake_features: (n_fake, d); n_fake may differ from n_real, though values for two
            sizes do not compare.
        k: neighbours, at least 1 and below both numbers of samples.

    Raises:
        ValueError: features that are not (n, d) floats with one d, NaN or Inf in them, k
            below 1, or no more than k samples.
    """
    if k < 1:
        raise ValueError(f"k is {k}; give at least 1 neighbour, such as 5")
    check_real_and_fake(real_features, fake_features)
    real, fake = as_double(real_features), as_double(fake_features)
    if min(len(real), len(fake)) <= k:
        raise ValueError(
            f"k is {k} but there are {len(real)} real and {len(fake)} generated samples; "
            f"give at least {k + 1} of each, or a smaller k"
        )
    centre = real.mean(dim=0)
    real, fake = real - centre, fake - centre  # small numbers lose fewer digits
    real_group, fake_group = _groups(real, fake)
    real_radius = _radius(real, real_group, k)
    fake_radius = _radius(fake, fake_group, k)

    # How many real balls each generated sample lies in.
    holding = torch.zeros(len(fake), dtype=torch.int64, device=fake.device)
    recalled = covered = 0
    for rows, distance in _distances(real, real_group, fake, fake_group):
        touching = distance == 0
        in_real = (distance < real_radius[rows, None]) | touching
        in_fake = (distance < fake_radius[None]) | touching
        holding += in_real.sum(dim=0)
        covered += int(in_real.any(dim=1).sum())
        recalled += int(in_fake.any(dim=1).sum())
    return Neighbours(
        precision=float((holding > 0).double().mean()),
        recall=recalled / len(real),
        density=float(holding.double().mean()) / k,
        coverage=covered / len(real),
    )


def _radius(features: Tensor, group: Tensor, k: int) -> Tensor:
    """(n,): squared distance from each sample to its k-th nearest other sample."""
    # The nearest of k + 1 is the sample itself, at distance 0.
    parts = [
        distance.topk(k + 1, dim=1, largest=False).values[:, -1]
        for _, distance in _distances(features, group, features, group)
    ]
    return torch.cat(parts)


def _distances(
    rows: Tensor, row_group: Tensor, columns: Tensor, column_group: Tensor
) -> Iterator[tuple[slice, Tensor]]:
    """Squared distances, some rows at a time; 0 exactly where two samples are equal."""
    column_norm = columns.square().sum(dim=1)
    step = max(1, _CHUNK // len(columns))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        chunk = rows[part]
        squared = torch.addmm(column_norm[None], chunk, columns.T, alpha=-2)
        squared += chunk.square().sum(dim=1, keepdim=True)
        # Rounding may leave a little above or below 0; only equality may decide what 0 is.
        squared.clamp_(min=torch.finfo(torch.float64).tiny)
        squared.masked_fill_(row_group[part, None] == column_group[None], 0.0)
        yield part, squared


def _groups(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """A number a sample; two samples have the same one when their features are equal."""
    inverse: Tensor
    _, inverse = torch.unique(torch.cat([real, fake]), dim=0, return_inverse=True)
    return inverse[: len(real)], inverse[len(real) :]
