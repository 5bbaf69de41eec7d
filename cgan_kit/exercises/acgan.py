"""The exercises of lesson 02: AC-GAN's class loss, and the inputs of a class grid."""

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
    return _compare(answer, right, causes)


def _compare(answer: Tensor, right: Tensor, causes: dict[str, Tensor]) -> bool:
    if answer.shape != ():
        return say(False, f"it has shape {tuple(answer.shape)}; a loss is one number (a scalar)")
    if torch.allclose(answer.float(), right, atol=1e-4):
        return say(True, "the mean over the batch of -log p of the right class")
    for cause, value in causes.items():
        if torch.allclose(answer.float(), value, atol=1e-4):
            return say(False, cause)
    return say(False, "the number differs from -log p of the right class, averaged over the batch")


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
