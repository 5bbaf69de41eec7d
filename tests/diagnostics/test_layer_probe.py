"""What the layer probe says of weights, updates and outputs, against what happened."""

import pytest
import torch
from patients import players_after

from cgan_kit.diagnostics import LayerProbe
from cgan_kit.diagnostics.layer_probe import of_output, outputs
from cgan_kit.training import training_step

LAYERS = {
    "discriminator.halvings.0", "discriminator.halvings.1", "discriminator.to_score",
    "generator.project", "generator.doublings.0", "generator.to_image",
}  # fmt: skip


@pytest.mark.parametrize("spectral_norm", [False, True])
def test_every_layer_is_there_and_its_update_is_what_the_step_added(spectral_norm):
    players = players_after(0, spectral_norm=spectral_norm)
    for optimiser in (players.discriminator_optimiser, players.generator_optimiser):
        optimiser.param_groups[0]["betas"] = (0.5, 0.9)  # with momentum, as the presets have
    for _ in range(3):
        training_step(players)
    before = {name: weight.detach().clone() for name, weight in players.gan.named_parameters()}
    training_step(players)
    found = LayerProbe(n=6)(players, 4)
    weights = dict(players.gan.named_parameters())
    assert {name.split("/")[1] for name in found} == LAYERS
    for layer in LAYERS:
        stored = f"{layer}.parametrizations.weight.original"
        name = stored if stored in weights else f"{layer}.weight"
        weight = weights[name].detach()
        assert found[f"layer/{layer}/weight"] == pytest.approx(weight.norm().item(), rel=1e-5)
        added = (weight - before[name]).norm() / weight.norm()
        assert found[f"layer/{layer}/update"] == pytest.approx(added.item(), rel=1e-3)
        assert found[f"layer/{layer}/gradient"] == pytest.approx(weights[name].grad.norm().item())
        spectral = spectral_norm and layer.startswith("discriminator")
        assert (f"layer/{layer}/singular" in found) == (not spectral)
        if not spectral:
            largest = torch.linalg.svdvals(weight.flatten(1))[0].item()
            assert found[f"layer/{layer}/singular"] == pytest.approx(largest, rel=1e-4)


def test_outputs_are_those_of_the_layers_and_no_hook_stays():
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU())
    images = torch.randn(5, 3)
    with outputs(network) as kept:
        network(images)
    assert set(kept) == {"0"}
    assert torch.equal(kept["0"], network[0](images))
    kept.clear()
    network(images)
    assert not kept


def test_a_channel_below_zero_everywhere_is_dead():
    output = torch.ones(2, 4, 3, 3)
    output[:, 1] = -1
    output[0, 2] = -1
    output[:, 3] = 0
    assert of_output(output)["dead"] == 0.5
    assert of_output(output)["mean"] == pytest.approx(output.mean().item())
    assert of_output(output)["std"] == pytest.approx(output.std().item())
