"""The judge: accurate, the same for the same seed, invisible to other random numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cgan_kit.data import load
from cgan_kit.data.imageset import ImageSet, to_float
from cgan_kit.metrics import Classifier, train_classifier


def stripes(n: int = 60, size: int = 8, channels: int = 1, seed: int = 0) -> ImageSet:
    """Three classes: a bright band at the top, in the middle, at the bottom; some noise."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 3
    images = torch.randint(0, 60, (n, channels, size, size), generator=draw)
    band = size // 3
    for i, k in enumerate(labels.tolist()):
        images[i, :, k * band : (k + 1) * band] += 150
    return ImageSet(images.to(torch.uint8), labels, ["top", "middle", "bottom"])


def test_digits_are_learned() -> None:
    train, held_out = load("digits", size=16).split()
    classifier = train_classifier(train, held_out)
    assert classifier.accuracy is not None
    assert classifier.accuracy >= 0.98
    agree = classifier.predict(held_out.images) == held_out.labels
    assert float(agree.double().mean()) == classifier.accuracy


@pytest.mark.parametrize(("size", "channels"), [(8, 1), (16, 3), (28, 1), (64, 3)])
def test_sizes_and_channels(size: int, channels: int) -> None:
    data = stripes(size=size, channels=channels)
    classifier = train_classifier(data, steps=2, batch_size=8)
    features = classifier.features(data.images)
    assert features.shape[0] == 60
    assert 32 <= features.shape[1] <= 128
    assert features.dtype == torch.float32
    assert not features.requires_grad
    assert classifier.predict(data.images).dtype == torch.int64


def test_seed_alone_decides_and_global_random_state_stays() -> None:
    data = stripes()
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = train_classifier(data, steps=3, batch_size=16, seed=4).features(data.images)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    again = train_classifier(data, steps=3, batch_size=16, seed=4).features(data.images)
    other = train_classifier(data, steps=3, batch_size=16, seed=5).features(data.images)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_uint8_and_floats_and_batches_give_one_answer() -> None:
    data = stripes()
    classifier = train_classifier(data, steps=3, batch_size=16)
    whole = classifier.features(data.images)
    torch.testing.assert_close(classifier.features(to_float(data.images)), whole)
    torch.testing.assert_close(classifier.features(data.images, batch_size=7), whole)


def test_the_classifier_learns_from_the_training_images_only() -> None:
    train, held_out = stripes(seed=0), stripes(seed=1)
    with_held_out = train_classifier(train, held_out, steps=3, batch_size=16)
    without = train_classifier(train, steps=3, batch_size=16)
    assert torch.equal(with_held_out.features(train.images), without.features(train.images))
    assert without.accuracy is None


def test_cache_is_found_again_and_damage_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, held_out = stripes(seed=0), stripes(seed=1)
    first = train_classifier(train, held_out, steps=3, batch_size=16, folder=tmp_path)
    names = sorted(path.suffix for path in tmp_path.iterdir())
    assert names == [".json", ".safetensors"]

    with monkeypatch.context() as patch:
        patch.setattr("cgan_kit.metrics.classifier._fit", lambda *_: pytest.fail("trained again"))
        again = train_classifier(train, held_out, steps=3, batch_size=16, folder=tmp_path)
    assert torch.equal(again.features(train.images), first.features(train.images))
    assert again.accuracy == first.accuracy
    assert not again.training

    weights = next(tmp_path.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:100])
    mended = train_classifier(train, held_out, steps=3, batch_size=16, folder=tmp_path)
    assert torch.equal(mended.features(train.images), first.features(train.images))


@pytest.mark.parametrize("change", ["data", "held_out", "seed", "steps"])
def test_cache_of_something_else_is_not_taken(tmp_path: Path, change: str) -> None:
    train, held_out, seed, steps = stripes(seed=0), stripes(seed=1), 0, 2
    train_classifier(train, held_out, steps=steps, batch_size=16, seed=seed, folder=tmp_path)
    if change == "data":
        train = stripes(seed=2)
    if change == "held_out":
        held_out = stripes(seed=2)
    seed, steps = seed + (change == "seed"), steps + (change == "steps")
    train_classifier(train, held_out, steps=steps, batch_size=16, seed=seed, folder=tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) == 2


def test_bad_input() -> None:
    data = stripes()
    with pytest.raises(ValueError, match="steps is 0"):
        train_classifier(data, steps=0)
    with pytest.raises(ValueError, match="give two splits of one set"):
        train_classifier(data, stripes(size=16), steps=1)
    with pytest.raises(ValueError, match="4 × 4; the classifier needs at least 8 × 8"):
        Classifier((1, 4, 4), 3)
    classifier = train_classifier(data, steps=1)
    with pytest.raises(ValueError, match=r"\(1, 16, 16\) but the classifier was trained on"):
        classifier.features(stripes(size=16).images)
    with pytest.raises(ValueError, match="hold NaN"):
        classifier.predict(torch.full((2, 1, 8, 8), torch.nan))
