"""Projection: the label speaks through an inner product with the features."""

from __future__ import annotations

from torch import Tensor, nn

from cgan_kit.checks import check_flags
from cgan_kit.losses.conditioning import Conditioning
from cgan_kit.spectral import add_spectral_norm


class Projection(Conditioning):
    """Adds <v_y, F(x)> to the adversarial score.

    Miyato & Koyama 2018, arXiv:1802.05637, equation 4: the log ratio of real to fake splits
    into log p(y|x)/q(y|x), which is linear in the features when p(y|x) is a softmax, and
    log p(x)/q(x), the discriminator's own score. No loss is added.

    Arguments:
        spectral_norm: whether the largest singular value of the proxies' matrix is held at 1.
            The proxies then start at random, for nothing cannot be scaled to 1; without it
            they start at 0.

    Raises:
        ValueError: a switch that is no bool.
    """

    def __init__(self, spectral_norm: bool = False) -> None:
        super().__init__()
        check_flags(spectral_norm=spectral_norm)
        self.spectral_norm = spectral_norm

    def attach(self, feature_dim: int, num_classes: int) -> None:
        self.proxies = nn.Embedding(num_classes, feature_dim)
        if self.spectral_norm:
            add_spectral_norm(self.proxies)
        else:
            # Starts at nothing: the game begins as an unconditional one.
            nn.init.zeros_(self.proxies.weight)

    def score(self, features: Tensor, labels: Tensor) -> Tensor:
        proxies: Tensor = self.proxies(labels)
        return (proxies * features).sum(dim=1)
