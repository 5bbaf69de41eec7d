"""What a metric looks at: the numbers that stand for an image.

A distance between images means what the space it is measured in means, so every space has a
name, and values from two spaces do not compare.

- `classifier_features`: a small classifier of the same data. Needs nothing but the data.
- `oracle_features`: the factors of the nearest rendered image. For rendered sets; no learning.
- `network_features`: any network of yours.
- `inception_features`: the network behind published FIDs, for those who can download it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cgan_kit.metrics.checks import as_float, check_features, check_images
from cgan_kit.metrics.classifier import Classifier
from cgan_kit.metrics.samples import BATCH, Drawn

if TYPE_CHECKING:
    from cgan_kit.data.oracle import Oracle


@dataclass(frozen=True)
class Extractor:
    """A space of features.

    Attributes:
        name: what a protocol calls it.
        embed: images, uint8 or float in [-1, 1], (b, C, H, W) -> floats (b, d), a batch at
            a time. What it answers to an image must not depend on the rest of the batch.
    """

    name: str
    embed: Callable[[Tensor], Tensor]

    def __call__(self, images: Tensor | Drawn, batch_size: int = BATCH) -> Tensor:
        """Features (n, d) of any number of images.

        Memory holds them once, and one batch of images beside them.

        Raises:
            ValueError: images of another dtype, shape or range; features of another shape or
                dtype, NaN or Inf.
        """
        features, done = torch.empty(0), 0
        for part in images.split(batch_size):
            check_images(part)
            answer = self.embed(part)
            check_features(answer, f"{self.name}: features")
            if len(answer) != len(part):
                raise ValueError(
                    f"{self.name} answers {len(answer)} rows to {len(part)} images; "
                    "give a function that answers one row an image"
                )
            if done == 0:
                features = answer.new_empty(len(images), answer.shape[1])
            features[done : done + len(part)] = answer
            done += len(part)
        return features


def classifier_features(classifier: Classifier) -> Extractor:
    """The hidden layer of a classifier of real images; see `train_classifier`."""
    width = classifier.head.in_features
    return Extractor(f"classifier of the training part, {width} dimensions", classifier.features)


def oracle_features(oracle: Oracle) -> Extractor:
    """The factors of the nearest rendered image, each scaled to [0, 1].

    An image that looks like nothing in the grid has the factors of some image all the same:
    read the recognisable share first. Class is not a factor.

    Arguments:
        oracle: of the rendered set that the images imitate, `image_set.oracle()`.
    """

    def embed(images: Tensor) -> Tensor:
        factors = oracle.read(images).factors
        steps = [max(1, int(oracle.factors[name].max())) for name in factors]
        values = torch.stack(list(factors.values()), dim=1)
        return values.float() / torch.tensor(steps, device=values.device)

    return Extractor(f"factors by the oracle: {', '.join(oracle.factors)}", embed)


def network_features(network: nn.Module, name: str | None = None) -> Extractor:
    """What any network answers, in evaluation mode and without gradient, on its own device.

    Arguments:
        network: float32 (b, C, H, W) in [-1, 1] -> floats (b, d). It is left as it was.
        name: for the protocol; by default that of its class.
    """

    @torch.no_grad()
    def embed(images: Tensor) -> Tensor:
        device = next(network.parameters(), images).device
        modes = [(module, module.training) for module in network.modules()]
        network.eval()
        try:
            answer: Tensor = network(as_float(images.to(device)))
        finally:
            for module, training in modes:
                module.training = training
        return answer

    return Extractor(name or type(network).__name__, embed)


def inception_features(weights: Path | str | None = None) -> Extractor:
    """The 2048 features of the Inception network behind published FIDs, by torch-fidelity.

    Grey images are read as grey RGB. Numbers in papers are for 50,000 images; the distance wants
    10 images a dimension, 20,480, to mean anything.

    Arguments:
        weights: a file of them, from where torch-fidelity may download (it keeps them in
            torch.hub's folder); None downloads about 90 MB.

    Raises:
        ImportError: torch-fidelity is not installed.
        OSError: no weights, and no way to download them.
    """
    instead = "or use classifier_features(classifier), which needs no download"
    try:
        fidelity = import_module("torch_fidelity.feature_extractor_inceptionv3")
    except ImportError as error:
        raise ImportError(
            f"Inception features need torch-fidelity; pip install torch-fidelity, {instead}"
        ) from error
    try:
        network = fidelity.FeatureExtractorInceptionV3(
            "inception-v3-compat",
            ["2048"],
            feature_extractor_weights_path=None if weights is None else str(weights),
        ).eval()
    except OSError as error:  # URLError is one
        raise OSError(
            f"Inception weights cannot be read or downloaded ({error}); give weights=, the path "
            f"of a file copied from a machine that can, {instead}"
        ) from error

    @torch.no_grad()
    def embed(images: Tensor) -> Tensor:
        pixels = as_float(images).add(1).mul(127.5).round().to(torch.uint8)
        features: Tensor = network.to(pixels.device)(pixels.expand(-1, 3, -1, -1))[0]
        return features

    return Extractor("Inception v3 (torch-fidelity), 2048 dimensions", embed)
