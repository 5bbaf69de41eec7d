"""Ways from one sample to another: an arc between two z, a straight line between two classes."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from cgan_kit.models import Generator
from cgan_kit.models.conditional_norm import ConditionalBatchNorm2d


def slerp(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """Points between two z along the arc: spherical linear interpolation.

    Draws of N(0, I) in many dimensions lie near a sphere of radius √Z, and the straight line
    between two of them cuts through its empty inside. So the direction turns at an even pace,

        sin((1 − t)Ω)/sin Ω · a/‖a‖ + sin(tΩ)/sin Ω · b/‖b‖,   Ω the angle between a and b

    (Shoemake 1985; for latents White 2016, arXiv:1609.04468), while the length runs evenly from
    ‖a‖ to ‖b‖. Both ends are exact to the bit. Where the directions are equal or opposite, no
    arc is marked out, and the way is the straight line.

    Arguments:
        start, end: float (Z,).
        t: float (n,), 0 at the start and 1 at the end.

    Returns:
        (n, Z) in the dtype of `start`.

    Raises:
        ValueError: ends that are not two vectors of one length.
    """
    if start.ndim != 1 or start.shape != end.shape:
        raise ValueError(
            f"start has shape {tuple(start.shape)} and end {tuple(end.shape)}; give two vectors "
            "(Z,), such as rows of cgan_kit.grids.fixed_latents"
        )
    a, b, t = start.double(), end.double(), t.double()[:, None]
    lengths = a.norm(), b.norm()
    cosine = (a @ b / (lengths[0] * lengths[1])).clamp(-1, 1)
    angle = cosine.acos()
    if not angle.sin() > 1e-6:  # also where a vector is 0, and the angle NaN
        return torch.lerp(a, b, t).to(start.dtype)
    length = (1 - t) * lengths[0] + t * lengths[1]
    from_a = ((1 - t) * angle).sin() / angle.sin() * (length / lengths[0])
    from_b = (t * angle).sin() / angle.sin() * (length / lengths[1])
    points: Tensor = from_a * a + from_b * b
    return points.to(start.dtype)


def between_classes(generator: Generator, first: int, second: int, shares: Tensor) -> Generator:
    """A copy of a generator whose classes are the steps of the way between two of its classes.

    A class is a row in the generator's tables: of its embedding, of the scales and shifts of its
    conditional normalisation. The copy's label j looks up (1 − s_j) · row `first` + s_j · row
    `second`, in every table at once. With s = 0 and s = 1 these are the two rows to the bit.
    Training has never shown the generator what lies between.

    Arguments:
        generator: one of the kit's; or any that looks classes up in `nn.Embedding`s or in
            `ConditionalBatchNorm2d`s, and in nothing else.
        first, second: labels in [0, K).
        shares: float (n,), s_j, the share of `second`.

    Raises:
        ValueError: a label that is not there; a generator without such tables.
    """
    for name, label in (("first", first), ("second", second)):
        if not 0 <= label < generator.num_classes:
            raise ValueError(
                f"{name} is {label} but the generator has {generator.num_classes} classes; "
                f"give a label from 0 to {generator.num_classes - 1}"
            )
    mixed = copy.deepcopy(generator)
    tables = [
        (module, name)
        for module in mixed.modules()
        for kind, names in ((nn.Embedding, ("weight",)), (ConditionalBatchNorm2d, ("gain", "bias")))
        if isinstance(module, kind)
        for name in names
    ]
    if not tables:
        raise ValueError(
            f"{type(generator).__name__} keeps its classes in no nn.Embedding or "
            "ConditionalBatchNorm2d, so their rows cannot be mixed; use one of cgan_kit.models"
        )
    for module, name in tables:
        rows = getattr(module, name).detach()
        along = shares.to(rows)[:, None]
        mixed_rows = torch.lerp(rows[first], rows[second], along)
        setattr(module, name, nn.Parameter(mixed_rows, requires_grad=False))
    mixed.num_classes = len(shares)
    return mixed
