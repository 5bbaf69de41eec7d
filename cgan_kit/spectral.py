"""Spectral normalisation: a layer's weight divided by its largest singular value.

The value comes from a power iteration that is one step long and is taken up again each time
(Miyato et al. 2018, arXiv:1802.05957, algorithm 1): weights move little in a step, so it
keeps up. The step is taken in passes from which the weight is going to learn, and in no
others. One discriminator call on real and fake images together, and one generator call with
gradient, are then one iteration for each update of a weight: none while the generator makes
fakes for the discriminator, none in the discriminator while the generator learns, and none
when samples are drawn. A penalty that asks the discriminator again, such as WGANGP, adds one;
a head that is asked about real and about fake images in turn, such as AC-GAN's, takes two.
`torch.nn.utils.parametrizations.spectral_norm` iterates in every pass in training mode.

Models and losses both use it; neither knows the other.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

ITERATIONS_AT_START = 15


def add_spectral_norm(network: nn.Module) -> None:
    """Hold the largest singular value of each convolution and each linear layer at 1, in place.

    Embeddings within the network stay free; an embedding given by itself is held. To be called
    when the weights have their initial values.
    """
    layers = [each for each in network.modules() if isinstance(each, (nn.Conv2d, nn.Linear))]
    for layer in [network] if isinstance(network, nn.Embedding) else layers:
        register_parametrization(layer, "weight", SpectralNorm(layer.weight))


class SpectralNorm(nn.Module):
    """W -> W / σ(W), W read as a matrix with one row an output.

    Holds v, the right singular vector of the largest singular value; σ(W) = ‖W v‖, and its
    slope u vᵀ leaves v constant, as in the paper: at the largest singular value that is exact.

    Arguments:
        weight: the layer's initial weight, float (outputs, ...).
    """

    v: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        matrix = weight.detach().flatten(1)
        v = torch.randn_like(matrix[0])
        for _ in range(ITERATIONS_AT_START):
            v = iterate(matrix, v)
        self.register_buffer("v", v)

    def forward(self, weight: Tensor) -> Tensor:
        """weight (outputs, ...) -> the same shape and format, under autocast too."""
        with torch.autocast(weight.device.type, enabled=False):
            matrix = weight.flatten(1)
            if self.training and weight.requires_grad and torch.is_grad_enabled():
                with torch.no_grad():
                    iterate(matrix, self.v, out=self.v)
            # A copy, for the next iteration writes over v; and an averaged v is shorter than 1.
            v = F.normalize(self.v, dim=0)
            normalised: Tensor = weight / (matrix @ v).norm()
        return normalised


def iterate(matrix: Tensor, v: Tensor, out: Tensor | None = None) -> Tensor:
    """matrix (m, n), v (n,) -> WᵀW v / ‖WᵀW v‖, nearer to the first right singular vector."""
    return F.normalize(matrix.T @ (matrix @ v), dim=0, out=out)
