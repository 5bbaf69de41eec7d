"""The real/fake game: pairs of losses, one for the discriminator and one for the generator.

Scores are unbounded; r are those of real images and f those of fake ones, both float32 (n,).
Every loss is to be minimised and returns a scalar. With σ the logistic function,
softplus(-t) = -log σ(t).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class AdversarialLoss:
    """A discriminator's loss and a generator's that belong together.

    Both take (real scores (n,), fake scores (n,)).

    relative: whether the generator's loss needs the real scores; pairs (r_i, f_i) then share
    one label.
    """

    name: str
    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    relative: bool = False


def _logistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def _minimax_generator(real: Tensor, fake: Tensor) -> Tensor:
    return -F.softplus(fake).mean()


def _non_saturating_generator(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(-fake).mean()


def _least_squares_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return ((real - 1).square().mean() + fake.square().mean()) / 2


def _least_squares_generator(real: Tensor, fake: Tensor) -> Tensor:
    return (fake - 1).square().mean() / 2


def _hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def _wasserstein_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return fake.mean() - real.mean()


def _raise_fake_scores(real: Tensor, fake: Tensor) -> Tensor:
    return -fake.mean()


def _relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(fake - real).mean()


def _relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(real - fake).mean()


# Goodfellow et al. 2014, arXiv:1406.2661, equation 1: G minimises log(1 - D(G(z))).
minimax = AdversarialLoss("minimax", _logistic_discriminator, _minimax_generator)

# The same paper, end of section 3: G maximises log D(G(z)).
non_saturating = AdversarialLoss(
    "non_saturating", _logistic_discriminator, _non_saturating_generator
)

# Mao et al. 2017, arXiv:1611.04076, equation 9: a = 0, b = c = 1.
least_squares = AdversarialLoss(
    "least_squares", _least_squares_discriminator, _least_squares_generator
)

# Lim & Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957, equations 16 and 17.
hinge = AdversarialLoss("hinge", _hinge_discriminator, _raise_fake_scores)

# Arjovsky et al. 2017, arXiv:1701.07875, equation 3; needs a penalty or spectral norm.
wasserstein = AdversarialLoss("wasserstein", _wasserstein_discriminator, _raise_fake_scores)

# Jolicoeur-Martineau 2019, arXiv:1807.00734; in the pairing form of Huang et al. 2024
# (R3GAN), arXiv:2501.05441, equation 2.
relativistic = AdversarialLoss(
    "relativistic", _relativistic_discriminator, _relativistic_generator, relative=True
)
