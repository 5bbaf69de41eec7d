"""The same questions on images: many classes, twice the side, a game without bounds, overlap.

    python benchmarks/explosion/images.py --dials classes --seeds 0 1 2
    python benchmarks/explosion/images.py --table

One base, held fixed; one dial moved at a time. Rows are added to images.json beside this file.
docs/explosion.md tells what follows from them.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from laboratory import Laboratory
from rows import spread
from study import CURVES, summary, trained
from torch import Tensor

import cgan_kit as kit
from cgan_kit import losses, metrics
from cgan_kit.asked import CONDITIONINGS
from cgan_kit.diagnostics import diagnose

RESULTS = Path(__file__).parent / "images.json"
EVERY = 50
SAMPLES = 2000
SAMPLE_ROWS = (
    "class accuracy (oracle)",
    "recognisable share",
    "recall",
    "coverage",
    "within-class pixel variance",
)
PROTOCOL = {
    "data": "rendered, grey; trained on the training part of split(held_out=0.2, seed=0)",
    "network": "GAN.for_images and Recipe with their defaults, but for what the row says; width is "
    "the discriminator's; float32",
    "early, late, peak": "as in points.json; a look every 50 steps at 128 images",
    "samples": f"as many as held-out images, {SAMPLES} at most; averaged generator, running "
    "batch-norm statistics; features of a classifier of the training part (seed 0), k = 5",
    "crossed": "share of 2,000 samples of the two classes that overlap which the oracle reads as "
    "the other one of the two, of those it reads as either",
    "real": "under the same name with _real: as many real images",
    "illnesses": "of the verdict; rows without it are of an earlier version",
}


@dataclass(frozen=True)
class Setting:
    """Everything that a run depends on, but its seed. The defaults are the base."""

    data: str = "glyphs"
    data_options: dict[str, Any] = field(default_factory=lambda: {"classes": 10})
    method: str = "acgan"
    options: dict[str, Any] = field(default_factory=dict)
    game: str = "relativistic"
    gamma: float | None = 0.05
    learning_rate: float = 2e-3
    spectral_norm: bool = False
    pooling: Any = "flat"
    width: int = 32
    batch_size: int = 64
    steps: int = 600
    size: int = 16


METHODS = ["acgan", "acgan-normalised", "reacgan", "projection"]
CROWD = Setting(data_options={"classes": 50})
"""The base with as many classes as a class loss no longer keeps varied."""
WEAK = Setting(data_options={"classes": 50}, game="wasserstein", gamma=None)
"""A linear game that nothing bounds."""
PAPERS = replace(CROWD, game="hinge", gamma=None, spectral_norm=True)
"""The game that ReACGAN's paper has."""
OVERLAP = Setting("shapes", {"overlap": 0.5}, steps=800)
"""Half of the images of two classes are drawn from both together: a quarter is the other shape."""
STUDIES: dict[str, list[Setting]] = {
    # When does it grow? In a bounded game, with more and more classes.
    "classes": [
        Setting(data_options={"classes": classes}, method=method)
        for classes in (2, 10, 50, 100, 200)
        for method in METHODS
    ],
    # With fifty of them, does another network do better?
    "dials": [
        replace(CROWD, pooling="sum"),
        replace(CROWD, pooling="mean"),
        replace(CROWD, width=16),
        replace(CROWD, width=64),
        replace(CROWD, batch_size=16),
        replace(CROWD, batch_size=256),
        replace(CROWD, options={"weight": 0.1}),
        replace(CROWD, options={"weight": 10.0}),
    ],
    # Does a stronger penalty keep them varied?
    "penalty": [
        replace(CROWD, method=method, gamma=gamma) for gamma in (0.2, 1.0) for method in METHODS
    ],
    # And of twice the side?
    "32 px": [replace(CROWD, method=method, size=32) for method in METHODS],
    # Four times the pixels: four times the penalty, as the rule of StyleGAN2-ADA has it?
    "32 px, stronger penalty": [
        replace(CROWD, method=method, size=32, gamma=0.2) for method in METHODS
    ],
    # Without the fakes in the discriminator's class loss, as ReACGAN has it?
    "fakes": [
        replace(base, options={"real_only": True})
        for base in (CROWD, replace(CROWD, steps=3000), WEAK, Setting(), OVERLAP)
    ]
    + [
        Setting(data_options={"classes": classes}, options={"real_only": True})
        for classes in (2, 100, 200)
    ],
    # The papers' game.
    "hinge with spectral norm": [replace(PAPERS, method=method) for method in METHODS],
    # Does time bring what 600 steps did not?
    "3,000 steps": [
        replace(CROWD, method=method, steps=3000) for method in (*METHODS, "adcgan", "none")
    ],
    "10,000 steps, hinge with spectral norm": [
        replace(PAPERS, method=method, steps=10_000) for method in (*METHODS, "none")
    ],
    # The same, as slowly as the papers have it.
    "10,000 steps, hinge with spectral norm, slow": [
        replace(PAPERS, method=method, steps=10_000, learning_rate=2e-4)
        for method in (*METHODS, "none")
    ],
    # Where nothing bounds the game, and what bounds it again.
    "linear game": [
        *(replace(WEAK, method=method) for method in METHODS),
        replace(WEAK, options={"weight": 0.1}),
        replace(WEAK, options={"spectral_norm": True}),  # of the head alone
        replace(WEAK, spectral_norm=True),
        replace(WEAK, gamma=0.05),
    ],
    # Who shrinks classes that overlap?
    "overlap": [
        replace(OVERLAP, method=method) for method in (*METHODS, "adcgan", "tacgan", "none")
    ],
}


@cache
def parts(
    name: str, size: int, options: tuple[tuple[str, Any], ...]
) -> tuple[Any, Any, metrics.Classifier]:
    """(training part, held-out part, a classifier of the first)."""
    whole = kit.data.load(name, size=size, **dict(options))
    train, held_out = whole.split(held_out=0.2, seed=0)
    return train, held_out, metrics.train_classifier(train, held_out)


def run_once(setting: Setting, seed: int) -> dict[str, Any]:
    """Train, and say in numbers what happened."""
    train, held_out, judge = parts(setting.data, setting.size, tuple(setting.data_options.items()))
    gan = build(setting, train, seed)
    with tempfile.TemporaryDirectory() as folder:
        run = trained(gan, train, setting, setting.steps, EVERY, seed, Path(folder) / "run")
        row: dict[str, Any] = {"setting": asdict(setting), "seed": seed}
        row |= summary(run.history())
        row["illnesses"] = list(diagnose(run).illnesses)
        row |= quality(run, (train, held_out), judge)
        if "overlap" in setting.data_options:
            row |= crossing(run, held_out)
        return row


def build(setting: Setting, data: kit.data.ImageSet, seed: int) -> kit.GAN:
    """With the base's dials what `GAN.for_images` makes."""
    with kit.training.gan.seeded(seed):
        return kit.GAN(
            kit.models.DCGANGenerator(data.num_classes, data.sample_shape),
            kit.models.DCGANDiscriminator(
                data.sample_shape, setting.width, setting.spectral_norm, setting.pooling
            ),
            CONDITIONINGS[setting.method](**setting.options),
            getattr(losses, setting.game),
        )


def quality(run: kit.Run, real: tuple[Any, Any], judge: metrics.Classifier) -> dict[str, float]:
    """The rows of the report, of generated images and of as many real ones."""
    rows = [row for row in metrics.METRICS if row.name in SAMPLE_ROWS]
    n = min(SAMPLES, len(real[1]))
    report = metrics.evaluate(run, real, n=n, classifier=judge, metrics=rows, groups=0)
    return {
        key: number
        for name, value in report.values.items()
        for key, number in ((name, value.generated), (f"{name}_real", value.real))
    }


def crossing(run: kit.Run, held_out: kit.data.RenderedSet) -> dict[str, float]:
    """How often one of the two overlapping classes is drawn where the other is asked for."""
    pair = [held_out.class_names.index(name) for name in held_out.options["overlapping"]]
    asked = torch.tensor(pair).repeat(SAMPLES // 2)
    made = metrics.draw_samples(run, asked)
    mixed = torch.isin(held_out.labels, asked)
    oracle = held_out.oracle()
    return {
        "crossed": crossed(oracle.read(made).labels, asked, pair),
        "crossed_real": crossed(
            oracle.read(held_out.images[mixed]).labels, held_out.labels[mixed], pair
        ),
    }


def crossed(read: Tensor, asked: Tensor, pair: list[int]) -> float:
    either = torch.isin(read, torch.tensor(pair))
    return float((read != asked)[either].float().mean())


COLUMNS = [name for name in CURVES if name not in ("accuracy", "variance")] + ["trunk_share"]


def cells(rows: list[dict[str, Any]]) -> Iterator[str]:
    for name in COLUMNS:
        kept = [row[name] for row in rows if name in row]
        late = spread([late for _, late, _ in kept]) if kept else "–"
        early = f"{mean(early for early, _, _ in kept):.2g} → " if kept else ""
        yield early + late
    for name in SAMPLE_ROWS:
        real = mean(row[f"{name}_real"] for row in rows)
        yield f"{spread([row[name] for row in rows])} ({real:.2g})"
    of_pair = [row["crossed"] for row in rows if "crossed" in row]
    yield f"{spread(of_pair)} ({rows[0]['crossed_real']:.2g})" if of_pair else "–"
    read = [row["illnesses"] for row in rows if "illnesses" in row]
    named = Counter(illness for illnesses in read for illness in illnesses)
    found = ", ".join(f"{illness} ({count} of {len(read)})" for illness, count in named.items())
    yield found or ("healthy" if read else "–")


LABORATORY = Laboratory(
    RESULTS,
    PROTOCOL,
    STUDIES,
    run_once,
    [*COLUMNS, *(f"{name} (real)" for name in (*SAMPLE_ROWS, "crossed")), "verdict"],
    cells,
)


if __name__ == "__main__":
    torch.set_num_threads(1)
    LABORATORY.main(__doc__)
