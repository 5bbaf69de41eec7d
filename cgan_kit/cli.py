"""The command line: train a run on a server, sample from it, look at what it is.

    python -m cgan_kit train digits --size 16 --conditioning projection --steps 1000
    python -m cgan_kit train --preset cifar10-reacgan --data folder:PATH
    python -m cgan_kit resume runs/digits-projection-001
    python -m cgan_kit sample runs/digits-projection-001 --out grid.png
    python -m cgan_kit info runs/digits-projection-001
    python -m cgan_kit tensorboard runs/digits-projection-001

The same functions as in a notebook, which opens what is trained here: `Run(folder)`.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cgan_kit import data, grids, metrics, models, pictures
from cgan_kit.asked import (
    ADVERSARIALS,
    CONDITIONINGS,
    check_batch,
    check_gan,
    check_training,
    find_set,
    is_out_of_memory,
    load_data,
    load_parts,
    make_gan,
    make_precision,
    make_recipe,
    parse_option,
)
from cgan_kit.checks import check_seed
from cgan_kit.data.places import data_root
from cgan_kit.metrics.evaluate import MAX_REFERENCE
from cgan_kit.training import DivergedError, Precision, Recipe, Run, Sampler, Training, finish
from cgan_kit.training.distributed import place
from cgan_kit.training.events import write_events
from cgan_kit.training.presets import PRESETS, SETTINGS
from cgan_kit.writing import write_bytes

PROGRAM = "python -m cgan_kit"
INTERRUPTED = 130  # what shells report for a program that Ctrl-C ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments ask; returns the exit code: 0, 2 for an error, 130 for Ctrl-C."""
    given = make_parser().parse_args(arguments)
    try:
        code: int = given.command(given)
    except (ValueError, OSError, ImportError, DivergedError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        reason = str(error).rpartition("DefaultCPUAllocator: ")[2].partition(". ")[0]
        print(
            f"error: {reason or 'out of memory'}; what was saved before is whole. A smaller "
            "--batch-size, --width, --latent-dim, --rows or -n takes less "
            "(docs/cluster.md, Out of memory?)",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print(f"Interrupted {given.interrupted}.", file=sys.stderr)
        return INTERRUPTED
    return code


def make_parser() -> argparse.ArgumentParser:
    """The parser with its commands.

    Each sets `command`, a function of the arguments, and `interrupted`, what Ctrl-C left.
    """
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Train class-conditional GANs.")
    commands = parser.add_subparsers(
        metavar="train | resume | sample | evaluate | info | tensorboard", required=True
    )
    _add_train(commands.add_parser("train", help="train on a data set and write a run"))
    _add_resume(commands.add_parser("resume", help="go on with a run exactly where it stopped"))
    _add_sample(commands.add_parser("sample", help="draw a grid: one z a row, one class a column"))
    _add_evaluate(commands.add_parser("evaluate", help="measure a run on images it never saw"))
    _add_info(commands.add_parser("info", help="what a run is, or what this machine has"))
    _add_tensorboard(commands.add_parser("tensorboard", help="a run's curves for TensorBoard"))
    return parser


def _add_train(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("data", nargs="?", help=f"{', '.join(data.names())} or folder:PATH")
    add("--data", dest="set", metavar="DATA", help="the same, beside --preset")
    add("--preset", metavar="NAME", choices=PRESETS,
        help="a published training: "
        f"{', '.join(SETTINGS)}; each with -acgan, -projection, -contragan, -adcgan or "
        "-reacgan")  # fmt: skip
    add("--size", type=int, help="side of the images in pixels; the set's own by default")
    add("--option", action="append", default=[], metavar="NAME=VALUE", type=parse_option,
        help="another option of the set, such as classes=20; may be repeated")  # fmt: skip
    add("--all", action="store_true",
        help="train on the whole set; by default a fifth is held out for the metrics")  # fmt: skip
    _add_gan(parser)
    _add_recipe(parser)
    add("--folder", help="where the run is written; a new one under runs/ by default")
    add("--checkpoints", type=int, default=12, help="how many (%(default)s)")
    add("--save-minutes", type=float, default=5.0,
        help="what resuming needs is saved this often besides (%(default)s)")  # fmt: skip
    add("--seed", type=int, default=0, help="of weights, data order and z (%(default)s)")
    add("--precision", choices=("float32", "bfloat16"), help="by default a short trial decides")
    add("--graphs", action="store_true", help="record steps and play them back, on CUDA alone")
    add("--device", help="cpu, cuda, cuda:1; the GPU by default where there is one")
    parser.set_defaults(command=train, interrupted="before the first step; no run was written")


def _add_gan(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("the GAN").add_argument
    add("--model", choices=("dcgan", "resnet", "biggan"),
        help="for images: dcgan (the default) for 8 to 64 px, others for 32, 64, 128")  # fmt: skip
    add("--width", type=int, help="channels next to the image, or their unit; units of a layer "
        "for points")  # fmt: skip
    add("--discriminator-width", type=int,
        help="for images; dcgan: twice --width by default, others: the same")  # fmt: skip
    add("--latent-dim", type=int, help="length of z")
    add("--depth", type=int, help="resnet, biggan: residual blocks at each size of the maps (1)")
    add("--embedding-dim", type=int, help="biggan: length of a class's vector (128)")
    add("--spectral-norm", action=argparse.BooleanOptionalAction,
        help="on by default for resnet and biggan; else in the discriminator alone")  # fmt: skip
    add("--conditioning", choices=CONDITIONINGS, help="(projection)")
    add("--weight", type=float, help="of the class loss; the method's own by default")
    add("--dial", action="append", metavar="NAME=VALUE", type=parse_option,
        help="another number of the method, such as temperature=0.25; may be repeated; an unknown "
        "one lists those there are")  # fmt: skip
    add("--adversarial", choices=ADVERSARIALS, help="(relativistic)")


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    recipe = Recipe()
    add = parser.add_argument_group("the recipe (in brackets: without a preset)").add_argument
    add("--steps", type=int, help="generator updates (1000)")
    add("--batch-size", type=int, help=f"of all processes together ({recipe.batch_size})")
    add("--learning-rate", type=float, help=f"({recipe.learning_rate})")
    add("--discriminator-learning-rate", type=float, help="the same rate by default")
    add(
        "--gamma",
        type=float,
        help="of the penalty R1 + R2 (0.05; try 0.2 at 32 px); 0 for no penalty",
    )
    add("--ema-decay", type=float, help=f"({recipe.ema_decay})")
    add("--ema-start", type=int,
        help=f"the step up to which the average is a copy ({recipe.ema_start})")  # fmt: skip
    add("--discriminator-steps", type=int,
        help=f"a generator update ({recipe.discriminator_steps})")  # fmt: skip
    add("--flips", action=argparse.BooleanOptionalAction,
        help="mirror half of the real images: for photographs (no)")  # fmt: skip


def _add_resume(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="the run's folder")
    parser.add_argument("--steps", type=int, help="a new total; the planned one by default")
    parser.add_argument("--data", help="folder:PATH, where the run's images have moved")
    parser.add_argument("--device", help="cpu, cuda, cuda:1")
    parser.set_defaults(
        command=resume, interrupted="before a further step; what was saved is whole"
    )


def _add_sample(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("run", help="the run's folder")
    add("--out", default="grid.png", help="the picture to write (%(default)s)")
    add("--rows", type=int, default=8, help="how many z (%(default)s)")
    add("--step", type=int, help="of the checkpoint; the last one by default")
    add("--seed", type=int, default=0, help="of z (%(default)s)")
    add("--truncation", type=float, default=float("inf"), help="bound on z; none by default")
    parser.set_defaults(command=sample, interrupted="before the picture was written")


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("run", help="the run's folder")
    add("--step", type=int, help="of the checkpoint; the last one by default")
    add("-n", type=int, help=f"images on each side; all by default, {MAX_REFERENCE} at most")
    add("--slow", action="store_true", help="the rows that take longer, too")
    add("--seed", type=int, default=0, help="of z, and of the classifier (%(default)s)")
    add("--out", help="write the report there as JSON, too")
    add("--data", help="folder:PATH, where the run's images have moved")
    add("--held-out", metavar="DATA",
        help="images of the run's classes that it never saw, such as folder:PATH, in place of "
        "the fifth that training held out; its options are the run's")  # fmt: skip
    add("--option", action="append", default=[], metavar="NAME=VALUE", type=parse_option,
        help="another option of --held-out, such as split=test; may be repeated")  # fmt: skip
    add("--device", help="cpu, cuda, cuda:1; the GPU by default where there is one")
    parser.set_defaults(command=evaluate, interrupted="before the report was finished")


def _add_info(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", help="the run's folder; without it, this machine")
    parser.set_defaults(command=info, interrupted="while looking; nothing was changed")


def _add_tensorboard(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="the run's folder")
    parser.set_defaults(command=tensorboard, interrupted="before the curves were written")


def train(given: argparse.Namespace) -> int:
    """`train DATA`: build the GAN, train it, say where the run is."""
    preset = PRESETS.get(given.preset)
    steps = given.steps if given.steps is not None else preset.steps if preset else 1000
    recipe = make_recipe(given)
    name, options = find_set(given)
    check_gan(given, name, options)
    check_training(given, recipe, steps)
    whole = load_data(name, options)
    chosen = whole if given.all else whole.split()[0]
    check_batch(recipe, chosen, whole)
    training = Training(
        make_gan(given, chosen),
        chosen,
        steps=steps,
        recipe=recipe,
        folder=given.folder,
        checkpoints=given.checkpoints,
        save_minutes=given.save_minutes,
        seed=given.seed,
        precision=make_precision(given),
        device=given.device,
        graphs=given.graphs,
    )
    _say(f"{chosen}{'' if given.all else f' ({len(whole) - len(chosen):,} held out)'}")
    return _finish(training)


def resume(given: argparse.Namespace) -> int:
    """`resume RUN`: go on where it stopped."""
    moved = Run(given.run).load_data(given.data) if given.data else None
    return _finish(Training.resume(given.run, steps=given.steps, data=moved, device=given.device))


def sample(given: argparse.Namespace) -> int:
    """`sample RUN`: fixed z down, classes across, as one PNG."""
    run = Run(given.run)
    if len(run.sample_shape) != 3:
        raise ValueError(f"run {given.run!r} made points, not images; plot run.sample(...) instead")
    out = check_out(given.out, ".png", "the grid is a PNG")
    latents = grids.fixed_latents(given.rows, run.latent_dim, check_seed(given.seed))
    latents = models.truncate(latents, given.truncation)

    def draw(z: Tensor, y: Tensor) -> Tensor:
        return run.sample(z, y, given.step)

    images = grids.sample_grid(draw, latents, range(run.num_classes))
    scale = pictures.fitting_scale(run.sample_shape)
    tiled = pictures.tile(images, run.num_classes, scale=scale)
    write_bytes(out, pictures.to_png(pictures.frame(tiled, run.class_names)))
    step = run.steps[-1] if given.step is None else given.step
    print(f"{out}: {given.rows} z down, {run.num_classes} classes across, at step {step:,}")
    return 0


def evaluate(given: argparse.Namespace) -> int:
    """`evaluate RUN`: the report. Under torchrun all share the images, and the first speaks."""
    run = Run(given.run)
    out = None if given.out is None else check_out(given.out, ".json", "the report is JSON")
    check_seed(given.seed)
    if len(run.sample_shape) != 3:
        raise ValueError(f"run {given.run!r} made points; measure it with metrics.count_modes")
    train, held_out = load_parts(given, run)
    sampler = Sampler(run, given.device)
    train, held_out = train.to(sampler.device), held_out.to(sampler.device)
    judge = metrics.train_classifier(train, held_out, seed=given.seed)
    sampler.shard.share(judge)
    space = metrics.classifier_features(judge)
    report = metrics.evaluate(
        sampler,
        (train, held_out),
        n=given.n,
        seed=given.seed,
        step=given.step,
        classifier=judge,
        features=replace(space, embed=partial(sampler.shard.in_parts, space.embed)),
        metrics=metrics.METRICS + metrics.SLOW_METRICS if given.slow else metrics.METRICS,
    )
    _say(str(report))
    if out is not None and sampler.shard.rank == 0:
        report.save(out)
    return 0


def info(given: argparse.Namespace) -> int:
    """`info` or `info RUN`."""
    lines = describe_machine() if given.run is None else describe_run(Run(given.run))
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        print(f"{name:<{width}}  {value}")
    return 0


def tensorboard(given: argparse.Namespace) -> int:
    """`tensorboard RUN`: its history as event files, beside it."""
    print(f"See it with: tensorboard --logdir {write_events(Run(given.run))}")
    return 0


def check_out(path: str, ending: str, because: str) -> Path:
    """A path that can be written to, found out before anything is made."""
    out = Path(path)
    if out.suffix.lower() != ending:
        raise ValueError(f"--out is {path!r}; {because}: give a name that ends in {ending}")
    if not out.parent.is_dir():
        raise ValueError(f"--out is {path!r}, but there is no folder {str(out.parent)!r}; make it")
    if out.is_dir() or not os.access(out.parent, os.W_OK):
        raise ValueError(f"--out is {path!r}, which may not be written; choose another place")
    return out


def describe_run(run: Run) -> list[tuple[str, str]]:
    """What `info RUN` prints: (name, value) pairs."""
    plan, gan, source = (run.config[part] for part in ("training", "gan", "data"))
    history = [record for record in run.history() if "d_loss" in record]
    last = (
        ", ".join(f"{name} {value:.4g}" for name, value in history[-1].items()) if history else ""
    )
    return [
        ("run", str(run.folder)),
        ("data", f"{source['name']} {source['options']}, {source['samples']:,} samples"),
        ("classes", f"{run.num_classes}: {', '.join(run.class_names[:12])}"),
        *((part, _described(gan[part])) for part in ("generator", "discriminator", "conditioning")),
        ("adversarial", gan["adversarial"]),
        ("recipe", ", ".join(f"{name} {value}" for name, value in plan["recipe"].items())),
        ("precision", str(Precision(**plan["precision"]))),
        ("steps", f"{run.steps[-1] if run.steps else 0:,} of {plan['steps']:,} done"),
        ("checkpoints", ", ".join(map(str, run.steps))),
        ("last record", last),
    ]


def _described(description: dict[str, Any]) -> str:
    arguments = {name: value for name, value in description.items() if name != "class"}
    return f"{description['class']}({', '.join(f'{k}={v}' for k, v in arguments.items())})"


def describe_machine() -> list[tuple[str, str]]:
    """What `info` prints: (name, value) pairs."""
    # Imported here because torchvision takes seconds that training does not need.
    from cgan_kit.data.torchvision_sets import NAMES as DOWNLOADED

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    offline = [name for name in data.names() if name not in DOWNLOADED]
    return [
        ("cgan-kit", _version("cgan-kit")),
        ("python", platform.python_version()),
        ("torch", _version("torch")),
        ("torchvision", _version("torchvision")),
        ("device", ", ".join(gpus) or "cpu (no GPU)"),
        ("threads", f"{torch.get_num_threads()} of {os.cpu_count()} cores"),
        ("data folder", str(data_root())),
        ("works offline", ", ".join([*offline, "folder:PATH"])),
        ("downloads", ", ".join(DOWNLOADED)),
    ]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed, run from its folder"


def _finish(training: Training) -> int:
    _say(f"training into {training.folder}")
    run = finish(training)
    if training.step < training.steps:
        _say(f"Go on with: {PROGRAM} resume {run.folder}")
        return INTERRUPTED
    _say(f"{run!r}. See it with: {PROGRAM} sample {run.folder}")
    return 0


def _say(line: str) -> None:
    """Of several processes that train together, the first speaks for all."""
    if place().rank == 0:
        print(line, flush=True)
