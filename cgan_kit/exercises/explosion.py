"""The exercises of lesson 03: the row's gradient, its two factors, and three runs to diagnose."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import EllipsisType

import torch
import torch.nn.functional as F
from torch import Tensor

from cgan_kit.diagnostics import diagnose
from cgan_kit.diagnostics.verdict import ILLNESSES
from cgan_kit.exercises.verdict import choice, fault, no_dict, returned, say, tensor
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
    features, logits = 2 * torch.randn(8, 5, generator=random), torch.randn(8, 4, generator=random)
    return features, logits, torch.tensor([0, 1, 2, 3, 0, 1, 1, 0])


def check_row_gradient(row_gradient: Callable[[Tensor, Tensor, Tensor, int], Tensor]) -> bool:
    """Is it ∂L/∂w_k, L the mean cross entropy of logits W F(x)?

    Arguments:
        row_gradient: (features (n, F), logits (n, K), labels int64 (n,), k) -> (F,).
    """
    batch, rows, values = _batch(), [0, 1, 3], []
    form = "w_k is as long as a feature vector: (5,)"
    for k in rows:
        value, problem = returned(row_gradient, (*batch, k), lambda row: tensor(row, (5,), form))
        if value is None:
            return say(False, problem)
        values.append(value)
    right, causes = _rows(*batch)
    return _say_of_numbers(
        torch.stack(values),
        right[rows],
        {cause: mistaken[rows] for cause, mistaken in causes.items()},
        "what autograd gives for w_k, without autograd",
    )


def _rows(features: Tensor, logits: Tensor, labels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """∂L/∂W, (K, F), and what mistakes make of it."""
    n, k = logits.shape
    own, p = F.one_hot(labels, k).float(), logits.softmax(dim=1)
    chosen = p[torch.arange(n), labels][:, None]  # p_{i, y_i}

    def gradient(weights: Tensor) -> Tensor:
        return -weights.T @ features / n

    right = gradient(own - p)
    return right, {
        "1/N is missing: the loss is a mean over the batch, so its gradient is one too": n * right,
        "the sign is turned round: this is the direction in which L falls": -right,
        "the sign is turned round, and 1/N is missing": -n * right,
        "you took p of each image's own class, p_{i,y_i}; the row w_k is pulled by p_{i,k}": (
            gradient(own - chosen)
        ),
        "the images of other classes are missing: they push w_k away, by p_{i,k}": (
            gradient(own * (1 - p))
        ),
        "1 stands where 1[y_i = k] should: that is 0 for the images of other classes": gradient(
            1 - p
        ),
        "every image pulls here, by 1 - p_{i,y_i}; those of other classes push, by p_{i,k}": (
            gradient((1 - chosen).expand(n, k))
        ),
        "1[y_i = k] is missing: the images of class k pull, too": gradient(-p),
        "you took the logits where p stands; softmax comes first": gradient(own - logits),
        "the softmax runs over the batch; use dim=1": gradient(own - logits.softmax(dim=0)),
        "the features were normalised: then ‖F‖ drops out, and this is the cure's gradient": (
            -(own - p).T @ F.normalize(features, dim=1) / n
        ),
        "this is the mean over images of class k alone; N counts the whole batch": (
            right * n / labels.bincount(minlength=k)[:, None]
        ),
        **{
            f"k is not used: this is the row of class {j}, whatever k is": right[j].expand_as(right)
            for j in range(k)
        },
    }


def check_product(product: Callable[[Tensor, Tensor, Tensor], Tensor]) -> bool:
    """Is it the mean of ‖F(x_i)‖ (1 - p_{i,y_i}), class by class?

    Arguments:
        product: (features (n, F), logits (n, K), labels int64 (n,)) -> (K,).
    """
    features, logits, labels = batch = _batch()
    form = "give one number a class: (4,)"
    value, problem = returned(product, batch, lambda answer: tensor(answer, (4,), form))
    if value is None:
        return say(False, problem)
    length, p = features.norm(dim=1), logits.softmax(dim=1)
    image, sizes = torch.arange(len(labels)), labels.bincount()
    chosen = p[image, labels]

    def of_class(values: Tensor) -> Tensor:
        return torch.stack([values[labels == k].mean() for k in range(4)])

    right = of_class(length * (1 - chosen))
    causes = {
        "it is the product of two means; multiply image by image, then take the mean": (
            of_class(length) * of_class(1 - chosen)
        ),
        "you took p instead of 1 - p: an image that is read right does not pull": (
            of_class(length * chosen)
        ),
        "it is the sum over a class; take the mean": right * sizes,
        "you divided by the whole batch; take the mean over the images of the class": (
            right * sizes / len(labels)
        ),
        "you took the largest p; take that of the right class": (
            of_class(length * (1 - p.amax(dim=1)))
        ),
        "you took p_{i,k} of all images; take the images of class k, and p of their class": (
            (length[:, None] * (1 - p)).mean(dim=0)
        ),
        "the softmax runs over the batch; use dim=1": (
            of_class(length * (1 - logits.softmax(dim=0)[image, labels]))
        ),
        "this is the length of the whole matrix; each image has its own: norm(dim=1)": (
            of_class(features.norm() * (1 - chosen))
        ),
        "the length is squared; take the root": of_class(length**2 * (1 - chosen)),
    }
    return _say_of_numbers(value, right, causes, "‖F‖(1 - p), class by class")


def _say_of_numbers(
    value: Tensor, right: Tensor, causes: Mapping[str, Tensor], praise: str
) -> bool:
    otherwise = "the numbers differ, and not by a mistake that this check knows"
    problem = fault(value, right, causes, otherwise)
    return say(not problem, problem or praise)


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
    if problem := no_dict(answers, list(runs), HEALTHY):
        return say(False, problem)
    shown = []
    for name, history in runs.items():
        answer, problem = choice(answers.get(name, ...), DIAGNOSES, f"run {name}")
        if answer is None:
            return say(False, problem)
        signs = {finding.illness: finding.evidence for finding in diagnose(history).findings}
        if answer == HEALTHY and signs:
            return say(False, f"run {name}: not healthy; one of its curves does what it should not")
        if answer != HEALTHY and answer not in signs:
            return say(False, f"run {name}: not {answer!r}; then {_SIGNS[answer]}")
        shown.append(f"{name} {answer} ({_first(signs.get(answer, 'no illness shows'))})")
    return say(True, "; ".join(shown))


def _first(evidence: str) -> str:
    """Its first clause."""
    return re.split(r"[;.](?: |$)", evidence)[0]
