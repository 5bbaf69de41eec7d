"""A duel's turns are the kit's steps, and every one of them comes back to the bit."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import cgan_kit as kit
from cgan_kit.data import PointSet
from cgan_kit.models import draw_latents
from cgan_kit.training import Recipe, training_step
from cgan_kit.training.step import make_players
from cgan_kit.widgets import duel as module
from cgan_kit.widgets.duel import Duel, Rules

RING = kit.data.load("gaussians", samples=320)
SMALL = {"width": 4, "batch_size": 32}
QUICK = Rules("minimax", 0.01, 0.005, 1.0)


def state(duel: Duel) -> dict[str, torch.Tensor]:
    return duel._state()


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


@pytest.mark.parametrize("rules", [Rules(), QUICK])
def test_both_players_turns_are_the_kits_training_step(rules: Rules) -> None:
    duel = Duel(RING, seed=3, **SMALL)
    for _ in range(12):  # past the end of an epoch of 10 batches
        duel.play("D", rules)
        duel.play("G", rules)
    plain = PointSet(RING.points, torch.zeros(320, dtype=torch.int64), ["any"])
    game = {"minimax": kit.losses.minimax, "non-saturating": kit.losses.non_saturating}[rules.game]
    gan = kit.GAN.for_points(plain, None, game, width=4, latent_dim=2, seed=3)
    recipe = Recipe(
        batch_size=32,
        learning_rate=rules.generator_rate,
        discriminator_learning_rate=rules.discriminator_rate,
        penalty=kit.losses.R1(rules.gamma) if rules.gamma else None,
    )
    players = make_players(gan, plain, recipe, kit.Precision(), seed=3)
    for _ in range(12):
        training_step(players)
    for ours, kits in zip(duel.players.gan.parameters(), gan.parameters(), strict=True):
        assert torch.equal(ours, kits)


def test_a_turn_moves_one_player_alone() -> None:
    duel = Duel(RING, **SMALL)
    before = state(duel)
    duel.play("D", Rules())
    after = state(duel)
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"discriminator", "step", "random", "batches"}
    duel.go_to(0)
    duel.play("G", Rules())
    last = state(duel)
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], last[name])}
    assert moved == {"averaged", "generator", "step", "random", "batches"}


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("DG"), st.sampled_from([Rules(), QUICK])), max_size=12),
    st.data(),
)
def test_every_turn_comes_back_to_the_bit(turns: list, data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "KEPT_EVERY", 5)
        duel = Duel(RING, **SMALL)
        states = [state(duel)]
        for player, rules in turns:
            duel.play(player, rules)
            states.append(state(duel))
        for turn in data.draw(st.lists(st.integers(0, len(turns)), min_size=1, max_size=5)):
            duel.go_to(turn)
            assert_same(state(duel), states[turn])
        # From wherever it is now, the same turns lead to the same end.
        for player, rules in turns[duel.at :]:
            duel.play(player, rules)
        assert_same(state(duel), states[-1])
        duel.go_to(0)
        duel.go_to(len(turns))
        assert_same(state(duel), states[-1])


def test_a_turn_after_a_rewind_forgets_what_came_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_EVERY", 2)
    duel, other = Duel(RING, **SMALL), Duel(RING, **SMALL)
    for _ in range(6):
        duel.play("D", Rules())
    duel.go_to(3)
    assert len(duel.turns) == 6
    for each in (duel, other):
        for player in "DDDGGG" if each is other else "GGG":
            each.play(player, QUICK if player == "G" else Rules())
    assert [turn.player for turn in duel.turns] == list("DDDGGG")
    for turn in (6, 4, 5):
        for each in (duel, other):
            each.go_to(turn)
        assert_same(state(duel), state(other))
    with pytest.raises(ValueError, match="turn is 7; give one from 0 to 6"):
        duel.go_to(7)
    with pytest.raises(ValueError, match="turn is -1"):
        duel.go_to(-1)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TURNS", 7)
    monkeypatch.setattr(module, "KEPT_EVERY", 3)
    duel = Duel(RING, **SMALL)
    for _ in range(7):
        duel.play("D", Rules())
    assert list(duel._kept) == [0, 3, 6]
    with pytest.raises(ValueError, match="7 turns are played"):
        duel.play("G", Rules())
    assert duel.at == len(duel.turns) == 7
    duel.go_to(5)
    duel.play("G", Rules())


def test_all_kept_states_are_what_the_text_says() -> None:
    duel = Duel(kit.data.load("gaussians"))
    duel.play("D", Rules())
    duel.play("G", Rules())
    kept = sum(tensor.numel() * tensor.element_size() for tensor in state(duel).values())
    assert 24e6 < kept * module.MOST_TURNS / module.KEPT_EVERY < 25.5e6
    assert "25 MB" in (Duel.__doc__ or "")


@pytest.mark.parametrize("game", module.GAMES)
def test_pulls_are_minus_n_times_the_slope_of_the_generators_loss(game: str) -> None:
    duel = Duel(RING, **SMALL)
    duel.players.gan.double()
    for _ in range(3):
        duel.players.gan.discriminator.to_score.bias.data += 0.5
    points = torch.randn(5, 2, generator=torch.Generator().manual_seed(0)).double()
    found, nudge = duel.pulls(points, game), 1e-6

    def loss(moved: torch.Tensor) -> float:
        p = torch.sigmoid(duel.scores(moved)).detach()
        return float(((1 - p).log() if game == "minimax" else -p.log()).mean())

    for i in range(5):
        for axis in range(2):
            step = torch.zeros(5, 2).double()
            step[i, axis] = nudge
            slope = (loss(points + step) - loss(points - step)) / (2 * nudge)
            assert float(found[i, axis]) == pytest.approx(-5 * slope, abs=1e-6)
    assert all(each.grad is None for each in duel.players.gan.parameters())


def test_fakes_are_the_generators() -> None:
    duel = Duel(RING, **SMALL)
    z = draw_latents(6, 2, torch.Generator().manual_seed(0))
    made = duel.fakes(z)
    assert made.shape == (6, 2)
    assert not made.requires_grad
    torch.testing.assert_close(made[2:4], duel.fakes(z[2:4]))


def test_images_are_refused() -> None:
    with pytest.raises(ValueError, match="give points"):
        Duel(kit.data.load("digits", size=8))
