"""AC-GAN: an auxiliary classifier on the features, which both players want to be right."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan_kit.checks import check_flags
from cgan_kit.losses.checks import check_weight
from cgan_kit.losses.conditioning import Conditioning, Judged
from cgan_kit.spectral import add_spectral_norm


class ACGAN(Conditioning):
    """Adds L_C, the classifier's log-likelihood of the right class, on real and fake images.

    Odena et al. 2017, arXiv:1610.09585, equations 2 and 3:

        L_S = E[log P(S = real | X_real)] + E[log P(S = fake | X_fake)]
        L_C = E[log P(C = c | X_real)] + E[log P(C = c | X_fake)]

    D maximises L_S + L_C, G maximises L_C - L_S. Here both are minimised, so L_C appears as
    a cross entropy; the adversarial loss takes the place of L_S.

    Arguments:
        weight: λ, what L_C is multiplied with in both losses; at least 0. The paper has 1.
        real_only: whether the discriminator's step counts L_C on real images alone, as the
            papers that compare with AC-GAN have it; the classifier is then never trained on
            wrong images. False is the paper's L_C, and the kit's default. With many classes,
            and on photographs, real only obeys far better: docs/explosion.md, section 3.
        spectral_norm: whether the classifier's largest singular value is held at 1; ‖w_k‖ is
            then at most 1.

    Raises:
        ValueError: a weight that is negative or no finite number; a switch that is no bool.
    """

    def __init__(
        self, weight: float = 1.0, real_only: bool = False, spectral_norm: bool = False
    ) -> None:
        super().__init__()
        check_flags(real_only=real_only, spectral_norm=spectral_norm)
        self.weight = check_weight(weight)
        self.real_only = real_only
        self.spectral_norm = spectral_norm

    def attach(self, feature_dim: int, num_classes: int) -> None:
        self.classifier = nn.Linear(feature_dim, num_classes)
        if self.spectral_norm:
            add_spectral_norm(self.classifier)

    def logits(self, features: Tensor) -> Tensor:
        """features (n, F) -> w_k · F(x) + b_k, (n, K)."""
        logits: Tensor = self.classifier(features)
        return logits

    def discriminator_loss(self, real: Judged, fake: Judged) -> Tensor:
        loss = self._class_loss(real)
        if not self.real_only:
            loss = loss + self._class_loss(fake)
        return self.weight * loss

    def generator_loss(self, fake: Judged) -> Tensor:
        return self.weight * self._class_loss(fake)

    @torch.no_grad()
    def observe(self, judged: Judged) -> dict[str, Tensor]:
        hits = self.logits(judged.features).argmax(dim=1) == judged.labels
        return {"accuracy": hits.float().mean()}

    def _class_loss(self, judged: Judged) -> Tensor:
        return F.cross_entropy(self.logits(judged.features), judged.labels)
