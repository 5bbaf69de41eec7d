"""Is the whole distribution right? Ask a kernel, and know what chance would have answered.

The kernel inception distance (Bińkowski et al. 2018) is the squared maximum mean discrepancy
under the kernel k(x, y) = (x·y / d + 1)³,

    mean_{i≠j} k(x_i, x_j) + mean_{i≠j} k(y_i, y_j) - 2 mean_{ij} k(x_i, y_j),

which sees means, covariances and third moments. It is unbiased: two samples of one
distribution score 0 on average at any size, so that its floor is 0, and a single value falls
below 0 about as often as above. Two equal sets score below 0, for each pair of copies counts
in the last term and in none of the others.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cgan_kit.metrics.checks import as_double, check_labels, check_real_and_fake

_ROWS = 128  # of the kernel matrix at once: as many numbers as 128 more features


class KID(NamedTuple):
    """An unbiased squared discrepancy, its standard error, and how often chance exceeds it.

    p_value: the share of random divisions of the pooled samples into two sets, the observed
        one among them, whose discrepancy is as large; NaN where none were tried.
    """

    value: float
    standard_error: float
    p_value: float


class SubsetKID(NamedTuple):
    """Mean and standard deviation over subsets, as papers print them.

    The deviation is that of one subset; it is not the standard error of the mean.
    """

    mean: float
    std: float


class IntraClassKID(NamedTuple):
    """`KID` of each class: float64 (K,), on the CPU."""

    value: Tensor
    standard_error: Tensor
    p_value: Tensor


def kid(
    real_features: Tensor, fake_features: Tensor, permutations: int = 200, seed: int = 0
) -> KID:
    """Kernel inception distance of the whole samples, with its standard error and p-value.

    The standard error is that of the two-sample U-statistic's linear part, from the mean
    kernel values of each sample; no subsets are drawn. It is right where the distributions
    differ. Where they are equal it is up to √2 too large, never too small on average (Efron &
    Stein 1981), and the p-value is what to look at.

    Error and p-value are for samples drawn at random, and so is the floor of 0. Where both sides
    hold each class in the same fixed numbers, as in `evaluate`, equal samples score below 0: see
    `fixed_classes.kid_floor_in_classes`.

    Time grows with (n_real + n_fake)² · (d + permutations). Memory holds the features, one
    number for each sample and permutation, and some rows of the kernel matrix.

    Arguments:
        real_features: (n_real, d), any floating type, n_real at least 2.
        fake_features: (n_fake, d), n_fake at least 2.
        permutations: random divisions for the p-value, which is never below
            1 / (permutations + 1); 0 for none.
        seed: of the permutations.

    Raises:
        ValueError: features that are not (n, d) floats with one d, NaN or Inf in them, fewer
            than 2 samples, permutations below 0.
    """
    if permutations < 0:
        raise ValueError(f"permutations is {permutations}; give 0 or more, such as 200")
    check_real_and_fake(real_features, fake_features, at_least=2)
    real, fake = as_double(real_features), as_double(fake_features)
    return _kid(real, fake, permutations, seed)


def kid_over_subsets(
    real_features: Tensor,
    fake_features: Tensor,
    subset_size: int = 1000,
    subsets: int = 100,
    seed: int = 2020,
) -> SubsetKID:
    """The published protocol: mean and deviation of the KID of random subsets.

    Draws the subsets that torch-fidelity draws for the same seed, whose default it shares, so
    that the numbers compare. `kid` uses every sample once and is the more certain of the two.

    Arguments:
        real_features, fake_features: (n_real, d), (n_fake, d).
        subset_size: samples of each kind in a subset, drawn without repeats; at least 2.
        subsets: how many, at least 1.
        seed: of the draw.

    Raises:
        ValueError: features as in `kid`; fewer samples than subset_size; numbers too small.
    """
    if subset_size < 2 or subsets < 1:
        raise ValueError(
            f"subset_size is {subset_size} and subsets is {subsets}; give at least 2 and 1"
        )
    check_real_and_fake(real_features, fake_features, at_least=subset_size)
    real, fake = as_double(real_features), as_double(fake_features)
    # The old generator, because its draws are what torch-fidelity's published numbers stand on.
    draw = np.random.RandomState(seed)
    values = []
    for _ in range(subsets):
        x, y = (some[_pick(draw, some, subset_size)] for some in (real, fake))
        values.append(_kid(x, y, permutations=0, seed=0).value)
    return SubsetKID(float(np.mean(values)), float(np.std(values)))


def intra_class_kid(
    real_features: Tensor,
    real_labels: Tensor,
    fake_features: Tensor,
    fake_labels: Tensor,
    num_classes: int,
    permutations: int = 200,
    seed: int = 0,
) -> IntraClassKID:
    """`kid` within each class. Unbiased, so that small classes are uncertain but not wrong.

    Arguments:
        real_features, fake_features: (n_real, d), (n_fake, d).
        real_labels, fake_labels: int64 (n_real,), (n_fake,) in [0, num_classes); of the
            generated ones, the class that was asked for.
        num_classes: K.
        permutations, seed: as in `kid`.

    Returns:
        NaN for a class with fewer than 2 samples on either side.

    Raises:
        ValueError: features and permutations as in `kid`; labels of another dtype, shape or
            range.
    """
    if permutations < 0:
        raise ValueError(f"permutations is {permutations}; give 0 or more, such as 200")
    check_real_and_fake(real_features, fake_features)
    real, fake = as_double(real_features), as_double(fake_features)
    check_labels(real_labels, len(real_features), num_classes)
    check_labels(fake_labels, len(fake_features), num_classes)
    rows = []
    for k in range(num_classes):
        x = real[real_labels.to(real.device) == k]
        y = fake[fake_labels.to(fake.device) == k]
        enough = min(len(x), len(y)) >= 2
        rows.append(_kid(x, y, permutations, seed) if enough else KID(*[math.nan] * 3))
    return IntraClassKID(*torch.tensor(rows, dtype=torch.float64).T)


def _kid(real: Tensor, fake: Tensor, permutations: int, seed: int) -> KID:
    n, m = len(real), len(fake)
    chosen = _divisions(n, m, permutations, seed).to(real)
    # Kernel sums of each sample with the chosen ones (the columns are divisions) and with all.
    with_chosen, with_all = _kernel_sums(torch.cat([real, fake]), chosen)
    both = (chosen * with_chosen).sum(dim=0)  # sums over pairs of which both are chosen
    across = chosen.T @ with_all - both
    neither = with_all.sum() - both - 2 * across
    discrepancies = both / (n * (n - 1)) + neither / (m * (m - 1)) - 2 * across / (n * m)
    value = discrepancies[0]  # the first division is the one observed
    # Permutations that give the observed division again differ from it by rounding.
    as_large = discrepancies[1:] >= value - 1e-9 * value.abs()
    return KID(
        value=float(value),
        standard_error=_standard_error(with_chosen[:, 0], with_all, n, m),
        p_value=float(1 + as_large.sum()) / (1 + permutations) if permutations else math.nan,
    )


def _standard_error(with_real: Tensor, with_all: Tensor, n: int, m: int) -> float:
    """From each sample's mean kernel value with its own kind, less that with the other."""
    with_fake = with_all - with_real
    real_part = with_real[:n] / (n - 1) - with_fake[:n] / m
    fake_part = with_fake[n:] / (m - 1) - with_real[n:] / n
    return float((4 * real_part.var() / n + 4 * fake_part.var() / m).sqrt())


def _divisions(n: int, m: int, permutations: int, seed: int) -> Tensor:
    """bool (n + m, 1 + permutations): n samples chosen in each column, at first the first n."""
    draw = torch.Generator().manual_seed(seed)
    orders = [torch.arange(n + m)]
    orders += [torch.randperm(n + m, generator=draw) for _ in range(permutations)]
    # A permutation's places are as random as its values.
    return torch.stack(orders, dim=1) < n


def _kernel_sums(samples: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Sums of k(x_i, x_j) over j ≠ i: (N, P) over those chosen in each column, (N,) over all."""
    # With a feature more, which is 1 in all, the kernel is the cube of an inner product.
    # In float64: float32 is a third quicker, and where the sets are alike it is off in the
    # sixth digit, for the value is then a small difference of large sums.
    lifted = torch.nn.functional.pad(samples / math.sqrt(samples.shape[1]), (0, 1), value=1.0)
    columns = torch.nn.functional.pad(chosen, (0, 1), value=1.0)
    sums = torch.zeros_like(columns)
    for start in range(0, len(lifted), _ROWS):
        part = slice(start, start + _ROWS)
        kernel = (lifted[part] @ lifted[start:].T).pow_(3)
        # Each pair once, i < j, and then counted for both.
        kernel[:, :_ROWS].triu_(1)
        sums[part] += kernel @ columns[start:]
        sums[start:] += kernel.T @ columns[part]
    return sums[:, :-1], sums[:, -1]


def _pick(draw: np.random.RandomState, features: Tensor, size: int) -> Tensor:
    chosen = draw.choice(len(features), size, replace=False)
    return torch.from_numpy(chosen).to(features.device)
