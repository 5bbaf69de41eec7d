"""Does every layer learn, and at a pace that suits its weights?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from cgan_kit.diagnostics.look import Look, scene, untouched
from cgan_kit.training.loop import Record
from cgan_kit.training.step import Players

PREFIX = "layer"
GUIDE = 1e-3
"""‖update‖ / ‖weight‖ of a layer that learns at a common pace, for Adam without decay: a guide
line, not a law. Far above it a layer forgets, far below it stands still."""
_PARAMETRISED = ".parametrizations.weight.original"


@dataclass(frozen=True)
class LayerProbe(Look):
    """Of each linear and convolutional layer of both networks, what its last step looked like.

    Recorded, each under "layer/discriminator.NAME/" or "layer/generator.NAME/":

        weight       ‖W‖ (of the stored matrix, where spectral norm divides it)
        gradient     ‖∂L/∂W‖ of the step just done, penalties and all
        update       ‖ΔW‖ / ‖W‖, ΔW what Adam added in that step; see `GUIDE`
        mean, std    of what the layer puts out, before the nonlinearity
        dead         share of channels that are not above 0 anywhere: behind a ReLU they are silent
        singular     largest singular value of W as a matrix (out, rest); left out under
                     spectral norm, which holds it at 1

    Arguments and errors: those of `Look`.
    """

    def __call__(self, players: Players, step: int) -> Record:
        found: Record = {}
        for player, optimiser in (
            ("discriminator", players.discriminator_optimiser),
            ("generator", players.generator_optimiser),
        ):
            for name, layer in layers(getattr(players.gan, player)):
                of_layer = of_weight(layer, optimiser)
                found |= {f"{PREFIX}/{player}.{name}/{key}": each for key, each in of_layer.items()}
        return found | self.activations(players)

    @torch.no_grad()
    def activations(self, players: Players) -> Record:
        """What the layers of both networks put out on the probes' scene."""
        gan, seen = players.gan, scene(players, self.n)
        with untouched(gan), outputs(gan.generator) as made, outputs(gan.discriminator) as read:
            gan.discriminator(torch.cat([seen.real, gan.generator(seen.latents, seen.labels)]))
        return {
            f"{PREFIX}/{player}.{name}/{key}": value
            for player, of_player in (("discriminator", read), ("generator", made))
            for name, output in of_player.items()
            for key, value in of_output(output).items()
        }


def layers(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """(name, layer) of every linear and convolutional one."""
    kinds = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
    return ((name, each) for name, each in network.named_modules() if isinstance(each, kinds))


def of_weight(layer: nn.Module, optimiser: Optimizer) -> Record:
    """Sizes of a layer's weight matrix, its gradient and its last update."""
    parameters = dict(layer.named_parameters())
    spectral = _PARAMETRISED[1:] in parameters
    weight = parameters[_PARAMETRISED[1:] if spectral else "weight"]
    size = weight.detach().norm()
    found = {"weight": size.item()}
    if weight.grad is not None:
        found["gradient"] = weight.grad.norm().item()
        found["update"] = (last_update(weight, optimiser).norm() / size).item()
    if not spectral:
        matrix = weight.detach().flatten(1)
        found["singular"] = torch.linalg.matrix_norm(matrix, ord=2).item()
    return found


def last_update(weight: Tensor, optimiser: Optimizer) -> Tensor:
    """ΔW that Adam has just made, computed again from its moments (Kingma & Ba 2015, section 2)."""
    state, group = optimiser.state[weight], optimiser.param_groups[0]
    beta_1, beta_2 = group["betas"]
    taken = float(state["step"])
    mean = state["exp_avg"] / (1 - beta_1**taken)
    square = state["exp_avg_sq"] / (1 - beta_2**taken)
    update: Tensor = -group["lr"] * mean / (square.sqrt() + group["eps"])
    return update


@contextmanager
def outputs(network: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Within it each layer's output is kept, by the layer's name; the hooks go at the end."""
    kept: dict[str, Tensor] = {}

    def keep(name: str, output: Tensor) -> None:
        kept[name] = output

    hooks = [
        layer.register_forward_hook(lambda _, __, output, name=name: keep(name, output))
        for name, layer in layers(network)
    ]
    try:
        yield kept
    finally:
        for hook in hooks:
            hook.remove()


def of_output(output: Tensor) -> Record:
    """Mean and standard deviation of a layer's output (n, C, ...), and its dead share."""
    others = [axis for axis in range(output.ndim) if axis != 1]
    return {
        "mean": output.mean().item(),
        "std": output.std().item(),
        "dead": (output.amax(dim=others) <= 0).float().mean().item(),
    }
