"""Which part is missing? Count modes where they are known: Gaussians, and stacked shapes.

Stacking three grey images of 10 classes as the colours of one gives 1,000 modes (Metz et al.
2017, section 3.3; as "stacked MNIST"). Each sample is put into a mode. Then, of K equally
likely modes,

    modes hit   how many were seen at least once; perfect samples reach Σ_k 1 − (1 − p_k)^n
    KL          Σ_k q_k log(K q_k) of the histogram q, in nats; of n perfect samples about
                (K − 1) / 2n, never 0

`ModeCount` holds each beside what as many perfect samples reach.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import torch
from scipy.special import xlogy
from scipy.stats import binom
from torch import Tensor

from cgan_kit.metrics.checks import check_images

if TYPE_CHECKING:
    from cgan_kit.data.gaussians import Gaussians
    from cgan_kit.data.imageset import ImageSet
    from cgan_kit.data.oracle import Oracle

Read = Callable[[Tensor], Tensor]


class ModeCount(NamedTuple):
    """The modes that n samples show, each number beside that of n perfect samples.

    counts: int64 (K,), samples of good quality in each mode; the rest of the n are in none.
    quality, perfect_quality: share of the n that are of good quality.
    hit, perfect_hit: modes with at least one sample; the expected number for perfect ones.
    kl, perfect_kl: of the histogram against equal modes, in nats; NaN when no sample is good.
    kl_spread: standard deviation of KL over sets of perfect samples, sqrt((K − 1)/2) / n, for n
        well above K. More than two of them above `perfect_kl` is no chance.
    """

    counts: Tensor
    quality: float
    perfect_quality: float
    hit: int
    perfect_hit: float
    kl: float
    perfect_kl: float
    kl_spread: float


def gaussian_modes(points: Tensor, data: Gaussians, within: float = 3.0) -> ModeCount:
    """Modes of a mixture of Gaussians: all components of all classes, whatever was asked for.

    A point belongs to the nearest centre, and is good within `within` standard deviations of
    it; of perfect points 1 − exp(−within²/2) are, 0.989 at 3, and more where modes overlap.
    Where they overlap, the modes at the rim are a little fuller than the others; for three a
    distance of two standard deviations apart that is 0.001 of the share.

    Arguments:
        points: float (n, 2).
        data: the mixture.
        within: in standard deviations, above 0.

    Returns:
        `counts` runs over class and mode, mode fastest: K · M of them.

    Raises:
        ValueError: points that are not finite floats (n, 2); `within` not above 0.
    """
    if points.ndim != 2 or points.shape[1] != 2 or not points.is_floating_point():
        raise ValueError(
            f"points have shape {tuple(points.shape)} and dtype {points.dtype}; give floats (n, 2)"
        )
    if len(points) == 0 or not torch.isfinite(points).all():
        bad = int((~torch.isfinite(points)).any(dim=1).sum())
        raise ValueError(f"points hold NaN or Inf in {bad} of {len(points)} rows; give finite ones")
    if not within > 0:
        raise ValueError(f"within is {within}; give a number of standard deviations, such as 3.0")
    centres = data.centres.double().cpu().flatten(0, 1)
    # Differences, not products: far from the origin these would lose all digits.
    exactly = "donot_use_mm_for_euclid_dist"
    apart = torch.cdist(points.detach().cpu().double(), centres, compute_mode=exactly)
    distance, mode = apart.min(dim=1)
    mode[distance > within * data.standard_deviation] = -1
    return count_modes(mode, len(centres), perfect_quality=-math.expm1(-(within**2) / 2))


def stacked(data: ImageSet, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """n random triples of grey images, as the three colours of one: K³ modes.

    Arguments:
        data: grey images of K classes; each image is as likely as any other.
        n: how many, at least 1.
        seed: of the draw.

    Returns:
        images uint8 (n, 3, H, W); labels int64 (n,): K²·red + K·green + blue.

    Raises:
        ValueError: images that are not grey; n below 1.
    """
    if data.sample_shape[0] != 1:
        raise ValueError(
            f"data has images of {data.sample_shape[0]} channels; give grey ones, such as "
            "load('shapes', channels=1)"
        )
    if n < 1:
        raise ValueError(f"n is {n}; give at least 1")
    draw = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(data), (n, 3), generator=draw).to(data.device)
    red, green, blue = data.labels[chosen].unbind(dim=1)
    k = data.num_classes
    return data.images[chosen].squeeze(2), (red * k + green) * k + blue


def stacked_modes(images: Tensor, read: Read, num_classes: int = 10) -> ModeCount:
    """Modes of stacked images: `read` says the class of each colour alone.

    One misread image is enough to hit a mode that is not there: a classifier with 1 % of errors
    finds about 30 modes in 26,000 samples of one. So prefer the oracle (`oracle_reader`), and
    read KL beside the hits.

    Arguments:
        images: uint8 or float in [-1, 1], (n, 3, H, W).
        read: grey images (n, 1, H, W) -> classes int64 (n,), −1 for none: `oracle_reader(...)`
            or `classifier.predict`.
        num_classes: K of one colour, each equally likely; there are K³ modes.

    Raises:
        ValueError: images that do not have three channels, or of another kind; classes from
            `read` out of range.
    """
    check_images(images)
    if images.shape[1] != 3:
        raise ValueError(
            f"images have {images.shape[1]} channels; give three, such as `stacked` makes"
        )
    colours = [read(images[:, channel : channel + 1]).cpu() for channel in range(3)]
    red, green, blue = colours
    mode = (red * num_classes + green) * num_classes + blue
    mode[torch.stack(colours).amin(dim=0) < 0] = -1
    if int(torch.stack(colours).amax()) >= num_classes:
        raise ValueError(
            f"read answers class {int(torch.stack(colours).amax())} but num_classes is "
            f"{num_classes}; give the number of classes of one colour"
        )
    return count_modes(mode, num_classes**3)


def oracle_reader(oracle: Oracle) -> Read:
    """The oracle's class of grey images, −1 where nothing is recognisable: for `stacked_modes`."""

    def read(images: Tensor) -> Tensor:
        reading = oracle.read(images)
        return torch.where(reading.recognisable, reading.labels, -1)

    return read


def count_modes(mode: Tensor, num_modes: int, perfect_quality: float = 1.0) -> ModeCount:
    """`ModeCount` of samples whose modes are known.

    Arguments:
        mode: int64 (n,), in [0, num_modes), or −1 for a sample of no mode; n at least 1.
        num_modes: K, all equally likely.
        perfect_quality: share of perfect samples that are in a mode.

    Raises:
        ValueError: no sample, another dtype, a mode out of range.
    """
    if mode.dtype != torch.int64 or mode.ndim != 1 or len(mode) == 0:
        raise ValueError(
            f"mode has dtype {mode.dtype} and shape {tuple(mode.shape)}; give int64 (n,), n >= 1"
        )
    if int(mode.min()) < -1 or int(mode.max()) >= num_modes:
        raise ValueError(
            f"mode runs from {int(mode.min())} to {int(mode.max())}; "
            f"give numbers in [0, {num_modes - 1}], or −1 for none"
        )
    n = len(mode)
    counts = torch.bincount(mode[mode >= 0].cpu(), minlength=num_modes)
    good = int(counts.sum())
    q = counts.double() / good if good else torch.full((num_modes,), math.nan)
    return ModeCount(
        counts=counts,
        quality=good / n,
        perfect_quality=perfect_quality,
        hit=int((counts > 0).sum()),
        perfect_hit=num_modes * (1 - (1 - perfect_quality / num_modes) ** n),
        kl=float(torch.xlogy(q, q * num_modes).sum()),
        perfect_kl=expected_kl(good, num_modes) if good else math.nan,
        kl_spread=math.sqrt((num_modes - 1) / 2) / good if good else math.nan,
    )


def expected_kl(n: int, num_modes: int) -> float:
    """Mean KL of the histogram of n samples of K equally likely modes against equal modes.

    Exact: K · E[(X/n) log(K X/n)] with X binomial of n and 1/K. About (K − 1) / 2n for n well
    above K, less for fewer, as log K bounds it.

    Raises:
        ValueError: n or num_modes below 1.
    """
    if n < 1 or num_modes < 1:
        raise ValueError(f"n is {n} and num_modes is {num_modes}; give at least 1 of each")
    x = torch.arange(n + 1, dtype=torch.float64).numpy() / n
    chance = binom.pmf(range(n + 1), n, 1 / num_modes)
    return float(num_modes * (chance * xlogy(x, x * num_modes)).sum())
