"""ContraGAN: images of one class attract each other and their proxy, all others repel."""

from __future__ import annotations

import torch
from torch import Tensor

from cgan_kit.losses.checks import check_temperature, check_weight
from cgan_kit.losses.conditioning import Conditioning, Judged
from cgan_kit.losses.precision import in_float32
from cgan_kit.losses.sphere import SphereHead


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
        labels: y, int64 (N,).
        temperature: τ, above 0.

    Returns:
        A scalar, at least 0.
    """
    to_proxy = (embeddings * proxies[labels]).sum(dim=1)
    # No image is compared with itself: its place in the matrix is free for its proxy.
    logits = (embeddings @ embeddings.T).diagonal_scatter(to_proxy) / temperature
    other_class = labels[:, None] != labels
    alike = logits.masked_fill(other_class, -torch.inf)
    return (logits.logsumexp(dim=1) - alike.logsumexp(dim=1)).mean()


class ContraGAN(Conditioning):
    """Adds the 2C loss: on real images for the discriminator, on fake ones for the generator.

    Arguments:
        weight: λ, at least 0.
        temperature: τ, above 0.
        projection_dim: d, length of the embedding.
        spectral_norm: of the head, see `SphereHead`.

    Raises:
        ValueError: a weight or a temperature out of its range.
    """

    compares_images = True

    def __init__(
        self,
        weight: float = 1.0,
        temperature: float = 1.0,
        projection_dim: int = 128,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        self.weight = check_weight(weight)
        self.temperature = check_temperature(temperature)
        self.projection_dim = projection_dim
        self.spectral_norm = spectral_norm

    def attach(self, feature_dim: int, num_classes: int) -> None:
        self.head = SphereHead(feature_dim, num_classes, self.projection_dim, self.spectral_norm)

    def discriminator_loss(self, real: Judged, fake: Judged) -> Tensor:
        return self._loss(real)

    def generator_loss(self, fake: Judged) -> Tensor:
        return self._loss(fake)

    @torch.no_grad()
    def observe(self, judged: Judged) -> dict[str, Tensor]:
        return {"accuracy": self.head.nearest_proxy_share(judged.features, judged.labels)}

    def _loss(self, judged: Judged) -> Tensor:
        embeddings, proxies = self.head.embed(judged.features), self.head.proxies()
        return self.weight * conditional_contrastive(
            embeddings, proxies, judged.labels, self.temperature
        )
