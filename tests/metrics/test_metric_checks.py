"""Bad images and labels, and the message each gets."""

from __future__ import annotations

import pytest
import torch

from cgan_kit.metrics.checks import as_float, check_images, check_labels, check_same_range

GREY = torch.zeros(4, 1, 8, 8)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (GREY.long(), "images have dtype torch.int64"),
        (GREY[0], r"images have shape \(1, 8, 8\)"),
        (GREY[:0], "n >= 1"),
        (GREY + torch.tensor([1, 2, 3, torch.nan]).view(4, 1, 1, 1), "1 of 4 images hold NaN"),
        (GREY + torch.inf, "4 of 4 images hold NaN or Inf"),
        (GREY + 255, "floats from 255 to 255"),
        (GREY - 1.01, r"from -1.01 to -1.01; give floats in \[-1, 1\]"),
    ],
)
def test_bad_images(images: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_images(images)


@pytest.mark.parametrize("images", [GREY, GREY - 1, GREY.half() + 1, GREY.to(torch.uint8)])
def test_good_images(images: torch.Tensor) -> None:
    check_images(images)


def test_floats_from_zero_to_one_are_told_apart_by_the_reference() -> None:
    dark = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)  # -1 as floats
    bright = dark + 200
    with pytest.raises(ValueError, match=r"look like \[0, 1\] where \[-1, 1\] is meant"):
        check_same_range(GREY + 0.5, dark)
    check_same_range(GREY + 0.5, bright)  # the real images stay above 0 too
    check_same_range(bright, dark)  # uint8 says what it is
    check_same_range(GREY - 0.5, dark)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.zeros(4), "labels have dtype torch.float32"),
        (torch.zeros(3).long(), r"give one label an image: \(4,\)"),
        (torch.tensor([0, 1, 2, 3]), "labels run from 0 to 3 but the set has 3 classes"),
        (torch.tensor([0, 1, 2, -1]), "labels run from -1 to 2"),
    ],
)
def test_bad_labels(labels: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_labels(labels, 4, 3)


def test_uint8_becomes_the_floats_of_the_kit() -> None:
    ends = as_float(torch.tensor([0, 255], dtype=torch.uint8))
    assert ends.tolist() == [-1, 1]
    floats = torch.tensor([0.25])
    as_float(floats)
    assert floats.item() == 0.25
