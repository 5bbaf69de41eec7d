"""What a stored lesson must not be: out of step with its script, vacuous, or tied to one machine.

Each guard returns complaints in words, one a fault; an empty list is a pass.
"""

from __future__ import annotations

import ast
import re

from nbformat import NotebookNode

from tools.formulas import formulas, symbols
from tools.notebook_outputs import clean_outputs

SHOWS = {"print", "pprint", "display", "show"}
# Words in a source or a tag that keep nbval from comparing a cell.
NOT_COMPARED = {"nbval-ignore-output", "nbval-skip"}
NOT_PORTABLE = {
    "a time": re.compile(
        r"\b\d+(?:\.\d+)? ?(?:ns|µs|us|ms|s|secs?|seconds?|mins?|minutes?|hours?)\b"
        r"|\b(?:\d{1,2}:)?[0-2]\d:[0-5]\d\b|\b\d+(?:\.\d+)? ?(?:it|steps?|images?)/s\b|\bs/it\b"
    ),
    "a date": re.compile(r"\b20\d\d-[01]\d-[0-3]\d\b"),
    "a path": re.compile(r"(?<![\w.:/<>~])~?(?:/[\w.@+-]+){2,}|\b[A-Za-z]:\\\w"),
    "a memory address": re.compile(r"\b0x[0-9a-fA-F]{6,}\b"),
    "a network address": re.compile(
        r"\b[a-z][a-z0-9+.-]*://\S|\blocalhost\b|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])"
    ),
    "progress": re.compile(r"\d+%\|"),
}


def out_of_step(script: NotebookNode, stored: NotebookNode) -> list[str]:
    """Cells of the pair that differ in kind, source or tags."""
    if len(script.cells) != len(stored.cells):
        return [f"the script has {len(script.cells)} cells, the notebook {len(stored.cells)}"]
    complaints = []
    for index, (ours, theirs) in enumerate(zip(script.cells, stored.cells, strict=True)):
        for what, one, other in (
            ("kind", ours.cell_type, theirs.cell_type),
            ("source", ours.source, theirs.source),
            ("tags", ours.metadata.get("tags", []), theirs.metadata.get("tags", [])),
        ):
            if one != other:
                complaints.append(f"cell {index}: {what} differs between script and notebook")
    return complaints


def silent_cells(stored: NotebookNode) -> list[str]:
    """Code cells that would show something when run, and store nothing."""
    return [
        f"cell {index} shows something when run and stores no output"
        for index, cell in enumerate(stored.cells)
        if cell.cell_type == "code"
        and "nbval-skip" not in cell.metadata.get("tags", [])
        and not cell.outputs
        and would_show(cell.source)
    ]


def not_run(stored: NotebookNode) -> list[str]:
    """Code cells without an execution count: nbval compares nothing there."""
    return [
        f"cell {index} was never run"
        for index, cell in enumerate(stored.cells)
        if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None
    ]


def compared_cells(stored: NotebookNode) -> int:
    """Number of code cells whose stored text nbval compares with a new run."""
    return sum(_is_compared(cell) for cell in stored.cells)


def without_alt_text(stored: NotebookNode) -> list[str]:
    """Images without a description of at least three words."""
    complaints = []
    for index, output in _outputs(stored):
        for mime in output.get("data", {}):
            if not mime.startswith("image/"):
                continue
            alt = output.metadata.get(mime, {}).get("alt", "")
            if len(str(alt).split()) < 3:
                complaints.append(f"cell {index}: {mime} has alt text {alt!r}; describe the image")
    return complaints


def not_portable(stored: NotebookNode) -> list[str]:
    """Stored text that another machine or another day would not give."""
    complaints = []
    for index, output in _outputs(stored):
        for text in _texts(output):
            for what, pattern in NOT_PORTABLE.items():
                found = pattern.search(text)
                if found:
                    complaints.append(f"cell {index} stores {what}: {found.group(0)!r}")
    return complaints


def unwanted_outputs(stored: NotebookNode) -> list[str]:
    """Stored errors that nobody asked for, and outputs that the builder would have cleaned."""
    complaints = []
    for index, cell in enumerate(stored.cells):
        if cell.cell_type != "code":
            continue
        tags = cell.metadata.get("tags", [])
        for output in cell.outputs:
            if output.output_type == "error" and "raises-exception" not in tags:
                complaints.append(f"cell {index} stores the error {output.ename}")
        if clean_outputs(cell.outputs) != cell.outputs:
            complaints.append(f"cell {index} was not stored by tools/build_notebooks.py")
    if "widgets" in stored.metadata:
        complaints.append("the notebook stores widget state")
    return complaints


def glossary_rows(glossary: str) -> list[tuple[set[str], set[str]]]:
    """(symbols in the first column, names of the lessons linked to) of each row of its tables."""
    rows = []
    for line in glossary.splitlines():
        cells = line.strip().strip("|").split("|")
        named = {each for formula in formulas(cells[0]) for each in symbols(formula)}
        if line.startswith("|") and named:
            rows.append((named, set(re.findall(r"(\w+)\.ipynb\)", cells[-1]))))
    return rows


def missing_from_glossary(stored: NotebookNode, known: set[str]) -> list[str]:
    """Symbols in a lesson's formulas that no row of docs/glossary.md explains."""
    return [
        f"cell {index}: ${symbol}$ in ${formula}$ is missing from docs/glossary.md"
        for index, cell in enumerate(stored.cells)
        if cell.cell_type == "markdown"
        for formula in formulas(cell.source)
        for symbol in sorted(symbols(formula) - known)
    ]


def would_show(source: str) -> bool:
    """Whether running ``source`` as a cell shows something, as far as its text can tell.

    It does when it prints or displays outside a function, or ends on a value: an expression, a
    call of a show function, or a call of a class (a widget, say). A final semicolon silences.
    """
    lines = [line for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))]
    text = "\n".join(lines)
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return False  # running the lesson says so better
    if any(_called(node) in SHOWS for statement in body for node in _outside_functions(statement)):
        return True
    if not body or not isinstance(body[-1], ast.Expr) or text.rstrip().endswith(";"):
        return False
    value = body[-1].value
    if isinstance(value, ast.Await):
        return False
    if isinstance(value, ast.Call):
        return _called(value)[:1].isupper()
    return True


def _outside_functions(node: ast.AST) -> list[ast.AST]:
    """``node`` and what lies in it, without the bodies of functions: those run when called."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return []
    found = [node]
    for child in ast.iter_child_nodes(node):
        found += _outside_functions(child)
    return found


def _called(node: ast.AST) -> str:
    """The last name of what a call calls (``show`` in ``kit.plots.show()``), or nothing."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _is_compared(cell: NotebookNode) -> bool:
    if cell.cell_type != "code" or cell.execution_count is None:
        return False
    if NOT_COMPARED & set(cell.metadata.get("tags", [])):
        return False
    if re.search(r"^\s*#\s*(NBVAL_IGNORE_OUTPUT|NBVAL_SKIP)\b", cell.source, re.MULTILINE):
        return False
    return any(text.strip() for output in cell.outputs for text in _texts(output))


def _outputs(stored: NotebookNode) -> list[tuple[int, NotebookNode]]:
    return [
        (index, output)
        for index, cell in enumerate(stored.cells)
        if cell.cell_type == "code"
        for output in cell.outputs
    ]


def _texts(output: NotebookNode) -> list[str]:
    """The readable texts of an output: a stream, the text forms of a value, an error's message."""
    if output.output_type == "stream":
        return [output.text]
    if output.output_type == "error":
        return [output.evalue]
    return [
        str(value)
        for mime, value in output.data.items()
        if mime.startswith("text/") or mime.endswith("json")
    ]
