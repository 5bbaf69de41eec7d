"""Which images of a factor grid a set holds, and under which labels."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

COMBINATIONS = ("train", "held-out", "all")

# One class's share of the grid, int64 indices in a seeded order.
Members = list[Tensor]


def choose_combinations(
    num_classes: int, per_class: int, *, held_out: float, combinations: str, seed: int
) -> Members:
    """The grid indices each class keeps, each class in its own seeded order.

    Every class holds out its own `round(held_out · per_class)` combinations, drawn anew for
    each class: a combination that one class lacks is there in others.

    Arguments:
        num_classes, per_class: K and M of a grid whose image k·M + m is class k, combination m.
        held_out: share of each class's combinations that is held out, in [0, 1).
        combinations: "train" (what is not held out), "held-out" or "all".
        seed: the same seed gives the same choice on every machine.

    Raises:
        ValueError: naming the argument, its value and the remedy.
    """
    if combinations not in COMBINATIONS:
        raise ValueError(
            f'combinations is {combinations!r}; choose "train", "held-out" or "all" of them'
        )
    if not 0 <= check_number("held_out_combinations", held_out) < 1:
        raise ValueError(
            f"held_out_combinations is {held_out}; give the share to hold out, from 0 up to, "
            "but not including, 1"
        )
    held = round(held_out * per_class)
    if combinations == "held-out" and held == 0:
        raise ValueError(
            f'combinations is "held-out" but held_out_combinations is {held_out}, which holds '
            f"out none of the {per_class} combinations; give a share such as 0.2"
        )
    if combinations == "train" and held == per_class:
        raise ValueError(
            f"held_out_combinations is {held_out}, which leaves none of the {per_class} "
            "combinations to train on; give a smaller share"
        )
    generator = torch.Generator().manual_seed(check_seed(seed))
    members = []
    for k in range(num_classes):
        order = torch.randperm(per_class, generator=generator) + k * per_class
        members.append(
            {"train": order[held:], "held-out": order[:held], "all": order}[combinations]
        )
    return members


def thin(members: Members, imbalance: float) -> Members:
    """Fewer images from class to class, in a geometric profile; the first class keeps all.

    Class k of K keeps n · imbalance^(−k / (K − 1)) of its n images.

    Arguments:
        imbalance: the largest class over the smallest, at least 1 (balanced).

    Raises:
        ValueError: an imbalance below 1, or one that leaves a class fewer than 2 images.
    """
    full = len(members[0])
    most = full / 2
    if not 1 <= check_number("imbalance", imbalance) <= max(most, 1):
        raise ValueError(
            f"imbalance is {imbalance}; give the ratio of the largest class to the smallest, "
            f"from 1 (balanced) to {most:g} (2 of {full} images left in the smallest)"
        )
    last = max(len(members) - 1, 1)
    return [own[: round(full * imbalance ** (-k / last))] for k, own in enumerate(members)]


def mix(members: Members, pair: tuple[int, int], overlap: float) -> Members:
    """Two classes that share images: a common pool, all of it in both, under either label.

    Half of the pool comes from either class, and each class gives up as many images of its own
    as it receives, so no class changes its size. Of equal classes, `overlap` is the share of
    each that comes from the pool, and with q the share of both classes together in the set

        H(C|X) = q · overlap · ln 2    nats,

    up to rounding to whole images. Of unequal classes it is the share of the smaller one.

    Arguments:
        pair: the two classes' numbers.
        overlap: in [0, 1]. At 1 the pool is all there is: the two classes are the same images.
    """
    if not 0 <= check_number("overlap", overlap) <= 1:
        raise ValueError(
            f"overlap is {overlap}; give the share of two classes' images that is common to "
            "both, from 0 to 1"
        )
    first, second = (members[k] for k in pair)
    half = round(overlap * min(len(first), len(second)) / 2)
    pool = torch.cat((first[:half], second[:half]))
    mixed = list(members)
    for k, own in zip(pair, (first, second), strict=True):
        mixed[k] = torch.cat((pool, own[half : len(own) - half])) if half else own
    return mixed


def assemble(members: Members) -> tuple[Tensor, Tensor]:
    """(grid indices, labels), both int64 (N,): class after class, in the grid's order."""
    indices = torch.cat([own.sort().values for own in members])
    counts = torch.tensor([len(own) for own in members])
    return indices, torch.arange(len(members)).repeat_interleave(counts)


def check_pair(pair: Sequence[str], class_names: Sequence[str]) -> tuple[int, int]:
    """The numbers of two different classes given by name.

    Raises:
        ValueError: not two, not different, or a class that does not exist.
    """
    names = [pair] if isinstance(pair, str) else list(pair)
    if len(names) != 2 or len(set(names)) != 2 or not set(names) <= set(class_names):
        raise ValueError(
            f"overlapping is {pair!r}; name two different classes of {', '.join(class_names)}"
        )
    return class_names.index(names[0]), class_names.index(names[1])


def check_channels(name: str, channels: Any) -> int:
    """`channels` as an int, 1 or 3."""
    if isinstance(channels, int) and channels in (1, 3):
        return int(channels)
    raise ValueError(f"channels is {channels!r}; {name} comes with 1 (grey) or 3 (RGB)")


def check_number(argument: str, value: Any) -> float:
    """`value`, once it is known to be a finite number."""
    if isinstance(value, (int, float)) and math.isfinite(value):
        return float(value)
    raise ValueError(f"{argument} is {value!r}; give a finite number")


def check_seed(seed: Any) -> int:
    """`seed` as an int in [0, 2^63)."""
    try:
        if 0 <= operator.index(seed) < 2**63:
            return operator.index(seed)
    except TypeError:
        pass
    raise ValueError(f"seed is {seed!r}; give a whole number, 0 or above")
