"""Is the whole distribution right? Compare the Gaussians that two sets of features spread like.

The Fréchet distance between Gaussians of means μ, ν and covariances S, T is

    |μ - ν|² + tr S + tr T - 2 tr (S T)^(1/2)

(Dowson & Landau 1982; for features of an Inception network it is the FID of Heusel et al.
2017, equation 6). It sees means and covariances and nothing else: two distributions that share
both are at distance 0, however different, and so are good images under the wrong labels.

Two finite samples of one distribution do not reach 0, and the fewer they are the further they
stay from it. So a value stands beside `frechet_floor`, or comes from `frechet_infinity`. What
is measured with one network does not compare with another network's.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from cgan_kit.metrics.checks import as_double, check_features, check_labels, check_real_and_fake

SAMPLES_PER_DIMENSION = 10  # below it, covariances are too uncertain for the numbers to compare
BLOCKS = 10  # of the generated samples, for `frechet_infinity`
_ROWS = 512  # of features that are float64 at one time
_COLUMNS = 64  # of the covariance at one time
_SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)  # of the sample: sizes that `frechet_infinity` looks at


class Extrapolated(NamedTuple):
    """A value for infinitely many generated samples, with the standard error of it."""

    value: float
    standard_error: float


def frechet_distance(real_features: Tensor, fake_features: Tensor) -> float:
    """Fréchet distance between the Gaussians fitted to two sets of features; 0 is best.

    In float64: with S = F Fᵀ and T = G Gᵀ, by Cholesky or, where they are singular, by
    eigenvalues, tr (S T)^(1/2) is the sum of the singular values of Fᵀ G. Right also for fewer
    samples than dimensions. Equal sets are at 0 up to rounding, about 1e-14 of the features'
    variance, on either side.

    Arguments:
        real_features: (n_real, d), any floating type, n_real at least 2.
        fake_features: (n_fake, d), n_fake at least 2.

    Raises:
        ValueError: features that are not (n, d) floats with one d, NaN or Inf in them, or
            fewer than 2 samples.
    """
    check_real_and_fake(real_features, fake_features, at_least=2)
    return _distance(_gaussian(real_features), _gaussian(fake_features))


def frechet_floor(features: Tensor, n: float, m: float) -> float:
    """Expected Fréchet distance between n and m samples of one distribution.

    To second order in the error E of a covariance, in the basis where the covariance is
    diagonal with eigenvalues λ,

        (1/n + 1/m) (tr S + ½ Σ_ij Var(u_i u_j) / (λ_i + λ_j)),

    u a centred feature in that basis. For a Gaussian Var(u_i u_j) = λ_i λ_j (1 + δ_ij); here
    it is estimated, for features of a network are not Gaussian: the Gaussian formula is 10 to
    15 % off for rectified features and for mixtures of classes.

    Simulations agree within 5 % when there are 10 features a dimension to estimate from and n
    and m are at least 2 d. From fewer features the answer is too low, by 15 % at 5 a dimension
    and 30 % at 2, and so it is with heavy tails. Then measure real samples against other real
    ones instead. Where labels are not drawn but given in the same fixed numbers on both sides,
    as `evaluate` gives them, see `fixed_classes.frechet_floor_in_classes`.

    Arguments:
        features: (N, d), real ones, N at least 2: as many as there are, not only n or m.
        n, m: samples in each of the two sets, at least 2; `math.inf` is allowed, and
            `frechet_floor(real, math.inf, len(real))` is the floor of `frechet_infinity`.

    Raises:
        ValueError: features as in `frechet_distance`; n or m below 2.
    """
    check_features(features, "features", at_least=2)
    if min(n, m) < 2:
        raise ValueError(f"n is {n} and m is {m}; give at least 2 samples for each set")
    mean, covariance = _gaussian(features)
    values, basis = _spectrum(covariance)
    fourth = torch.zeros_like(covariance[: len(values), : len(values)])
    for rows in features.split(_ROWS):
        squares = ((as_double(rows) - mean) @ basis).square_()
        fourth.addmm_(squares.T, squares)
    variance_of_products = fourth / len(features) - values.square().diag()
    spread = (variance_of_products / (values[:, None] + values)).sum()
    return float((1 / n + 1 / m) * (values.sum() + spread / 2))


def frechet_infinity(
    real_features: Tensor, fake_features: Tensor, blocks: int = BLOCKS, seed: int = 0
) -> Extrapolated:
    """The Fréchet distance that infinitely many generated samples would have.

    The distance for n generated samples is a straight line in 1/n (Chong & Forsyth
    2020). Here the sample is cut into blocks, the line fitted by least squares through
    the mean distances of subsets that do not overlap, at 20, 40, ... 100 % of the blocks, and
    read off at 1/n = 0. The value may fall below 0 for a generator that is nearly perfect.

    The standard error is the jackknife's over the blocks: the real features are held fixed.
    It is right where the distributions differ and up to twice too large where they are equal.
    The real sample stays finite, so that the floor is `frechet_floor(real, math.inf, n_real)`.

    Arguments:
        real_features: (n_real, d), at least 2 of them.
        fake_features: (n_fake, d), at least 2 for each block.
        blocks: at least 5; time grows with their square.
        seed: of the order in which the generated samples fall into blocks.

    Warns:
        UserWarning: when the smallest subsets hold fewer than 2 d samples, where the line
            bends.

    Raises:
        ValueError: blocks below 5; features as in `frechet_distance`.
    """
    if blocks < 5:
        raise ValueError(f"blocks is {blocks}; give at least 5, such as 10")
    check_real_and_fake(real_features, fake_features, at_least=2)
    n_fake, dimensions = fake_features.shape
    if n_fake < 2 * blocks:
        raise ValueError(
            f"fake_features hold {n_fake} samples, fewer than 2 for each of {blocks} blocks; "
            "give more samples or fewer blocks"
        )
    smallest = int(_SHARES[0] * n_fake)
    if smallest < 2 * dimensions:
        warnings.warn(
            f"the smallest subsets hold {smallest} samples for {dimensions} dimensions; "
            f"below 2 a dimension the extrapolation bends: give {10 * dimensions} samples",
            stacklevel=2,
        )
    reference = _reference(_gaussian(real_features))
    order = torch.randperm(n_fake, generator=torch.Generator().manual_seed(seed))
    parts = fake_features[order.to(fake_features.device)].tensor_split(blocks)
    sums = [_sums(part, reference.mean) for part in parts]
    without = [_intercept(reference, sums[:b] + sums[b + 1 :]) for b in range(blocks)]
    spread = torch.tensor(without, dtype=torch.float64).var(correction=0)
    return Extrapolated(_intercept(reference, sums), float(((blocks - 1) * spread).sqrt()))


def intra_class_frechet(
    real_features: Tensor,
    real_labels: Tensor,
    fake_features: Tensor,
    fake_labels: Tensor,
    num_classes: int,
) -> Tensor:
    """`frechet_distance` within each class, which labels on the wrong images do raise.

    Its mean is the intra-class FID of the literature and WCFID of Benny et al. 2021.

    Arguments:
        real_features, fake_features: (n_real, d), (n_fake, d).
        real_labels, fake_labels: int64 (n_real,), (n_fake,) in [0, num_classes); of the
            generated ones, the class that was asked for.
        num_classes: K.

    Returns:
        float64 (K,) on the CPU; NaN for a class with fewer than 2 samples on either side.

    Warns:
        UserWarning: names the classes with fewer than 10 d samples on either side, whose
            values mostly measure how few they are.

    Raises:
        ValueError: features as in `frechet_distance`; labels of another dtype, shape or range.
    """
    check_real_and_fake(real_features, fake_features)
    check_labels(real_labels, len(real_features), num_classes)
    check_labels(fake_labels, len(fake_features), num_classes)
    counts = [labels.cpu().bincount(minlength=num_classes) for labels in (real_labels, fake_labels)]
    fewest = torch.minimum(*counts)
    _warn_of_small_classes(fewest, real_features.shape[1])
    distances = torch.full((num_classes,), torch.nan, dtype=torch.float64)
    for k in torch.nonzero(fewest >= 2).flatten().tolist():
        distances[k] = _distance(
            _gaussian(real_features[real_labels.to(real_features.device) == k]),
            _gaussian(fake_features[fake_labels.to(fake_features.device) == k]),
        )
    return distances


def class_aware_frechet(
    real_features: Tensor,
    real_probabilities: Tensor,
    fake_features: Tensor,
    fake_probabilities: Tensor,
) -> float:
    """Class-aware Fréchet distance: mean over the classes of distances between Gaussians.

    The Gaussian of class k is fitted to every sample, weighted by the probability that a
    classifier gives the class (Liu et al. 2018): μ_k = Σ_i p_ik x_i / Σ_i p_ik and
    S_k = Σ_i p_ik (x_i - μ_k)(x_i - μ_k)ᵀ / Σ_i p_ik. With a classifier's probabilities it
    sees what each class looks like and not what was asked for; with one-hot labels of what was
    asked for it is the mean of `intra_class_frechet`, up to n / (n - 1) in the covariances.

    Arguments:
        real_features, fake_features: (n_real, d), (n_fake, d).
        real_probabilities, fake_probabilities: floats (n_real, K), (n_fake, K), not negative.

    Warns:
        UserWarning: names the classes whose probabilities add up to fewer than 10 d samples.

    Raises:
        ValueError: features as in `frechet_distance`; probabilities of another shape, negative,
            NaN or Inf; a class to which nobody gives any probability.
    """
    check_real_and_fake(real_features, fake_features)
    real, fake = as_double(real_features), as_double(fake_features)
    real_weights = _check_weights(real_probabilities, real, "real_probabilities")
    fake_weights = _check_weights(fake_probabilities, fake, "fake_probabilities")
    if real_weights.shape[1] != fake_weights.shape[1]:
        raise ValueError(
            f"real_probabilities have {real_weights.shape[1]} classes and fake_probabilities "
            f"{fake_weights.shape[1]}; take both from one classifier"
        )
    fewest = torch.minimum(real_weights.sum(dim=0).cpu(), fake_weights.sum(dim=0).cpu())
    _warn_of_small_classes(fewest, real.shape[1])
    distances = [
        _distance(_weighted_gaussian(real, p), _weighted_gaussian(fake, q))
        for p, q in zip(real_weights.T, fake_weights.T, strict=True)
    ]
    return sum(distances) / len(distances)


class _Gaussian(NamedTuple):
    mean: Tensor
    covariance: Tensor


class _Reference(NamedTuple):
    """What is known of the real features once and for all."""

    mean: Tensor
    trace: Tensor
    factor: Tensor


class _Sums(NamedTuple):
    samples: int
    first: Tensor
    second: Tensor


def _gaussian(features: Tensor) -> _Gaussian:
    # Any point near the mean does: sums about it lose fewer digits than those about 0.
    near = as_double(features[:_ROWS]).mean(dim=0)
    return _union(near, [_sums(features, near)])


def _sums(features: Tensor, centre: Tensor) -> _Sums:
    """Of the features less a centre, in float64, without a second array of their size."""
    first, second = torch.zeros_like(centre), torch.zeros_like(centre.outer(centre))
    for rows in features.split(_ROWS):
        centred = as_double(rows).sub(centre)
        first += centred.sum(dim=0)
        # The upper half will do, in blocks, for products of matrices know no symmetry.
        for i in range(0, centred.shape[1], _COLUMNS):
            block = slice(i, i + _COLUMNS)
            second[block, i:] += centred[:, block].T @ centred[:, i:]
    return _Sums(len(features), first, second.triu() + second.triu(1).T)


def _weighted_gaussian(features: Tensor, weights: Tensor) -> _Gaussian:
    weights = weights / weights.sum()
    mean = weights @ features
    centred = features - mean
    return _Gaussian(mean, (centred * weights[:, None]).T @ centred)


def _distance(real: _Gaussian, fake: _Gaussian) -> float:
    return _distance_to(_reference(real), fake)


def _reference(real: _Gaussian) -> _Reference:
    return _Reference(real.mean, real.covariance.trace(), _factor(real.covariance))


def _distance_to(reference: _Reference, fake: _Gaussian) -> float:
    overlap = torch.linalg.svdvals(reference.factor.T @ _factor(fake.covariance)).sum()
    between_means = (reference.mean - fake.mean).square().sum()
    return float(between_means + reference.trace + fake.covariance.trace() - 2 * overlap)


def _factor(covariance: Tensor) -> Tensor:
    """(d, r) that times its own transpose is the covariance."""
    lower: Tensor
    lower, failed = torch.linalg.cholesky_ex(covariance)
    if not failed and lower.diagonal().min().square() > 1e-10 * covariance.diagonal().max():
        return lower
    # Nearly singular: what Cholesky would make of rounding errors is not small any more.
    values, basis = _spectrum(covariance)
    return basis * values.sqrt()


def _spectrum(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (r,) and eigenvectors (d, r), without those that rounding alone leaves over 0.

    The root of a rounding error of 1e-16 would be one of 1e-8.
    """
    values, basis = torch.linalg.eigh(covariance)
    kept = values > len(values) * torch.finfo(values.dtype).eps * values[-1]
    return values[kept], basis[:, kept]


def _intercept(reference: _Reference, blocks: Sequence[_Sums]) -> float:
    """Distance at 1/n = 0, of a line through the mean distances of subsets of several sizes."""
    inverse_sizes, distances = [], []
    for share in _SHARES:
        width = max(1, round(share * len(blocks)))
        subsets = [blocks[i : i + width] for i in range(0, len(blocks) - width + 1, width)]
        found = [_distance_to(reference, _union(reference.mean, subset)) for subset in subsets]
        inverse_sizes.append(1 / width)
        distances.append(sum(found) / len(found))
    x = torch.tensor(inverse_sizes, dtype=torch.float64)
    y = torch.tensor(distances, dtype=torch.float64)
    slope = ((x - x.mean()) * y).sum() / (x - x.mean()).square().sum()
    return float(y.mean() - slope * x.mean())


def _union(centre: Tensor, blocks: Sequence[_Sums]) -> _Gaussian:
    """Mean and covariance of all the samples of some blocks, whose sums are about a centre."""
    n = sum(block.samples for block in blocks)
    mean = torch.stack([block.first for block in blocks]).sum(dim=0) / n
    second = torch.stack([block.second for block in blocks]).sum(dim=0)
    return _Gaussian(centre + mean, (second - n * mean.outer(mean)) / (n - 1))


def _warn_of_small_classes(counts: Tensor, dimensions: int) -> None:
    wanted = SAMPLES_PER_DIMENSION * dimensions
    small = torch.nonzero(counts < wanted).flatten().tolist()
    if small:
        warnings.warn(
            f"classes {', '.join(map(str, small))} have fewer than {wanted} samples "
            f"({SAMPLES_PER_DIMENSION} for each of {dimensions} dimensions); their Fréchet "
            "distances mostly measure that: compare equal counts only, or use the KID",
            stacklevel=3,
        )


def _check_weights(probabilities: Tensor, features: Tensor, argument: str) -> Tensor:
    """float64 (n, K) on the device of the features."""
    check_features(probabilities, argument)
    if len(probabilities) != len(features):
        raise ValueError(
            f"{argument} hold {len(probabilities)} rows for {len(features)} features; give one each"
        )
    if bool((probabilities < 0).any()):
        raise ValueError(f"{argument} fall to {float(probabilities.min()):.4g}; give probabilities")
    empty = torch.nonzero(probabilities.sum(dim=0) <= 0).flatten().tolist()
    if empty:
        raise ValueError(
            f"{argument} are 0 for every sample in classes {', '.join(map(str, empty))}; "
            "leave these classes out, or use intra_class_frechet, which says NaN for them"
        )
    return as_double(probabilities).to(features.device)
