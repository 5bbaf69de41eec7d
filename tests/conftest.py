"""What all tests share: one thread of torch, figures without a screen, a Chromium to look with."""

import os

import pytest
import torch

from tools.find_chromium import NOT_FOUND, find_chromium


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "gpu: needs a CUDA GPU; `make gpu` runs these alone")
    if config.option.markexpr != "gpu":
        # Most tests train where nobody said, and compare to the bit: on the CPU, beside a GPU too.
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
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
        pytest.skip(NOT_FOUND)
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in a plain line whether the browser tests ran, and why not."""
    reports = {
        outcome: [
            report
            for report in terminalreporter.stats.get(outcome, [])
            if "tests/browser/" in getattr(report, "nodeid", "")
        ]
        for outcome in ("passed", "failed", "error", "skipped")
    }
    skipped = reports.pop("skipped")
    ran = sum(len(some) for some in reports.values())
    if ran:
        terminalreporter.write_line(f"Browser tests: {ran} ran in {find_chromium()}.")
    if skipped:
        reasons = {str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped}
        why = "; ".join(sorted(reasons))
        terminalreporter.write_line(f"Browser tests: {len(skipped)} skipped: {why}.")
