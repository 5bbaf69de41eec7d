"""ADC-GAN: one classifier that tells the real image of a class from the fake one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan_kit.checks import check_flags
from cgan_kit.losses.checks import check_weight
from cgan_kit.losses.conditioning import Conditioning, Judged
from cgan_kit.spectral import add_spectral_norm


class ADCGAN(Conditioning):
    """A classifier of 2K classes: "a real image of class k" (2k) and "a fake one" (2k + 1).

    Hou et al. 2022, arXiv:2107.10060, section 3.2. With p over the 2K classes:

        D minimises  E_real[-log p_{2y}] + E_fake[-log p_{2y+1}]
        G minimises  E_fake[-log p_{2y}] - E_fake[-log p_{2y+1}]

    The classifier knows the generator; its optimum gives the log ratio of real to fake
    density within the class, as projection does. G's loss is a difference of logits and has
    no lower bound.

    Arguments:
        weight: λ, at least 0. The paper has 1.
        spectral_norm: whether the classifier's largest singular value is held at 1.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(self, weight: float = 1.0, spectral_norm: bool = False) -> None:
        super().__init__()
        check_flags(spectral_norm=spectral_norm)
        self.weight = check_weight(weight)
        self.spectral_norm = spectral_norm

    def attach(self, feature_dim: int, num_classes: int) -> None:
        self.classifier = nn.Linear(feature_dim, 2 * num_classes)
        if self.spectral_norm:
            add_spectral_norm(self.classifier)

    def discriminator_loss(self, real: Judged, fake: Judged) -> Tensor:
        as_real = F.cross_entropy(self.classifier(real.features), 2 * real.labels)
        as_fake = F.cross_entropy(self.classifier(fake.features), 2 * fake.labels + 1)
        return self.weight * (as_real + as_fake)

    def generator_loss(self, fake: Judged) -> Tensor:
        logits = self.classifier(fake.features)
        as_real = F.cross_entropy(logits, 2 * fake.labels)
        as_fake = F.cross_entropy(logits, 2 * fake.labels + 1)
        return self.weight * (as_real - as_fake)

    @torch.no_grad()
    def observe(self, judged: Judged) -> dict[str, Tensor]:
        best = self.classifier(judged.features).argmax(dim=1)
        return {"accuracy": (best // 2 == judged.labels).float().mean()}
