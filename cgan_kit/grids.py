"""Fixed z against varying class: what the class grid shows, as tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from cgan_kit.models import Generator, draw_latents
from cgan_kit.training.precision import Precision
from cgan_kit.training.run import Run

# (latents (n, Z), labels int64 (n,)) -> samples (n, ...)
Sampler = Callable[[Tensor, Tensor], Tensor]


def fixed_latents(rows: int, latent_dim: int, seed: int) -> Tensor:
    """The z of a grid's rows: float32 (rows, latent_dim) from the training prior.

    The same rows and seed give the same draws on every machine with the same PyTorch.

    Raises:
        ValueError: rows below 1.
    """
    if rows < 1:
        raise ValueError(f"rows is {rows}; give at least 1")
    return draw_latents(rows, latent_dim, torch.Generator().manual_seed(seed))


def sample_grid(sample: Sampler, latents: Tensor, classes: Sequence[int]) -> Tensor:
    """Each z with each class: samples (rows·len(classes), ...), row by row.

    A row holds one z to the bit; only the class changes along it.

    Arguments:
        sample: such as `run.sample`, or a generator.
        latents: float (rows, Z).
        classes: the labels across.
    """
    labels = torch.tensor(list(classes), device=latents.device)
    return sample(latents.repeat_interleave(len(labels), dim=0), labels.repeat(len(latents)))


def image_generator(run: Run, step: int | None = None) -> Generator:
    """`run.generator(step)`, laid out for speed: on a CPU it takes two thirds of the time."""
    generator = run.generator(step)
    Precision(channels_last=True).arrange(generator)
    return generator


def choose_classes(
    classes: Sequence[int | str] | None, class_names: Sequence[str]
) -> tuple[int, ...]:
    """Labels of the classes asked for by number or by name; None means all of them.

    Raises:
        ValueError: a class that is not there, or no class at all.
    """
    if classes is None:
        return tuple(range(len(class_names)))
    if len(classes) == 0:
        raise ValueError("classes is empty; name at least one class, or leave it out for all")
    return tuple(_label(each, class_names) for each in classes)


def _label(wanted: int | str, class_names: Sequence[str]) -> int:
    if isinstance(wanted, str):
        if wanted in class_names:
            return list(class_names).index(wanted)
    elif 0 <= wanted < len(class_names):
        return int(wanted)
    shown = ", ".join(class_names[:12]) + (", ..." if len(class_names) > 12 else "")
    raise ValueError(
        f"classes holds {wanted!r}, but the run has {len(class_names)} classes ({shown}); "
        f"give numbers from 0 to {len(class_names) - 1} or these names"
    )
