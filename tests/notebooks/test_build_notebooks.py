"""The builder: what it stores, that it stores it twice alike, and that nbval agrees with it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from jupytext.config import load_jupytext_config
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from tools import notebook_guards
from tools.build_notebooks import build, chosen, read_script, tidy

ROOT = Path(__file__).resolve().parents[2]

LESSON = """\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A trial lesson

# %%
import base64
import sys

import ipywidgets
from IPython.display import display

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Grid:
    def __init__(self):
        self.image = ipywidgets.Image(value=DOT)
        self.box = ipywidgets.VBox([self.image])

    def _repr_mimebundle_(self, include=None, exclude=None):
        data = dict(self.box._repr_mimebundle_())
        data["text/plain"] = "a grid of 1 by 1 image"
        data["image/png"] = base64.b64encode(DOT).decode()
        return data, {"image/png": {"alt": "One red dot, drawn large."}}


# %%
print("in the lesson's folder:", __import__("os").path.exists("01_trial.py"))
print("in the environment of the tests:", sys.prefix == "SYS.PREFIX")
for step in range(3):
    print(f"\\r{step}", end="")
print(f"\\r{'done':4}", file=sys.stdout)
print("40%|####      | 4/10", file=sys.stderr)

# %%
Grid()

# %% tags=["nbval-ignore-output"]
print(__import__("random").random())

# %%
import asyncio

await asyncio.sleep(0)
1 + 1

# %% tags=["raises-exception"]
raise ValueError("labels has 12 classes")

# %%
1 + 1
"""


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like notebooks/ with one lesson, built."""
    folder = tmp_path_factory.mktemp("lessons")
    for name in ("jupytext.toml", "conftest.py"):
        shutil.copy(ROOT / "notebooks" / name, folder / name)
    script = folder / "01_trial.py"
    script.write_text(LESSON.replace("SYS.PREFIX", sys.prefix), encoding="utf-8")
    build(script, timeout=60)
    return folder


def stored(lesson: Path) -> NotebookNode:
    return nbformat.read(lesson / "01_trial.ipynb", as_version=nbformat.NO_CONVERT)


def nbval(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml")]
    command += ["-o", "addopts=-ra", "--rootdir", str(folder), "--nbval", "--nbval-current-env"]
    command += ["--nbval-sanitize-with", str(ROOT / "tests/notebooks/sanitize.cfg"), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_stored_outputs_are_what_a_reader_needs(lesson: Path) -> None:
    cells = stored(lesson).cells
    streams, widget, _, value, error, _ = (cell.outputs for cell in cells[2:])
    printed = ["in the lesson's folder: True", "in the environment of the tests: True", "done"]
    assert [output.text.splitlines() for output in streams] == [printed]
    assert set(widget[0].data) == {"image/png", "text/plain"}
    assert widget[0].metadata == {"image/png": {"alt": "One red dot, drawn large."}}
    assert value[0].data["text/plain"] == "2"
    assert error[0].ename == "ValueError"
    assert error[0].traceback == []


def test_nothing_of_the_clock_or_the_machine_is_stored(lesson: Path) -> None:
    notebook = stored(lesson)
    assert notebook.metadata.keys() == {"kernelspec", "language_info"}
    assert notebook.metadata.language_info == {"name": "python"}
    assert [cell.execution_count for cell in notebook.cells[1:]] == [1, 2, 3, 4, 5, 6, 7]
    assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)


def test_two_builds_give_the_same_bytes(tmp_path: Path) -> None:
    script = tmp_path / "01_again.py"
    script.write_text("# %% [markdown]\n# Again\n\n# %%\nprint({'a', 'b'} == {'b', 'a'})\n")
    first = build(script, timeout=60).read_bytes()
    assert build(script, timeout=60).read_bytes() == first


def test_cell_ids_come_from_the_contents(lesson: Path) -> None:
    script = read_script(lesson / "01_trial.py")
    ids = [cell.id for cell in tidy(script).cells]
    assert len(set(ids)) == len(ids)
    script.cells.insert(0, nbformat.v4.new_markdown_cell("A new first cell"))
    assert [cell.id for cell in tidy(script).cells][1:] == ids
    twins = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1") for _ in range(3)])
    assert len({cell.id for cell in tidy(twins).cells}) == 3


def test_a_lesson_that_raises_is_not_written(tmp_path: Path) -> None:
    script = tmp_path / "01_broken.py"
    script.write_text("# %%\n1 / 0\n")
    (tmp_path / "01_broken.ipynb").write_text("as it was")
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        build(script, timeout=60)
    assert (tmp_path / "01_broken.ipynb").read_text() == "as it was"


def test_unknown_lessons_are_named(lesson: Path) -> None:
    assert chosen([], lesson) == chosen(["01_trial"], lesson) == [lesson / "01_trial.py"]
    with pytest.raises(ValueError, match=r"02_acgan is no lesson in .*there are: 01_trial"):
        chosen(["02_acgan"], lesson)


def test_nbval_passes_a_built_lesson(lesson: Path) -> None:
    # Progress on stderr and the live widget view appear in the new run and not in the file.
    result = nbval(lesson)
    assert result.returncode == 0, result.stdout
    assert "7 passed" in result.stdout


def test_nbval_refuses_texts_that_no_longer_hold(lesson: Path, tmp_path: Path) -> None:
    notebook = stored(lesson)
    for cell in notebook.cells[2:]:
        outputs = json.dumps(cell.outputs)
        for old, new in (("done", "gone"), ("1 by 1", "2 by 2"), ("12 classes", "13 classes")):
            outputs = outputs.replace(old, new)
        cell.outputs = [nbformat.from_dict(output) for output in json.loads(outputs)]
    shutil.copytree(lesson, tmp_path, dirs_exist_ok=True)
    nbformat.write(notebook, tmp_path / "01_trial.ipynb", version=nbformat.NO_CONVERT)
    result = nbval(tmp_path)
    assert result.returncode == 1, result.stdout
    assert "3 failed, 4 passed" in result.stdout


def test_a_built_lesson_passes_the_guards(lesson: Path) -> None:
    notebook = stored(lesson)
    assert notebook_guards.out_of_step(read_script(lesson / "01_trial.py"), notebook) == []
    assert notebook_guards.silent_cells(notebook) == []
    assert notebook_guards.not_run(notebook) == []
    assert notebook_guards.without_alt_text(notebook) == []
    assert notebook_guards.not_portable(notebook) == []
    assert notebook_guards.unwanted_outputs(notebook) == []
    assert notebook_guards.compared_cells(notebook) == 5


def test_jupytext_keeps_tags_and_drops_what_editors_add(lesson: Path) -> None:
    config = load_jupytext_config(str(lesson / "01_trial.ipynb"))
    notebook = stored(lesson)
    notebook.metadata["toc"] = {"base_numbering": 1}
    notebook.cells[4].metadata["collapsed"] = True
    notebook.cells[4].metadata["execution"] = {"iopub.status.idle": "2026"}
    notebook.cells[5].metadata["nbgrader"] = {"grade": False}
    script = jupytext.writes(notebook, fmt="py:percent", config=config)
    assert '# %% tags=["nbval-ignore-output"]' in script
    assert "nbgrader" in script
    for dropped in ("toc", "collapsed", "execution", "text_representation", "language_info"):
        assert dropped not in script
    assert "ipynb,py:percent" in config.formats
