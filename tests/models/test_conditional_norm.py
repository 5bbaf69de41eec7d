"""Conditional batch normalisation against PyTorch's own, class by class."""

import pytest
import torch
from torch import nn

from cgan_kit.models.conditional_norm import ConditionalBatchNorm2d, LinearBatchNorm2d


def a_layer() -> ConditionalBatchNorm2d:
    torch.manual_seed(0)
    layer = ConditionalBatchNorm2d(4, num_classes=3)
    nn.init.normal_(layer.gain)
    nn.init.normal_(layer.bias)
    return layer


def test_equals_batch_norm_followed_by_the_affine_map_of_each_class():
    layer, plain = a_layer(), nn.BatchNorm2d(4)
    maps = 3 + 2 * torch.randn(8, 4, 5, 5)
    labels = torch.tensor([0, 1, 2, 2, 1, 0, 0, 2])
    for training in (True, True, False):
        layer.train(training)
        plain.train(training)
        out = layer(maps, labels)
        normalised = plain(maps)  # its own affine map is still the identity
        for i, y in enumerate(labels.tolist()):
            expected = layer.gain[y][:, None, None] * normalised[i] + layer.bias[y][:, None, None]
            assert torch.allclose(out[i], expected, atol=1e-5)
    assert torch.allclose(layer.norm.running_mean, plain.running_mean)
    assert torch.allclose(layer.norm.running_var, plain.running_var)


def test_statistics_are_over_the_whole_batch_not_over_each_class():
    layer = ConditionalBatchNorm2d(1, num_classes=2)
    maps = torch.cat([torch.full((2, 1, 2, 2), -1.0), torch.full((2, 1, 2, 2), 1.0)])
    out = layer(maps, torch.tensor([0, 0, 1, 1]))
    assert torch.allclose(out, maps, atol=1e-4)


def test_only_the_classes_in_the_batch_learn():
    layer = a_layer()
    out = layer(torch.randn(4, 4, 2, 2), torch.tensor([0, 2, 2, 0]))
    out.square().sum().backward()
    for parameter in (layer.gain, layer.bias):
        moved = parameter.grad.abs().sum(dim=1) > 0
        assert moved.tolist() == [True, False, True]


def test_scale_and_shift_may_be_linear_in_a_vector():
    torch.manual_seed(0)
    layer, plain = LinearBatchNorm2d(4, condition_dim=3), nn.BatchNorm2d(4)
    maps, condition = 3 + 2 * torch.randn(8, 4, 5, 5), torch.randn(8, 3)
    for training in (True, True, False):
        layer.train(training)
        plain.train(training)
        out = layer(maps, condition)
        normalised = plain(maps)  # its own affine map is still the identity
        for i, vector in enumerate(condition):
            gain, bias = 1 + layer.gain.weight @ vector, layer.bias.weight @ vector
            expected = gain[:, None, None] * normalised[i] + bias[:, None, None]
            assert torch.allclose(out[i], expected, atol=1e-5)
    assert torch.allclose(layer.norm.running_mean, plain.running_mean)
    assert torch.allclose(layer.norm.running_var, plain.running_var)


def test_a_condition_of_zeros_leaves_the_plain_norm():
    maps = 3 + 2 * torch.randn(6, 4, 5, 5)
    out = LinearBatchNorm2d(4, condition_dim=3)(maps, torch.zeros(6, 3))
    assert torch.allclose(out, nn.BatchNorm2d(4)(maps), atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "given"),
    [
        (ConditionalBatchNorm2d(4, 3), torch.tensor([0, 2])),
        (LinearBatchNorm2d(4, 3), torch.ones(2, 3)),
    ],
    ids=["table", "linear"],
)
def test_maps_stay_in_bfloat16_under_autocast(layer, given):
    """In float32 all that follows, up to the next convolution, would take twice the memory."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = layer(torch.randn(2, 4, 5, 5, dtype=torch.bfloat16), given)
    assert out.dtype == torch.bfloat16
    out.float().sum().backward()
    assert all(each.grad.dtype == torch.float32 for each in layer.parameters())
