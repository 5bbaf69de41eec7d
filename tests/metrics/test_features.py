"""Spaces of features: batches, modes, names, and what is refused."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import pytest
import torch
from torch import Tensor, nn
from torch_fidelity import feature_extractor_inceptionv3 as inceptionv3

from cgan_kit.data.oracle import Oracle
from cgan_kit.metrics import (
    Classifier,
    Extractor,
    classifier_features,
    draw_samples,
    drawn,
    inception_features,
    network_features,
    oracle_features,
)
from cgan_kit.models import draw_latents

IMAGES = torch.randint(
    0, 256, (23, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
)


@dataclass
class StubRun:
    """Images that show their latents; notes how many were asked for at once."""

    latent_dim: int = 64
    num_classes: int = 3
    asked: list[int] = field(default_factory=list)

    def sample(self, latents: Tensor, labels: Tensor, step: int | None = None) -> Tensor:
        self.asked.append(len(labels))
        return latents.mul(40).add(128).clamp(0, 255).to(torch.uint8).view(-1, 1, 8, 8)


def test_batches_change_nothing() -> None:
    classifier = Classifier((1, 8, 8), 3).eval()
    space = classifier_features(classifier)
    torch.testing.assert_close(space(IMAGES, batch_size=5), classifier.features(IMAGES))
    assert "64 dimensions" in space.name


def test_a_run_is_looked_at_in_batches_and_shows_what_it_shows_at_once() -> None:
    run, labels = StubRun(), torch.zeros(1300, dtype=torch.int64)
    pixels = Extractor("pixels", lambda images: images.flatten(1).float())
    features = pixels(drawn(run, labels, seed=4))
    assert run.asked == [500, 500, 300]
    held = draw_samples(run, labels, seed=4)
    assert torch.equal(features, held.flatten(1).float())
    latents = draw_latents(1300, 64, torch.Generator().manual_seed(4))
    assert torch.equal(held, run.sample(latents, labels))


def test_factors_of_the_oracle() -> None:
    labels = torch.arange(2).repeat_interleave(6)
    factors = {
        "size": torch.arange(3).repeat(4),
        "x": torch.arange(2).repeat_interleave(3).repeat(2),
        "only": torch.zeros(12, dtype=torch.int64),
    }
    space = oracle_features(Oracle(IMAGES[:12], labels, factors))
    expected = [[0, 0, 0], [0.5, 0, 0], [1, 0, 0], [0, 1, 0], [0.5, 1, 0], [1, 1, 0]]
    assert space(IMAGES[:12]).tolist() == expected * 2
    assert space.name == "factors by the oracle: size, x, only"


def test_any_network_is_used_in_evaluation_and_left_as_it_was() -> None:
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Dropout(0.5), nn.Linear(64, 4))
    network[1].eval()  # a part that was frozen before stays so
    space = network_features(network, "mine")
    features = space(IMAGES, batch_size=5)
    assert not features.requires_grad
    assert [part.training for part in network] == [True, False, True, True]
    assert network.training
    assert torch.equal(features, space(IMAGES, batch_size=5))
    network.eval()
    torch.testing.assert_close(features, network(IMAGES.float() / 127.5 - 1).detach())
    assert space.name == "mine"
    assert network_features(network).name == "Sequential"


@pytest.mark.parametrize(
    ("images", "network", "message"),
    [
        (IMAGES, nn.Identity(), r"Identity: features have shape \(23, 1, 8, 8\)"),
        (IMAGES, nn.Flatten(0, 2), "Flatten answers 184 rows to 23 images"),
        (IMAGES.long(), nn.Flatten(), "images have dtype torch.int64"),
        (IMAGES.float(), nn.Flatten(), "images are floats from 0 to 255"),
        (IMAGES[0], nn.Flatten(), "images have shape"),
        (
            IMAGES,
            nn.Sequential(nn.Flatten(), nn.Threshold(2, torch.nan)),
            "Sequential: features hold NaN or Inf in 23 of 23",
        ),
    ],
)
def test_bad_images_and_networks(images: Tensor, network: nn.Module, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network_features(network)(images)


@pytest.fixture
def fidelity(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    module = SimpleNamespace()
    name = "torch_fidelity.feature_extractor_inceptionv3"
    monkeypatch.setitem(sys.modules, "torch_fidelity", SimpleNamespace())
    monkeypatch.setitem(sys.modules, name, module)
    return module


def test_inception_gets_bytes_in_colour(fidelity: SimpleNamespace) -> None:
    seen: list[Tensor] = []

    class Network(nn.Module):
        def __init__(self, *_: Any, **given: Any) -> None:
            super().__init__()
            assert given == {"feature_extractor_weights_path": "here.pth"}

        def forward(self, images: Tensor) -> tuple[Tensor]:
            seen.append(images)
            return (images.flatten(1)[:, :2].float(),)

    fidelity.FeatureExtractorInceptionV3 = Network
    space = inception_features("here.pth")
    assert space(IMAGES / 127.5 - 1).shape == (23, 2)
    assert torch.equal(seen[0], IMAGES.expand(-1, 3, -1, -1))


def test_the_real_inception_sees_bytes_in_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch-fidelity's network with random weights: what reaches its first layer, what leaves."""
    monkeypatch.setattr(inceptionv3, "load_state_dict_from_url", lambda *_, **__: {})
    network = inceptionv3.FeatureExtractorInceptionV3
    monkeypatch.setattr(network, "load_state_dict", lambda *_: None)
    seen: list[Tensor] = []
    first = network.forward

    def forward(self: Any, images: Tensor) -> tuple[Tensor]:
        self.Conv2d_1a_3x3.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        answer: tuple[Tensor] = first(self, images)
        return answer

    monkeypatch.setattr(network, "forward", forward)
    space = inception_features()
    flat = torch.tensor([0, 128, 255], dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 8, 8)
    features = space(flat)
    assert features.shape == (2, 2048)
    assert features.dtype == torch.float32
    assert seen[0].shape == (2, 3, 299, 299)
    # (byte - 128) / 128 in the published network, each colour in its own channel.
    for channel, expected in enumerate((-1, 0, 127 / 128)):
        assert seen[0][:, channel].unique().tolist() == [expected]


def test_inception_offline_says_what_works(
    fidelity: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: Any, **__: Any) -> nn.Module:
        raise URLError("no route")

    fidelity.FeatureExtractorInceptionV3 = offline
    with pytest.raises(OSError, match=r"give weights=.*classifier_features\(classifier\)"):
        inception_features()
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    monkeypatch.delitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3")
    with pytest.raises(ImportError, match="pip install torch-fidelity, or use classifier_features"):
        inception_features()
