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

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from latency import machine, summary, write

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
    result: dict[str, Any] = {
        "what": "milliseconds from a moved slider to new PNG bytes, 10 × 10 images of 32 px",
        **machine(),
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
    write(result, RESULT)


if __name__ == "__main__":
    main()
