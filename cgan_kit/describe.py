"""Writing an object down as its class and constructor arguments, and making it again."""

from __future__ import annotations

import inspect
from inspect import Parameter
from types import ModuleType
from typing import Any

from torch import nn

VAR_POSITIONAL, VAR_KEYWORD = Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD


def describe(thing: object) -> dict[str, Any]:
    """{"class": name, argument: value, ...}, ready for JSON.

    For classes that keep each constructor argument in an attribute of its name. An argument
    that is a module, such as a classifier, is described in its turn.

    Raises:
        ValueError: an argument that is not kept; the object could not be made again.
    """
    parameters = list(inspect.signature(type(thing).__init__).parameters.values())[1:]
    named = [each.name for each in parameters if each.kind not in (VAR_POSITIONAL, VAR_KEYWORD)]
    lost = [name for name in named if not hasattr(thing, name)]
    if lost:
        raise ValueError(
            f"{type(thing).__name__} does not keep its argument {lost[0]!r}, so a run could not "
            f"make it again; write self.{lost[0]} = {lost[0]} in its __init__"
        )
    values = {name: getattr(thing, name) for name in named}
    for name, value in values.items():
        if isinstance(value, nn.Module):
            values[name] = describe(value)
    return {"class": type(thing).__name__, **values}


def rebuild(description: dict[str, Any], *among: ModuleType) -> Any:
    """What `describe` wrote down, made anew from the classes that modules `among` export.

    Raises:
        ValueError: a class the modules do not export, or arguments that it does not take.
    """
    arguments = dict(description)
    name = arguments.pop("class")
    known = {each: module for module in among for each in _classes(module)}
    if name not in known:
        raise ValueError(
            f"class {name!r} is not one of {among[0].__name__}'s: {', '.join(known)}; "
            "the run was made with other code: open it with that version of cgan_kit"
        )
    for key, value in arguments.items():
        if isinstance(value, dict) and "class" in value:
            arguments[key] = rebuild(value, *among)
    try:
        return getattr(known[name], name)(**arguments)
    except TypeError as error:
        raise ValueError(
            f"{name} cannot be made from {arguments} ({error}); "
            "the run was made with other code: open it with that version of cgan_kit"
        ) from error


def _classes(module: ModuleType) -> list[str]:
    return [name for name in module.__all__ if inspect.isclass(getattr(module, name))]
