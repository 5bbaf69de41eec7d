"""Ways to reach into a run, to tell what causes a collapse from what accompanies it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cgan_kit.losses import Conditioning, Judged
from cgan_kit.models import Judgement


class _Clip(torch.autograd.Function):
    """x forwards; backwards each row's gradient, shortened where it is longer than `limit`."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, limit: float) -> Tensor:
        ctx.limit = limit
        return features.view_as(features)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        limit = ctx.limit / len(gradient)  # a mean over n images
        return gradient * (limit / gradient.norm(dim=1, keepdim=True)).clamp(max=1), None


def clipped(conditioning: Conditioning, limit: float) -> Conditioning:
    """Shortens what the class losses send back: into each image's features, and into the head.

    What is left of n ‖∂L/∂F(x_i)‖ is at most `limit`, and of ‖∂L/∂W‖ too: about what
    a normalised head has (see "cures").
    """
    of_d, of_g, attach = (
        conditioning.discriminator_loss,
        conditioning.generator_loss,
        conditioning.attach,
    )

    def short(judged: Judged) -> Judged:
        return judged._replace(features=_Clip.apply(judged.features, limit))

    def attach_and_watch(feature_dim: int, num_classes: int) -> None:
        attach(feature_dim, num_classes)
        for weight in conditioning.parameters():
            weight.register_hook(lambda g: g * (limit / g.norm().clamp(min=1e-12)).clamp(max=1))

    conditioning.attach = attach_and_watch  # type: ignore[method-assign]
    conditioning.discriminator_loss = (  # type: ignore[method-assign]
        lambda real, fake: of_d(short(real), short(fake))
    )
    conditioning.generator_loss = lambda fake: of_g(short(fake))  # type: ignore[method-assign]
    return conditioning


def fixed_length(discriminator: nn.Module, length: float) -> None:
    """From now on ‖F(x)‖ is `length` for every image, for the score and for the head."""
    to_score = discriminator.to_score

    def rescale(module: nn.Module, inputs: Any, judgement: Judgement) -> Judgement:
        features = length * nn.functional.normalize(judgement.features, dim=1, eps=1e-3)
        return Judgement(to_score(features).squeeze(1), features)

    discriminator.register_forward_hook(rescale)


def fakes_too(conditioning: Conditioning) -> Conditioning:
    """The discriminator minimises its class loss on fake images as well, as in AC-GAN's paper."""
    of_real = conditioning.discriminator_loss
    conditioning.discriminator_loss = (  # type: ignore[method-assign]
        lambda real, fake: of_real(real, fake) + of_real(fake, fake)
    )
    return conditioning
