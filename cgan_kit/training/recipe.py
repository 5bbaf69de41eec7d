"""How both players learn; held fixed when conditioning methods are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cgan_kit import losses
from cgan_kit.checks import check_counts, check_flags, is_number, is_whole
from cgan_kit.describe import FAMILIES, describe, rebuild
from cgan_kit.losses import R1R2, Penalty


@dataclass(frozen=True)
class Recipe:
    """Batch, optimisers, penalty and average of a training.

    The defaults come from the search in benchmarks/small_gan_search.py.

    Arguments:
        batch_size: real images a step; as many fakes.
        learning_rate: of both Adams, or of the generator's; above 0.
        betas: of both Adams; each in [0, 1).
        penalty: on the discriminator's slope; None for no penalty. The default suits 16 px; at
            32 px four times as much kept images varied where it did not (docs/networks.md). One
            of your own is an object of a class derived from `losses.Penalty`.
        ema_decay: of the averaged generator, in [0, 1); less at first, see `decay_at`.
        discriminator_steps: discriminator updates a generator update, at least 1.
        discriminator_learning_rate: of the discriminator's Adam and its conditioning's, above 0;
            None is `learning_rate` (two rates: Heusel et al. 2017, arXiv:1706.08500).
        ema_start: up to this step the averaged generator is a copy; 0 or more.
        flips: whether half of the real images, at random, are mirrored left to right: good for
            photographs, wrong for digits.

    Raises:
        ValueError: an argument out of its range.
    """

    batch_size: int = 64
    learning_rate: float = 2e-3
    betas: tuple[float, float] = (0.0, 0.99)
    penalty: Penalty | None = R1R2(0.05)  # noqa: RUF009 - holds a number and never changes
    ema_decay: float = 0.998
    discriminator_steps: int = 1
    discriminator_learning_rate: float | None = None
    ema_start: int = 0
    flips: bool = False

    def __post_init__(self) -> None:
        check_counts(batch_size=self.batch_size, discriminator_steps=self.discriminator_steps)
        rates = {"learning_rate": self.learning_rate}
        if self.discriminator_learning_rate is not None:
            rates["discriminator_learning_rate"] = self.discriminator_learning_rate
        for name, rate in rates.items():
            if not is_number(rate) or not 0 < rate < float("inf"):
                raise ValueError(f"{name} is {rate!r}; give a number above 0, such as 1e-3")
        betas = self.betas if isinstance(self.betas, Sequence) else ()
        if len(betas) != 2 or not all(is_number(beta) and 0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas is {self.betas!r}; give two numbers in [0, 1)")
        # torch's fused Adam refuses an integer 0.
        object.__setattr__(self, "betas", tuple(float(beta) for beta in self.betas))
        if not is_number(self.ema_decay) or not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay is {self.ema_decay!r}; give a number in [0, 1)")
        if not is_whole(self.ema_start, 0):
            raise ValueError(f"ema_start is {self.ema_start!r}; give a whole number, 0 or more")
        check_flags(flips=self.flips)
        # Asked of the ancestors: isinstance refuses a protocol.
        known = set(FAMILIES) & set(type(self.penalty).__mro__)
        if self.penalty is not None and not (known and callable(self.penalty)):
            raise ValueError(
                f"penalty is {self.penalty!r}, which a run could not write down; give an object, "
                "such as cgan_kit.losses.R1R2(0.05), or None for no penalty; a penalty of your "
                "own is an object of a class derived from cgan_kit.losses.Penalty"
            )

    def config(self) -> dict[str, Any]:
        """What `from_config` needs, ready for JSON."""
        penalty = None if self.penalty is None else describe(self.penalty)
        return {**vars(self), "penalty": penalty}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Recipe:
        """The recipe that `config` wrote down."""
        penalty = config["penalty"]
        if penalty is not None:
            penalty = rebuild(penalty, losses)
        return cls(**{**config, "betas": tuple(config["betas"]), "penalty": penalty})
