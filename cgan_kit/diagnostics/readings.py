"""What a conditioning method's head can be asked, whichever method it is."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cgan_kit.losses import (
    ACGAN,
    ADCGAN,
    ACGANNormalised,
    ACGANNormalisedFeatures,
    Conditioning,
    Judged,
    Projection,
    ReACGAN,
)
from cgan_kit.losses.sphere import OnSphere, on_sphere


def class_vectors(conditioning: Conditioning, features: Tensor) -> tuple[Tensor, Tensor] | None:
    """What the head compares: vectors of images (n, d), and one of each class (K, d).

    A classifier compares F(x), or F(x)/‖F(x)‖ where it normalises, with its rows w_k (ADC-GAN:
    with those of "real, class k"); projection compares F(x) with its proxies; ContraGAN and
    ReACGAN compare unit vectors. None for a method without a vector for each class.
    """
    if isinstance(conditioning, OnSphere):
        return conditioning.head.embed(features), conditioning.head.proxies()
    if isinstance(conditioning, Projection):
        return features, conditioning.proxies.weight
    if isinstance(conditioning, ADCGAN):
        return features, conditioning.classifier.weight[0::2]
    if isinstance(conditioning, ACGANNormalised | ACGANNormalisedFeatures):
        features = on_sphere(features)
    if isinstance(conditioning, ACGAN):
        return features, conditioning.classifier.weight
    return None


def right_probability(
    conditioning: Conditioning, judged: Judged, real: bool = True
) -> Tensor | None:
    """p of what the head's loss calls right, for each image: float32 (n,), in [0, 1].

    The classifier's p_y; for ADC-GAN of "real, class y", or of "fake, class y" for fakes; for
    ContraGAN and ReACGAN the share of the positives in the image's row, among these n images.
    Everywhere exp(-loss of the image), and 1 - p is the size of its pull. None for a method
    that has no such loss.
    """
    labels = judged.labels
    if isinstance(conditioning, OnSphere):
        rows = sphere_rows(conditioning, judged).softmax(dim=1)
        return (rows * (labels[:, None] == labels)).sum(dim=1)
    if isinstance(conditioning, ADCGAN):
        logits, right = conditioning.classifier(judged.features), 2 * labels + (not real)
    elif isinstance(conditioning, ACGAN):
        logits, right = conditioning.logits(judged.features), labels
    else:
        return None
    probabilities: Tensor = logits.softmax(dim=1)
    return probabilities[torch.arange(len(labels)), right]


def sphere_rows(conditioning: OnSphere, judged: Judged) -> Tensor:
    """The exponents of the loss between these n images, (n, n): see `OnSphere.logits`."""
    head = conditioning.head
    return conditioning.logits(head.embed(judged.features), head.proxies(), judged.labels)


def angles(vectors: Tensor, classes: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Degrees (n,) from each vector to its own class's, and to the nearest other one.

    The second is 180 where there is no other.
    """
    cosines = F.normalize(vectors, dim=1) @ F.normalize(classes, dim=1).T
    own = cosines.gather(1, labels[:, None]).squeeze(1)
    others = cosines.scatter(1, labels[:, None], -torch.inf).amax(dim=1)
    return _degrees(own), _degrees(others)


def effective_negatives(rows: Tensor, labels: Tensor) -> Tensor:
    """How many images of other classes share the push on image i: e to their entropy, (n,).

    Their number when all push alike; 1 when one of them does all; 0 when there is none.

    Arguments:
        rows: exponents (n, n) of `sphere_rows`.
    """
    same = labels[:, None] == labels
    shares = rows.masked_fill(same, -torch.inf).softmax(dim=1).nan_to_num(0)
    entropy: Tensor = -torch.special.xlogy(shares, shares).sum(dim=1)
    return entropy.exp() * ~same.all(dim=1)


def silenced(conditioning: ReACGAN, judged: Judged) -> tuple[Tensor, Tensor]:
    """1 where a positive (n,) lies above m_p, a negative pair (m,) below m_n: they do not move."""
    head, labels = conditioning.head, judged.labels
    embeddings, proxies = head.embed(judged.features), head.proxies()
    positives = (embeddings * proxies[labels]).sum(dim=1)
    negatives = (embeddings @ embeddings.T)[labels[:, None] != labels]
    return (
        (positives > conditioning.margin_positive).float(),
        (negatives < conditioning.margin_negative).float(),
    )


def _degrees(cosines: Tensor) -> Tensor:
    return torch.rad2deg(torch.acos(cosines.clamp(-1, 1)))
