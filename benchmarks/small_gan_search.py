"""The search behind the defaults of `Recipe` and `GAN.for_images`.

Every variant changes one thing of the base and gets the same number of steps on one thread;
the CPU seconds it took stand beside it.

    python benchmarks/small_gan_search.py --data digits --variants base 'batch: 32'
    python benchmarks/small_gan_search.py --table

Results are added to benchmarks/results/small_gan_search.json, one row a (data, variant, seed).
An earlier round, around another base, is kept in small_gan_search_first_round.json.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

import cgan_kit as kit
from cgan_kit.losses import R1, R1R2
from cgan_kit.metrics import neighbours, train_classifier
from cgan_kit.models import DCGANDiscriminator, DCGANGenerator, draw_latents
from cgan_kit.models.interfaces import Judgement
from cgan_kit.training.average import averaged_copy, decay_at, update_average
from cgan_kit.training.gan import seeded
from cgan_kit.training.run import sample
from cgan_kit.training.step import make_players, training_step

CLASSIFIERS = Path("runs/classifiers")
RESULTS = Path(__file__).parent / "results" / "small_gan_search.json"


class WithBatchStatistics(DCGANDiscriminator):
    """One more input channel: how much the images of a group of eight differ (Karras 2018)."""

    def __init__(self, sample_shape: tuple[int, ...], width: int) -> None:
        channels, height, _ = sample_shape
        super().__init__((1, height, height) if channels == 1 else sample_shape, width)
        self.halvings[0] = torch.nn.Conv2d(channels + 1, width, 4, stride=2, padding=1)

    def forward(self, samples: Tensor) -> Judgement:
        groups = samples.unflatten(0, (-1, 8))
        spread = (groups.var(dim=1) + 1e-8).sqrt().mean(dim=(1, 2, 3))
        extra = spread.repeat_interleave(8)[:, None, None, None].expand_as(samples[:, :1])
        return super().forward(torch.cat([samples, extra], dim=1))


class WithShifts(DCGANDiscriminator):
    """Every image, real or fake, is moved by up to one pixel first (Zhao et al. 2020)."""

    def forward(self, samples: Tensor) -> Judgement:
        dy, dx = torch.randint(0, 3, (2,)).tolist()
        padded = F.pad(samples, (1, 1, 1, 1), value=-1.0)
        size = samples.shape[-1]
        return super().forward(padded[..., dy : dy + size, dx : dx + size])


@dataclass(frozen=True)
class Variant:
    """The base is what the search ended with: the defaults of the kit."""

    recipe: kit.Recipe = field(default_factory=kit.Recipe)
    adversarial: kit.losses.AdversarialLoss = kit.losses.relativistic
    conditioning: str = "Projection"
    weight: float | None = None
    width: int = 16
    d_width: int = 32
    latent_dim: int = 32
    spectral_norm: bool = False
    discriminator: type[DCGANDiscriminator] = DCGANDiscriminator
    final_rate: float = 1.0


def variants() -> dict[str, Variant]:
    base = Variant()

    def recipe(**changes: Any) -> Variant:
        return replace(base, recipe=replace(base.recipe, **changes))

    return {
        "base": base,
        "penalty: gamma 0.02": recipe(penalty=R1R2(0.02)),
        "penalty: gamma 0.1": recipe(penalty=R1R2(0.1)),
        "penalty: gamma 0.3": recipe(penalty=R1R2(0.3)),
        "penalty: R1 alone, gamma 0.1": recipe(penalty=R1(0.1)),
        "rate: 1e-3": recipe(learning_rate=1e-3),
        "rate: 4e-3": recipe(learning_rate=4e-3),
        "rate: falls to a twentieth": replace(base, final_rate=0.05),
        "rate: 1e-3, gamma 0.1": recipe(learning_rate=1e-3, penalty=R1R2(0.1)),
        "average: decay 0.99": recipe(ema_decay=0.99),
        "average: decay 0.995": recipe(ema_decay=0.995),
        "batch: 32": recipe(batch_size=32),
        "batch: 128": recipe(batch_size=128),
        "first beta: 0.5": recipe(betas=(0.5, 0.99)),
        "width: discriminator 16": replace(base, d_width=16),
        "width: discriminator 48": replace(base, d_width=48),
        "width: generator 24, discriminator 48": replace(base, width=24, d_width=48),
        "loss: non-saturating": replace(base, adversarial=kit.losses.non_saturating),
        "loss: hinge": replace(base, adversarial=kit.losses.hinge),
        "loss: hinge, spectral norm, no penalty": replace(
            recipe(penalty=None), adversarial=kit.losses.hinge, spectral_norm=True
        ),
        "minibatch statistics": replace(base, discriminator=WithBatchStatistics),
        "augmentation: shifts": replace(base, discriminator=WithShifts),
    }


def build(variant: Variant, data: kit.data.ImageSet, seed: int) -> kit.GAN:
    method = getattr(kit.losses, variant.conditioning)
    conditioning = method() if variant.weight is None else method(weight=variant.weight)
    shape, d_width = data.sample_shape, variant.d_width
    with seeded(seed):
        generator = DCGANGenerator(data.num_classes, shape, variant.latent_dim, variant.width)
        if variant.discriminator is DCGANDiscriminator:
            judge = DCGANDiscriminator(shape, d_width, variant.spectral_norm)
        else:
            judge = variant.discriminator(shape, d_width)
        return kit.GAN(generator, judge, conditioning, variant.adversarial)


def search(data_name: str, name: str, seed: int, steps: int, folder: Path) -> dict[str, Any]:
    variant = variants()[name]
    train, held_out = kit.data.load(data_name, size=16).split()
    gan = build(variant, train, seed).train()
    average = averaged_copy(gan.generator)
    players = make_players(gan, train, variant.recipe, kit.training.FLOAT32, seed)
    start = time.process_time()
    for step in range(1, steps + 1):
        share = (step - 1) / steps
        rate = variant.recipe.learning_rate * (1 - share * (1 - variant.final_rate))
        for optimiser in (players.discriminator_optimiser, players.generator_optimiser):
            optimiser.param_groups[0]["lr"] = rate
        training_step(players)
        update_average(average, gan.generator, decay_at(step, variant.recipe.ema_decay))
    seconds = time.process_time() - start
    grid_random = torch.Generator().manual_seed(0)
    latents = draw_latents(8, gan.latent_dim, grid_random)
    classes = torch.arange(train.num_classes)
    grid = sample(average, latents.repeat_interleave(len(classes), 0), classes.repeat(8))
    save_grid(grid, folder / f"{data_name}-{name.replace(':', '')}-{seed}.png", len(classes))
    return {
        "data": data_name,
        "variant": name,
        "seed": seed,
        "steps": steps,
        "cpu_seconds": round(seconds, 1),
        **measure(average, train, held_out, seed),
    }


def measure(
    generator: kit.models.Generator,
    train: kit.data.ImageSet,
    held_out: kit.data.ImageSet,
    seed: int,
) -> dict[str, float]:
    """Samples for the held-out labels against the held-out images; real training images too."""
    classifier = train_classifier(train, held_out, folder=CLASSIFIERS)
    random = torch.Generator().manual_seed(1000 + seed)
    latents = draw_latents(len(held_out), generator.latent_dim, random)
    fakes = sample(generator, latents, held_out.labels)
    pick = torch.randperm(len(train), generator=random)[: len(held_out)]
    reference = classifier.features(held_out.images)
    ours = neighbours(reference, classifier.features(fakes))
    real = neighbours(reference, classifier.features(train.images[pick]))
    measured = {
        "accuracy": float((classifier.predict(fakes) == held_out.labels).double().mean()),
        "precision": ours.precision,
        "recall": ours.recall,
        "coverage": ours.coverage,
        "coverage_share": ours.coverage / real.coverage,
        "variance_share": within_variance(fakes, held_out.labels)
        / within_variance(held_out.images, held_out.labels),
    }
    if hasattr(held_out, "oracle"):
        reading = held_out.oracle().read(fakes)
        measured["oracle_accuracy"] = float((reading.labels == held_out.labels).double().mean())
        measured["recognisable"] = float(reading.recognisable.double().mean())
        measured["distance"] = float(reading.distance.mean())
    return {key: round(value, 4) for key, value in measured.items()}


def within_variance(images: Tensor, labels: Tensor) -> float:
    flat = images.float().flatten(1)
    return float(torch.stack([flat[labels == k].var(dim=0).sum() for k in labels.unique()]).mean())


def save_grid(images: Tensor, path: Path, columns: int) -> None:
    from torchvision.utils import make_grid, save_image

    path.parent.mkdir(parents=True, exist_ok=True)
    grid = make_grid(images.float() / 255, nrow=columns, padding=1, pad_value=0.3)
    save_image(F.interpolate(grid[None], scale_factor=3, mode="nearest"), path)


def keep(row: dict[str, Any]) -> None:
    rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    same = ("data", "variant", "seed", "steps")
    rows = [old for old in rows if any(old[key] != row[key] for key in same)]
    rows.append(row)
    lines = ",\n ".join(json.dumps(r) for r in sorted(rows, key=lambda r: [r[k] for k in same]))
    aside = RESULTS.with_suffix(f".{os.getpid()}")
    aside.write_text(f"[{lines}]\n")
    os.replace(aside, RESULTS)


def table() -> None:
    rows = json.loads(RESULTS.read_text())
    columns = ["data", "variant", "seed", "steps", "cpu_seconds"]
    columns += ["accuracy", "coverage_share", "precision", "recall", "variance_share"]
    columns += ["oracle_accuracy", "recognisable"]
    print("  ".join(columns))
    for row in rows:
        print("  ".join(str(row.get(key, "–")).rjust(len(key)) for key in columns))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="digits", choices=["digits", "shapes"])
    parser.add_argument("--variants", nargs="+", default=["base"], choices=list(variants()))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--grids", type=Path, default=Path("runs/search"))
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    if arguments.table:
        return table()
    torch.set_num_threads(1)
    for name in arguments.variants:
        for seed in arguments.seeds:
            row = search(arguments.data, name, seed, arguments.steps, arguments.grids)
            keep(row)
            print(row, flush=True)
    return None


if __name__ == "__main__":
    main()
