"""AC-GAN beside projection: one network, one recipe, three seeds, several weights.

    python benchmarks/small_gan.py --data digits --method ACGAN --weights 0.1 1 --seeds 0 1 2
    python benchmarks/small_gan.py --data shapes --method Projection
    python benchmarks/small_gan.py --table

Rows are added to benchmarks/results/small_gan.json. Everything is the kit's default but for
the method, its weight and the seed. Each number has the value of as many real images beside
it, in the row of method "real"; the protocol is in the file.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from statistics import mean
from typing import Any

import torch

import cgan_kit as kit
from cgan_kit import metrics

RESULTS = Path(__file__).parent / "results" / "small_gan.json"
STEPS = {"digits": 1000, "shapes": 3600}
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
    "data": "16 px, grey; trained on the training part of split(held_out=0.2, seed=0)",
    "network": "GAN.for_images with its defaults, Recipe with its defaults, float32",
    "samples": "as many as held-out images, of their classes; averaged generator, running "
    "batch-norm statistics",
    "reference": "the held-out images",
    "features": "classifier of the training part, one for all runs of a data set (seed 0)",
    "k": 5,
    "real": "training images against the reference (precision, recall, coverage, variance); "
    "the reference itself (the others)",
}


def run_once(
    data: str, method: str, weight: float | None, seed: int, steps: int, folder: Path
) -> list[dict[str, Any]]:
    """Train, measure, and return the run's row and that of real images."""
    train, held_out = kit.data.load(data, size=16).split(held_out=0.2, seed=0)
    conditioning = getattr(kit.losses, method)
    gan = kit.GAN.for_images(
        train, conditioning() if weight is None else conditioning(weight=weight), seed=seed
    )
    name = f"{data}-{method}-{'' if weight is None else weight}-{seed}-{steps}"
    start = time.perf_counter()
    run = kit.train(
        gan, train, steps=steps, folder=folder / name, seed=seed, precision=kit.Precision()
    )
    seconds = time.perf_counter() - start
    judge = metrics.train_classifier(train, held_out, folder=folder / "classifiers")
    report = metrics.evaluate(run, (train, held_out), classifier=judge, seed=seed)
    grid = kit.plots.class_grid(run, rows=8)
    (folder / f"{name}.png").write_bytes(kit.plots.to_png(grid))
    common = {"data": data, "steps": steps}
    found = {short: report.values[long] for short, long in NAMES.items() if long in report.values}
    row = {**common, "method": method, "weight": weight, "seed": seed}
    row |= {short: round(value.generated, 4) for short, value in found.items()}
    row |= {"minutes": round(seconds / 60, 2), "threads": torch.get_num_threads()}
    real = {**common, "method": "real", "weight": None, "seed": seed}
    real |= {short: round(value.real, 4) for short, value in found.items()}
    return [row, real]


def keep(new: list[dict[str, Any]]) -> None:
    """Add rows to the file, in place of older ones of the same run."""
    rows = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else []
    same = ("data", "method", "weight", "seed", "steps")
    for row in new:
        rows = [old for old in rows if any(old[key] != row[key] for key in same)] + [row]
    rows.sort(key=lambda row: [str(row[key]) for key in same])
    lines = ",\n  ".join(json.dumps(row) for row in rows)
    protocol = json.dumps(PROTOCOL | {"torch": str(torch.__version__)}, indent=1)
    aside = RESULTS.with_suffix(f".{os.getpid()}")
    aside.write_text(f'{{"protocol": {protocol},\n "rows": [\n  {lines}\n]}}\n')
    os.replace(aside, RESULTS)


def table() -> None:
    """Means over seeds, with the lowest and the highest."""
    rows = json.loads(RESULTS.read_text())["rows"]
    for key in sorted({(r["data"], r["method"], str(r["weight"])) for r in rows}):
        group = [r for r in rows if (r["data"], r["method"], str(r["weight"])) == key]
        cells = []
        for name in NAMES:
            if name in group[0]:
                found = [r[name] for r in group]
                cells.append(f"{name} {mean(found):.3f} [{min(found):.3f}, {max(found):.3f}]")
        print(*key, f"({len(group)} seeds):", "; ".join(cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="digits", choices=list(STEPS))
    parser.add_argument("--method", default="Projection", choices=["Projection", "ACGAN"])
    parser.add_argument("--weights", nargs="+", type=float, default=[1.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, help="the default is the file's own for each set")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--folder", type=Path, default=Path("runs/small_gan"))
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    if arguments.table:
        return table()
    torch.set_num_threads(arguments.threads)
    weights = [None] if arguments.method == "Projection" else arguments.weights
    for weight in weights:
        for seed in arguments.seeds:
            rows = run_once(
                arguments.data,
                arguments.method,
                weight,
                seed,
                arguments.steps or STEPS[arguments.data],
                arguments.folder,
            )
            keep(rows)
            print(rows[0], flush=True)
    return None


if __name__ == "__main__":
    main()
