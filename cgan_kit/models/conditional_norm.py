"""Class-conditional batch normalisation: one scale and one shift a class."""

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
        gain = self.gain[labels][:, :, None, None]
        bias = self.bias[labels][:, :, None, None]
        normalised: Tensor = self.norm(maps)
        return torch.addcmul(bias, gain, normalised)
