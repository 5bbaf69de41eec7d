"""Reading and writing a run's files: whole or not at all, and nothing unpickled."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import safetensors
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


def checkpoint_path(folder: Path, step: int) -> Path:
    return folder / "checkpoints" / f"step-{step:06d}.safetensors"


def check_writable(folder: Path) -> None:
    """A folder that cannot be made or written is found out before anything is trained.

    Raises:
        ValueError: naming the part of the path that is in the way.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise ValueError(
            f"folder is {str(folder)!r}, but {str(existing)!r} is a file; choose another folder"
        )
    if not os.access(existing, os.W_OK):
        raise ValueError(
            f"folder is {str(folder)!r}, but {str(existing)!r} may not be written; "
            "choose another folder or change its permissions"
        )


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors whole or not at all: aside first, then renamed."""
    aside = path.with_suffix(".partial")
    # safetensors refuses views and tensors that share memory.
    alone = {key: value.detach().cpu().clone().contiguous() for key, value in tensors.items()}
    save_file(alone, aside)
    os.replace(aside, path)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, on the CPU; pickled files are refused.

    Raises:
        ValueError: a file that is truncated, pickled, or otherwise no safetensors file.
    """
    try:
        return load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        # Not before: a safetensors file starts with a length, which may look like either mark.
        with path.open("rb") as file:
            start = file.read(2)
        if start == b"PK" or start[:1] == b"\x80":
            raise ValueError(
                f"{path.name} is a pickled file, which can run code when opened; "
                "the kit reads safetensors only: train again, or convert it with a tool you trust"
            ) from error
        raise ValueError(
            f"{path.name} cannot be read ({error}); it is truncated or not a safetensors file: "
            "delete it and use an earlier checkpoint"
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write text whole or not at all."""
    aside = path.with_name(path.name + ".partial")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, path)


def part_tensors(module: nn.Module, part: str) -> dict[str, Tensor]:
    """A module's tensors, each name led by the part it belongs to."""
    return {f"{part}.{key}": value for key, value in module.state_dict().items()}


def load_part(module: nn.Module, tensors: Mapping[str, Tensor], part: str) -> None:
    """Give a module the tensors that belong to it.

    Raises:
        ValueError: tensors of another model.
    """
    lead = f"{part}."
    own = {key.removeprefix(lead): value for key, value in tensors.items() if key.startswith(lead)}
    expected = module.state_dict()
    wrong = [key for key in expected if key not in own or own[key].shape != expected[key].shape]
    wrong += [key for key in own if key not in expected]
    if wrong:
        raise ValueError(
            f"the checkpoint's {part} is of another model (first difference: {wrong[0]!r}); "
            "use the checkpoint together with the config.json it was written beside"
        )
    module.load_state_dict(own)
