"""What SNGAN's and BigGAN's pairs share: residual blocks, and how wide each stage is.

A stage is all that happens at one size of the maps: a block that doubles or halves them, and
more blocks of that width for depths above 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from cgan_kit.checks import check_shape

# For each side of the images the channels after the first layer and after each stage, in
# units of the width.
GENERATOR_CHANNELS = {32: (4, 4, 4, 4), 64: (16, 8, 4, 2, 1), 128: (16, 16, 8, 4, 2, 1)}
DISCRIMINATOR_CHANNELS = {32: (2, 2, 2, 2), 64: (1, 2, 4, 8, 16), 128: (1, 2, 4, 8, 16, 16)}
# How many of the discriminator's stages halve their maps: the first ones.
HALVINGS = {32: 2, 64: 4, 128: 5}


class UpBlock(nn.Module):
    """norm, relu, (doubling,) convolution, norm, relu, convolution; plus the (doubled) input.

    Arguments:
        inputs, outputs: channels.
        make_norm: channels -> a norm to be called with (maps, condition).
        doubles: whether the maps' side is doubled, by repeating each place.
    """

    def __init__(
        self, inputs: int, outputs: int, make_norm: Callable[[int], nn.Module], doubles: bool
    ) -> None:
        super().__init__()
        self.doubles = doubles
        self.norm1 = make_norm(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = make_norm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = make_shortcut(inputs, outputs, doubles)

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        """maps (n, inputs, H, W) -> (n, outputs, H or 2H, W or 2W)."""
        change = F.relu(self.norm1(maps, condition))
        # A convolution of one place commutes with doubling, and is a quarter of the work before.
        kept = self.shortcut(maps)
        if self.doubles:
            change, kept = double(change), double(kept)
        change = self.conv2(F.relu(self.norm2(self.conv1(change), condition)))
        total: Tensor = change + kept
        return total


class DownBlock(nn.Module):
    """relu, convolution, relu, convolution (, halving); plus the (halved) input.

    Arguments:
        inputs, hidden, outputs: channels, `hidden` between the convolutions.
        halves: whether the maps' side is halved, by means over 2×2 places.
        first: the block that sees the images; it leaves out the first relu.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int, halves: bool, first: bool) -> None:
        super().__init__()
        self.halves = halves
        self.first = first
        self.conv1 = nn.Conv2d(inputs, hidden, 3, padding=1)
        self.conv2 = nn.Conv2d(hidden, outputs, 3, padding=1)
        self.shortcut = make_shortcut(inputs, outputs, halves)

    def forward(self, maps: Tensor) -> Tensor:
        """maps (n, inputs, H, W) -> (n, outputs, H or H/2, W or W/2)."""
        change = self.conv2(F.relu(self.conv1(maps if self.first else F.relu(maps))))
        kept = maps
        if self.halves:
            change, kept = F.avg_pool2d(change, 2), F.avg_pool2d(kept, 2)
        total: Tensor = change + self.shortcut(kept)
        return total


def make_shortcut(inputs: int, outputs: int, resizes: bool) -> nn.Module:
    """The way around a block: a convolution of one place, or nothing where nothing changes."""
    return nn.Conv2d(inputs, outputs, 1) if resizes or inputs != outputs else nn.Identity()


def double(maps: Tensor) -> Tensor:
    """maps (n, C, H, W) -> (n, C, 2H, 2W), each place four times."""
    return F.interpolate(maps, scale_factor=2.0, mode="nearest")


class UpStage(nn.ModuleList):
    """UpBlocks, one after the other, under one condition."""

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        """maps (n, inputs, H, W) -> (n, outputs, 2H, 2W)."""
        for block in self:
            maps = block(maps, condition)
        return maps


def up_stages(
    widths: list[int], depth: int, make_norm: Callable[[int], nn.Module]
) -> nn.ModuleList:
    """The generator's stages, each of `depth` blocks: widths[i] -> widths[i + 1]."""
    return nn.ModuleList(
        UpStage(
            UpBlock(outputs if i else inputs, outputs, make_norm, doubles=i == 0)
            for i in range(depth)
        )
        for inputs, outputs in itertools.pairwise(widths)
    )


def down_stages(widths: list[int], halvings: int, depth: int, wide: bool) -> list[nn.Sequential]:
    """The discriminator's stages, each of `depth` blocks: widths[i] -> widths[i + 1].

    Arguments:
        widths: the images' channels first.
        halvings: how many of the stages halve the maps.
        wide: whether `hidden` is as wide as the outputs, else as the inputs.
    """

    def block(stage: int, inputs: int, outputs: int) -> DownBlock:
        first = stage == 0
        hidden = outputs if wide or first else inputs
        return DownBlock(inputs, hidden, outputs, stage < halvings, first)

    return [
        nn.Sequential(
            block(stage, inputs, outputs),
            *(DownBlock(outputs, outputs, outputs, False, False) for _ in range(depth - 1)),
        )
        for stage, (inputs, outputs) in enumerate(itertools.pairwise(widths))
    ]


def check_side(sample_shape: tuple[int, ...], pair: str) -> tuple[int, int]:
    """(channels, side) of images that a residual pair can make, or a clear error."""
    sample_shape = check_shape(sample_shape)
    if len(sample_shape) != 3 or sample_shape[1] != sample_shape[2]:
        raise ValueError(
            f"sample_shape is {sample_shape}; the {pair} pair makes square images "
            "(C, H, H): crop or resize the images, or use the MLP pair for points"
        )
    channels, side, _ = sample_shape
    if side not in GENERATOR_CHANNELS:
        raise ValueError(
            f"sample_shape is {sample_shape}: {side} px is not a size of the {pair} pair; "
            f"load the images with size= one of {', '.join(map(str, GENERATOR_CHANNELS))}"
        )
    return channels, side
