import numpy as np
import pytest
import torch

from cgan_kit.data.imageset import ImageSet, to_float, to_uint8

EVERY_VALUE = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)


def test_every_byte_survives_the_way_to_float_and_back():
    assert torch.equal(to_uint8(to_float(EVERY_VALUE)), EVERY_VALUE)


def test_float_range_is_minus_one_to_one():
    floats = to_float(EVERY_VALUE)
    assert floats.dtype == torch.float32
    assert (floats.min(), floats.max()) == (-1.0, 1.0)


def test_to_uint8_clips_instead_of_wrapping():
    assert to_uint8(torch.tensor([-1.5, -1.0, 1.0, 1.5])).tolist() == [0, 0, 255, 255]


def test_to_uint8_leaves_its_argument_alone():
    floats = torch.tensor([0.25])
    to_uint8(floats)
    assert floats.item() == 0.25


def test_to_float_refuses_floats_and_leaves_them_alone():
    floats = torch.zeros(1, 1, 2, 2)
    with pytest.raises(ValueError, match=r"dtype torch\.float32"):
        to_float(floats)
    assert floats.abs().max() == 0


def test_to_uint8_refuses_integers():
    with pytest.raises(ValueError, match=r"dtype torch\.uint8"):
        to_uint8(EVERY_VALUE)


@pytest.mark.parametrize("convert", [to_float, to_uint8])
def test_arrays_are_told_from_tensors(convert):
    with pytest.raises(ValueError, match="images are a ndarray"):
        convert(np.zeros((1, 1, 2, 2), np.uint8))


def test_real_gives_the_asked_images_as_floats_and_keeps_the_bytes():
    images = torch.randint(0, 256, (5, 3, 4, 4), dtype=torch.uint8)
    kept = images.clone()
    data = ImageSet(images, torch.zeros(5).long(), ["a"])
    assert torch.equal(data.real(torch.tensor([3, 1])), to_float(kept[[3, 1]]))
    assert torch.equal(data.images, kept)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 1, 4, 4), np.uint8), "images are a ndarray; give a tensor"),
        (torch.zeros(2, 1, 4, 4), "images have dtype torch.float32"),
        (torch.zeros(2, 4, 4, dtype=torch.uint8), "images have shape"),
        (torch.zeros(2, 4, 4, 3, dtype=torch.uint8), "images have shape"),
    ],
)
def test_bad_images_are_named(images, message):
    with pytest.raises(ValueError, match=message):
        ImageSet(images, torch.zeros(2).long(), ["a"])


def test_images_are_not_copied():
    images = torch.zeros(2, 1, 4, 4, dtype=torch.uint8)
    assert ImageSet(images, torch.zeros(2).long(), ["a"]).images.data_ptr() == images.data_ptr()
