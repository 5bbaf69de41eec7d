"""The recipe: two rates, a late average, and what older runs wrote down."""

import pytest
import torch

import cgan_kit as kit
from cgan_kit.losses import R1R2
from cgan_kit.training import Recipe


def rates(training):
    players = training.players
    optimisers = (players.generator_optimiser, players.discriminator_optimiser)
    return [group["lr"] for each in optimisers for group in each.param_groups]


def test_each_player_learns_at_its_own_rate(make_training):
    assert rates(make_training(recipe=Recipe(batch_size=8, learning_rate=0.1))) == [0.1, 0.1]
    two = Recipe(batch_size=8, learning_rate=0.1, discriminator_learning_rate=0.4)
    training = make_training(recipe=two)
    assert rates(training) == [0.1, 0.4]
    heads = set(training.gan.conditioning.parameters())
    learning = training.players.discriminator_optimiser.param_groups[0]["params"]
    assert heads <= set(learning), "the class head learns with the discriminator"


def test_a_rate_of_its_own_that_is_the_same_changes_nothing(make_training, same):
    ends = []
    for own in (None, 2e-3):
        recipe = Recipe(batch_size=8, learning_rate=2e-3, discriminator_learning_rate=own)
        training = make_training(str(own), recipe=recipe)
        list(training)
        ends.append(training.run.tensors())
    same(*ends)


def test_everything_is_written_down_and_read_again():
    recipe = Recipe(
        penalty=R1R2(0.3),
        betas=(0.5, 0.999),
        discriminator_learning_rate=4e-4,
        ema_start=7,
        flips=True,
    )
    again = Recipe.from_config(recipe.config())
    assert again.config() == recipe.config()
    assert (again.discriminator_learning_rate, again.ema_start) == (4e-4, 7)


def test_a_run_of_before_these_were_there_goes_on_as_it_was():
    old = Recipe(batch_size=6).config()
    del old["discriminator_learning_rate"], old["ema_start"], old["flips"]
    assert Recipe.from_config(old).config() == Recipe(batch_size=6).config()


def test_resumed_it_goes_on_to_the_bit(make_training, data, same):
    recipe = Recipe(batch_size=8, discriminator_learning_rate=4e-3, ema_start=5, flips=True)
    whole, parts = make_training("whole", recipe=recipe), make_training("parts", recipe=recipe)
    list(whole)
    for record in parts:
        if record["step"] == 3:
            break
    resumed = kit.Training.resume(parts.folder, data=data)
    assert rates(resumed) == [2e-3, 4e-3]
    list(resumed)
    same(resumed.run.state(), whole.run.state())


@pytest.mark.parametrize("rate", [0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_no_rate_is_refused(rate):
    with pytest.raises(ValueError, match=r"discriminator_learning_rate is .*above 0"):
        Recipe(discriminator_learning_rate=rate)


@pytest.mark.parametrize("start", [-1, 2.5])
def test_a_start_that_is_no_step_is_refused(start):
    with pytest.raises(ValueError, match=f"ema_start is {start}"):
        Recipe(ema_start=start)


def test_the_average_of_a_run_that_never_starts_it_is_the_generator(make_training):
    training = make_training(recipe=Recipe(batch_size=8, ema_start=100))
    list(training)
    ours, theirs = training.averaged.state_dict(), training.gan.generator.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_the_batches_of_a_training_are_mirrored_when_the_recipe_says_so(make_training):
    """The same real images in the same order, some of them mirrored and some not."""
    straight, flipped = (
        make_training(str(flips), recipe=Recipe(batch_size=8, flips=flips)).players.batches.next()[
            0
        ]
        for flips in (False, True)
    )
    kept = (flipped == straight).flatten(1).all(dim=1)
    mirrored = (flipped == straight.flip(-1)).flatten(1).all(dim=1)
    assert (kept | mirrored).all()
    assert 0 < mirrored.sum() < 8
