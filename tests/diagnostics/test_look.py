"""Probes look and do not touch: a run is the same to the bit with and without them."""

import copy

import pytest
import torch
from patients import METHODS, noise, players_after

import cgan_kit as kit
from cgan_kit.diagnostics import (
    ClassifierProbe,
    GradientShare,
    LayerProbe,
    SampleProbe,
    scene,
    untouched,
)
from cgan_kit.diagnostics.look import in_turn
from cgan_kit.models import draw_latents


def all_probes(data, every=2):
    return [
        ClassifierProbe(every, n=9),
        GradientShare(every, n=9),
        LayerProbe(every, n=9),
        SampleProbe(every, n=9, held_out=data),
    ]


def trained(data, conditioning, folder, probes=(), points=False, **options):
    torch.manual_seed(0)
    build = kit.GAN.for_points if points else kit.GAN.for_images
    gan = build(data, conditioning, width=4, latent_dim=3, **options)
    recipe = kit.Recipe(batch_size=8, penalty=kit.losses.WGANGP())
    return kit.train(
        gan, data, steps=6, folder=folder, probes=probes, recipe=recipe, log_every=1, seed=2,
        precision=kit.Precision(), checkpoints=2,
    )  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_a_run_is_the_same_to_the_bit_with_and_without_probes(method, tmp_path):
    data = noise()
    plain = trained(data, METHODS[method](), tmp_path / "plain", spectral_norm=True)
    after = torch.rand(1)
    probes = all_probes(data)
    probed = trained(data, METHODS[method](), tmp_path / "probed", probes, spectral_norm=True)
    assert torch.equal(torch.rand(1), after), "torch's own chance is where it was"
    ours, theirs = probed.state(), plain.state()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    for our, their in zip(probed.history(), plain.history(), strict=True):
        assert {name: our[name] for name in their} == their
        assert len(our) > len(their) or our["step"] % 2


def test_points_are_looked_at_too(tmp_path):
    ring = kit.data.load("gaussians", samples=64)
    run = trained(ring, kit.losses.ACGAN(), tmp_path / "run", all_probes(ring), points=True)
    last = run.history()[-1]
    assert {"classifier/product_real", "share/trunk_cosine", "sample/oracle_accuracy"} <= set(last)
    assert "sample/recognisable" not in last


def test_a_resumed_run_is_looked_at_as_if_it_had_never_stopped(tmp_path):
    data = noise()
    whole = trained(data, kit.losses.ACGAN(), tmp_path / "whole", all_probes(data))
    gan = kit.GAN.for_images(data, kit.losses.ACGAN(), width=4, latent_dim=3)
    training = kit.Training(
        gan, data, steps=6, folder=tmp_path / "cut", probes=all_probes(data), log_every=1, seed=2,
        recipe=kit.Recipe(batch_size=8, penalty=kit.losses.WGANGP()), precision=kit.Precision(),
    )  # fmt: skip
    for record in training:
        if record["step"] == 3:
            break
    resumed = kit.Training.resume(tmp_path / "cut", data=data, probes=all_probes(data))
    assert kit.training.finish(resumed).history() == whole.history()


def test_untouched_puts_back_statistics_vectors_and_chance():
    players = players_after(2, spectral_norm=True)
    gan, before = players.gan, copy.deepcopy(players.gan.state_dict())
    chance = torch.get_rng_state()
    with untouched(gan):
        torch.rand(3)
        gan.discriminator(gan.generator(draw_latents(5, 3), torch.arange(5) % 3))
        now = gan.state_dict()
        moved = [name for name in now if not torch.equal(now[name], before[name])]
    assert any("running_mean" in name for name in moved)
    assert any(name.endswith("weight.0.v") for name in moved)
    assert all(torch.equal(one, before[name]) for name, one in gan.state_dict().items())
    assert torch.equal(torch.get_rng_state(), chance)


def test_untouched_puts_everything_back_when_a_look_fails():
    gan = players_after(2, spectral_norm=True).gan
    before = copy.deepcopy(gan.state_dict())
    with pytest.raises(RuntimeError), untouched(gan):
        gan.discriminator(gan.generator(draw_latents(5, 3), torch.arange(5) % 3)[:, :, :4])
    assert all(torch.equal(one, before[name]) for name, one in gan.state_dict().items())


def test_classes_come_in_turn():
    data = noise(per_class=5)
    chosen = in_turn(data, 9)
    assert data.labels[chosen].view(3, 3).sort(dim=1).values.tolist() == [[0, 1, 2]] * 3
    assert len(chosen.unique()) == 9
    assert torch.equal(in_turn(data, 9), chosen)
    assert sorted(in_turn(data, 99).tolist()) == list(range(15))


def test_a_class_that_runs_out_leaves_its_turn_to_the_others():
    data = noise().subset(torch.tensor([0, 1, 2, 3, 4, 6]))  # labels 0 1 2 0 1 0
    assert data.labels[in_turn(data, 6)].sort().values.tolist() == [0, 0, 0, 1, 1, 2]
    assert sorted(data.labels[in_turn(data, 3)].tolist()) == [0, 1, 2]
    assert data.labels[in_turn(data, 6)][-1] == 0


def test_a_scene_is_the_same_at_every_step():
    players = players_after(1)
    first = scene(players, 7)
    kit.training.training_step(players)
    assert all(torch.equal(one, two) for one, two in zip(first, scene(players, 7), strict=True))
    assert first.real.shape == (7, 1, 8, 8)
    assert first.latents.shape == (7, 3)


@pytest.mark.parametrize("probe", [ClassifierProbe, GradientShare, LayerProbe, SampleProbe])
def test_counts_below_one_are_refused(probe):
    with pytest.raises(ValueError, match="every is 0; give a whole number, 1 or more"):
        probe(every=0)
    with pytest.raises(ValueError, match="n is 0"):
        probe(n=0)
