"""TAC-GAN: a twin classifier, trained on fakes, tells the generator what it overdoes."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from cgan_kit.losses.acgan import ACGAN
from cgan_kit.losses.conditioning import Judged


class TACGAN(ACGAN):
    """AC-GAN and a second classifier on fake images alone, which the generator plays against.

    Gong et al. 2019, arXiv:1907.02690, section 3.2. With p_k of the classifier C and q_k of
    its twin, and cross entropies written as -log:

        D minimises  E_real[-log p_y] + E_fake[-log q_y]
        G minimises  E_fake[-log p_y] - E_fake[-log q_y]

    C alone asks for images of which it is sure, and so for classes narrower than the real
    ones. The twin knows how sure one may be of a fake's class; the difference is 0 when
    fakes are as mixed as real images are. C learns from real images, as the paper's analysis
    assumes.

    Arguments:
        weight: λ of all four terms; at least 0. The paper has 1.

    Raises:
        ValueError: a weight out of its range.
    """

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__(weight, real_only=True)

    def attach(self, feature_dim: int, num_classes: int) -> None:
        super().attach(feature_dim, num_classes)
        self.twin = nn.Linear(feature_dim, num_classes)

    def discriminator_loss(self, real: Judged, fake: Judged) -> Tensor:
        return self.weight * (self._class_loss(real) + self._twin_loss(fake))

    def generator_loss(self, fake: Judged) -> Tensor:
        return self.weight * (self._class_loss(fake) - self._twin_loss(fake))

    def _twin_loss(self, judged: Judged) -> Tensor:
        return F.cross_entropy(self.twin(judged.features), judged.labels)
