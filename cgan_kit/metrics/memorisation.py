"""Has it memorised? Three ways to ask, each with what an honest generator would answer.

- Nearest real images in pixels: is a training image nearer than a held-out one? (L1 distance,
  as in AC-GAN, Odena et al. 2017, section 4.5.) It finds plain copies and nothing else: a copy
  shifted by a pixel is far away. See `pixel_neighbours`.
- Held-out combinations, for rendered sets: does it ever show a size, place and style that no
  training image of the class had together? See `held_out_combinations`.
- Latent recovery: can it reproduce its training images better than held-out ones? (Webster et
  al. 2019, arXiv:1901.03396.) See `latent_recovery` and `compare_recovery`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from scipy.stats import ks_2samp
from torch import Tensor

from cgan_kit.metrics.checks import as_float, check_images, check_labels, check_same_range
from cgan_kit.metrics.discriminability import Share, wilson

if TYPE_CHECKING:
    from cgan_kit.data.oracle import Reading
    from cgan_kit.data.rendered import RenderedSet
    from cgan_kit.models.interfaces import Generator

_CHUNK = 2**23  # distances held at once: 32 MiB of float32
_RESAMPLES = 400


class PixelNeighbours(NamedTuple):
    """The nearest training and the nearest held-out image of each of n generated images.

    train_index, held_out_index: int64 (n,), where they stand.
    train_distance, held_out_distance: float32 (n,), mean absolute difference of pixels in
        [-1, 1], so from 0 to 2.
    train_share: share of the n whose training neighbour is the nearer one.
    expected: the same where the split does not matter to the images: N_t / (N_t + N_h), the
        training images' share of all. 1 is memorisation.
    """

    train_index: Tensor
    held_out_index: Tensor
    train_distance: Tensor
    held_out_distance: Tensor
    train_share: Share
    expected: float

    @property
    def ratio(self) -> Tensor:
        """float32 (n,): training over held-out distance; near 0 is a copy. 0 / 0 counts as 1.

        Only where both parts are of one size is it about 1 for images that are no copies.
        """
        ratio = self.train_distance / self.held_out_distance
        return ratio.masked_fill(ratio.isnan(), 1.0)


class HeldOut(NamedTuple):
    """How much of what counts was never shown in training.

    share: of the images that count, those of a combination that training lacked.
    perfect: the same for a generator that draws all combinations alike. 0 is memorisation.
    counting: how many images were recognisable and of the class asked for.
    """

    share: Share
    perfect: float
    counting: int


class Recovery(NamedTuple):
    """Training images recovered beside held-out ones.

    train_median, held_out_median: of the recovery errors.
    gap: (held-out − train) / held-out median: 0 for an honest generator, towards 1 for one
        that memorised. The paper's MRE-gap, with a sign.
    p_value: of the two-sided Kolmogorov-Smirnov test that both errors have one distribution.
    low, high: interval of 95 % around the gap, for other images of both kinds (bootstrap); NaN
        where the gap is.
    """

    train_median: float
    held_out_median: float
    gap: float
    p_value: float
    low: float
    high: float


def pixel_neighbours(images: Tensor, train: Tensor, held_out: Tensor) -> PixelNeighbours:
    """For each image the nearest training and the nearest held-out image, by L1 distance.

    A larger set has nearer neighbours, so the two distances of two set sizes do not compare.
    The share does: of all real images, the nearest is a training image with a probability of
    N_t / (N_t + N_h), if the split has left no trace. A tie counts as that probability.

    Arguments:
        images: generated, uint8 or float in [-1, 1], (n, C, H, W).
        train, held_out: real ones of the same shape, (N_t, C, H, W) and (N_h, C, H, W).

    Raises:
        ValueError: images of another kind, range or shape.
    """
    for given, name in ((images, "images"), (train, "train"), (held_out, "held_out")):
        check_images(given, name)
        if given.shape[1:] != images.shape[1:]:
            raise ValueError(
                f"{name} are {tuple(given.shape[1:])} but the images {tuple(images.shape[1:])}; "
                "give images of one shape"
            )
    check_same_range(images, train)
    train_distance, train_index = _nearest(images, train)
    held_distance, held_index = _nearest(images, held_out)
    expected = len(train) / (len(train) + len(held_out))
    ties = int((train_distance == held_distance).sum())
    hits = int((train_distance < held_distance).sum()) + expected * ties
    return PixelNeighbours(
        train_index,
        held_index,
        train_distance,
        held_distance,
        wilson(hits, len(images)),
        expected,
    )


def held_out_combinations(images: Tensor, labels: Tensor, train: RenderedSet) -> HeldOut:
    """Among recognisable images of the right class: the share that training never showed.

    "Never" is asked of class and combination of factors together, whatever kept an image out:
    `load(..., held_out_combinations=0.2)`, `split`, or imbalance. Blurred images may be read as
    any neighbour of what they were, so read the recognisable share first.

    Arguments:
        images: uint8 or float in [-1, 1], (n, C, H, W).
        labels: int64 (n,), the class asked for.
        train: what the generator learned from.

    Raises:
        ValueError: images or labels of another kind; a train set that shows every combination.
    """
    check_images(images)
    check_labels(labels, len(images), train.num_classes)
    return held_out_reading(train.oracle().read(images), labels, train)


def held_out_reading(reading: Reading, labels: Tensor, train: RenderedSet) -> HeldOut:
    """`held_out_combinations` for images that the oracle has read; same arguments otherwise."""
    seen = torch.zeros(len(train.grid.labels), dtype=torch.bool)
    seen[train.grid_index.cpu()] = True
    unseen = (~seen).view(train.num_classes, -1)
    if not unseen.any():
        raise ValueError(
            "train shows every combination; hold some out, such as with "
            "load('shapes', held_out_combinations=0.2), and train on that"
        )
    read, labels = reading.labels.cpu(), labels.cpu()
    combination = torch.zeros_like(read)
    for name, values in train.grid.factors.items():  # the last factor runs fastest
        combination = combination * (int(values.max()) + 1) + reading.factors[name].cpu()
    counting = reading.recognisable.cpu() & (read == labels)
    new = unseen[read, combination][counting]
    perfect = unseen.double().mean(dim=1)[labels[counting]].mean()
    return HeldOut(wilson(int(new.sum()), len(new)), float(perfect), len(new))


def latent_recovery(
    generator: Generator,
    images: Tensor,
    labels: Tensor,
    *,
    steps: int = 200,
    starts: int = 2,
    learning_rate: float = 0.1,
    batch_size: int = 256,
    seed: int = 0,
) -> Tensor:
    """How near the generator can come to each image: min over z of mean |G(z, y) − x|².

    Adam from `starts` draws of z; the best of all steps counts.
    (The paper uses L-BFGS. Adam treats every coordinate alone, so images searched together do
    not disturb each other.) z may leave the region that training drew it from.

    The search may fail where the generator could reach: measure its own samples first. Only if
    these are recovered well do the errors of real images speak of the generator.

    Arguments:
        generator: (z (n, Z), y (n,)) -> (n, C, H, W) in [-1, 1]; used in eval mode, left as it
            was.
        images: uint8 or float in [-1, 1], (n, C, H, W).
        labels: int64 (n,), each image's class.
        steps, starts: at least 1. Cost: steps · starts passes forward and back an image.
        learning_rate: Adam's, in units of z.
        batch_size: images at a time; the answer does not depend on it.
        seed: of the starts. Two sets of one length start from the same z.

    Returns:
        float32 (n,) on the CPU: mean squared errors of pixels in [-1, 1].

    Raises:
        ValueError: images or labels of another kind or shape; steps or starts below 1.
    """
    for name, count in (("steps", steps), ("starts", starts), ("batch_size", batch_size)):
        if count < 1:
            raise ValueError(f"{name} is {count}; give at least 1")
    check_images(images)
    check_labels(labels, len(images), generator.num_classes)
    if tuple(images.shape[1:]) != tuple(generator.sample_shape):
        raise ValueError(
            f"images are {tuple(images.shape[1:])} but the generator makes "
            f"{tuple(generator.sample_shape)}; give images of its shape"
        )
    device = next(iter(generator.parameters()), images).device
    draw = torch.Generator().manual_seed(seed)
    best = torch.full((len(images),), math.inf)
    was_training = generator.training
    generator.eval()
    try:
        for _ in range(starts):
            latents = torch.randn(len(images), generator.latent_dim, generator=draw)
            batches = zip(*(x.split(batch_size) for x in (images, labels, latents)), strict=True)
            errors = [
                _search(generator, as_float(x.to(device)), y.to(device), z, steps, learning_rate)
                for x, y, z in batches
            ]
            best = torch.minimum(best, torch.cat(errors).cpu())
    finally:
        generator.train(was_training)
    return best


def compare_recovery(train_errors: Tensor, held_out_errors: Tensor) -> Recovery:
    """Were training images recovered better than held-out ones? (Webster et al. 2019.)

    Arguments:
        train_errors, held_out_errors: (n,) and (m,), from `latent_recovery` with one protocol.

    Raises:
        ValueError: an empty or not one-dimensional set of errors, NaN or Inf.
    """
    for name, errors in (("train_errors", train_errors), ("held_out_errors", held_out_errors)):
        if errors.ndim != 1 or len(errors) == 0 or not torch.isfinite(errors).all():
            raise ValueError(
                f"{name} have shape {tuple(errors.shape)} and "
                f"{int((~torch.isfinite(errors)).sum())} that are not finite; give finite (n,)"
            )
    both = [errors.detach().cpu().double() for errors in (train_errors, held_out_errors)]
    train, held_out = (float(_medians(errors[None])) for errors in both)
    p_value = float(ks_2samp(*(errors.numpy() for errors in both)).pvalue)
    if held_out <= 0:
        return Recovery(train, held_out, math.nan, p_value, math.nan, math.nan)
    draw = torch.Generator().manual_seed(0)
    again, held_again = (
        _medians(e[torch.randint(len(e), (_RESAMPLES, len(e)), generator=draw)]) for e in both
    )
    edges = torch.tensor([0.025, 0.975], dtype=torch.float64)
    low, high = (1 - again / held_again).quantile(edges).tolist()
    return Recovery(train, held_out, (held_out - train) / held_out, p_value, low, high)


def _medians(rows: Tensor) -> Tensor:
    """(r,): the median of each row (r, n); between the middle two where n is even."""
    n, ordered = rows.shape[1], rows.sort(dim=1).values
    return (ordered[:, (n - 1) // 2] + ordered[:, n // 2]) / 2


def _search(
    generator: Generator,
    images: Tensor,
    labels: Tensor,
    latents: Tensor,
    steps: int,
    learning_rate: float,
) -> Tensor:
    """float32 (n,): the smallest error of each image along one search from `latents`."""
    z = latents.to(images.device).requires_grad_()
    adam = torch.optim.Adam([z], learning_rate)
    best = torch.full((len(images),), math.inf, device=images.device)
    with torch.enable_grad():
        for _ in range(steps):
            errors = (generator(z, labels) - images).square().flatten(1).mean(dim=1)
            best = torch.minimum(best, errors.detach())
            # The gradient of z alone: the generator's own gradients stay as they were.
            (z.grad,) = torch.autograd.grad(errors.sum(), z)
            adam.step()
    return best


def _nearest(images: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Mean absolute difference float32 (n,) and index int64 (n,) of the nearest reference."""
    pixels = as_float(reference).flatten(1)
    parts = [
        torch.cdist(as_float(part.to(pixels.device)).flatten(1), pixels, p=1).min(dim=1)
        for part in images.split(max(1, _CHUNK // len(pixels)))
    ]
    distance = torch.cat([part.values for part in parts]) / pixels.shape[1]
    return distance, torch.cat([part.indices for part in parts])
