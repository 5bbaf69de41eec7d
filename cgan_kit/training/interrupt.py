"""Ctrl-C that waits for the end of a training step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Within it, an interrupt is kept back; it is raised on leaving.

    A step that is cut in half leaves weights that no seed gives again. Only the main thread
    receives interrupts; elsewhere this does nothing.
    """
    previous = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or previous is None:
        yield
        return
    received: list[int] = []

    def keep_back(number: int, frame: FrameType | None) -> None:
        received.append(number)

    signal.signal(signal.SIGINT, keep_back)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if received:
        # Whoever handled interrupts before (Python, a notebook's kernel) handles this one.
        signal.raise_signal(signal.SIGINT)
