"""What can be wrong before a training starts, and during it."""

from __future__ import annotations

import math

from cgan_kit.data import LabelledSet
from cgan_kit.training.gan import GAN


class DivergedError(ArithmeticError):
    """A quantity of the training step became NaN or infinite."""


def check_fit(gan: GAN, data: LabelledSet) -> None:
    """The data must have the shape and the classes the GAN was built for."""
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


def check_finite(values: dict[str, float], step: int) -> None:
    """Stop at the first quantity, in the order a step computes them, that is no number."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise DivergedError(
                f"{name} became {value} at step {step}, the first quantity to go bad; "
                "try a smaller learning_rate, a penalty, or spectral_norm=True. "
                "The last good checkpoint is kept"
            )
