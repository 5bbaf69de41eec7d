"""`load(name, **options)`: every data set of the kit by its name."""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
from collections.abc import Callable
from functools import partial
from typing import Any

from cgan_kit.data.labelled import LabelledSet

FOLDER_PREFIX = "folder:"

# name -> module whose `load` makes it. Modules are imported when asked for: no set costs the
# others its imports.
_OFFLINE = {name: f"cgan_kit.data.{name}" for name in ("digits", "shapes", "glyphs", "gaussians")}
_DOWNLOADED = ("mnist", "fashion-mnist", "kmnist", "emnist-letters", "cifar10", "cifar100")
_NAMES = (*_OFFLINE, *_DOWNLOADED)


def names() -> tuple[str, ...]:
    """Every name `load` knows, apart from `folder:PATH`."""
    return _NAMES


def load(name: str, **options: Any) -> LabelledSet:
    """A data set of the kit by its name, whole, on the CPU; `.to(device)` moves it.

    The set remembers `name` and all its options, defaults included, so that
    `load(data.name, **data.options)` makes it again.

    Arguments:
        name: one of `names()`, or "folder:PATH" for a folder with one sub-folder a class.
        options: of that set; see the `load` function in its module.

    Raises:
        ValueError: an unknown name or option, naming those that exist, or an option's value
            that the set refuses.
        RuntimeError: a download that failed.
        FileNotFoundError, NotADirectoryError: a folder that is not there.
    """
    if not isinstance(name, str):
        raise ValueError(f"name is {name!r}; give a string: {_known_names()}")
    loader = _loader(name)
    _check_options(name, options, loader)
    return loader(**options)


def _loader(name: str) -> Callable[..., LabelledSet]:
    if name.startswith(FOLDER_PREFIX):
        from cgan_kit.data import folder

        return partial(folder.load, name[len(FOLDER_PREFIX) :])
    if name in _DOWNLOADED:
        from cgan_kit.data import torchvision_sets

        return partial(torchvision_sets.load, name)
    if name in _OFFLINE:
        loader: Callable[..., LabelledSet] = importlib.import_module(_OFFLINE[name]).load
        return loader
    raise ValueError(f"no data set is called {name!r}{_suggestion(name)}; {_known_names()}")


def _known_names() -> str:
    return "the kit knows " + ", ".join(_NAMES) + " and folder:PATH"


def _suggestion(name: str) -> str:
    if os.path.isdir(os.path.expanduser(name)):
        return f" (did you mean the folder, {FOLDER_PREFIX + name!r}?)"
    close = _close(name, _NAMES)
    return f" (did you mean {close!r}?)" if close else ""


def _check_options(name: str, options: dict[str, Any], loader: Callable[..., Any]) -> None:
    known = tuple(
        parameter.name
        for parameter in inspect.signature(loader).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    )
    for option in options:
        if option not in known:
            close = _close(option, known)
            hint = f" (did you mean {close!r}?)" if close else ""
            raise ValueError(
                f"{name} has no option {option!r}{hint}; its options are {', '.join(known)}"
            )


def _close(word: str, known: tuple[str, ...]) -> str | None:
    by_lower = {entry.lower(): entry for entry in known}
    matches = difflib.get_close_matches(word.lower().replace("_", "-"), by_lower, n=1) or (
        difflib.get_close_matches(word.lower(), by_lower, n=1)
    )
    return by_lower[matches[0]] if matches else None
