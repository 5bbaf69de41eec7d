"""What the lessons take: measured in a kernel, and told the same way by the page."""

import json
from pathlib import Path

import nbformat
import pytest

from tools import measure_lessons
from tools.build_notebooks import LESSON, NOTEBOOKS

V4 = nbformat.v4


def test_every_lesson_was_measured() -> None:
    measured = json.loads(measure_lessons.RESULTS.read_text())["lessons"]
    assert list(measured) == [script.stem for script in sorted(NOTEBOOKS.glob(LESSON))]
    for name, values in measured.items():
        assert set(values) == set(measure_lessons.MEASURED), name
        assert all(value > 0 for value in values.values()), name


def test_the_page_says_what_was_measured() -> None:
    results = json.loads(measure_lessons.RESULTS.read_text())
    page = measure_lessons.PAGE.read_text(encoding="utf-8")
    assert page == measure_lessons.page(results), "run tools/measure_lessons.py --page"


def test_a_kernel_is_measured(tmp_path: Path) -> None:
    script = tmp_path / "09_busy.py"
    script.write_text(
        "# %%\nimport time\nheld = b'x' * 300_000_000\ndel held\n"
        "end = time.process_time() + 1.5\nwhile time.process_time() < end:\n    pass\n"
    )
    values = measure_lessons.measure(script)
    assert 1.5 / 60 <= values["processor_minutes"] + 0.005 < 0.5
    assert values["minutes"] + 0.005 >= 1.5 / 60
    assert 300 < values["peak_memory_mb"] < 3000
    assert list(tmp_path.glob("*.ipynb")) == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two lessons: one with two exercises and a widget beside a figure, one with nothing."""
    outputs = [
        V4.new_output(
            "display_data",
            data={"image/png": "aGVsbG8=", "text/plain": text},
            metadata={"image/png": {"alt": "A grid of digits."}},
        )
        for text in ("A grid of digits.", "ClassGrid: 4 z down")
    ]
    outputs.append(V4.new_output("stream", text="ClassGrid: said in print"))
    full = [
        V4.new_markdown_cell("# 01 · First"),
        V4.new_code_cell("x", outputs=outputs),
        V4.new_markdown_cell("## Exercises\n\n### 1 · Do (easy, 5 minutes)\n\nIn 5 minutes."),
        V4.new_markdown_cell("### 2 · Do more (hard, 15 minutes)"),
        V4.new_code_cell("y"),
    ]
    for name, cells in (("01_first", full), ("02_second", [V4.new_markdown_cell("# 02 · Next")])):
        (tmp_path / f"{name}.py").touch()
        nbformat.write(V4.new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    return tmp_path


def test_the_page_counts_and_adds(folder: Path) -> None:
    machine = {"cores": 2, "gpu": "no GPU", "system": "Linux", "python": "3", "torch": "2"}
    first = {"minutes": 1.26, "processor_minutes": 2.0, "peak_memory_mb": 1234}
    second = {"minutes": 2.0, "processor_minutes": 0.5, "peak_memory_mb": 900}
    measured = {"01_first": first, "02_second": second}
    page = measure_lessons.page({"machine": machine, "lessons": measured}, folder)
    assert page.splitlines()[-3:] == [
        "| [01 · First](../notebooks/01_first.ipynb) | 1.3 | 2.0 | 1,234 | 2 | 1 | 2 |",
        "| [02 · Next](../notebooks/02_second.ipynb) | 2.0 | 0.5 | 900 | 0 | 0 | 0 |",
        "| **all** | 3.3 | 2.5 | 1,234 | 2 | 1 | 2 |",
    ]
    del measured["02_second"]
    page = measure_lessons.page({"machine": machine, "lessons": measured}, folder)
    assert "| – | – | – | 0 | 0 | 0 |" in page
