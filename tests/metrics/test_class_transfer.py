"""GAN-train and GAN-test on real images broken in known ways."""

from __future__ import annotations

import functools
import hashlib
import math
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from cgan_kit.data import load
from cgan_kit.metrics.class_transfer import ClassTransfer, class_transfer
from cgan_kit.metrics.classifier import Classifier, fit_classifier

WHOLE = load("digits", size=8)
GENERATED, REST = WHOLE.split(held_out=0.6)
TRAIN, HELD_OUT = REST.split(held_out=0.5)
IMAGES, LABELS = GENERATED.images, GENERATED.labels
TRAINED: dict[str, Classifier] = {}


@pytest.fixture(autouse=True)
def trained_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real classifier is the same in nearly every test."""

    def cached(images: Tensor, labels: Tensor, *given: Any, **options: Any) -> Classifier:
        pixels = hashlib.sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
        key = f"{pixels} {given} {options}"
        if key not in TRAINED:
            TRAINED[key] = fit_classifier(images, labels, *given, **options)
        return TRAINED[key]

    module = sys.modules["cgan_kit.metrics.class_transfer"]
    monkeypatch.setattr(module, "fit_classifier", cached)


def transfer(images: Tensor, labels: Tensor) -> ClassTransfer:
    return class_transfer(images, labels, TRAIN, HELD_OUT, steps=80)


@functools.lru_cache(maxsize=1)
def honest() -> ClassTransfer:
    return transfer(IMAGES, LABELS)


def test_fresh_real_images_score_as_real_ones() -> None:
    answer = honest()
    assert answer.n == len(TRAIN)
    assert answer.real.value > 0.9
    assert answer.gan_train.value == pytest.approx(answer.real.value, abs=0.04)
    assert answer.gan_test.value == pytest.approx(answer.real.value, abs=0.04)


def test_the_training_images_themselves_give_the_real_accuracy_to_the_digit() -> None:
    answer = transfer(TRAIN.images / 127.5 - 1, TRAIN.labels)  # as floats, too
    assert answer.gan_train == answer.real
    assert answer.gan_train_by_class == answer.real_by_class


def test_one_image_a_class_is_seen_by_gan_train_alone() -> None:
    typical = []
    for k in range(10):
        own = TRAIN.images[TRAIN.labels == k]
        typical.append(own[(own - own.float().mean(0)).square().sum((1, 2, 3)).argmin()])
    answer = transfer(torch.stack(typical)[LABELS], LABELS)
    assert answer.gan_test.value > 0.95
    assert answer.gan_train.value < 0.8
    assert answer.gan_train.high < answer.real.low


def test_shuffled_labels_are_at_chance_in_both() -> None:
    shuffled = LABELS[torch.randperm(len(LABELS), generator=torch.Generator().manual_seed(0))]
    answer = transfer(IMAGES, shuffled)
    assert answer.gan_train.value < 0.3
    assert answer.gan_test.value == pytest.approx(0.1, abs=0.05)


def test_a_dropped_class_costs_its_share_in_gan_train_alone() -> None:
    keep = LABELS != 3
    answer = transfer(IMAGES[keep], LABELS[keep])
    assert answer.gan_train_by_class[3].value == 0
    assert math.isnan(answer.gan_test_by_class[3].value)
    assert answer.gan_train.value == pytest.approx(honest().gan_train.value - 0.1, abs=0.04)
    assert answer.gan_test.value == pytest.approx(honest().gan_test.value, abs=0.04)


def test_a_class_painted_as_another_shows_by_class() -> None:
    swapped = IMAGES.clone()
    zeros = IMAGES[LABELS == 0]
    fours = torch.nonzero(LABELS == 4).flatten()
    swapped[fours] = zeros[torch.arange(len(fours)) % len(zeros)]
    answer = transfer(swapped, LABELS)
    assert answer.gan_test_by_class[4].value < 0.1 < 0.8 < answer.gan_test_by_class[0].value
    assert answer.gan_train_by_class[4].value < 0.1


def test_more_noise_lowers_gan_test() -> None:
    draw = torch.Generator().manual_seed(0)
    noise = torch.randn(IMAGES.shape, generator=draw)
    values = [honest().gan_test.value]
    values += [
        transfer((IMAGES / 127.5 - 1 + s * noise).clamp(-1, 1), LABELS).gan_test.value
        for s in (1.0, 3.0)
    ]
    assert values == sorted(values, reverse=True)
    assert values[2] < 0.7 * values[0]


def test_fewer_generated_images_than_real_ones_limit_both() -> None:
    answer = transfer(IMAGES[:100], LABELS[:100])
    assert answer.n == 100
    assert answer.real.value < honest().real.value


def test_table() -> None:
    lines = honest().table(WHOLE.class_names).splitlines()
    assert lines[0].split() == ["GAN-train", "GAN-test", "real"]
    assert len(lines) == 12
    assert lines[1].split()[1] == f"{honest().gan_train.value:.2f}"


def test_bad_input() -> None:
    with pytest.raises(ValueError, match=r"images are \(1, 8, 4\) but train holds \(1, 8, 8\)"):
        transfer(IMAGES[..., :4], LABELS)
    with pytest.raises(ValueError, match="labels run from 1 to 10"):
        transfer(IMAGES, LABELS + 1)
    with pytest.raises(ValueError, match=r"look like \[0, 1\]"):
        transfer(IMAGES / 255, LABELS)
