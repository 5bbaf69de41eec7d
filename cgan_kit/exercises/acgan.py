"""The exercises of lesson 02: AC-GAN's class loss, the inputs of a class grid, the arc."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from cgan_kit.exercises.verdict import called, fault, kind, loss_fault, returned, say, tensor


def check_class_loss(class_loss: Callable[[Tensor, Tensor], Tensor]) -> bool:
    """Is it the classifier's mean negative log-likelihood of the right class?

    Arguments:
        class_loss: (logits (n, K), labels int64 (n,)) -> scalar, to be minimised.
    """
    random = torch.Generator().manual_seed(7)
    logits = 3 * torch.randn(6, 5, generator=random)
    labels = torch.randint(5, (6,), generator=random)
    right, softmax = F.cross_entropy(logits, labels), logits.softmax(dim=1)
    chosen = softmax[torch.arange(6), labels]
    causes = {
        "softmax was applied twice: cross_entropy already contains it, so it wants the logits "
        "themselves": F.cross_entropy(softmax, labels),
        "the logarithm is missing: nll_loss expects log-probabilities, so this is only minus "
        "the probability": F.nll_loss(softmax, labels),
        "nll_loss wants log-probabilities: take log_softmax first": F.nll_loss(logits, labels),
        "the softmax runs over the batch; use dim=1": F.nll_loss(logits.log_softmax(0), labels),
        "[:, labels] takes every label in every row; use [torch.arange(n), labels]": (
            -logits.log_softmax(1)[:, labels].mean()
        ),
        "the sign is turned round: this is the log-likelihood, and a loss is minimised": -right,
        "it is the sum over the batch; take the mean, or the batch size becomes a weight": (
            6 * right
        ),
        "it is the mean over all entries; pick the right class of each row first, then take the "
        "mean over the batch": right / 5,
        "it is the mean probability of the right class; take its logarithm first, image by "
        "image": chosen.mean(),
        "the logarithm is taken after the mean; take it image by image, then the mean": (
            -chosen.mean().log()
        ),
    }
    problem = loss_fault(class_loss, (logits.requires_grad_(), labels), right, causes)
    return say(not problem, problem or "the mean over the batch of -log p of the right class")


def check_grid_inputs(grid_inputs: Callable[[Tensor, int], tuple[Tensor, Tensor]]) -> bool:
    """Are they the generator's inputs for a grid with one z a row and one class a column?

    Arguments:
        grid_inputs: (latents (rows, Z), K) -> latents (rows·K, Z) and labels int64 (rows·K,),
            row by row.
    """
    latents = torch.randn(3, 4, generator=torch.Generator().manual_seed(7))
    num_classes = 5
    answer, problem = called(grid_inputs, latents, num_classes)
    problem = problem or _grid_fault(answer, latents, num_classes)
    return say(not problem, problem or "z stays, the class changes, and nothing else does")


def _grid_fault(answer: object, latents: Tensor, num_classes: int) -> str:
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return f"it is {kind(answer)}; return two tensors: latents, labels"
    rows, dim = latents.shape
    n = rows * num_classes
    form = f"for {rows} latents and {num_classes} classes it must be"
    z, problem = tensor(answer[0], (n, dim), f"{form} {(n, dim)}")
    if z is None:
        return f"latents: {problem}"
    labels, problem = tensor(answer[1], (n,), f"{form} {(n,)}")
    if labels is None:
        return f"labels: {problem}"
    return _order_fault(z, labels, latents.double(), num_classes) or _dtype_fault(*answer)


def _order_fault(z: Tensor, labels: Tensor, latents: Tensor, num_classes: int) -> str:
    classes, rows = torch.arange(num_classes).double(), len(latents)
    across, down = latents.repeat_interleave(num_classes, dim=0), latents.repeat(num_classes, 1)
    if torch.equal(z, down) and torch.equal(labels, classes.repeat(rows)):
        return (
            "z changes together with the class: along a row of the grid both move, so nobody can "
            "tell which of them changed the picture. Repeat each z before going on to the next"
        )
    if torch.equal(z, down) and torch.equal(labels, classes.repeat_interleave(rows)):
        return "this is column by column; the grid goes row by row"
    if not torch.equal(z, across):
        return "within a row of the grid z must stay the same to the bit"
    if not torch.equal(labels, classes.repeat(rows)):
        return "each row must run through all classes once: int64 0, 1, ..., K - 1"
    return ""


def _dtype_fault(z: Tensor, labels: Tensor) -> str:
    if z.dtype != torch.float32:
        return f"the latents have become {z.dtype}; leave them torch.float32"
    if labels.dtype != torch.int64:
        return f"the labels are {labels.dtype}; classes are torch.int64"
    return ""


def check_arc(arc: Callable[[Tensor, Tensor, float], Tensor]) -> bool:
    """Does it turn one z into another of the same length at an even pace?

    Arguments:
        arc: (start (Z,), end (Z,), t in [0, 1]) -> (Z,).
    """
    random = torch.Generator().manual_seed(7)
    start, end = F.normalize(torch.randn(2, 6, generator=random), dim=1) * 2.5
    form = "a z like the two ends has (6,)"
    value, problem = returned(arc, (start, end, 0.3), lambda answer: tensor(answer, (6,), form))
    if value is None:
        return say(False, problem)
    if value.isnan().any():
        return say(False, "it is NaN: acos wants a cosine, so divide a · b by both lengths first")
    angle = (start @ end / 2.5**2).acos()
    weights = ((1 - 0.3) * angle).sin(), (0.3 * angle).sin()
    right = (weights[0] * start + weights[1] * end) / angle.sin()
    straight = 0.7 * start + 0.3 * end
    causes = {
        "this is the straight line: in the middle it is shorter than its ends": straight,
        "this is the straight line made longer: it stays on the sphere, but turns fastest in the "
        "middle": 2.5 * F.normalize(straight, dim=0),
        "the division by sin Ω is missing": right * angle.sin(),
        "start and end have changed places": (weights[1] * start + weights[0] * end) / angle.sin(),
        "it has length 1: the ends have another; do not divide them, only their product": (
            right / 2.5
        ),
    }
    otherwise = "it is not the point at 0.3 of the arc; look at the two weights again"
    problem = fault(value, right, causes, otherwise)
    return say(not problem, problem or "the length stays, and the direction turns at an even pace")
