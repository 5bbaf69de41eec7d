from itertools import chain

import pytest
import torch

from cgan_kit.data.batches import Batches
from cgan_kit.data.imageset import ImageSet, to_uint8
from cgan_kit.data.pointset import PointSet


def make_set(samples: int = 20) -> ImageSet:
    images = torch.arange(samples, dtype=torch.uint8).view(-1, 1, 1, 1).repeat(1, 1, 2, 2)
    return ImageSet(images, torch.arange(samples) % 4, ["a", "b", "c", "d"])


def drawn(batches: Batches, times: int) -> list[list[int]]:
    return [to_uint8(batches.next()[0])[:, 0, 0, 0].tolist() for _ in range(times)]


def test_one_seed_one_stream_whatever_the_global_state():
    first = drawn(Batches(make_set(), 6, seed=3), 10)
    torch.manual_seed(99)
    assert drawn(Batches(make_set(), 6, seed=3), 10) == first
    assert drawn(Batches(make_set(), 6, seed=4), 10) != first


def test_every_sample_once_an_epoch():
    batches = Batches(make_set(), 5)
    for _ in range(3):
        epoch = list(chain(*drawn(batches, 4)))
        assert sorted(epoch) == list(range(20))


def test_epochs_differ():
    batches = Batches(make_set(), 20)
    first, second = drawn(batches, 2)
    assert first != second


def test_no_sample_twice_in_an_epoch_that_does_not_divide():
    batches = Batches(make_set(), 6)
    for _ in range(3):
        epoch = list(chain(*drawn(batches, 3)))
        assert len(set(epoch)) == 18


def test_labels_belong_to_their_images():
    samples, labels = Batches(make_set(), 20).next()
    assert torch.equal(to_uint8(samples)[:, 0, 0, 0].long() % 4, labels)


@pytest.mark.parametrize("before", [0, 1, 3, 4, 7])
def test_restore_goes_on_to_the_bit_across_epochs(before):
    batches = Batches(make_set(), 6, seed=1)
    drawn(batches, before)
    state = {key: value.clone() for key, value in batches.state().items()}
    expected = drawn(batches, 9)
    other = Batches(make_set(), 6, seed=77)
    other.restore(state)
    assert drawn(other, 9) == expected


def test_a_state_does_not_change_after_it_was_taken():
    batches = Batches(make_set(), 6, seed=1)
    state = batches.state()
    expected = drawn(batches, 9)
    batches.restore(state)
    assert drawn(batches, 9) == expected


def test_restore_refuses_the_state_of_another_set():
    with pytest.raises(ValueError, match="taken over 20 samples but the set has 12"):
        Batches(make_set(12), 4).restore(Batches(make_set(20), 4).state())


def test_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    drawn(Batches(make_set(), 6, seed=1), 10)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("batch_size", [0, -1, 21])
def test_a_batch_size_that_does_not_fit_is_named(batch_size):
    with pytest.raises(ValueError, match=f"batch_size is {batch_size} but the set has 20"):
        Batches(make_set(), batch_size)


def halves(samples: int = 400) -> ImageSet:
    """Images that are black on the left and grey on the right, a grey of their own each."""
    images = torch.zeros(samples, 1, 1, 2, dtype=torch.uint8)
    images[:, 0, 0, 1] = torch.arange(samples) % 255 + 1
    return ImageSet(images, torch.zeros(samples, dtype=torch.int64), ["a"])


def test_flips_mirror_about_half_of_the_images_and_change_nothing_else():
    straight, flipped = Batches(halves(), 400), Batches(halves(), 400, flips=True)
    whole, mirrored = straight.next()[0], flipped.next()[0]
    turned = (mirrored != whole).flatten(1).any(dim=1)
    assert 150 < turned.sum() < 250
    torch.testing.assert_close(mirrored[turned], whole[turned].flip(-1), rtol=0, atol=0)
    assert torch.equal(mirrored[~turned], whole[~turned])


def test_flips_fall_anew_each_time_and_go_on_where_they_were():
    batches = Batches(halves(), 400, flips=True)
    first = batches.next()[0][:, 0, 0, 0] > -1
    state = {key: value.clone() for key, value in batches.state().items()}
    second, third = batches.next()[0], batches.next()[0]
    assert not torch.equal(first, second[:, 0, 0, 0] > -1)
    batches.restore(state)
    assert torch.equal(batches.next()[0], second)
    assert torch.equal(batches.next()[0], third)


def test_points_are_not_mirrored():
    points = PointSet(torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64), ["a"])
    with pytest.raises(ValueError, match="no left and right; leave it out"):
        Batches(points, 2, flips=True)
