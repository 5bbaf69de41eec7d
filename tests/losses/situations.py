"""Batches and heads for the tests of conditioning methods. No test module itself."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from cgan_kit import losses
from cgan_kit.losses import Conditioning, Judged

N, F, K, D = 7, 5, 4, 3
SIDE = 2  # of the images, which only a frozen classifier looks at


class PixelClassifier(nn.Module):
    """What a frozen classifier may be: logits that are linear in the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(SIDE * SIDE, K)

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(images.flatten(1).to(self.layer.weight.dtype))


METHODS: dict[str, Callable[..., Conditioning]] = {
    "NoConditioning": losses.NoConditioning,
    "Concatenation": lambda: losses.Concatenation(width=6),
    "Projection": losses.Projection,
    "ACGAN": losses.ACGAN,
    "ACGAN on real images": lambda **options: losses.ACGAN(real_only=True, **options),
    "ACGANNormalisedFeatures": losses.ACGANNormalisedFeatures,
    "ACGANNormalised": losses.ACGANNormalised,
    "ContraGAN": lambda **options: losses.ContraGAN(projection_dim=D, **options),
    "ReACGAN": lambda **options: losses.ReACGAN(projection_dim=D, **options),
    "ReACGANReference": lambda **options: losses.ReACGANReference(projection_dim=D, **options),
    "TACGAN": losses.TACGAN,
    "ADCGAN": losses.ADCGAN,
    "AMGAN": losses.AMGAN,
    "FrozenClassifier": lambda **options: losses.FrozenClassifier(PixelClassifier(), **options),
}
WITH_LOSSES = [
    name for name in METHODS if name not in ("NoConditioning", "Concatenation", "Projection")
]
WITH_SCORES = ["Concatenation", "Projection", "AMGAN"]
ON_THE_SPHERE = ["ContraGAN", "ReACGAN", "ReACGANReference"]


def judged(
    seed: int, labels: list[int] | None = None, dtype: torch.dtype = torch.float64
) -> Judged:
    """A batch with leaves for features, and images in float32 as everywhere in the kit."""
    random = torch.Generator().manual_seed(seed)
    y = torch.tensor(labels) if labels else torch.randint(0, K, (N,), generator=random)
    features = torch.randn(len(y), F, generator=random, dtype=torch.float64)
    scores = torch.randn(len(y), generator=random, dtype=torch.float64)
    images = torch.randn(len(y), 1, SIDE, SIDE, generator=random)
    return Judged(images.requires_grad_(), y, scores.to(dtype), features.to(dtype).requires_grad_())


def attached(conditioning: Conditioning, dtype: torch.dtype = torch.float64) -> Conditioning:
    """The method with its head, all weights drawn from a normal distribution."""
    torch.manual_seed(0)
    conditioning.attach(F, K)
    for parameter in conditioning.parameters():
        nn.init.normal_(parameter)
    return conditioning.to(dtype)


def learning(conditioning: Conditioning) -> list[nn.Parameter]:
    return [parameter for parameter in conditioning.parameters() if parameter.requires_grad]


def gradients(value: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    """The slope of `value` along each leaf; zeros where it does not depend on it."""
    return list(
        torch.autograd.grad(
            value, leaves, allow_unused=True, materialize_grads=True, retain_graph=True
        )
    )


def assert_agree(
    fast: Tensor, slow: Tensor, leaves: list[Tensor], tolerance: float = 1e-10
) -> list[Tensor]:
    """Two scalars with the same value and the same gradient along each leaf; returns the latter."""
    assert fast.shape == (), "a loss is a scalar"
    torch.testing.assert_close(fast, slow, rtol=tolerance, atol=tolerance)
    ours, theirs = gradients(fast, leaves), gradients(slow, leaves)
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our, their, rtol=tolerance, atol=tolerance)
    assert any(our.abs().max() > 1e-6 for our in ours), "nothing was compared"
    return ours
