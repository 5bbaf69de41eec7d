"""Each guard of the notebooks goes red on a notebook made to break it."""

import nbformat
import pytest
from nbformat import NotebookNode

from tools import notebook_guards as guards
from tools.notebook_outputs import WIDGET_VIEW

V4 = nbformat.v4
A_CELL = V4.new_code_cell("print(1)", execution_count=1)


def a_notebook(
    source: str = "print(1)",
    outputs: list[NotebookNode] | None = None,
    tags: list[str] | None = None,
) -> NotebookNode:
    cell = V4.new_code_cell(source, outputs=outputs or [], execution_count=1)
    if tags:
        cell.metadata["tags"] = tags
    return V4.new_notebook(cells=[V4.new_markdown_cell("# Title"), cell])


def text(words: str) -> NotebookNode:
    return V4.new_output("stream", name="stdout", text=words)


def image(alt: str | None) -> NotebookNode:
    metadata = {} if alt is None else {"image/png": {"alt": alt}}
    return V4.new_output("display_data", data={"image/png": "aGVsbG8="}, metadata=metadata)


def test_pairs_in_step_pass() -> None:
    assert guards.out_of_step(a_notebook(), a_notebook(outputs=[text("1\n")])) == []


@pytest.mark.parametrize(
    ("stored", "word"),
    [
        (a_notebook("print(2)"), "source"),
        (a_notebook(tags=["nbval-ignore-output"]), "tags"),
        (V4.new_notebook(cells=[V4.new_markdown_cell("# Title")]), "2 cells, the notebook 1"),
        (
            V4.new_notebook(cells=[V4.new_code_cell("# Title"), V4.new_code_cell("print(1)")]),
            "kind",
        ),
    ],
)
def test_pairs_out_of_step_fail(stored: NotebookNode, word: str) -> None:
    complaints = guards.out_of_step(a_notebook(), stored)
    assert len(complaints) == 1
    assert word in complaints[0]


@pytest.mark.parametrize(
    "source",
    [
        "print(1)",
        "for k in range(3):\n    print(k)",
        "with a:\n    display(b)",
        "kit.plots.show(figure, alt='...')",
        "accuracy",
        "run.history()[-1]",
        "f'{accuracy:.2f}'",
        "kit.widgets.ClassGrid(run)",
        "%matplotlib inline\nx + 1",
    ],
)
def test_a_cell_that_shows_something_must_store_it(source: str) -> None:
    assert guards.would_show(source)
    assert len(guards.silent_cells(a_notebook(source))) == 1
    assert guards.silent_cells(a_notebook(source, outputs=[text("1")])) == []


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "def f():\n    print(1)",
        "training.stop()",
        "torch.manual_seed(0);",
        "ClassGrid(run);",
        "await training.run()",
        "import torch",
        "# a remark",
        "%pip list",
        "not ( python",
        "",
    ],
)
def test_a_silent_cell_may_store_nothing(source: str) -> None:
    assert not guards.would_show(source)
    assert guards.silent_cells(a_notebook(source)) == []


def test_cells_that_never_ran_fail() -> None:
    notebook = a_notebook()
    assert guards.not_run(notebook) == []
    notebook.cells[1].execution_count = None
    assert guards.not_run(notebook) == ["cell 1 was never run"]


def test_compared_cells_are_counted() -> None:
    assert guards.compared_cells(a_notebook(outputs=[text("1")])) == 1
    assert guards.compared_cells(a_notebook()) == 0
    assert guards.compared_cells(a_notebook(outputs=[image("A grid of digits.")])) == 0
    assert guards.compared_cells(a_notebook(outputs=[text(" \n")])) == 0
    ignored = a_notebook(outputs=[text("1")], tags=["nbval-ignore-output"])
    assert guards.compared_cells(ignored) == 0
    remark = a_notebook("# NBVAL_IGNORE_OUTPUT\nprint(1)", outputs=[text("1")])
    assert guards.compared_cells(remark) == 0
    never_ran = a_notebook(outputs=[text("1")])
    never_ran.cells[1].execution_count = None
    assert guards.compared_cells(never_ran) == 0


def test_images_need_a_description() -> None:
    described = a_notebook(outputs=[image("Ten rows of handwritten digits.")])
    assert guards.without_alt_text(described) == []
    for alt in (None, "", "a figure"):
        assert len(guards.without_alt_text(a_notebook(outputs=[image(alt)]))) == 1


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("trained in 12.3 s", "a time"),
        ("took 5 minutes", "a time"),
        ("40 it/s", "a time"),
        ("finished at 12:31", "a time"),
        ("built on 2026-11-22", "a date"),
        ("saved to /mnt/ada/runs", "a path"),
        ("saved to ~/runs/digits", "a path"),
        ("saved to C:\\Users", "a path"),
        ("<Generator at 0x7f3a2b4c5d60>", "a memory address"),
        ("see http://example.org", "a network address"),
        ("open localhost", "a network address"),
        ("serving on 127.0.0.1", "a network address"),
        (" 40%|####      | 4/10", "progress"),
    ],
)
def test_what_another_machine_would_not_give_fails(words: str, what: str) -> None:
    complaints = guards.not_portable(a_notebook(outputs=[text(words)]))
    assert any(f"stores {what}:" in complaint for complaint in complaints)
    value = V4.new_output("execute_result", data={"text/plain": words}, execution_count=1)
    assert guards.not_portable(a_notebook(outputs=[value]))


@pytest.mark.parametrize(
    "words",
    [
        "accuracy 0.98, coverage 0.88 of 0.91",
        "12 classes, 300 steps, 64 images a batch",
        "D(real)/D(fake) and G/D, 1/2",
        "runs/digits",
        "version 2.15.0",
        "torch.Size([64, 1, 16, 16])",
        "minimum 3, mean 4.5 samples",
    ],
)
def test_plain_results_pass(words: str) -> None:
    assert guards.not_portable(a_notebook(outputs=[text(words)])) == []


def test_stored_errors_must_be_asked_for() -> None:
    error = V4.new_output("error", ename="ValueError", evalue="no", traceback=[])
    assert guards.unwanted_outputs(a_notebook(outputs=[error])) == [
        "cell 1 stores the error ValueError"
    ]
    assert guards.unwanted_outputs(a_notebook(outputs=[error], tags=["raises-exception"])) == []


@pytest.mark.parametrize(
    "output",
    [
        V4.new_output("stream", name="stderr", text="UserWarning: slow"),
        V4.new_output("error", ename="E", evalue="no", traceback=["in a file"]),
        V4.new_output("display_data", data={WIDGET_VIEW: {}}),
        V4.new_output("display_data", data={"text/plain": "<Figure size 640x480 with 1 Axes>"}),
    ],
)
def test_outputs_must_be_the_builders(output: NotebookNode) -> None:
    complaints = guards.unwanted_outputs(a_notebook(outputs=[output], tags=["raises-exception"]))
    assert complaints == ["cell 1 was not stored by tools/build_notebooks.py"]


def test_widget_state_is_not_stored() -> None:
    notebook = a_notebook(outputs=[text("1")])
    notebook.metadata["widgets"] = {}
    assert guards.unwanted_outputs(notebook) == ["the notebook stores widget state"]


GLOSSARY = r"""# Symbols

| symbol | meaning | defined in |
|---|---|---|
| $z$ | noise | [00](../notebooks/00_start_here.ipynb) |
| $L_C$, $\lambda$ | a loss of $q$, and its weight | [02](../notebooks/02_acgan.ipynb) |

An $r$ in prose is no row.
"""


def test_the_glossary_is_what_its_first_columns_name() -> None:
    assert guards.glossary_rows(GLOSSARY) == [
        ({"z"}, {"00_start_here"}),
        ({"L_C", r"\lambda"}, {"02_acgan"}),
    ]


@pytest.mark.parametrize(
    ("markdown", "missing"),
    [
        (r"from $z$ to $\lambda L_C$ and $\log 2$", []),
        (r"the weight $\mu$", [r"\mu"]),
        (r"$$L_S + L_C$$", ["L_S"]),
        (r"$z_\text{real}$ is not $z$", ["z_real"]),
        (r"`$q$` is code", []),
    ],
)
def test_a_symbol_without_a_row_fails(markdown: str, missing: list[str]) -> None:
    known = set().union(*(named for named, _ in guards.glossary_rows(GLOSSARY)))
    notebook = V4.new_notebook(cells=[V4.new_markdown_cell(markdown), A_CELL])
    complaints = guards.missing_from_glossary(notebook, known)
    assert [complaint.split("$")[1] for complaint in complaints] == missing
    assert all("docs/glossary.md" in complaint for complaint in complaints)
