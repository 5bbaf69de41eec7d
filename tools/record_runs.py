"""Record the runs that the lessons replay: ``python tools/record_runs.py [shapes/reacgan ...]``.

Each goes to data/runs/STUDY/NAME-SEED: config.json, history.jsonl with what the probes saw, and
checkpoints that hold the averaged generator alone in float16: for seed 0 so many that the class
grid can be moved through time. metrics.json says what the last of them scores. A run that is
there already is left alone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

# Run as a script, this file knows its folder but not the repository around it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

import cgan_kit as kit
from cgan_kit import losses, metrics
from cgan_kit.diagnostics import ClassifierProbe, GradientShare, LayerProbe, SampleProbe
from cgan_kit.losses import R1R2
from cgan_kit.training.files import write_tensors
from cgan_kit.writing import write_text

FOLDER = Path(__file__).resolve().parent.parent / "data" / "runs"
BY_CLASSIFIER = (
    "class accuracy (classifier)",
    "precision",
    "recall",
    "coverage",
    "within-class pixel variance",
)
BY_ORACLE = ("class accuracy (oracle)", "recognisable share", "within-class combinations")


class Plan(NamedTuple):
    """What sets a run apart; all else is the kit's default, on images of 16 px.

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


class Study(NamedTuple):
    """What a folder's runs share.

    every: steps between two looks of the probes, and two records.
    checkpoints: steps, beside the first and the last, that seed 0 keeps.
    keeps_last: whether the other seeds keep their last checkpoint, or none.
    """

    data: str
    steps: int
    every: int
    checkpoints: Sequence[int]
    keeps_last: bool
    measured: Sequence[str]
    plans: Mapping[str, Plan]
    seeds: Sequence[int] = (0, 1, 2)
    options: Mapping[str, Any] = {}

    def load(self) -> tuple[kit.data.ImageSet, kit.data.ImageSet]:
        """(training part, held-out part)."""
        whole = kit.data.load(self.data, size=16, **self.options)
        assert isinstance(whole, kit.data.ImageSet)
        return whole.split(held_out=0.2, seed=0)

    def kept(self, steps: Sequence[int], seed: int) -> Sequence[int]:
        """Which of a run's checkpoints ship."""
        if seed == 0:
            return steps
        return steps[-1:] if self.keeps_last else ()

    def rows(self) -> tuple[metrics.Metric, ...]:
        return tuple(row for row in metrics.METRICS if row.name in self.measured)


STUDIES = {
    "explosion": Study(
        data="digits",
        steps=500,
        every=20,
        checkpoints=(20, 60, 120, 240, 360),
        keeps_last=False,
        measured=BY_CLASSIFIER,
        plans={
            "linear-acgan": Plan(losses.ACGAN, **LINEAR),
            "linear-acgan-normalised": Plan(losses.ACGANNormalised, **LINEAR),
            "acgan-10": Plan(lambda: losses.ACGAN(weight=10.0)),
            "acgan": Plan(losses.ACGAN),
            "reacgan": Plan(losses.ReACGAN),
            "projection": Plan(losses.Projection),
        },
    ),
    "glyphs": Study(
        data="glyphs",
        options={"classes": 50},
        seeds=(0,),  # three in benchmarks/explosion/images.json, "3,000 steps"
        steps=3000,
        every=50,
        checkpoints=(150, 600, 1500),
        keeps_last=False,
        measured=BY_CLASSIFIER + BY_ORACLE,
        plans={
            "acgan": Plan(losses.ACGAN),
            "reacgan": Plan(losses.ReACGAN),
            "projection": Plan(losses.Projection),
        },
    ),
    "shapes": Study(
        data="shapes",
        steps=2000,
        every=40,
        checkpoints=(20, 60, 120, 240, 400, 600, 800, 1000, 1300, 1600),
        keeps_last=True,
        measured=BY_CLASSIFIER + BY_ORACLE,
        plans={
            "acgan": Plan(losses.ACGAN),
            "acgan-normalised": Plan(losses.ACGANNormalised),
            "reacgan": Plan(losses.ReACGAN),
            "projection": Plan(losses.Projection),
        },
    ),
}


SHIPPED = [
    (where, name, seed)
    for where, study in STUDIES.items()
    for seed in study.seeds
    for name in study.plans
]


def record(where: str, name: str, seed: int) -> Path:
    """Train, measure, and put the run where lessons find it."""
    study = STUDIES[where]
    plan = study.plans[name]
    clean, held_out = study.load()
    judge = metrics.train_classifier(clean, held_out)
    train = kit.data.with_label_noise(clean, plan.noise) if plan.noise else clean
    gan = kit.GAN.for_images(train, plan.conditioning(), plan.game, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        run = kit.train(
            gan,
            train,
            steps=study.steps,
            recipe=kit.Recipe(penalty=plan.penalty, learning_rate=plan.learning_rate),
            folder=Path(folder) / "run",
            checkpoints=study.checkpoints,
            probes=[
                ClassifierProbe(study.every),
                GradientShare(study.every),
                LayerProbe(study.every),
                SampleProbe(study.every, held_out=held_out, classifier=judge),
            ],
            log_every=study.every,
            seed=seed,
            precision=kit.Precision(),
        )
        parts = clean, held_out
        report = metrics.evaluate(run, parts, classifier=judge, metrics=study.rows(), groups=0)
        return ship(run, report, FOLDER / where / f"{name}-{seed}", study.kept(run.steps, seed))


def ship(run: kit.Run, report: metrics.Report, folder: Path, steps: Sequence[int]) -> Path:
    """The parts of a run that lessons need, with the checkpoints of `steps`."""
    aside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    (aside / "checkpoints").mkdir(parents=True)
    write_text(aside / "config.json", json.dumps(run.config, indent=1) + "\n")
    lines = [json.dumps(slim(each)) + "\n" for each in run.history()]
    write_text(aside / "history.jsonl", "".join(lines))
    values = {name: float(f"{value.generated:.4g}") for name, value in report.values.items()}
    write_text(aside / "metrics.json", json.dumps(values, indent=1) + "\n")
    for step in steps:
        kept = {
            name: tensor.half() if tensor.is_floating_point() else tensor
            for name, tensor in run.tensors(step).items()
            if name.startswith("averaged.")
        }
        write_tensors(aside / "checkpoints" / f"step-{step:06d}.safetensors", kept)
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
    known = [f"{where}/{name}" for where, study in STUDIES.items() for name in study.plans]
    parser.add_argument("names", nargs="*", choices=[[], *known], help="all by default")
    given = parser.parse_args()
    torch.set_num_threads(1)  # so that the same numbers come out again
    for where, name, seed in SHIPPED:
        wanted = not given.names or f"{where}/{name}" in given.names
        if wanted and not (FOLDER / where / f"{name}-{seed}").exists():
            print(record(where, name, seed), flush=True)


if __name__ == "__main__":
    main()
