"""Open JupyterLab on the first page of the course.

Token and loopback address stay as JupyterLab ships them. On a Linux machine without a screen the
address is printed and no browser is looked for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIRST_PAGE = Path("notebooks", "00_start_here.ipynb")


def has_screen(platform: str, environment: Mapping[str, str]) -> bool:
    """Whether a browser window can be expected to open on this machine."""
    if not platform.startswith("linux"):
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def lab_arguments(
    root: Path, platform: str, environment: Mapping[str, str], is_root_user: bool
) -> list[str]:
    """Arguments for ``python -m jupyterlab``, so that it starts in ``root`` on the first page."""
    arguments = [f"--ServerApp.root_dir={root}"]
    if (root / FIRST_PAGE).is_file():
        arguments.append(f"--LabApp.default_url=/lab/tree/{FIRST_PAGE.as_posix()}")
    if not has_screen(platform, environment):
        arguments.append("--no-browser")
    if is_root_user:
        arguments.append("--allow-root")
    return arguments


def main() -> None:
    """Replace this process by JupyterLab, so that Ctrl-C reaches it directly."""
    is_root_user = hasattr(os, "geteuid") and os.geteuid() == 0
    arguments = lab_arguments(ROOT, sys.platform, os.environ, is_root_user)
    if "--no-browser" in arguments:
        print("No screen here: open the address that JupyterLab prints below in a browser.")
        sys.stdout.flush()
    command = [sys.executable, "-m", "jupyterlab", *arguments, *sys.argv[1:]]
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main()
