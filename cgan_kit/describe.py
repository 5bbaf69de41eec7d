"""Writing an object down as its class and constructor arguments, and making it again."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any


def describe(thing: object) -> dict[str, Any]:
    """{"class": name, argument: value, ...}, ready for JSON.

    For classes that keep each constructor argument in an attribute of its name.
    """
    arguments = list(inspect.signature(type(thing).__init__).parameters)[1:]
    if type(thing).__init__ is object.__init__:
        arguments = []
    values = {name: getattr(thing, name) for name in arguments if hasattr(thing, name)}
    return {"class": type(thing).__name__, **values}


def rebuild(description: dict[str, Any], among: ModuleType) -> Any:
    """What `describe` wrote down, made anew from the classes that module `among` exports.

    Raises:
        ValueError: a class the module does not export.
    """
    arguments = dict(description)
    name = arguments.pop("class")
    if name not in among.__all__:
        raise ValueError(
            f"class {name!r} is not one of {among.__name__}'s: {', '.join(among.__all__)}; "
            "the run was made with other code: install the version its config names"
        )
    return getattr(among, name)(**arguments)
