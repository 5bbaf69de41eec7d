"""Runs made to have each illness, and healthy ones: what does `diagnose` call them?

    python benchmarks/diagnosis.py --data points --seeds 0 1 2
    python benchmarks/diagnosis.py --data digits --seeds 0 1 2
    python benchmarks/diagnosis.py --table

The curves that the verdict reads are added to benchmarks/results/diagnosis.json, with all that
made them; tests/diagnostics/test_recorded_runs.py asks `diagnose` about each of them again.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch

import cgan_kit as kit
from cgan_kit import losses, metrics
from cgan_kit.diagnostics import ClassifierProbe, GradientShare, SampleProbe, diagnose
from cgan_kit.diagnostics.verdict import ILLNESSES
from cgan_kit.losses import R1R2, Conditioning
from cgan_kit.training import DivergedError

RESULTS = Path(__file__).parent / "results" / "diagnosis.json"
STEPS = {"points": 600, "digits": 400}
EVERY = 20
KEPT = sorted({key for illness in ILLNESSES for need in illness.needs for key in need.split("|")})
KEPT += ["d_loss", "g_loss", "diverged"]


class Patient(NamedTuple):
    """How a run is made ill: everything else is the kit's default.

    noise: share of the training labels that are drawn anew.
    few: training samples; None is all of them.
    layout: of the points.
    """

    conditioning: Callable[[], Conditioning]
    game: losses.AdversarialLoss = losses.relativistic
    penalty: losses.Penalty | None = R1R2(0.05)
    learning_rate: float = 2e-3
    noise: float = 0.0
    few: int | None = None
    layout: str = "ring"


def acgan(weight: float = 1.0) -> Callable[[], Conditioning]:
    return lambda: losses.ACGAN(weight)


LINEAR: dict[str, Any] = {"game": losses.wasserstein, "penalty": None}  # nothing bounds a score
PATIENTS: dict[str, dict[str, Patient]] = {
    "points": {
        "healthy: projection": Patient(losses.Projection),
        "healthy: ADC-GAN": Patient(losses.ADCGAN),
        "healthy: TAC-GAN": Patient(losses.TACGAN),
        "diverged": Patient(acgan(), **LINEAR, learning_rate=0.5),
        "dead discriminator": Patient(losses.Projection, penalty=R1R2(1e7)),
        "classifier gradient growing": Patient(acgan(), **LINEAR, learning_rate=0.03),
        "feature norm growing with p stalled": Patient(
            acgan(), **LINEAR, learning_rate=0.02, noise=0.5
        ),
        "conditioning drowns the adversarial term": Patient(acgan(100)),
        "within-class collapse with right classes": Patient(acgan(10)),
        "class confusion": Patient(losses.ContraGAN),
        # Three normals, two standard deviations apart: they overlap.
        "healthy: projection, overlap": Patient(losses.Projection, layout="line"),
        "classes pushed apart": Patient(acgan(), layout="line"),
    },
    "digits": {
        "healthy: projection": Patient(losses.Projection),
        "healthy: ADC-GAN": Patient(losses.ADCGAN),
        "healthy: AC-GAN": Patient(acgan()),
        "diverged": Patient(acgan(), **LINEAR, learning_rate=0.3),
        "dead discriminator": Patient(losses.Projection, penalty=R1R2(1e5)),
        "classifier gradient growing": Patient(acgan(), **LINEAR, learning_rate=0.03),
        "feature norm growing with p stalled": Patient(
            acgan(), **LINEAR, learning_rate=0.01, noise=0.5
        ),
        "conditioning drowns the adversarial term": Patient(acgan(100)),
        "discriminator overfits": Patient(losses.Projection, penalty=None, few=64),
        "within-class collapse with right classes": Patient(
            lambda: losses.ReACGAN(weight=3, temperature=0.1)
        ),
        "class confusion": Patient(losses.ContraGAN),
    },
}


def run_once(data: str, name: str, seed: int) -> dict[str, Any]:
    """Train one patient and keep the curves that a verdict reads."""
    patient = PATIENTS[data][name]
    if data == "points":
        whole = kit.data.load("gaussians", layout=patient.layout)
    else:
        whole = kit.data.load("digits", size=8)
    train, held_out = whole.split(held_out=0.2, seed=0)
    judge = metrics.train_classifier(train) if data == "digits" else None
    build = kit.GAN.for_points if data == "points" else kit.GAN.for_images
    gan = build(train, patient.conditioning(), patient.game, seed=seed)
    if patient.few:
        train = train.subset(torch.arange(patient.few))
    if patient.noise:
        train = kit.data.with_label_noise(train, patient.noise)
    with tempfile.TemporaryDirectory() as folder:
        training = kit.Training(
            gan,
            train,
            steps=STEPS[data],
            recipe=kit.Recipe(penalty=patient.penalty, learning_rate=patient.learning_rate),
            folder=Path(folder) / "run",
            probes=[
                ClassifierProbe(EVERY),
                GradientShare(EVERY),
                SampleProbe(EVERY, held_out=held_out, classifier=judge),
            ],
            checkpoints=1,
            log_every=EVERY,
            seed=seed,
            precision=kit.Precision(),
        )
        with suppress(DivergedError):  # the history says so
            kit.training.finish(training)
        history = training.run.history()
    verdict = diagnose(history)
    return {
        "data": data,
        "patient": name,
        "seed": seed,
        "steps": STEPS[data],
        "verdict": list(verdict.illnesses),
        "curves": to_curves(history),
    }


def to_curves(history: list[dict[str, float]]) -> dict[str, list[list[float]]]:
    """quantity -> [steps, values], four digits each."""
    found: dict[str, list[list[float]]] = {}
    for name in KEPT:
        kept = [record for record in history if name in record]
        if kept:
            values = [float(f"{record[name]:.4g}") for record in kept]
            found[name] = [[int(record["step"]) for record in kept], values]
    return found


def to_history(curves: dict[str, list[list[float]]]) -> list[dict[str, float]]:
    """The records that `to_curves` took apart, in order."""
    records: dict[float, dict[str, float]] = {}
    for name, (steps, values) in curves.items():
        for step, value in zip(steps, values, strict=True):
            records.setdefault(step, {"step": step})[name] = value
    return [records[step] for step in sorted(records)]


def stored() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    return rows


def keep(new: dict[str, Any]) -> None:
    """Add a run to the file, in place of an older one of the same patient and seed."""
    same = ("data", "patient", "seed")
    rows = [row for row in stored() if any(row[key] != new[key] for key in same)] + [new]
    rows.sort(key=lambda row: [str(row[key]) for key in same])
    aside = RESULTS.with_suffix(f".{os.getpid()}")
    aside.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    os.replace(aside, RESULTS)


def table() -> Iterator[str]:
    """Markdown: patients down, what they are called across, in how many of their runs."""
    names = [illness.name for illness in ILLNESSES]
    for data in PATIENTS:
        yield f"\n{data}, {STEPS[data]} steps\n"
        yield "| made to have | runs | healthy | " + " | ".join(names) + " |"
        yield "|---" * (3 + len(names)) + "|"
        for patient in PATIENTS[data]:
            rows = [r for r in stored() if (r["data"], r["patient"]) == (data, patient)]
            verdicts = [diagnose(to_history(row["curves"])).illnesses for row in rows]
            count = Counter(illness for verdict in verdicts for illness in verdict)
            cells = [str(count[name] or "") for name in names]
            healthy = sum(not verdict for verdict in verdicts) or ""
            yield f"| {patient} | {len(rows)} | {healthy} | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=list(PATIENTS), default="points")
    parser.add_argument("--patients", nargs="+", help="all by default")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--table", action="store_true", help="print what is stored")
    given = parser.parse_args()
    if given.table:
        print("\n".join(table()))
        return
    torch.set_num_threads(given.threads)
    for seed in given.seeds:
        for patient in given.patients or PATIENTS[given.data]:
            row = run_once(given.data, patient, seed)
            keep(row)
            print(given.data, patient, seed, row["verdict"], flush=True)


if __name__ == "__main__":
    main()
