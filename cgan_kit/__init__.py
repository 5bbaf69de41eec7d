"""The cGAN Kit: class-conditional GANs to watch, to break, to understand and to mend.

import cgan_kit as kit

digits = kit.data.load("digits", size=16)
gan = kit.GAN.for_images(digits, conditioning=kit.losses.ACGAN(weight=1.0))
run = kit.train(gan, digits, steps=400)
"""

from importlib import import_module
from types import ModuleType

from cgan_kit import data, losses, models
from cgan_kit.training import GAN, Precision, Recipe, Run, Training, train

# What a person looks at needs the `lab` extra; the library works without it.
_ON_DEMAND = ("diagnostics", "exercises", "metrics", "panels", "plots", "training", "widgets")

__all__ = [
    "GAN",
    "Precision",
    "Recipe",
    "Run",
    "Training",
    "data",
    "losses",
    "models",
    "train",
    *_ON_DEMAND,
]


def __getattr__(name: str) -> ModuleType:
    if name in _ON_DEMAND:
        return import_module(f"cgan_kit.{name}")
    raise AttributeError(f"module 'cgan_kit' has no attribute {name!r}")
