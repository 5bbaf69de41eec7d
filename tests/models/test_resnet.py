"""SNGAN's pair: its numbers of parameters, and how it starts."""

import itertools
import math

import pytest
import torch
from residual_pairs import parameters, small_discriminator, small_generator
from torch import nn

from cgan_kit.models import ResNetDiscriminator, ResNetGenerator

# Side of the images: (classes, published parameters of the generator)
PUBLISHED = {32: (10, 4_304_387), 64: (200, 13_366_915), 128: (1000, 41_996_931)}


@pytest.mark.parametrize("side", PUBLISHED)
def test_the_published_generators_have_as_many_parameters(side):
    """As printed in the training logs of PyTorch-StudioGAN's SNGAN on CIFAR-10,
    Tiny-ImageNet and ImageNet (commit 947b35e, logs/*/SNGAN-train-*.log).

    Everything is counted: at 32 px also the 10 × 2 × 6 × 256 scales and shifts.
    """
    classes, published = PUBLISHED[side]
    with torch.device("meta"):
        assert parameters(ResNetGenerator(classes, (3, side, side))) == published


def test_the_published_discriminator_has_as_many_parameters():
    """The log for CIFAR-10 says 1,055,105, a projection of ten classes to 128 features in it.

    For 64 and 128 px the logs count another net, whose blocks are as wide inside as at their
    end; here they are as wide as at their beginning, as in the authors' own code.
    """
    with torch.device("meta"):
        judge = ResNetDiscriminator((3, 32, 32), spectral_norm=False)
    assert parameters(judge) + 10 * 128 == 1_055_105


@pytest.mark.parametrize(("side", "times"), [(64, (1, 2, 4, 8, 16)), (128, (1, 2, 4, 8, 16, 16))])
def test_larger_discriminators_have_the_parameters_counted_by_hand(side, times):
    width, expected = 3, 0
    for i, (a, b) in enumerate(itertools.pairwise([1, *(width * t for t in times)])):
        inside = b if i == 0 else a
        expected += (9 * a + 1) * inside + (9 * inside + 1) * b
        expected += (a + 1) * b if a != b else 0
    expected += 16 * width + 1
    judge = small_discriminator("ResNet", (1, side, side), width=width)
    assert parameters(judge) == expected


def test_weights_start_as_glorots_twice_their_variance_in_the_blocks():
    torch.manual_seed(0)
    generator = small_generator("ResNet", width=16)
    block = generator.stages[0][0]
    for layer, gain in ((block.conv1, math.sqrt(2)), (block.shortcut, 1), (generator.project, 1)):
        weight = layer.weight.detach()
        inputs, outputs = weight[0].numel(), len(weight) * weight[0, 0].numel()
        bound = gain * math.sqrt(6 / (inputs + outputs))
        assert weight.abs().max() == pytest.approx(bound, rel=0.02)
        assert not layer.bias.any()


def test_spectral_norm_is_a_dial_and_adds_no_parameters():
    free = small_discriminator("ResNet", spectral_norm=False)
    held = small_discriminator("ResNet")
    assert parameters(free) == parameters(held)
    assert held.spectral_norm
    layers = [m for m in held.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert all(hasattr(layer, "parametrizations") for layer in layers)
    assert not any(hasattr(layer, "parametrizations") for layer in free.modules())
    generator = small_generator("ResNet")
    assert not any(hasattr(layer, "parametrizations") for layer in generator.modules())
