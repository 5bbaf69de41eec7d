"""The averaged generator: its formula, its statistics, its independence."""

import copy

import pytest
import torch

import cgan_kit as kit
from cgan_kit.training.average import averaged_copy, decay_at, update_average


def test_the_average_is_exact_for_weights_and_for_batch_statistics(make_gan):
    generator = make_gan().generator
    average = averaged_copy(generator)
    before = copy.deepcopy(average.state_dict())
    torch.manual_seed(0)
    with torch.no_grad():
        for tensor in generator.state_dict().values():
            if tensor.is_floating_point():
                tensor.normal_()
            else:
                tensor.add_(5)
    update_average(average, generator, decay=0.9)
    for name, theirs in generator.state_dict().items():
        ours = average.state_dict()[name]
        if theirs.is_floating_point():
            assert torch.allclose(ours, 0.9 * before[name] + 0.1 * theirs, atol=1e-6), name
        else:
            assert torch.equal(ours, theirs), name


def test_no_decay_copies(make_gan, same):
    generator = make_gan().generator
    average = averaged_copy(generator)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(1)
    update_average(average, generator, decay=0.0)
    same(average.state_dict(), generator.state_dict())


def test_the_average_neither_learns_nor_drags_the_generator_along(make_gan):
    generator = make_gan().generator
    average = averaged_copy(generator)
    assert not average.training
    assert not any(parameter.requires_grad for parameter in average.parameters())
    before = copy.deepcopy(generator.state_dict())
    with torch.no_grad():
        for parameter in average.parameters():
            parameter.zero_()
    assert all(torch.equal(generator.state_dict()[key], value) for key, value in before.items())


def test_the_decay_grows_with_the_run_up_to_its_bound():
    decays = [decay_at(step, 0.995) for step in range(1, 5000)]
    assert decays == sorted(decays)
    assert decays[0] == pytest.approx(1 / 11)
    assert decays[-1] == 0.995
    assert decay_at(1, 0.0) == 0


def test_until_it_starts_the_average_is_a_copy(make_training):
    assert [decay_at(step, 0.9, start=3) for step in (1, 3)] == [0.0, 0.0]
    assert decay_at(4, 0.9, start=3) == decay_at(4, 0.9)
    recipe = kit.Recipe(batch_size=8, ema_start=3)
    training, copies = make_training(steps=5, recipe=recipe), []
    for _ in training:
        ours, theirs = training.averaged.project.weight, training.gan.generator.project.weight
        copies.append(torch.equal(ours, theirs))
    assert copies == [True, True, True, False, False]
