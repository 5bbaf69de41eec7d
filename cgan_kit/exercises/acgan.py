"""The exercises of lesson 02: AC-GAN's class loss, the inputs of a class grid, the arc."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from cgan_kit.exercises.verdict import called, say


def check_class_loss(class_loss: Callable[[Tensor, Tensor], Tensor]) -> bool:
    """Is it the classifier's mean negative log-likelihood of the right class?

    Arguments:
        class_loss: (logits (n, K), labels int64 (n,)) -> scalar, to be minimised.
    """
    random = torch.Generator().manual_seed(7)
    logits = 3 * torch.randn(6, 5, generator=random)
    labels = torch.randint(5, (6,), generator=random)
    answer, problem = called(class_loss, logits.clone(), labels.clone())
    if answer is None:
        return say(False, problem)
    right = F.cross_entropy(logits, labels)
    softmax = logits.softmax(dim=1)
    chosen = softmax[torch.arange(6), labels]
    causes = {
        "softmax was applied twice: cross_entropy already contains it, so it wants the logits "
        "themselves": F.cross_entropy(softmax, labels),
        "the logarithm is missing: nll_loss expects log-probabilities, so this is only minus "
        "the probability": F.nll_loss(softmax, labels),
        "the sign is turned round: this is the log-likelihood, and a loss is minimised": -right,
        "it is the sum over the batch; take the mean, or the batch size becomes a weight": 6
        * right,
        "it is the mean over all entries; pick the right class of each row first, then take the "
        "mean over the batch": right / 5,
        "it is the mean probability of the right class; take its logarithm first, image by "
        "image": chosen.mean(),
        "the logarithm is taken after the mean; take it image by image, then the mean": -torch.log(
            chosen.mean()
        ),
    }
    if answer.shape != ():
        return say(False, f"it has shape {tuple(answer.shape)}; a loss is one number (a scalar)")
    if _same(answer, right):
        return say(True, "the mean over the batch of -log p of the right class")
    otherwise = "the number differs from -log p of the right class, averaged over the batch"
    return say(False, _cause(answer, causes) or otherwise)


def _cause(answer: Tensor, causes: dict[str, Tensor]) -> str | None:
    """The known mistake that gives this answer."""
    return next((cause for cause, value in causes.items() if _same(answer, value)), None)


def _same(answer: Tensor, other: Tensor) -> bool:
    return torch.allclose(answer.float(), other, atol=1e-4)


def check_grid_inputs(grid_inputs: Callable[[Tensor, int], tuple[Tensor, Tensor]]) -> bool:
    """Are they the generator's inputs for a grid with one z a row and one class a column?

    Arguments:
        grid_inputs: (latents (rows, Z), K) -> latents (rows·K, Z) and labels int64 (rows·K,),
            row by row.
    """
    latents = torch.randn(3, 4, generator=torch.Generator().manual_seed(7))
    num_classes = 5
    answer, problem = called(grid_inputs, latents.clone(), num_classes)
    if answer is None:
        return say(False, problem)
    if not isinstance(answer, tuple) or len(answer) != 2:
        return say(False, "return two tensors: latents, labels")
    z, labels = answer
    if tuple(z.shape) != (15, 4) or tuple(labels.shape) != (15,):
        return say(
            False,
            f"for 3 latents and 5 classes the shapes must be (15, 4) and (15,), "
            f"not {tuple(z.shape)} and {tuple(labels.shape)}",
        )
    row_by_row = torch.arange(num_classes).repeat(3)
    if torch.equal(z, latents.repeat(num_classes, 1)) and torch.equal(labels, row_by_row):
        return say(
            False,
            "z changes together with the class: along a row of the grid both move, so nobody can "
            "tell which of them changed the picture. Repeat each z before going on to the next",
        )
    if not torch.equal(z, latents.repeat_interleave(num_classes, dim=0)):
        return say(False, "within a row of the grid z must stay the same to the bit")
    if labels.dtype != torch.int64 or not torch.equal(labels, row_by_row):
        return say(False, "each row must run through all classes once: int64 0, 1, ..., K - 1")
    return say(True, "z stays, the class changes, and nothing else does")


def check_arc(arc: Callable[[Tensor, Tensor, float], Tensor]) -> bool:
    """Does it turn one z into another of the same length at an even pace?

    Arguments:
        arc: (start (Z,), end (Z,), t in [0, 1]) -> (Z,).
    """
    random = torch.Generator().manual_seed(7)
    start, end = F.normalize(torch.randn(2, 6, generator=random), dim=1) * 2.5
    answer, problem = called(arc, start.clone(), end.clone(), 0.3)
    if answer is None:
        return say(False, problem)
    if answer.shape != start.shape:
        return say(False, f"it has shape {tuple(answer.shape)}; a z like the two ends has (6,)")
    angle = (start @ end / 2.5**2).acos()
    weights = ((1 - 0.3) * angle).sin(), (0.3 * angle).sin()
    right = (weights[0] * start + weights[1] * end) / angle.sin()
    if _same(answer, right):
        return say(True, "the length stays, and the direction turns at an even pace")
    straight = 0.7 * start + 0.3 * end
    causes = {
        "this is the straight line: in the middle it is shorter than its ends": straight,
        "this is the straight line made longer: it stays on the sphere, but turns fastest in the "
        "middle": 2.5 * F.normalize(straight, dim=0),
        "the division by sin Ω is missing": right * angle.sin(),
        "start and end have changed places": (weights[1] * start + weights[0] * end) / angle.sin(),
    }
    if answer.isnan().any():
        return say(False, "it is NaN: acos wants a cosine, so divide a · b by both lengths first")
    otherwise = "it is not the point at 0.3 of the arc; look at the two weights again"
    return say(False, _cause(answer, causes) or otherwise)
