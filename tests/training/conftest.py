"""A set and a GAN so small that a training takes a blink."""

from collections.abc import Callable

import pytest
import torch

import cgan_kit as kit

BATCH = 8


def make_data() -> kit.data.ImageSet:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (24, 1, 8, 8), dtype=torch.uint8, generator=random)
    return kit.data.ImageSet(images, torch.arange(24) % 3, ["a", "b", "c"])


@pytest.fixture
def data() -> kit.data.ImageSet:
    """24 random images of 8 px, 3 classes."""
    return make_data()


@pytest.fixture
def make_gan(data) -> Callable[..., kit.GAN]:
    """make_gan(conditioning, **options) -> a GAN for `data`, always with the same weights."""

    def make(conditioning=None, **options) -> kit.GAN:
        conditioning = conditioning or kit.losses.ACGAN()
        return kit.GAN.for_images(data, conditioning, width=2, latent_dim=3, **options)

    return make


@pytest.fixture
def make_training(data, make_gan, tmp_path) -> Callable[..., kit.Training]:
    """make_training(name, **arguments) -> a Training of 8 steps into tmp_path / name."""

    def make(name="run", gan=None, recipe=None, **arguments) -> kit.Training:
        arguments = {"steps": 8, "checkpoints": 2, "log_every": 1, "seed": 3} | arguments
        arguments.setdefault("precision", kit.Precision())
        recipe = recipe or kit.Recipe(batch_size=BATCH)
        return kit.Training(
            gan or make_gan(), data, recipe=recipe, folder=tmp_path / name, **arguments
        )

    return make


@pytest.fixture
def same() -> Callable[[dict, dict], None]:
    """same(tensors, tensors): equal to the bit, name by name."""

    def check(ours: dict, theirs: dict) -> None:
        assert ours.keys() == theirs.keys()
        for key in ours:
            assert torch.equal(ours[key], theirs[key]), key

    return check
