"""The exercises of lesson 01: both players' losses, the best discriminator, three generators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import EllipsisType

import torch
import torch.nn.functional as F
from torch import Tensor

from cgan_kit.data.gaussians import Gaussians
from cgan_kit.exercises.verdict import (
    choice,
    fault,
    loss_fault,
    no_dict,
    numbers,
    returned,
    same,
    say,
)
from cgan_kit.losses import minimax, non_saturating, relativistic

FAULTS = ("collapsed", "blurred", "uneven")
_TRUTH = {"A": "uneven", "B": "collapsed", "C": "blurred"}
_HINTS = {
    "collapsed": "a collapsed generator leaves modes out: look at `hit`",
    "blurred": "a blurred one misses the modes it aims at: look at `quality`",
    "uneven": "an uneven one hits every mode, well, but not equally often: look at `kl`",
}
_ALONE = "each score is judged alone; the pairs must be compared"
_FAR = 300.0  # between two scores: more than exp, or the log of σ, can bear in float32


def check_discriminator_loss(loss: Callable[[Tensor, Tensor], Tensor]) -> bool:
    """Is it the relativistic game's mean of softplus(f_fake - f_real), pair by pair?

    Arguments:
        loss: (real scores (n,), fake scores (n,)) -> scalar, to be minimised; the i-th scores
            are a pair.
    """
    real, fake = (scores.requires_grad_() for scores in _scores())
    alone = {f"this is the minimax loss: {_ALONE}": minimax.discriminator(real, fake)}
    problem = loss_fault(
        loss,
        (real, fake),
        relativistic.discriminator(real, fake),
        {**_mistakes(fake[:, None] - real, "D", "G"), **alone},
    )
    return _say_of_loss(problem or _far_fault(loss, -_FAR / 2, _FAR / 2))


def check_generator_loss(loss: Callable[[Tensor, Tensor], Tensor]) -> bool:
    """Is it the relativistic game's mean of softplus(f_real - f_fake), pair by pair?

    Arguments:
        loss: as that of `check_discriminator_loss`. Real scores need no gradient here, for G
            does not make them.
    """
    real, fake = _scores()
    alone = {
        f"this is the non-saturating loss: {_ALONE}": non_saturating.generator(real, fake),
        f"this is the minimax loss: {_ALONE}": minimax.generator(real, fake),
    }
    problem = loss_fault(
        loss,
        (real, fake.requires_grad_()),
        relativistic.generator(real, fake),
        {**_mistakes(real[:, None] - fake, "G", "D"), **alone},
    )
    return _say_of_loss(problem or _far_fault(loss, _FAR / 2, -_FAR / 2))


def _scores() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(7)
    return 2 * torch.randn(6, generator=random) + 1, 2 * torch.randn(6, generator=random) - 1


def _mistakes(gaps: Tensor, player: str, other: str) -> dict[str, Tensor]:
    """What mistakes make of the mean of softplus(gap) over the diagonal of gaps, (n, n)."""
    gap = gaps.diagonal()
    right, turned = F.softplus(gap).mean(), F.softplus(-gap).mean()
    return {
        f"this is {other}'s loss: the sign inside is turned round": turned,
        "the mean is taken before the softplus: compare pair by pair, the mean comes last": (
            F.softplus(gap.mean())
        ),
        f"the sign is turned round: this is what {player} wants high, and a loss is minimised": (
            -right
        ),
        f"this is minus {other}'s loss: its slope is lost where {player} is worst off": -turned,
        "it is the sum over the pairs; take the mean": len(gap) * right,
        "it is half of the loss; the mean over the pairs is all": right / 2,
        "it is twice the loss: there is one term a pair": 2 * right,
        "the softplus is missing: this is Wasserstein's loss, which has no bound": gap.mean(),
        "the logarithm is missing: this is σ of the difference, and -log σ is asked for": (
            gap.sigmoid().mean()
        ),
        "every real score meets every fake one (n × n); pair i with i only": (
            F.softplus(gaps).mean()
        ),
    }


def _far_fault(loss: Callable[..., Tensor], real: float, fake: float) -> str:
    """Scores so far apart that the loss is the difference itself."""
    value, problem = returned(loss, (torch.full((4,), real), torch.full((4,), fake)))
    if value is not None and same(value, torch.tensor(_FAR)):
        return ""
    where = f"it is right, but not where the scores differ by {_FAR:.0f}: there"
    if value is None:
        return f"{where} {problem}"
    return (
        f"{where} it is {value:.1f}, not {_FAR:.1f}. In float32 log(1 + exp(300)) is inf and "
        "log(sigmoid(-300)) is -inf; use softplus or logsigmoid"
    )


def _say_of_loss(problem: str) -> bool:
    return say(
        not problem, problem or "it is the kit's, and stays finite where the scores are far apart"
    )


def check_best_discriminator(best: Callable[[Tensor, Tensor], Tensor]) -> bool:
    """Is it D*(x) = p(x) / (p(x) + p_G(x)), from logarithms of densities?

    Arguments:
        best: (log p (n,), log p_G (n,)) -> D*, (n,), in [0, 1].
    """
    log_p, log_q = torch.tensor([[-1.0, -2.0, -0.5, -3.0], [-1.0, -0.4, -4.0, -3.5]])
    p, q = log_p.exp(), log_q.exp()
    right = p / (p + q)
    value, problem = _at_points(best, log_p, log_q)
    if value is None:
        return say(False, problem)
    causes = {
        "p and p_G are swapped: D is the probability of real": q / (p + q),
        "these are logarithms of densities; their own ratio means nothing": log_p / (log_p + log_q),
        "this is the score, log p - log p_G; D* is σ of it": log_p - log_q,
        "this is log D*; D* is asked for": F.logsigmoid(log_p - log_q),
        "p / p_G has no bound; the denominator is p + p_G": p / q,
    }
    # At the first point p = p_G, so half of all mistakes are right there.
    otherwise = f"at the second point it should be {right[1]:.3f}, yours is {value[1]:.3f}"
    if problem := fault(value, right, causes, otherwise):
        return say(False, problem)
    value, problem = _at_points(best, log_p - 1000, log_q - 1000)
    if value is None or not same(value, right, atol=1e-3):
        return say(
            False,
            "it is right near the data, but where both densities are e^-1000 it is not: "
            f"{problem or '0 / 0'}. "
            "Divide numerator and denominator by p, and only a difference of logarithms is left",
        )
    return say(True, "it is p / (p + p_G), also where both densities are tiny")


def _at_points(best: Callable[..., Tensor], *logarithms: Tensor) -> tuple[Tensor | None, str]:
    form = "give one number a point, (4,)"
    return returned(best, logarithms, lambda answer: numbers(answer, (4,), form))


def three_generators(ring: Gaussians, n: int = 2000) -> dict[str, Tensor]:
    """Points of three generators with one fault each, untold: name -> float32 (n, 2).

    Arguments:
        ring: Gaussians with one mode a class.
        n: points of each.
    """
    draw = torch.Generator().manual_seed(1)
    k, share = ring.num_classes, torch.ones(ring.num_classes)
    uneven, few = share.clone(), share.clone()
    uneven[: k // 2] = 0.2
    few[3:] = 0.0
    modes = {"uneven": uneven, "collapsed": few, "blurred": share}
    made = {}
    for name, truth in _TRUTH.items():
        chosen = torch.multinomial(modes[truth], n, replacement=True, generator=draw)
        centres = ring.centres[chosen, 0].float()
        spread = ring.standard_deviation * (2.0 if truth == "blurred" else 1.0)
        made[name] = centres + spread * torch.randn(n, 2, generator=draw)
    return made


def check_three_generators(answers: Mapping[str, str | EllipsisType]) -> bool:
    """Which fault has each of `three_generators`?

    Arguments:
        answers: name -> one of `FAULTS`.
    """
    if problem := no_dict(answers, list(_TRUTH), FAULTS[0]):
        return say(False, problem)
    for name, truth in _TRUTH.items():
        answer, problem = choice(answers.get(name, ...), FAULTS, f"generator {name}")
        if answer is None:
            return say(False, problem)
        if answer != truth:
            return say(False, f"generator {name} is not {answer}: {_HINTS[answer]}")
    return say(True, "; ".join(f"{name} {truth}" for name, truth in _TRUTH.items()))
