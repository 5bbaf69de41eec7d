"""Published trainings by name: one backbone and one recipe a data set, five conditionings on it.

    preset = kit.training.presets.PRESETS["cifar10-reacgan"]
    run = kit.train(preset.gan(images), images, steps=preset.steps, recipe=preset.recipe)

    python -m cgan_kit train --preset cifar10-reacgan --data folder:PATH

Numbers are those of the runs that ReACGAN's authors published: Kang et al. 2021,
arXiv:2111.01118, and the configurations of PyTorch-StudioGAN at commit 947b35e, for
Tiny-ImageNet at the last commit that holds them, before 5b61485. Differences, here on purpose:

- The five methods of a set share batch, rates and steps, those of its ReACGAN run: published,
  AC-GAN, projection, ContraGAN and ADC-GAN on CIFAR used batch 64 at a rate of 2e-4.
- The decay of the average grows at first (see `decay_at`); published, it is fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from cgan_kit.checks import check_counts
from cgan_kit.data import ImageSet
from cgan_kit.losses import (
    ACGAN,
    ADCGAN,
    Conditioning,
    ContraGAN,
    Projection,
    ReACGAN,
    hinge,
)
from cgan_kit.models import BigGANDiscriminator, BigGANGenerator
from cgan_kit.training.gan import GAN, seeded
from cgan_kit.training.recipe import Recipe


@dataclass(frozen=True)
class Setting:
    """What the methods of one data set share, and the numbers of the two that need more.

    Arguments:
        title: the data set.
        data: its name in `cgan_kit.data`; "" for one that comes as a folder of images.
        size: side of the images in pixels.
        classes: how many the set has; the kit takes what it is given.
        latent_dim, width, attention_side: of BigGAN's pair.
        steps: generator updates.
        contragan, reacgan: make these conditionings.
        source: where the numbers come from, where the module's docstring does not say it.
    """

    title: str
    data: str
    size: int
    classes: int
    latent_dim: int
    width: int
    recipe: Recipe
    steps: int
    contragan: Callable[[], Conditioning]
    reacgan: Callable[[], Conditioning]
    attention_side: int | None = None
    source: str = ""


@dataclass(frozen=True)
class Preset:
    """A setting with one conditioning, ready to train."""

    setting: Setting
    conditioning: Callable[[], Conditioning]

    @property
    def recipe(self) -> Recipe:
        """As published; all methods on this data set share it."""
        return self.setting.recipe

    @property
    def steps(self) -> int:
        """Generator updates, as published."""
        return self.setting.steps

    def gan(
        self,
        data: ImageSet,
        *,
        width: int | None = None,
        discriminator_width: int | None = None,
        latent_dim: int | None = None,
        seed: int = 0,
    ) -> GAN:
        """BigGAN's pair for images like those of `data`, with the hinge game.

        Arguments:
            data: square images of the preset's size, or of 32, 64 or 128 px.
            width, latent_dim: other than published, for a try on a small machine.
            discriminator_width: None is the generator's.
            seed: of the initial weights; global random state is left as it was.

        Raises:
            ValueError: images of another size; see `BigGANGenerator`.
        """
        if not isinstance(data, ImageSet):
            raise ValueError(f"data is {data!r}; give a set of images, cgan_kit.data.ImageSet")
        if discriminator_width is not None:
            check_counts(discriminator_width=discriminator_width)
        setting = self.setting
        width = setting.width if width is None else width
        latent_dim = setting.latent_dim if latent_dim is None else latent_dim
        with seeded(seed):
            return GAN(
                BigGANGenerator(
                    data.num_classes,
                    data.sample_shape,
                    latent_dim,
                    width,
                    attention_side=setting.attention_side,
                ),
                BigGANDiscriminator(
                    data.sample_shape,
                    width if discriminator_width is None else discriminator_width,
                    attention_side=setting.attention_side,
                ),
                self.conditioning(),
                hinge,
            )


def contragan(projection_dim: int) -> Callable[[], Conditioning]:
    """The 2C loss as every published run has it, with one dimension that differs."""
    return partial(
        ContraGAN, weight=1.0, temperature=1.0, projection_dim=projection_dim, spectral_norm=True
    )


def reacgan(
    weight: float, margin: float, temperature: float, projection_dim: int
) -> Callable[[], Conditioning]:
    """D2D-CE as published: the margin of the negatives is 1 - that of the positives."""
    return partial(
        ReACGAN,
        weight=weight,
        temperature=temperature,
        margin_positive=margin,
        margin_negative=round(1 - margin, 6),
        projection_dim=projection_dim,
        spectral_norm=True,
    )


def recipe(
    batch_size: int, rates: tuple[float, float | None], beta1: float, turns: int, ema_start: int
) -> Recipe:
    """No penalty, Adam with beta2 0.999, an average with decay 0.9999, half of the real images
    mirrored; rates of G and D (None: the same)."""
    return Recipe(
        batch_size=batch_size,
        learning_rate=rates[0],
        discriminator_learning_rate=rates[1],
        betas=(beta1, 0.999),
        penalty=None,
        ema_decay=0.9999,
        ema_start=ema_start,
        discriminator_steps=turns,
        flips=True,
    )


# 2e-4 · √2: the rate of batch 64 scaled to batch 128 by its root.
CIFAR_RECIPE = recipe(128, (2.8284271e-4, None), beta1=0.5, turns=5, ema_start=1_000)
SETTINGS = {
    "cifar10": Setting(
        title="CIFAR-10",
        data="cifar10",
        size=32,
        classes=10,
        latent_dim=80,
        width=96,
        recipe=CIFAR_RECIPE,
        steps=100_000,
        contragan=contragan(512),
        reacgan=reacgan(0.5, margin=0.98, temperature=0.5, projection_dim=512),
    ),
    "cifar100": Setting(
        title="CIFAR-100",
        data="cifar100",
        size=32,
        classes=100,
        latent_dim=80,
        width=96,
        recipe=CIFAR_RECIPE,
        steps=100_000,
        contragan=contragan(512),
        reacgan=reacgan(0.5, margin=0.98, temperature=0.5, projection_dim=512),
    ),
    "tiny-imagenet": Setting(
        title="Tiny-ImageNet",
        data="",
        size=64,
        classes=200,
        latent_dim=100,
        width=80,
        recipe=recipe(1024, (1e-4, 4e-4), beta1=0.0, turns=1, ema_start=20_000),
        steps=100_000,
        contragan=contragan(768),
        reacgan=reacgan(0.75, margin=1.0, temperature=0.75, projection_dim=768),
    ),
    "cub200": Setting(
        title="CUB-200",
        data="",
        size=128,
        classes=200,
        latent_dim=120,
        width=80,
        recipe=recipe(256, (5e-5, 2e-4), beta1=0.0, turns=2, ema_start=4_000),
        steps=40_000,
        contragan=contragan(1024),
        reacgan=reacgan(0.25, margin=0.95, temperature=0.25, projection_dim=1024),
    ),
    "imagenet128": Setting(
        title="ImageNet at 128 px",
        data="",
        size=128,
        classes=1000,
        latent_dim=120,
        width=96,
        recipe=recipe(256, (5e-5, 2e-4), beta1=0.0, turns=2, ema_start=20_000),
        steps=200_000,
        contragan=contragan(1536),
        reacgan=reacgan(1.0, margin=0.98, temperature=0.5, projection_dim=2048),
        source="the batch of 256; ReACGAN's published run is 500,000 steps long",
    ),
    "afhq": Setting(
        title="AFHQ",
        data="",
        size=128,
        classes=3,
        latent_dim=120,
        width=96,
        recipe=recipe(64, (5e-5, 2e-4), beta1=0.0, turns=2, ema_start=20_000),
        steps=200_000,
        contragan=contragan(1024),
        reacgan=reacgan(0.5, margin=0.95, temperature=0.5, projection_dim=1024),
        attention_side=0,
        source=(
            "no published run: recipe and width of the projection BigGAN on AFHQv2 at 256 px, "
            "without attention as there and z of 20 numbers a chunk as there; D2D-CE's numbers "
            "of the StyleGAN2 on AFHQ at 512 px; ContraGAN's dimension is the same"
        ),
    ),
}


def conditionings(setting: Setting) -> dict[str, Callable[[], Conditioning]]:
    """The five methods of a setting, all heads under spectral norm. AC-GAN's discriminator
    learns its classes from real images alone. Both as published."""
    return {
        "acgan": partial(ACGAN, weight=1.0, real_only=True, spectral_norm=True),
        "projection": partial(Projection, spectral_norm=True),
        "contragan": setting.contragan,
        "adcgan": partial(ADCGAN, weight=1.0, spectral_norm=True),
        "reacgan": setting.reacgan,
    }


PRESETS = {
    f"{name}-{method}": Preset(setting, make)
    for name, setting in SETTINGS.items()
    for method, make in conditionings(setting).items()
}
