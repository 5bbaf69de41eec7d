"""What a measurement says, how it was made, and how it prints."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cgan_kit.metrics.oracle_metrics import OracleReport
from cgan_kit.metrics.tables import table


class Value(NamedTuple):
    """One metric: of the generated images, of as many real ones, and of perfect ones.

    `perfect` is an expectation from a formula, NaN where there is none. It is not the best
    value possible, and real images scatter around it.
    """

    generated: float
    real: float
    perfect: float


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
        return self.table()

    def table(self, decimals: int = 2) -> str:
        """The rows as plain text of fixed width; a dash where nothing can be said."""
        rows = [(name, *value) for name, value in self.values.items()]
        return table(("", "generated", "real", "perfect"), rows, decimals)

    def to_dict(self) -> dict[str, Any]:
        """Values and protocol, ready for JSON; NaN becomes None."""
        values = {
            name: {key: _number(number) for key, number in value._asdict().items()}
            for name, value in self.values.items()
        }
        oracle = None if self.oracle is None else self.oracle.to_dict()
        return {"values": values, "protocol": self.protocol, "oracle": oracle}

    def save(self, path: Path | str) -> None:
        """`to_dict()` as JSON; a file that is there is replaced whole."""
        path = Path(path)
        aside = path.with_name(f"{path.name}.{os.getpid()}.aside")
        aside.write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")
        os.replace(aside, path)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
