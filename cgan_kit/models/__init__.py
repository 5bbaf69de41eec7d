"""Generators and discriminators, by family.

`mlp` for points, `dcgan` for images of 8 to 64 px. The residual families of the papers
(`resnet`, `biggan`) belong here too, one file each.
"""

from cgan_kit.models.dcgan import DCGANDiscriminator, DCGANGenerator
from cgan_kit.models.interfaces import Discriminator, Generator, Judgement
from cgan_kit.models.mlp import MLPDiscriminator, MLPGenerator
from cgan_kit.models.prior import draw_latents, truncate

__all__ = [
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Discriminator",
    "Generator",
    "Judgement",
    "MLPDiscriminator",
    "MLPGenerator",
    "draw_latents",
    "truncate",
]
