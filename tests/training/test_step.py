"""One step: who moves, who does not, and that fakes carry the labels of the reals."""

import copy
import dataclasses

import pytest
import torch

import cgan_kit as kit
from cgan_kit.losses import ACGAN, R1R2, WGANGP, Concatenation, Projection
from cgan_kit.training import FLOAT32, discriminator_step, generator_step, training_step
from cgan_kit.training.step import draw, make_players

PARTS = ("generator", "discriminator", "conditioning")


@pytest.fixture
def make_players_for(data, make_gan):
    def make(conditioning=None, recipe=None, **options):
        gan = make_gan(conditioning, **options).train()
        return make_players(gan, data, recipe or kit.Recipe(batch_size=8), FLOAT32, seed=0)

    return make


def parameters(gan):
    return {part: copy.deepcopy(dict(getattr(gan, part).named_parameters())) for part in PARTS}


def moved(before, gan):
    """Names of the parameters that changed, part by part."""
    return {
        part: {
            name
            for name, parameter in getattr(gan, part).named_parameters()
            if not torch.equal(parameter, before[part][name])
        }
        for part in PARTS
    }


def everything(gan, part):
    return {name for name, _ in getattr(gan, part).named_parameters()}


@pytest.mark.parametrize("penalty", [None, R1R2(0.1), WGANGP()], ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("spectral_norm", [False, True])
def test_the_discriminators_turn_moves_it_and_its_head_alone(
    make_players_for, penalty, spectral_norm
):
    recipe = kit.Recipe(batch_size=8, penalty=penalty)
    players = make_players_for(ACGAN(), recipe, spectral_norm=spectral_norm)
    gan = players.gan
    before = parameters(gan)
    discriminator_step(players, draw(players))
    changed = moved(before, gan)
    assert changed["generator"] == set()
    assert all(p.grad is None for p in gan.generator.parameters()), "no gradient goes that far"
    assert changed["discriminator"] >= everything(gan, "discriminator") - {"to_score.bias"}
    assert changed["conditioning"] == everything(gan, "conditioning")


@pytest.mark.parametrize("conditioning", [ACGAN, Projection, Concatenation])
def test_the_generators_turn_moves_it_alone(make_players_for, conditioning):
    players = make_players_for(conditioning())
    discriminator_step(players, draw(players))  # projection starts at zero and would be silent
    gan = players.gan
    before = parameters(gan)
    judge_gradients = [p.grad.clone() for p in gan.discriminator.parameters()]
    generator_step(players, draw(players))
    changed = moved(before, gan)
    assert changed["discriminator"] == set()
    assert changed["conditioning"] == set()
    assert changed["generator"] == everything(gan, "generator")
    for parameter, old in zip(gan.discriminator.parameters(), judge_gradients, strict=True):
        assert torch.equal(parameter.grad, old), "the generator's turn leaves no gradient there"
        assert parameter.requires_grad


def test_gradients_of_one_step_do_not_leak_into_the_next(make_players_for):
    players = make_players_for()
    discriminator_step(players, draw(players))
    for parameter in players.gan.discriminator.parameters():
        parameter.grad.fill_(float("nan"))
    seen = discriminator_step(players, draw(players)) | generator_step(players, draw(players))
    assert all(torch.isfinite(value) for value in seen.values())
    assert all(torch.isfinite(p).all() for p in players.gan.parameters())


@pytest.fixture
def watched(make_players_for, monkeypatch):
    """Players whose calls are written down in order: (who, labels)."""
    players = make_players_for()
    calls = []
    generator, discriminator = players.gan.generator, players.gan.discriminator
    make, judge, draw = generator.forward, discriminator.forward, players.batches.next

    def watch(name, function):
        def call(*arguments):
            calls.append((name, arguments))
            result = function(*arguments)
            if name == "batch":
                calls[-1] = (name, result)
            return result

        return call

    monkeypatch.setattr(generator, "forward", watch("generator", make))
    monkeypatch.setattr(discriminator, "forward", watch("discriminator", judge))
    monkeypatch.setattr(players.batches, "next", watch("batch", draw))
    for name in ("discriminator_optimiser", "generator_optimiser"):
        optimiser = getattr(players, name)
        monkeypatch.setattr(optimiser, "step", watch(name, optimiser.step))
    return players, calls


@pytest.mark.parametrize("turns", [1, 3])
def test_the_order_of_a_step(watched, turns):
    players, calls = watched
    training_step(players, discriminator_steps=turns)
    one_turn = ["batch", "generator", "discriminator", "discriminator_optimiser"]
    last = ["batch", "generator", "discriminator", "discriminator", "generator_optimiser"]
    assert [name for name, _ in calls] == one_turn * turns + last


def test_fakes_are_made_for_the_labels_of_the_real_images_beside_them(watched):
    players, calls = watched
    training_step(players)
    batches = [result for name, result in calls if name == "batch"]
    asked = [arguments[1] for name, arguments in calls if name == "generator"]
    assert len(batches) == len(asked) == 2
    for (_, labels), given in zip(batches, asked, strict=True):
        assert torch.equal(labels, given)


def test_the_discriminator_sees_real_images_then_fakes_under_one_set_of_labels(
    watched, make_players_for
):
    players, calls = watched
    untouched, seen = make_players_for().gan, []
    game = players.gan.adversarial

    def look(real, fake):
        seen.append((real.detach(), fake.detach()))
        return game.discriminator(real, fake)

    players.gan.adversarial = dataclasses.replace(game, discriminator=look)
    discriminator_step(players, draw(players))
    ((real, fake),) = seen
    images, labels = next(result for name, result in calls if name == "batch")
    (both,) = next(arguments for name, arguments in calls if name == "discriminator")
    assert torch.equal(both[: len(labels)], images)
    assert torch.allclose(real, untouched.judge(images, labels).scores, atol=1e-6)
    assert torch.allclose(fake, untouched.judge(both[len(labels) :], labels).scores, atol=1e-6)


def test_latents_are_fresh_for_every_turn_and_for_every_image(watched):
    players, calls = watched
    training_step(players, discriminator_steps=2)
    latents = torch.cat([arguments[0] for name, arguments in calls if name == "generator"])
    assert len(latents.unique(dim=0)) == 3 * players.batches.batch_size


def test_the_losses_are_the_sums_of_their_parts(make_players_for):
    seen = training_step(make_players_for())
    total = seen["d_adversarial"] + seen["d_conditioning"] + seen["penalty"]
    assert seen["d_loss"].item() == pytest.approx(total.item(), rel=1e-6)
    total = seen["g_adversarial"] + seen["g_conditioning"]
    assert seen["g_loss"].item() == pytest.approx(total.item(), rel=1e-6)
    assert seen["penalty"] > 0
    assert 0 <= seen["accuracy_real"] <= 1


def test_both_players_get_what_they_ask_for_when_the_other_rests(make_players_for):
    recipe = kit.Recipe(batch_size=8, learning_rate=3e-3, penalty=None)
    players = make_players_for(ACGAN(), recipe, adversarial=kit.losses.non_saturating)
    first = discriminator_step(players, draw(players))
    for _ in range(60):
        last = discriminator_step(players, draw(players))
    assert last["d_loss"] < first["d_loss"] - 0.3
    assert last["score_real"] > last["score_fake"] + 0.3
    first = generator_step(players, draw(players))
    for _ in range(60):
        last = generator_step(players, draw(players))
    assert last["g_loss"] < first["g_loss"] - 0.3


def test_in_the_relativistic_game_real_scores_reach_the_generators_loss(make_players_for):
    players = make_players_for(adversarial=kit.losses.relativistic)
    twin = copy.deepcopy(players)
    images, labels = twin.batches.next()
    latents = kit.models.draw_latents(len(labels), 3, twin.random)
    fake = twin.gan.judge(twin.gan.generator(latents, labels), labels)
    real = twin.gan.judge(images, labels)
    expected = torch.nn.functional.softplus(real.scores - fake.scores).mean()
    assert generator_step(players, draw(players))["g_adversarial"].item() == pytest.approx(
        expected.item()
    )
