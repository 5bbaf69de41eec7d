"""Which way each loss moves every image: forces on features and class proxies, by autograd."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from cgan_kit.losses import (
    ACGAN,
    Judged,
    Projection,
    conditional_contrastive,
    d2d_ce,
    d2d_ce_reference,
)
from cgan_kit.losses.sphere import on_sphere


class Dials(NamedTuple):
    """τ, m_p and m_n: what `cgan_kit.losses.ReACGAN` starts with."""

    temperature: float = 0.5
    margin_positive: float = 0.98
    margin_negative: float = 0.02


Loss = Callable[[Tensor, Tensor, Tensor, Dials], Tensor]


def _acgan(features: Tensor, proxies: Tensor, labels: Tensor, dials: Dials) -> Tensor:
    method = ACGAN()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        method.attach(proxies.shape[1], len(proxies))
        method.classifier.weight.copy_(proxies)
        method.classifier.bias.zero_()
    return method.generator_loss(Judged(features, labels, labels, features))


def _projection(features: Tensor, proxies: Tensor, labels: Tensor, dials: Dials) -> Tensor:
    method = Projection()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        method.attach(proxies.shape[1], len(proxies))
        method.proxies.weight.copy_(proxies)
    return -method.score(features, labels).mean()


def _contragan(features: Tensor, proxies: Tensor, labels: Tensor, dials: Dials) -> Tensor:
    return conditional_contrastive(on_sphere(features), proxies, labels, dials.temperature)


def _d2d_ce(features: Tensor, proxies: Tensor, labels: Tensor, dials: Dials) -> Tensor:
    return d2d_ce(on_sphere(features), proxies, labels, *dials)


def _reference(features: Tensor, proxies: Tensor, labels: Tensor, dials: Dials) -> Tensor:
    return d2d_ce_reference(on_sphere(features), proxies, labels, *dials[:2])


D2D_CE = "D2D-CE"
LOSSES: dict[str, tuple[Loss, int, bool]] = {
    "AC-GAN": (_acgan, 0, False),
    "projection": (_projection, 0, False),
    "ContraGAN": (_contragan, 1, True),
    D2D_CE: (_d2d_ce, 3, True),
    "D2D-CE, the reference's": (_reference, 2, True),
}
"""name -> loss of features (n, d), how many of the `Dials` it has, whether it normalises."""


def forces(
    name: str, features: Tensor, proxies: Tensor, labels: Tensor, dials: Dials
) -> tuple[float, Tensor]:
    """(the loss, -n ∂L/∂F_i of each image (n, d)), by autograd through the kit's own loss.

    The slope is taken at the feature F before it is normalised, so its length matters. The
    classifier's rows, projection's vectors and the proxies are the same unit vectors; biases
    are 0. Projection has no loss of its own: here it is minus the mean of what it adds to the
    score, which is what the generator climbs.

    Arguments:
        name: one of `LOSSES`.
        features: float32 (n, d). proxies: unit vectors, float32 (K, d). labels: int64 (n,).
        dials: those that the loss does not have are ignored.
    """
    features = features.detach().clone().requires_grad_()
    loss = LOSSES[name][0](features, proxies, labels, dials)
    (slope,) = torch.autograd.grad(loss, features)
    return loss.item(), -len(features) * slope


def directions(degrees: Sequence[float], latitudes: Sequence[float] | None = None) -> Tensor:
    """Unit vectors, float32: (n, 2) on a circle, or (n, 3) on a sphere.

    Arguments:
        degrees: around, counted from the right.
        latitudes: degrees above the equator, one a point; None for the circle.
    """
    around = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    flat = torch.stack([around.cos(), around.sin()], dim=1)
    if latitudes is None:
        return flat.float()
    above = torch.deg2rad(torch.tensor(latitudes, dtype=torch.float64))
    return torch.cat([above.cos()[:, None] * flat, above.sin()[:, None]], dim=1).float()


def angles(point: Tensor) -> tuple[float, float]:
    """(degrees around in [0, 360), latitude) of a vector (2,) or (3,); the latter 0 on a circle."""
    x, y, *above = point.tolist()
    latitude = math.atan2(above[0], math.hypot(x, y)) if above else 0.0
    return math.degrees(math.atan2(y, x)) % 360, math.degrees(latitude)
