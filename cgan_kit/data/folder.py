"""Your own images: a folder with one sub-folder a class, decoded once, cached as uint8."""

from __future__ import annotations

import hashlib
import operator
import os
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cgan_kit.checks import check_flags
from cgan_kit.data import cache
from cgan_kit.data.decode import decode_all
from cgan_kit.data.imageset import ImageSet
from cgan_kit.data.listing import READ, Listing, list_images
from cgan_kit.data.places import data_root

SMALLEST, LARGEST = 8, 512
SPLIT_NAMES = {"train", "training", "val", "valid", "validation", "test", "testing"}
NAMED_AT_MOST = 5
# Part of every key: raise it when decoding changes, and old caches are made anew.
DECODER_VERSION = "2"


def load(
    path: str,
    *,
    size: int = 32,
    channels: int = 3,
    skip_unreadable: bool = False,
    root: str | os.PathLike[str] | None = None,
) -> ImageSet:
    """The images under `path`, as `torchvision.datasets.ImageFolder` finds them.

    Each sub-folder is a class, in alphabetical order; images may lie deeper inside. Unlike in
    ImageFolder, names that begin with a dot and `__MACOSX` are skipped, and GIF (its first
    frame) and AVIF are read. A warning counts the images of other kinds and those beside the
    class folders. The short side is resized to `size`, the centre cropped.

    The first load decodes on every core and keeps the pixels in `cache/` under the data root;
    the next ones read that file, until a name, size or time of modification in the folder
    changes.

    Arguments:
        path: the folder; `~` is the home folder.
        size: side in pixels, in [8, 512].
        channels: 3 for RGB, 1 for grey.
        skip_unreadable: leave damaged files out, with a warning, instead of refusing.
        root: where `cache/` lies; see `cgan_kit.data.places.data_root`.

    Returns:
        images uint8 (N, channels, size, size), class by class, in the order of their names.

    Raises:
        FileNotFoundError, NotADirectoryError: `path` is no folder.
        ValueError: fewer than two classes, an empty class, an unreadable file, a link to a folder
            that holds it, a bad option.
    """
    size = _check_options(size, channels)
    check_flags(skip_unreadable=skip_unreadable)
    folder = _check_folder(path)
    found = list_images(folder)
    _check_classes(folder, found)
    _warn_of_left_out(folder, found)
    paths = found.paths
    options = {"size": size, "channels": channels, "skip_unreadable": skip_unreadable}
    key = _key(folder, paths, options)
    place = data_root(root) / "cache" / f"folder-{_digest(str(folder), repr(options))}.safetensors"

    kept = cache.read(place, key)
    if kept is None:
        kept = _decode(folder, paths, size, channels, skip_unreadable)
        _keep(place, key, kept)
    labels = torch.tensor(found.targets)[kept["indices"]]
    _check_left_out(folder, found.classes, labels, len(paths))
    return ImageSet(kept["images"], labels, found.classes, name=f"folder:{path}", options=options)


def _decode(
    folder: Path, paths: Sequence[str], size: int, channels: int, skip_unreadable: bool
) -> dict[str, Tensor]:
    """images uint8 (n, C, size, size) and which of the paths they are, int64 (n,)."""
    images, unreadable = decode_all(paths, size, channels)
    if not unreadable:
        return {"images": images, "indices": torch.arange(len(paths))}
    if not skip_unreadable:
        listed = [
            f"{os.path.relpath(paths[index], folder)} ({reason})"
            for index, reason in list(unreadable.items())[:NAMED_AT_MOST]
        ]
        if len(unreadable) > NAMED_AT_MOST:
            listed.append(f"and {len(unreadable) - NAMED_AT_MOST} more")
        raise ValueError(
            f"{folder} has {len(unreadable)} of {len(paths)} files that cannot be read: "
            f"{'; '.join(listed)}. Replace or remove them, "
            "or pass skip_unreadable=True (on the command line: --option skip_unreadable=True) "
            "to leave them out"
        )
    indices = torch.tensor([i for i in range(len(paths)) if i not in unreadable], dtype=torch.int64)
    return {"images": images[indices], "indices": indices}


def _keep(place: Path, key: str, tensors: dict[str, Tensor]) -> None:
    try:
        cache.write(place, key, tensors)
    except OSError as error:
        warnings.warn(
            f"the decoded images could not be kept in {place.parent} ({error}), so the next load "
            "decodes them again; free that place or pass root= with a folder you may write to",
            RuntimeWarning,
            stacklevel=4,
        )


def _key(folder: Path, paths: Sequence[str], options: dict[str, Any]) -> str:
    lines = [DECODER_VERSION, repr(options)]
    for path in paths:
        try:
            stat = os.stat(path)
            lines.append(f"{os.path.relpath(path, folder)}\0{stat.st_size}\0{stat.st_mtime_ns}")
        except OSError:
            lines.append(f"{path}\0unreadable")
    return _digest(*lines)


def _digest(*lines: str) -> str:
    text = "\n".join(lines)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:32]


def _check_options(size: Any, channels: Any) -> int:
    try:
        side = operator.index(size)
    except TypeError:
        side = 0
    if not SMALLEST <= side <= LARGEST:
        raise ValueError(f"size is {size!r}; give whole pixels from {SMALLEST} to {LARGEST}")
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels!r}; give 1 for grey or 3 for RGB")
    return side


def _check_folder(path: str) -> Path:
    if not path.strip():
        raise ValueError("folder: names no folder; write folder:PATH, such as folder:~/pictures")
    folder = Path(path).expanduser().resolve()
    if not folder.exists():
        raise FileNotFoundError(f"there is no folder {folder}; check the path after 'folder:'")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; give the folder that holds the classes")
    return folder


def _check_classes(folder: Path, found: Listing) -> None:
    if not found.classes:
        raise ValueError(
            f"{folder} has no sub-folders; put the images of each class into a sub-folder named "
            "after it, such as cats/1.jpg and dogs/1.jpg (names with a dot in front are skipped)"
        )
    if len(found.classes) < 2:
        raise ValueError(
            f"{folder} has one class, {found.classes[0]!r}; a class-conditional GAN needs at "
            "least 2 sub-folders. Give the folder right above the classes"
        )
    counts = Counter(found.targets)
    empty = [name for k, name in enumerate(found.classes) if not counts[k]]
    if empty:
        raise ValueError(
            f"{folder} has {len(empty)} of {len(found.classes)} classes without an image: "
            f"{', '.join(empty[:NAMED_AT_MOST])}. Add images ({' '.join(READ)}) or "
            "remove the sub-folder"
        )
    if {name.lower() for name in found.classes} <= SPLIT_NAMES:
        warnings.warn(
            f"{folder} is read with the classes {', '.join(found.classes)}, which look like "
            f"splits; if the classes lie inside, load folder:{folder / found.classes[-1]}",
            stacklevel=4,
        )


def _warn_of_left_out(folder: Path, found: Listing) -> None:
    parts = [f"{count} {ending}" for ending, count in found.not_read.items()]
    if found.beside:
        images = "1 image" if found.beside == 1 else f"{found.beside} images"
        parts.append(f"{images} beside the class folders")
    if parts:
        warnings.warn(
            f"left out {' and '.join(parts)} of {folder}; to have them in the set, save them as "
            ".png or .jpg inside the sub-folder of their class",
            stacklevel=4,
        )


def _check_left_out(folder: Path, names: Sequence[str], labels: Tensor, files: int) -> None:
    counts = torch.bincount(labels, minlength=len(names))
    if 0 in counts:
        empty = [name for name, count in zip(names, counts.tolist(), strict=True) if not count]
        raise ValueError(
            f"{folder} has no readable image in {', '.join(empty[:NAMED_AT_MOST])}; "
            "add some or remove the sub-folder"
        )
    if len(labels) < files:
        warnings.warn(
            f"left out {files - len(labels)} of {files} files under {folder} "
            "that cannot be read (skip_unreadable=True)",
            stacklevel=4,
        )
