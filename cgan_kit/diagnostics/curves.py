"""What a run's history says of one quantity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

History = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class Curve:
    """A recorded quantity: its steps and values, oldest first; false with fewer than four."""

    steps: tuple[int, ...]
    values: tuple[float, ...]

    def __bool__(self) -> bool:
        return len(self.values) >= 4

    @property
    def early(self) -> float:
        """The median over its first fifth, the very first record left out."""
        return median(self.values[1 : 2 + len(self.values) // 5])

    @property
    def late(self) -> float:
        """The median over its last third."""
        return median(self.values[-self._third :])

    @property
    def before(self) -> float:
        """The median over the third before that."""
        return median(self.values[-2 * self._third : -self._third])

    @property
    def _third(self) -> int:
        return max(2, len(self.values) // 3)

    def since(self, shows: Callable[[float], bool]) -> int:
        """The first step of the stretch, to the end, in which it shows.

        Curves are noisy: a single miss does not end it, nor do any within the last third, of
        which `late` is the median.
        """
        first, missed = self.steps[-1], 0
        records = zip(reversed(self.steps), reversed(self.values), strict=True)
        for back, (step, value) in enumerate(records):
            if shows(value):
                first, missed = step, 0
            else:
                missed += 1
            if missed > 1 and back >= self._third:
                break
        return first


def curve(history: History, name: str) -> Curve:
    """The quantity `name` in the records that have it."""
    kept = [record for record in history if name in record]
    return Curve(tuple(int(r["step"]) for r in kept), tuple(float(r[name]) for r in kept))


def ratio(history: History, above: str, below: str) -> Curve:
    """One quantity over another, record by record."""
    kept = [record for record in history if above in record and below in record]
    return Curve(
        tuple(int(r["step"]) for r in kept),
        tuple(r[above] / max(r[below], 1e-12) for r in kept),
    )


def short(number: float) -> str:
    """Two digits, and no exponent below a hundred thousand: 1300, not 1.3e+03."""
    return f"{float(f'{number:.2g}'):g}"
