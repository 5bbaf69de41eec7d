"""Endless shuffled batches, drawn on the device the data lives on."""

from __future__ import annotations

import torch
from torch import Tensor

from cgan_kit.data.labelled import LabelledSet


class Batches:
    """Shuffles the set, hands it out batch by batch, shuffles again.

    A batch never mixes two epochs: the last, incomplete one is dropped. The order depends
    on the seed alone, and `state()` / `restore()` continue it to the bit.

    Arguments:
        data: the set to draw from.
        batch_size: in [1, len(data)].
        seed: of this stream's own generator; no global random state is touched.
        flips: whether each image is mirrored, left to right, in one of two cases.

    Raises:
        ValueError: a batch size that does not fit the set; flips of points.
    """

    def __init__(
        self, data: LabelledSet, batch_size: int, seed: int = 0, flips: bool = False
    ) -> None:
        if not 1 <= batch_size <= len(data):
            raise ValueError(
                f"batch_size is {batch_size} but the set has {len(data)} samples; "
                f"choose a batch size from 1 to {len(data)}"
            )
        if flips and len(data.sample_shape) != 3:
            raise ValueError(
                f"flips is True, but samples of shape {data.sample_shape} have no left and right; "
                "leave it out"
            )
        self.data = data
        self.flips = flips
        self.batch_size = batch_size
        self.generator = torch.Generator(device=data.device).manual_seed(seed)
        self._reshuffle()

    def next(self) -> tuple[Tensor, Tensor]:
        """(real samples as the discriminator sees them, their labels int64 (batch_size,))."""
        if self.position + self.batch_size > len(self.data):
            self._reshuffle()
        indices = self.order[self.position : self.position + self.batch_size]
        self.position += self.batch_size
        samples = self.data.real(indices)
        if self.flips:
            coins = torch.rand(len(indices), generator=self.generator, device=samples.device)
            samples = torch.where((coins < 0.5).view(-1, 1, 1, 1), samples.flip(-1), samples)
        return samples, self.data.labels[indices]

    def state(self) -> dict[str, Tensor]:
        """Tensors that `restore` needs to go on with exactly the next batch."""
        return {
            "generator": self.generator.get_state(),
            "order": self.order,
            "position": torch.tensor(self.position),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on where `state` was taken.

        Raises:
            ValueError: the state of a stream over a set of another length.
        """
        if len(state["order"]) != len(self.data):
            raise ValueError(
                f"state was taken over {len(state['order'])} samples but the set has "
                f"{len(self.data)}; restore it over the set it was taken from"
            )
        self.generator.set_state(state["generator"].cpu())
        self.order = state["order"].to(self.data.device)
        self.position = int(state["position"])

    def _reshuffle(self) -> None:
        self.order = torch.randperm(
            len(self.data), generator=self.generator, device=self.data.device
        )
        self.position = 0
