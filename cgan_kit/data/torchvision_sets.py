"""MNIST and its relatives, CIFAR-10 and CIFAR-100, downloaded and checked by torchvision."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision import datasets

from cgan_kit.data.imageset import ImageSet
from cgan_kit.data.places import ENVIRONMENT_VARIABLE, data_root
from cgan_kit.data.resize import check_size, resize

SIZES = (8, 16, 32, 64)
NATIVE_SIZE = 32
SPLITS = ("train", "test")
OFFLINE = "digits, shapes, glyphs, gaussians and folder:PATH"

# What torchvision lets through when a download fails: URLError and timeouts are OSErrors,
# RuntimeError is its own (all mirrors failed, wrong checksum), the rest are broken transfers.
_DOWNLOAD_ERRORS = (OSError, RuntimeError, HTTPException, EOFError, zipfile.BadZipFile)


class _Raw(NamedTuple):
    """images uint8 (N, C, H, W), labels int64 (N,), K class names."""

    images: Tensor
    labels: Tensor
    class_names: list[str]


class _Source(NamedTuple):
    """torchvision's class, what it is called with, and how its data become ours."""

    dataset: str
    arguments: dict[str, Any]
    convert: Callable[[Any], _Raw]


def _digits(dataset: Any) -> _Raw:
    # torchvision calls the classes "0 - zero"; the kit's own digits are "0".
    return _Raw(dataset.data[:, None], dataset.targets, [str(digit) for digit in range(10)])


def _grey(dataset: Any) -> _Raw:
    return _Raw(dataset.data[:, None], dataset.targets, list(dataset.classes))


def _letters(dataset: Any) -> _Raw:
    # EMNIST's files hold the images transposed and count the letters from 1; torchvision
    # passes both on, with a class "N/A" in place 0.
    upright = dataset.data.transpose(1, 2).contiguous()
    return _Raw(upright[:, None], dataset.targets - 1, list(dataset.classes[1:]))


def _colour(dataset: Any) -> _Raw:
    images = torch.from_numpy(dataset.data).permute(0, 3, 1, 2).contiguous()
    return _Raw(images, torch.tensor(dataset.targets), list(dataset.classes))


_SOURCES = {
    "mnist": _Source("MNIST", {}, _digits),
    "fashion-mnist": _Source("FashionMNIST", {}, _grey),
    "kmnist": _Source("KMNIST", {}, _grey),
    "emnist-letters": _Source("EMNIST", {"split": "letters"}, _letters),
    "cifar10": _Source("CIFAR10", {}, _colour),
    "cifar100": _Source("CIFAR100", {}, _colour),
}
NAMES = tuple(_SOURCES)


def load(
    name: str,
    *,
    size: int = NATIVE_SIZE,
    split: str = "train",
    root: str | os.PathLike[str] | None = None,
) -> ImageSet:
    """One of torchvision's sets, downloaded on first use: uint8 (N, C, size, size).

    Grey images of 28 px get a dark border of 2 px; other sizes than 32 are then resized,
    bicubic and antialiased. `root` says where files lie, not what the set is, so it is not
    among the set's `options`.

    Arguments:
        name: one of `NAMES`.
        size: side in pixels, one of 8, 16, 32, 64.
        split: "train" or "test", as the set's authors divided it.
        root: where the files lie or go; see `cgan_kit.data.places.data_root`.

    Raises:
        ValueError: a bad option.
        RuntimeError: a download that failed, or files that cannot be read.
        PermissionError: the files are not there and may not be written.
    """
    size = check_size(name, size, SIZES)
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; choose 'train' or 'test'")
    source = _SOURCES[name]
    images, labels, class_names = source.convert(_open(name, source, split, data_root(root)))
    if images.shape[1] == 1:
        border = (NATIVE_SIZE - images.shape[-1]) // 2
        images = F.pad(images, (border,) * 4)
    return ImageSet(
        resize(images, size),
        labels.long(),
        class_names,
        name=name,
        options={"size": size, "split": split},
    )


def _open(name: str, source: _Source, split: str, root: Path) -> Any:
    """torchvision's data set, taken from `root` or downloaded to it."""
    make = getattr(datasets, source.dataset)
    arguments = {**source.arguments, "train": split == "train"}
    try:
        # Without download first: some versions print a line when they find everything there.
        return make(str(root), **arguments)
    except (RuntimeError, ValueError, EOFError, AssertionError, OSError) as error:
        # torchvision says so in every message that means: not there, or not whole.
        if "download=True" in str(error):
            return _download(name, make, arguments, root)
        raise RuntimeError(
            f"{name} lies in {root} but cannot be read ({_brief(error)}), perhaps after an "
            f"interrupted download; remove {root / source.dataset} and load it again"
        ) from error


def _download(name: str, make: Callable[..., Any], arguments: dict[str, Any], root: Path) -> Any:
    try:
        return make(str(root), **arguments, download=True)
    except PermissionError as error:
        raise PermissionError(
            f"{name} cannot be written to {root} ({_brief(error)}); pass root= or set "
            f"{ENVIRONMENT_VARIABLE} to a folder you may write to"
        ) from error
    except _DOWNLOAD_ERRORS as error:
        raise RuntimeError(
            f"{name} is not in {root} and could not be downloaded ({_brief(error)}). Check the "
            "network and load it again, or copy the files there. "
            f"Without a network these work: {OFFLINE}"
        ) from error


def _brief(error: BaseException) -> str:
    """The last line of what went wrong: torchvision's lists every mirror it tried."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1]}" if lines else type(error).__name__
