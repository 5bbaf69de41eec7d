"""The unit hypersphere on which ContraGAN and ReACGAN compare images with class proxies."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan_kit.checks import check_counts, check_flags
from cgan_kit.losses.checks import check_embedded, check_temperature, check_weight
from cgan_kit.losses.conditioning import Conditioning, Judged
from cgan_kit.spectral import add_spectral_norm

# Shorter vectors are divided by this instead of their own length. At a vector of zeros the
# slope is then at most 1000; divided by its length it would have none, or 1e12.
SHORTEST = 1e-3


def on_sphere(vectors: Tensor) -> Tensor:
    """vectors (n, d) -> v / max(‖v‖, 0.001), (n, d): of length 1 but near the origin."""
    return F.normalize(vectors, dim=1, eps=SHORTEST)


def to_own_proxy(embeddings: Tensor, proxies: Tensor, labels: Tensor) -> Tensor:
    """f (N, d), v (K, d), labels int64 (N,) -> f_i·v_{y_i}, (N,).

    Raises:
        ValueError: shapes that do not fit together, and on a CPU a label of no proxy; a GPU
            stops there with an error of its own.
    """
    check_embedded(embeddings, proxies, labels)
    try:
        own = F.embedding(labels, proxies)  # proxies[labels] would take -1 for the last class
    except IndexError as error:
        raise ValueError(
            f"labels run from {int(labels.min())} to {int(labels.max())}, but proxies has "
            f"{len(proxies)} rows; give classes from 0 to {len(proxies) - 1}"
        ) from error
    return (embeddings * own).sum(dim=1)


class SphereHead(nn.Module):
    """f = P F(x) / ‖P F(x)‖ and one unit vector v_y a class, its proxy.

    Arguments:
        feature_dim: F, length of the features.
        num_classes: K.
        projection_dim: d, length of f and v_y.
        spectral_norm: whether the largest singular values of P and of the proxies' matrix are
            held at 1. f and v_y are normalised afterwards, so this rescales P's gradient and
            its bias, and moves no proxy.
    """

    def __init__(
        self, feature_dim: int, num_classes: int, projection_dim: int, spectral_norm: bool
    ) -> None:
        super().__init__()
        self.projection = nn.Linear(feature_dim, projection_dim)
        self.proxy_matrix = nn.Embedding(num_classes, projection_dim)
        if spectral_norm:
            add_spectral_norm(self.projection)
            add_spectral_norm(self.proxy_matrix)

    def embed(self, features: Tensor) -> Tensor:
        """features (n, F) -> f, (n, d)."""
        return on_sphere(self.projection(features))

    def proxies(self) -> Tensor:
        """v, (K, d)."""
        return on_sphere(self.proxy_matrix.weight)

    def nearest_proxy_share(self, features: Tensor, labels: Tensor) -> Tensor:
        """The share of features (n, F) whose nearest proxy is that of their label, a scalar."""
        nearest = (self.embed(features) @ self.proxies().T).argmax(dim=1)
        return (nearest == labels).float().mean()


class OnSphere(Conditioning):
    """A loss on the sphere: of real images for the discriminator, of fake ones for the generator.

    ContraGAN and ReACGAN share this and say in `between` what the loss is. Their arguments
    and errors are those of the subclass.
    """

    compares_images = True

    def __init__(
        self, weight: float, temperature: float, projection_dim: int, spectral_norm: bool
    ) -> None:
        super().__init__()
        check_counts(projection_dim=projection_dim)
        check_flags(spectral_norm=spectral_norm)
        self.weight = check_weight(weight)
        self.temperature = check_temperature(temperature)
        self.projection_dim = projection_dim
        self.spectral_norm = spectral_norm

    def between(self, embeddings: Tensor, proxies: Tensor, labels: Tensor) -> Tensor:
        """f (N, d), v (K, d), labels int64 (N,) -> the loss before its weight, a scalar."""
        raise NotImplementedError

    def logits(self, embeddings: Tensor, proxies: Tensor, labels: Tensor) -> Tensor:
        """The loss's exponents, (N, N): image i's own proxy at (i, i), image j at (i, j)."""
        raise NotImplementedError

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
        return self.weight * self.between(embeddings, proxies, judged.labels)
