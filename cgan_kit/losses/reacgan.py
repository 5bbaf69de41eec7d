"""ReACGAN: the Data-to-Data Cross-Entropy loss (D2D-CE) on the unit hypersphere."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cgan_kit.losses.checks import check_cosine, check_temperature
from cgan_kit.losses.precision import in_float32
from cgan_kit.losses.sphere import OnSphere, to_own_proxy


@in_float32
def d2d_ce(
    embeddings: Tensor,
    proxies: Tensor,
    labels: Tensor,
    temperature: float,
    margin_positive: float,
    margin_negative: float,
) -> Tensor:
    """D2D-CE, Kang et al. 2021 (ReACGAN), arXiv:2111.01118, section 3:

        -1/N Σ_i log e^{[f_i·v_{y_i} - m_p]₋/τ}
                   / (e^{[f_i·v_{y_i} - m_p]₋/τ} + Σ_{j: y_j≠y_i} e^{[f_i·f_j - m_n]₊/τ})

    with [a]₋ = min(a, 0) and [a]₊ = max(a, 0). A positive beyond m_p is near enough and a
    negative below m_n far enough: neither moves any more. Images of one class, or a single
    one, have no negatives: the loss is 0 then, and so is its gradient.

    Arguments:
        embeddings: f, unit vectors (N, d).
        proxies: v, unit vectors (K, d).
        labels: y, int64 (N,), in [0, K).
        temperature: τ, above 0.
        margin_positive, margin_negative: m_p and m_n, cosines.

    Returns:
        A scalar, at least 0.

    Raises:
        ValueError: a number out of its range; tensors that do not fit together, see
            `to_own_proxy`. That the vectors are of length 1 is not checked.
    """
    check_temperature(temperature)
    check_cosine("margin_positive", margin_positive)
    check_cosine("margin_negative", margin_negative)
    logits = d2d_logits(embeddings, proxies, labels, temperature, margin_positive, margin_negative)
    return F.cross_entropy(logits, torch.arange(len(labels), device=labels.device))


def d2d_logits(
    embeddings: Tensor,
    proxies: Tensor,
    labels: Tensor,
    temperature: float,
    margin_positive: float,
    margin_negative: float,
) -> Tensor:
    """The exponents of `d2d_ce`, (N, N): row i holds image i's positive and its negatives.

    No image is its own negative, so the diagonal is free for the positives: the right answer
    of row i stands in column i. Images of the same class are -inf.
    """
    to_proxy = to_own_proxy(embeddings, proxies, labels)
    positives = -F.relu(margin_positive - to_proxy) / temperature
    negatives = F.relu(embeddings @ embeddings.T - margin_negative) / temperature
    same_class = labels[:, None] == labels
    return negatives.masked_fill(same_class, -torch.inf).diagonal_scatter(positives)


class ReACGAN(OnSphere):
    """Adds D2D-CE: on real images for the discriminator, on fake ones for the generator.

    Kang et al. 2021, arXiv:2111.01118. F(x) is projected to d numbers and normalised; a
    class is a unit vector of its own. How the defaults move with the number of classes and
    the batch: docs/conditioning.md.

    Arguments:
        weight: λ, at least 0.
        temperature: τ, above 0.
        margin_positive: m_p, a cosine.
        margin_negative: m_n, a cosine.
        projection_dim: d, length of the embedding.
        spectral_norm: of the head, see `SphereHead`.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(
        self,
        weight: float = 1.0,
        temperature: float = 0.5,
        margin_positive: float = 0.98,
        margin_negative: float = 0.02,
        projection_dim: int = 128,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__(weight, temperature, projection_dim, spectral_norm)
        self.margin_positive = check_cosine("margin_positive", margin_positive)
        self.margin_negative = check_cosine("margin_negative", margin_negative)

    def between(self, embeddings: Tensor, proxies: Tensor, labels: Tensor) -> Tensor:
        return d2d_ce(embeddings, proxies, labels, *self._dials())

    def logits(self, embeddings: Tensor, proxies: Tensor, labels: Tensor) -> Tensor:
        return d2d_logits(embeddings, proxies, labels, *self._dials())

    def _dials(self) -> tuple[float, float, float]:
        return self.temperature, self.margin_positive, self.margin_negative
