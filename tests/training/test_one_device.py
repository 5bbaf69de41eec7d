"""Nothing of a step stays behind on the CPU, and the host reads nothing within it.

Both turns on PyTorch's "meta" device, which every machine has. Its tensors have a shape, a kind
and a device, and no numbers: whoever mixes them with tensors of the CPU, or asks for a value,
gets an error, as he would get an error or a wait with a GPU's.
"""

import contextlib
from functools import partial

import pytest
import torch
from test_method_table import METHODS, PENALTIES

import cgan_kit as kit
from cgan_kit import losses, metrics, models
from cgan_kit.training import FLOAT32, discriminator_step, generator_step
from cgan_kit.training.average import averaged_copy, update_average
from cgan_kit.training.step import Batch, Players

N, CLASSES, LATENT_DIM = 4, 3, 8
PAIRS = {
    "dcgan": (16, models.DCGANGenerator, models.DCGANDiscriminator),
    "resnet": (32, models.ResNetGenerator, models.ResNetDiscriminator),
    "biggan": (32, models.BigGANGenerator, models.BigGANDiscriminator),
}
ALL_METHODS = {
    **METHODS,
    "FrozenClassifier": lambda: losses.FrozenClassifier(metrics.Classifier((1, 16, 16), CLASSES)),
}


@pytest.fixture(autouse=True)
def autocast(monkeypatch):
    """PyTorch has none for this device; what it does to a GPU's numbers is tested on bfloat16."""
    real = torch.autocast

    def autocast(device_type, *arguments, **options):
        if device_type == "meta":
            return contextlib.nullcontext()
        return real(device_type, *arguments, **options)

    monkeypatch.setattr(torch, "autocast", autocast)


@pytest.fixture
def play():
    """play(method, pair, penalty) -> what both turns saw, all on the device."""

    def play(method="ReACGAN", pair="dcgan", penalty=None):
        side, make, judge = PAIRS[pair]
        shape = (1, side, side)
        generator = make(CLASSES, shape, latent_dim=LATENT_DIM, width=2)
        conditioning = ALL_METHODS[method]()
        gan = kit.GAN(generator, judge(shape, width=2), conditioning, losses.relativistic)
        gan = gan.to("meta").train()
        learning = [*gan.discriminator.parameters(), *gan.conditioning.parameters()]
        adam = partial(torch.optim.Adam, lr=1e-3)
        players = Players(
            gan=gan,
            discriminator_optimiser=adam([each for each in learning if each.requires_grad]),
            generator_optimiser=adam(gan.generator.parameters()),
            batches=None,
            random=torch.Generator(),
            penalty=penalty,
            precision=FLOAT32,
        )
        batch = Batch(
            torch.empty(N, *shape, device="meta"),
            torch.empty(N, dtype=torch.int64, device="meta"),
            torch.empty(N, LATENT_DIM, device="meta"),
        )
        seen = discriminator_step(players, batch) | generator_step(players, batch)
        update_average(averaged_copy(gan.generator), gan.generator, decay=0.9)
        return seen

    return play


@pytest.mark.parametrize("method", ALL_METHODS)
def test_methods(play, method):
    assert {each.device.type for each in play(method).values()} == {"meta"}


@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("pair", PAIRS)
def test_networks_and_penalties(play, pair, penalty):
    assert {each.device.type for each in play(pair=pair, penalty=penalty).values()} == {"meta"}
