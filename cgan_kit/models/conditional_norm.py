"""Class-conditional batch normalisation: scale and shift looked up, or asked for by a vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConditionalBatchNorm2d(nn.Module):
    """Batch normalisation whose scale and shift are looked up by class.

    h -> gain[y] * (h - mean) / sqrt(variance + eps) + bias[y], mean and variance over the
    batch in training and running averages in evaluation.
    De Vries et al. 2017, arXiv:1707.00683, section 3.2; for GANs Miyato & Koyama 2018.

    Arguments:
        channels: C of the input (n, C, H, W).
        num_classes: K.
    """

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Parameter(torch.ones(num_classes, channels))
        self.bias = nn.Parameter(torch.zeros(num_classes, channels))

    def forward(self, maps: Tensor, labels: Tensor) -> Tensor:
        """maps (n, C, H, W), labels int64 (n,) -> (n, C, H, W)."""
        normalised: Tensor = self.norm(maps)
        # A table is not under autocast: float32 from it would make float32 of the maps.
        gain = self.gain[labels][:, :, None, None].to(normalised.dtype)
        bias = self.bias[labels][:, :, None, None].to(normalised.dtype)
        return torch.addcmul(bias, gain, normalised)


class LinearBatchNorm2d(nn.Module):
    """Batch normalisation whose scale and shift are linear in a condition vector.

    h -> (1 + A c) * (h - mean) / sqrt(variance + eps) + B c. In BigGAN c holds a class's vector,
    which all layers share, and a chunk of z.
    Brock et al. 2019, arXiv:1809.11096, section 3 and appendix B.

    Arguments:
        channels: C of the input (n, C, H, W).
        condition_dim: length of c.
    """

    def __init__(self, channels: int, condition_dim: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Linear(condition_dim, channels, bias=False)
        self.bias = nn.Linear(condition_dim, channels, bias=False)

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        """maps (n, C, H, W), condition (n, condition_dim) -> (n, C, H, W)."""
        gain = 1 + self.gain(condition)[:, :, None, None]
        bias = self.bias(condition)[:, :, None, None]
        normalised: Tensor = self.norm(maps)
        return torch.addcmul(bias, gain, normalised)
