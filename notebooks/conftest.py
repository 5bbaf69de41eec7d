"""How nbval compares these lessons: on what the builder stores, and on nothing else."""

from collections.abc import Sequence
from typing import Any

import pytest
from nbformat import NotebookNode

from tools.notebook_outputs import clean_outputs


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if type(item).__name__ == "IPyNbCell":
            _compare_cleaned(item)


def _compare_cleaned(cell: Any) -> None:
    compare = cell.compare_outputs

    def compare_cleaned(new: Sequence[NotebookNode], stored: Sequence[NotebookNode]) -> bool:
        return bool(compare(clean_outputs(new), clean_outputs(stored)))

    cell.compare_outputs = compare_cleaned
