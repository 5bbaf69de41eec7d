"""Where downloads and caches go."""

from __future__ import annotations

import os
from pathlib import Path

ENVIRONMENT_VARIABLE = "CGAN_KIT_DATA"


def data_root(root: str | os.PathLike[str] | None = None) -> Path:
    """The folder for downloaded and cached data; nothing is created.

    The first of these that holds: `root` if given; the environment variable CGAN_KIT_DATA, for
    a room of machines that share one download; `data/` of the repository when the package runs
    from a checkout; else `~/.cache/cgan_kit`.
    """
    chosen = root or os.environ.get(ENVIRONMENT_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file() and (checkout / "data").is_dir():
        return checkout / "data"
    return Path.home() / ".cache" / "cgan_kit"
