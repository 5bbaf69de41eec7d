"""What can be wrong before a training starts, and during it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Real
from types import ModuleType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from cgan_kit import losses, models
from cgan_kit.checks import is_number, is_whole
from cgan_kit.data import LabelledSet
from cgan_kit.describe import find_class, to_json
from cgan_kit.models import draw_latents
from cgan_kit.training.gan import GAN
from cgan_kit.training.precision import Precision
from cgan_kit.training.recipe import Recipe

P = TypeVar("P")
# A record that holds the two losses is one of a logged step: the bar and the plots go by them.
RESERVED = frozenset({"step", "diverged", "d_loss", "g_loss"})


class DivergedError(ArithmeticError):
    """A quantity of the training step became NaN or infinite."""


def check_fit(gan: GAN, data: LabelledSet) -> None:
    """The data must have the shape and the classes the GAN was built for."""
    if not isinstance(gan, GAN):
        raise ValueError(
            f"gan is a {type(gan).__name__}; give a GAN, such as cgan_kit.GAN.for_images(data)"
        )
    check_data(data)
    if tuple(data.sample_shape) != tuple(gan.generator.sample_shape):
        raise ValueError(
            f"data has samples of shape {data.sample_shape} but the GAN was built for "
            f"{gan.generator.sample_shape}; build it with GAN.for_images(data)"
        )
    if data.num_classes != gan.num_classes:
        raise ValueError(
            f"data has {data.num_classes} classes but the GAN was built for "
            f"{gan.num_classes}; build it with GAN.for_images(data)"
        )
    check_promises(gan)


def check_promises(gan: GAN) -> None:
    """What the parts make of two samples has the shapes that `models` and `losses` promise.

    A score (n, 1) would broadcast with one (n,) to (n, n), and another game would be trained
    without a word. In evaluation mode, where nothing of the kit's changes by being looked at;
    with gradients, for losses that ask for slopes.

    Raises:
        ValueError: naming the part, what it gave and what is promised.
    """
    device = next(gan.parameters()).device
    latents = draw_latents(2, gan.latent_dim, torch.Generator().manual_seed(0)).to(device)
    labels = torch.tensor([0, gan.num_classes - 1], device=device)
    judge, method = gan.discriminator, gan.conditioning
    with looked_at(gan, device), torch.enable_grad():
        images = gan.generator(latents, labels)
        shape = (2, *gan.generator.sample_shape)
        _check_shape("generator", gan.generator, "samples", images, shape)
        said = judge(images)
        adversarial, features = (getattr(said, name, None) for name in ("adversarial", "features"))
        _check_shape("discriminator", judge, "adversarial", adversarial, (2,))
        _check_shape("discriminator", judge, "features", features, (2, judge.feature_dim))
        score = method.score(said.features.float(), labels)
        _check_shape("conditioning", method, "score", score, (2,))
        real, fake = gan.judge_both(images, images, labels)
        d_loss, g_loss = method.discriminator_loss(real, fake), method.generator_loss(fake)
        _check_shape("conditioning", method, "discriminator_loss", d_loss, ())
        _check_shape("conditioning", method, "generator_loss", g_loss, ())


@contextmanager
def looked_at(gan: GAN, device: torch.device) -> Iterator[None]:
    """Within it the GAN is in evaluation mode; then modes and torch's chance are as before."""
    modes = [(module, module.training) for module in gan.modules()]
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            gan.eval()
            yield
    finally:
        for module, training in modes:
            module.training = training


def _check_shape(
    part: str, module: nn.Module, what: str, given: object, shape: tuple[int, ...]
) -> None:
    if isinstance(given, Tensor) and given.shape == shape:
        return
    of = (
        f"of shape {tuple(given.shape)}"
        if isinstance(given, Tensor)
        else f"a {type(given).__name__}"
    )
    where = "losses.Conditioning" if part == "conditioning" else f"models.{part.capitalize()}"
    raise ValueError(
        f"{part} is a {type(module).__name__} whose {what} for 2 samples is {of}; "
        f"give a tensor of shape {shape}, as cgan_kit.{where} promises"
    )


def check_opens_again(gan: GAN, recipe: Recipe) -> None:
    """A run keeps classes by name, with their arguments, and no code: is that enough here?

    Raises:
        ValueError: a part that could not be made again from what a run keeps of it.
    """
    config = json.loads(to_json({"gan": gan.config(), "recipe": recipe.config()}))
    game = gan.adversarial
    if getattr(losses, game.name, None) != game:
        raise ValueError(
            f"adversarial is a loss of the name {game.name!r}, but a run finds it by name in "
            "cgan_kit.losses; give it a name of its own and put it there, here and before the "
            "run is opened: cgan_kit.losses.mine = AdversarialLoss('mine', ...)"
        )
    _check_name("generator", gan.generator, models)
    _check_name("discriminator", gan.discriminator, models)
    _check_name("conditioning", gan.conditioning, losses)
    if recipe.penalty is not None:
        _check_name("penalty", recipe.penalty, losses)
    try:
        Recipe.from_config(config["recipe"])
        # The kit's own do come back, and large ones take their time.
        kits = all(name in models.__all__ + losses.__all__ for name in _classes(config["gan"]))
        again = gan if kits else GAN.from_config(config["gan"])
    except ValueError as error:
        raise ValueError(
            f"a run of these parts could not be opened again ({error.__cause__ or error}); name "
            "every argument of your class in its __init__ and keep it: self.width = width"
        ) from error
    sizes, remade = (
        {key: value.shape for key, value in each.state_dict().items()} for each in (gan, again)
    )
    if sizes != remade:
        different = next(key for key in sizes | remade if sizes.get(key) != remade.get(key))
        raise ValueError(
            f"gan is not what its parts' arguments make (first difference: {different!r}), so a "
            "run of it could not be opened again; build all of a part in its __init__, from "
            "arguments that it keeps"
        )


def _classes(config: dict[str, Any]) -> Iterator[str]:
    """Every class that a description names."""
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _classes(value)
        elif key == "class":
            yield value


def _check_name(part: str, ours: object, among: ModuleType) -> None:
    """The kit's classes come first: one of a person's own must not share a name with them."""
    found = find_class(type(ours).__name__, among)
    kinds = [f"{kind.__module__}.{kind.__qualname__}" for kind in (type(ours), found)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"{part} is a {kinds[0]}, but a run finds classes by name, and by that name "
            f"{kinds[1]}; give yours a name of its own"
        )


def check_data(data: LabelledSet) -> None:
    """Samples with labels, not a bare tensor."""
    if not isinstance(data, LabelledSet):
        raise ValueError(
            f"data is a {type(data).__name__}; give a labelled set, such as "
            "cgan_kit.data.ImageSet(images, labels, class_names)"
        )


def check_settings(recipe: Recipe | None, precision: Precision | None, save_minutes: float) -> None:
    """Objects where objects are asked for, and a time that is a number."""
    if recipe is not None and not isinstance(recipe, Recipe):
        raise ValueError(
            f"recipe is {recipe!r}; give an object, such as cgan_kit.Recipe(batch_size=64), "
            "or leave it out"
        )
    if precision is not None and not isinstance(precision, Precision):
        raise ValueError(
            f"precision is {precision!r}; give an object, such as cgan_kit.Precision() for "
            "float32 or cgan_kit.Precision(bfloat16=True), or leave it out"
        )
    if not is_number(save_minutes) or not save_minutes >= 0:
        raise ValueError(f"save_minutes is {save_minutes!r}; give 0 or more, such as 5")


def choose_device(device: torch.device | str | None) -> torch.device:
    """The device asked for, once it is known to be there; None is the GPU, else the CPU."""
    cuda = torch.cuda.is_available()
    try:
        chosen = torch.device(("cuda" if cuda else "cpu") if device is None else device)
        if chosen.type not in ("cpu", "cuda"):
            torch.zeros((), device=chosen).item()
    # Each kind of device that is not there, or holds no numbers, has an error of its own.
    except (RuntimeError, TypeError, ValueError, AssertionError) as error:
        raise ValueError(f"device is {device!r}; give 'cpu', 'cuda' or 'cuda:1'") from error
    if chosen.type == "cuda" and (not cuda or (chosen.index or 0) >= torch.cuda.device_count()):
        raise ValueError(
            f"device is {str(device)!r}, but PyTorch finds {torch.cuda.device_count()} GPUs here; "
            "leave device out, or give 'cpu'"
        )
    return chosen


def check_probes(probes: Iterable[P], data: LabelledSet) -> tuple[P, ...]:
    """The probes as a tuple, each to be called with players and step every so many steps.

    One that brings images of its own has a method `check(data)`, for the training set.
    """
    if not isinstance(probes, Iterable):
        raise ValueError(f"probes is {probes!r}; give a list of probes: probes=[...]")
    checked = tuple(probes)
    for probe in checked:
        if isinstance(probe, type):
            name = probe.__name__
            raise ValueError(f"probes holds the class {name}; make one: {name}()")
        every = getattr(probe, "every", None)
        if not callable(probe) or not is_whole(every, 1):
            raise ValueError(
                f"probes holds {probe!r} with every = {every!r}; "
                "a probe is called as probe(players, step) every 1 or more steps"
            )
        if hasattr(probe, "check"):
            probe.check(data)
    return checked


def check_seen(probe: object, seen: object, record: Mapping[str, float]) -> dict[str, float]:
    """What a probe returned, ready for the record of a step.

    Raises:
        ValueError: anything but numbers by names of the probe's own.
    """
    who = f"probe {getattr(probe, '__name__', type(probe).__name__)}"
    if not isinstance(seen, Mapping):
        raise ValueError(
            f"{who} returned {seen!r}; give a dict of name -> number, {{}} where there is nothing"
        )
    for name, value in seen.items():
        if not isinstance(name, str) or name in RESERVED or name in record:
            raise ValueError(
                f"{who} returned the name {name!r}, which the record has already or cannot "
                f"hold; give a text of the probe's own, such as 'mine/{name}'"
            )
        if not isinstance(value, Real):
            raise ValueError(
                f"{who} returned a {type(value).__name__} as {name!r}; "
                "give a number: of a tensor, value.item()"
            )
    return {name: value if isinstance(value, int) else float(value) for name, value in seen.items()}


def check_finite_weights(weights: Mapping[str, Tensor], step: int) -> None:
    """Weights can go bad in the very step whose losses were still good."""
    for name, tensor in weights.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise DivergedError(
                f"{name} holds NaN or Inf at step {step}, after a step whose losses were finite; "
                "try a smaller learning_rate, a penalty, or spectral_norm=True. "
                "The last good checkpoint is kept"
            )


def check_finite(values: dict[str, float], step: int) -> None:
    """Stop at the first quantity, in the order a step computes them, that is no number."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise DivergedError(
                f"{name} became {value} at step {step}, the first quantity to go bad; "
                "try a smaller learning_rate, a penalty, or spectral_norm=True. "
                "The last good checkpoint is kept"
            )
