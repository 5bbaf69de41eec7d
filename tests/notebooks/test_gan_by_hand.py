"""What lesson 01 writes out equals what the package computes, and what it says of runs holds."""

import functools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import logsigmoid

import cgan_kit as kit
from cgan_kit import losses
from cgan_kit.exercises import gan as exercise
from cgan_kit.metrics import gaussian_modes
from cgan_kit.training import Recipe, training_step
from cgan_kit.training.step import draw, make_players
from cgan_kit.widgets.duel import Duel, Rules
from tools.build_notebooks import NOTEBOOKS, read_script

LESSON = NOTEBOOKS / "01_gan.py"
RING = kit.data.load("gaussians", standard_deviation=0.2)


@functools.cache
def cells() -> list[str]:
    return [cell.source for cell in read_script(LESSON).cells]


def defined(*functions: str) -> dict[str, Any]:
    """The lesson's cells that define these functions, run on their own."""
    names: dict[str, Any] = {"torch": torch, "logsigmoid": logsigmoid, "ring": RING}
    for function in functions:
        (cell,) = [
            each for each in cells() if f"def {function}(" in each and "your ans" not in each
        ]
        exec(cell, names)
    return names


@pytest.mark.parametrize("game", [losses.non_saturating, losses.minimax])
def test_five_rounds_by_hand_are_five_training_steps(game: losses.AdversarialLoss) -> None:
    by_hand = defined("step_d", "step_g", "minimax")
    made = []
    for ours in (True, False):
        gan = kit.GAN.for_points(RING, None, game, width=8, seed=2)
        players = make_players(gan, RING, Recipe(penalty=None), kit.Precision(), seed=4)
        # Adam would blow a rounding error up to a step of full length.
        d, g = (
            torch.optim.SGD(net.parameters(), 0.1) for net in (gan.discriminator, gan.generator)
        )
        players.discriminator_optimiser, players.generator_optimiser = d, g
        for _ in range(5):
            if not ours:
                training_step(players)
                continue
            x, y, z = draw(players)
            score = functools.partial(lambda net, x: net(x).adversarial, gan.discriminator)
            by_hand["step_d"](score, d, x, gan.generator(z, y).detach())
            _, y, z = draw(players)
            make = functools.partial(lambda net, y, z: net(z, y), gan.generator, y)
            by_hand["step_g"](make, score, g, z, by_hand[game.name])
        made.append(nn.utils.parameters_to_vector(gan.parameters()).detach())
    torch.testing.assert_close(*made, atol=1e-6, rtol=1e-5)
    fresh = kit.GAN.for_points(RING, None, game, width=8, seed=2)
    assert (nn.utils.parameters_to_vector(fresh.parameters()) - made[0]).abs().max() > 0.01


def test_the_integrals_of_the_lesson() -> None:
    names = {"torch": torch, "logsigmoid": logsigmoid, "ring": RING, "math": math}
    (cell,) = [each for each in cells() if "best_scores = " in each]
    exec(cell, names)
    value: Callable[[torch.Tensor], float] = names["value"]  # type: ignore[assignment]
    best, scores = value(names["best_scores"]), names["best_scores"]
    assert best == pytest.approx(2 * names["jsd"] - math.log(4), abs=1e-6)
    for other in (scores + 0.1, scores - 0.1, scores * 1.1, torch.zeros_like(scores)):
        assert value(other) < best
    assert value(torch.zeros_like(scores)) == pytest.approx(-math.log(4), abs=1e-6)
    # The same by chance: points drawn from both.
    x = RING.draw(torch.arange(40_000) % 8, seed=1).double()
    fake = 1.5 * torch.randn(40_000, 2, generator=torch.Generator().manual_seed(2)).double()

    def score(points: torch.Tensor) -> torch.Tensor:
        log_g = torch.distributions.Normal(0.0, 1.5).log_prob(points).sum(dim=1)
        return RING.log_marginal(points) - log_g

    drawn = logsigmoid(score(x)).mean() + logsigmoid(-score(fake)).mean()
    assert float(drawn) == pytest.approx(best, abs=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_a_slow_discriminator_collapses_and_an_equal_one_does_not(seed: int) -> None:
    z = kit.grids.fixed_latents(1000, 2, seed=0)
    hits = {}
    for rate in (2e-3, 2e-4):
        duel, rules = Duel(RING, seed=seed), Rules(discriminator_rate=rate)
        for _ in range(200):
            duel.play("D", rules)
            duel.play("G", rules)
        hits[rate] = gaussian_modes(duel.fakes(z), RING).hit
    assert hits[2e-3] >= 7
    assert hits[2e-4] <= 2


def test_r1_cures_the_collapse_at_one_dose_and_not_at_another() -> None:
    z = kit.grids.fixed_latents(1000, 2, seed=0)
    hits = {}
    for gamma in (0.1, 10.0):
        duel, rules = Duel(RING, seed=0), Rules(discriminator_rate=2e-4, gamma=gamma)
        for _ in range(1000):
            duel.play("D", rules)
            duel.play("G", rules)
        hits[gamma] = gaussian_modes(duel.fakes(z), RING).hit
    assert hits[0.1] <= 3
    assert hits[10.0] >= 6


@pytest.mark.parametrize("seed", range(3))
def test_with_d_ahead_only_the_non_saturating_gradient_is_felt(seed: int) -> None:
    lesson = defined("networks", "step_d", "step_g", "minimax", "adam", "late_start")
    found = {
        game: lesson["late_start"](lesson[game], lesson["plain"], seed, rounds=100)
        for game in ("minimax", "non_saturating")
    }
    gradients, distances = zip(*found.values(), strict=True)
    assert gradients[1] > 50 * gradients[0]
    assert distances[0] < 0.5 < distances[1]


def folded(after: str) -> str:
    """The code of the folded answer under an exercise."""
    (place,) = [i for i, each in enumerate(cells()) if f"### {after}" in each]
    text = next(each for each in cells()[place + 1 :] if "<summary>Answer</summary>" in each)
    return text.split("```python\n")[1].split("```")[0]


def test_the_folded_answers_pass() -> None:
    names: dict[str, Any] = {"torch": torch, "logsigmoid": logsigmoid, "metrics": kit.metrics}
    names |= {"ring": RING, "generators": exercise.three_generators(RING)}
    for answer in ("1 · The game", "2 · The best", "3 · Three"):
        exec(folded(answer), names)
    assert exercise.check_discriminator_loss(names["loss_d"])
    assert exercise.check_generator_loss(names["loss_g"])
    assert exercise.check_best_discriminator(names["best_d"])
    assert exercise.check_three_generators(names["faults"])
