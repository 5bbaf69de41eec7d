"""The two parts of each loss add up to it, and each has its own way back."""

import pytest
import torch
from patients import GAMES, METHODS, noise, players_after

import cgan_kit as kit
from cgan_kit.diagnostics import GradientShare, scene, split, untouched
from cgan_kit.diagnostics.split import slope


def whole_losses(gan, seen):
    """What the training step minimises, without a penalty: of D and of G."""
    fakes = gan.generator(seen.latents, seen.labels)
    real, fake = gan.judge_both(seen.real, fakes, seen.labels)
    loss_d = gan.adversarial.discriminator(real.scores, fake.scores)
    loss_d = loss_d + gan.conditioning.discriminator_loss(real, fake)
    loss_g = gan.adversarial.generator(real.scores.detach(), fake.scores)
    return loss_d, loss_g + gan.conditioning.generator_loss(fake)


@pytest.mark.parametrize("game", GAMES, ids=lambda game: game.name)
@pytest.mark.parametrize("method", METHODS)
def test_the_parts_add_up_to_the_gradient_of_the_step(method, game):
    players = players_after(3, METHODS[method](), game)
    gan, seen = players.gan, scene(players, 12)
    judges = [*gan.discriminator.parameters(), *gan.conditioning.parameters()]
    judges = [weight for weight in judges if weight.requires_grad]
    with untouched(gan):
        parts = split(gan, seen)
        of_parts = [slope(parts.d_head, *judges) + slope(parts.d_score, *judges)]
        makers = list(gan.generator.parameters())
        of_parts += [slope(parts.g_head, *makers) + slope(parts.g_score, *makers)]
    with untouched(gan):
        losses = whole_losses(gan, seen)
        for loss, weights, found in zip(losses, (judges, makers), of_parts, strict=True):
            expected = slope(loss, *weights)
            assert expected.norm() > 1e-6
            assert (found - expected).norm() < 1e-5 * expected.norm()


def test_without_a_conditioning_everything_is_the_score():
    found = GradientShare(n=6)(players_after(2, None), 2)
    assert all(found[f"share/{place}_head"] == 0 for place in ("trunk", "image", "generator"))
    assert all(found[f"share/{place}_score"] > 0 for place in ("trunk", "image", "generator"))
    assert not any("cosine" in name for name in found)


def test_the_share_grows_with_the_weight_and_the_score_stays():
    light = GradientShare(n=9)(players_after(0, kit.losses.ACGAN(weight=1.0)), 0)
    heavy = GradientShare(n=9)(players_after(0, kit.losses.ACGAN(weight=10.0)), 0)
    for place in ("trunk", "image", "generator"):
        head, score, cosine = (f"share/{place}_{part}" for part in ("head", "score", "cosine"))
        assert heavy[head] == pytest.approx(10 * light[head], rel=1e-4)
        assert heavy[score] == pytest.approx(light[score], rel=1e-4)
        assert heavy[cosine] == pytest.approx(light[cosine], abs=1e-4)


def test_sizes_and_cosines_are_those_of_autograd():
    players = players_after(2, kit.losses.ACGAN())
    found = GradientShare(n=6)(players, 2)
    gan = players.gan
    trunk = list(gan.discriminator.parameters())
    with untouched(gan):
        parts = split(gan, scene(players, 6))
        head, score = slope(parts.d_head, *trunk), slope(parts.d_score, *trunk)
        at_images = slope(parts.g_head, parts.fake.images).view(6, -1)
        by_score = slope(parts.g_score, parts.fake.images).view(6, -1)
    assert found["share/trunk_head"] == pytest.approx(head.norm().item(), rel=1e-5)
    cosine = head @ score / (head.norm() * score.norm())
    assert found["share/trunk_cosine"] == pytest.approx(cosine.item(), abs=1e-5)
    for part, gradients in (("head", at_images), ("score", by_score)):
        per_image = 6 * gradients.norm(dim=1)
        assert found[f"share/image_{part}"] == pytest.approx(per_image.mean().item(), rel=1e-5)


def test_heads_without_weights_of_their_own_send_back_through_images():
    found = GradientShare(n=6)(players_after(1, METHODS["FrozenClassifier"]()), 1)
    assert found["share/image_head"] > 0
    assert found["share/trunk_head"] == 0


def test_the_scene_is_balanced_so_every_class_is_seen():
    assert noise().num_classes == 3
    players = players_after(0)
    assert torch.bincount(scene(players, 6).labels).tolist() == [2, 2, 2]
