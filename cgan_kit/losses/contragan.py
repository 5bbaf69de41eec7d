"""ContraGAN: images of one class attract each other and their proxy, all others repel."""

from __future__ import annotations

import torch
from torch import Tensor

from cgan_kit.losses.checks import check_temperature
from cgan_kit.losses.precision import in_float32
from cgan_kit.losses.sphere import OnSphere, to_own_proxy


@in_float32
def conditional_contrastive(
    embeddings: Tensor, proxies: Tensor, labels: Tensor, temperature: float
) -> Tensor:
    """The 2C loss, Kang & Park 2020 (ContraGAN), arXiv:2006.12681, section 3.2:

        -1/N Σ_i log (e^{f_i·v_{y_i}/τ} + Σ_{j≠i: y_j=y_i} e^{f_i·f_j/τ})
                   / (e^{f_i·v_{y_i}/τ} + Σ_{j≠i} e^{f_i·f_j/τ})

    The proxies of other classes do not appear. Images of one class, or a single one, have
    nothing to be told from: the loss is 0 then, and so is its gradient.

    Arguments:
        embeddings: f, unit vectors (N, d).
        proxies: v, unit vectors (K, d).
        labels: y, int64 (N,), in [0, K).
        temperature: τ, above 0.

    Returns:
        A scalar, at least 0.

    Raises:
        ValueError: a temperature out of its range; tensors that do not fit together, see
            `to_own_proxy`. That the vectors are of length 1 is not checked.
    """
    check_temperature(temperature)
    logits = contrastive_logits(embeddings, proxies, labels, temperature)
    other_class = labels[:, None] != labels
    alike = logits.masked_fill(other_class, -torch.inf)
    return (logits.logsumexp(dim=1) - alike.logsumexp(dim=1)).mean()


def contrastive_logits(
    embeddings: Tensor, proxies: Tensor, labels: Tensor, temperature: float
) -> Tensor:
    """The exponents of `conditional_contrastive`, (N, N).

    No image is compared with itself: its place on the diagonal is free for its proxy.
    """
    to_proxy = to_own_proxy(embeddings, proxies, labels)
    return (embeddings @ embeddings.T).diagonal_scatter(to_proxy) / temperature


class ContraGAN(OnSphere):
    """Adds the 2C loss: on real images for the discriminator, on fake ones for the generator.

    Kang & Park 2020, arXiv:2006.12681, section 3.2; the equation: `conditional_contrastive`.

    Arguments:
        weight: λ, at least 0.
        temperature: τ, above 0.
        projection_dim: d, length of the embedding.
        spectral_norm: of the head, see `SphereHead`.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(
        self,
        weight: float = 1.0,
        temperature: float = 1.0,
        projection_dim: int = 128,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__(weight, temperature, projection_dim, spectral_norm)

    def between(self, embeddings: Tensor, proxies: Tensor, labels: Tensor) -> Tensor:
        return conditional_contrastive(embeddings, proxies, labels, self.temperature)

    def logits(self, embeddings: Tensor, proxies: Tensor, labels: Tensor) -> Tensor:
        return contrastive_logits(embeddings, proxies, labels, self.temperature)
