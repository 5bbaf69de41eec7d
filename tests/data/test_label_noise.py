"""Labels drawn anew: how many, which, and that nothing else changes."""

import pytest
import torch

import cgan_kit as kit
from cgan_kit.data import with_label_noise


@pytest.fixture(scope="module")
def ring():
    return kit.data.load("gaussians", classes=4, samples=8000)


def test_a_share_of_the_labels_is_drawn_anew_from_all_classes(ring):
    noisy = with_label_noise(ring, 0.5)
    wrong = (noisy.labels != ring.labels).double().mean().item()
    assert wrong == pytest.approx(0.5 * 3 / 4, abs=0.02)
    counts = torch.bincount(noisy.labels, minlength=4)
    assert (counts - 2000).abs().max() < 150
    assert torch.equal(noisy.samples, ring.samples)
    assert isinstance(noisy, kit.data.PointSet)


def test_the_ends_of_the_range(ring):
    assert torch.equal(with_label_noise(ring, 0.0).labels, ring.labels)
    wrong = with_label_noise(ring, 1.0).labels != ring.labels
    assert wrong.double().mean().item() == pytest.approx(0.75, abs=0.02)


def test_the_seed_decides_and_the_original_stays(ring):
    before = ring.labels.clone()
    first, again, other = (with_label_noise(ring, 0.3, seed) for seed in (0, 0, 1))
    assert torch.equal(first.labels, again.labels)
    assert not torch.equal(first.labels, other.labels)
    assert torch.equal(ring.labels, before)
    assert (first.name, ring.name) == ("custom", "gaussians")


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_outside_its_range_is_refused(ring, share):
    with pytest.raises(ValueError, match=rf"share is {share}; give a share of the labels"):
        with_label_noise(ring, share)
