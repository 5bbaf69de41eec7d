"""What methods learn from photographs while they train: class, variety and distance against time.

    python benchmarks/photographs.py FOLDER --name cifar10 --steps 2000
    python benchmarks/photographs.py FOLDER --name cifar10 --preset cifar10 --steps 15000 --graphs
    python benchmarks/photographs.py --table
    python benchmarks/photographs.py --name cifar10 --steps 1000 --picture docs/photographs.png

FOLDER has train/ and test/, in each a sub-folder a class. Without --preset the pair is DCGAN's with
the kit's recipe, which a CPU can follow; with it, the published pair and recipe of that setting.
--name stands in the rows, where a path would say nothing. A step takes --batch images in each of
the discriminator's turns. Rows are added to benchmarks/results/photographs.json, one for each
checkpoint; the protocol is in it. The runs stay under --folder, to be looked at.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rows import Row, digits, keep, spread, stored

import cgan_kit as kit
from cgan_kit import metrics
from cgan_kit.asked import CONDITIONINGS
from cgan_kit.training.checks import choose_device
from cgan_kit.training.presets import PRESETS, SETTINGS

RESULTS = Path(__file__).parent / "results" / "photographs.json"
SIZE = 32
GAMMA = 0.2  # of R1 and R2 at 32 px: see docs/networks.md
JUDGE_STEPS = 3000
NAMES = (
    "class accuracy (classifier)",
    "recall",
    "coverage",
    "within-class pixel variance",
    "Fréchet distance",
    "class-aware Fréchet distance",
)
SAME = ("data", "preset", "method", "width", "batch", "steps", "seed", "step")
PROTOCOL = {
    "data": f"photographs at {SIZE} px, RGB: trained on all of train/, measured against test/",
    "preset": "'' is DCGAN's pair and the kit's recipe, relativistic game, R1 + R2 with γ "
    f"{GAMMA}, float32 on a CPU; a name, the published pair, game and recipe of that setting",
    "width": "of the preset's pair; 0 is each pair's own",
    "minutes": "by the clock, of training alone, up to this checkpoint; on a CPU beside other work",
    "measures": "n samples and n held-out images, as many of each class; averaged generator, "
    f"running batch-norm statistics; features of a classifier of train/ ({JUDGE_STEPS:,} steps, "
    "seed 0), so these Fréchet distances are not FID; k = 5",
    "real": "under the same name with _real: as many images of train/ in place of the generated",
}


@dataclass(frozen=True)
class Plan:
    """One training: what is varied, and nothing else."""

    data: str
    preset: str
    method: str
    width: int
    batch: int
    steps: int
    seed: int

    @property
    def name(self) -> str:
        return "-".join(str(value) for value in asdict(self).values() if value != "")

    def start(self, train: kit.data.ImageSet, folder: Path, given: argparse.Namespace) -> Any:
        """The training, its checkpoints evenly spaced."""
        recipe = kit.Recipe(batch_size=self.batch, penalty=kit.losses.R1R2(GAMMA))
        if self.preset:
            preset = PRESETS[f"{self.preset}-{self.method}"]
            gan = preset.gan(train, width=self.width or None, seed=self.seed)
            recipe = replace(preset.recipe, batch_size=self.batch)
        else:
            conditioning = CONDITIONINGS[self.method]()
            gan = kit.GAN.for_images(train, conditioning=conditioning, seed=self.seed)
        shutil.rmtree(folder / self.name, ignore_errors=True)  # of a run that was killed
        on_gpu = choose_device(given.device).type == "cuda"
        return kit.Training(
            gan,
            train,
            steps=self.steps,
            recipe=recipe,
            folder=folder / self.name,
            checkpoints=[self.steps * i // given.checkpoints for i in range(given.checkpoints + 1)],
            seed=self.seed,
            precision=None if on_gpu else kit.Precision(),
            device=given.device,
            graphs=given.graphs,
        )


def minutes_of(training: kit.Training) -> dict[int, float]:
    """Train to the end; checkpoint -> minutes of the clock until it was written."""
    start = time.perf_counter()
    minutes = {}
    with closing(iter(training)) as records:
        for record in records:
            if record["step"] in training.checkpoint_steps:  # a GPU has caught up: it was saved
                minutes[int(record["step"])] = (time.perf_counter() - start) / 60
    return minutes


def rows_of(
    plan: Plan, parts: tuple[Any, Any], judge: metrics.Classifier, given: argparse.Namespace
) -> Iterator[Row]:
    """Train, then measure every checkpoint after the first."""
    training = plan.start(parts[0], given.folder, given)
    minutes = minutes_of(training)
    sampler = kit.training.Sampler(training.run, given.device)
    device = torch.cuda.get_device_name() if sampler.device.type == "cuda" else "cpu, one thread"
    for step, taken in minutes.items():
        report = metrics.evaluate(
            sampler,
            parts,
            n=given.n,
            step=step,
            classifier=judge,
            metrics=[row for row in metrics.METRICS if row.name in NAMES],
            groups=0,
        )
        row: Row = asdict(plan) | {"step": step, "minutes": round(taken, 2), "device": device}
        row |= {"n": given.n, "precision": str(training.players.precision)}
        for name, value in report.values.items():
            row |= {name: digits(value.generated), f"{name}_real": digits(value.real)}
        yield row


def table() -> Iterator[str]:
    """Markdown: means over seeds with the lowest and the highest; real images in brackets."""
    yield (
        "| data | preset | method | width | batch | steps | step | seeds | minutes | "
        + " | ".join(f"{name} (real)" for name in NAMES)
        + " |"
    )
    yield "|---" * (9 + len(NAMES)) + "|"
    group = tuple(name for name in SAME if name != "seed")
    rows = sorted(stored(RESULTS), key=lambda row: [row[name] for name in group])
    for key, same in itertools.groupby(rows, key=lambda row: [row[name] for name in group]):
        each = list(same)
        cells = [*map(str, key), str(len(each)), spread([row["minutes"] for row in each])]
        for name in NAMES:
            cells.append(f"{spread([row[name] for row in each])} ({each[0][f'{name}_real']:.2g})")
        yield "| " + " | ".join(cells) + " |"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", type=Path, nargs="?", metavar="FOLDER")
    parser.add_argument("--name", default="", help="of the data, in the rows")
    parser.add_argument("--preset", default="", choices=list(SETTINGS))
    parser.add_argument(
        "--methods",
        nargs="+",
        default=["acgan", "reacgan", "projection"],
        choices=list(CONDITIONINGS),
    )
    parser.add_argument("--width", type=int, default=0, help="of the preset's pair; 0: published")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--checkpoints", type=int, default=5)
    parser.add_argument("-n", type=int, default=2000, help="images measured on each side")
    parser.add_argument("--device", help="default: the GPU where there is one")
    parser.add_argument("--graphs", action="store_true", help="recorded steps, on a GPU")
    parser.add_argument("--folder", type=Path, default=Path("runs/photographs"))
    parser.add_argument("--table", action="store_true", help="print what is stored")
    parser.add_argument("--picture", type=Path, help="draw the kept runs of the first seed")
    given = parser.parse_args()
    if not given.table and not given.picture and not (given.images and given.name):
        parser.error("give FOLDER and --name, or --table, or --picture")
    return given


def main() -> None:
    given = arguments()
    if given.table:
        print("\n".join(table()))
        return
    plans = [
        Plan(given.name, given.preset, method, given.width, given.batch, given.steps, seed)
        for seed in given.seeds
        for method in given.methods
    ]
    if given.picture:
        first = {
            plan.method: kit.Run(given.folder / plan.name) for plan in plans[: len(given.methods)]
        }
        given.picture.write_bytes(kit.plots.to_png(kit.plots.class_grids(first, rows=6)))
        return
    if choose_device(given.device).type == "cpu":
        torch.set_num_threads(1)
    train, held_out = (
        kit.data.load(f"folder:{given.images / part}", size=SIZE) for part in ("train", "test")
    )
    device = choose_device(given.device)
    parts = train.to(device), held_out.to(device)
    judge = metrics.train_classifier(
        *parts, steps=JUDGE_STEPS, batch_size=128, folder=given.folder / "classifiers"
    )
    print(f"The judge is right on {judge.accuracy:.1%} of the held-out images.")
    for plan in plans:
        done = [row for row in stored(RESULTS) if all(row[k] == v for k, v in asdict(plan).items())]
        if not done:
            rows = list(rows_of(plan, parts, judge, given))
            keep(rows, RESULTS, PROTOCOL, SAME)
            print(rows[-1], flush=True)


if __name__ == "__main__":
    main()
