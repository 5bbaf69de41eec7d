"""How long the class grid takes from a moved slider to new pixels.

    python benchmarks/class_grid.py

Ten rows and ten classes of 32 px, grey and RGB, on one thread of the CPU. A move sets a
slider's value and ends when the picture's PNG bytes are new; the browser's own part comes on
top. The generators have trained for a moment: their noisy samples are hard to compress.
Writes benchmarks/results/class_grid.json.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

import cgan_kit as kit

RESULT = Path(__file__).parent / "results" / "class_grid.json"
ROUNDS = 6


def trained_run(folder: str, colour: bool) -> kit.Run:
    data = kit.data.load("shapes", size=32, channels=3 if colour else 1)
    gan = kit.GAN.for_images(data, conditioning=kit.losses.Projection(), seed=0)
    training = kit.Training(
        gan, data, steps=20, folder=folder, checkpoints=9, precision=kit.Precision(), seed=0
    )
    for _ in training:
        pass
    return training.run


def move(grid: kit.widgets.ClassGrid, slider: Any, value: float) -> tuple[float, float]:
    """Milliseconds on the clock, and of processor time, that one move takes."""
    before = grid.image.value
    start, start_processor = time.perf_counter(), time.process_time()
    slider.value = value
    spent = time.perf_counter() - start, time.process_time() - start_processor
    assert grid.image.value != before, "the picture did not change"
    return 1000 * spent[0], 1000 * spent[1]


def summary(moves: list[tuple[float, float]]) -> dict[str, float]:
    wall, processor = (sorted(times) for times in zip(*moves, strict=True))
    return {
        "moves": len(wall),
        "median": round(statistics.median(wall), 1),
        "percentile_90": round(wall[int(0.9 * len(wall))], 1),
        "processor_median": round(statistics.median(processor), 1),
    }


def measured(run: kit.Run) -> dict[str, Any]:
    """Milliseconds a move: a checkpoint's first showing, a later one, truncation."""
    grid = kit.widgets.ClassGrid(run, rows=10)
    assert len(grid.shown_classes) == 10
    steps, bounds = (
        [value for _, value in slider.options] for slider in (grid.checkpoint, grid.truncation)
    )
    first = [move(grid, grid.checkpoint, step) for step in steps[:-1]]
    again = [
        move(grid, grid.checkpoint, step) for _ in range(ROUNDS) for step in [*steps[1:], steps[0]]
    ]
    grid.checkpoint.value = steps[-1]
    truncation = [
        move(grid, grid.truncation, bound)
        for _ in range(ROUNDS)
        for bound in [*bounds[:-1], bounds[-1]]
    ]
    return {
        "checkpoint_read_from_disk": summary(first),
        "checkpoint": summary(again),
        "truncation": summary(truncation),
        "png_bytes": len(grid.image.value),
    }


def main() -> None:
    torch.set_num_threads(1)  # as the lessons do
    result: dict[str, Any] = {
        "what": "milliseconds from a moved slider to new PNG bytes, 10 × 10 images of 32 px",
        "cores": os.cpu_count(),
        "threads": 1,
        "machine": platform.machine(),
        "torch": str(torch.__version__),
    }
    for name, colour in (("grey", False), ("rgb", True)):
        with tempfile.TemporaryDirectory() as folder:
            run = trained_run(f"{folder}/run", colour)
            result[name] = measured(run)
    result["load_average_of_the_machine"] = round(os.getloadavg()[0], 1)
    RESULT.parent.mkdir(exist_ok=True)
    aside = RESULT.with_suffix(".part")
    aside.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(aside, RESULT)
    print(RESULT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
