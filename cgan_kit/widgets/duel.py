"""A GAN on points, moved one turn at a time, and back to any turn before."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from cgan_kit.data import PointSet
from cgan_kit.losses import R1, AdversarialLoss, minimax, non_saturating
from cgan_kit.training import GAN, Precision, Recipe, discriminator_step, generator_step
from cgan_kit.training.state import progress_of, restore, weights_of
from cgan_kit.training.step import draw, make_players

Player = Literal["D", "G"]
GAMES: dict[str, AdversarialLoss] = {"non-saturating": non_saturating, "minimax": minimax}
MOST_TURNS = 5_000
KEPT_EVERY = 25


class Rules(NamedTuple):
    """What a turn is played by.

    game: one of `GAMES`.
    discriminator_rate, generator_rate: of the two Adams, above 0.
    gamma: of the penalty R1 in the discriminator's turns; 0 is none.
    """

    game: str = "non-saturating"
    discriminator_rate: float = 2e-3
    generator_rate: float = 2e-3
    gamma: float = 0.0


class Turn(NamedTuple):
    """Who moved, and by which rules."""

    player: Player
    rules: Rules


class Duel:
    """Discriminator and generator on points without labels; each turn is the kit's own step.

    What is remembered: every turn's player and rules, and all tensors (weights, moments, data
    order, chance) at every 25th turn. Any turn comes back to the bit, by restoring the one
    kept before it and playing the few turns since once more. So 5,000 turns, the most there
    are, take 200 such states: 25 MB with 10,000 points and networks of width 32.

    Arguments:
        data: points, of whose labels nothing is used.
        width: units of each of the two hidden layers of both networks.
        latent_dim: Z.
        batch_size: real points a turn, and as many fakes.
        seed: of weights, data order and latents.

    Attributes:
        players: both networks and their optimisers, as they are at turn `at`.
        turns: all that is remembered; `at` may lie before its end.

    Raises:
        ValueError: data that are not points; what `Batches` and the networks refuse.
    """

    def __init__(
        self,
        data: PointSet,
        *,
        width: int = 32,
        latent_dim: int = 2,
        batch_size: int = 64,
        seed: int = 0,
    ) -> None:
        if not isinstance(data, PointSet):
            raise ValueError(f"data is {data!r}; give points, such as load('gaussians')")
        unlabelled = PointSet(data.points.cpu(), torch.zeros(len(data)).long(), ["any"])
        gan = GAN.for_points(unlabelled, width=width, latent_dim=latent_dim, seed=seed)
        recipe = Recipe(batch_size=batch_size, penalty=None)
        self.players = make_players(gan, unlabelled, recipe, Precision(), seed)
        self.turns: list[Turn] = []
        self.at = 0
        self._kept = {0: self._state()}

    def play(self, player: Player, rules: Rules) -> None:
        """One turn from here; turns that had been taken back are forgotten.

        Raises:
            ValueError: `MOST_TURNS` are played already.
        """
        if self.at >= MOST_TURNS:
            raise ValueError(f"{self.at} turns are played and no more are remembered; go_to(0)")
        # States kept from here on are stale; each is written over before its turn can come.
        del self.turns[self.at :]
        self._take(Turn(player, rules))
        self.turns.append(Turn(player, rules))
        if self.at % KEPT_EVERY == 0:
            self._kept[self.at] = self._state()

    def go_to(self, turn: int) -> None:
        """Be where `turn` turns had been played.

        Raises:
            ValueError: a turn that is not remembered.
        """
        if not 0 <= turn <= len(self.turns):
            raise ValueError(f"turn is {turn}; give one from 0 to {len(self.turns)}")
        start = max(kept for kept in self._kept if kept <= turn)
        # Clones, because the optimisers go on in place with the moments they are given.
        state = {name: each.clone() for name, each in self._kept[start].items()}
        self.at = restore(self.players, self.players.gan.generator, state)
        for again in self.turns[start:turn]:
            self._take(again)

    def fakes(self, latents: Tensor) -> Tensor:
        """G(z) of latents (n, Z): float32 (n, 2), without a graph."""
        with torch.no_grad():
            points: Tensor = self.players.gan.generator(latents, torch.zeros(len(latents)).long())
        return points

    def scores(self, points: Tensor) -> Tensor:
        """D's score before the logistic function, of points (n, 2): float32 (n,)."""
        scores: Tensor = self.players.gan.discriminator(points).adversarial
        return scores

    def pulls(self, points: Tensor, game: str) -> Tensor:
        """-n ∂L_G/∂x_i at fake points x (n, 2): which way each should go to fool D; (n, 2).

        A turn of G follows them only as far as its weights, shared by all points, can.
        """
        points = points.detach().clone().requires_grad_()
        scores = self.scores(points)
        loss = GAMES[game].generator(scores, scores)
        (slope,) = torch.autograd.grad(loss, points)
        return -len(points) * slope

    def _take(self, turn: Turn) -> None:
        players, rules = self.players, turn.rules
        players.gan.adversarial = GAMES[rules.game]
        players.penalty = R1(rules.gamma) if rules.gamma else None
        players.discriminator_optimiser.param_groups[0]["lr"] = rules.discriminator_rate
        players.generator_optimiser.param_groups[0]["lr"] = rules.generator_rate
        step = discriminator_step if turn.player == "D" else generator_step
        step(players, draw(players))
        self.at += 1

    def _state(self) -> dict[str, Tensor]:
        # No averaged generator here: the generator stands in for it.
        state = weights_of(self.players, self.players.gan.generator)
        state |= progress_of(self.players, self.at)
        return {name: tensor.clone() for name, tensor in state.items()}
