"""How long the class grid takes from a moved slider to new pixels.

    python benchmarks/class_grid.py

Ten rows and ten classes of 32 px, grey and RGB, on one thread of the CPU: one run, two side by
side, and two with real images and a closer look. A move sets a slider's value and ends when the
grid's PNG bytes are new; choosing a cell ends when the closer look's are, after the grid's. The
browser's own part comes on top. The generators have trained for a moment: their noisy samples
are hard to compress.
Writes benchmarks/results/class_grid.json.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch

import cgan_kit as kit

RESULT = Path(__file__).parent / "results" / "class_grid.json"
ROUNDS = 3


def trained_run(folder: str, data: kit.data.ImageSet, seed: int) -> kit.Run:
    gan = kit.GAN.for_images(data, conditioning=kit.losses.Projection(), seed=seed)
    training = kit.Training(
        gan, data, steps=20, folder=folder, checkpoints=9, precision=kit.Precision(), seed=seed
    )
    for _ in training:
        pass
    return training.run


def move(picture: Any, slider: Any, value: float) -> tuple[float, float]:
    """Milliseconds on the clock, and of processor time, until a picture is new."""
    clocks: list[tuple[float, float]] = []

    def look(_: object = None) -> None:
        clocks.append((time.perf_counter(), time.process_time()))

    picture.observe(look, names="value")
    look()
    slider.value = value
    picture.unobserve(look, names="value")
    assert len(clocks) == 2, "the picture did not change"
    return 1000 * (clocks[1][0] - clocks[0][0]), 1000 * (clocks[1][1] - clocks[0][1])


def summary(moves: list[tuple[float, float]]) -> dict[str, float]:
    wall, processor = (sorted(times) for times in zip(*moves, strict=True))
    return {
        "moves": len(wall),
        "median": round(statistics.median(wall), 1),
        "percentile_90": round(wall[int(0.9 * len(wall))], 1),
        "processor_median": round(statistics.median(processor), 1),
    }


def measured(grid: kit.widgets.ClassGrid) -> dict[str, Any]:
    """Milliseconds a move: a checkpoint's first showing, a later one, truncation, a cell."""
    assert len(grid.shown_classes) == 10
    steps, bounds = (
        [value for _, value in slider.options] for slider in (grid.checkpoint, grid.truncation)
    )
    first = [move(grid.image, grid.checkpoint, step) for step in steps[:-1]]
    again = [
        move(grid.image, grid.checkpoint, step)
        for _ in range(ROUNDS)
        for step in [*steps[1:], steps[0]]
    ]
    grid.checkpoint.value = steps[-1]
    truncation = [
        move(grid.image, grid.truncation, bound)
        for _ in range(ROUNDS)
        for bound in [*bounds[:-1], bounds[-1]]
    ]
    cells = {}
    if grid.closer is not None:
        rows = [value for _, value in grid.closer.row.options]
        chosen = [
            move(grid.closer.image, grid.closer.row, row)
            for _ in range(ROUNDS)
            for row in [*rows[1:], 0]
        ]
        cells = {"cell": summary(chosen)}
    return {
        "checkpoint_read_from_disk": summary(first),
        "checkpoint": summary(again),
        "truncation": summary(truncation),
        **cells,
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
    for name, channels in (("grey", 1), ("rgb", 3)):
        data = kit.data.load("shapes", size=32, channels=channels)
        assert isinstance(data, kit.data.ImageSet)
        with tempfile.TemporaryDirectory() as folder:
            runs = {f"run {k}": trained_run(f"{folder}/{k}", data, k) for k in (0, 1)}
            make = partial(kit.widgets.ClassGrid, rows=10)
            result[name] = measured(make(runs["run 0"]))
            result[f"{name}, two runs"] = measured(make(runs))
            result[f"{name}, two runs, real images, a closer look"] = measured(
                make(runs, real=data)
            )
    result["load_average_of_the_machine"] = round(os.getloadavg()[0], 1)
    RESULT.parent.mkdir(exist_ok=True)
    aside = RESULT.with_suffix(".part")
    aside.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(aside, RESULT)
    print(RESULT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
