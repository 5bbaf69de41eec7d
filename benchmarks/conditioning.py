"""Conditioning methods side by side: one network, one recipe, the same seeds and steps.

    python benchmarks/conditioning.py --data digits --methods acgan reacgan --weights 0.1 0.3 1
    python benchmarks/conditioning.py --data glyphs --classes 100 --methods projection --seeds 0 1 2
    python benchmarks/conditioning.py --methods reacgan --weights 0.1 --option temperature=0.25
    python benchmarks/conditioning.py --table

Rows are added to benchmarks/results/conditioning.json. Everything is the kit's default but for
the method, its weight and the seed. Weights are not comparable between losses, so every row
says what the method's head sends back: see `head_gradients`. Each number has that of as many
real images in the row of method "real"; the protocol is in the file.
"""

from __future__ import annotations

import argparse
import inspect
import itertools
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rows import keep, spread, stored
from torch import Tensor

import cgan_kit as kit
from cgan_kit import metrics
from cgan_kit.asked import CONDITIONINGS, WEIGHTLESS, parse_option
from cgan_kit.diagnostics import Scene, split
from cgan_kit.diagnostics.split import each_norm, slope
from cgan_kit.models import draw_latents

RESULTS = Path(__file__).parent / "results" / "conditioning.json"
STEPS = {"digits": 1200, "shapes": 3600, "glyphs": 3600}
MANY = 5000
SHARES = {
    "accuracy": "class accuracy (classifier)",
    "oracle_accuracy": "class accuracy (oracle)",
    "recognisable": "recognisable share",
}
NAMES = SHARES | {
    "precision": "precision",
    "recall": "recall",
    "coverage": "coverage",
    "variance": "within-class pixel variance",
    "combinations": "within-class combinations",
}
GRADIENTS = ("d_head", "g_head", "g_head_image", "g_score_image")
SAME = ("data", "classes", "steps", "method", "weight", "options", "seed")
PROTOCOL = {
    "data": "16 px, grey; trained on the training part of split(held_out=0.2, seed=0)",
    "network": "GAN.for_images and Recipe with their defaults, and the method's but for `options`; "
    "float32",
    "samples": "as many as held-out images (2,000 at most), of their classes; averaged "
    "generator, running batch-norm statistics",
    "accuracy, oracle_accuracy, recognisable": "of `shares_of` samples, classes in turn; rows "
    "without it are of an earlier version, and of as many as held-out images",
    "reference": "the held-out images",
    "features": "classifier of the training part, one for all runs of a data set (seed 0)",
    "frozen-classifier": "one of the training part with seed 1, not the one that measures",
    "k": 5,
    "real": "training images against the reference (precision, recall, coverage, variance); "
    "the reference itself (the others)",
    "d_head, g_head": "mean over 512 images of n ‖∂L/∂F(x_i)‖ through the method's head alone, "
    "L the discriminator's or the generator's loss, at the end of training",
    "g_head_image, g_score_image": "the same for n ‖∂L_G/∂x_i‖, through the head and through "
    "the discriminator's own score",
}


@dataclass(frozen=True)
class Plan:
    """One training: what is varied, and nothing else."""

    data: str
    classes: int
    steps: int
    method: str
    weight: float | None
    options: str
    seed: int

    def conditioning(self, train: kit.data.ImageSet) -> kit.losses.Conditioning:
        make = CONDITIONINGS[self.method]
        given: dict[str, Any] = dict(parse_option(each) for each in self.options.split())
        if self.weight is not None:
            given["weight"] = self.weight
        if make is kit.losses.FrozenClassifier:
            given["classifier"] = metrics.train_classifier(train, seed=1)
        return make(**given)


def run_once(plan: Plan, folder: Path) -> list[dict[str, Any]]:
    """Train, measure, and return the run's row and that of real images."""
    train, held_out = load(plan.data, plan.classes).split(held_out=0.2, seed=0)
    gan = kit.GAN.for_images(train, plan.conditioning(train), seed=plan.seed)
    name = "-".join(str(value).replace("=", "") for value in asdict(plan).values() if value != "")
    shutil.rmtree(folder / name, ignore_errors=True)  # of a run that was killed
    start = time.perf_counter()
    run = kit.train(
        gan,
        train,
        steps=plan.steps,
        folder=folder / name,
        seed=plan.seed,
        precision=kit.Precision(),
    )
    seconds = time.perf_counter() - start
    judge = metrics.train_classifier(train, held_out, folder=folder / "classifiers")
    report = metrics.evaluate(run, (train, held_out), classifier=judge, seed=plan.seed)
    picture = kit.plots.class_grid(run, rows=8, classes=list(range(min(plan.classes, 20))))
    (folder / f"{name}.png").write_bytes(kit.plots.to_png(picture))

    found = {short: report.values[long] for short, long in NAMES.items() if long in report.values}
    row = asdict(plan) | {short: round(value.generated, 4) for short, value in found.items()}
    row |= shares(run, train, judge, plan.seed)
    gradients = head_gradients(gan, train, plan.seed)
    row |= {name: float(f"{value:.3g}") for name, value in gradients.items()}
    row |= {"minutes": round(seconds / 60, 2), "threads": torch.get_num_threads()}
    real = asdict(plan) | {"method": "real", "weight": None, "options": ""}
    real |= {short: round(value.real, 4) for short, value in found.items()}
    return [row, real]


def shares(
    run: kit.Run, train: kit.data.ImageSet, judge: metrics.Classifier, seed: int
) -> dict[str, float]:
    """Shares need no reference, so they can rest on more samples than there are real images."""
    labels = torch.arange(MANY) % train.num_classes
    images = metrics.draw_samples(run, labels, seed=seed)
    found = {"accuracy": float((judge.predict(images) == labels).double().mean())}
    if isinstance(train, kit.data.RenderedSet):
        read = metrics.oracle_report(images, labels, train.oracle())
        found |= {"oracle_accuracy": read.class_accuracy, "recognisable": read.recognisable}
    return {name: round(value, 4) for name, value in found.items()} | {"shares_of": MANY}


def load(data: str, classes: int) -> kit.data.ImageSet:
    options = {"classes": classes} if data == "glyphs" else {}
    whole = kit.data.load(data, size=16, **options)
    if whole.num_classes != classes:
        raise SystemExit(f"--classes is {classes}, but {data} has {whole.num_classes}")
    return whole


def head_gradients(
    gan: kit.GAN, train: kit.data.ImageSet, seed: int, n: int = 512
) -> dict[str, float]:
    """What the method's head sends back at one batch, beside the discriminator's own score.

    Both as `cgan_kit.diagnostics.Split` has them, in evaluation mode. Nothing is trained.
    """
    random = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(train), (n,), generator=random)
    latents = draw_latents(n, gan.latent_dim, random)
    parts = split(gan.eval(), Scene(train.real(chosen), train.labels[chosen], latents))
    n_real = parts.real.features.numel()  # the features of the fakes follow those of the real

    def size(loss: Tensor, at: Tensor, part: slice = slice(None)) -> float:
        return float(each_norm(slope(loss, at)[part], n).mean())

    return {
        "d_head": size(parts.d_head, parts.features, slice(n_real)),
        "g_head": size(parts.g_head, parts.features, slice(n_real, None)),
        "g_head_image": size(parts.g_head, parts.fake.images),
        "g_score_image": size(parts.g_score, parts.fake.images),
    }


def table(columns: list[str]) -> Iterator[str]:
    """Markdown: a table for each data set; means over seeds, with the lowest and the highest."""
    rows = stored(RESULTS)
    for kind in sorted({(row["data"], row["classes"], row["steps"]) for row in rows}):
        chosen = [row for row in rows if (row["data"], row["classes"], row["steps"]) == kind]
        names = [name for name in columns if any(name in row for row in chosen)]
        yield f"\n{kind[0]}, {kind[1]} classes, {kind[2]:,} steps\n"
        yield "| method | weight | seeds | " + " | ".join(names) + " |"
        yield "|---" * (3 + len(names)) + "|"
        for key in sorted({_setting(row) for row in chosen}):
            group = [row for row in chosen if _setting(row) == key]
            cells = [spread([row[name] for row in group if name in row]) for name in names]
            yield f"| {key[0]} | {key[1]} | {len(group)} | " + " | ".join(cells) + " |"


def _setting(row: dict[str, Any]) -> tuple[str, str]:
    weight = "" if row["weight"] is None else f"{row['weight']:g}"
    return f"{row['method']} {row['options']}".strip(), weight


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="digits", choices=list(STEPS))
    parser.add_argument("--classes", type=int, default=10, help="for glyphs")
    parser.add_argument("--methods", nargs="+", default=["projection"], choices=list(CONDITIONINGS))
    parser.add_argument("--weights", nargs="+", type=float, help="each method's own by default")
    parser.add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE", help="of the method"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, help="the default is the file's own for each set")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--folder", type=Path, default=Path("runs/conditioning"))
    parser.add_argument("--again", action="store_true", help="also runs that the file has")
    parser.add_argument(
        "--table", nargs="*", metavar="COLUMN", help="print what is stored; all columns, or these"
    )
    given = parser.parse_args()
    if given.table is not None:
        print("\n".join(table(given.table or [*NAMES, *GRADIENTS])))
        return
    torch.set_num_threads(given.threads)
    steps = given.steps or STEPS[given.data]
    for method in given.methods:
        weights = given.weights
        if weights is None or method in WEIGHTLESS:
            weights = [default_weight(method)]
        for weight, seed in itertools.product(weights, given.seeds):
            plan = Plan(
                given.data, given.classes, steps, method, weight, " ".join(given.option), seed
            )
            if given.again or asdict(plan) not in [
                {k: row[k] for k in SAME} for row in stored(RESULTS)
            ]:
                new = run_once(plan, given.folder)
                keep(new, RESULTS, PROTOCOL, SAME)
                print(new[0], flush=True)


def default_weight(method: str) -> float | None:
    weight = inspect.signature(CONDITIONINGS[method]).parameters.get("weight")
    return None if weight is None else float(weight.default)


if __name__ == "__main__":
    main()
