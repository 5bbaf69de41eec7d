"""Where this machine's Chromium is, for the browser tests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ON_MACOS = (
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)
NOT_FOUND = (
    "no Chromium found; install one (Debian: apt install chromium) or set CHROMIUM to its path"
)


def find_chromium() -> str | None:
    """Path of a Chromium, the one that CHROMIUM names before all others, or None.

    Raises:
        FileNotFoundError: CHROMIUM is set and names no program.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        found = shutil.which(named)
        if found is None:
            raise FileNotFoundError(
                f"CHROMIUM is {named!r}, which is no program; "
                "set it to a Chromium's path or unset it"
            )
        return found
    for name in NAMES:
        if found := shutil.which(name):
            return found
    return next((str(path) for path in ON_MACOS if path.is_file()), None)
