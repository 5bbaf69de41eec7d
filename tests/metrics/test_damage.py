"""Each damage changes one thing, by the amount asked for, and nothing at zero strength."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from cgan_kit.metrics.damage import blur, duplicate, keep_modes, mix_labels

CLASSES = 3


def samples(n: int = 60, channels: int = 1) -> tuple[Tensor, Tensor]:
    """Images that all differ, even in their labels' order."""
    random = torch.Generator().manual_seed(0)
    images = torch.randint(256, (n, channels, 8, 8), generator=random, dtype=torch.uint8)
    return images, torch.arange(n) % CLASSES


def different(images: Tensor) -> int:
    return len(images.flatten(1).unique(dim=0))


def of_each_class(images: Tensor, labels: Tensor) -> list[Tensor]:
    return [images[labels == k] for k in range(CLASSES)]


@pytest.mark.parametrize("modes", [1, 3, 7, 19])
def test_each_class_keeps_so_many_images_of_its_own_about_equally_often(modes: int) -> None:
    images, labels = samples()
    damaged = keep_modes(images, labels, modes)
    for before, after in zip(*(of_each_class(x, labels) for x in (images, damaged)), strict=True):
        assert different(after) == modes
        assert different(torch.cat([before, after])) == different(before)
        counts = after.flatten(1).unique(dim=0, return_counts=True)[1]
        assert counts.max() - counts.min() <= 1


def test_more_modes_keep_what_fewer_kept() -> None:
    images, labels = samples()
    few, more = (keep_modes(images, labels, modes).flatten(1).unique(dim=0) for modes in (4, 9))
    assert different(torch.cat([few, more])) == len(more)


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_a_share_of_each_class_becomes_copies_of_the_rest(share: float) -> None:
    images, labels = samples()
    damaged = duplicate(images, labels, share)
    for before, after in zip(*(of_each_class(x, labels) for x in (images, damaged)), strict=True):
        changed = (before != after).flatten(1).any(dim=1)
        assert int(changed.sum()) == min(round(20 * share), 19)
        assert different(after) == 20 - int(changed.sum())  # each other one is still there
        assert different(torch.cat([before, after])) == 20


def test_a_larger_share_damages_what_a_smaller_did() -> None:
    images, labels = samples()
    small, large = (
        (duplicate(images, labels, share) != images).flatten(1).any(dim=1) for share in (0.2, 0.6)
    )
    assert bool(large[small].all())
    few, many = (mix_labels(labels, share) != labels for share in (0.0, 1.0))
    assert not few.any()
    assert many.double().mean() == pytest.approx(1 - 1 / CLASSES, abs=0.15)


@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
def test_mixed_labels_keep_the_class_counts(share: float) -> None:
    labels = torch.arange(3000) % CLASSES
    mixed = mix_labels(labels, share)
    assert torch.equal(mixed.bincount(), labels.bincount())
    moved = float((mixed != labels).double().mean())
    assert moved == pytest.approx(share * (1 - 1 / CLASSES), abs=0.03)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
def test_blur_is_a_gaussian_of_that_width(sigma: float) -> None:
    line = torch.zeros(1, 1, 33, 33, dtype=torch.uint8)
    line[..., 16] = 255
    row = blur(line, sigma)[0, 0, 16].double()
    assert torch.equal(blur(line.mT, sigma), blur(line, sigma).mT)
    places = torch.arange(33, dtype=torch.float64) - 16
    window = torch.exp(-(places**2) / (2 * sigma**2))
    # Rounded to whole levels.
    assert float((row - 255 * window / window.sum()).abs().max()) <= 0.51


def test_blur_leaves_even_images_and_their_brightness_alone() -> None:
    even = torch.full((2, 3, 8, 8), 77, dtype=torch.uint8)
    assert torch.equal(blur(even, 2.0), even)
    images, _ = samples(channels=3)
    once = blur(images, 1.0)
    assert once.shape == images.shape
    assert once.float().var() < images.float().var() / 5
    assert torch.equal(blur(images[:, 1:2], 1.0), once[:, 1:2])  # channel by channel


NOTHING: list[Callable[[Tensor, Tensor], Tensor]] = [
    lambda images, labels: keep_modes(images, labels, 20),
    lambda images, labels: duplicate(images, labels, 0.0),
    lambda images, labels: blur(images, 0.0),
]


@pytest.mark.parametrize("nothing", NOTHING)
def test_zero_strength_returns_the_images(nothing: Callable[[Tensor, Tensor], Tensor]) -> None:
    images, labels = samples()
    assert torch.equal(nothing(images, labels), images)
    assert torch.equal(mix_labels(labels, 0.0), labels)


def test_input_is_left_alone_and_the_seed_decides() -> None:
    images, labels = samples()
    kept_images, kept_labels = images.clone(), labels.clone()
    for damage in (
        lambda seed: keep_modes(images, labels, 3, seed),
        lambda seed: duplicate(images, labels, 0.5, seed),
        lambda seed: mix_labels(labels, 0.5, seed),
    ):
        state = torch.get_rng_state()
        assert torch.equal(damage(1), damage(1))
        assert not torch.equal(damage(1), damage(2))
        assert torch.equal(torch.get_rng_state(), state)
    blur(images, 1.0)
    assert torch.equal(images, kept_images)
    assert torch.equal(labels, kept_labels)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda x, y: keep_modes(x, y, 0), "modes is 0"),
        (lambda x, y: duplicate(x, y, 1.5), "share is 1.5"),
        (lambda x, y: mix_labels(y, -0.1), "share is -0.1"),
        (lambda x, y: blur(x, -1.0), "sigma is -1"),
        (lambda x, y: blur(x, 8.0), "sigma is 8"),
        (lambda x, y: blur(x, float("nan")), "sigma is nan"),
        (lambda x, y: blur(x.float() / 255, 1.0), r"uint8.*to_uint8"),
        (lambda x, y: keep_modes(x, y[:5], 2), "one label an image"),
        (lambda x, y: duplicate(x, y.float(), 0.5), r"labels\.long"),
    ],
)
def test_wrong_arguments_are_named(wrong: Callable[[Tensor, Tensor], Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong(*samples())
