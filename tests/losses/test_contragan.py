"""The 2C loss against a double loop written from the equation."""

import math

import pytest
import slow_losses as slow
import torch
import torch.nn.functional as F
from situations import D, K, N, assert_agree, attached, gradients, judged, learning

from cgan_kit.losses import ContraGAN, conditional_contrastive


def sphere(seed=0):
    random = torch.Generator().manual_seed(seed)
    embeddings, proxies = (
        F.normalize(torch.randn(n, D, generator=random, dtype=torch.float64), dim=1) for n in (N, K)
    )
    labels = torch.randint(0, K, (N,), generator=random)
    return embeddings.requires_grad_(), proxies.requires_grad_(), labels


@pytest.mark.parametrize("tau", [1.0, 0.3, 0.05])
def test_it_is_the_equation(tau):
    f, v, y = sphere()
    loss = conditional_contrastive(f, v, y, tau)
    assert_agree(loss, slow.conditional_contrastive(f, v, y, tau), [f, v])


@pytest.mark.parametrize("name", ["discriminator", "generator"])
def test_the_discriminator_learns_from_real_images_and_the_generator_from_fakes(name):
    method = attached(ContraGAN(0.7, 0.4, projection_dim=D))
    real, fake = judged(1), judged(2)
    part = real if name == "discriminator" else fake
    loss = method.discriminator_loss(real, fake) if part is real else method.generator_loss(fake)
    f = [slow.unit(slow.affine(method.head.projection, x)) for x in slow.rows(part.features)]
    v = [slow.unit(row) for row in slow.rows(method.head.proxy_matrix.weight)]
    f, v = (torch.stack([torch.stack(row) for row in matrix]) for matrix in (f, v))
    expected = 0.7 * slow.conditional_contrastive(f, v, part.labels, 0.4)
    assert_agree(loss, expected, [real.features, fake.features, *learning(method)])


def test_by_hand_for_three_images():
    # In the plane: two images of class 0 at 0° and 60°, one of class 1 at 90°; proxies on the
    # first and the last. cos 60° = 1/2, cos 30° = √3/2.
    f = torch.tensor([[1, 0], [0.5, math.sqrt(0.75)], [0, 1]], dtype=torch.float64)
    v = torch.eye(2, dtype=torch.float64)
    one, half, third = math.exp(1), math.exp(0.5), math.exp(math.sqrt(0.75))
    expected = -(
        math.log((one + half) / (one + half + 1))
        + math.log((half + half) / (half + half + third))
        + math.log(one / (one + 1 + third))
    )
    loss = conditional_contrastive(f, v, torch.tensor([0, 0, 1]), 1.0)
    assert loss.item() == pytest.approx(expected / 3, rel=1e-12)


def test_a_step_downhill_draws_a_class_together_and_the_others_apart():
    f, v, y = sphere(3)
    (slope,) = gradients(conditional_contrastive(f, v, y, 0.5), [f])
    after = F.normalize(f - 0.05 * slope, dim=1)
    same = (y[:, None] == y) & ~torch.eye(N, dtype=torch.bool)
    change = after @ after.T - f @ f.T
    assert change[same].mean() > 0 > change[y[:, None] != y].mean()
