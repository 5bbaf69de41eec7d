"""What the public reference implementation of D2D-CE computes, which is not the equation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cgan_kit.losses.checks import check_temperature
from cgan_kit.losses.precision import in_float32
from cgan_kit.losses.reacgan import ReACGAN
from cgan_kit.losses.sphere import to_own_proxy


@in_float32
def d2d_ce_reference(
    embeddings: Tensor, proxies: Tensor, labels: Tensor, temperature: float, margin_positive: float
) -> Tensor:
    """D2D-CE by the arithmetic of PyTorch-StudioGAN (commit 947b35e, src/utils/losses.py).

    It differs from `d2d_ce` in two places. m_n is tied to 1 - m_p. And for the sake of
    stability each row's largest similarity S_i is subtracted, but from the negatives alone:

        -1/N Σ_i log e^{[f_i·v_{y_i} - m_p]₋/τ}
                   / (e^{[f_i·v_{y_i} - m_p]₋/τ} + Σ_{j: y_j≠y_i} e^{[f_i·f_j - m_n]₊/τ - S_i})
        S_i = max_{j≠i} (f_i·f_j - m_n)/τ, over images of the same class too; a constant in
              the gradient

    The negatives thus count e^{-S_i} of what the equation gives them: with embeddings in
    tight clusters, or a small τ, next to nothing.

    Arguments and errors: those of `d2d_ce`, without the margin of negatives; m_p from 0 to 1.
    """
    check_temperature(temperature)
    check_tied_margin(margin_positive)
    logits = d2d_reference_logits(embeddings, proxies, labels, temperature, margin_positive)
    return F.cross_entropy(logits, torch.arange(len(labels), device=labels.device))


def d2d_reference_logits(
    embeddings: Tensor, proxies: Tensor, labels: Tensor, temperature: float, margin_positive: float
) -> Tensor:
    """The exponents of `d2d_ce_reference`, (N, N), laid out as `d2d_logits` does."""
    margin_negative = 1 - margin_positive
    to_proxy = to_own_proxy(embeddings, proxies, labels)
    positives = (to_proxy - margin_positive).clamp(max=0) / temperature
    similarity = (embeddings @ embeddings.T - margin_negative) / temperature
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    largest = similarity.detach().masked_fill(itself, -torch.inf).amax(dim=1, keepdim=True)
    negatives = similarity.clamp(min=0) - largest
    same_class = labels[:, None] == labels
    return negatives.masked_fill(same_class, -torch.inf).diagonal_scatter(positives)


def check_tied_margin(value: float) -> None:
    """An m_p that leaves 1 - m_p, too, a cosine."""
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(
            f"margin_positive is {value!r}, and 1 - margin_positive is the margin of negatives; "
            "give 0 to 1, or use ReACGAN, which has a margin for each"
        )


class ReACGANReference(ReACGAN):
    """ReACGAN with the reference implementation's loss, to be set beside the equation's.

    Arguments:
        weight, temperature, margin_positive, projection_dim, spectral_norm: of `ReACGAN`;
            m_n is 1 - m_p.

    Raises:
        ValueError: an argument out of its range; that of margin_positive is 0 to 1.
    """

    def __init__(
        self,
        weight: float = 1.0,
        temperature: float = 0.5,
        margin_positive: float = 0.98,
        projection_dim: int = 128,
        spectral_norm: bool = False,
    ) -> None:
        check_tied_margin(margin_positive)
        super().__init__(
            weight, temperature, margin_positive, 1 - margin_positive, projection_dim, spectral_norm
        )

    def between(self, embeddings: Tensor, proxies: Tensor, labels: Tensor) -> Tensor:
        return d2d_ce_reference(embeddings, proxies, labels, self.temperature, self.margin_positive)

    def logits(self, embeddings: Tensor, proxies: Tensor, labels: Tensor) -> Tensor:
        dials = self.temperature, self.margin_positive
        return d2d_reference_logits(embeddings, proxies, labels, *dials)
