"""When does AC-GAN's classifier explode, what does that cost, and which cure cures what?

    python benchmarks/explosion/study.py --dials learning_rate game --seeds 0 1 2
    python benchmarks/explosion/study.py --table

One base, held fixed; one dial moved at a time; everything else as in `Setting`. Rows are added to
points.json beside this file: for every run the early and late value and the peak of each curve,
and how good its samples are. docs/explosion.md tells what follows from them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from interventions import clipped, fakes_too, fixed_length
from laboratory import Laboratory
from rows import spread
from torch import Tensor

import cgan_kit as kit
from cgan_kit import losses
from cgan_kit.asked import CONDITIONINGS
from cgan_kit.diagnostics import ClassifierProbe, GradientShare, SampleProbe
from cgan_kit.diagnostics.curves import curve, ratio
from cgan_kit.training import DivergedError

RESULTS = Path(__file__).parent / "points.json"
EVERY = 20
CURVES = {
    "norm": "classifier/feature_norm_real",
    "p": "classifier/p_real",
    "product": "classifier/product_real",
    "head_gradient": "classifier/head_gradient",
    "variance": "sample/pixel_variance",
    "accuracy": "sample/oracle_accuracy",
}
PROTOCOL = {
    "data": "gaussians: 10,000 points, layout and classes as in the row; the fresh points that "
    "samples are compared with are as many as the samples",
    "network": "GAN.for_points: two hidden layers of 64 and z of 8, but for what the row says",
    "early, late, peak": "medians over the first fifth of the looks without the first one and over "
    "the last third; the largest of all looks; a look every 20 steps at 128 points",
    "samples": "2,000 of the averaged generator, classes in turn",
    "spread": "standard deviation within a class over the true one, mean over classes and axes",
    "w1": "Wasserstein-1 distance to fresh points within a class, mean over classes and axes, in "
    "true standard deviations; floor: of fresh against fresh points",
}


@dataclass(frozen=True)
class Setting:
    """Everything that a run depends on, but its seed. The defaults are the base."""

    method: str = "acgan"
    options: dict[str, Any] = field(default_factory=dict)
    layout: str = "ring"
    classes: int = 8
    deviation: float | None = None
    noise: float = 0.0
    game: str = "relativistic"
    gamma: float | None = 0.05
    learning_rate: float = 2e-3
    batch_size: int = 64
    width: int = 64
    depth: int = 2
    spectral_norm: bool = False
    steps: int = 600
    intervention: str = ""


WEAK = Setting(game="wasserstein", gamma=None, learning_rate=0.02, noise=0.5)
"""Where explosions happen: a linear game that nothing bounds, a high rate, labels half random."""
OVERLAP = Setting(layout="line", classes=3, steps=1500)
"""Three normals at -2, 0 and 2 with standard deviation 1: the classes overlap."""


def moved(base: Setting, **dials: list[Any]) -> list[Setting]:
    """The base with each value of one dial."""
    ((name, values),) = dials.items()
    return [replace(base, **{name: value}) for value in values]


METHODS = [
    "acgan", "acgan-normalised-features", "acgan-normalised", "reacgan", "reacgan-reference",
    "contragan", "projection", "adcgan", "tacgan",
]  # fmt: skip
MARGINS = {"margin_positive": 1.0, "margin_negative": -1.0}
GAMES = [  # with R1R2's γ, and whether D has spectral norm
    ("relativistic", 0.05, False),
    ("relativistic", None, False),
    ("hinge", None, False),
    ("hinge", None, True),
    ("non_saturating", None, False),
    ("wasserstein", None, False),
    ("wasserstein", None, True),
]
STUDIES: dict[str, list[Setting]] = {
    # Question 1: when does it grow, and which factor drives it?
    "game": [
        replace(Setting(), game=game, gamma=gamma, spectral_norm=spectral)
        for game, gamma, spectral in GAMES
    ],
    "learning_rate": moved(replace(WEAK, noise=0.0), learning_rate=[2e-3, 5e-3, 1e-2, 2e-2, 3e-2]),
    "learning_rate, bounded game": moved(
        replace(Setting(), game="hinge", gamma=None), learning_rate=[2e-3, 1e-2, 3e-2]
    ),
    "noise": moved(replace(WEAK, learning_rate=0.01), noise=[0.0, 0.5, 0.8]),
    "classes": moved(Setting(), classes=[2, 8, 32]),
    "weight": [replace(Setting(), options={"weight": w}) for w in (0.1, 1.0, 10.0, 100.0)],
    "classes, 8 axes": moved(Setting(layout="sphere"), classes=[2, 8, 32, 100]),
    "depth": moved(WEAK, depth=[1, 2, 4]),
    "width": moved(WEAK, width=[16, 64, 256]),
    "batch": moved(WEAK, batch_size=[16, 64, 256]),
    "depth, bounded game": moved(Setting(), depth=[1, 2, 4]),
    "width, bounded game": moved(Setting(), width=[16, 64, 256]),
    "batch, bounded game": moved(Setting(), batch_size=[16, 64, 256]),
    # Question 2: does it cause the damage, or accompany it?
    "interventions": moved(
        WEAK, intervention=["", "clip", "fix length", "no class loss", "swap to normalised"]
    ),
    "class loss taken away": [
        *moved(WEAK, intervention=["", *(f"no class loss at {n}" for n in (50, 100, 200, 300))]),
        replace(WEAK, method="none"),
    ],
    # Question 3: what does each cure change?
    "cures": [
        *moved(WEAK, method=METHODS),
        replace(WEAK, spectral_norm=True),
        replace(WEAK, options={"spectral_norm": True}),  # of the head alone
        replace(WEAK, options={"weight": 0.1}),
        replace(WEAK, gamma=0.05),
        replace(WEAK, method="acgan-normalised", options={"temperature": 0.5}),
    ],
    # AC-GAN's classifier learns from fakes, too; D2D-CE's judge does not. Is that the cure?
    "fakes": [
        *(
            replace(base, method=method, options={"real_only": True})
            for base in (WEAK, replace(WEAK, noise=0.0), replace(WEAK, layout="sphere"))
            for method in ("acgan", "acgan-normalised-features", "acgan-normalised")
        ),
        *(
            replace(base, method=method, intervention="fakes too")
            for base in (WEAK, replace(WEAK, noise=0.0), replace(WEAK, layout="sphere"))
            for method in ("reacgan", "contragan")
        ),
        *moved(replace(WEAK, noise=0.0), method=["acgan-normalised", "reacgan", "contragan"]),
    ],
    "cures, 8 axes": [
        *moved(replace(WEAK, layout="sphere"), method=METHODS),
        replace(WEAK, layout="sphere", spectral_norm=True),
        replace(WEAK, layout="sphere", gamma=0.05),
    ],
    "methods": moved(Setting(), method=METHODS),
    "methods, 32 classes": moved(Setting(classes=32), method=METHODS),
    # Question 4: who shrinks classes that overlap?
    "overlap": moved(OVERLAP, method=[*METHODS, "none"]),
    "overlap, weight": [replace(OVERLAP, options={"weight": w}) for w in (0.01, 0.1, 1.0, 10.0)],
    "overlap, ring": moved(
        Setting(classes=10, deviation=0.6, steps=1500), method=["acgan", "reacgan", "projection"]
    ),
    # Question 5: what of D2D-CE is normalisation, what the margins, what the negatives?
    "parts of D2D-CE": [
        replace(Setting(), method="acgan-normalised", options={"temperature": 0.5}),
        replace(Setting(), method="reacgan"),
        replace(Setting(), method="reacgan", options=MARGINS),
        replace(Setting(), method="reacgan", options={**MARGINS, "weight": 0.1}),
        replace(Setting(), method="reacgan", options={"weight": 0.1}),
        replace(Setting(), method="contragan", options={"temperature": 0.5}),
    ],
}


def run_once(setting: Setting, seed: int) -> dict[str, Any]:
    """Train, and say in numbers what happened."""
    given = {"standard_deviation": setting.deviation} if setting.deviation else {}
    data = kit.data.load("gaussians", layout=setting.layout, classes=setting.classes, **given)
    train = kit.data.with_label_noise(data, setting.noise) if setting.noise else data
    gan = build(setting, train, seed)
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            trained(each, train, setting, steps, EVERY, seed, Path(folder) / str(part))
            for part, (each, steps) in enumerate(phases(gan, setting))
        ]
        row: dict[str, Any] = {"setting": asdict(setting), "seed": seed}
        row |= summary(join([run.history() for run in runs])) | quality(runs[-1], data, seed)
    return row


def build(setting: Setting, data: kit.data.PointSet, seed: int) -> kit.GAN:
    """The GAN of the setting, with the interventions that change a network."""
    conditioning = CONDITIONINGS[setting.method](**setting.options)
    if setting.intervention == "clip":
        conditioning = clipped(conditioning, limit=0.5)
    if setting.intervention == "fakes too":
        conditioning = fakes_too(conditioning)
    with kit.training.gan.seeded(seed):
        generator = kit.models.MLPGenerator(
            data.num_classes, data.sample_shape, 8, setting.width, setting.depth
        )
        discriminator = kit.models.MLPDiscriminator(
            data.sample_shape, setting.width, setting.depth, setting.spectral_norm
        )
        if setting.intervention == "fix length":
            fixed_length(discriminator, 5.0)
        game = getattr(losses, setting.game)
        return kit.GAN(generator, discriminator, conditioning, game)


def phases(gan: kit.GAN, setting: Setting) -> Iterator[tuple[kit.GAN, int]]:
    """The whole training; or its first half, or as many steps as named, and another class loss."""
    if not setting.intervention.startswith(("swap", "no class")):
        yield gan, setting.steps
        return
    last = setting.intervention.split()[-1]
    first = int(last) if last.isdecimal() else setting.steps // 2
    yield gan, first
    after = losses.ACGAN(weight=0.0)
    if setting.intervention.startswith("swap"):
        after = losses.ACGANNormalised()
    with kit.training.gan.seeded(0):
        swapped = kit.GAN(gan.generator, gan.discriminator, after, gan.adversarial)
    yield swapped, setting.steps - first


def trained(
    gan: kit.GAN, data: Any, setting: Any, steps: int, every: int, seed: int, folder: Path
) -> kit.Run:
    """The recipe of the row and all probes; a run that diverged ends there."""
    training = kit.Training(
        gan,
        data,
        steps=steps,
        recipe=kit.Recipe(
            batch_size=setting.batch_size,
            learning_rate=setting.learning_rate,
            penalty=None if setting.gamma is None else losses.R1R2(setting.gamma),
        ),
        folder=folder,
        probes=[ClassifierProbe(every), GradientShare(every), SampleProbe(every)],
        checkpoints=1,
        log_every=every,
        seed=seed,
        precision=kit.Precision(),
    )
    with suppress(DivergedError):  # the history says so
        for _ in training:
            pass
    return training.run


def join(histories: list[list[dict[str, float]]]) -> list[dict[str, float]]:
    """The phases' histories as one, steps counted on."""
    whole: list[dict[str, float]] = []
    for history in histories:
        done = whole[-1]["step"] if whole else 0
        whole += [record | {"step": record["step"] + done} for record in history]
    return whole


def summary(history: list[dict[str, float]]) -> dict[str, Any]:
    """curve -> [early, late, peak]; curves that a method does not have are left out."""
    curves = {name: curve(history, key) for name, key in CURVES.items()}
    curves["trunk_share"] = ratio(history, "share/trunk_head", "share/trunk_score")
    curves["image_share"] = ratio(history, "share/image_head", "share/image_score")
    return {
        name: [each.early, each.late, max(each.values)] for name, each in curves.items() if each
    }


def quality(run: kit.Run, data: kit.data.Gaussians, seed: int, n: int = 2000) -> dict[str, float]:
    """Samples beside fresh points, class by class."""
    labels = torch.arange(n) % data.num_classes
    made = kit.metrics.draw_samples(run, labels, seed=seed)
    fresh, more = data.draw(labels, seed=seed + 1000), data.draw(labels, seed=seed + 2000)
    return {
        "spread": relative_spread(made, labels, data.standard_deviation),
        "w1": wasserstein(made, fresh, labels) / data.standard_deviation,
        "w1_floor": wasserstein(more, fresh, labels) / data.standard_deviation,
    }


def relative_spread(points: Tensor, labels: Tensor, truth: float) -> float:
    of_class = [points[labels == k].std(dim=0).mean() / truth for k in labels.unique()]
    return float(torch.stack(of_class).mean())


def wasserstein(points: Tensor, others: Tensor, labels: Tensor) -> float:
    """On each axis the mean distance of the sorted coordinates; mean over axes and classes."""
    of_class = [
        (points[labels == k].sort(dim=0).values - others[labels == k].sort(dim=0).values).abs()
        for k in labels.unique()
    ]
    return float(torch.stack([each.mean() for each in of_class]).mean())


COLUMNS = ("norm", "p", "product", "head_gradient", "trunk_share", "variance", "accuracy")


def cells(rows: list[dict[str, Any]]) -> Iterator[str]:
    for name in COLUMNS:
        kept = [row[name] for row in rows if name in row]
        change = name in ("norm", "product", "head_gradient")
        if not kept:
            yield "–"
        elif change:
            yield f"{mean(e for e, _, _ in kept):.2g} → {spread([late for _, late, _ in kept])}"
        else:
            yield spread([late for _, late, _ in kept])
    yield spread([row["spread"] for row in rows])
    floor = mean(row["w1_floor"] for row in rows)
    yield f"{spread([row['w1'] for row in rows])} ({floor:.2g})"


LABORATORY = Laboratory(
    RESULTS, PROTOCOL, STUDIES, run_once, [*COLUMNS, "spread", "w1 (floor)"], cells
)


if __name__ == "__main__":
    LABORATORY.main(__doc__)
