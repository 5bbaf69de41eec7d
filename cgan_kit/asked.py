"""What the arguments of the command line ask for: a set, a GAN, a recipe; and what cannot be.

What can be found wrong without the samples is found before they are decoded.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from cgan_kit import data, losses, metrics, models
from cgan_kit.checks import check_counts, check_seed
from cgan_kit.data import ImageSet, LabelledSet, PointSet
from cgan_kit.data.places import data_root
from cgan_kit.data.resize import check_size
from cgan_kit.losses import AdversarialLoss, Conditioning
from cgan_kit.losses.checks import check_weight
from cgan_kit.models import Discriminator, Generator
from cgan_kit.training import GAN, Precision, Recipe, Run
from cgan_kit.training.checks import check_settings, choose_device
from cgan_kit.training.distributed import place
from cgan_kit.training.files import check_writable
from cgan_kit.training.gan import seeded
from cgan_kit.training.loop import check_free, spread_checkpoints
from cgan_kit.training.presets import PRESETS

CONDITIONINGS: dict[str, Callable[..., Conditioning]] = {
    "none": losses.NoConditioning,
    "concatenation": losses.Concatenation,
    "projection": losses.Projection,
    "acgan": losses.ACGAN,
    "acgan-real-only": partial(losses.ACGAN, real_only=True),
    "acgan-normalised-features": losses.ACGANNormalisedFeatures,
    "acgan-normalised": losses.ACGANNormalised,
    "contragan": losses.ContraGAN,
    "reacgan": losses.ReACGAN,
    "reacgan-reference": losses.ReACGANReference,
    "tacgan": losses.TACGAN,
    "adcgan": losses.ADCGAN,
    "amgan": losses.AMGAN,
    "frozen-classifier": losses.FrozenClassifier,
}
WEIGHTLESS = ("none", "concatenation", "projection")
POINT_SETS = ("gaussians",)
FOR_IMAGES = ("preset", "size", "model", "discriminator_width", "depth", "embedding_dim")
# The sides in pixels that the networks of a kind make.
SIDES = {
    "dcgan": models.dcgan.SIZES,
    "resnet": tuple(models.residual.GENERATOR_CHANNELS),
    "biggan": tuple(models.residual.GENERATOR_CHANNELS),
}
# What the networks of a kind do not have, so that it cannot be asked for.
MEANINGLESS = {
    "dcgan": ("depth", "embedding_dim"),
    "resnet": ("embedding_dim",),
    "biggan": (),
}
# What a preset settles.
SETTLED = (
    *("model", "depth", "embedding_dim", "spectral_norm"),
    *("conditioning", "weight", "dial", "adversarial"),
)
ADVERSARIALS = {
    pair.name.replace("_", "-"): pair
    for pair in vars(losses).values()
    if isinstance(pair, AdversarialLoss)
}


def load_data(name: str, options: dict[str, Any]) -> LabelledSet:
    """`data.load`, with downloads that fail told as what they are."""
    try:
        return data.load(name, **options)
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        raise ValueError(str(error)) from error


def load_parts(given: argparse.Namespace, run: Run) -> tuple[ImageSet, ImageSet]:
    """(what the run was trained on, images of the same classes that it never saw)."""
    written = run.config["data"]
    if given.held_out is not None:
        held_out = load_held_out(given, run)
        train = run.load_data(given.data)
    elif given.option:
        raise ValueError(f"--option is {given.option[0]}, which is for --held-out; leave it out")
    elif written["origin"] == {}:
        raise ValueError(
            "the run was trained on the whole set; name images that it has not seen, such as "
            "--held-out folder:PATH, or train without --all, which holds a fifth out"
        )
    else:
        train, held_out = run.load_split(given.data)
    assert isinstance(train, ImageSet)
    assert isinstance(held_out, ImageSet)
    return train, held_out


def load_held_out(given: argparse.Namespace, run: Run) -> LabelledSet:
    """The set that --held-out names, made like the run's."""
    written, name = run.config["data"], given.held_out
    like = dict(written["options"])
    if name.partition(":")[0] != written["name"].partition(":")[0]:
        like = {"size": run.sample_shape[-1]}
        if name.startswith("folder:"):
            like["channels"] = run.sample_shape[0]
    options = like | dict(given.option)
    if name in (written["name"], given.data) and options == written["options"]:
        raise ValueError(
            f"--held-out is {name!r}, which the run was trained on; name images that it has not "
            "seen, or leave --held-out out to use those that were held out"
        )
    held_out = load_data(name, options)
    pairs = itertools.zip_longest(held_out.class_names, run.class_names, fillvalue="(none)")
    different = next((pair for pair in pairs if pair[0] != pair[1]), None)
    if different or held_out.sample_shape != run.sample_shape:
        found = (
            f"class {different[0]!r} where the run has {different[1]!r}"
            if different
            else f"samples of {held_out.sample_shape} where the run has {run.sample_shape}"
        )
        raise ValueError(
            f"--held-out is {name!r}, which has {found}; give the run's {run.num_classes} "
            "classes in its order, at its size"
        )
    return held_out


def find_set(given: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """(name, options) of the set that the arguments ask for."""
    name, options = find_name(given), dict(given.option)
    if given.size is not None:
        options["size"] = given.size
    elif given.preset:
        options.setdefault("size", PRESETS[given.preset].setting.size)
    return name, options


def find_name(given: argparse.Namespace) -> str:
    """The set's name: given in one place, or the preset's own."""
    if given.data and given.set:
        raise ValueError(f"data is {given.data!r} and --data is {given.set!r}; give one of them")
    own = PRESETS[given.preset].setting.data if given.preset else ""
    name: str = given.data or given.set or own
    if name:
        return name
    if given.preset:
        title = PRESETS[given.preset].setting.title
        raise ValueError(
            f"--preset is {given.preset}, but the kit cannot load {title} by itself; "
            "give --data folder:PATH, where each folder of images is a class"
        )
    raise ValueError(f"data is missing; give {', '.join(data.names())} or folder:PATH")


def parse_option(text: str) -> tuple[str, Any]:
    """ "classes=20" -> ("classes", 20); "pair=a,b" -> ("pair", ("a", "b"))."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as size=32")
    if "," in value:
        return key, tuple(_parse_value(part) for part in value.split(","))
    return key, _parse_value(value)


def _parse_value(text: str) -> Any:
    """Python's numbers, True, False and None; any other word is a string."""
    try:
        return ast.literal_eval({"true": "True", "false": "False"}.get(text, text))
    except (ValueError, SyntaxError):
        return text


def dials_of(conditioning: str) -> dict[str, Any]:
    """What can be set of a method besides its weight: name -> default."""
    make = CONDITIONINGS[conditioning]
    settled = getattr(make, "keywords", {})  # of a partial
    return {
        each.name: each.default
        for each in inspect.signature(make).parameters.values()
        if each.name not in ("weight", *settled) and each.default is not each.empty
    }


def check_method(conditioning: str, weight: float | None, dials: dict[str, Any]) -> None:
    """What a method does not take, or refuses, is found before data is loaded."""
    if weight is not None:
        check_weight(weight)
        if conditioning in WEIGHTLESS:
            raise ValueError(
                f"--weight is {weight} but {conditioning} adds no loss to weigh; "
                "leave it out, or choose another --conditioning, such as acgan"
            )
    own = dials_of(conditioning)
    named_so = ", ".join(f"{name}={value}" for name, value in own.items())
    listed = f"the dials of {conditioning} are {named_so}" if own else "it has none"
    for dial in dials:
        if dial not in own:
            raise ValueError(f"--dial is {dial}, which is no dial of {conditioning}; {listed}")
    if dials:
        try:
            CONDITIONINGS[conditioning](**dials)
        except ValueError as error:
            raise ValueError(f"--dial: {error} ({listed})") from error


def make_conditioning(given: argparse.Namespace, chosen: LabelledSet) -> Conditioning:
    """The conditioning that is asked for; a frozen classifier is trained first."""
    make = CONDITIONINGS[given.conditioning or "projection"]
    if make is losses.FrozenClassifier:
        if not isinstance(chosen, ImageSet):
            raise ValueError(
                "--conditioning is frozen-classifier, which reads images, but the set has "
                "points; choose another one, such as acgan"
            )
        # Seed 0 is the one that metrics judge with: the generator must not have seen it.
        classifier = metrics.train_classifier(chosen, seed=1, folder=data_root() / "classifiers")
        make = partial(make, classifier)
    return make(**dict(given.dial or ()), **named(given, "weight"))


def make_recipe(given: argparse.Namespace) -> Recipe:
    """The preset's recipe or the kit's, with what the arguments change."""
    recipe = PRESETS[given.preset].recipe if given.preset else Recipe()
    names = ("batch_size", "learning_rate", "discriminator_learning_rate", "ema_decay")
    changes = named(given, *names, "ema_start", "discriminator_steps", "flips")
    if given.gamma is not None:
        changes["penalty"] = losses.R1R2(given.gamma) if given.gamma else None
    return replace(recipe, **changes)


def make_precision(given: argparse.Namespace) -> Precision | None:
    """The number format asked for; on a GPU bfloat16 is fast with channels last alone."""
    if given.precision is None:
        return None
    bfloat16 = given.precision == "bfloat16"
    on_gpu = choose_device(given.device).type == "cuda"
    return Precision(bfloat16, channels_last=bfloat16 and on_gpu)


def make_gan(given: argparse.Namespace, data: LabelledSet) -> GAN:
    """The pair that fits the set, with what the arguments change."""
    sizes = named(given, "width", "latent_dim", "discriminator_width")
    if given.preset and isinstance(data, ImageSet):
        return PRESETS[given.preset].gan(data, seed=given.seed, **sizes)
    conditioning = make_conditioning(given, data)
    adversarial = ADVERSARIALS[given.adversarial or "relativistic"]
    if given.model in ("resnet", "biggan"):
        return make_residual_gan(given, data, conditioning, adversarial)
    build: Callable[..., GAN] = GAN.for_points if isinstance(data, PointSet) else GAN.for_images
    spectral_norm = bool(given.spectral_norm)
    return build(
        data, conditioning, adversarial, spectral_norm=spectral_norm, seed=given.seed, **sizes
    )


def make_residual_gan(
    given: argparse.Namespace,
    data: LabelledSet,
    conditioning: Conditioning,
    adversarial: AdversarialLoss,
) -> GAN:
    """SNGAN's pair or BigGAN's; what the arguments leave out is as published."""
    made = named(given, "width", "depth", "latent_dim")
    judge = named(given, "width", "depth", "spectral_norm")
    if given.discriminator_width is not None:
        judge["width"] = given.discriminator_width
    pair: tuple[Callable[..., Generator], Callable[..., Discriminator]]
    if given.model == "resnet":
        pair = models.ResNetGenerator, models.ResNetDiscriminator
    else:
        pair = models.BigGANGenerator, models.BigGANDiscriminator
        made |= named(given, "embedding_dim", "spectral_norm")
    with seeded(given.seed):
        return GAN(
            pair[0](data.num_classes, data.sample_shape, **made),
            pair[1](data.sample_shape, **judge),
            conditioning,
            adversarial,
        )


def named(given: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Those of the arguments that were given, by name."""
    values = {name: getattr(given, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def check_gan(given: argparse.Namespace, name: str, options: dict[str, Any]) -> None:
    """What the GAN cannot be, whatever the samples are: found before they are decoded."""
    if name in POINT_SETS:
        for argument, value in named(given, *FOR_IMAGES).items():
            raise ValueError(
                f"{flag(argument)} is {value}, which is for images, but {name} are points; "
                "leave it out, or choose a set of images"
            )
    else:
        check_family(given, options)
    if given.preset:
        for argument, value in named(given, *SETTLED).items():
            raise ValueError(
                f"{flag(argument)} is {value}, but --preset is {given.preset}, "
                "which settles it; leave one of them out"
            )
    check_method(given.conditioning or "projection", given.weight, dict(given.dial or ()))
    counts = "width", "discriminator_width", "latent_dim", "depth", "embedding_dim"
    check_counts(**named(given, *counts))


def check_family(given: argparse.Namespace, options: dict[str, Any]) -> None:
    """What a kind of networks for images does not have, and the sides that it does not make."""
    family = given.model or ("biggan" if given.preset else "dcgan")
    for argument, value in named(given, *MEANINGLESS[family]).items():
        raise ValueError(
            f"{flag(argument)} is {value}, which {family} networks do not have; leave it out"
        )
    if "size" in options:
        check_size(f"the {family} pair", options["size"], SIDES[family])


def check_training(given: argparse.Namespace, recipe: Recipe, steps: int) -> None:
    """What a training cannot be, and where it cannot go, whatever the samples are."""
    check_counts(steps=steps)
    spread_checkpoints(given.checkpoints, steps)
    check_settings(recipe, None, given.save_minutes)
    check_seed(given.seed)
    choose_device(given.device)
    place().check_batch(recipe.batch_size)
    if place().rank:  # rank 0 alone writes
        return
    if given.folder is None:
        check_writable(Path("runs"))
    else:
        check_free(given.folder)


def flag(argument: str) -> str:
    """latent_dim -> --latent-dim."""
    return f"--{argument.replace('_', '-')}"


def check_batch(recipe: Recipe, chosen: LabelledSet, whole: LabelledSet) -> None:
    """Who counts the images in a folder must see why fewer are there to train on."""
    if len(chosen) < recipe.batch_size:
        held_out = len(whole) - len(chosen)
        why = f": of {len(whole)}, {held_out} are held out (with --all none)" if held_out else ""
        raise ValueError(
            f"--batch-size is {recipe.batch_size}, but there are {len(chosen)} samples to train "
            f"on{why}; give {len(chosen)} at most, or add images"
        )


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory is what was missing: for a CPU's, torch has no class of errors."""
    said = ("DefaultCPUAllocator", "can't allocate memory", "Storage size calculation overflowed")
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(
        each in str(error) for each in said
    )
