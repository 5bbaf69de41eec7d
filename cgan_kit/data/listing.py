"""Which files of a folder are images, and of which class; what is left out is counted."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

# Those of torchvision's ImageFolder, other names of JPEG, and what Pillow reads on its own.
READ = (
    *(".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"),
    *(".jfif", ".jpe", ".gif", ".avif"),
)
NOT_READ = (
    *(".heic", ".heif", ".jxl", ".jp2", ".tga", ".psd", ".svg", ".ico", ".pbm", ".pnm"),
    *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".raw"),
)


class Listing(NamedTuple):
    """What lies in a folder with one sub-folder a class.

    classes: names of the sub-folders, in alphabetical order.
    paths, targets: each image that is read, and its index into `classes`.
    not_read: ending -> number of images with it that lie in a class but are not read.
    beside: number of images that lie beside the class folders.
    """

    classes: list[str]
    paths: list[str]
    targets: list[int]
    not_read: dict[str, int]
    beside: int


def list_images(folder: Path) -> Listing:
    """The images under `folder`, in the order of torchvision's ImageFolder.

    Images may lie deeper inside a class. Names that begin with a dot and `__MACOSX`, which
    programs leave behind, are no part of the set, wherever they lie.

    Raises:
        ValueError: a link to a folder that holds the link.
        OSError: a sub-folder that may not be opened.
    """
    inner, names = _entries(str(folder))
    classes, above = sorted(inner), (folder.resolve(),)
    paths, targets, not_read = [], [], Counter[str]()
    for target, name in enumerate(classes):
        for place, file in sorted(_files(os.path.join(folder, name), above)):
            if _ending(file) in READ:
                paths.append(os.path.join(place, file))
                targets.append(target)
            elif _ending(file) in NOT_READ:
                not_read[_ending(file)] += 1
    beside = sum(_ending(name) in READ + NOT_READ for name in names)
    return Listing(classes, paths, targets, dict(not_read.most_common()), beside)


def _files(place: str, above: tuple[Path, ...]) -> list[tuple[str, str]]:
    """(directory, name) of each file in and under `place`; `above` are the folders it lies in."""
    real = Path(place).resolve()
    if any(each.is_relative_to(real) for each in above):
        raise ValueError(
            f"{place} links to {real}, which holds that link, so its images would count several "
            "times and in wrong classes; remove the link"
        )
    inner, names = _entries(place)
    found = [(place, name) for name in names]
    for name in inner:
        found += _files(os.path.join(place, name), (*above, real))
    return found


def _entries(place: str) -> tuple[list[str], list[str]]:
    """Names of the folders and of the files in `place`, without what programs leave behind."""
    folders: list[str] = []
    files: list[str] = []
    for name in os.listdir(place):
        if not name.startswith(".") and name != "__MACOSX":
            (folders if os.path.isdir(os.path.join(place, name)) else files).append(name)
    return folders, files


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower()
