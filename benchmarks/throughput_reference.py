"""Drives a checkout of PyTorch-StudioGAN through its own training step: for throughput.py.

Nothing of it is here. Its configuration file, models, losses, optimisers, average and the two
methods of its worker (src/worker.py, `train_discriminator` and `train_generator`) are imported
from the path given and called as its loader calls them. What is not its own, and why:

- images: ready baskets on the device in place of its loader, which reads, flips and sends each
  batch from other processes. That is in its favour.
- modules it imports and a step does not use (logging, plots, evaluation) are empty stand-ins
  where they are not installed; wandb always is one, so that nothing is sent anywhere.
- its D2D-CE asks for "cuda" by name: on a CPU the attribute is set to the CPU afterwards.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import packaging.version
import torch
from torch import Tensor

CONFIG = "src/configs/CIFAR10/ReACGAN.yaml"
UNUSED = ("wandb", "seaborn", "pandas", "h5py", "timm", "kornia", "tensorflow")
# What its command line leaves as it is when only `--train` is given.
RUN = {
    "train": True,
    "distributed_data_parallel": False,
    "synchronized_bn": False,
    "batch_statistics": False,
    "langevin_sampling": False,
    "empty_cache": False,
    "freezeD": -1,
    "project": None,
    "entity": None,
}


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds an empty module for each name given, and for whatever lies within it."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] not in self.names:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = ModuleType(spec.name)
        module.__getattr__ = lambda name: MagicMock()  # type: ignore[method-assign]
        return module

    def exec_module(self, module: ModuleType) -> None:
        pass


class Baskets:
    """Endlessly the same basket: enough images for all turns of one step."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.basket = images, labels

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            yield self.basket


def reference_step(
    checkout: Path, width: int, batch: int, device: torch.device, mixed_precision: bool
) -> tuple[Callable[[], None], int]:
    """One step of the reference at its ReACGAN configuration for CIFAR-10, and its D turns.

    Arguments:
        checkout: the folder that holds its README.
        width, batch: in place of the configuration's 96 and 128.
        mixed_precision: its own switch: float16 with a scaled loss, on CUDA.

    Raises:
        FileNotFoundError: no such checkout.
    """
    if not (checkout / CONFIG).is_file():
        raise FileNotFoundError(f"{checkout} holds no {CONFIG}; give a checkout's folder")
    config, model, worker = import_reference(checkout / "src")
    settings = config.Configurations(str(checkout / CONFIG))
    settings.update_cfgs(RUN | {"mixed_precision": mixed_precision}, super="RUN")
    settings.RUN.save_dir = tempfile.gettempdir()
    settings.MODEL.g_conv_dim = settings.MODEL.d_conv_dim = width
    settings.OPTIMIZATION.batch_size = batch
    settings.OPTIMIZATION.world_size = 1
    turns = settings.OPTIMIZATION.d_updates_per_step
    # Its loader names a GPU by its number.
    place: Any = device.index or 0 if device.type == "cuda" else device
    names = ("DATA", "OPTIMIZATION", "MODEL", "STYLEGAN", "MODULES", "RUN")
    built = model.load_generator_discriminator(
        **{name: getattr(settings, name) for name in names}, device=place, logger=MagicMock()
    )
    generator, *mappings, discriminator, averaged, averaged_mapping, averaged_synthesis, ema = built
    settings.define_optimizer(generator, discriminator)
    images = torch.rand(batch * turns, 3, 32, 32, device=device) * 2 - 1
    labels = torch.arange(batch * turns, device=device) % settings.DATA.num_classes
    its = worker.WORKER(
        settings, "throughput", generator, *mappings, discriminator, averaged, averaged_mapping,
        averaged_synthesis, ema, None, Baskets(images, labels), None, 0, place, None, None, None,
        MagicMock(), "N/A", 0, None, None, None, {}, {}, {},
    )  # fmt: skip
    its.cond_loss.master_rank = place
    its.training, its.topk = True, batch
    its.prepare_train_iter(epoch_counter=0)
    done = 0

    def step() -> None:
        nonlocal done
        its.train_discriminator(current_step=done)
        its.train_generator(current_step=done)
        done += 1

    return step, turns


def import_reference(source: Path) -> list[ModuleType]:
    """Its modules of configuration, models and worker."""
    if importlib.util.find_spec("pkg_resources") is None:
        # Setuptools has dropped it; one function of it is asked for, and lives on here.
        old = ModuleType("pkg_resources")
        vars(old)["parse_version"] = packaging.version.parse
        sys.modules["pkg_resources"] = old
    missing = [name for name in UNUSED if importlib.util.find_spec(name) is None]
    sys.meta_path.insert(0, StandIns(["wandb", *missing]))
    # It has a folder named as a file beside this one.
    here = Path(__file__).resolve().parent
    sys.path[:] = [str(source), *(each for each in sys.path if Path(each).resolve() != here)]
    return [importlib.import_module(name) for name in ("config", "models.model", "worker")]
