"""Writing an object down as its class and constructor arguments, and making it again."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator
from inspect import Parameter
from types import ModuleType
from typing import Any

from torch import nn

from cgan_kit.losses import WGANGP, Penalty
from cgan_kit.losses.penalties import SlopePenalty

VAR_POSITIONAL, VAR_KEYWORD = Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD
# What a name in a file may stand for. Any class at all would let a file start any program.
FAMILIES: tuple[type, ...] = (nn.Module, Penalty, SlopePenalty, WGANGP)


def describe(thing: object) -> dict[str, Any]:
    """{"class": name, argument: value, ...}, ready for `to_json`.

    For classes that keep each constructor argument in an attribute of its name. An argument
    that is a module, such as a classifier, is described in its turn.

    Raises:
        ValueError: an argument that is not kept, or that JSON cannot hold; the object could
            not be made again.
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
        elif not _fits_json(value):
            raise ValueError(
                f"{type(thing).__name__}'s argument {name!r} is {value!r}, which a run cannot "
                "write down; take a number, a text or a list of them, and make of it what you "
                "need in __init__"
            )
    return {"class": type(thing).__name__, **values}


def to_json(config: object) -> str:
    """As JSON; numbers of NumPy and torch become Python's."""
    return json.dumps(config, indent=1, default=lambda number: number.item())


def _fits_json(value: object) -> bool:
    try:
        to_json(value)
    except (AttributeError, RuntimeError, TypeError, ValueError):
        return False
    return True


def rebuild(description: dict[str, Any], *among: ModuleType) -> Any:
    """What `describe` wrote down, made anew.

    Its class is one that the modules `among` export, else one of a person's own: a module or a
    penalty that this process has defined. Nothing is imported for it.

    Raises:
        ValueError: a class that neither holds, or several of one name; arguments that it does
            not take.
    """
    arguments = dict(description)
    kind = find_class(arguments.pop("class"), *among)
    for key, value in arguments.items():
        if isinstance(value, dict) and "class" in value:
            arguments[key] = rebuild(value, *among)
    try:
        return kind(**arguments)
    except TypeError as error:
        raise ValueError(
            f"{kind.__name__} cannot be made from {arguments} ({error}); the run was made with "
            f"other code: open it with that version of {kind.__module__.partition('.')[0]}"
        ) from error


def find_class(name: str, *among: ModuleType) -> type:
    """The class that a name in a description means; see `rebuild`."""
    for module in among:
        if name in module.__all__ and inspect.isclass(getattr(module, name)):
            return getattr(module, name)  # type: ignore[no-any-return]
    own: set[type] = {each for base in FAMILIES for each in _below(base) if each.__name__ == name}
    own = {each for each in own if each.__module__.partition(".")[0] != "torch"}
    # Of a class that was defined again, as in a notebook, the one that the name means by now.
    named = {each for each in own if getattr(sys.modules.get(each.__module__), name, None) is each}
    found = named if len(own) > 1 else own
    if len(found) == 1:
        return found.pop()
    if own:
        places = ", ".join(sorted(f"{each.__module__}.{each.__qualname__}" for each in own))
        raise ValueError(f"class {name!r} is defined in several places ({places}); keep one")
    raise ValueError(
        f"class {name!r} is not one of {among[0].__name__}'s, nor one of your own defined in this "
        "process; define or import it first, then open the run; one of the kit's needs that "
        "version of cgan_kit"
    )


def _below(kind: type) -> Iterator[type]:
    """Every class derived from it."""
    derived: list[type] = kind.__subclasses__()
    for each in derived:
        yield each
        yield from _below(each)
