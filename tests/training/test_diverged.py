"""A run that goes bad stops, says what went first, and keeps what was good."""

import math

import pytest
import torch

import cgan_kit as kit
from cgan_kit.training import DivergedError


class Poison:
    """A probe that breaks its promise and writes NaN into one weight at one step."""

    every = 1

    def __init__(self, step, find):
        self.step, self.find = step, find

    def __call__(self, players, step):
        if step == self.step:
            with torch.no_grad():
                self.find(players.gan).view(-1)[0] = float("nan")
        return {}


def run_to_end(training):
    for _ in training:
        pass


def finite(tensors):
    return all(torch.isfinite(t).all() for t in tensors.values() if t.is_floating_point())


def test_a_learning_rate_far_too_large_ends_in_a_message_that_says_where(make_training):
    recipe = kit.Recipe(batch_size=8, learning_rate=1e30)
    training = make_training(recipe=recipe, steps=8, checkpoints=8)
    with pytest.raises(DivergedError) as raised:
        run_to_end(training)
    message = str(raised.value)
    assert "became" in message or "holds NaN" in message
    assert "smaller learning_rate" in message
    assert "last good checkpoint is kept" in message
    assert finite(training.run.tensors())
    assert finite(training.run.state())
    assert training.run.steps[-1] < training.step


@pytest.mark.parametrize(
    ("find", "first"),
    [
        (lambda gan: gan.discriminator.to_score.weight, "score_real"),
        (lambda gan: gan.conditioning.classifier.weight, "d_conditioning"),
    ],
    ids=["discriminator", "classifier"],
)
def test_the_first_quantity_in_the_order_of_the_step_is_named(make_training, find, first):
    training = make_training(probes=[Poison(4, find)], checkpoints=[3])
    with pytest.raises(DivergedError, match=rf"^{first} became nan at step 5"):
        run_to_end(training)
    assert training.run.steps == [0, 3]
    assert finite(training.run.tensors())
    *before, last = training.run.history()
    assert [record["step"] for record in before] == [1, 2, 3, 4]
    assert last == {"step": 5, "diverged": 1}
    assert all(math.isfinite(v) for record in training.run.history() for v in record.values())


def test_weights_that_went_bad_behind_good_losses_reach_no_checkpoint(make_training):
    def find(gan):
        return gan.generator.to_image.bias

    training = make_training(probes=[Poison(4, find)], checkpoints=[2, 4])
    with pytest.raises(DivergedError, match=r"generator\.to_image\.bias holds NaN .* step 4"):
        run_to_end(training)
    assert training.run.steps == [0, 2]
    assert int(training.run.state()["step"]) == 2


def test_a_good_run_can_be_gone_on_with_after_it_diverged(make_training, data):
    training = make_training(
        probes=[Poison(4, lambda gan: gan.discriminator.to_score.weight)], checkpoints=[3]
    )
    with pytest.raises(DivergedError):
        run_to_end(training)
    resumed = kit.Training.resume(training.folder, data=data)
    assert resumed.step == 3
    run_to_end(resumed)
    assert resumed.run.steps == [0, 3, 8]
