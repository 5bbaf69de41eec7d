"""What the laboratory's studies share: rows kept in a JSON file, one a setting and seed; tables."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

sys.path.append(str(Path(__file__).resolve().parents[1]))  # the other benchmarks' folder

from rows import Row, digits, keep, stored


@dataclass(frozen=True)
class Laboratory:
    """Settings to run, how one is run, and the file that has what came out.

    Arguments:
        results: the JSON file.
        protocol: what holds for every row, in words.
        studies: name -> settings, each a dataclass that says all a run depends on but its seed.
        run_once: (setting, seed) -> a row with both, and what was measured.
        columns: names for the table, beside setting and seeds.
        cells: rows of one setting -> a text for each column.
    """

    results: Path
    protocol: dict[str, str]
    studies: dict[str, list[Any]]
    run_once: Callable[[Any, int], Row]
    columns: Sequence[str]
    cells: Callable[[list[Row]], Iterator[str]]

    def found(self, setting: Any) -> list[Row]:
        """The rows of one setting, one a seed."""
        wanted = json.loads(json.dumps(asdict(setting)))
        return [row for row in stored(self.results) if row["setting"] == wanted]

    def title(self, setting: Any, study: str) -> str:
        """What sets it apart within its study."""
        others = [asdict(each) for each in self.studies[study]]
        own = asdict(setting)
        differs = [key for key in own if any(each[key] != own[key] for each in others)]
        return ", ".join(f"{key} {own[key]}" if own[key] else f"no {key}" for key in differs)

    def table(self) -> Iterator[str]:
        """Markdown: for each study its settings, and what `cells` says of their rows."""
        for study, settings in self.studies.items():
            yield f"\n**{study}**\n"
            yield "| setting | seeds | " + " | ".join(self.columns) + " |"
            yield "|---" * (len(self.columns) + 2) + "|"
            for setting in settings:
                rows = self.found(setting)
                if rows:
                    named = f"{self.title(setting, study)} | {len(rows)}"
                    yield f"| {named} | " + " | ".join(self.cells(rows)) + " |"

    def main(self, description: str) -> None:
        """The command line of a study."""
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("--dials", nargs="+", choices=list(self.studies))
        parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
        parser.add_argument("--threads", type=int, default=1)
        parser.add_argument("--table", action="store_true", help="print what is stored")
        given = parser.parse_args()
        if given.table:
            print("\n".join(self.table()))
            return
        torch.set_num_threads(given.threads)
        for seed in given.seeds:
            for study in given.dials or self.studies:
                for setting in self.studies[study]:
                    if seed not in [row["seed"] for row in self.found(setting)]:
                        row = self.run_once(setting, seed)
                        row = {name: rounded(value) for name, value in row.items()}
                        keep([row], self.results, self.protocol, ("setting", "seed"))
                        print(study, "|", self.title(setting, study), seed, flush=True)


def rounded(value: Any) -> Any:
    """Three digits of every float, in lists too."""
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return digits(value) if isinstance(value, float) else value
