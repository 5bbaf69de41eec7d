"""Do the residual pairs learn every class? SNGAN's and BigGAN's, narrow, beside the DCGAN pair.

    python benchmarks/backbones.py --backbones resnet biggan --methods projection reacgan
    python benchmarks/backbones.py --table
    python benchmarks/backbones.py --batch 64 --steps 800 --gamma 0.2 --picture docs/networks.png

Rows are added to benchmarks/results/backbones.json. All three pairs have the same game, recipe,
batch, penalty, steps and seeds; the pair and the method are what differs. The recipe is the kit's
and not the published one, which has a seventh of its rate and 100,000 steps: too slow to be
followed on one core. The residual pairs keep their spectral norm; the DCGAN pair has none, as by
default. Each number has that of as many real images in the row of backbone "real"; the protocol
is in the file.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rows import keep, spread, stored

import cgan_kit as kit
from cgan_kit import metrics, models
from cgan_kit.asked import CONDITIONINGS
from cgan_kit.training.gan import seeded

RESULTS = Path(__file__).parent / "results" / "backbones.json"
PAIRS = {
    "dcgan": (models.DCGANGenerator, models.DCGANDiscriminator),
    "resnet": (models.ResNetGenerator, models.ResNetDiscriminator),
    "biggan": (models.BigGANGenerator, models.BigGANDiscriminator),
}
WIDTHS = {"dcgan": (16, 32), "resnet": (8, 8), "biggan": (8, 8)}  # generator, discriminator
LATENT_DIM = 40  # BigGAN's at 32 px comes in four chunks; the published one has 80
SAMPLES = 2000
NAMES = {
    "accuracy": "class accuracy (classifier)",
    "recall": "recall",
    "coverage": "coverage",
    "variance": "within-class pixel variance",
    "oracle_accuracy": "class accuracy (oracle)",
    "worst_class": "",
    "recognisable": "recognisable share",
}
SAME = ("data", "backbone", "method", "steps", "batch", "gamma", "seed")
PROTOCOL = {
    "data": "32 px, grey, 10 classes; trained on the training part of split(held_out=0.2, seed=0)",
    "recipe": "Recipe() but for batch and gamma; relativistic game; float32; each method's own "
    "weight",
    "gamma": "of the penalty R1 + R2",
    "network": f"z of {LATENT_DIM} numbers; width of generator and discriminator: {WIDTHS}; the "
    "rest by default, so spectral norm in resnet's discriminator and in both of biggan's",
    "accuracy, recall, coverage, variance": "as many samples as held-out images, of their classes, "
    "against these; averaged generator, running batch-norm statistics; features of a classifier "
    "of the training part, one for all runs (seed 0)",
    "oracle_accuracy, worst_class, recognisable": f"of {SAMPLES:,} samples, classes in turn; "
    "worst_class is the accuracy in the class where it is lowest",
    "real": "training images against the held-out images (recall, coverage, variance); the "
    "held-out images themselves (the others)",
    "million_weights": "of generator, of discriminator without head",
    "cpu_minutes": "of the training, one thread; on a machine with other work, so only an upper "
    "bound",
}


@dataclass(frozen=True)
class Plan:
    """One training: what is varied, and nothing else."""

    data: str
    backbone: str
    method: str
    steps: int
    batch: int
    gamma: float
    seed: int

    @property
    def name(self) -> str:
        return "-".join(str(value) for value in asdict(self).values())

    def gan(self, train: kit.data.ImageSet) -> kit.GAN:
        make, judge = PAIRS[self.backbone]
        width, judge_width = WIDTHS[self.backbone]
        with seeded(self.seed):
            return kit.GAN(
                make(train.num_classes, train.sample_shape, LATENT_DIM, width),
                judge(train.sample_shape, judge_width),
                CONDITIONINGS[self.method](),
            )


def run_once(plan: Plan, folder: Path) -> list[dict[str, Any]]:
    """Train, measure, and return the run's row and that of real images."""
    options = {"classes": 10} if plan.data == "glyphs" else {}
    train, held_out = kit.data.load(plan.data, size=32, **options).split(held_out=0.2, seed=0)
    gan = plan.gan(train)
    shutil.rmtree(folder / plan.name, ignore_errors=True)  # of a run that was killed
    start = time.process_time()
    run = kit.train(
        gan,
        train,
        steps=plan.steps,
        recipe=kit.Recipe(batch_size=plan.batch, penalty=kit.losses.R1R2(plan.gamma)),
        folder=folder / plan.name,
        checkpoints=4,
        seed=plan.seed,
        precision=kit.Precision(),
        device="cpu",
    )
    minutes = (time.process_time() - start) / 60
    picture = kit.plots.class_grid(run, rows=8)
    (folder / f"{plan.name}.png").write_bytes(kit.plots.to_png(picture))
    judge = metrics.train_classifier(train, held_out, folder=folder / "classifiers")
    report = metrics.evaluate(run, (train, held_out), classifier=judge, seed=plan.seed, groups=0)
    found = {short: report.values[long] for short, long in NAMES.items() if long in report.values}
    row = asdict(plan) | {short: round(value.generated, 4) for short, value in found.items()}
    labels = torch.arange(SAMPLES) % train.num_classes
    row |= read(metrics.draw_samples(run, labels, seed=plan.seed), labels, train)
    row |= {
        "million_weights": [
            round(sum(each.numel() for each in part.parameters()) / 1e6, 3)
            for part in (gan.generator, gan.discriminator)
        ],
        "cpu_minutes": round(minutes, 1),
    }
    real = asdict(plan) | {"backbone": "real", "method": "", "steps": 0, "batch": 0, "gamma": 0.0}
    real["seed"] = 0
    real |= {short: round(value.real, 4) for short, value in found.items()}
    real |= read(held_out.images, held_out.labels, train)
    return [row, real]


def read(images: torch.Tensor, labels: torch.Tensor, train: kit.data.ImageSet) -> dict[str, float]:
    """What the oracle says of images, uint8 (n, C, H, W), asked for with labels, int64 (n,)."""
    assert isinstance(train, kit.data.RenderedSet)
    reading = train.oracle().read(images)
    right = (reading.labels == labels).double()
    each = [float(right[labels == k].mean()) for k in range(train.num_classes)]
    return {
        "oracle_accuracy": round(float(right.mean()), 4),
        "worst_class": round(min(each), 4),
        "recognisable": round(float(reading.recognisable.double().mean()), 4),
    }


def table() -> Iterator[str]:
    """Markdown: means over seeds, with the lowest and the highest."""
    rows = stored(RESULTS)
    names = [name for name in NAMES if any(name in row for row in rows)]
    yield "| data | pair | method | steps | batch | gamma | seeds | " + " | ".join(names) + " |"
    yield "|---" * (7 + len(names)) + "|"
    for key in sorted({tuple(row[name] for name in SAME[:-1]) for row in rows}):
        group = [row for row in rows if tuple(row[name] for name in SAME[:-1]) == key]
        cells = [*map(str, key), str(len(group))]
        cells += [spread([row[name] for row in group]) for name in names]
        yield "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="glyphs", choices=["glyphs", "shapes"])
    parser.add_argument("--backbones", nargs="+", default=list(PAIRS), choices=list(PAIRS))
    parser.add_argument("--methods", nargs="+", default=["projection"], choices=list(CONDITIONINGS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--gamma", type=float, default=0.05)
    parser.add_argument("--folder", type=Path, default=Path("runs/backbones"))
    parser.add_argument("--again", action="store_true", help="also runs that the file has")
    parser.add_argument("--table", action="store_true", help="print what is stored")
    parser.add_argument(
        "--picture", type=Path, help="draw the pairs' kept runs side by side: first method and seed"
    )
    given = parser.parse_args()
    if given.table:
        print("\n".join(table()))
        return
    torch.set_num_threads(1)
    if given.picture:
        first = (given.methods[0], given.steps, given.batch, given.gamma, given.seeds[0])
        plans = {pair: Plan(given.data, pair, *first) for pair in given.backbones}
        runs = {pair: kit.Run(given.folder / plan.name) for pair, plan in plans.items()}
        given.picture.write_bytes(kit.plots.to_png(kit.plots.class_grids(runs, rows=6)))
        return
    for seed, method, backbone in itertools.product(given.seeds, given.methods, given.backbones):
        plan = Plan(given.data, backbone, method, given.steps, given.batch, given.gamma, seed)
        done = [{key: row[key] for key in SAME} for row in stored(RESULTS)]
        if given.again or asdict(plan) not in done:
            new = run_once(plan, given.folder)
            keep(new, RESULTS, PROTOCOL, SAME)
            print(new[0], flush=True)


if __name__ == "__main__":
    main()
