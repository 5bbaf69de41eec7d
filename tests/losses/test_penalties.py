"""Gradient penalties against slopes known without autograd."""

import pytest
import torch
from torch import nn

from cgan_kit.losses import R1, R1R2, R2, WGANGP, Judged
from cgan_kit.training.gan import GAN

N, SHAPE = 6, (2, 3, 3)


class Quadratic(nn.Module):
    """D(x) = a <x, x> + <b, x>, whose slope at x is 2 a x + b."""

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(0)
        self.a = nn.Parameter(torch.tensor(0.3, dtype=torch.float64))
        self.b = nn.Parameter(torch.randn(SHAPE, generator=random, dtype=torch.float64))

    def judge(self, images: torch.Tensor, labels: torch.Tensor) -> Judged:
        scores = (self.a * images.square() + self.b * images).flatten(1).sum(dim=1)
        return Judged(images, labels, scores, images.flatten(1))

    def slope(self, images: torch.Tensor) -> torch.Tensor:
        return 2 * self.a * images + self.b


def situation():
    random = torch.Generator().manual_seed(1)
    model = Quadratic()
    images = torch.randn(2, N, *SHAPE, generator=random, dtype=torch.float64)
    real, fake = (part.clone().requires_grad_() for part in images)
    labels = torch.arange(N) % 3
    return model, model.judge(real, labels), model.judge(fake, labels)


def mean_square(slopes: torch.Tensor) -> torch.Tensor:
    return sum(slope.square().sum() for slope in slopes) / len(slopes)


def uniform_numbers():
    random = torch.Generator().manual_seed(5)
    return lambda n: torch.rand(n, generator=random)


def test_r1_and_r2_are_half_gamma_times_the_mean_squared_slope():
    model, real, fake = situation()
    for penalty, half in ((R1(0.7), real), (R2(0.7), fake)):
        expected = 0.7 / 2 * mean_square(model.slope(half.images))
        value = penalty(real, fake, model.judge, uniform_numbers())
        assert value.item() == pytest.approx(expected.item(), rel=1e-12)


def test_r1_reads_real_images_only_and_r2_fakes_only():
    model, real, fake = situation()
    values = {P: P(1.0)(real, fake, model.judge, uniform_numbers()).item() for P in (R1, R2)}
    assert values[R1] != pytest.approx(values[R2], rel=1e-3)
    swapped = {P: P(1.0)(fake, real, model.judge, uniform_numbers()).item() for P in (R1, R2)}
    assert swapped[R1] == pytest.approx(values[R2])
    assert swapped[R2] == pytest.approx(values[R1])


def test_both_in_one_pass_are_r1_plus_r2_in_value_and_in_gradient():
    def gradients(penalties):
        model, real, fake = situation()
        total = sum(penalty(real, fake, model.judge, uniform_numbers()) for penalty in penalties)
        return [total.detach(), *torch.autograd.grad(total, [model.a, model.b])]

    for one, two in zip(gradients([R1R2(0.4)]), gradients([R1(0.4), R2(0.4)]), strict=True):
        assert torch.allclose(one, two, rtol=1e-12)


@pytest.mark.parametrize("penalty", [R1(1.0), R2(1.0), R1R2(1.0)], ids=lambda p: type(p).__name__)
def test_the_second_derivative_reaches_the_weights(penalty):
    model, real, fake = situation()
    value = penalty(real, fake, model.judge, uniform_numbers())
    (by_b,) = torch.autograd.grad(value, model.b)
    # d/db of (1/2) mean |2 a x + b|^2 is the mean slope.
    expected = sum(
        model.slope(half.images).mean(dim=0)
        for half, kinds in ((real, (R1, R1R2)), (fake, (R2, R1R2)))
        if isinstance(penalty, kinds)
    )
    assert torch.allclose(by_b, expected, rtol=1e-12)


def test_wgan_gp_is_the_squared_distance_of_the_slope_from_one():
    model, real, fake = situation()
    with torch.no_grad():
        model.a.zero_()  # a linear discriminator: the slope is b wherever the line is cut
    norm = model.b.detach().norm()
    value = WGANGP(10.0)(real, fake, model.judge, uniform_numbers())
    assert value.item() == pytest.approx(10 * (norm.item() - 1) ** 2, rel=1e-9)
    (by_b,) = torch.autograd.grad(value, model.b)
    assert torch.allclose(by_b, 20 * (norm - 1) * model.b.detach() / norm, rtol=1e-9)


def test_wgan_gp_looks_between_the_two_images_of_each_pair_under_their_label():
    model, real, fake = situation()
    seen = []

    def judge(images, labels):
        seen.append((images.detach(), labels))
        return model.judge(images, labels)

    value = WGANGP(1.0)(real, fake, judge, uniform_numbers())
    ((between, labels),) = seen
    assert torch.equal(labels, real.labels)
    share = (between - real.images) / (fake.images - real.images)
    shares = share.flatten(1)
    assert torch.allclose(shares, shares[:, :1].expand_as(shares)), "one point on each line"
    assert ((shares > 0) & (shares < 1)).all()
    assert len(shares[:, 0].unique()) == N
    expected = (model.slope(between).flatten(1).norm(dim=1) - 1).square().mean()
    assert value.item() == pytest.approx(expected.item(), rel=1e-6)


def test_wgan_gp_stays_finite_where_the_slope_vanishes():
    model, real, fake = situation()
    with torch.no_grad():
        model.a.zero_()
        model.b.zero_()
    value = WGANGP(1.0)(real, fake, model.judge, uniform_numbers())
    assert value.item() == pytest.approx(1, abs=1e-5)
    assert torch.isfinite(torch.autograd.grad(value, model.b)[0]).all()


@pytest.mark.parametrize("penalty", [R1(0.0), R2(0.0), R1R2(0.0), WGANGP(0.0)])
def test_a_weight_of_zero_is_no_penalty(penalty):
    model, real, fake = situation()
    assert penalty(real, fake, model.judge, uniform_numbers()) == 0


def test_the_slope_of_one_image_does_not_depend_on_the_others():
    # In the kit's own discriminators too: no layer may mix the images of a batch.
    from cgan_kit.losses import Projection
    from cgan_kit.models import DCGANDiscriminator, DCGANGenerator

    gan = GAN(DCGANGenerator(3, (1, 8, 8), 4, 2), DCGANDiscriminator((1, 8, 8), 2), Projection())
    images = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(4) % 3

    def value(chosen):
        leaf = images[chosen].requires_grad_()
        judged = gan.judge(leaf, labels[chosen])
        return R1(2.0)(judged, judged, gan.judge, uniform_numbers()).item()

    alone = sum(value(slice(i, i + 1)) for i in range(4)) / 4
    assert value(slice(None)) == pytest.approx(alone, rel=1e-4)
