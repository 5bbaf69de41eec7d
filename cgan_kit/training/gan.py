"""A GAN: generator, discriminator, conditioning and the adversarial loss they play."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import Self

from cgan_kit import losses, models
from cgan_kit.checks import check_counts, check_seed
from cgan_kit.data import ImageSet, PointSet
from cgan_kit.describe import describe, rebuild
from cgan_kit.losses import AdversarialLoss, Conditioning, Judged, NoConditioning, relativistic
from cgan_kit.models import Discriminator, Generator


class GAN(nn.Module):
    """Generator, discriminator and conditioning; nothing else holds parameters.

    Arguments:
        generator, discriminator: a pair for samples of one shape.
        conditioning: not yet attached; its head is made here.
        adversarial: the real/fake game.

    Raises:
        ValueError: a pair whose sample shapes differ; a conditioning that is none, that has
            the head of another GAN, or that reads images of another shape.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        conditioning: Conditioning,
        adversarial: AdversarialLoss = relativistic,
    ) -> None:
        super().__init__()
        check_network("generator", generator, "sample_shape", "latent_dim", "num_classes")
        check_network("discriminator", discriminator, "sample_shape", "feature_dim")
        if generator.sample_shape != discriminator.sample_shape:
            raise ValueError(
                f"generator makes samples of {generator.sample_shape} but discriminator reads "
                f"{discriminator.sample_shape}; build both with one sample_shape"
            )
        check_conditioning(conditioning)
        reads = conditioning.sample_shape
        if reads is not None and tuple(reads) != tuple(generator.sample_shape):
            raise ValueError(
                f"conditioning is a {type(conditioning).__name__} that reads images of "
                f"{tuple(reads)} but generator makes {generator.sample_shape}; "
                "train its classifier on the same data"
            )
        if not isinstance(adversarial, AdversarialLoss):
            raise ValueError(
                f"adversarial is {adversarial!r}; give a pair such as cgan_kit.losses.hinge"
            )
        self.generator = generator
        self.discriminator = discriminator
        self.conditioning = conditioning
        self.adversarial = adversarial
        conditioning.attach(discriminator.feature_dim, generator.num_classes)
        conditioning.attached = True

    @classmethod
    def for_images(
        cls,
        data: ImageSet,
        conditioning: Conditioning | None = None,
        adversarial: AdversarialLoss = relativistic,
        *,
        width: int = 16,
        discriminator_width: int | None = None,
        latent_dim: int = 32,
        spectral_norm: bool = False,
        seed: int = 0,
    ) -> Self:
        """The DCGAN pair for images like those of `data`, with seeded weights.

        Arguments:
            data: gives the image shape and the number of classes.
            conditioning: how labels enter; None is the plain GAN.
            width, latent_dim, spectral_norm: see `models.dcgan`.
            discriminator_width: None is twice `width`: at equal cost, small images gain more
                from a wide discriminator (benchmarks/small_gan_search.py).
            seed: of the initial weights; global random state is left as it was.

        Raises:
            ValueError: a set of points, or an image size the pair is not made for.
        """
        if not isinstance(data, ImageSet):
            raise ValueError(f"data is a set of points ({data!r}); use GAN.for_points(data)")
        models.dcgan.check_image_shape(data.sample_shape)
        if discriminator_width is None:
            check_counts(width=width)
            discriminator_width = 2 * width
        check_counts(discriminator_width=discriminator_width)
        with seeded(seed):
            return cls(
                models.DCGANGenerator(data.num_classes, data.sample_shape, latent_dim, width),
                models.DCGANDiscriminator(data.sample_shape, discriminator_width, spectral_norm),
                NoConditioning() if conditioning is None else conditioning,
                adversarial,
            )

    @classmethod
    def for_points(
        cls,
        data: PointSet,
        conditioning: Conditioning | None = None,
        adversarial: AdversarialLoss = relativistic,
        *,
        width: int = 64,
        latent_dim: int = 8,
        spectral_norm: bool = False,
        seed: int = 0,
    ) -> Self:
        """The fully connected pair for points like those of `data`; see `for_images`."""
        if not isinstance(data, PointSet):
            raise ValueError(f"data is a set of images ({data!r}); use GAN.for_images(data)")
        with seeded(seed):
            return cls(
                models.MLPGenerator(data.num_classes, data.sample_shape, latent_dim, width),
                models.MLPDiscriminator(data.sample_shape, width, spectral_norm=spectral_norm),
                NoConditioning() if conditioning is None else conditioning,
                adversarial,
            )

    @property
    def num_classes(self) -> int:
        """K, how many classes the generator knows."""
        return self.generator.num_classes

    @property
    def latent_dim(self) -> int:
        """Z, how many numbers a latent has."""
        return self.generator.latent_dim

    def judge(self, images: Tensor, labels: Tensor) -> Judged:
        """What the discriminator, with the conditioning's help, makes of labelled images."""
        judgement = self.discriminator(images)
        # Losses are computed in float32, whatever the networks computed in.
        features = judgement.features.float()
        with torch.autocast(features.device.type, enabled=False):
            scores = judgement.adversarial.float() + self.conditioning.score(features, labels)
        return Judged(images, labels, scores, features)

    def judge_both(self, real: Tensor, fake: Tensor, labels: Tensor) -> tuple[Judged, Judged]:
        """Real and fake images judged in one call, pair by pair under one label."""
        n = len(labels)
        judged = self.judge(torch.cat([real, fake]), torch.cat([labels, labels]))
        return (
            Judged(real, labels, judged.scores[:n], judged.features[:n]),
            Judged(fake, labels, judged.scores[n:], judged.features[n:]),
        )

    @contextmanager
    def only_generator_learns(self) -> Iterator[None]:
        """Within it, discriminator and conditioning pass gradients on but collect none."""
        judges = [*self.discriminator.parameters(), *self.conditioning.parameters()]
        learning = [parameter.requires_grad for parameter in judges]
        for parameter in judges:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter, learns in zip(judges, learning, strict=True):
                parameter.requires_grad_(learns)

    def config(self) -> dict[str, Any]:
        """What `from_config` needs to build this GAN again, ready for JSON.

        Raises:
            ValueError: a part that cannot be written down; see `describe`.
        """
        return {
            "generator": describe(self.generator),
            "discriminator": describe(self.discriminator),
            "conditioning": describe(self.conditioning),
            "adversarial": self.adversarial.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """A GAN of the same build, with fresh weights; global random state is left as it was.

        Raises:
            ValueError: a class that neither the kit nor this process has; an adversarial loss
                that is not in `cgan_kit.losses`.
        """
        adversarial = getattr(losses, config["adversarial"], None)
        if not isinstance(adversarial, AdversarialLoss):
            raise ValueError(
                f"adversarial is {config['adversarial']!r}, which is none of cgan_kit.losses; "
                f"put it there first: cgan_kit.losses.{config['adversarial']} = ..."
            )
        # Only a frozen classifier comes from there, and it is slow to import.
        from cgan_kit import metrics

        with seeded(0):
            return cls(
                generator_from_config(config),
                rebuild(config["discriminator"], models),
                rebuild(config["conditioning"], losses, metrics),
                adversarial,
            )


def generator_from_config(config: dict[str, Any]) -> Generator:
    """The generator of a GAN's config alone, with fresh weights."""
    with seeded(0):
        generator: Generator = rebuild(config["generator"], models)
    return generator


def check_network(name: str, network: nn.Module, *says: str) -> None:
    """A network, not a class or a name, that says what it makes or reads."""
    missing = [each for each in says if not hasattr(network, each)]
    if not isinstance(network, nn.Module) or missing:
        found = f"without {', '.join(missing)}" if isinstance(network, nn.Module) else "no network"
        raise ValueError(
            f"{name} is {getattr(network, '__name__', type(network).__name__)}, {found}; give an "
            f"object with {', '.join(says)}, such as models.DCGAN{name.capitalize()}(...)"
        )


def check_conditioning(conditioning: Conditioning) -> None:
    """A conditioning object of its own; forgotten brackets and shared heads are found here."""
    if not isinstance(conditioning, Conditioning):
        name = getattr(conditioning, "__name__", repr(conditioning))
        raise ValueError(f"conditioning is {name}; give an object, such as losses.Projection()")
    if conditioning.attached:
        raise ValueError(
            f"conditioning is a {type(conditioning).__name__} that belongs to a GAN already; "
            f"make another one for this GAN: {type(conditioning).__name__}(...)"
        )


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within it, torch's global generator of the CPU, where weights are drawn, starts at `seed`.

    Afterwards it is as before. GPUs' generators are left alone: `torch.manual_seed` would seed
    them all, and `fork_rng()` would open every GPU of the machine in each process.

    Raises:
        ValueError: a seed that is no whole number.
    """
    whole = check_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(whole)
        yield
