"""Tensors kept in a file under a key that says what they were made from."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor


def read(path: Path, key: str) -> dict[str, Tensor] | None:
    """The tensors kept at `path`, or None: no file, another key, or a file that is not whole."""
    try:
        with safe_open(path, framework="pt") as kept:
            if (kept.metadata() or {}).get("key") != key:
                return None
            # Copies: a tensor mapped from the file would keep it from being replaced on Windows.
            return {name: kept.get_tensor(name).clone() for name in kept.keys()}  # noqa: SIM118
    except (OSError, SafetensorError):
        return None


def write(path: Path, key: str, tensors: Mapping[str, Tensor]) -> None:
    """Keep `tensors` at `path` under `key`; written aside, so that a half file never shows.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    os.close(handle)
    try:
        save_file(dict(tensors), aside, metadata={"key": key})
        os.replace(aside, path)
    except SafetensorError as error:
        raise OSError(str(error)) from error
    finally:
        Path(aside).unlink(missing_ok=True)
