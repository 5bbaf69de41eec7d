"""What the sample probe says of known samples and scores."""

import pytest
import torch
from patients import noise, players_after
from torch import nn

import cgan_kit as kit
from cgan_kit.diagnostics import SampleProbe, scene, untouched
from cgan_kit.diagnostics.sample_probe import separation, variance_in_classes


class Copies(nn.Module):
    """A generator that makes given images, whatever z is."""

    def __init__(self, images, generator):
        super().__init__()
        self.images = images
        self.num_classes, self.latent_dim = generator.num_classes, generator.latent_dim

    def forward(self, latents, labels):
        return self.images


def look(players, images, **options):
    players.gan.generator = Copies(images, players.gan.generator)
    found = SampleProbe(n=12, **options)(players, 1)
    return {name.removeprefix("sample/"): value for name, value in found.items()}


def test_the_real_images_themselves_are_as_varied_and_cannot_be_told():
    players = players_after(2)
    found = look(players, scene(players, 12).real)
    assert found["pixel_variance"] == pytest.approx(1)
    assert found["feature_variance"] == pytest.approx(1)
    assert found["separation"] == pytest.approx(0.5)


def test_one_image_a_class_has_no_variance():
    players = players_after(2)
    seen = scene(players, 12)
    first = {int(k): seen.real[seen.labels == k][0] for k in seen.labels.unique()}
    found = look(players, torch.stack([first[int(k)] for k in seen.labels]))
    assert found["pixel_variance"] == pytest.approx(0, abs=1e-9)
    assert found["feature_variance"] == pytest.approx(0, abs=1e-6)


def test_the_variance_of_features_is_that_of_features():
    players = players_after(3)
    gan, seen = players.gan, scene(players, 12)
    found = SampleProbe(n=12)(players, 3)
    with untouched(gan), torch.no_grad():
        fakes = gan.generator(seen.latents, seen.labels)
        judged = gan.judge_both(seen.real, fakes, seen.labels)
    for name, of_real, of_fakes in (
        ("pixel", seen.real, fakes),
        ("feature", *(each.features for each in judged)),
    ):
        ratio = variance_in_classes(of_fakes, seen.labels) / variance_in_classes(
            of_real, seen.labels
        )
        assert found[f"sample/{name}_variance"] == pytest.approx(ratio.item(), rel=1e-4)


def test_an_oracle_reads_what_was_drawn():
    shapes = kit.data.load("shapes", size=16)
    players = players_after(0, data=shapes)
    seen = scene(players, 40)
    found = look(players, seen.real)
    assert (found["oracle_accuracy"], found["recognisable"]) == (1, 1)
    shifted = look(players, seen.real.roll(1, dims=0))
    assert shifted["oracle_accuracy"] < 0.2
    assert shifted["recognisable"] == 1


def test_points_are_read_by_their_posterior():
    ring = kit.data.load("gaussians", samples=400)
    players = players_after(0, data=ring)
    seen = scene(players, 32)
    assert look(players, seen.real)["oracle_accuracy"] == 1
    turned = look(players, -seen.real)
    assert (turned["oracle_accuracy"], turned["oracle_accuracy_real"]) == (0, 1)


def test_real_points_of_classes_that_overlap_are_not_all_read_right():
    line = kit.data.load("gaussians", layout="line", samples=3000)
    players = players_after(0, data=line)
    seen = scene(players, 900)
    players.gan.generator = Copies(seen.real, players.gan.generator)
    found = SampleProbe(n=900)(players, 1)
    # (Φ(1) + Φ(1) + 2Φ(1) - 1) / 3 for three normals, two standard deviations apart.
    assert found["sample/oracle_accuracy_real"] == pytest.approx(0.789, abs=0.04)
    assert found["sample/oracle_accuracy"] == found["sample/oracle_accuracy_real"]


def test_a_judge_is_asked_where_one_is_given():
    class Judge:
        def predict(self, images):
            return torch.arange(len(images)) % 3 * 0

    players = players_after(0)
    found = look(players, scene(players, 12).real, classifier=Judge())
    assert found["accuracy"] == pytest.approx(1 / 3)


def test_held_out_images_are_scored_apart():
    class Knows(nn.Module):
        """D that has learned the training images by heart."""

        def __init__(self, gan, known):
            super().__init__()
            self.inner, self.known = gan.discriminator, known

        def forward(self, images):
            seen = (images[:, None] == self.known).flatten(2).all(dim=2).any(dim=1)
            return self.inner(images)._replace(adversarial=seen.float())

    players = players_after(0, None)
    data = players.batches.data
    players.gan.discriminator = Knows(players.gan, data.real(torch.arange(len(data))))
    fresh = noise(per_class=4)
    fresh.samples = 255 - fresh.samples
    found = look(players, torch.zeros(12, 1, 8, 8), held_out=fresh)
    assert found["separation"] == 1
    assert found["separation_held_out"] == 0.5
    assert found["score_spread"] == pytest.approx(torch.tensor([1.0, 0.0]).repeat(12).std().item())


@pytest.mark.parametrize(("grey", "above"), [(255, 1), (0, 0)])
def test_the_held_out_images_given_are_the_ones_scored(grey, above):
    class Bright(nn.Module):
        """D that likes light."""

        def __init__(self, gan):
            super().__init__()
            self.inner = gan.discriminator

        def forward(self, images):
            return self.inner(images)._replace(adversarial=images.flatten(1).mean(dim=1))

    players = players_after(0, None)
    players.gan.discriminator = Bright(players.gan)
    fresh = noise(per_class=4)
    fresh.samples = torch.full_like(fresh.samples, grey)
    found = look(players, torch.zeros(12, 1, 8, 8), held_out=fresh)
    assert found["separation_held_out"] == above


def test_separation_is_the_share_of_pairs_with_ties_by_half():
    real, fake = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.0, 3.0])
    assert separation(real, fake) == pytest.approx((0.5 + 1 + 0 + 1 + 1 + 0) / 6)


def test_variance_by_hand():
    vectors = torch.tensor([[0.0, 0.0], [2.0, 0.0], [5.0, 5.0], [5.0, 7.0], [9.0, 9.0]])
    labels = torch.tensor([0, 0, 1, 1, 2])
    assert variance_in_classes(vectors, labels).item() == pytest.approx((1 + 1) / 2)
