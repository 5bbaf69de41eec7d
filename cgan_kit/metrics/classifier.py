"""A small classifier of real images: the judge of class, and the space in which to measure.

A GAN's own classifier cannot judge it, for the generator was trained to please it. This one
sees real images of the training split only. Its last hidden layer is a space where distances
mean something for these images, as Inception's is for photographs (Heusel et al. 2017), at
the price that numbers from two classifiers cannot be compared.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cgan_kit.metrics.checks import as_float, check_images

if TYPE_CHECKING:
    from cgan_kit.data.imageset import ImageSet

FEATURE_DIM = 64
_LAYOUT = 1  # raise when the network or its training changes: older caches then no longer match


class Classifier(nn.Module):
    """Three convolutions and a hidden layer of `FEATURE_DIM` features.

    Arguments:
        sample_shape: (C, H, W), with H and W at least 8.
        num_classes: K.
    """

    def __init__(self, sample_shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        channels, height, width = sample_shape
        if min(height, width) < 8:
            raise ValueError(
                f"images are {height} × {width}; the classifier needs at least "
                "8 × 8: make them larger"
            )
        self.sample_shape = tuple(sample_shape)
        self.num_classes = num_classes
        self.accuracy: float | None = None  # on held-out real images, where it was measured
        # Above 32 px the first step strides wider, so that the cost stays that of 32 px.
        first = 2 ** max(0, math.ceil(math.log2(min(height, width) / 32)))
        self.body = nn.Sequential(
            nn.Conv2d(channels, 24, 3 if first == 1 else 2 * first, first, 1, bias=False),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(24, 48, 3, 1, 1, bias=False),
            nn.BatchNorm2d(48),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(48, 64, 3, 1, 1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4 if min(height, width) >= 16 else 2),
            nn.Flatten(),
        )
        width_in = 64 * (16 if min(height, width) >= 16 else 4)
        self.hidden = nn.Linear(width_in, FEATURE_DIM)
        self.head = nn.Linear(FEATURE_DIM, num_classes)

    def embed(self, images: Tensor) -> Tensor:
        """float32 (n, C, H, W) in [-1, 1] -> features float32 (n, FEATURE_DIM), not negative."""
        return F.relu(self.hidden(self.body(images)))

    def forward(self, images: Tensor) -> Tensor:
        """float32 (n, C, H, W) in [-1, 1] -> logits float32 (n, K)."""
        logits: Tensor = self.head(self.embed(images))
        return logits

    def features(self, images: Tensor, batch_size: int = 512) -> Tensor:
        """The hidden layer's answer to any number of images.

        Arguments:
            images: uint8 or float in [-1, 1], (n, C, H, W), on any device.
            batch_size: images at a time; the answer does not depend on it.

        Returns:
            float32 (n, FEATURE_DIM), on the classifier's device.

        Raises:
            ValueError: another dtype, shape or range, NaN or Inf.
        """
        self._check(images)
        return self._stream(images, batch_size, logits=False)

    def predict(self, images: Tensor, batch_size: int = 512) -> Tensor:
        """int64 (n,): the likeliest class of each image; arguments and errors as `features`."""
        self._check(images)
        return self._stream(images, batch_size, logits=True).argmax(dim=1)

    @torch.no_grad()
    def _stream(self, images: Tensor, batch_size: int, *, logits: bool) -> Tensor:
        device = self.head.weight.device
        was_training = self.training
        self.eval()
        answer = self.forward if logits else self.embed
        parts = [answer(as_float(part.to(device))) for part in torch.split(images, batch_size)]
        self.train(was_training)
        return torch.cat(parts)

    def _check(self, images: Tensor) -> None:
        check_images(images)
        if tuple(images.shape[1:]) != self.sample_shape:
            raise ValueError(
                f"images are {tuple(images.shape[1:])} but the classifier was trained on "
                f"{self.sample_shape}; train one on images of this shape"
            )


def train_classifier(
    train: ImageSet,
    held_out: ImageSet | None = None,
    *,
    steps: int = 300,
    batch_size: int = 64,
    seed: int = 0,
    folder: Path | str | None = None,
) -> Classifier:
    """A classifier trained on real images, on the device they live on, in eval mode.

    Adam under a one-cycle learning rate, images shifted by up to one pixel in sixteen.
    Depends on the data and the seed alone and leaves the global random state as it was.

    Arguments:
        train: the images to learn from; never those that a measurement compares with.
        held_out: images to measure `classifier.accuracy` on.
        steps, batch_size: of training.
        seed: of weights, order and shifts.
        folder: keep the classifier here and find it again, by the fingerprint of the data.

    Raises:
        ValueError: steps or batch_size below 1, images smaller than 8 × 8, or a held-out set of
            another shape or number of classes.
    """
    for name, count in (("steps", steps), ("batch_size", batch_size)):
        if count < 1:
            raise ValueError(f"{name} is {count}; give at least 1")
    if held_out is not None and (
        held_out.sample_shape != train.sample_shape or held_out.num_classes != train.num_classes
    ):
        raise ValueError(
            f"held_out is {held_out!r} but train is {train!r}; give two splits of one set"
        )
    protocol: dict[str, str | int] = {
        "layout": _LAYOUT,
        "train": train.fingerprint(),
        "held_out": "" if held_out is None else held_out.fingerprint(),
        "steps": steps,
        "batch_size": batch_size,
        "seed": seed,
    }
    classifier = _new(train.images, train.num_classes, seed)
    if folder is not None and _restore(classifier, Path(folder), protocol):
        return classifier.eval()
    _fit(classifier, train.images, train.labels, steps, batch_size, seed)
    if held_out is not None:
        hits = classifier.predict(held_out.images).cpu() == held_out.labels.cpu()
        classifier.accuracy = float(hits.double().mean())
    if folder is not None:
        _save(classifier, Path(folder), protocol)
    return classifier.eval()


def fit_classifier(
    images: Tensor, labels: Tensor, num_classes: int, *, steps: int = 300, seed: int = 0
) -> Classifier:
    """`train_classifier` for plain tensors, such as generated images; in eval mode.

    Arguments:
        images: uint8 or float in [-1, 1], (n, C, H, W), with H and W at least 8.
        labels: int64 (n,), in [0, num_classes), on the images' device.
        num_classes: K.
        steps: of training, batches of 64.
        seed: of weights, order and shifts.
    """
    classifier = _new(images, num_classes, seed)
    _fit(classifier, images, labels, steps, 64, seed)
    return classifier


def _new(images: Tensor, num_classes: int, seed: int) -> Classifier:
    with torch.random.fork_rng(devices=[]):
        # torch.manual_seed would also reseed the GPU, which fork_rng(devices=[]) does not mend.
        torch.default_generator.manual_seed(seed)
        classifier = Classifier(tuple(images.shape[1:]), num_classes)
    return classifier.to(images.device)


def _fit(
    classifier: Classifier,
    images: Tensor,
    labels: Tensor,
    steps: int,
    batch_size: int,
    seed: int,
) -> None:
    draw = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(classifier.parameters(), lr=1e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=max(steps, 2))
    batch_size = min(batch_size, len(images))
    order = torch.empty(0, dtype=torch.int64)
    classifier.train()
    for _ in range(steps):
        if len(order) < batch_size:
            order = torch.randperm(len(images), generator=draw)
        chosen, order = order[:batch_size].to(images.device), order[batch_size:]
        logits = classifier(_shift(as_float(images[chosen]), draw))
        loss = F.cross_entropy(logits, labels[chosen])
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
    classifier.eval()


def _shift(images: Tensor, draw: torch.Generator) -> Tensor:
    """The batch moved by one random offset of up to a sixteenth of its side; edges repeat."""
    reach = max(1, images.shape[-1] // 16)
    down, right = torch.randint(0, 2 * reach + 1, (2,), generator=draw).tolist()
    padded = F.pad(images, (reach,) * 4, mode="replicate")
    return padded[..., down : down + images.shape[-2], right : right + images.shape[-1]]


def _stem(folder: Path, protocol: dict[str, str | int]) -> Path:
    digest = hashlib.sha256(json.dumps(protocol, sort_keys=True).encode()).hexdigest()
    return folder / f"classifier-{digest[:16]}"


def _restore(classifier: Classifier, folder: Path, protocol: dict[str, str | int]) -> bool:
    stem = _stem(folder, protocol)
    try:
        stored = json.loads(stem.with_suffix(".json").read_text())
        weights = load_file(stem.with_suffix(".safetensors"))
        if stored["protocol"] != protocol:
            return False
        classifier.load_state_dict(weights)
        classifier.accuracy = stored["accuracy"]
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError):
        return False  # absent or damaged: training it again costs seconds
    return True


def _save(classifier: Classifier, folder: Path, protocol: dict[str, str | int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    stem = _stem(folder, protocol)
    weights = {name: value.cpu().contiguous() for name, value in classifier.state_dict().items()}
    aside = stem.with_suffix(f".{os.getpid()}.aside")
    save_file(weights, aside)
    os.replace(aside, stem.with_suffix(".safetensors"))
    # The description goes last: a folder without it holds no classifier.
    aside.write_text(json.dumps({"accuracy": classifier.accuracy, "protocol": protocol}, indent=1))
    os.replace(aside, stem.with_suffix(".json"))
