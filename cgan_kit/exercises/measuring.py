"""The exercises of lesson 05: coverage by hand, three damaged sets, and two methods to compare.

And the images of section 6, so that the lesson does not give away what they lack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import EllipsisType
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cgan_kit.exercises.verdict import choice, fault, no_dict, returned, say
from cgan_kit.metrics import blur, duplicate, keep_modes, mix_labels, neighbours

if TYPE_CHECKING:
    from cgan_kit.data.rendered import RenderedSet

DAMAGES = ("images dropped", "labels mixed", "blurred", "nothing")
CANNOT_TELL = "cannot tell"

Sets = dict[str, tuple[Tensor, Tensor]]
_TRUTH = {"A": "blurred", "B": "labels mixed", "C": "images dropped"}
_CLUES = {
    "blurred": "precision has fallen, so single images no longer look real, while the class is "
    "still read",
    "labels mixed": "class accuracy has fallen and the Fréchet distance within classes has risen, "
    "while the plain Fréchet distance, precision and coverage, which see no labels, are like those "
    "of real images",
    "images dropped": "precision is no lower than that of real images, and recall and coverage "
    "have fallen: each image is right, but there are few",
}


def check_coverage(coverage: Callable[[Tensor, Tensor, int], Tensor | float]) -> bool:
    """Is it the share of real images whose ball holds a generated one?

    Arguments:
        coverage: (distances among real images (n, n), distances from real to generated images
            (n, m), k) -> the share, a number.
    """
    # Of two sizes, for one may give a wrong rule the right number by chance.
    cases = [(*_points(60, 37, seed=7), 4), (*_points(83, 50, seed=1), 2)]
    values = []
    for real, fake, k in cases:
        value, problem = returned(coverage, (torch.cdist(real, real), torch.cdist(real, fake), k))
        if value is None:
            return say(False, problem)
        values.append(value)
    right = torch.tensor([neighbours(*case).coverage for case in cases])
    mistakes = [_coverage_mistakes(*case) for case in cases]
    causes = {cause: torch.stack([each[cause] for each in mistakes]) for cause in mistakes[0]}
    otherwise = f"the kit's coverage of the same points is {right[0]:.3f}, yours {values[0]:.3f}"
    problem = fault(torch.stack(values), right, causes, otherwise)
    return say(
        not problem,
        problem or "the share of real images with a generated one inside their ball",
    )


def _points(n: int, m: int, seed: int) -> tuple[Tensor, Tensor]:
    """n real points, some close together and some far apart, and m generated ones.

    So each known mistake gives a number of its own.
    """
    random = torch.Generator().manual_seed(seed)
    spread = torch.linspace(0.2, 2.5, n, dtype=torch.float64)[:, None]
    real = spread * torch.randn(n, 2, generator=random, dtype=torch.float64)
    return real, 2.5 * torch.randn(m, 2, generator=random, dtype=torch.float64) + 0.5


def _coverage_mistakes(real: Tensor, fake: Tensor, k: int) -> dict[str, Tensor]:
    among_real, to_fake = torch.cdist(real, real), torch.cdist(real, fake)
    ordered = among_real.sort(dim=1).values
    inside = to_fake < ordered[:, k : k + 1]
    too_small = to_fake < ordered[:, k - 1 : k]
    return {
        "each image counts as its own nearest neighbour, at distance 0, so your ball reaches "
        "only the one before: take the smallest k + 1": _share(too_small.any(dim=1)),
        "this is precision, the share of generated images that lie in some ball; coverage asks "
        "each real image": _share(inside.any(dim=0)),
        "this is the share of pairs; one generated image in the ball is enough": _share(inside),
        "this is density: it counts how many balls a generated image lies in": _share(inside)
        * len(among_real)
        / k,
        "this is how many, not which share; divide by the number of real images": inside.any(dim=1)
        .sum()
        .double(),
        "one radius for all images; each real image has a ball of its own": _share(
            (to_fake < ordered[:, k].mean()).any(dim=1)
        ),
        "one radius for all images, the median; each real image has a ball of its own": _share(
            (to_fake < ordered[:, k].median()).any(dim=1)
        ),
        "this is the share that is not covered": 1 - _share(inside.any(dim=1)),
        **{
            f"k is not used: it is {fixed} here, whatever k is": _share(
                (to_fake < ordered[:, fixed : fixed + 1]).any(dim=1)
            )
            for fixed in range(1, 10)
        },
    }


def _share(chosen: Tensor) -> Tensor:
    return chosen.double().mean()


def three_sets(images: Tensor, labels: Tensor) -> Sets:
    """The same real images, damaged in three ways that are not told: name -> images, labels."""
    made = {
        "blurred": (blur(images, 0.75), labels),
        "labels mixed": (images, mix_labels(labels, 0.15, seed=5)),
        "images dropped": (duplicate(keep_modes(images, labels, 24, 5), labels, 0.2, 6), labels),
    }
    return {name: made[damage] for name, damage in _TRUTH.items()}


def forgetful(shapes: RenderedSet, n: int = 860, seed: int = 0) -> RenderedSet:
    """Images of a generator that has lost something: one style altogether, most of one size.

    Arguments:
        shapes: `cgan_kit.data.load("shapes")`, whole.
        n: images, drawn with repeats.
        seed: of the draw.
    """
    draw = torch.Generator().manual_seed(seed)
    filled = shapes.factors["style"] == 0
    likely = torch.where(shapes.factors["size"] == 0, 0.3, 1.0)
    return shapes.subset(torch.multinomial(filled * likely, n, replacement=True, generator=draw))


def check_detective(answers: Mapping[str, str | EllipsisType]) -> bool:
    """Which damage was done to each of `three_sets`?

    Arguments:
        answers: name of the set -> one of `DAMAGES`.
    """
    if problem := no_dict(answers, list(_TRUTH), "blurred"):
        return say(False, problem)
    for name, truth in _TRUTH.items():
        answer, problem = choice(answers.get(name, ...), DAMAGES, f"set {name}")
        if answer is None:
            return say(False, problem)
        if answer != truth:
            return say(False, f"set {name}: not {answer}; {_hint(answer)}")
    return say(True, "; ".join(f"{name} {damage}" for name, damage in _TRUTH.items()))


def _hint(answer: str) -> str:
    if answer == "nothing":
        return "some metrics lie far outside what twenty deals of real images scored"
    return f"there you would expect this: {_CLUES[answer]}"


def check_which_is_better(
    answer: str | EllipsisType, values: Mapping[str, Sequence[float]]
) -> bool:
    """Which of two methods is better, by a metric of which more is better?

    Arguments:
        answer: one of the methods, or "cannot tell".
        values: method -> one value a training seed; two methods.
    """
    one, other = values
    chosen, problem = choice(answer, (one, other, CANNOT_TELL))
    if chosen is None:
        return say(False, problem)
    truth = _told_apart(values)
    if chosen == truth == CANNOT_TELL:
        return say(
            True,
            "the ranges over seeds overlap, so another three seeds could turn the order round. "
            "It does not mean that the two are equal; it means that more seeds are needed",
        )
    if chosen == truth:
        return say(True, f"every seed of {truth} lies above every seed of the other")
    if chosen == CANNOT_TELL:
        return say(False, f"the ranges do not touch: every seed of {truth} is the better one")
    return say(False, _against(chosen, one if chosen == other else other, values))


def _told_apart(values: Mapping[str, Sequence[float]]) -> str:
    one, other = values
    if min(values[one]) > max(values[other]):
        return one
    return other if min(values[other]) > max(values[one]) else CANNOT_TELL


def _against(chosen: str, other: str, values: Mapping[str, Sequence[float]]) -> str:
    """Why the values do not show that the chosen method is better."""
    own, others = values[chosen], values[other]
    mean, best = (sum(own) / len(own) > sum(others) / len(others), max(own) > max(others))
    why = [
        f"{chosen} has {'the higher' if mean else 'not even the higher'} mean",
        f"{chosen if best else other} has the best single seed",
        f"the worst seed of {chosen} ({min(own):.3f}) lies below the best of {other} "
        f"({max(others):.3f})",
    ]
    luck = ". With these seeds either could have come out ahead"
    return "; ".join(why) + luck * (_told_apart(values) == CANNOT_TELL)
