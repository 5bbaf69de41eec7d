"""How long the other widgets take from a moved control to new pixels.

    python benchmarks/widgets.py

The class grid and the playground have benchmarks of their own. Each control goes through its
values on what the lessons show: the runs that ship, and digits; once, for some widgets keep what
they have drawn. One thread of the CPU. A move ends when every picture is drawn; the browser's own
part comes on top. Writes benchmarks/results/widgets.json.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from latency import machine, summary, write

import cgan_kit as kit
from cgan_kit import metrics, widgets

RESULT = Path(__file__).parent / "results" / "widgets.json"
SHIPPED = Path(__file__).parent.parent / "data" / "runs"
MOVES = 20


def laboratory() -> Any:
    train, held_out = kit.data.load("digits", size=16).split(held_out=0.2, seed=0)
    return widgets.MetricLaboratory(metrics.Bench(train, held_out, metrics.train_classifier(train)))


def panel() -> Any:
    names = ("acgan-0", "reacgan-0")
    return widgets.TrainingPanel({name: kit.Run(SHIPPED / "explosion" / name) for name in names})


WIDGETS: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "FactorDial": (widgets.FactorDial, ("norm", "p")),
    "Hypersphere": (widgets.Hypersphere, ("loss", "temperature", "angle")),
    "Hypersphere, sphere": (lambda: widgets.Hypersphere(dimensions=3), ("view", "latitude")),
    "Interpolate": (
        lambda: widgets.Interpolate(kit.Run(SHIPPED / "shapes" / "acgan-0")),
        ("t", "s", "end", "second", "checkpoint"),
    ),
    "TrainingPanel": (panel, ("run", "checkpoint")),
    "MetricLaboratory": (laboratory, ("modes", "duplicated", "sigma", "mixed")),
}


def others(control: Any) -> list[Any]:
    """Every value but the present one; the first MOVES of them."""
    if hasattr(control, "options"):
        pairs = [each if isinstance(each, tuple) else (each, each) for each in control.options]
        values = [value for _, value in pairs]
    else:
        values = list(range(control.min, control.max + 1, control.step))
    return [value for value in values if value != control.value][:MOVES]


def measured(control: Any) -> dict[str, float]:
    times = []
    for value in others(control):
        start, start_processor = time.perf_counter(), time.process_time()
        control.value = value
        spent = time.perf_counter() - start, time.process_time() - start_processor
        times.append((1000 * spent[0], 1000 * spent[1]))
    return summary(times)


def main() -> None:
    result: dict[str, Any] = {
        "what": "milliseconds from a moved control to new PNG bytes",
        **machine(),
    }
    for name, (make, controls) in WIDGETS.items():
        widget = make()
        result[name] = {control: measured(getattr(widget, control)) for control in controls}
    write(result, RESULT)


if __name__ == "__main__":
    main()
