"""The exercises of lesson 01: both players' losses, the best discriminator, three generators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import EllipsisType

import torch
import torch.nn.functional as F
from torch import Tensor

from cgan_kit.data.gaussians import Gaussians
from cgan_kit.exercises.verdict import called, say
from cgan_kit.losses import minimax, non_saturating

FAULTS = ("collapsed", "blurred", "uneven")
_TRUTH = {"A": "uneven", "B": "collapsed", "C": "blurred"}
_HINTS = {
    "collapsed": "a collapsed generator leaves modes out: look at `hit`",
    "blurred": "a blurred one misses the modes it aims at: look at `quality`",
    "uneven": "an uneven one hits every mode, well, but not equally often: look at `kl`",
}


def check_discriminator_loss(loss: Callable[[Tensor, Tensor], Tensor]) -> bool:
    """Is it -E log D(x) - E log(1 - D(G(z))), from scores, where D = σ(score)?

    Arguments:
        loss: (real scores (n,), fake scores (n,)) -> scalar, to be minimised.
    """
    real, fake = _scores()
    right = minimax.discriminator(real, fake)
    r, f = F.logsigmoid(real), F.logsigmoid(-fake)
    return _check(loss, (real, fake), right, (torch.full((4,), 300.0), torch.full((4,), 300.0)), {
        "the fake half is missing": -r.mean(),
        "the real half is missing": -f.mean(),
        "real and fake are swapped": minimax.discriminator(fake, real),
        "the sign is turned round: this is what D maximises, and a loss is minimised": -right,
        "it is the sum over the batch; take the mean": right * len(real),
        "1 - D of a fake is missing: log D of fakes is what G wants high": (
            -r.mean() - F.logsigmoid(fake).mean()
        ),
    })  # fmt: skip


def check_generator_loss(loss: Callable[[Tensor], Tensor]) -> bool:
    """Is it the non-saturating loss -E log D(G(z)), from scores?

    Arguments:
        loss: fake scores (n,) -> scalar, to be minimised.
    """
    real, fake = _scores()
    right = non_saturating.generator(real, fake)
    return _check(loss, (fake,), right, (torch.full((4,), -300.0),), {
        "this is the saturating loss of the minimax game: its slope is lost when D is sure": (
            minimax.generator(real, fake)
        ),
        "the sign is turned round: this G helps D to find its fakes": -right,
        "this is D's half, E -log(1 - D): it makes fakes look more fake": -minimax.generator(
            real, fake
        ),
        "it is the sum over the batch; take the mean": right * len(fake),
    })  # fmt: skip


def check_best_discriminator(best: Callable[[Tensor, Tensor], Tensor]) -> bool:
    """Is it D*(x) = p(x) / (p(x) + p_G(x)), from logarithms of densities?

    Arguments:
        best: (log p (n,), log p_G (n,)) -> D*, (n,), in [0, 1].
    """
    near = torch.tensor([-1.0, -2.0, -0.5, -3.0]), torch.tensor([-1.0, -0.4, -4.0, -3.5])
    far = near[0] - 1000, near[1] - 1000
    answer, problem = called(best, *(each.clone() for each in near))
    if answer is None:
        return say(False, problem)
    value = torch.as_tensor(answer).float()
    p, q = near[0].exp(), near[1].exp()
    right = p / (p + q)
    if value.shape != right.shape:
        return say(False, f"it has shape {tuple(value.shape)}; give one number a point, (4,)")
    causes = {
        "p and p_G are swapped: D is the probability of real": q / (p + q),
        "these are logarithms of densities; their own ratio means nothing": near[0] / sum(near),
        "this is the score, log p - log p_G; D* is σ of it": near[0] - near[1],
        "p / p_G has no bound; the denominator is p + p_G": p / q,
    }
    if not torch.allclose(value, right, atol=1e-5):
        named = [cause for cause, wrong in causes.items() if torch.allclose(value, wrong)]
        return say(False, named[0] if named else f"at the first point it is {right[0]:.3f}")
    value, problem = called(best, *far)
    if value is None or not torch.allclose(torch.as_tensor(value).float(), right, atol=1e-3):
        return say(
            False,
            "it is right near the data, but where both densities are e^-1000 it is not: 0 / 0. "
            "Divide numerator and denominator by p, and only a difference of logarithms is left",
        )
    return say(True, "it is p / (p + p_G), also where both densities are tiny")


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
    for name, fault in _TRUTH.items():
        chosen = torch.multinomial(modes[fault], n, replacement=True, generator=draw)
        centres = ring.centres[chosen, 0].float()
        spread = ring.standard_deviation * (2.0 if fault == "blurred" else 1.0)
        made[name] = centres + spread * torch.randn(n, 2, generator=draw)
    return made


def check_three_generators(answers: Mapping[str, str | EllipsisType]) -> bool:
    """Which fault has each of `three_generators`?

    Arguments:
        answers: name -> one of `FAULTS`.
    """
    for name, truth in _TRUTH.items():
        answer = answers.get(name, ...)
        if answer is ... or answer not in FAULTS:
            return say(False, f"generator {name}: answer one of {', '.join(FAULTS)}")
        if answer != truth:
            return say(False, f"generator {name} is not {answer}: {_HINTS[str(answer)]}")
    return say(True, "; ".join(f"{name} {fault}" for name, fault in _TRUTH.items()))


def _scores() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(7)
    return 2 * torch.randn(6, generator=random) + 1, 2 * torch.randn(6, generator=random) - 1


def _check(
    loss: Callable[..., Tensor],
    scores: tuple[Tensor, ...],
    right: Tensor,
    sure: tuple[Tensor, ...],
    causes: Mapping[str, Tensor],
) -> bool:
    """Right at ordinary scores, and finite where D is sure and wrong: there the loss is 300."""
    answer, problem = called(loss, *(each.clone() for each in scores))
    if answer is None:
        return say(False, problem)
    value = torch.as_tensor(answer).float()
    if value.shape != ():
        return say(False, f"it has shape {tuple(value.shape)}; a loss is one number (a scalar)")
    if not torch.isclose(value, right, atol=1e-4):
        named = [cause for cause, wrong in causes.items() if torch.isclose(value, wrong, atol=1e-4)]
        return say(False, named[0] if named else f"it should be {right:.3f}, yours is {value:.3f}")
    value, problem = called(loss, *sure)
    if value is None or not torch.isclose(torch.as_tensor(value).float(), torch.tensor(300.0)):
        return say(
            False,
            "it is right, but not where D is sure of the wrong answer: log σ(-300) is -300 and not "
            "log 0. Use torch.nn.functional.logsigmoid or softplus",
        )
    return say(True, "it is the kit's, and stays finite where D is sure")
