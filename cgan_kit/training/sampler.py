"""Many samples of a run, on a GPU or shared among processes: what a long measurement asks for."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from cgan_kit.models import Generator
from cgan_kit.training.checks import choose_device
from cgan_kit.training.distributed import join
from cgan_kit.training.run import Run, sample


class Sampler:
    """Stands for a run in `metrics.evaluate`, and samples where and with whom you say.

    `Run.sample` reads the checkpoint at each call and computes on the CPU. This one keeps the
    generator of the last step asked for. Under torchrun each process makes its part of the
    samples, and all of them get all: then all must ask for the same.

    Arguments:
        run: a run.
        device: None is the GPU where there is one, else the CPU.

    Raises:
        ValueError: a device that is not there; what is no run.
    """

    def __init__(self, run: Run, device: torch.device | str | None = None) -> None:
        if not isinstance(run, Run):
            raise ValueError(f"run is {run!r}; give a run, such as cgan_kit.Run(folder)")
        self.run = run
        self.shard, self.device = join(choose_device(device))
        self._kept: tuple[int | None, Generator] | None = None

    @property
    def latent_dim(self) -> int:
        """Z, how many numbers a latent has."""
        return self.run.latent_dim

    @property
    def num_classes(self) -> int:
        """K, how many classes the run was trained on."""
        return self.run.num_classes

    @property
    def steps(self) -> list[int]:
        """The steps that have a checkpoint, ascending."""
        return self.run.steps

    def sample(self, latents: Tensor, labels: Tensor, step: int | None = None) -> Tensor:
        """As `Run.sample`; within rounding, whatever the device and the number of processes."""
        return self.shard.in_parts(partial(sample, self._generator(step)), latents, labels)

    def _generator(self, step: int | None) -> Generator:
        if self._kept is None or self._kept[0] != step:
            self._kept = step, self.run.generator(step).to(self.device)
        return self._kept[1]
