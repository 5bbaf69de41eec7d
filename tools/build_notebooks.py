"""Run the lessons and store their outputs: ``python tools/build_notebooks.py [02_acgan ...]``.

Each ``notebooks/NN_name.py`` (percent script, the source) is run in a fresh kernel and written to
``notebooks/NN_name.ipynb`` with its outputs. Cell ids come from the cells' contents and nothing
that depends on the day or the machine's clock is stored, so a lesson that repeats itself gives the
same bytes again. A lesson that raises is not written.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections import Counter
from pathlib import Path

# Run as a script, this file knows its folder but not the repository around it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from tools.notebook_outputs import clean_outputs, stderr_of

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
LESSON = "[0-9][0-9]_*.py"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def build(script: Path, timeout: float = 1800.0) -> Path:
    """Run ``script`` in a fresh kernel in its own folder and write the notebook beside it.

    Args:
        script: a percent script.
        timeout: seconds that one cell may take.

    Returns:
        The path of the notebook that was written.

    Raises:
        CellExecutionError: a cell raised and is not tagged ``raises-exception``.
    """
    notebook = read_script(script)
    run(notebook, script.parent, timeout)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for line in stderr_of(cell.outputs):
                print(f"  {script.name} wrote to stderr (not stored): {line}")
    return write(tidy(notebook), script.with_suffix(".ipynb"))


def read_script(script: Path) -> NotebookNode:
    """The cells of a percent script as a notebook without outputs."""
    return jupytext.read(script, fmt={"extension": ".py", "format_name": "percent"})


def run(notebook: NotebookNode, folder: Path, timeout: float) -> None:
    """Run all cells in place, in a kernel of this environment that starts in ``folder``."""
    # The kernel chooses how to show figures; a backend set for this process would hide them.
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        NotebookClient(
            notebook,
            timeout=timeout,
            kernel_name=KERNEL["name"],
            resources={"metadata": {"path": str(folder)}},
            store_widget_state=False,
            record_timing=False,
        ).execute()
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend


def tidy(notebook: NotebookNode) -> NotebookNode:
    """A new notebook with what is stored: sources, tags, cleaned outputs, fixed ids and counts."""
    cells = []
    seen: Counter[str] = Counter()
    count = 0
    for cell in notebook.cells:
        kept = NotebookNode(
            id=_cell_id(cell, seen),
            cell_type=cell.cell_type,
            metadata=NotebookNode(
                {key: cell.metadata[key] for key in ("nbgrader", "tags") if key in cell.metadata}
            ),
            source=cell.source,
        )
        if cell.cell_type == "code":
            if cell.get("execution_count") is not None:
                count += 1
            kept.execution_count = count if cell.get("execution_count") is not None else None
            kept.outputs = clean_outputs(cell.outputs)
            for output in kept.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = count
        cells.append(kept)
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return nbformat.from_dict(
        {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    )


def _cell_id(cell: NotebookNode, seen: Counter[str]) -> str:
    """An id from the cell's contents, so that a new cell leaves the other cells' ids alone."""
    text = f"{cell.cell_type}\n{cell.source}"
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    seen[digest] += 1
    return digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"


def write(notebook: NotebookNode, path: Path) -> Path:
    """Write ``notebook`` to ``path`` whole or not at all."""
    nbformat.validate(notebook)
    text = nbformat.writes(notebook, version=nbformat.NO_CONVERT)
    part = path.with_name(path.name + ".part")
    part.write_text(text + "\n", encoding="utf-8", newline="\n")
    os.replace(part, path)
    return path


def chosen(names: list[str], folder: Path) -> list[Path]:
    """The scripts of the lessons named, or of all lessons when no name is given.

    Raises:
        ValueError: a name is no lesson.
    """
    lessons = {script.stem: script for script in sorted(folder.glob(LESSON))}
    unknown = [name for name in names if Path(name).stem not in lessons]
    if unknown:
        known = ", ".join(lessons) or "none yet"
        raise ValueError(f"{', '.join(unknown)} is no lesson in {folder.name}/; there are: {known}")
    return [lessons[Path(name).stem] for name in names] if names else list(lessons.values())


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the lessons and store their outputs.")
    parser.add_argument("names", nargs="*", help="lessons, as in 02_acgan; all when left out")
    parser.add_argument("--folder", type=Path, default=NOTEBOOKS, help="where the lessons lie")
    arguments = parser.parse_args()
    try:
        scripts = chosen(arguments.names, arguments.folder)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    failed = 0
    for script in scripts:
        try:
            print(f"{script.name}: running")
            print(f"{build(script).name}: written")
        except CellExecutionError as error:
            print(f"{script.name}: not written, a cell raised\n{error}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
