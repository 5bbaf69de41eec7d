"""What a measurement says, how it was made, and how it prints."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cgan_kit.metrics.oracle_metrics import OracleReport
from cgan_kit.metrics.tables import number_text, table
from cgan_kit.writing import write_text


class Value(NamedTuple):
    """One metric: of the generated images, of as many real ones, and of perfect ones.

    real: the floor as it is measured, and it scatters as any sample does.
    perfect: the floor as a formula expects it, NaN where there is none. It is not the best
        value possible.
    low, high: the interval of 95 % around `generated`; NaN where there is none.
    """

    generated: float
    real: float
    perfect: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, repr=False)
class Report:
    """The rows of `evaluate`, with their protocol.

    Attributes:
        values: name -> `Value`, in the order of the rows; `report["coverage"].generated`.
        protocol: how they were measured, as plain numbers and texts.
        oracle: classes and factors of the generated images one by one, for sets that have an
            oracle; None for others.
    """

    values: dict[str, Value]
    protocol: dict[str, Any]
    oracle: OracleReport | None = None

    def __getitem__(self, name: str) -> Value:
        if name not in self.values:
            raise KeyError(f"no metric {name!r}; there are {', '.join(map(repr, self.values))}")
        return self.values[name]

    def __repr__(self) -> str:
        return f"{self.table()}\n\n{self.footnote()}"

    def table(self, decimals: int = 2) -> str:
        """The rows as plain text of fixed width; a dash where nothing can be said."""
        rows = [
            (name, v.generated, interval_text(v.low, v.high, decimals), v.real, v.perfect)
            for name, v in self.values.items()
        ]
        return table(("", "generated", "95 % interval", "real", "perfect"), rows, decimals)

    def footnote(self) -> str:
        """What the numbers stand on, in a few lines."""
        keys = ("reference", "real", "features", "k", "weights", "batch_norm")
        return "\n".join(f"{key}: {self.protocol[key]}" for key in keys if key in self.protocol)

    def to_dict(self) -> dict[str, Any]:
        """Values and protocol, ready for JSON; NaN becomes None."""
        values = {
            name: {key: finite_or_none(number) for key, number in value._asdict().items()}
            for name, value in self.values.items()
        }
        oracle = None if self.oracle is None else self.oracle.to_dict()
        return {"values": values, "protocol": self.protocol, "oracle": oracle}

    def save(self, path: Path | str) -> None:
        """`to_dict()` as JSON; a file that is there is replaced whole."""
        save_json(self.to_dict(), path)


def interval_text(low: float, high: float, decimals: int) -> str | None:
    """The two ends with a dash between them; None where there is no interval."""
    if math.isnan(low) or math.isnan(high):
        return None
    return f"{number_text(low, decimals)} – {number_text(high, decimals)}"


def save_json(content: dict[str, Any], path: Path | str) -> None:
    """JSON into a file; one that is there is replaced whole.

    Raises:
        OSError: a disk that is full, or a folder that may not be written.
    """
    write_text(Path(path), json.dumps(content, indent=1) + "\n")


def finite_or_none(value: float) -> float | None:
    """JSON knows neither NaN nor infinity."""
    return value if math.isfinite(value) else None
