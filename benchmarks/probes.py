"""What the probes cost: python benchmarks/probes.py

One look of each probe, in training steps of the same run on the same machine, and all of them
every 50 steps as a share of the run's time. Written to benchmarks/results/probes.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch

import cgan_kit as kit
from cgan_kit.diagnostics import ClassifierProbe, GradientShare, LayerProbe, SampleProbe

RESULTS = Path(__file__).parent / "results" / "probes.json"
EVERY = 50
SETS: dict[str, Callable[[], kit.data.LabelledSet]] = {
    "gaussians": lambda: kit.data.load("gaussians"),
    "digits, 16 px": lambda: kit.data.load("digits", size=16),
    "shapes, 16 px": lambda: kit.data.load("shapes", size=16),
    "glyphs, 100 classes, 16 px": lambda: kit.data.load("glyphs", size=16, classes=100),
}


def measure(data: kit.data.LabelledSet, repeats: int) -> dict[str, float]:
    """Median seconds of a look over those of a step, looks and steps in turn."""
    train, held_out = data.split(held_out=0.2, seed=0)
    build = kit.GAN.for_points if isinstance(data, kit.data.PointSet) else kit.GAN.for_images
    probes = [ClassifierProbe(), GradientShare(), LayerProbe(), SampleProbe(held_out=held_out)]
    with tempfile.TemporaryDirectory() as folder:
        training = kit.Training(
            build(train, kit.losses.ACGAN()),
            train,
            steps=10 * repeats + 10,
            folder=Path(folder) / "run",
            log_every=10_000,
            precision=kit.Precision(),
        )
        records = iter(training)
        for _ in range(5):
            next(records)
        steps: list[float] = []
        looks: dict[str, list[float]] = {type(probe).__name__: [] for probe in probes}
        for _ in range(repeats):
            steps += [timed(lambda: next(records)) for _ in range(5)]
            for probe in probes:
                seconds = timed(lambda: probe(training.players, training.step))  # noqa: B023
                looks[type(probe).__name__].append(seconds)
        records.close()
    found = {name: median(each) / median(steps) for name, each in looks.items()}
    found["all, share of the run"] = sum(found.values()) / EVERY
    return {name: round(value, 3) for name, value in found.items()}


def timed(act: Callable[[], Any]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    found = {name: measure(make(), given.repeats) for name, make in SETS.items()}
    protocol = {
        "unit": "training steps of AC-GAN at batch 64, the kit's networks and recipe, float32",
        "every": EVERY,
        "probes": "with their defaults, SampleProbe with held-out samples",
        "threads": given.threads,
        "torch": str(torch.__version__),
    }
    RESULTS.write_text(json.dumps({"protocol": protocol, "steps": found}, indent=1) + "\n")
    print(RESULTS.read_text())


if __name__ == "__main__":
    main()
