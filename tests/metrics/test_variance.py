"""Pixel variance within classes: against torch, in one look, without holding a run's images."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from cgan_kit.metrics import drawn, variance_ratio, within_class_variance
from cgan_kit.metrics.samples import BATCH
from cgan_kit.metrics.variance import variance_without_groups

RANDOM = torch.Generator().manual_seed(0)
IMAGES = torch.randint(0, 256, (40, 3, 5, 4), generator=RANDOM, dtype=torch.uint8)
LABELS = torch.randint(0, 3, (40,), generator=RANDOM)
GROUP = torch.randint(0, 4, (40,), generator=RANDOM)


def by_torch(images: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    pixels = images.double() / 127.5 - 1
    return torch.stack([pixels[labels == k].var(dim=0).mean() for k in range(num_classes)])


class Run:
    """Images that are functions of their latents; notes how many were asked for at once."""

    latent_dim, num_classes = 60, 3

    def __init__(self) -> None:
        self.asked: list[int] = []

    def sample(self, latents: Tensor, labels: Tensor, step: int | None = None) -> Tensor:
        self.asked.append(len(labels))
        return latents.mul(40).add(128).clamp(0, 255).to(torch.uint8).view(-1, 3, 5, 4)


def test_it_is_the_variance_of_each_class() -> None:
    expected = by_torch(IMAGES, LABELS, 3)
    torch.testing.assert_close(
        within_class_variance(IMAGES, LABELS, 3), expected, rtol=1e-6, atol=0
    )
    floats = IMAGES / 127.5 - 1
    expected = torch.stack([floats[k == LABELS].double().var(dim=0).mean() for k in range(3)])
    found = within_class_variance(floats, LABELS, 3)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=0)


def test_without_each_group_it_is_that_of_the_others() -> None:
    found = variance_without_groups(IMAGES, LABELS, 3, GROUP)
    assert found.shape == (5, 3)
    torch.testing.assert_close(found[0], within_class_variance(IMAGES, LABELS, 3))
    for j in range(4):
        kept = j != GROUP
        others = within_class_variance(IMAGES[kept], LABELS[kept], 3)
        torch.testing.assert_close(found[1 + j], others, rtol=1e-13, atol=0)


def test_one_image_shown_often_has_none_and_one_alone_cannot_tell() -> None:
    images = torch.cat([IMAGES[:1].expand(30, -1, -1, -1), IMAGES[1:2]])
    labels = torch.tensor([0] * 30 + [2])
    found = within_class_variance(images, labels, 4)
    assert found[0] == 0
    assert found[1:].isnan().all()
    without = variance_without_groups(images[:3], labels[:3], 1, torch.tensor([0, 0, 1]))
    assert without[:2].tolist()[0] == [0]
    assert math.isnan(without[1, 0])  # one is left


def test_images_of_a_run_are_made_once_and_a_batch_at_a_time() -> None:
    run = Run()
    labels = torch.arange(1800) % 3
    source = drawn(run, labels, seed=1)
    found = within_class_variance(source, labels, 3)
    assert run.asked == [BATCH, 600 - BATCH] * 3
    held = torch.cat(list(source.split(7)))
    torch.testing.assert_close(found, within_class_variance(held, labels, 3), rtol=0, atol=0)
    chosen = labels == 2
    assert torch.equal(torch.cat(list(source[chosen].split(BATCH))), held[chosen])


def test_the_ratio_leaves_out_classes_that_either_lacks() -> None:
    some = torch.tensor([1.0, math.nan, 3.0, 5.0])
    others = torch.tensor([2.0, 7.0, math.nan, 4.0])
    assert variance_ratio(some, others) == 1
    assert math.isnan(variance_ratio(some, torch.full((4,), math.nan)))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES.long(), LABELS, "images have dtype torch.int64"),
        (IMAGES.float(), LABELS, "images are floats from"),
        (IMAGES * torch.nan, LABELS, "40 of 40 images hold NaN"),
        (IMAGES, LABELS + 1, "labels run from 1 to 3 but the set has 3 classes"),
        (IMAGES, LABELS[:5], r"give one label an image: \(40,\)"),
    ],
)
def test_bad_input(images: Tensor, labels: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        within_class_variance(images, labels, 3)
