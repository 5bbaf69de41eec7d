"""What the widgets' benchmarks share: one thread, a summary of times, and a JSON file of them."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch


def summary(times: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Of milliseconds on the clock and of processor time, a pair for each action."""
    wall, processor = (sorted(each) for each in zip(*times, strict=True))
    return {
        "actions": len(wall),
        "median": round(statistics.median(wall), 1),
        "percentile_90": round(wall[int(0.9 * len(wall))], 1),
        "processor_median": round(statistics.median(processor), 1),
    }


def machine() -> dict[str, Any]:
    """Call it first: from here on torch has one thread, as in the lessons."""
    torch.set_num_threads(1)
    return {
        "cores": os.cpu_count(),
        "threads": 1,
        "machine": platform.machine(),
        "torch": str(torch.__version__),
    }


def write(result: dict[str, Any], path: Path) -> None:
    """With the machine's load by now; whole or not at all."""
    result = result | {"load_average_of_the_machine": round(os.getloadavg()[0], 1)}
    aside = path.with_suffix(".part")
    aside.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(aside, path)
    print(path.read_text(encoding="utf-8"))
