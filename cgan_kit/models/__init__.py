"""Generators and discriminators, by family.

`mlp` for points, `dcgan` for images of 8 to 64 px on any machine. For a GPU the residual
families of the papers, for 32, 64 and 128 px: `resnet` (SNGAN's) and `biggan`.
"""

from cgan_kit.models.biggan import BigGANDiscriminator, BigGANGenerator
from cgan_kit.models.dcgan import DCGANDiscriminator, DCGANGenerator
from cgan_kit.models.interfaces import Discriminator, Generator, Judgement
from cgan_kit.models.mlp import MLPDiscriminator, MLPGenerator
from cgan_kit.models.prior import draw_latents, truncate
from cgan_kit.models.resnet import ResNetDiscriminator, ResNetGenerator

__all__ = [
    "BigGANDiscriminator",
    "BigGANGenerator",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Discriminator",
    "Generator",
    "Judgement",
    "MLPDiscriminator",
    "MLPGenerator",
    "ResNetDiscriminator",
    "ResNetGenerator",
    "draw_latents",
    "truncate",
]
