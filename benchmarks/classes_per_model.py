"""Classes per model: one AC-GAN for all classes, or several small ones that share them out?

    python benchmarks/classes_per_model.py --data digits --seeds 0 1 2
    python benchmarks/classes_per_model.py --table

Odena et al. 2017 (AC-GAN) trained a hundred models of ten ImageNet classes each. Here the classes
of a set are dealt to M models in turn, K to each, at the same cost: the models share the steps of
the one big model, and each class is shown as often. All is measured together, on all classes, as
if one generator had made the images. Rows are added to benchmarks/results/classes_per_model.json.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from rows import keep, spread, stored
from torch import Tensor

import cgan_kit as kit
from cgan_kit import metrics
from cgan_kit.data import ImageSet

RESULTS = Path(__file__).parent / "results" / "classes_per_model.json"
STEPS = 400
PLANS = {"digits": (10, (10, 5, 2)), "glyphs": (50, (50, 10))}  # classes, classes per model
NAMES = {
    "accuracy": "class accuracy (classifier)",
    "oracle_accuracy": "class accuracy (oracle)",
    "recognisable": "recognisable share",
    "precision": "precision",
    "recall": "recall",
    "coverage": "coverage",
    "variance": "within-class pixel variance",
    "combinations": "within-class combinations",
}
PROTOCOL = {
    "data": "16 px, grey; trained on the training part of split(held_out=0.2, seed=0); class k "
    "goes to model k mod M",
    "network": "GAN.for_images, ACGAN and Recipe with their defaults, in every model; float32",
    "steps": f"{STEPS} of the model with all classes, {STEPS}/M of each of M models",
    "samples": "as many as held-out images, of their classes; averaged generators, running "
    "batch-norm statistics",
    "reference": "the held-out images",
    "features": "classifier of the training part of all classes (seed 0)",
    "k": 5,
    "similarity": "MS-SSIM of 100 random pairs a class, mean over classes; high means alike",
    "worst_accuracy": "of the class with the lowest accuracy, by the classifier",
    "real": "training images against the reference (precision, recall, coverage, variance); the "
    "reference itself (the others)",
}
SAME = ("data", "per_model", "images", "seed")


@dataclass(frozen=True)
class Plan:
    """One way to share out the classes of a set, with one seed."""

    data: str
    classes: int
    per_model: int
    seed: int

    @property
    def models(self) -> int:
        return self.classes // self.per_model

    @property
    def steps(self) -> int:
        return STEPS // self.models


def only(images: ImageSet, members: list[int]) -> ImageSet:
    """The images of some classes, renumbered from 0."""
    new = torch.full((images.num_classes,), -1)
    new[members] = torch.arange(len(members))
    labels = new[images.labels]
    names = [images.class_names[k] for k in members]
    return ImageSet(images.images[labels >= 0], labels[labels >= 0], names)


def make(plan: Plan, train: ImageSet, labels: Tensor) -> Tensor:
    """Train the plan's models, and let each make the images of its classes: uint8 (n, C, H, W)."""
    made = torch.empty(len(labels), *train.sample_shape, dtype=torch.uint8)
    for model in range(plan.models):
        members = list(range(model, plan.classes, plan.models))
        own = only(train, members)
        gan = kit.GAN.for_images(own, kit.losses.ACGAN(), seed=plan.seed)
        with tempfile.TemporaryDirectory() as folder:
            training = kit.Training(
                gan,
                own,
                steps=plan.steps,
                folder=Path(folder) / "run",
                checkpoints=1,
                seed=plan.seed,
                precision=kit.Precision(),
            )
            for _ in training:
                pass
            chosen = labels % plan.models == model
            asked = labels[chosen] // plan.models
            made[chosen] = metrics.draw_samples(training.run, asked, seed=plan.seed)
    return made


@cache
def measured_with(data: str, classes: int) -> tuple[ImageSet, ImageSet, metrics.Classifier]:
    """(training part, held-out part, a classifier of the training part)."""
    options = {"classes": classes} if data == "glyphs" else {}
    whole = kit.data.load(data, size=16, **options)
    assert isinstance(whole, ImageSet)
    train, held_out = whole.split(held_out=0.2, seed=0)
    return train, held_out, metrics.train_classifier(train, held_out)


def run_once(plan: Plan) -> list[dict[str, Any]]:
    """The plan's row, and that of real images."""
    train, held_out, judge = measured_with(plan.data, plan.classes)
    labels = held_out.labels
    start = time.process_time()
    images = make(plan, train, labels)
    minutes = (time.process_time() - start) / 60
    report = metrics.evaluate(
        (images, labels), (train, held_out), classifier=judge, seed=plan.seed, groups=0
    )
    found = {short: report.values[long] for short, long in NAMES.items() if long in report.values}
    row = asdict(plan) | {"models": plan.models, "steps": plan.steps}
    ours, real = row | {"images": "generated"}, row | {"images": "real"}
    ours |= {short: round(value.generated, 4) for short, value in found.items()}
    real |= {short: round(value.real, 4) for short, value in found.items()}
    for each, x, y in ((ours, images, labels), (real, held_out.images, held_out.labels)):
        similarity = metrics.class_similarity(x, y, plan.classes, seed=plan.seed)
        each["similarity"] = round(float(similarity.mean.nanmean()), 4)
        shares = metrics.accuracy_by_class(x, y, judge)
        each["worst_accuracy"] = round(min(share.value for share in shares), 4)
    return [ours | {"processor_minutes": round(minutes, 2)}, real]


def table() -> Iterator[str]:
    """Markdown: means over seeds, with the lowest and the highest."""
    names = [*NAMES, "similarity", "worst_accuracy", "processor_minutes"]
    yield "| data | images | models × classes | steps each | seeds | " + " | ".join(names) + " |"
    yield "|---" * (5 + len(names)) + "|"
    keys = ("data", "images", "models", "per_model", "steps")
    for key in sorted({tuple(row[name] for name in keys) for row in stored(RESULTS)}):
        rows = [row for row in stored(RESULTS) if tuple(row[name] for name in keys) == key]
        cells = [spread([row[name] for row in rows if name in row]) for name in names]
        data, images, models, per_model, steps = key
        head = f"| {data} | {images} | {models} × {per_model} | {steps} | {len(rows)} | "
        yield head + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", default=list(PLANS), choices=list(PLANS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--table", action="store_true", help="print what is stored")
    given = parser.parse_args()
    if given.table:
        print("\n".join(table()))
        return
    torch.set_num_threads(1)
    for seed in given.seeds:
        for data in given.data:
            classes, ways = PLANS[data]
            for per_model in ways:
                plan = Plan(data, classes, per_model, seed)
                if not any(asdict(plan).items() <= row.items() for row in stored(RESULTS)):
                    new = run_once(plan)
                    keep(new, RESULTS, PROTOCOL, SAME)
                    print(new[0], flush=True)


if __name__ == "__main__":
    main()
