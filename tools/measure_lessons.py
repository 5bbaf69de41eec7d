"""How long each lesson takes and what it needs: ``python tools/measure_lessons.py [02_acgan ...]``.

Runs lessons as ``tools/build_notebooks.py`` does, each in a fresh kernel, stores no outputs, and
writes ``benchmarks/results/lessons.json``; lessons that are not named keep what was measured
before. From it and from the stored notebooks comes the table in ``docs/lessons.md``; ``--page``
writes that alone. Measure on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
import time
from pathlib import Path
from typing import Any

# Run as a script, this file knows its folder but not the repository around it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import nbformat
from nbformat import NotebookNode

from tools.build_notebooks import LESSON, NOTEBOOKS, chosen, read_script, run
from tools.notebook_outputs import widget_shown

ROOT = NOTEBOOKS.parent
RESULTS = ROOT / "benchmarks" / "results" / "lessons.json"
PAGE = ROOT / "docs" / "lessons.md"
EXERCISE = re.compile(r"^### .*\((?:easy|medium|hard), \d+ minutes\)$", re.MULTILINE)
MEASURED = ("minutes", "processor_minutes", "peak_memory_mb")
TEXT = """# What the lessons take

Measured by `make measure`, which runs each lesson from its first to its last cell in a fresh
kernel: {cores} processor cores, {gpu}, {system}, Python {python}, PyTorch {torch}. **Minutes** pass
on the clock while the lesson runs, with the start of its kernel; **processor minutes** are the
kernel's, all threads together; **memory** is the most that the kernel held. Reading, predicting
and trying come on top.

| lesson | minutes | processor minutes | memory, MB | code cells | widgets | exercises |
|---|---|---|---|---|---|---|
{rows}
"""
# The last cell of a measured lesson: what its kernel has used. Linux counts KiB, macOS bytes.
USED = """
import resource, sys
_used = resource.getrusage(resource.RUSAGE_SELF)
print(_used.ru_utime + _used.ru_stime)
print(_used.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


def measure(script: Path, timeout: float = 1800.0) -> dict[str, float]:
    """Run a lesson: its minutes with the kernel's start, its processor minutes, its peak in MB.

    Raises:
        CellExecutionError: a cell raised and is not tagged ``raises-exception``.
    """
    notebook = read_script(script)
    notebook.cells.append(nbformat.v4.new_code_cell(USED))
    started = time.monotonic()
    run(notebook, script.parent, timeout)
    wall = time.monotonic() - started
    cpu, peak = notebook.cells[-1].outputs[0].text.split()
    values = round(wall / 60, 2), round(float(cpu) / 60, 2), round(float(peak) / 1e6)
    return dict(zip(MEASURED, values, strict=True))


def machine() -> dict[str, Any]:
    """What the page says of the machine that measures."""
    import torch  # here, because the page alone does not need it

    return {
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU",
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__.partition("+")[0],
    }


def counts(stored: NotebookNode) -> dict[str, int]:
    """Code cells, widgets and exercises of a stored lesson."""
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    return {
        "cells": len(code),
        "widgets": sum(bool(widget_shown(output)) for cell in code for output in cell.outputs),
        "exercises": sum(
            len(EXERCISE.findall(cell.source))
            for cell in stored.cells
            if cell.cell_type == "markdown"
        ),
    }


def page(results: dict[str, Any], folder: Path = NOTEBOOKS) -> str:
    """``docs/lessons.md``: one row a lesson in ``folder``, and what they come to together."""
    rows = []
    columns: list[list[float]] = []
    for script in sorted(folder.glob(LESSON)):
        stored = nbformat.read(script.with_suffix(".ipynb"), as_version=nbformat.NO_CONVERT)
        measured = results["lessons"].get(script.stem, {})
        values = [measured.get(what, 0.0) for what in MEASURED] + list(counts(stored).values())
        title = stored.cells[0].source.splitlines()[0].lstrip("# ")
        rows.append(row(f"[{title}](../notebooks/{script.stem}.ipynb)", values))
        columns.append(values)
    minutes, processor_minutes, peaks, *counted = zip(*columns, strict=True)
    together = [sum(minutes), sum(processor_minutes), max(peaks), *map(sum, counted)]
    rows.append(row("**all**", together))
    return TEXT.format(rows="\n".join(rows), **results["machine"])


def row(name: str, values: list[float]) -> str:
    """A row of the table; what was not measured yet is a dash."""
    shown = [f"{each:.1f}" if each else "–" for each in values[:2]]
    shown += [f"{each:,.0f}" if each or index else "–" for index, each in enumerate(values[2:])]
    return f"| {' | '.join([name, *shown])} |"


def write(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    os.replace(part, path)


def main() -> int:
    parser = argparse.ArgumentParser(description="Time the lessons and write docs/lessons.md.")
    parser.add_argument("names", nargs="*", help="lessons, as in 02_acgan; all when left out")
    parser.add_argument("--page", action="store_true", help="only write the page again")
    arguments = parser.parse_args()
    try:
        scripts = [] if arguments.page else chosen(arguments.names, NOTEBOOKS)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    results = (
        json.loads(RESULTS.read_text()) if RESULTS.exists() else {"machine": {}, "lessons": {}}
    )
    if scripts:
        results["machine"] = machine()
    for script in scripts:
        print(f"{script.stem}: running", flush=True)
        results["lessons"][script.stem] = measure(script)
        print(f"{script.stem}: {results['lessons'][script.stem]}")
        results["lessons"] = dict(sorted(results["lessons"].items()))
        write(RESULTS, json.dumps(results, indent=1) + "\n")
    write(PAGE, page(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
