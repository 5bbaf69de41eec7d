"""What can be wrong before a training starts, and during it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TypeVar

import torch
from torch import Tensor

from cgan_kit.checks import is_number, is_whole
from cgan_kit.data import LabelledSet
from cgan_kit.training.gan import GAN
from cgan_kit.training.precision import Precision
from cgan_kit.training.recipe import Recipe

P = TypeVar("P")


class DivergedError(ArithmeticError):
    """A quantity of the training step became NaN or infinite."""


def check_fit(gan: GAN, data: LabelledSet) -> None:
    """The data must have the shape and the classes the GAN was built for."""
    if not isinstance(gan, GAN):
        raise ValueError(
            f"gan is a {type(gan).__name__}; give a GAN, such as cgan_kit.GAN.for_images(data)"
        )
    check_data(data)
    if tuple(data.sample_shape) != tuple(gan.generator.sample_shape):
        raise ValueError(
            f"data has samples of shape {data.sample_shape} but the GAN was built for "
            f"{gan.generator.sample_shape}; build it with GAN.for_images(data)"
        )
    if data.num_classes != gan.num_classes:
        raise ValueError(
            f"data has {data.num_classes} classes but the GAN was built for "
            f"{gan.num_classes}; build it with GAN.for_images(data)"
        )


def check_data(data: LabelledSet) -> None:
    """Samples with labels, not a bare tensor."""
    if not isinstance(data, LabelledSet):
        raise ValueError(
            f"data is a {type(data).__name__}; give a labelled set, such as "
            "cgan_kit.data.ImageSet(images, labels, class_names)"
        )


def check_settings(recipe: Recipe | None, precision: Precision | None, save_minutes: float) -> None:
    """Objects where objects are asked for, and a time that is a number."""
    if recipe is not None and not isinstance(recipe, Recipe):
        raise ValueError(
            f"recipe is {recipe!r}; give an object, such as cgan_kit.Recipe(batch_size=64), "
            "or leave it out"
        )
    if precision is not None and not isinstance(precision, Precision):
        raise ValueError(
            f"precision is {precision!r}; give an object, such as cgan_kit.Precision() for "
            "float32 or cgan_kit.Precision(bfloat16=True), or leave it out"
        )
    if not is_number(save_minutes) or not save_minutes >= 0:
        raise ValueError(f"save_minutes is {save_minutes!r}; give 0 or more, such as 5")


def choose_device(device: torch.device | str | None) -> torch.device:
    """The device asked for, once it is known to be there; None is the GPU, else the CPU."""
    cuda = torch.cuda.is_available()
    try:
        chosen = torch.device(("cuda" if cuda else "cpu") if device is None else device)
        if chosen.type not in ("cpu", "cuda"):
            torch.zeros((), device=chosen).item()
    # Each kind of device that is not there, or holds no numbers, has an error of its own.
    except (RuntimeError, TypeError, ValueError, AssertionError) as error:
        raise ValueError(f"device is {device!r}; give 'cpu', 'cuda' or 'cuda:1'") from error
    if chosen.type == "cuda" and (not cuda or (chosen.index or 0) >= torch.cuda.device_count()):
        raise ValueError(
            f"device is {str(device)!r}, but PyTorch finds {torch.cuda.device_count()} GPUs here; "
            "leave device out, or give 'cpu'"
        )
    return chosen


def check_probes(probes: Iterable[P], data: LabelledSet) -> tuple[P, ...]:
    """The probes as a tuple, each to be called with players and step every so many steps.

    One that brings images of its own has a method `check(data)`, for the training set.
    """
    if not isinstance(probes, Iterable):
        raise ValueError(f"probes is {probes!r}; give a list of probes: probes=[...]")
    checked = tuple(probes)
    for probe in checked:
        if isinstance(probe, type):
            name = probe.__name__
            raise ValueError(f"probes holds the class {name}; make one: {name}()")
        every = getattr(probe, "every", None)
        if not callable(probe) or not is_whole(every, 1):
            raise ValueError(
                f"probes holds {probe!r} with every = {every!r}; "
                "a probe is called as probe(players, step) every 1 or more steps"
            )
        if hasattr(probe, "check"):
            probe.check(data)
    return checked


def check_finite_weights(weights: Mapping[str, Tensor], step: int) -> None:
    """Weights can go bad in the very step whose losses were still good."""
    for name, tensor in weights.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise DivergedError(
                f"{name} holds NaN or Inf at step {step}, after a step whose losses were finite; "
                "try a smaller learning_rate, a penalty, or spectral_norm=True. "
                "The last good checkpoint is kept"
            )


def check_finite(values: dict[str, float], step: int) -> None:
    """Stop at the first quantity, in the order a step computes them, that is no number."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise DivergedError(
                f"{name} became {value} at step {step}, the first quantity to go bad; "
                "try a smaller learning_rate, a penalty, or spectral_norm=True. "
                "The last good checkpoint is kept"
            )
