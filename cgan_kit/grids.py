"""Fixed z against varying class: what the class grid shows, as tensors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from cgan_kit.data import ImageSet
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


def real_rows(image_set: ImageSet, classes: Sequence[int], rows: int = 1, seed: int = 0) -> Tensor:
    """Real images under a grid's columns: uint8 (rows·len(classes), C, H, W), row by row.

    Down a column are different images of one class, drawn by `seed`; where a class has fewer
    than `rows`, white ones follow.
    """
    generator = torch.Generator().manual_seed(seed)
    labels = image_set.labels.cpu()
    images = torch.full((rows, len(classes), *image_set.sample_shape), 255, dtype=torch.uint8)
    for column, k in enumerate(classes):
        members = torch.nonzero(labels == k).flatten()
        picked = members[torch.randperm(len(members), generator=generator)[:rows]]
        images[: len(picked), column] = image_set.images[picked.to(image_set.device)].cpu()
    return images.flatten(0, 1)


def fingerprint(latents: Tensor) -> str:
    """Eight hexadecimal digits of SHA-256 over the numbers of z: equal z, equal digits."""
    numbers = latents.detach().cpu().contiguous().numpy().tobytes()
    return hashlib.sha256(numbers).hexdigest()[:8]


def step_at(steps: Sequence[int], step: int) -> int:
    """The last of a run's checkpoints at or before `step`; there must be one."""
    return max(each for each in steps if each <= step)


def common_steps(runs: Mapping[str, Run]) -> list[int]:
    """Every run's checkpoints, ascending, from where on each run has one; see `step_at`."""
    start = max(run.steps[0] for run in runs.values())
    return sorted({step for run in runs.values() for step in run.steps if step >= start})


def check_comparable(runs: Mapping[str, Run], real: ImageSet | None = None) -> None:
    """Side by side, runs must read the same z and make the same classes at the same size.

    Raises:
        ValueError: no runs, one without checkpoints, runs that differ in Z, classes or size of
            image, real images of other classes or another size.
    """
    if not runs:
        raise ValueError("runs is empty; give a run, or at least one: {'acgan': run}")
    first, *others = runs
    for name, run in runs.items():
        if not run.steps:
            raise ValueError(
                f"{_which(name)} has no checkpoints; train it with checkpoints=1 or more, then "
                "open it again"
            )
    for name in others:
        _check_alike(_which(name), runs[name], _which(first), runs[first])
        if runs[name].latent_dim != runs[first].latent_dim:
            raise ValueError(
                f"{_which(name)} reads z of {runs[name].latent_dim} numbers but {_which(first)} of "
                f"{runs[first].latent_dim}, so they cannot get the same z; train both with one "
                "latent_dim, or show each in a grid of its own"
            )
    if real is not None:
        _check_alike("real", real, _which(first), runs[first])


def _check_alike(name: str, one: Run | ImageSet, other_name: str, other: Run) -> None:
    if one.class_names != other.class_names:
        shown, others = (_listed(each.class_names) for each in (one, other))
        raise ValueError(
            f"{name} has the classes {shown} but {other_name} has {others}; a column must be "
            "the same class everywhere: give what was made of the same set"
        )
    if tuple(one.sample_shape) != other.sample_shape:
        raise ValueError(
            f"{name} has images {tuple(one.sample_shape)} but {other_name} makes "
            f"{other.sample_shape}; give what was made of the same set, at the same size"
        )


def _which(name: str) -> str:
    return f"runs[{name!r}]" if name else "run"


def _listed(class_names: Sequence[str]) -> str:
    return ", ".join(class_names[:12]) + (", ..." if len(class_names) > 12 else "")


def _label(wanted: int | str, class_names: Sequence[str]) -> int:
    if isinstance(wanted, str):
        if wanted in class_names:
            return list(class_names).index(wanted)
    elif 0 <= wanted < len(class_names):
        return int(wanted)
    raise ValueError(
        f"classes holds {wanted!r}, but the run has {len(class_names)} classes "
        f"({_listed(class_names)}); "
        f"give numbers from 0 to {len(class_names) - 1} or these names"
    )
