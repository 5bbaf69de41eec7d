"""Several runs of several methods: what can be told apart, and what cannot."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from cgan_kit.data import load
from cgan_kit.metrics import (
    METRICS,
    Classifier,
    Comparison,
    Report,
    compare,
    evaluate,
    train_classifier,
)
from cgan_kit.metrics.compare import by_conditioning
from cgan_kit.metrics.report import Value

DIGITS = load("digits", size=8)
TRAIN, HELD_OUT = DIGITS.split()
ROWS = [row for row in METRICS if row.name in ("class accuracy (classifier)", "coverage")]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return train_classifier(TRAIN, HELD_OUT, steps=60)


def made(values: dict[str, Sequence[float]], width: float = 0.01) -> Comparison:
    """A comparison of one metric; each value has an interval of ± width."""
    reports = {
        method: [Report({"m": Value(v, 0.9, math.nan, v - width, v + width)}, {}) for v in own]
        for method, own in values.items()
    }
    return Comparison(reports, {})


@pytest.mark.parametrize(
    ("one", "other", "width", "said"),
    [
        ([0.7, 0.8, 0.75], [0.5, 0.6, 0.55], 0.01, "A above B"),
        ([0.5, 0.6, 0.55], [0.7, 0.8, 0.75], 0.01, "B above A"),
        ([0.7, 0.8, 0.75], [0.5, 0.6, 0.71], 0.0, "A and B: cannot tell, seeds overlap"),
        ([0.7, 0.8, 0.75], [0.7, 0.6, 0.65], 0.0, "A and B: cannot tell, seeds overlap"),
        (
            [0.7, 0.8, 0.75],
            [0.5, 0.6, 0.55],
            0.051,
            "A and B: cannot tell, seeds are apart but intervals over samples overlap",
        ),
        (
            [0.7, 0.8],
            [0.1, 0.2],
            0.01,
            "A and B: cannot tell, A has 2 and B has 2 of the 3 seeds that a spread needs",
        ),
        (
            [0.7, 0.8, 0.75],
            [0.1],
            0.01,
            "A and B: cannot tell, B has 1 of the 3 seeds that a spread needs",
        ),
        ([0.7, 0.8, 0.75], [0.5, 0.6, 0.55], math.nan, "A above B"),
        ([0.7, 0.8, math.nan], [0.5, 0.6, 0.55], 0.01, "A and B: cannot tell, a value is missing"),
    ],
)
def test_verdicts(one: list[float], other: list[float], width: float, said: str) -> None:
    assert made({"A": one, "B": other}, width).verdict("m", "A", "B") == said


def test_seeds_and_samples_are_kept_apart() -> None:
    found = made({"A": [0.5, 0.8, 0.65]}, width=0.1).spread("m", "A")
    assert found.mean == pytest.approx(0.65)
    assert (found.lowest, found.highest) == (0.5, 0.8)
    assert (found.low, found.high) == pytest.approx((0.4, 0.9))
    assert found.seeds == 3
    with pytest.raises(KeyError, match="no method 'C'; there are 'A'"):
        made({"A": [0.5]}).spread("m", "C")
    with pytest.raises(KeyError, match="no metric 'x'"):
        made({"A": [0.5]}).spread("x", "A")


def test_prints_each_pair_under_each_metric(tmp_path: Path) -> None:
    comparison = made({"A": [0.7, 0.8, 0.75], "B": [0.5, 0.6, 0.55], "C": [0.6, 0.7, 0.5]})
    head, block = str(comparison).split("\n\n")
    assert head.split() == ["seeds", "mean", "over", "seeds", "over", "samples", "real"]
    assert block.splitlines()[0] == "m"
    assert block.splitlines()[1].split() == [
        *("A", "3", "0.75", "0.70", "–", "0.80", "0.69", "–", "0.81", "0.90")
    ]
    assert [line.strip() for line in block.splitlines()[4:]] == [
        "A above B",
        "A and C: cannot tell, seeds overlap",
        "B and C: cannot tell, seeds overlap",
    ]
    comparison.save(tmp_path / "comparison.json")
    stored = json.loads((tmp_path / "comparison.json").read_text())
    assert stored["verdicts"]["m"][0] == "A above B"
    assert stored["spreads"]["m"]["A"]["highest"] == 0.8
    assert stored["spreads"]["m"]["A"]["perfect"] is None
    assert len(stored["reports"]["B"]) == 3


def pictures(seed: int, noise: float = 0.0) -> tuple[Tensor, Tensor]:
    """Training images, as if a method's run of one seed had made them."""
    draw = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(TRAIN), generator=draw)[:700]
    clean = TRAIN.real(chosen)
    noisy = clean + noise * torch.randn(clean.shape, generator=draw)
    return noisy.clamp(-1, 1), TRAIN.labels[chosen]


def test_two_methods_that_differ_and_two_that_do_not(classifier: Classifier) -> None:
    methods = {
        "good": [pictures(seed) for seed in range(3)],
        "as good": [pictures(seed) for seed in range(3, 6)],
        "noisy": [pictures(seed, noise=1.0) for seed in range(6, 9)],
    }
    found = compare(methods, (TRAIN, HELD_OUT), classifier=classifier, metrics=ROWS, n=150)
    assert found.metrics == [row.name for row in ROWS]
    for metric in found.metrics:
        assert found.verdict(metric, "good", "noisy") == "good above noisy"
        assert "cannot tell" in found.verdict(metric, "as good", "good")
    alone = evaluate(
        methods["noisy"][1], (TRAIN, HELD_OUT), classifier=classifier, metrics=ROWS, n=150
    )
    assert found.reports["noisy"][1].table(decimals=9) == alone.table(decimals=9)
    assert found.protocol["n"] == 150
    assert found.protocol["classifier_accuracy"] == classifier.accuracy


class StubRun:
    """A config, and training images for samples."""

    latent_dim = 2
    num_classes = 10

    def __init__(self, seed: int, method: str = "ACGAN", steps: int = 50, **arguments: Any) -> None:
        self.config = {
            "gan": {"conditioning": {"class": method, **arguments}},
            "data": {"name": "digits"},
            "training": {"seed": seed, "steps": steps, "precision": {"autocast": seed == 1}},
        }

    def sample(self, latents: Tensor, labels: Tensor, step: int | None = None) -> Tensor:
        members = [torch.nonzero(TRAIN.labels == k)[:9] for k in range(10)]
        return TRAIN.images[torch.cat([members[k][i % 9] for i, k in enumerate(labels)])]


def test_runs_are_sorted_by_what_their_configs_say(classifier: Classifier) -> None:
    runs = [StubRun(0, weight=1.0), StubRun(0, "ReACGAN"), StubRun(1, weight=1.0)]
    assert {k: len(v) for k, v in by_conditioning(runs).items()} == {"ACGAN": 2, "ReACGAN": 1}
    runs.append(StubRun(0, weight=0.1))
    assert list(by_conditioning(runs)) == ["ACGAN(weight=1.0)", "ReACGAN", "ACGAN(weight=0.1)"]
    found = compare(runs, (TRAIN, HELD_OUT), classifier=classifier, metrics=ROWS[:1], n=100)
    assert [len(own) for own in found.reports.values()] == [2, 1, 1]
    assert found.protocol["weights"] == "averaged (EMA)"


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ({}, "runs holds no run"),
        ({"A": []}, "runs holds no run for some method"),
        ([StubRun(0), StubRun(0)], r"ACGAN has runs with the training seeds \[0, 0\]"),
        ([StubRun(0), StubRun(1, steps=60)], "runs that differ in training 'steps', not in"),
        ({"A": [StubRun(0), StubRun(1, "TAC")]}, "A has runs that differ in gan 'conditioning'"),
        ([(torch.zeros(1), torch.zeros(1))], "which has no config; give a dict name -> runs"),
    ],
)
def test_bad_runs(runs: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare(runs, (TRAIN, HELD_OUT))
