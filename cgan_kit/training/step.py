"""The training step: what every GAN of the kit does, over and over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from cgan_kit.data import Batches, LabelledSet
from cgan_kit.losses import Penalty
from cgan_kit.models import draw_latents
from cgan_kit.training.distributed import ALONE, Shard
from cgan_kit.training.gan import GAN
from cgan_kit.training.precision import Precision
from cgan_kit.training.recipe import Recipe


@dataclass
class Players:
    """Everything a step needs: the GAN, who moves its weights, and where chance comes from.

    shard: this process's place among those that train together.
    """

    gan: GAN
    discriminator_optimiser: Optimizer
    generator_optimiser: Optimizer
    batches: Batches
    random: torch.Generator
    penalty: Penalty | None
    precision: Precision
    shard: Shard = ALONE


def make_players(
    gan: GAN,
    data: LabelledSet,
    recipe: Recipe,
    precision: Precision,
    seed: int,
    shard: Shard = ALONE,
) -> Players:
    """Optimisers, data order and latents for a fresh training of `gan`."""
    device = next(gan.parameters()).device

    def adam(rate: float, *modules: nn.Module) -> Optimizer:
        learning = [p for module in modules for p in module.parameters() if p.requires_grad]
        fused = device.type in ("cpu", "cuda")
        return Adam(learning, lr=rate, betas=recipe.betas, fused=fused)

    discriminator_rate = recipe.discriminator_learning_rate or recipe.learning_rate
    return Players(
        gan=gan,
        discriminator_optimiser=adam(discriminator_rate, gan.discriminator, gan.conditioning),
        generator_optimiser=adam(recipe.learning_rate, gan.generator),
        batches=Batches(data, recipe.batch_size, seed=seed, flips=recipe.flips),
        random=torch.Generator(device=device).manual_seed(seed + 1),
        penalty=recipe.penalty,
        precision=precision,
        shard=shard,
    )


class Batch(NamedTuple):
    """What one turn is played with: real images (n, ...), their labels (n,), a z for each."""

    real_images: Tensor
    labels: Tensor
    latents: Tensor


Seen = dict[str, Tensor]
Turn = Callable[[Players, Batch], Seen]


def draw(players: Players) -> Batch:
    """The next batch; of it, this process's part."""
    real_images, labels = players.batches.next()
    latents = draw_latents(len(labels), players.gan.latent_dim, players.random, labels.device)
    return Batch(*map(players.shard.part, (real_images, labels, latents)))


def discriminator_step(players: Players, batch: Batch) -> Seen:
    """Tell real from fake, and learn what the conditioning asks."""
    gan, penalty, precision, shard = players.gan, players.penalty, players.precision, players.shard
    real_images, labels, latents = batch
    with torch.no_grad(), precision.autocast():
        fake_images = gan.generator(latents, labels).float()
    if penalty is not None:
        # The penalty asks for the score's slope at the images.
        real_images = real_images.detach().requires_grad_()
        fake_images.requires_grad_()
    with precision.autocast():
        real, fake = gan.judge_both(real_images, fake_images, labels)

    adversarial = gan.adversarial.discriminator(real.scores, fake.scores)
    conditioning = gan.conditioning.discriminator_loss(
        *shard.gathered(gan.conditioning, real, fake)
    )
    loss = adversarial + conditioning
    slope = loss.new_zeros(())
    if penalty is not None:
        slope = penalty(real, fake, gan.judge, partial(shard.uniform, random=players.random))
        loss = loss + slope

    seen = {
        "score_real": real.scores.detach().mean(),
        "score_fake": fake.scores.detach().mean(),
        "d_adversarial": adversarial.detach(),
        "d_conditioning": conditioning.detach(),
        "penalty": slope.detach(),
        "d_loss": loss.detach(),
        **{f"{name}_real": value for name, value in gan.conditioning.observe(real).items()},
        **{f"{name}_fake": value for name, value in gan.conditioning.observe(fake).items()},
    }
    players.discriminator_optimiser.zero_grad()
    # To what learns alone: the images are leaves as well, where a penalty asked for their slope.
    loss.backward(inputs=players.discriminator_optimiser.param_groups[0]["params"])
    shard.average_gradients(gan.discriminator, gan.conditioning)
    players.discriminator_optimiser.step()
    return seen


def generator_step(players: Players, batch: Batch) -> Seen:
    """Make images the discriminator takes for real, and the conditioning for their class."""
    gan, precision, shard = players.gan, players.precision, players.shard
    real_images, labels, latents = batch
    with gan.only_generator_learns():
        with precision.autocast():
            fake = gan.judge(gan.generator(latents, labels), labels)
            real_scores = torch.zeros_like(fake.scores)
            if gan.adversarial.relative:
                with torch.no_grad():
                    real_scores = gan.judge(real_images, labels).scores
        adversarial = gan.adversarial.generator(real_scores, fake.scores)
        conditioning = gan.conditioning.generator_loss(*shard.gathered(gan.conditioning, fake))
        loss = adversarial + conditioning

    players.generator_optimiser.zero_grad()
    loss.backward()
    shard.average_gradients(gan.generator)
    players.generator_optimiser.step()
    return {
        "g_adversarial": adversarial.detach(),
        "g_conditioning": conditioning.detach(),
        "g_loss": loss.detach(),
    }


class Turns(NamedTuple):
    """How each player's turn is played."""

    discriminator: Turn = discriminator_step
    generator: Turn = generator_step


AS_WRITTEN = Turns()


def training_step(
    players: Players, discriminator_steps: int = 1, turns: Turns = AS_WRITTEN
) -> Seen:
    """The discriminator's turns, then the generator's; returns what is worth watching.

    Goodfellow et al. 2014, algorithm 1, with labels: fakes are made for the labels of the
    real images beside them, so that their class frequencies agree.
    """
    seen: Seen = {}
    for _ in range(discriminator_steps):
        seen |= turns.discriminator(players, draw(players))
    return seen | turns.generator(players, draw(players))
