"""Spectral norm: the right number, its slope, and exactly as many iterations as promised."""

import copy
from collections import Counter

import pytest
import torch
from torch import nn

import cgan_kit as kit
from cgan_kit import spectral
from cgan_kit.losses import R1R2
from cgan_kit.spectral import add_spectral_norm
from cgan_kit.training import FLOAT32, training_step
from cgan_kit.training.step import make_players

LAYERS = {"linear": lambda: nn.Linear(6, 4), "convolution": lambda: nn.Conv2d(3, 5, 3)}


def normalised(make, scale=7.0, seed=0):
    """(the layer with spectral norm, its free weight, σ of it)."""
    torch.manual_seed(seed)
    layer = make().double()
    with torch.no_grad():
        layer.weight.mul_(scale)
    add_spectral_norm(layer)
    for _ in range(300):
        layer.weight  # noqa: B018 - each access is a pass
    free = layer.parametrizations.weight.original
    return layer, free, torch.linalg.matrix_norm(free.flatten(1), ord=2)


def vectors(network):
    return [m.v for m in network.modules() if isinstance(m, spectral.SpectralNorm)]


@pytest.mark.parametrize("name", LAYERS)
def test_the_weight_is_divided_by_its_largest_singular_value(name):
    layer, free, sigma = normalised(LAYERS[name])
    assert abs(sigma - 1) > 0.5
    torch.testing.assert_close(layer.weight, free / sigma, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", LAYERS)
def test_the_slope_is_that_of_the_whole_quotient(name):
    layer, free, sigma = normalised(LAYERS[name])
    shares = torch.randn_like(free)
    (ours,) = torch.autograd.grad((layer.weight * shares).sum(), free)
    (exact,) = torch.autograd.grad((free / sigma * shares).sum(), free)
    torch.testing.assert_close(ours, exact, rtol=0, atol=1e-8)


def test_one_iteration_a_pass_keeps_up_with_weights_that_move():
    layer, free, _ = normalised(LAYERS["linear"])
    random = torch.Generator().manual_seed(1)
    for _ in range(50):
        with torch.no_grad():
            free.add_(torch.randn(free.shape, generator=random), alpha=0.05)
        layer.weight  # noqa: B018
        largest = torch.linalg.matrix_norm(layer.weight.detach(), ord=2)
        assert largest == pytest.approx(1, abs=0.02)


def test_a_new_layer_is_close_from_its_first_pass():
    layer = nn.Conv2d(8, 16, 3)
    add_spectral_norm(layer)
    largest = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), ord=2)
    assert largest == pytest.approx(1, abs=0.1)


def test_embeddings_and_norms_stay_free():
    network = nn.Sequential(nn.Embedding(3, 4), nn.Linear(4, 4), nn.BatchNorm1d(4))
    add_spectral_norm(network)
    assert [hasattr(layer, "parametrizations") for layer in network] == [False, True, False]


def test_only_a_pass_from_which_the_weight_learns_takes_an_iteration():
    torch.manual_seed(0)
    layer, inputs = nn.Linear(6, 4), torch.randn(2, 6, requires_grad=True)
    add_spectral_norm(layer)

    def iterates():
        before = layer.parametrizations.weight[0].v.clone()
        layer(inputs)
        return not torch.equal(before, layer.parametrizations.weight[0].v)

    assert iterates()
    with torch.no_grad():
        assert not iterates()
    layer.requires_grad_(False)
    assert not iterates()
    layer.requires_grad_(True).eval()
    assert not iterates()


GAMES = [(kit.losses.hinge, None), (kit.losses.relativistic, R1R2(0.1))]


@pytest.mark.parametrize(("game", "penalty"), GAMES, ids=["hinge", "relativistic and R1R2"])
@pytest.mark.parametrize("turns", [1, 3])
def test_one_iteration_for_each_update_of_a_weight(monkeypatch, game, penalty, turns):
    shape, iterations, once = (1, 32, 32), Counter(), spectral.iterate

    def count(matrix, v, out=None):
        iterations[id(out)] += 1
        return once(matrix, v, out)

    images = torch.randint(0, 256, (8, *shape), dtype=torch.uint8)
    data = kit.data.ImageSet(images, torch.arange(8) % 2, ["a", "b"])
    gan = kit.GAN(
        kit.models.BigGANGenerator(2, shape, latent_dim=4, width=1, embedding_dim=2),
        kit.models.BigGANDiscriminator(shape, width=1),
        kit.losses.ReACGAN(),
        game,
    )
    players = make_players(gan, data, kit.Recipe(batch_size=4, penalty=penalty), FLOAT32, seed=0)
    monkeypatch.setattr(spectral, "iterate", count)
    training_step(players, turns)
    ours, theirs = vectors(gan.discriminator), vectors(gan.generator)
    assert len(ours) == 15, "eight in blocks, two around them, attention's four, the score's"
    assert iterations == {id(v): turns for v in ours} | {id(v): 1 for v in theirs}


HEADS = {
    kit.losses.Projection: 1,
    kit.losses.ReACGAN: 1,
    kit.losses.ContraGAN: 1,
    kit.losses.ACGAN: 2,
    kit.losses.ADCGAN: 2,
}


@pytest.mark.parametrize("method", HEADS, ids=lambda method: method.__name__)
def test_a_head_iterates_in_the_discriminators_turn_alone(monkeypatch, method):
    images = torch.randint(0, 256, (8, 1, 8, 8), dtype=torch.uint8)
    data = kit.data.ImageSet(images, torch.arange(8) % 2, ["a", "b"])
    gan = kit.GAN.for_images(data, method(spectral_norm=True), kit.losses.hinge)
    recipe = kit.Recipe(batch_size=4, penalty=None)
    players, iterations, once = (
        make_players(gan, data, recipe, FLOAT32, 0),
        Counter(),
        spectral.iterate,
    )

    def count(matrix, v, out=None):
        iterations[id(out)] += 1
        return once(matrix, v, out)

    monkeypatch.setattr(spectral, "iterate", count)
    training_step(players, 3)
    assert vectors(gan.conditioning)
    assert iterations == {id(v): 3 * HEADS[method] for v in vectors(gan.conditioning)}


def test_two_passes_may_come_before_one_backward():
    layer, _, _ = normalised(LAYERS["linear"])
    inputs = torch.randn(2, 6, dtype=torch.float64, requires_grad=True)
    (layer(inputs).square().sum() + layer(2 * inputs).square().sum()).backward()
    assert inputs.grad is not None


def test_a_slope_can_be_differentiated_again_by_autograd_and_by_torch_func():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    add_spectral_norm(network)
    weights = dict(network.named_parameters())
    images = torch.randn(3, 6, dtype=torch.float64, requires_grad=True)
    network(images)
    network.eval()  # so that both ways use one v

    (slope,) = torch.autograd.grad(network(images).sum(), images, create_graph=True)
    ours = torch.autograd.grad(slope.square().sum(), list(weights.values()), allow_unused=True)

    def score(images, weights):
        return torch.func.functional_call(network, weights, (images,)).sum()

    def penalty(weights):
        return torch.func.grad(score)(images.detach(), weights).square().sum()

    theirs = torch.func.grad(penalty)({name: each.detach() for name, each in weights.items()})
    for name, our in zip(weights, ours, strict=True):
        our = torch.zeros_like(theirs[name]) if our is None else our
        torch.testing.assert_close(our, theirs[name], rtol=0, atol=1e-12)
    network.train()
    assert torch.func.grad(lambda each: network(each).sum())(images.detach()).isfinite().all()


def test_a_copy_goes_on_alike_and_apart():
    layer, _, _ = normalised(LAYERS["convolution"])
    twin, third = copy.deepcopy(layer), LAYERS["convolution"]().double()
    add_spectral_norm(third)
    third.load_state_dict(layer.state_dict())
    for _ in range(3):
        with torch.no_grad():
            for each in (layer, twin, third):
                each.parametrizations.weight.original[0].mul_(1.1)
        weight = layer.weight
        assert torch.equal(weight, twin.weight)
        assert torch.equal(weight, third.weight)
    twin.weight.sum().backward()
    assert layer.parametrizations.weight.original.grad is None


def test_under_autocast_the_division_stays_exact():
    torch.manual_seed(0)
    layer = nn.Linear(60, 40)
    add_spectral_norm(layer)
    layer.eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer.weight, layer.eval().weight)
        inside = layer.weight
    assert inside.dtype == torch.float32
    assert torch.equal(inside, layer.weight)


def test_the_length_of_v_does_not_matter():
    """The averaged generator holds a mean of unit vectors, which is shorter than 1."""
    layer, _, _ = normalised(LAYERS["linear"])
    layer.eval()
    before = layer.weight
    layer.parametrizations.weight[0].v.mul_(0.3)
    torch.testing.assert_close(layer.weight, before)
