"""Numbers in columns of fixed width, so that a stored output stays the same, line by line."""

from __future__ import annotations

import math
from collections.abc import Sequence

Cell = float | int | str | None


def table(header: Sequence[str], rows: Sequence[Sequence[Cell]], decimals: int = 2) -> str:
    """Plain text: first column to the left, the others to the right.

    Arguments:
        header: one name a column; the first may be empty.
        rows: text as it stands, integers whole, floats rounded; None and NaN are a dash.
        decimals: of floats, at least 0.

    Raises:
        ValueError: decimals below 0.
    """
    if decimals < 0:
        raise ValueError(f"decimals is {decimals}; give 0 or more, such as 2")
    lines = [list(header), *([_text(cell, decimals) for cell in row] for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    text = [
        "  ".join(
            [line[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        )
        for line in lines
    ]
    return "\n".join(line.rstrip() for line in text)


def number_text(value: float, decimals: int) -> str:
    """A float with so many decimals; a dash for NaN."""
    # Adding 0 turns a rounded -0.0 into 0.0.
    return "–" if math.isnan(value) else f"{round(value, decimals) + 0.0:.{decimals}f}"


def _text(cell: Cell, decimals: int) -> str:
    if cell is None:
        return "–"
    return number_text(cell, decimals) if isinstance(cell, float) else str(cell)
