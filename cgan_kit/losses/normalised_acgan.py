"""AC-GAN on the unit hypersphere: the first half of ReACGAN's cure, alone."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from cgan_kit.losses.acgan import ACGAN
from cgan_kit.losses.checks import check_temperature
from cgan_kit.losses.sphere import on_sphere


class ACGANNormalisedFeatures(ACGAN):
    """AC-GAN whose classifier reads F(x) / ‖F(x)‖: w_k · F(x)/‖F(x)‖ + b_k.

    Kang et al. 2021 (ReACGAN), arXiv:2111.01118, section 3: the classifier's gradient is
    F(x) times (1[y = k] - p_k); normalised, its first factor cannot grow. What is left to
    sharpen the softmax is ‖w_k‖.

    Arguments and errors: those of `ACGAN`.
    """

    def logits(self, features: Tensor) -> Tensor:
        return super().logits(on_sphere(features))


class ACGANNormalised(ACGAN):
    """AC-GAN on cosines: w_k · F(x) / (‖w_k‖ ‖F(x)‖ τ), without bias.

    Both normalisations of ReACGAN (arXiv:2111.01118, section 3) without its comparisons
    between images. The softmax sees numbers in [-1/τ, 1/τ] only, so no p_k reaches 1: with K
    classes the likeliest has at most 1 / (1 + (K - 1) e^(-2/τ)).

    Arguments:
        weight, real_only: those of `ACGAN`.
        temperature: τ, above 0.

    Raises:
        ValueError: a weight or a temperature out of its range.
    """

    def __init__(
        self, weight: float = 1.0, temperature: float = 0.1, real_only: bool = False
    ) -> None:
        super().__init__(weight, real_only)
        self.temperature = check_temperature(temperature)

    def attach(self, feature_dim: int, num_classes: int) -> None:
        super().attach(feature_dim, num_classes)
        # A bias would let classes win without an angle.
        self.classifier.register_parameter("bias", None)

    def logits(self, features: Tensor) -> Tensor:
        rows = on_sphere(self.classifier.weight)
        return F.linear(on_sphere(features), rows) / self.temperature
