"""Record the runs that the lessons replay: ``python tools/record_runs.py [linear-acgan ...]``.

Each goes to data/runs/explosion/NAME-SEED: config.json, history.jsonl with what the probes saw,
and, for seed 0, a few checkpoints that hold the averaged generator alone in float16, so that the
class grid can be moved through time. metrics.json says what the last of them scores. A run that
is there already is left alone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

# Run as a script, this file knows its folder but not the repository around it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

import cgan_kit as kit
from cgan_kit import losses, metrics
from cgan_kit.diagnostics import ClassifierProbe, GradientShare, LayerProbe, SampleProbe
from cgan_kit.losses import R1R2
from cgan_kit.training.files import write_tensors, write_text

FOLDER = Path(__file__).resolve().parent.parent / "data" / "runs" / "explosion"
STEPS = 500
EVERY = 20
CHECKPOINTS = [20, 60, 120, 240, 360]
WITH_CHECKPOINTS = (0,)  # seeds
MEASURED = (
    "class accuracy (classifier)",
    "precision",
    "recall",
    "coverage",
    "within-class pixel variance",
)


class Plan(NamedTuple):
    """What sets a run apart; all else is the kit's default, on digits of 16 px.

    noise: share of the training labels that are drawn anew.
    """

    conditioning: Callable[[], losses.Conditioning]
    game: losses.AdversarialLoss = losses.relativistic
    penalty: losses.Penalty | None = R1R2(0.05)
    learning_rate: float = 2e-3
    noise: float = 0.0


LINEAR: dict[str, Any] = {
    "game": losses.wasserstein,
    "penalty": None,
    "learning_rate": 0.01,
    "noise": 0.5,
}
PLANS = {
    "linear-acgan": Plan(losses.ACGAN, **LINEAR),
    "linear-acgan-normalised": Plan(losses.ACGANNormalised, **LINEAR),
    "acgan-10": Plan(lambda: losses.ACGAN(weight=10.0)),
    "acgan": Plan(losses.ACGAN),
    "reacgan": Plan(losses.ReACGAN),
    "projection": Plan(losses.Projection),
}


def record(name: str, seed: int) -> Path:
    """Train, measure, and put the run where lessons find it."""
    plan = PLANS[name]
    digits = kit.data.load("digits", size=16)
    assert isinstance(digits, kit.data.ImageSet)
    clean, held_out = digits.split(held_out=0.2, seed=0)
    judge = metrics.train_classifier(clean, held_out)
    train = kit.data.with_label_noise(clean, plan.noise) if plan.noise else clean
    gan = kit.GAN.for_images(train, plan.conditioning(), plan.game, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        run = kit.train(
            gan,
            train,
            steps=STEPS,
            recipe=kit.Recipe(penalty=plan.penalty, learning_rate=plan.learning_rate),
            folder=Path(folder) / "run",
            checkpoints=CHECKPOINTS,
            probes=[
                ClassifierProbe(EVERY),
                GradientShare(EVERY),
                LayerProbe(EVERY),
                SampleProbe(EVERY, held_out=held_out, classifier=judge),
            ],
            log_every=EVERY,
            seed=seed,
            precision=kit.Precision(),
        )
        rows = tuple(row for row in metrics.METRICS if row.name in MEASURED)
        report = metrics.evaluate(run, (clean, held_out), classifier=judge, metrics=rows)
        return ship(run, report, FOLDER / f"{name}-{seed}", checkpoints=seed in WITH_CHECKPOINTS)


def ship(run: kit.Run, report: metrics.Report, folder: Path, checkpoints: bool) -> Path:
    """The parts of a run that lessons need, a tenth of its size."""
    aside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    (aside / "checkpoints").mkdir(parents=True)
    write_text(aside / "config.json", json.dumps(run.config, indent=1) + "\n")
    lines = [json.dumps(slim(each)) + "\n" for each in run.history()]
    write_text(aside / "history.jsonl", "".join(lines))
    values = {name: float(f"{value.generated:.4g}") for name, value in report.values.items()}
    write_text(aside / "metrics.json", json.dumps(values, indent=1) + "\n")
    for step in run.steps if checkpoints else ():
        kept = {
            name: tensor.half() if tensor.is_floating_point() else tensor
            for name, tensor in run.tensors(step).items()
            if name.startswith("averaged.")
        }
        write_tensors(aside / "checkpoints" / f"step-{step:06d}.safetensors", kept)
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside.rename(folder)
    return folder


def slim(record: dict[str, float]) -> dict[str, float]:
    """Four digits; of each layer, its update alone."""
    return {
        name: value if name == "step" else float(f"{value:.4g}")
        for name, value in record.items()
        if not name.startswith("layer/") or name.endswith("/update")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *PLANS], help="all by default")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    given = parser.parse_args()
    torch.set_num_threads(1)  # so that the same numbers come out again
    for seed in given.seeds:
        for name in given.names or PLANS:
            if not (FOLDER / f"{name}-{seed}").exists():
                print(record(name, seed), flush=True)


if __name__ == "__main__":
    main()
