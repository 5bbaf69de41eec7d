"""How many different images are there, in effect? The Vendi score.

The similarities K_ij of n samples, divided by n, form a matrix whose eigenvalues λ are not
negative and sum to 1, as probabilities do. The score is the exponential of their entropy:

    VS = exp(−Σ_i λ_i log λ_i)           (Friedman and Dieng 2023, definition 3.1)
    VS_q = exp(log(Σ_i λ_i^q) / (1 − q))  of order q   (Pasarkar and Dieng 2024)

n equal samples score 1, n unlike ones n. Here K_ij is the cosine of two feature vectors. Small
orders weigh rare kinds, large ones the common kinds; the order infinity is 1 / max λ.

It needs no reference, so it praises whatever is different: noise, and images of other classes.
And it grows with n, towards the value of the whole distribution: n samples score at most n, and
never more than the d dimensions of the features. So compare it with real images of the same
number, which `vendi_by_class` does. Features that are never negative, as after a ReLU, have
large cosines and small scores.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from cgan_kit.metrics.checks import as_double, check_features, check_labels
from cgan_kit.metrics.samples import take


class VendiByClass(NamedTuple):
    """Vendi scores of K classes, float64 (K,) each; NaN where either side has no image.

    generated, real: from the same number of images.
    counts: int64 (K,), that number.
    """

    generated: Tensor
    real: Tensor
    counts: Tensor


def vendi_score(features: Tensor, order: float = 1.0) -> float:
    """The effective number of different samples, by cosines of their features.

    Arguments:
        features: (n, d) of any floating type. Computed in float64 from the smaller of the two
            Gram matrices, (n, n) or (d, d), which have the same eigenvalues other than 0.
        order: q >= 0, also `math.inf`. The score falls as q rises.

    Returns:
        A number from 1 to min(n, d).

    Raises:
        ValueError: features that are not (n, d) floats, NaN or Inf, a row of zeros, which has
            no direction; an order below 0.
    """
    _check(features, order)
    rows = torch.nn.functional.normalize(as_double(features), dim=1)
    gram = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows
    shares = torch.linalg.eigvalsh(gram / len(rows))
    # Rounding leaves specks of 1e-16 where there should be 0; order 0 would count each as one.
    shares = shares[shares > 1e-12]
    shares = shares / shares.sum()
    if order == 1:
        return math.exp(float(torch.special.entr(shares).sum()))
    if math.isinf(order):
        return 1 / float(shares.max())
    return math.exp(math.log(float((shares**order).sum())) / (1 - order))


def vendi_by_class(
    features: Tensor,
    labels: Tensor,
    real_features: Tensor,
    real_labels: Tensor,
    num_classes: int,
    *,
    order: float = 1.0,
    seed: int = 0,
) -> VendiByClass:
    """Vendi score within each class, generated beside real, from as many images of either.

    Where one side has more images of a class, a random sample of it is taken.

    Arguments:
        features, real_features: (n, d) and (m, d) from one network.
        labels, real_labels: int64 (n,) and (m,), in [0, num_classes).
        num_classes: K.
        order: q; see `vendi_score`.
        seed: of the samples.

    Raises:
        ValueError: as `vendi_score`; labels of another kind; two feature dimensions.
    """
    _check(features, order)
    _check(real_features, order, "real_features")
    check_labels(labels, len(features), num_classes)
    check_labels(real_labels, len(real_features), num_classes)
    if features.shape[1] != real_features.shape[1]:
        raise ValueError(
            f"features have {features.shape[1]} dimensions and real_features "
            f"{real_features.shape[1]}; take both from one network"
        )
    both = [torch.bincount(y.cpu(), minlength=num_classes) for y in (labels, real_labels)]
    counts = torch.minimum(*both)
    scores = []
    for values, classes in ((features, labels), (real_features, real_labels)):
        chosen = take(classes, counts, seed).to(values.device)
        by_class = values[chosen], classes.to(values.device)[chosen]
        scores.append(_each(*by_class, num_classes, order))
    return VendiByClass(scores[0], scores[1], counts)


def _each(features: Tensor, labels: Tensor, num_classes: int, order: float) -> Tensor:
    members = [features[labels == k] for k in range(num_classes)]
    scores = [vendi_score(own, order) if len(own) else math.nan for own in members]
    return torch.tensor(scores, dtype=torch.float64)


def _check(features: Tensor, order: float, argument: str = "features") -> None:
    if not order >= 0:
        raise ValueError(f"order is {order}; give a number from 0 up, such as 1")
    check_features(features, argument)
    empty = int((features == 0).all(dim=1).sum())
    if empty:
        raise ValueError(
            f"{argument} are all zero in {empty} of {len(features)} rows, which have no "
            "direction to compare; take features from before the ReLU, or another layer"
        )
