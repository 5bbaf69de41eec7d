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


def test_the_photographs_are_what_was_measured(benchmark):
    rows, spread = benchmark("rows"), benchmark("rows").spread
    photographs = benchmark("photographs")
    wanted = {"data": "cifar10", "preset": "", "steps": 1000, "step": 1000}
    stored = [row for row in rows.stored(photographs.RESULTS) if wanted.items() <= row.items()]
    methods = {
        "AC-GAN": "acgan",
        "AC-GAN, real only": "acgan-real-only",
        "ReACGAN": "reacgan",
        "projection": "projection",
    }
    measures = photographs.NAMES[:5]
    ((_, found),) = tables("| | class right | recall | coverage | variance |")
    for line, (name, method) in zip(found, methods.items(), strict=False):
        seeds = [row for row in stored if row["method"] == method]
        assert len(seeds) == 3
        cells = [spread([row[measure] for row in seeds]) for measure in measures]
        assert (
            line == "| " + " | ".join([name, *(cell.replace("0.", ".") for cell in cells)]) + " |"
        )
    real = [f"{stored[0][f'{measure}_real']:.2g}".replace("0.", ".") for measure in measures]
    assert found[-1] == "| " + " | ".join(["*training images*", *real]) + " |"
    obeyed = {
        name: [row[measures[0]] for row in stored if row["method"] == method]
        for name, method in methods.items()
    }
    assert min(obeyed["AC-GAN, real only"]) > max(obeyed["ReACGAN"])
    assert min(obeyed["ReACGAN"]) > max(obeyed["AC-GAN"])
