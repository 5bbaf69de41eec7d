"""Is the classifier's gradient growing, and which of its two factors grows?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cgan_kit.diagnostics.look import Look, scene, untouched
from cgan_kit.diagnostics.readings import (
    angles,
    class_vectors,
    effective_negatives,
    right_probability,
    silenced,
    sphere_rows,
)
from cgan_kit.diagnostics.split import Split, each_norm, slope, split
from cgan_kit.losses import Judged, ReACGAN
from cgan_kit.losses.sphere import OnSphere
from cgan_kit.training.gan import GAN
from cgan_kit.training.loop import Record
from cgan_kit.training.step import Players

PREFIX = "classifier"


@dataclass(frozen=True)
class ClassifierProbe(Look):
    """The two factors of the class loss's gradient, ‖F(x)‖ and 1 - p, and what they make.

    For AC-GAN's softmax (Odena et al. 2017; Kang et al. 2021, arXiv:2111.01118, section 3)

        ∂L/∂w_k = -(1/N) Σ_i F(x_i) (1[y_i = k] - p_{i,k}),

    so neither factor alone says how large it is. Recorded, each under "classifier/":

        feature_norm_real, feature_norm_fake    mean ‖F(x)‖
        class_norm                              mean ‖w_k‖ (projection: ‖v_k‖)
        p_real, p_fake                          mean p of the right class: `right_probability`
        p_real_low, p_real_middle, p_real_high  its quantiles .1, .5, .9
        product_real, product_fake              mean ‖F(x)‖ (1 - p)
        product_real/K                          the same for each class K
        head_gradient                           ‖∂L_D/∂W‖, W all of the head, L_D through the head
        feature_gradient_real, .._fake          mean n ‖∂L/∂F(x_i)‖ through the head: of D's loss
                                                at real images, of G's at fake ones
        own_angle_real, .._fake                 degrees from F(x) to its class's vector
        other_angle_real, .._fake               degrees to the nearest other one
        effective_negatives                     see there; ContraGAN and ReACGAN
        silenced_positives, silenced_negatives  shares that the margins keep still; ReACGAN

    What a method does not have is left out. Angles and products are those of what the head
    compares: see `class_vectors`. So a product with normalised features is 1 - p alone. For
    ContraGAN and ReACGAN W holds the projection too. Losses carry their weight.

    Arguments and errors: those of `Look`.
    """

    def __call__(self, players: Players, step: int) -> Record:
        gan = players.gan
        with untouched(gan):
            parts = split(gan, scene(players, self.n))
            found = gradients(gan, parts)
            with torch.no_grad():
                for name, judged in (("real", parts.real), ("fake", parts.fake)):
                    found |= of_images(gan, judged, name)
                found |= of_batch(gan, parts.real)
        return {f"{PREFIX}/{name}": value.item() for name, value in found.items()}


def gradients(gan: GAN, parts: Split) -> dict[str, Tensor]:
    """What goes back from the head: into its own weights, and into the features."""
    head = [weight for weight in gan.conditioning.parameters() if weight.requires_grad]
    n = len(parts.real.labels)
    of_d = slope(parts.d_head, parts.features)[: parts.real.features.numel()]
    of_g = slope(parts.g_head, parts.features)[parts.real.features.numel() :]
    found = {
        "feature_gradient_real": each_norm(of_d, n).mean(),
        "feature_gradient_fake": each_norm(of_g, n).mean(),
    }
    return found | ({"head_gradient": slope(parts.d_head, *head).norm()} if head else {})


def of_images(gan: GAN, judged: Judged, name: str) -> dict[str, Tensor]:
    """Norms, probabilities and angles of the images of one kind, "real" or "fake"."""
    labels = judged.labels
    found = {f"feature_norm_{name}": judged.features.norm(dim=1).mean()}
    compared = class_vectors(gan.conditioning, judged.features)
    vectors = judged.features
    if compared is not None:
        vectors, classes = compared
        own, other = angles(vectors, classes, labels)
        found |= {f"own_angle_{name}": own.mean(), f"other_angle_{name}": other.mean()}
        found |= {"class_norm": classes.norm(dim=1).mean()}
    right = right_probability(gan.conditioning, judged, real=name == "real")
    if right is None:
        return found
    product = vectors.norm(dim=1) * (1 - right)
    found |= {f"p_{name}": right.mean(), f"product_{name}": product.mean()}
    if name == "real":
        levels = torch.tensor([0.1, 0.5, 0.9], device=right.device)
        quantiles = torch.quantile(right, levels)
        found |= {
            f"p_real_{each}": quantile
            for each, quantile in zip(("low", "middle", "high"), quantiles, strict=True)
        }
        found |= {f"product_real/{k}": product[labels == k].mean() for k in labels.unique()}
    return found


def of_batch(gan: GAN, judged: Judged) -> dict[str, Tensor]:
    """What only a loss that compares images has."""
    if not isinstance(gan.conditioning, OnSphere):
        return {}
    rows = sphere_rows(gan.conditioning, judged)
    found = {"effective_negatives": effective_negatives(rows, judged.labels).mean()}
    if isinstance(gan.conditioning, ReACGAN):
        positives, negatives = silenced(gan.conditioning, judged)
        found["silenced_positives"] = positives.mean()
        if len(negatives):  # one class has none
            found["silenced_negatives"] = negatives.mean()
    return found
