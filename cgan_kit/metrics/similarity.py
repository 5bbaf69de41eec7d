"""Are images varied within their class? Structural similarity of random pairs: AC-GAN's alarm.

SSIM of two grey windows x, y with means μ, variances σ² and covariance σ_xy is

    l · cs,   l = (2 μ_x μ_y + C1) / (μ_x² + μ_y² + C1),   cs = (2 σ_xy + C2) / (σ_x² + σ_y² + C2)

with C1 = 0.01², C2 = 0.03² for pixels in [0, 1], averaged over all places where a Gaussian
window fits (Wang et al. 2004, equations 6, 12 to 17). MS-SSIM halves the images M − 1 times:

    Π_{j<M} cs_j^{β_j} · (l · cs)_M^{β_M}    (Wang, Simoncelli and Bovik 2003, equation 7)

1 means equal images. AC-GAN (Odena et al. 2017, section 4.2) takes 100 random pairs of each
class and calls a class varied when its mean lies below that of the least varied *real* class
(0.25 on ImageNet at 128 px; 84.7 % of its classes passed).

What it does not see: how many different images there are. A class of sixteen images, each
shown over and over, scores about as one with hundreds, for a random pair is a pair of different
images in both. It rings when a class falls to one image or few. Noise lowers it as variety
does, so a low score praises nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from cgan_kit.metrics.checks import (
    as_double,
    as_float,
    check_images,
    check_labels,
    check_same_range,
)
from cgan_kit.metrics.samples import take

C1, C2 = 0.01**2, 0.03**2
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # β of the paper, finest scale first
_BATCH = 128

Measure = Callable[[Tensor, Tensor], Tensor]


class Similarity(NamedTuple):
    """Mean similarity of random pairs within each class; high means alike.

    mean: float64 (K,); NaN for a class with fewer than two images.
    standard_error: float64 (K,), of the mean over all pairs that these images could form.
    cut: float64 (K,), the share of pairs that score exactly 0, see `ms_ssim`.
    """

    mean: Tensor
    standard_error: Tensor
    cut: Tensor


class Diversity(NamedTuple):
    """AC-GAN's verdict: which classes are as varied as the least varied real class.

    generated: of the generated images.
    threshold: the highest class mean of one half of the real images.
    share: of the K classes whose generated mean lies below it. A class with fewer than two
        generated images is not below.
    real_share: the same for the other half of the real images, as if they were generated.
    """

    generated: Similarity
    threshold: float
    share: float
    real_share: float


class Scales(NamedTuple):
    """sigma: of the Gaussian window in pixels; window: its side; weights: one β a scale."""

    sigma: float
    window: int
    weights: tuple[float, ...]


def scales_for(side: int) -> Scales:
    """The window and scales that fit images whose shorter side is `side` pixels.

    From 176 px on, those of the paper: σ 1.5, five scales, and 11 px of window fit the fifth.
    Below, σ 0.8 with 7 px, and as many scales as keep 7 px, at most three: 2 at 16 px, 3 from
    28 px. Below 7 px the window is cut to the largest odd side that fits. The weights are the
    paper's first ones, made to sum to 1. So values compare only between images of one size.

    Raises:
        ValueError: a side below 1.
    """
    if side < 1:
        raise ValueError(f"side is {side}; give at least 1 pixel")
    sigma, most = (1.5, 5) if side >= 176 else (0.8, 3)
    window = min(_window(sigma), side - (side + 1) % 2)
    count = max(m for m in range(1, most + 1) if m == 1 or side >> (m - 1) >= window)
    total = sum(WEIGHTS[:count])
    return Scales(sigma, window, tuple(weight / total for weight in WEIGHTS[:count]))


def ssim(first: Tensor, second: Tensor, sigma: float = 1.5) -> Tensor:
    """Single-scale SSIM of n pairs of images.

    The window has σ = `sigma` and reaches 3.5 σ, or as far as the images let it; only places
    where all of it fits count, as in the paper. Colours are averaged.

    Arguments:
        first, second: (n, C, H, W), uint8 or float in [-1, 1].
        sigma: in pixels, above 0.

    Returns:
        float64 (n,) in [-1, 1].

    Raises:
        ValueError: images of another kind, two shapes, a sigma that is not above 0.
    """
    _check_pair(first, second)
    if not sigma > 0:
        raise ValueError(f"sigma is {sigma}; give a width in pixels above 0, such as 1.5")
    side = min(first.shape[-2:])
    window = min(_window(sigma), side - (side + 1) % 2)
    return _terms(_unit(first), _unit(second), sigma, window)[0]


def ms_ssim(first: Tensor, second: Tensor) -> Tensor:
    """Multi-scale SSIM of n pairs, with the window and scales of `scales_for`.

    A scale with a negative term counts as 0, and with it the pair, for a negative number has no
    broken power: images that are not just different but opposed.

    Arguments:
        first, second: (n, C, H, W), uint8 or float in [-1, 1].

    Returns:
        float64 (n,) in [0, 1].

    Raises:
        ValueError: images of another kind, two shapes.
    """
    _check_pair(first, second)
    sigma, window, weights = scales_for(min(first.shape[-2:]))
    x, y = _unit(first), _unit(second)
    score = torch.ones(len(x), dtype=torch.float64, device=x.device)
    for scale, weight in enumerate(weights):
        if scale:
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
        whole, contrast = _terms(x, y, sigma, window)
        last = scale == len(weights) - 1
        score *= (whole if last else contrast).clamp(min=0) ** weight
    return score


def class_similarity(
    images: Tensor,
    labels: Tensor,
    num_classes: int,
    *,
    pairs: int = 100,
    seed: int = 0,
    measure: Measure = ms_ssim,
) -> Similarity:
    """Mean similarity of random pairs of different images of one class, for each class.

    Arguments:
        images: uint8 or float in [-1, 1], (n, C, H, W).
        labels: int64 (n,), in [0, num_classes).
        num_classes: K.
        pairs: a class, drawn with replacement; at least 2.
        seed: of the pairs.
        measure: two stacks of images -> similarities (n,); `ms_ssim` or `ssim`.

    Raises:
        ValueError: images or labels of another kind; fewer than 2 pairs.
    """
    check_images(images)
    check_labels(labels, len(images), num_classes)
    if pairs < 2:
        raise ValueError(f"pairs is {pairs}; give at least 2, such as 100, for a standard error")
    draw = torch.Generator().manual_seed(seed)
    answers = torch.full((3, num_classes), math.nan, dtype=torch.float64)
    for k in range(num_classes):
        members = torch.nonzero(labels.to(images.device) == k).flatten()
        if len(members) > 1:
            scores = _scores(images, members, pairs, draw, measure)
            spread = scores.std() / math.sqrt(pairs)
            answers[:, k] = torch.stack([scores.mean(), spread, (scores == 0).double().mean()])
    return Similarity(*answers)


def diversity(
    images: Tensor,
    labels: Tensor,
    real_images: Tensor,
    real_labels: Tensor,
    num_classes: int,
    *,
    pairs: int = 100,
    seed: int = 0,
    measure: Measure = ms_ssim,
) -> Diversity:
    """The share of generated classes below the least varied real class, beside real images.

    One random half of the real images of each class gives the threshold, the other half is
    measured as if it were generated. Arguments as for `class_similarity`.

    Raises:
        ValueError: as `class_similarity`, and a class with fewer than 4 real images.
    """
    check_images(real_images, "real_images")
    check_labels(real_labels, len(real_images), num_classes)
    check_images(images)
    check_same_range(images, real_images)
    counts = torch.bincount(real_labels.cpu(), minlength=num_classes)
    if int(counts.min()) < 4:
        raise ValueError(
            f"class {int(counts.argmin())} has {int(counts.min())} real images; "
            "give each class at least 4, two for either half"
        )
    half = torch.zeros(len(real_labels), dtype=torch.bool, device=real_labels.device)
    half[take(real_labels, counts // 2, seed).to(half.device)] = True
    generated, one, other = (
        class_similarity(x, y, num_classes, pairs=pairs, seed=seed, measure=measure)
        for x, y in (
            (images, labels),
            (real_images[half], real_labels[half]),
            (real_images[~half], real_labels[~half]),
        )
    )
    threshold = float(one.mean.max())
    return Diversity(
        generated=generated,
        threshold=threshold,
        share=float((generated.mean < threshold).double().mean()),
        real_share=float((other.mean < threshold).double().mean()),
    )


def _scores(
    images: Tensor, members: Tensor, pairs: int, draw: torch.Generator, measure: Measure
) -> Tensor:
    """float64 (pairs,): similarities of random pairs of two different members."""
    n = len(members)
    one = torch.randint(n, (pairs,), generator=draw)
    other = (one + torch.randint(1, n, (pairs,), generator=draw)) % n
    first, second = members[one.to(members.device)], members[other.to(members.device)]
    parts = zip(first.split(_BATCH), second.split(_BATCH), strict=True)
    return torch.cat([measure(images[a], images[b]).double().cpu() for a, b in parts])


def _terms(x: Tensor, y: Tensor, sigma: float, window: int) -> tuple[Tensor, Tensor]:
    """Mean of l · cs and mean of cs, float64 (n,) each, of pixels in [0, 1]."""
    # The window is a product of a row and a column, so blurring is a matrix on either side.
    down, across = (_blur(side, sigma, window).to(x.device) for side in x.shape[-2:])

    def blurred(maps: Tensor) -> Tensor:
        return down @ maps @ across.T

    mean_x, mean_y = blurred(x), blurred(y)
    variances = blurred(x * x + y * y) - mean_x**2 - mean_y**2
    covariance = blurred(x * y) - mean_x * mean_y
    contrast = (2 * covariance + C2) / (variances.clamp(min=0) + C2)
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return (luminance * contrast).mean((1, 2, 3)), contrast.mean((1, 2, 3))


def _blur(side: int, sigma: float, window: int) -> Tensor:
    """float64 (side − window + 1, side): each row a Gaussian, one pixel further on."""
    taps = torch.arange(window, dtype=torch.float64) - (window - 1) / 2
    taps = torch.softmax(-(taps**2) / (2 * sigma**2), dim=0)
    rows = torch.zeros(side - window + 1, side, dtype=torch.float64)
    for row in range(len(rows)):
        rows[row, row : row + window] = taps
    return rows


def _window(sigma: float) -> int:
    return 2 * int(3.5 * sigma + 0.5) + 1


def _unit(images: Tensor) -> Tensor:
    """float64, pixels in [0, 1]."""
    return (as_double(as_float(images)) + 1) / 2


def _check_pair(first: Tensor, second: Tensor) -> None:
    check_images(first, "first")
    check_images(second, "second")
    if first.shape != second.shape:
        raise ValueError(
            f"first has shape {tuple(first.shape)} and second {tuple(second.shape)}; "
            "give pairs: as many images of one shape"
        )
