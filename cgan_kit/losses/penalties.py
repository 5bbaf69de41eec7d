"""Gradient penalties: what holds a discriminator's slope in check.

A penalty is called in the discriminator's step, after both halves have been judged, with
the images as leaves of the graph; it returns a scalar with a graph of its own (a second
derivative follows when the loss is differentiated).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from cgan_kit.losses.checks import check_weight
from cgan_kit.losses.conditioning import Judged

Judge = Callable[[Tensor, Tensor], Judged]
Uniform = Callable[[int], Tensor]


class Penalty(Protocol):
    """(real, fake, judge, uniform) -> scalar.

    `judge(images, labels)` asks the discriminator again; `uniform(n)` draws n numbers in [0, 1)
    from the run's own chance, one for each image of this process's part of the batch.
    """

    def __call__(self, real: Judged, fake: Judged, judge: Judge, uniform: Uniform) -> Tensor: ...


class SlopePenalty:
    """What R1, R2 and their sum share: γ.

    Arguments:
        gamma: γ, at least 0.

    Raises:
        ValueError: a γ that is negative or no finite number.
    """

    def __init__(self, gamma: float) -> None:
        self.gamma = check_weight(gamma, "gamma", none="no penalty")


class R1(SlopePenalty):
    """γ/2 E‖∇D(x)‖² on real images. Mescheder et al. 2018, arXiv:1801.04406, equation 9."""

    def __call__(self, real: Judged, fake: Judged, judge: Judge, uniform: Uniform) -> Tensor:
        return self.gamma / 2 * squared_slopes(real.scores, real.images).mean()


class R2(SlopePenalty):
    """γ/2 E‖∇D(G(z))‖² on fake images. Mescheder et al. 2018, equation 9 with fakes."""

    def __call__(self, real: Judged, fake: Judged, judge: Judge, uniform: Uniform) -> Tensor:
        return self.gamma / 2 * squared_slopes(fake.scores, fake.images).mean()


class R1R2(SlopePenalty):
    """R1 and R2 with one γ. Huang et al. 2024 (R3GAN), arXiv:2501.05441, section 2.2.

    The same value as R1(gamma) + R2(gamma), for one extra pass instead of two: both halves
    were judged in one call, so one backward pass holds both slopes.
    """

    def __call__(self, real: Judged, fake: Judged, judge: Judge, uniform: Uniform) -> Tensor:
        total = real.scores.sum() + fake.scores.sum()
        slopes = torch.autograd.grad(total, [real.images, fake.images], create_graph=True)
        return self.gamma / 2 * mean_squares(slopes)


class WGANGP:
    """λ E(‖∇D(x̂)‖ − 1)², x̂ on the lines between real and fake images.

    Gulrajani et al. 2017, arXiv:1704.00028, equation 3. The pairs share a label.

    Arguments:
        weight: λ, at least 0; the paper has 10.

    Raises:
        ValueError: a weight that is negative or no finite number.
    """

    def __init__(self, weight: float = 10.0) -> None:
        self.weight = check_weight(weight, none="no penalty")

    def __call__(self, real: Judged, fake: Judged, judge: Judge, uniform: Uniform) -> Tensor:
        share = uniform(len(real.images)).to(real.images)
        share = share.view(-1, *(1 for _ in real.images.shape[1:]))
        between = torch.lerp(real.images.detach(), fake.images.detach(), share).requires_grad_()
        judged = judge(between, real.labels)
        # The root's slope at zero is infinite; the small constant keeps it finite.
        norms = (squared_slopes(judged.scores, between) + 1e-12).sqrt()
        return self.weight * (norms - 1).square().mean()


def squared_slopes(scores: Tensor, images: Tensor) -> Tensor:
    """‖∂score_i/∂image_i‖² for each image, (n,), with a graph."""
    (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return gradient.square().flatten(1).sum(dim=1)


def mean_squares(slopes: tuple[Tensor, ...]) -> Tensor:
    """For each group of slopes (n, ...) the mean over n of ‖slope_i‖²; their sum."""
    return torch.stack([slope.square().flatten(1).sum(dim=1).mean() for slope in slopes]).sum()
