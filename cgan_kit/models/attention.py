"""Self-attention on feature maps: each place may look at every other."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """maps + gain * what each place has gathered from the others; the gain starts at 0.

    Zhang et al. 2019 (SAGAN), arXiv:1805.08318, equations 1 to 3, in the form of the authors'
    released code, which BigGAN shares: keys and values are max-pooled to half the side, and
    values have half the channels.

    Arguments:
        channels: C of the maps; queries and keys have an eighth of them, at least one.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        few, half = max(1, channels // 8), max(1, channels // 2)
        self.query = nn.Conv2d(channels, few, 1, bias=False)
        self.key = nn.Conv2d(channels, few, 1, bias=False)
        self.value = nn.Conv2d(channels, half, 1, bias=False)
        self.join = nn.Conv2d(half, channels, 1, bias=False)
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, maps: Tensor) -> Tensor:
        """maps (n, C, H, W), H and W even -> (n, C, H, W)."""
        # Not scaled_dot_product_attention: its fast kernels know no second derivative, which
        # penalties on the discriminator's slope need.
        queries = self.query(maps).flatten(2)
        keys = F.max_pool2d(self.key(maps), 2).flatten(2)
        values = F.max_pool2d(self.value(maps), 2).flatten(2)
        shares = (queries.transpose(1, 2) @ keys).softmax(dim=2)
        gathered = (values @ shares.transpose(1, 2)).unflatten(2, maps.shape[2:])
        joined: Tensor = self.join(gathered)
        return maps + self.gain * joined
