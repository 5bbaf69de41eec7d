"""The tables of docs/conditioning.md are what the benchmarks print."""

import importlib
import itertools
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "docs" / "conditioning.md").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def benchmark(monkeypatch):
    """benchmark(name) -> that script of benchmarks/, as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module


def tables(start):
    """Each table whose first line starts so: its first line, and its rows."""
    for i, line in enumerate(LINES):
        if line.startswith(start):
            yield line, list(itertools.takewhile(lambda row: row.startswith("|"), LINES[i + 2 :]))


def test_the_comparison_is_what_was_measured(benchmark):
    table, found = benchmark("conditioning").table, 0
    for head, rows in tables("| method | weight | seeds |"):
        printed = set(table(head.strip("| ").split(" | ")[3:]))
        assert set(rows) <= printed, sorted(set(rows) - printed)
        found += 1
    assert found == 6


def test_the_pulls_of_d2d_ce_are_what_the_formula_gives(benchmark, capsys):
    benchmark("d2d_ce_forces").main()
    printed = capsys.readouterr().out.splitlines()
    ((head, rows),) = tables("| τ | K | N |")
    assert [head, *rows] == [printed[0], *printed[2:]]
