"""Labels that are partly wrong, so that no classifier can be sure of them."""

from __future__ import annotations

from typing import TypeVar

import torch

from cgan_kit.data.labelled import LabelledSet

S = TypeVar("S", bound=LabelledSet)


def with_label_noise(data: S, share: float, seed: int = 0) -> S:
    """The same samples; each has, with probability `share`, a label drawn anew from all classes.

    With K classes a share of 1 - 1/K of the new labels is wrong, so the likeliest class has a
    probability of 1 - share (1 - 1/K), and -log p can fall no lower.

    Arguments:
        share: in [0, 1].
        seed: of which labels change, and to what.

    Returns:
        a set named "custom": a run on it cannot load it again by its name.

    Raises:
        ValueError: a share outside [0, 1].
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; give a share of the labels, from 0 to 1")
    random = torch.Generator().manual_seed(seed)
    changed = torch.rand(len(data), generator=random) < share
    drawn = torch.randint(data.num_classes, (len(data),), generator=random)
    noisy = data.subset(torch.arange(len(data), device=data.device))
    noisy.labels = torch.where(changed.to(data.device), drawn.to(data.device), data.labels)
    noisy.name = "custom"
    return noisy
