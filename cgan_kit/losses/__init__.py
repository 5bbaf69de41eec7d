"""The real/fake game, its penalties, and the conditioning methods, one file each."""

from cgan_kit.losses.acgan import ACGAN
from cgan_kit.losses.adcgan import ADCGAN
from cgan_kit.losses.adversarial import (
    AdversarialLoss,
    hinge,
    least_squares,
    minimax,
    non_saturating,
    relativistic,
    wasserstein,
)
from cgan_kit.losses.amgan import AMGAN
from cgan_kit.losses.concatenation import Concatenation
from cgan_kit.losses.conditioning import Conditioning, Judged, NoConditioning
from cgan_kit.losses.contragan import ContraGAN, conditional_contrastive
from cgan_kit.losses.frozen_classifier import FrozenClassifier
from cgan_kit.losses.normalised_acgan import ACGANNormalised, ACGANNormalisedFeatures
from cgan_kit.losses.penalties import R1, R1R2, R2, WGANGP, Penalty
from cgan_kit.losses.projection import Projection
from cgan_kit.losses.reacgan import ReACGAN, d2d_ce
from cgan_kit.losses.reacgan_reference import ReACGANReference, d2d_ce_reference
from cgan_kit.losses.tacgan import TACGAN

__all__ = [
    "ACGAN",
    "ADCGAN",
    "AMGAN",
    "R1",
    "R1R2",
    "R2",
    "TACGAN",
    "WGANGP",
    "ACGANNormalised",
    "ACGANNormalisedFeatures",
    "AdversarialLoss",
    "Concatenation",
    "Conditioning",
    "ContraGAN",
    "FrozenClassifier",
    "Judged",
    "NoConditioning",
    "Penalty",
    "Projection",
    "ReACGAN",
    "ReACGANReference",
    "conditional_contrastive",
    "d2d_ce",
    "d2d_ce_reference",
    "hinge",
    "least_squares",
    "minimax",
    "non_saturating",
    "relativistic",
    "wasserstein",
]
