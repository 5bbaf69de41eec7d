"""Is the whole distribution right? Two answers that look at a classifier's opinions alone.

Both see whether each image looks like some class and whether the classes come up in the right
proportions. Neither sees the real images, nor whether images differ within a class: one image
a class scores perfectly. Neither knows what class was asked for.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cgan_kit.metrics.checks import as_double, check_features


class InceptionScore(NamedTuple):
    """Mean and standard deviation over the splits; the deviation is that of one split."""

    mean: float
    std: float


class AMScore(NamedTuple):
    """value = entropy + divergence, all in nats.

    entropy: mean entropy of the classifier's opinion of an image; high for unclear images.
    divergence: KL divergence of the classes of the generated images from the real ones'.
    """

    value: float
    entropy: float
    divergence: float


def inception_score(probabilities: Tensor, splits: int = 10, seed: int = 2020) -> InceptionScore:
    """exp of the mean KL(p(y|x) ‖ p(y)) over a split, from 1 to K, higher is better.

    Salimans et al. 2016, section 4. p(y) is the mean of p(y|x) over the split, which is why
    the score is biased downwards: see `perfect_inception_score`. Samples are shuffled and
    split as torch-fidelity does for the same seed, whose default it shares.

    Arguments:
        probabilities: floats (n, K), a classifier's answers; rows add up to 1.
        splits: at least 1, at most n.
        seed: of the shuffle.

    Raises:
        ValueError: probabilities of another shape, negative, NaN, or with rows that do not add
            up to 1; splits out of range.
    """
    p = _check_probabilities(probabilities)
    if not 1 <= splits <= len(p):
        raise ValueError(f"splits is {splits}; give 1 to {len(p)}, the number of samples")
    # The old generator, because its shuffle is what torch-fidelity's published numbers stand on.
    order = np.random.RandomState(seed).permutation(len(p))
    p = p[torch.from_numpy(order).to(p.device)]
    edges = [i * len(p) // splits for i in range(splits + 1)]
    scores = torch.stack(
        [
            (_entropy(part.mean(dim=0)) - _entropy(part).mean()).exp()
            for part in (p[a:b] for a, b in pairwise(edges))
        ]
    )
    return InceptionScore(float(scores.mean()), float(scores.std(correction=0)))


def perfect_inception_score(class_frequencies: Tensor, n: int, splits: int = 10) -> float:
    """Expected Inception Score of perfect images of classes drawn at random, told apart surely.

    exp(H - (K - 1) / 2r), H the entropy of the class frequencies and r = n / splits the samples
    of a split; for K equal classes exp(H) = K. Within 1 % from r = 5 K on; with fewer the score
    is lower still. Where classes are not drawn but given their exact share of n, the loss in
    the exponent is 1 - 1 / splits times this one, so none in a single split. A classifier that
    is not sure scores lower: real images of the same number are the better comparison.

    Arguments:
        class_frequencies: (K,) counts or shares, not negative, on any scale.
        n: samples in all.
        splits: at least 1, at most n.

    Raises:
        ValueError: frequencies that are negative or all 0; splits out of range.
    """
    if not 1 <= splits <= n:
        raise ValueError(f"splits is {splits}; give 1 to {n}, the number of samples")
    shares = _shares(class_frequencies)
    loss = (int((shares > 0).sum()) - 1) * splits / (2 * n)
    return math.exp(float(_entropy(shares)) - loss)


def am_score(probabilities: Tensor, class_frequencies: Tensor) -> AMScore:
    """Mean entropy of p(y|x), plus KL(real classes ‖ mean p(y|x)); lower is better, 0 is best.

    Zhou et al. 2018 (AM-GAN), the section on the AM Score. Unlike the Inception Score it does
    not take equal classes for the ideal. For a perfect generator and a classifier that is sure
    the value is (K - 1) / 2n and not 0 (see `perfect_am_score`); an unsure classifier adds its
    entropy, so real images of the same number are the comparison. Infinite where a real class
    has no probability in any generated image.

    Arguments:
        probabilities: floats (n, K), a classifier's answers; rows add up to 1.
        class_frequencies: (K,) of the training images, counts or shares: labels counted, or
            the classifier's mean answer to the training images.

    Raises:
        ValueError: probabilities as in `inception_score`; frequencies of another length,
            negative or all 0.
    """
    p = _check_probabilities(probabilities)
    shares = _shares(class_frequencies).to(p.device)
    if len(shares) != p.shape[1]:
        raise ValueError(
            f"class_frequencies hold {len(shares)} classes but probabilities {p.shape[1]}; "
            "count the classes that the classifier knows"
        )
    entropy = float(_entropy(p).mean())
    # x log x - x log 0 is infinite for x > 0; where a share is 0 its class counts for nothing.
    cross = -torch.where(shares > 0, shares * p.mean(dim=0).log(), 0.0).sum()
    divergence = float(cross - _entropy(shares))
    return AMScore(entropy + divergence, entropy, divergence)


def perfect_am_score(num_classes: int, n: int) -> float:
    """Expected AM Score of n perfect images of classes drawn at random: (K - 1) / 2n.

    For a classifier that is sure, and from about 10 images a class on; with fewer, some class
    is missing now and then, and the score infinite. 0 where each class has its exact share.
    """
    if num_classes < 1 or n < 1:
        raise ValueError(f"num_classes is {num_classes} and n is {n}; give at least 1 of each")
    return (num_classes - 1) / (2 * n)


def _entropy(p: Tensor) -> Tensor:
    """-Σ p log p over the last dimension, in nats, with 0 log 0 = 0."""
    terms: Tensor = torch.special.entr(p)
    return terms.sum(dim=-1)


def _shares(frequencies: Tensor) -> Tensor:
    values = as_double(frequencies)
    if values.ndim != 1 or not bool((values >= 0).all()) or not 0 < float(values.sum()) < math.inf:
        raise ValueError(
            f"class_frequencies are {frequencies.tolist()}; give one number a class, "
            "not negative and not all 0, such as image_set.class_counts()"
        )
    return values / values.sum()


def _check_probabilities(probabilities: Tensor) -> Tensor:
    """float64 (n, K) whose rows add up to 1 exactly."""
    check_features(probabilities, "probabilities")
    p = as_double(probabilities)
    total = p.sum(dim=1, keepdim=True)
    if float(p.min()) < 0 or float((total - 1).abs().max()) > 1e-2:
        raise ValueError(
            f"probabilities lie in [{float(p.min()):.4g}, {float(p.max()):.4g}] with rows that "
            f"add up to {float(total.min()):.4g} to {float(total.max()):.4g}; they look like "
            "logits: pass logits.softmax(dim=1)"
        )
    return p / total
