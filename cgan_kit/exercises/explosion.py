"""The exercises of lesson 03: the row's gradient, its two factors, and three runs to diagnose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import EllipsisType

import torch
import torch.nn.functional as F
from torch import Tensor

from cgan_kit.diagnostics import diagnose
from cgan_kit.diagnostics.verdict import ILLNESSES
from cgan_kit.exercises.verdict import called, say
from cgan_kit.training.run import Run

History = Sequence[Mapping[str, float]]
HEALTHY = "healthy"
DIAGNOSES = (HEALTHY, *(illness.name for illness in ILLNESSES))
_RUNS = {"A": "acgan-1", "B": "linear-acgan-1", "C": "acgan-10-1"}
_SIGNS = {
    "diverged": "a loss would be no number, or beyond a million",
    "dead discriminator": "the score's gradient at G's images would fall to almost nothing, while "
    "the samples are not right yet",
    "classifier gradient growing": "‖∂L/∂W‖ would end at three times its early size or more",
    "feature norm growing with p stalled": "‖F‖ would rise while p stays, so that ‖F‖(1 - p) rises",
    "conditioning drowns the adversarial term": "in D's trunk the head's curve would lie far "
    "above the score's for most of the run",
    "discriminator overfits": "real images of the training set would be scored above fakes more "
    "often than held-out ones",
    "within-class collapse with right classes": "the variance within a class would end far below "
    "that of real images, while nearly all fakes are of the right class",
    "class confusion": "the share of fakes in the right class would end low",
    "classes pushed apart": "a judge would get fakes right more often than real images",
}


def _batch() -> tuple[Tensor, Tensor, Tensor]:
    """features (8, 5), logits (8, 4) and labels (8,) of a classifier that is often wrong."""
    random = torch.Generator().manual_seed(7)
    features = 2 * torch.randn(8, 5, generator=random, dtype=torch.float64)
    logits = torch.randn(8, 4, generator=random, dtype=torch.float64)
    return features, logits, torch.tensor([0, 1, 2, 3, 0, 1, 1, 0])


def check_row_gradient(row_gradient: Callable[[Tensor, Tensor, Tensor, int], Tensor]) -> bool:
    """Is it ∂L/∂w_k, L the mean cross entropy of logits W F(x)?

    Arguments:
        row_gradient: (features (n, F), logits (n, K), labels int64 (n,), k) -> (F,).
    """
    features, logits, labels = _batch()
    p, k = logits.softmax(dim=1), 1
    answer, problem = called(row_gradient, features.clone(), logits.clone(), labels.clone(), k)
    if answer is None:
        return say(False, problem)
    if not isinstance(answer, Tensor) or answer.shape != (5,):
        shape = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        return say(False, f"it has shape {shape}; w_k is as long as a feature vector: (5,)")
    own, n = F.one_hot(labels, 4).double(), len(labels)
    right = -((own - p)[:, k] @ features) / n
    chosen = p[torch.arange(n), labels]  # p_{i, y_i}
    unit = F.normalize(features, dim=1)
    causes = {
        "1/N is missing: the loss is a mean over the batch, so its gradient is one too": n * right,
        "the sign is turned round: this is the direction in which L falls": -right,
        "the sign is turned round, and 1/N is missing": -n * right,
        "you took p of each image's own class, p_{i,y_i}; the row w_k is pulled by p_{i,k}": -(
            (own[:, k] - chosen) @ features
        )
        / n,
        "the images of other classes are missing: they push w_k away, by p_{i,k}": -(
            (own * (1 - p))[:, k] @ features
        )
        / n,
        "1[y_i = k] is missing: the images of class k pull, too": p[:, k] @ features / n,
        "you took the logits where p stands; softmax comes first": -((own - logits)[:, k])
        @ features
        / n,
        "the features were normalised: then ‖F‖ drops out, and this is the cure's gradient": -(
            (own - p)[:, k] @ unit
        )
        / n,
        "this is the mean over images of class k alone; N counts the whole batch": right
        * n
        / int((labels == k).sum()),
    }
    return _compare(answer.double(), right, causes, "what autograd gives for w_k, without autograd")


def check_product(product: Callable[[Tensor, Tensor, Tensor], Tensor]) -> bool:
    """Is it the mean of ‖F(x_i)‖ (1 - p_{i,y_i}), class by class?

    Arguments:
        product: (features (n, F), logits (n, K), labels int64 (n,)) -> (K,).
    """
    features, logits, labels = _batch()
    answer, problem = called(product, features.clone(), logits.clone(), labels.clone())
    if answer is None:
        return say(False, problem)
    if not isinstance(answer, Tensor) or answer.shape != (4,):
        shape = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        return say(False, f"it has shape {shape}; give one number a class: (4,)")
    length, p = features.norm(dim=1), logits.softmax(dim=1)
    chosen = p[torch.arange(len(labels)), labels]

    def of_class(values: Tensor) -> Tensor:
        return torch.stack([values[labels == k].mean() for k in range(4)])

    right = of_class(length * (1 - chosen))
    causes = {
        "it is the product of two means; multiply image by image, then take the mean": of_class(
            length
        )
        * of_class(1 - chosen),
        "you took p instead of 1 - p: an image that is read right does not pull": of_class(
            length * chosen
        ),
        "it is the sum over a class; take the mean": right * labels.bincount(minlength=4),
        "you divided by the whole batch; take the mean over the images of the class": right
        * labels.bincount(minlength=4)
        / len(labels),
        "you took the largest p; take that of the right class": of_class(
            length * (1 - p.amax(dim=1))
        ),
        "you took p_{i,k} of all images; take the images of class k, and p of their class": (
            length[:, None] * (1 - p)
        ).mean(dim=0),
        "the length is squared; take the root": of_class(length**2 * (1 - chosen)),
    }
    return _compare(answer.double(), right, causes, "‖F‖(1 - p), class by class")


def _compare(answer: Tensor, right: Tensor, causes: Mapping[str, Tensor], praise: str) -> bool:
    if torch.allclose(answer, right, atol=1e-5):
        return say(True, praise)
    for cause, value in causes.items():
        if torch.allclose(answer, value, atol=1e-5):
            return say(False, cause)
    return say(False, "the numbers differ, and not by a mistake that this check knows")


def three_runs(folder: Path | str) -> dict[str, History]:
    """The histories of three recorded runs that are not named: "A", "B", "C".

    Arguments:
        folder: with the recorded runs of the lesson.
    """
    return {name: Run(Path(folder) / run).history() for name, run in _RUNS.items()}


def check_diagnoses(answers: Mapping[str, str | EllipsisType], runs: Mapping[str, History]) -> bool:
    """Is each answer among what `diagnose` finds in that run?

    Arguments:
        answers: name of a run -> one of `DIAGNOSES`; one of several illnesses is enough.
        runs: name -> history, with probes' records.
    """
    for name, history in runs.items():
        answer = answers.get(name, ...)
        found = diagnose(history).illnesses or (HEALTHY,)
        if answer is ...:
            return say(False, f"run {name} has no answer yet; choose one of {', '.join(DIAGNOSES)}")
        if answer not in DIAGNOSES:
            return say(False, f"run {name}: {answer!r} is none of {', '.join(DIAGNOSES)}")
        if answer == HEALTHY and answer not in found:
            return say(False, f"run {name}: not healthy; one of its curves does what it should not")
        if answer not in found:
            return say(False, f"run {name}: not {answer!r}; then {_SIGNS[str(answer)]}")
    return say(True, "; ".join(f"{name} {answers[name]}" for name in runs))
