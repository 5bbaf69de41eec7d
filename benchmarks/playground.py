"""How long the playground takes from a press or a moved slider to new pixels.

    python benchmarks/playground.py

10,000 points, 100 fake ones shown, one thread of the CPU. An action ends when the picture's PNG
bytes are new; the browser's own part comes on top. Rewinding plays up to 24 turns once more.
Writes benchmarks/results/playground.json.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from latency import machine, summary, write

import cgan_kit as kit
from cgan_kit.widgets.duel import MOST_TURNS

RESULT = Path(__file__).parent / "results" / "playground.json"
ROUNDS = 40


def timed(playground: kit.widgets.Playground2D, act: Callable[[], None]) -> tuple[float, float]:
    """Milliseconds on the clock, and of processor time, until the picture is another."""
    before = playground.image.value
    start, start_processor = time.perf_counter(), time.process_time()
    act()
    spent = time.perf_counter() - start, time.process_time() - start_processor
    assert playground.image.value != before, "the picture did not change"
    return 1000 * spent[0], 1000 * spent[1]


def measured() -> dict[str, Any]:
    """Milliseconds an action, each repeated on one playground that plays on."""
    playground = kit.widgets.Playground2D(kit.data.load("gaussians"))
    chance = random.Random(0)

    def press(button: Any, times: int = 1) -> Callable[[], None]:
        playground.times.value = times
        return button.click  # type: ignore[no-any-return]

    def tick() -> None:
        playground.slow.value += 1

    def rewind() -> None:
        others = [turn for turn in range(playground.rewind.max) if turn != playground.duel.at]
        playground.rewind.value = chance.choice(others)

    actions: dict[str, Callable[[], Callable[[], None]]] = {
        "step_d": lambda: press(playground.step_d),
        "step_g": lambda: press(playground.step_g),
        "both": lambda: press(playground.both),
        "both_25_times": lambda: press(playground.both, 25),
        "slow_motion_tick": lambda: tick,
        "rewind_to_any_turn": lambda: rewind,
    }
    assert ROUNDS * 55 < MOST_TURNS
    return {
        name: summary([timed(playground, action()) for _ in range(ROUNDS)])
        for name, action in actions.items()
    } | {"png_bytes": len(playground.image.value)}


def main() -> None:
    result: dict[str, Any] = {
        "what": "milliseconds from an action on the playground to new PNG bytes",
        **machine(),
        "actions": measured(),
    }
    write(result, RESULT)


if __name__ == "__main__":
    main()
