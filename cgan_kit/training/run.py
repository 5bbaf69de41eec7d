"""A run: the folder that training writes, and everything else reads.

config.json                       how data, GAN and training were set up
history.jsonl                     one line every few steps
checkpoints/step-000300.safetensors   weights, the averaged generator's among them
state.safetensors                 what resuming needs beyond the last checkpoint
state.previous.safetensors        the one before it, in case it cannot be read
"""

from __future__ import annotations

import json
import operator
import os
import re
from typing import Any

import torch
from torch import Tensor

from cgan_kit import data
from cgan_kit.checks import check_counts, is_whole
from cgan_kit.data import LabelledSet, PointSet, to_uint8
from cgan_kit.models import Generator
from cgan_kit.training.files import (
    checkpoint_path,
    load_part,
    read_state,
    read_tensors,
    to_path,
)
from cgan_kit.training.gan import GAN, generator_from_config


class Run:
    """Reads a run's folder; whatever a widget or a metric needs comes from here.

    A run made on one machine opens on another: nothing is unpickled, weights are loaded on
    the CPU.

    Arguments:
        folder: where `cgan_kit.train` wrote.

    Raises:
        FileNotFoundError: no such folder, or one without a config.json.
        ValueError: a config.json that is not a run's.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = to_path(folder)
        path = self.folder / "config.json"
        if not path.is_file():
            raise FileNotFoundError(
                f"folder is {str(self.folder)!r}, which holds no config.json; "
                "give the folder of a run that cgan_kit.train has written"
            )
        try:
            self.config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            self._data, self._gan = self.config["data"], self.config["gan"]
            _ = self._data["class_names"], self._gan["generator"], self.config["training"]["steps"]
        except (ValueError, KeyError, TypeError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else error
            raise ValueError(
                f"{path} is not a run's config ({reason}); "
                "restore the file, or train again into a new folder"
            ) from error

    def __repr__(self) -> str:
        conditioning = self._gan["conditioning"]["class"]
        last = self.steps[-1] if self.steps else 0
        return f"Run: {conditioning} on {self._data['name']}, {last:,} step{'s' * (last != 1)}"

    @property
    def class_names(self) -> tuple[str, ...]:
        """K names, by label."""
        return tuple(self._data["class_names"])

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.class_names)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one sample: (C, H, W) of images, in pixels, or (D,) of points."""
        return tuple(self._data["sample_shape"])

    @property
    def latent_dim(self) -> int:
        """Z, how many numbers a latent has."""
        return int(self._gan["generator"]["latent_dim"])

    @property
    def steps(self) -> list[int]:
        """The steps that have a checkpoint, ascending; step 0 is before training."""
        names = (path.name for path in (self.folder / "checkpoints").glob("step-*"))
        found = (re.fullmatch(r"step-(\d{6,})\.safetensors", name) for name in names)
        return sorted(int(match[1]) for match in found if match)

    def history(self) -> list[dict[str, float]]:
        """The lines of history.jsonl, oldest first; a last line cut short is left out.

        Raises:
            ValueError: another line that is damaged.
        """
        path = self.folder / "history.jsonl"
        if not path.is_file():
            return []
        with path.open("rb") as lines:
            return [
                _record(line, f"{path}, line {number}")
                for number, line in enumerate(lines, 1)
                if line.endswith(b"\n")
            ]

    def load_data(self, name: str | None = None) -> LabelledSet:
        """The set the run was trained on, made again by its name and options.

        Arguments:
            name: of the set today, where it has another one: "folder:PATH" for images that
                have moved.

        Raises:
            FileNotFoundError: a folder of images that is not there.
            ValueError: a set that only existed in memory, or one that has changed since.
        """
        origin = self._data["origin"]
        made = self._load_whole(name)
        if origin:
            made = made.split(origin["held_out"], origin["seed"])[origin["part"]]
        return self._checked(made, name)

    def load_split(self, name: str | None = None) -> tuple[LabelledSet, LabelledSet]:
        """(the part the run was trained on, the part it has never seen), made again.

        Arguments:
            name: as for `load_data`.

        Raises:
            FileNotFoundError, ValueError: as `load_data`; a run trained on the whole set.
        """
        origin = self._data["origin"]
        whole = self._load_whole(name)
        if not origin:
            raise ValueError(
                "the run was trained on the whole set, so there is nothing it has not seen to "
                "measure it with; train on set.split()[0] (on the command line: without --all)"
            )
        parts = whole.split(origin["held_out"], origin["seed"])
        return self._checked(parts[origin["part"]], name), parts[1 - origin["part"]]

    def _load_whole(self, name: str | None) -> LabelledSet:
        written = self._data["name"]
        if written == "custom" or self._data["origin"] is None:
            raise ValueError(
                "the run's data set only existed in memory, so it cannot be loaded again; "
                "keep the set that you gave to cgan_kit.train"
            )
        try:
            return data.load(name or written, **self._data["options"])
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{error}; for images that have moved, name their folder "
                "(on the command line: --data folder:PATH)"
            ) from error

    def _checked(self, made: LabelledSet, name: str | None) -> LabelledSet:
        if made.fingerprint() != self._data["fingerprint"]:
            if name:
                raise ValueError(
                    f"the {self._data['kind']} in {name!r} are not those the run was trained on; "
                    "name the folder or set that holds these, unchanged"
                )
            raise ValueError(
                f"data set {self._data['name']!r} has changed since the run was made; "
                "load the data as it was then, or train again"
            )
        return made

    def tensors(self, step: int | None = None) -> dict[str, Tensor]:
        """Every tensor of the checkpoint at `step` (None: the last), on the CPU.

        Names begin with the part they belong to: generator, averaged, discriminator,
        conditioning.

        Raises:
            ValueError: no checkpoint at that step, or one that cannot be read.
        """
        if not self.steps:
            raise ValueError(f"{self.folder} holds no checkpoint; train again into a new folder")
        step = self.steps[-1] if step is None else step
        if not is_whole(step, 0) or step not in self.steps:
            raise ValueError(f"step is {step}; there are checkpoints at {self.steps}")
        return read_tensors(checkpoint_path(self.folder, operator.index(step)))

    def state(self) -> dict[str, Tensor]:
        """Everything that training goes on from: weights, optimisers, data order, chance.

        Where the newest cannot be read, it is the one before, and a warning says so.

        Raises:
            FileNotFoundError: a run without it.
            ValueError: files that cannot be read.
        """
        return read_state(self.folder)

    def generator(self, step: int | None = None) -> Generator:
        """The averaged generator at `step` (None: the last), in evaluation mode."""
        generator = generator_from_config(self._gan)
        load_part(generator, self.tensors(step), "averaged")
        return generator.eval().requires_grad_(False)

    def gan(self, step: int | None = None) -> GAN:
        """The whole GAN at `step` (None: the last), its generator not averaged."""
        gan = GAN.from_config(self._gan)
        tensors = self.tensors(step)
        for part in ("generator", "discriminator", "conditioning"):
            load_part(getattr(gan, part), tensors, part)
        return gan.eval()

    @torch.no_grad()
    def sample(
        self, latents: Tensor, labels: Tensor, step: int | None = None, batch_size: int = 1000
    ) -> Tensor:
        """Samples of the averaged generator for latents (n, Z) and labels (n,).

        Returns uint8 (n, C, H, W), or float32 (n, D) where the run made points; on the CPU.
        """
        return sample(self.generator(step), latents, labels, batch_size)


@torch.no_grad()
def sample(generator: Generator, latents: Tensor, labels: Tensor, batch_size: int = 1000) -> Tensor:
    """A generator's samples: uint8 (n, C, H, W) for images, float32 (n, D) for points.

    Arguments:
        latents: float (n, Z), on the generator's device or the CPU.
        labels: int64 (n,), in [0, K).
        batch_size: how many are made at once; it bounds the memory.

    Raises:
        ValueError: latents or labels that the generator was not built for.
    """
    check_request(generator, latents, labels)
    check_counts(batch_size=batch_size)
    device = next(generator.parameters()).device
    parts = [
        generator(z.to(device), y.to(device)).float().cpu()
        for z, y in zip(latents.split(batch_size), labels.split(batch_size), strict=True)
    ]
    samples = torch.cat(parts)
    return samples if samples.ndim == 2 else to_uint8(samples)


def _record(line: bytes, place: str) -> dict[str, float]:
    """One line of a history: {"step": n, name: value, ...}."""
    try:
        record: dict[str, float] = json.loads(line)
        _ = record["step"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{place} is damaged ({error!r}); delete that line, or restore the file"
        ) from error
    return record


def check_request(generator: Generator, latents: Tensor, labels: Tensor) -> None:
    """Latents and labels must fit the generator and each other."""
    for name, given in (("latents", latents), ("labels", labels)):
        if not isinstance(given, Tensor):
            raise ValueError(f"{name} are a {type(given).__name__}; give a tensor")
    if (
        latents.dtype != torch.float32
        or latents.ndim != 2
        or latents.shape[1] != generator.latent_dim
    ):
        raise ValueError(
            f"latents are {latents.dtype} of shape {tuple(latents.shape)} but the generator reads "
            f"float32 (n, {generator.latent_dim}); draw them with "
            f"cgan_kit.models.draw_latents(n, {generator.latent_dim})"
        )
    if labels.dtype != torch.int64 or labels.shape != latents.shape[:1]:
        raise ValueError(
            f"labels are {labels.dtype} of shape {tuple(labels.shape)}; "
            f"give one int64 label a latent: ({len(latents)},)"
        )
    if len(labels) == 0:
        raise ValueError("labels are empty; ask for at least one sample")
    if int(labels.min()) < 0 or int(labels.max()) >= generator.num_classes:
        raise ValueError(
            f"labels run from {int(labels.min())} to {int(labels.max())} but the generator was "
            f"built for {generator.num_classes} classes; give labels in "
            f"[0, {generator.num_classes - 1}]"
        )


def describe_data(source: LabelledSet) -> dict[str, Any]:
    """What a run writes down of its data."""
    return {
        "name": source.name,
        "options": source.options,
        "origin": source.origin,
        "fingerprint": source.fingerprint(),
        "samples": len(source),
        "kind": "points" if isinstance(source, PointSet) else "images",
        "class_names": list(source.class_names),
        "sample_shape": list(source.sample_shape),
    }
