"""The rows of a report on a GPU: the digits of the processor, to 1e-4."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from cgan_kit.data import load
from cgan_kit.metrics import (
    METRICS,
    SLOW_METRICS,
    Extractor,
    Report,
    evaluate,
    train_classifier,
)
from cgan_kit.metrics.checks import as_float

WHOLE = load("shapes", size=16)
TRAIN, HELD_OUT = WHOLE.subset(torch.arange(0, 4320, 5)).split(held_out=0.3)
OTHERS = WHOLE.subset(torch.arange(1, 4320, 5))
MIXING = torch.randn(256, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64) / 8
# These train a classifier each, and no two devices train alike.
ROWS = [row for row in METRICS + SLOW_METRICS if not row.name.startswith("GAN-")]


def mixed(images: Tensor) -> Tensor:
    """In float64, so that what differs comes from the metric and not from the network."""
    return as_float(images).double().flatten(1) @ MIXING.to(images.device)


def report(device: str) -> Report:
    judge = train_classifier(TRAIN, HELD_OUT, steps=60)
    return evaluate(
        (OTHERS.images.to(device), OTHERS.labels.to(device)),
        (TRAIN.to(device), HELD_OUT.to(device)),
        classifier=copy.deepcopy(judge).to(device),
        features=Extractor("pixels, mixed", mixed),
        metrics=ROWS,
        groups=3,
    )


@pytest.mark.gpu
@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="runs by `make gpu` on a machine with a CUDA GPU"
)
@pytest.mark.filterwarnings("ignore:the smallest subsets hold")
def test_the_same_digits() -> None:
    with torch.backends.cudnn.flags(allow_tf32=False):
        here, there = report("cpu"), report("cuda")
    for name, value in here.values.items():
        assert there[name] == pytest.approx(value, rel=1e-4, abs=1e-4, nan_ok=True), name
