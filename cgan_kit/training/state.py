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
    """Put back what `weights_of` and `progress_of` gave; returns the step."""
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
            moments.setdefault(int(number), {})[moment] = _laid_out(value, parameters[int(number)])
        optimiser.load_state_dict(optimiser.state_dict() | {"state": moments})
    return int(state["step"])


def _under(name: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    lead = f"{name}."
    return {key.removeprefix(lead): state[key] for key in state if key.startswith(lead)}


def _laid_out(moment: Tensor, parameter: Tensor) -> Tensor:
    """The fused Adam takes it for granted that moments lie in memory as their weights do."""
    if moment.shape != parameter.shape:
        return moment
    return torch.empty_like(parameter).copy_(moment)


def _optimisers(players: Players) -> list[tuple[str, Optimizer]]:
    return [
        ("d_optimiser", players.discriminator_optimiser),
        ("g_optimiser", players.generator_optimiser),
    ]
