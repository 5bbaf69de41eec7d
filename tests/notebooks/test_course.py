"""The lessons as they are committed: in step with their scripts, not vacuous, portable."""

from pathlib import Path

import nbformat
import pytest
from jupytext.compare import compare_notebooks
from nbformat import NotebookNode

from tools import notebook_guards as guards
from tools.build_notebooks import LESSON, NOTEBOOKS, read_script
from tools.formulas import formulas, symbols

# The number of cells whose stored text nbval compares may not fall below these.
MINIMUM_COMPARED = {
    "00_start_here": 3,
    "01_gan": 11,
    "02_acgan": 15,
    "03_gradient_explosion": 8,
    "04_reacgan": 15,
    "05_measuring": 9,
}

GLOSSARY = guards.glossary_rows(
    (NOTEBOOKS.parent / "docs" / "glossary.md").read_text(encoding="utf-8")
)

SCRIPTS = sorted(NOTEBOOKS.glob(LESSON))
PAIRS = [pytest.param(script, id=script.stem) for script in SCRIPTS]


def stored(script: Path) -> NotebookNode:
    return nbformat.read(script.with_suffix(".ipynb"), as_version=nbformat.NO_CONVERT)


def test_every_script_has_its_notebook_and_every_notebook_its_script() -> None:
    notebooks = {path.stem for path in NOTEBOOKS.glob("*.ipynb")}
    assert notebooks == {script.stem for script in SCRIPTS}


@pytest.mark.parametrize("script", PAIRS)
def test_pair_is_in_step(script: Path) -> None:
    assert guards.out_of_step(read_script(script), stored(script)) == []


@pytest.mark.parametrize("script", PAIRS)
def test_jupytext_opens_the_pair_whichever_file_is_newer(script: Path) -> None:
    # After a clone the notebook may be the newer file; JupyterLab then opens it only if jupytext
    # finds the same inputs in both.
    compare_notebooks(stored(script), read_script(script), fmt="py:percent")


@pytest.mark.parametrize("script", PAIRS)
def test_no_cell_is_vacuous(script: Path) -> None:
    notebook = stored(script)
    assert guards.not_run(notebook) + guards.silent_cells(notebook) == []


@pytest.mark.parametrize("script", PAIRS)
def test_enough_cells_are_compared(script: Path) -> None:
    assert script.stem in MINIMUM_COMPARED, f"say in MINIMUM_COMPARED how many {script.stem} has"
    assert guards.compared_cells(stored(script)) >= MINIMUM_COMPARED[script.stem]


@pytest.mark.parametrize("script", PAIRS)
def test_images_have_alt_text(script: Path) -> None:
    assert guards.without_alt_text(stored(script)) == []


@pytest.mark.parametrize("script", PAIRS)
def test_outputs_are_portable(script: Path) -> None:
    notebook = stored(script)
    assert guards.not_portable(notebook) + guards.unwanted_outputs(notebook) == []


@pytest.mark.parametrize("script", PAIRS)
def test_every_symbol_is_in_the_glossary(script: Path) -> None:
    known = set().union(*(named for named, _ in GLOSSARY))
    assert guards.missing_from_glossary(read_script(script), known) == []


def test_every_row_of_the_glossary_is_used_and_names_a_lesson() -> None:
    prose = "\n\n".join(
        cell.source
        for script in SCRIPTS
        for cell in read_script(script).cells
        if cell.cell_type == "markdown"
    )
    used = {symbol for formula in formulas(prose) for symbol in symbols(formula)}
    names = {script.stem for script in SCRIPTS}
    for named, lessons in GLOSSARY:
        assert len(lessons & names) == len(lessons) == 1, f"{named} must link to one lesson"
        assert named & used, f"no lesson's formula holds {named}; take the row out"
