"""What benchmarks that collect rows share: a JSON file of them, one line each, and its numbers.

The file holds {"protocol": ..., "rows": [...]}. It is written whole or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import torch

Row = dict[str, Any]


def stored(results: Path) -> list[Row]:
    """The rows of the file; none where there is no file yet."""
    if not results.exists():
        return []
    rows: list[Row] = json.loads(results.read_text(encoding="utf-8"))["rows"]
    return rows


def keep(new: Sequence[Row], results: Path, protocol: Row, same: Sequence[str]) -> None:
    """Add rows to the file, in place of older ones that agree with them in all of `same`."""
    rows = stored(results)
    for row in new:
        rows = [old for old in rows if any(old[key] != row[key] for key in same)] + [row]
    rows.sort(key=lambda row: [order(row[key]) for key in same])
    lines = ",\n  ".join(json.dumps(row) for row in rows)
    told = json.dumps(protocol | {"torch": str(torch.__version__)}, indent=1)
    results.parent.mkdir(exist_ok=True)
    aside = results.with_suffix(f".{os.getpid()}")
    aside.write_text(f'{{"protocol": {told},\n "rows": [\n  {lines}\n]}}\n', encoding="utf-8")
    os.replace(aside, results)


def order(value: Any) -> tuple[bool, Any]:
    """Numbers by size, before all else by its text."""
    number = isinstance(value, (int, float))
    return not number, value if number else json.dumps(value)


def digits(number: float, count: int = 3) -> float:
    """The number to so many significant digits."""
    return float(f"{number:.{count}g}")


def spread(values: Sequence[float]) -> str:
    """mean [lowest, highest]; one value alone; a dash for none."""
    if not values:
        return "–"
    if len(values) == 1:
        return f"{values[0]:.2g}"
    return f"{mean(values):.2g} [{min(values):.2g}, {max(values):.2g}]"
