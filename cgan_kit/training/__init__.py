"""The training step, the loop around it, and the run it leaves behind."""

from cgan_kit.training import presets
from cgan_kit.training.checks import DivergedError
from cgan_kit.training.gan import GAN
from cgan_kit.training.loop import Probe, Training, finish, train
from cgan_kit.training.precision import FLOAT32, Precision
from cgan_kit.training.recipe import Recipe
from cgan_kit.training.run import Run
from cgan_kit.training.sampler import Sampler
from cgan_kit.training.step import Players, discriminator_step, generator_step, training_step

__all__ = [
    "FLOAT32",
    "GAN",
    "DivergedError",
    "Players",
    "Precision",
    "Probe",
    "Recipe",
    "Run",
    "Sampler",
    "Training",
    "discriminator_step",
    "finish",
    "generator_step",
    "presets",
    "train",
    "training_step",
]
