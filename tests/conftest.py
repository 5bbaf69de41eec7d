"""What all tests share: one thread of torch, figures without a screen, a Chromium to look with."""

import os
import shutil
from pathlib import Path

import pytest
import torch

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_ON_MACOS = (
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)


def find_chromium() -> str | None:
    """Path of a Chromium, CHROMIUM before all others, or None.

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
    for name in CHROMIUM_NAMES:
        if found := shutil.which(name):
            return found
    return next((str(path) for path in CHROMIUM_ON_MACOS if path.is_file()), None)


def pytest_configure(config: pytest.Config) -> None:
    # Small tensors are fastest on one thread, and sums come out alike on any number of cores.
    torch.set_num_threads(1)
    # Not through MPLBACKEND: kernels that a test starts would inherit it and show no figures.
    try:
        import matplotlib
    except ImportError:
        return
    matplotlib.use("Agg")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the Chromium that browser tests drive; they are skipped where there is none."""
    found = find_chromium()
    if found is None:
        pytest.skip(f"no Chromium found ({', '.join(CHROMIUM_NAMES)}, or the variable CHROMIUM)")
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in a plain line whether the browser tests ran."""
    browser = [
        report.outcome
        for outcome in ("passed", "failed", "skipped", "error")
        for report in terminalreporter.stats.get(outcome, [])
        if "tests/browser/" in getattr(report, "nodeid", "") and report.when != "teardown"
    ]
    if not browser:
        return
    found = find_chromium()
    if found is None:
        terminalreporter.write_line(
            "Browser tests were skipped: no Chromium found. Install one (Debian: apt install "
            "chromium), or set CHROMIUM to its path."
        )
    else:
        terminalreporter.write_line(f"Browser tests used {found}.")
