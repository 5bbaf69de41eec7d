"""The fully connected pair for points."""

import pytest
import torch

from cgan_kit.models import MLPDiscriminator, MLPGenerator, draw_latents


def test_shapes_and_depth():
    generator = MLPGenerator(3, (2,), latent_dim=4, width=5, depth=3)
    judge = MLPDiscriminator((2,), width=5, depth=3)
    points = generator(draw_latents(6, 4), torch.arange(6) % 3)
    judgement = judge(points)
    assert points.shape == (6, 2)
    assert judgement.adversarial.shape == (6,)
    assert judgement.features.shape == (6, judge.feature_dim) == (6, 5)
    assert sum(isinstance(layer, torch.nn.Linear) for layer in judge.layers) == 3
    assert sum(isinstance(layer, torch.nn.Linear) for layer in generator.layers) == 4


def test_points_are_not_bounded():
    generator = MLPGenerator(2, (2,), latent_dim=4, width=8)
    far = generator(1e4 * draw_latents(20, 4), torch.zeros(20, dtype=torch.int64))
    assert far.abs().max() > 10


@pytest.mark.parametrize("spectral_norm", [False, True])
def test_gradient_reaches_every_parameter(spectral_norm):
    generator = MLPGenerator(3, (2,), latent_dim=4, width=8)
    judge = MLPDiscriminator((2,), 8, spectral_norm=spectral_norm)
    points = generator(draw_latents(9, 4), torch.arange(9) % 3)
    judge(points).adversarial.square().sum().backward()
    for name, parameter in [*generator.named_parameters(), *judge.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_spectral_norm_bounds_the_slope_of_the_score():
    judge = MLPDiscriminator((2,), 16, spectral_norm=True)
    for _ in range(50):
        judge(torch.zeros(1, 2))
    judge.eval()
    points = torch.randn(200, 2, requires_grad=True)
    (slopes,) = torch.autograd.grad(judge(points).adversarial.sum(), points)
    # Three layers with largest singular value 1 and leaky rectifiers of slope at most 1.
    assert slopes.norm(dim=1).max() <= 1.01
