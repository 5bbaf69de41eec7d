"""The convolutional pair: shapes, ranges, what spectral norm holds, that nothing is idle."""

import copy
import itertools

import pytest
import torch
from torch import nn

from cgan_kit.models import DCGANDiscriminator, DCGANGenerator, draw_latents

SHAPES = [(channels, size, size) for channels in (1, 3) for size in (8, 16, 32, 64)]


def seeded(n: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(n)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_generator_makes_images_of_the_shape_within_the_range(shape):
    generator = DCGANGenerator(5, shape, latent_dim=6, width=2, embedding_dim=3)
    latents, labels = 100 * draw_latents(7, 6, seeded()), torch.arange(7) % 5
    images = generator(latents, labels)
    assert images.shape == (7, *shape)
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1
    assert images.std() > 0


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("pooling", ["flat", "sum", "mean"])
def test_discriminator_gives_one_score_and_one_feature_vector_an_image(shape, pooling):
    judge = DCGANDiscriminator(shape, width=2, pooling=pooling)
    judgement = judge(torch.randn(3, *shape, generator=seeded()))
    assert judgement.adversarial.shape == (3,)
    assert judgement.features.shape == (3, judge.feature_dim)
    assert torch.allclose(judge.to_score(judgement.features).squeeze(1), judgement.adversarial)


def test_pooling_differs_only_in_how_four_places_become_one_vector():
    images = torch.randn(3, 1, 8, 8, generator=seeded())
    made = {}
    for pooling in ("flat", "sum", "mean"):
        torch.manual_seed(3)
        made[pooling] = DCGANDiscriminator((1, 8, 8), width=2, pooling=pooling)
    flat = made["flat"](images).features.view(3, -1, 4)
    assert torch.allclose(made["sum"](images).features, flat.sum(dim=2), atol=1e-6)
    assert torch.allclose(made["mean"](images).features, flat.mean(dim=2), atol=1e-6)


@pytest.mark.parametrize("size", [8, 16, 32, 64])
def test_number_of_parameters_is_the_sum_counted_by_hand(size):
    classes, latent, width, embedding, channels = 5, 6, 2, 3, 3
    doublings = {8: 1, 16: 2, 32: 3, 64: 4}[size]
    widths = [width * 2**i for i in range(doublings + 1)]
    widest = widths[-1]
    generator = DCGANGenerator(classes, (channels, size, size), latent, width, embedding)
    expected = classes * embedding + (latent + embedding + 1) * widest * 16
    expected += sum(2 * classes * w for w in widths)
    expected += sum(16 * a * b for a, b in itertools.pairwise(widths))
    expected += channels * (9 * width + 1)
    assert sum(p.numel() for p in generator.parameters()) == expected

    judge = DCGANDiscriminator((channels, size, size), width)
    expected = sum((16 * a + 1) * b for a, b in zip([channels, *widths], widths, strict=False))
    expected += 4 * widest + 1
    assert sum(p.numel() for p in judge.parameters()) == expected


def test_generator_depends_on_latents_and_on_labels():
    generator = DCGANGenerator(4, (1, 8, 8), 6, 2)
    latents, labels = draw_latents(4, 6, seeded()), torch.arange(4)
    images = generator.eval()(latents, labels)
    assert not torch.equal(images, generator(latents, labels.flip(0)))
    assert not torch.equal(images, generator(latents.flip(0), labels))


def test_in_evaluation_an_image_does_not_depend_on_its_neighbours():
    generator = DCGANGenerator(4, (1, 8, 8), 6, 2).eval()
    latents, labels = draw_latents(6, 6, seeded()), torch.arange(6) % 4
    together = generator(latents, labels)
    alone = torch.cat([generator(latents[i : i + 1], labels[i : i + 1]) for i in range(6)])
    assert torch.allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("spectral_norm", [False, True])
def test_gradient_reaches_every_parameter_of_both(spectral_norm):
    generator = DCGANGenerator(3, (1, 16, 16), 6, 2)
    judge = DCGANDiscriminator((1, 16, 16), 2, spectral_norm)
    labels = torch.arange(6) % 3
    judge(generator(draw_latents(6, 6, seeded()), labels)).adversarial.square().sum().backward()
    for name, parameter in [*generator.named_parameters(), *judge.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def spectral_layers(judge: nn.Module) -> list[nn.Module]:
    return [m for m in judge.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]


def largest_singular_value(layer: nn.Module) -> float:
    return float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), ord=2))


def test_spectral_norm_holds_every_layer_at_one_and_its_absence_does_not():
    judge = DCGANDiscriminator((3, 16, 16), 4, spectral_norm=True)
    images = torch.randn(2, 3, 16, 16, generator=seeded())
    with torch.no_grad():
        for layer in spectral_layers(judge):
            layer.parametrizations.weight.original.mul_(7)
    for _ in range(30):
        judge(images)
    assert len(spectral_layers(judge)) == 4
    for layer in spectral_layers(judge):
        assert largest_singular_value(layer) == pytest.approx(1, abs=0.02)
    free = DCGANDiscriminator((3, 16, 16), 4)
    assert any(abs(largest_singular_value(layer) - 1) > 0.1 for layer in spectral_layers(free))


def test_spectral_norm_survives_deepcopy_after_a_forward_pass():
    judge = DCGANDiscriminator((1, 8, 8), 2, spectral_norm=True)
    images = torch.randn(3, 1, 8, 8, generator=seeded())
    judge(images)
    twin = copy.deepcopy(judge)
    assert torch.equal(judge(images).adversarial, twin(images).adversarial)
    twin(images).adversarial.sum().backward()
    assert all(p.grad is None for p in judge.parameters())


def test_the_discriminator_takes_no_labels():
    judge = DCGANDiscriminator((1, 8, 8), 2)
    with pytest.raises(TypeError):
        judge(torch.zeros(2, 1, 8, 8), torch.zeros(2, dtype=torch.int64))
    assert not any(hasattr(judge, name) for name in ("num_classes", "embedding", "classifier"))
