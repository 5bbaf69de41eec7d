"""Small pairs of both residual families. No test module itself."""

import torch

import cgan_kit as kit
from cgan_kit.models import (
    BigGANDiscriminator,
    BigGANGenerator,
    Discriminator,
    Generator,
    ResNetDiscriminator,
    ResNetGenerator,
)

SHAPE = (3, 32, 32)
FAMILIES = ("ResNet", "BigGAN")


def small_generator(family: str, shape=SHAPE, num_classes=3, **options) -> Generator:
    """Of width 2; z has a length that every size can share out."""
    options = {"latent_dim": 60, "width": 2} | options
    if family == "ResNet":
        return ResNetGenerator(num_classes, shape, **options)
    return BigGANGenerator(num_classes, shape, **{"embedding_dim": 5} | options)


def small_discriminator(family: str, shape=SHAPE, width=2, **options) -> Discriminator:
    kind = ResNetDiscriminator if family == "ResNet" else BigGANDiscriminator
    return kind(shape, width, **options)


def small_gan(family: str, conditioning=None, seed=0, **options) -> kit.GAN:
    """Of width 4, for RGB images of 32 px and three classes, in the hinge game."""
    torch.manual_seed(seed)
    return kit.GAN(
        small_generator(family, width=4, **options),
        small_discriminator(family, width=4),
        conditioning or kit.losses.Projection(),
        kit.losses.hinge,
    )


def some_images(count=12) -> kit.data.ImageSet:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, *SHAPE), dtype=torch.uint8, generator=random)
    return kit.data.ImageSet(images, torch.arange(count) % 3, ["a", "b", "c"])


def parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
