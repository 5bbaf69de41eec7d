"""Each player's loss in two parts: what the conditioning asks, and what the game asks."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from cgan_kit.diagnostics.look import Scene
from cgan_kit.losses import Judged
from cgan_kit.training.gan import GAN


class Split(NamedTuple):
    """Both players' losses, each as two scalars whose gradients add up to the loss's.

    The *head* is everything that the conditioning computes from features or images: its losses
    and what it adds to the score. The *score* is the discriminator's own. Each part has its own
    way back: the other's share of the score counts as a constant. Penalties are no part of it.

    real, fake: judged, with graph.
    features: float32 (2n, F), of the real images, then of the fake ones; with graph.
    """

    real: Judged
    fake: Judged
    features: Tensor
    d_head: Tensor
    d_score: Tensor
    g_head: Tensor
    g_score: Tensor


def split(gan: GAN, scene: Scene) -> Split:
    """Judge the scene's real images and the generator's fakes, and take the losses apart.

    The fakes have a graph to the generator, and the discriminator sees both in one call, as it
    does in training.
    """
    n, labels = len(scene.labels), scene.labels
    fakes = gan.generator(scene.latents, labels)
    own, features = gan.discriminator(torch.cat([scene.real, fakes]))
    added = gan.conditioning.score(features, torch.cat([labels, labels]))

    def judged(scores: Tensor) -> tuple[Judged, Judged]:
        return (
            Judged(scene.real, labels, scores[:n], features[:n]),
            Judged(fakes, labels, scores[n:], features[n:]),
        )

    def generators(scores: Tensor) -> Tensor:
        return gan.adversarial.generator(scores[:n].detach(), scores[n:])

    through_head, through_score = own.detach() + added, own + added.detach()
    real, fake = judged(through_head)
    discriminators = gan.adversarial.discriminator
    return Split(
        real,
        fake,
        features,
        d_head=discriminators(real.scores, fake.scores)
        + gan.conditioning.discriminator_loss(real, fake),
        d_score=discriminators(through_score[:n], through_score[n:]),
        g_head=generators(through_head) + gan.conditioning.generator_loss(fake),
        g_score=generators(through_score),
    )


def slope(loss: Tensor, *at: Tensor) -> Tensor:
    """∂loss/∂at laid out as one vector; zeros where the loss does not depend on it."""
    if not loss.requires_grad:
        return torch.cat([torch.zeros_like(each).flatten() for each in at])
    found = torch.autograd.grad(loss, at, retain_graph=True, allow_unused=True)
    return torch.cat(
        [
            torch.zeros_like(each).flatten() if gradient is None else gradient.flatten()
            for each, gradient in zip(at, found, strict=True)
        ]
    )


def each_norm(gradient: Tensor, n: int) -> Tensor:
    """‖n · gradient_i‖ for the n images a mean was taken over: (n,)."""
    norms: Tensor = gradient.view(n, -1).norm(dim=1)
    return n * norms
