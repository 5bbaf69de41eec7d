"""Everything a training needs to go on exactly where it stopped, as named tensors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim import Optimizer

from cgan_kit.models import Generator
from cgan_kit.training.files import load_part, part_tensors
from cgan_kit.training.step import Players

PARTS = ("generator", "discriminator", "conditioning")


def weights_of(players: Players, averaged: Generator) -> dict[str, Tensor]:
    """The weights of all parts, the averaged generator's among them: what a checkpoint holds."""
    weights = part_tensors(averaged, "averaged")
    for part in PARTS:
        weights |= part_tensors(getattr(players.gan, part), part)
    return weights


def progress_of(players: Players, step: int) -> dict[str, Tensor]:
    """What the weights leave out: the step, chance, data order, the optimisers' moments."""
    progress = {
        "step": torch.tensor(step),
        "random": players.random.get_state(),
        **{f"batches.{key}": value for key, value in players.batches.state().items()},
    }
    for name, optimiser in _optimisers(players):
        for number, moments in optimiser.state_dict()["state"].items():
            progress |= {f"{name}.{number}.{key}": value for key, value in moments.items()}
    return progress


def restore(players: Players, averaged: Generator, state: dict[str, Tensor]) -> int:
    """Put back what `weights_of` and `progress_of` gave; returns the step.

    Raises:
        ValueError: a state of another model, or of another kind of device.
    """
    load_part(averaged, state, "averaged")
    for part in PARTS:
        load_part(getattr(players.gan, part), state, part)
    if state["random"].shape != players.random.get_state().shape:
        raise ValueError(
            "the run was trained on another kind of device than "
            f"{str(players.random.device)!r}, whose random numbers cannot go on here; "
            "give device= the kind it was trained on, or train again"
        )
    players.random.set_state(state["random"])
    players.batches.restore(_under("batches", state))
    for name, optimiser in _optimisers(players):
        parameters = [each for group in optimiser.param_groups for each in group["params"]]
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in _under(name, state).items():
            number, moment = key.split(".")
            if moment != "step":
                value = _laid_out(f"{name}.{key}", value, parameters[int(number) :])
            moments.setdefault(int(number), {})[moment] = value
        optimiser.load_state_dict(optimiser.state_dict() | {"state": moments})
    return int(state["step"])


def _under(name: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    lead = f"{name}."
    return {key.removeprefix(lead): state[key] for key in state if key.startswith(lead)}


def _laid_out(key: str, moment: Tensor, parameters: list[Tensor]) -> Tensor:
    """The fused Adam takes it for granted that moments lie in memory as their weights do.

    Arguments:
        parameters: the one that the moment belongs to comes first.
    """
    if not parameters or moment.shape != parameters[0].shape:
        raise ValueError(
            f"the state's {key!r} is of another model; use the state together with the "
            "config.json it was written beside"
        )
    return torch.empty_like(parameters[0]).copy_(moment)


def _optimisers(players: Players) -> list[tuple[str, Optimizer]]:
    return [
        ("d_optimiser", players.discriminator_optimiser),
        ("g_optimiser", players.generator_optimiser),
    ]
