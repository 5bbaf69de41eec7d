"""Known damage: what a metric should notice is done to real images on purpose.

Each function changes one thing and leaves all others: which images there are, how sharp they are,
or what they are called. Strength zero returns the input. The draw depends on the seed alone, and
what a little damages, more of it damages too, so that a slider does not jump.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cgan_kit.data.imageset import to_float, to_uint8
from cgan_kit.metrics.checks import check_images, check_labels


def keep_modes(images: Tensor, labels: Tensor, modes: int, seed: int = 0) -> Tensor:
    """Only so many different images of each class are left, each shown about equally often.

    What mode collapse does: every image is sharp and of its class, but there are few.

    Arguments:
        images: uint8 (n, C, H, W).
        labels: int64 (n,).
        modes: at least 1; a class with no more images than that stays as it is.
        seed: of the choice.

    Returns:
        uint8 (n, C, H, W), image by image of the same labels.

    Raises:
        ValueError: images or labels of another kind; modes below 1.
    """
    _check(images, labels)
    if modes < 1:
        raise ValueError(f"modes is {modes}; keep at least 1 image of each class")
    damaged = images.clone()
    for members in _shuffled_classes(labels, seed):
        kept, others = members[:modes], members[modes:]
        damaged[others] = images[kept[torch.arange(len(others)) % len(kept)]]
    return damaged


def duplicate(images: Tensor, labels: Tensor, share: float, seed: int = 0) -> Tensor:
    """A share of each class is replaced by copies of its other images, drawn at random.

    Arguments:
        images, labels: as for `keep_modes`.
        share: in [0, 1]; of each class at least one image stays.
        seed: of the choice.

    Raises:
        ValueError: images or labels of another kind; a share outside [0, 1].
    """
    _check(images, labels)
    _check_share(share)
    draw = torch.Generator().manual_seed(seed)
    damaged = images.clone()
    for members in _shuffled_classes(labels, seed):
        copies = min(round(share * len(members)), len(members) - 1)
        kept = members[copies:]
        # Drawn for every member, so that a larger share draws the same ones first.
        places = (torch.rand(len(members), generator=draw)[:copies] * len(kept)).long()
        damaged[members[:copies]] = images[kept[places]]
    return damaged


def blur(images: Tensor, sigma: float) -> Tensor:
    """Every image under a Gaussian window; pixels at the edge repeat outwards.

    Arguments:
        images: uint8 (n, C, H, W).
        sigma: standard deviation of the window, in pixels, at least 0.

    Raises:
        ValueError: images of another kind; a sigma below 0 or as large as the images.
    """
    _check_uint8(images)
    side = min(images.shape[-2:])
    if not 0 <= sigma < side:
        raise ValueError(f"sigma is {sigma}; give pixels from 0 to below the side, {side}")
    if sigma == 0:
        return images
    reach = int(4 * sigma + 0.5)
    taps = torch.arange(-reach, reach + 1, device=images.device, dtype=torch.float32)
    window = torch.softmax(-taps.square() / (2 * sigma**2), dim=0)
    n, channels, height, width = images.shape
    planes = F.pad(to_float(images).view(-1, 1, height, width), (reach,) * 4, mode="replicate")
    planes = F.conv2d(F.conv2d(planes, window.view(1, 1, 1, -1)), window.view(1, 1, -1, 1))
    return to_uint8(planes.view(n, channels, height, width))


def mix_labels(labels: Tensor, share: float, seed: int = 0) -> Tensor:
    """The labels of a share of the images, dealt out among these images anew.

    Every class keeps its number of labels. Chance gives some images their own label back: with
    K even classes, one of K.

    Arguments:
        labels: int64 (n,).
        share: in [0, 1].
        seed: of the choice and of the dealing.

    Returns:
        int64 (n,).

    Raises:
        ValueError: a share outside [0, 1].
    """
    _check_share(share)
    draw = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(labels), generator=draw).to(labels.device)
    chosen = order[: round(share * len(labels))]
    mixed = labels.clone()
    dealt = torch.randperm(len(chosen), generator=draw).to(labels.device)
    mixed[chosen] = labels[chosen[dealt]]
    return mixed


def _shuffled_classes(labels: Tensor, seed: int) -> list[Tensor]:
    """The indices of each class, int64, in an order that the seed gives."""
    draw = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(labels), generator=draw).to(labels.device)
    return [order[labels[order] == k] for k in labels.unique()]


def _check(images: Tensor, labels: Tensor) -> None:
    _check_uint8(images)
    check_labels(labels, len(images), max(1, int(labels.max()) + 1))


def _check_uint8(images: Tensor) -> None:
    check_images(images)
    if images.dtype != torch.uint8:
        raise ValueError(
            f"images have dtype {images.dtype}; give uint8 in [0, 255], "
            "or convert floats in [-1, 1] with cgan_kit.data.to_uint8(images)"
        )


def _check_share(share: float) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; give a part from 0 to 1, such as 0.3")
