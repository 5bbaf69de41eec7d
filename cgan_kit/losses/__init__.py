"""The real/fake game, its penalties, and the conditioning methods, one file each."""

from cgan_kit.losses.acgan import ACGAN, ACGANRealOnly
from cgan_kit.losses.adversarial import (
    AdversarialLoss,
    hinge,
    least_squares,
    minimax,
    non_saturating,
    relativistic,
    wasserstein,
)
from cgan_kit.losses.concatenation import Concatenation
from cgan_kit.losses.conditioning import Conditioning, Judged, NoConditioning
from cgan_kit.losses.penalties import R1, R1R2, R2, WGANGP, Penalty
from cgan_kit.losses.projection import Projection

__all__ = [
    "ACGAN",
    "R1",
    "R1R2",
    "R2",
    "WGANGP",
    "ACGANRealOnly",
    "AdversarialLoss",
    "Concatenation",
    "Conditioning",
    "Judged",
    "NoConditioning",
    "Penalty",
    "Projection",
    "hinge",
    "least_squares",
    "minimax",
    "non_saturating",
    "relativistic",
    "wasserstein",
]
