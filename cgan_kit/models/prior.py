"""Where z comes from: the standard normal distribution, whole or truncated."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cgan_kit.checks import check_counts, is_number, is_whole


def draw_latents(
    n: int,
    latent_dim: int,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """n draws of z ~ N(0, I): float32 (n, latent_dim).

    Training, metrics and widgets all draw here, so that what a widget shows is what the
    generator was trained on.

    Arguments:
        n: 0 or more.
        generator: a seeded generator for draws that repeat; it must live on `device`.

    Raises:
        ValueError: an n or a latent_dim that is no such number.
    """
    if not is_whole(n, 0):
        raise ValueError(f"n is {n!r}; give a whole number, 0 or more")
    check_counts(latent_dim=latent_dim)
    return torch.randn(n, latent_dim, generator=generator, device=device)


def truncate(latents: Tensor, truncation: float) -> Tensor:
    """The same draws, moved into [-truncation, truncation].

    Each coordinate keeps its quantile: it goes through the normal distribution function and
    back through the inverse of the truncated one. So the result follows the truncated normal
    (the truncation trick of Brock et al. 2019, arXiv:1809.11096, section 3.1, without their
    resampling) and moves smoothly with the bound.

    Arguments:
        latents: (n, Z), drawn from N(0, I).
        truncation: the bound, above 0; `math.inf` gives `latents` back to the bit.

    Raises:
        ValueError: a truncation that is not above 0.
    """
    if not is_number(truncation) or not truncation > 0:
        raise ValueError(f"truncation is {truncation!r}; give a bound above 0, such as 1.0")
    if math.isinf(truncation):
        return latents
    # erf and its inverse in float64: in float32 the tails round to infinity.
    quantile = torch.erf(latents.double() / math.sqrt(2))
    bound = math.erf(truncation / math.sqrt(2))
    moved = (torch.erfinv(quantile * bound) * math.sqrt(2)).to(latents.dtype)
    # Beyond eight standard deviations float64 knows no quantiles; the bounds hold there too.
    limit = latents.abs().clamp(max=truncation)
    return moved.clamp(-limit, limit)
