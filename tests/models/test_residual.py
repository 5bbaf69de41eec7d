"""What both residual families promise: blocks, shapes, ranges, and that nothing is idle."""

import copy
import json

import pytest
import torch
import torch.nn.functional as F
from residual_pairs import FAMILIES, small_discriminator, small_generator
from torch import nn

from cgan_kit import models
from cgan_kit.describe import describe, rebuild
from cgan_kit.models import draw_latents, truncate
from cgan_kit.models.residual import DownBlock, UpBlock

SHAPES = [(channels, side, side) for side in (32, 64, 128) for channels in (1, 3)]
both = pytest.mark.parametrize("family", FAMILIES)


def seeded(n: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(n)


class Scaled(nn.Module):
    """A norm that is none: a condition of n numbers scales the maps."""

    def forward(self, maps, condition):
        return maps * condition[:, None, None, None]


@pytest.mark.parametrize("doubles", [True, False])
@pytest.mark.parametrize("outputs", [4, 5])
def test_an_up_block_is_what_the_papers_draw(doubles, outputs):
    torch.manual_seed(0)
    block = UpBlock(4, outputs, lambda channels: Scaled(), doubles)
    maps, condition = torch.randn(3, 4, 6, 6), torch.tensor([0.5, 1.0, 2.0])

    def scaled(maps):
        return F.relu(condition[:, None, None, None] * maps)

    def resized(maps):
        return maps.repeat_interleave(2, 2).repeat_interleave(2, 3) if doubles else maps

    change = block.conv2(scaled(block.conv1(resized(scaled(maps)))))
    expected = change + block.shortcut(resized(maps))
    torch.testing.assert_close(block(maps, condition), expected)
    assert isinstance(block.shortcut, nn.Identity) == (outputs == 4 and not doubles)


@pytest.mark.parametrize("halves", [True, False])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("outputs", [4, 5])
def test_a_down_block_is_what_the_papers_draw(halves, first, outputs):
    torch.manual_seed(0)
    block = DownBlock(4, 6, outputs, halves, first)
    maps = torch.randn(3, 4, 6, 6)

    def resized(maps):
        return maps.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).mean((3, 5)) if halves else maps

    change = block.conv2(F.relu(block.conv1(maps if first else F.relu(maps))))
    expected = resized(change) + resized(block.shortcut(maps))
    torch.testing.assert_close(block(maps), expected)
    assert isinstance(block.shortcut, nn.Identity) == (outputs == 4 and not halves)


@both
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_generator_makes_images_of_the_shape_within_the_range(family, shape):
    generator = small_generator(family, shape, width=1)
    images = generator(20 * draw_latents(2, 60, seeded()), torch.tensor([0, 2]))
    assert images.shape == (2, *shape)
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1
    assert images.std() > 0


@both
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_discriminator_gives_one_score_and_one_feature_vector_an_image(family, shape):
    judge = small_discriminator(family, shape, width=1)
    judgement = judge(torch.randn(2, *shape, generator=seeded()))
    assert judgement.adversarial.shape == (2,)
    assert judgement.features.shape == (2, judge.feature_dim)
    assert judge.feature_dim == {32: 2, 64: 16, 128: 16}[shape[1]]
    again = judge.to_score(judgement.features).squeeze(1)
    torch.testing.assert_close(again, judgement.adversarial, rtol=1e-3, atol=1e-3)


@both
@pytest.mark.parametrize("side", [32, 64, 128])
def test_features_are_sums_over_the_last_map(family, side):
    judge = small_discriminator(family, (1, side, side), spectral_norm=False)
    images = torch.randn(2, 1, side, side, generator=seeded())
    maps = judge.stages(images)
    assert maps.shape[2:] == {32: (8, 8), 64: (4, 4), 128: (4, 4)}[side]
    torch.testing.assert_close(judge(images).features, maps.clamp(min=0).sum((2, 3)))


@both
@pytest.mark.parametrize("spectral_norm", [False, True])
@pytest.mark.parametrize("side", [32, 64])
def test_gradient_reaches_every_parameter_of_both(family, spectral_norm, side):
    torch.manual_seed(0)
    generator = small_generator(family, (1, side, side))
    judge = small_discriminator(family, (1, side, side), spectral_norm=spectral_norm)
    for network in (generator, judge):
        for module in network.modules():
            if isinstance(module, models.attention.SelfAttention):
                nn.init.constant_(module.gain, 0.5)
    labels = torch.arange(6) % 3
    images = generator(draw_latents(6, 60, seeded()), labels)
    judge(images).adversarial.square().sum().backward()
    for name, parameter in [*generator.named_parameters(), *judge.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@both
def test_the_generator_depends_on_latents_and_on_labels(family):
    torch.manual_seed(0)
    generator = small_generator(family).eval()
    for parameter in generator.parameters():  # SNGAN's norms start alike for all classes
        nn.init.normal_(parameter, std=0.3)
    latents, labels = draw_latents(3, 60, seeded()), torch.arange(3)
    images = generator(latents, labels)
    assert (images - generator(latents, labels.flip(0))).abs().max() > 1e-3
    assert (images - generator(latents.flip(0), labels)).abs().max() > 1e-3


@both
def test_in_evaluation_an_image_does_not_depend_on_its_neighbours(family):
    generator = small_generator(family).eval()
    latents, labels = draw_latents(4, 60, seeded()), torch.arange(4) % 3
    together = generator(latents, labels)
    alone = torch.cat([generator(latents[i : i + 1], labels[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


@both
def test_depth_adds_blocks_of_one_width_to_each_stage(family):
    shallow, deep = small_generator(family), small_generator(family, depth=3)
    assert [len(stage) for stage in deep.stages] == [3, 3, 3]
    assert [len(stage) for stage in shallow.stages] == [1, 1, 1]
    judge = small_discriminator(family, depth=3)
    blocks = [m for m in judge.modules() if isinstance(m, DownBlock)]
    assert [block.first for block in blocks] == [True] + 11 * [False]
    assert [block.halves for block in blocks] == 2 * [True, False, False] + 6 * [False]
    latents = draw_latents(2, 60, seeded())
    assert judge(deep(latents, torch.tensor([0, 1]))).features.shape == (2, 4)


@both
def test_a_copy_after_a_pass_goes_on_alike(family):
    judge = small_discriminator(family)
    images = torch.randn(3, 3, 32, 32, generator=seeded())
    judge(images)
    twin = copy.deepcopy(judge)
    assert torch.equal(judge(images).adversarial, twin(images).adversarial)
    twin(images).adversarial.sum().backward()
    assert all(parameter.grad is None for parameter in judge.parameters())


@both
def test_both_come_back_from_json_with_their_arguments_and_weights(family):
    special = {"attention_side": 8, "spectral_norm": False} if family == "BigGAN" else {}
    for thing in (
        small_generator(family, (1, 64, 64), depth=2, **special),
        small_discriminator(family, (1, 64, 64), depth=2, **{"spectral_norm": False} | special),
        small_generator(family),
        small_discriminator(family),
    ):
        written = json.loads(json.dumps(describe(thing)))
        made = rebuild(written, models)
        assert type(made) is type(thing)
        assert json.loads(json.dumps(describe(made))) == written
        made.load_state_dict(thing.state_dict())


@both
def test_truncation_draws_the_images_of_a_class_together(family):
    torch.manual_seed(0)
    generator = small_generator(family).eval()
    latents, labels = draw_latents(8, 60, seeded()), torch.zeros(8, dtype=torch.int64)
    spread = [
        generator(truncate(latents, bound), labels).std(dim=0).mean()
        for bound in (float("inf"), 1.0, 0.1, 1e-6)
    ]
    assert spread == sorted(spread, reverse=True)
    assert spread[0] > 1e-3
    assert spread[-1] < 1e-5 * spread[0]


@both
@pytest.mark.parametrize("make", [small_generator, small_discriminator])
def test_wrong_arguments_are_refused_with_a_remedy(family, make):
    with pytest.raises(ValueError, match=rf"48 px is not a size of the {family} pair.*32, 64, 128"):
        make(family, (3, 48, 48))
    with pytest.raises(ValueError, match=r"sample_shape is \(3, 32, 64\).*crop or resize"):
        make(family, (3, 32, 64))
    with pytest.raises(ValueError, match=r"sample_shape is \(2,\).*MLP pair"):
        make(family, (2,))
    for name in ("width", "depth"):
        with pytest.raises(ValueError, match=rf"{name} is 0"):
            make(family, **{name: 0})
