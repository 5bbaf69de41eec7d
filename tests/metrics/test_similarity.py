"""SSIM and MS-SSIM against a slow loop and torchmetrics; AC-GAN's alarm on known sets."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d
from torchmetrics.functional.image import structural_similarity_index_measure

from cgan_kit.data import load
from cgan_kit.metrics.similarity import (
    WEIGHTS,
    class_similarity,
    diversity,
    ms_ssim,
    scales_for,
    ssim,
)

SHAPES = load("shapes", size=16)
IMAGES, LABELS = SHAPES.images, SHAPES.labels


def pair(size: int, channels: int = 1, n: int = 2, strength: float = 0.3) -> tuple[Tensor, Tensor]:
    """Smooth random images in [-1, 1], and the same ones with noise."""
    draw = torch.Generator().manual_seed(size)
    x = torch.rand(n, channels, size // 4 + 1, size // 4 + 1, generator=draw)
    x = torch.nn.functional.interpolate(x, (size, size), mode="bilinear") * 2 - 1
    return x, (x + strength * torch.randn(x.shape, generator=draw)).clamp(-1, 1)


def slow_ssim(x: Tensor, y: Tensor, sigma: float, window: int) -> tuple[float, float]:
    """Wang et al. 2004 written out, place by place: the means of l · cs and of cs.

    Of two grey images (H, W) in [0, 1].
    """
    half = (window - 1) / 2
    weight = {
        (i, j): math.exp(-((i - half) ** 2 + (j - half) ** 2) / (2 * sigma**2))
        for i in range(window)
        for j in range(window)
    }
    total = sum(weight.values())
    values, contrasts = [], []
    for top in range(x.shape[0] - window + 1):
        for left in range(x.shape[1] - window + 1):
            places = [(x[top + i, left + j], y[top + i, left + j], weight[i, j] / total)
                      for i in range(window) for j in range(window)]  # fmt: skip
            mx = sum(float(a) * w for a, _, w in places)
            my = sum(float(b) * w for _, b, w in places)
            vx = sum((float(a) - mx) ** 2 * w for a, _, w in places)
            vy = sum((float(b) - my) ** 2 * w for _, b, w in places)
            cov = sum((float(a) - mx) * (float(b) - my) * w for a, b, w in places)
            luminance = (2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2)
            contrasts.append((2 * cov + 0.03**2) / (vx + vy + 0.03**2))
            values.append(luminance * contrasts[-1])
    return sum(values) / len(values), sum(contrasts) / len(values)


@pytest.mark.parametrize(("sigma", "window"), [(1.5, 11), (0.8, 7)])
def test_ssim_equals_the_slow_loop(sigma: float, window: int) -> None:
    x, y = pair(13)
    ours = ssim(x, y, sigma)
    for i in range(2):
        slow, _ = slow_ssim(*((z[i, 0].double() + 1) / 2 for z in (x, y)), sigma, window)
        assert float(ours[i]) == pytest.approx(slow, abs=1e-12)


def theirs(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """torchmetrics' l·cs and cs, averaged over the places where the window fits.

    It averages its border too, where it has reflected the images; the papers leave that out.
    """
    shared = {"data_range": 1.0, "sigma": 1.5, "reduction": "none"}
    _, full = structural_similarity_index_measure(x, y, return_full_image=True, **shared)
    _, contrast = structural_similarity_index_measure(
        x, y, return_contrast_sensitivity=True, **shared
    )
    return full[..., 5:-5, 5:-5].mean((1, 2, 3)), contrast


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_equals_torchmetrics(channels: int) -> None:
    x, y = pair(32, channels, n=5)
    expected, _ = theirs((x.double() + 1) / 2, (y.double() + 1) / 2)
    torch.testing.assert_close(ssim(x, y), expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_ms_ssim_at_192_px_is_built_of_torchmetrics_terms(channels: int) -> None:
    x, y = pair(192, channels)
    a, b = (x.double() + 1) / 2, (y.double() + 1) / 2
    expected = torch.ones(2, dtype=torch.float64)
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        whole, contrast = theirs(a, b)
        expected *= (whole if scale == 4 else contrast) ** (weight / sum(WEIGHTS))
        a, b = avg_pool2d(a, 2), avg_pool2d(b, 2)
    torch.testing.assert_close(ms_ssim(x, y), expected, atol=1e-9, rtol=0)
    assert float(expected.max()) < 0.99


def test_ms_ssim_at_16_px_is_two_scales_of_the_slow_loop() -> None:
    x, y = pair(16, strength=0.05)
    _, window, weights = scales_for(16)
    a, b = ((z.double() + 1) / 2 for z in (x, y))
    _, fine = slow_ssim(a[0, 0], b[0, 0], 0.8, window)
    coarse, _ = slow_ssim(*(avg_pool2d(z, 2)[0, 0] for z in (a, b)), 0.8, window)
    assert weights == pytest.approx((0.0448 / 0.3304, 0.2856 / 0.3304))
    assert float(ms_ssim(x, y)[0]) == pytest.approx(fine ** weights[0] * coarse ** weights[1])


@pytest.mark.parametrize(
    ("side", "sigma", "window", "count"),
    [(192, 1.5, 11, 5), (176, 1.5, 11, 5), (175, 0.8, 7, 3), (28, 0.8, 7, 3), (27, 0.8, 7, 2),
     (16, 0.8, 7, 2), (13, 0.8, 7, 1), (7, 0.8, 7, 1), (6, 0.8, 5, 1), (1, 0.8, 1, 1)],
)  # fmt: skip
def test_scales_fit_the_image(side: int, sigma: float, window: int, count: int) -> None:
    scales = scales_for(side)
    assert (scales.sigma, scales.window, len(scales.weights)) == (sigma, window, count)
    assert sum(scales.weights) == pytest.approx(1)
    x, y = pair(max(side, 4))
    assert torch.isfinite(ms_ssim(x[..., :side, :side], y[..., :side, :side])).all()


@pytest.mark.parametrize("measure", [ssim, ms_ssim])
@pytest.mark.parametrize("size", [8, 16, 32])
def test_equal_images_score_1_and_noise_lowers_it(size: int, measure) -> None:  # type: ignore[no-untyped-def]
    x, _ = pair(size, n=8)
    assert measure(x, x).tolist() == pytest.approx([1] * 8)
    falling = [float(measure(*pair(size, n=8, strength=s)).mean()) for s in (0.05, 0.2, 0.8)]
    assert falling == sorted(falling, reverse=True)
    assert falling[0] < 1
    x, y = pair(size, n=8)
    torch.testing.assert_close(measure(x, y), measure(y, x))


def test_opposed_images_are_cut_to_0() -> None:
    x, _ = pair(32)
    assert float(ssim(x, -x).max()) < 0
    assert ms_ssim(x, -x).tolist() == [0, 0]
    labels = torch.zeros(2, dtype=torch.int64)
    answer = class_similarity(torch.stack([x[0], -x[0]]), labels, 1)
    assert answer.cut.tolist() == [1]


def one_each(repeat: int) -> Tensor:
    """`repeat` images of each class, each shown equally often: uint8 (4320, ...)."""
    draw = torch.Generator().manual_seed(0)
    rows = [torch.randperm(432, generator=draw)[:repeat] + 432 * k for k in range(10)]
    return IMAGES[torch.cat([row.repeat(432 // repeat) for row in rows])]


def test_one_image_a_class_rings_the_alarm() -> None:
    answer = diversity(one_each(1), LABELS, IMAGES, LABELS, 10)
    assert answer.generated.mean.tolist() == pytest.approx([1] * 10)
    assert answer.share == 0
    assert answer.real_share >= 0.8


def test_the_real_share_is_not_of_the_half_that_set_the_threshold() -> None:
    # Of that half, all classes but the least varied one always lie below.
    shares = {
        diversity(IMAGES, LABELS, IMAGES, LABELS, 10, pairs=20, seed=s).real_share for s in range(5)
    }
    assert shares != {0.9}


def test_real_images_do_not_and_the_threshold_is_the_least_varied_real_class() -> None:
    answer = diversity(IMAGES, LABELS, IMAGES, LABELS, 10)
    assert answer.share >= 0.8
    whole = class_similarity(IMAGES, LABELS, 10, pairs=1000)
    assert answer.threshold == pytest.approx(float(whole.mean.max()), abs=0.08)


@pytest.mark.parametrize("measure", [ssim, ms_ssim])
def test_it_cannot_tell_sixteen_images_from_four_hundred(measure) -> None:  # type: ignore[no-untyped-def]
    few = class_similarity(one_each(16), LABELS, 10, measure=measure).mean
    many = class_similarity(IMAGES, LABELS, 10, measure=measure).mean
    between_classes = float(many.max() - many.min())
    # 27 times fewer images move the mean by less than one real class differs from another.
    assert abs(float((few - many).mean())) < 0.5 * between_classes
    assert diversity(one_each(16), LABELS, IMAGES, LABELS, 10, measure=measure).share >= 0.5


def test_fewer_images_score_higher_in_the_end() -> None:
    means = [float(class_similarity(one_each(r), LABELS, 10).mean.mean()) for r in (432, 4, 2, 1)]
    assert means == sorted(means)
    assert means[0] < 0.5 < means[2]


def test_noise_passes_for_variety() -> None:
    noise = torch.randint(0, 256, IMAGES.shape, generator=torch.Generator().manual_seed(0))
    assert diversity(noise.to(torch.uint8), LABELS, IMAGES, LABELS, 10).share == 1


def test_the_standard_error_is_that_of_the_mean_over_pairs() -> None:
    runs = [class_similarity(IMAGES, LABELS, 10, pairs=50, seed=s) for s in range(30)]
    spread = torch.stack([run.mean for run in runs]).std(dim=0)
    claimed = torch.stack([run.standard_error for run in runs]).mean(dim=0)
    assert float((spread / claimed).mean()) == pytest.approx(1, abs=0.15)


def test_absent_and_single_images() -> None:
    answer = class_similarity(IMAGES[:433], LABELS[:433], 3)
    assert answer.mean.isnan().tolist() == [False, True, True]
    dropped = LABELS != 4
    share = diversity(IMAGES[dropped], LABELS[dropped], IMAGES, LABELS, 10).share
    assert share <= 0.9


def test_seed_and_dtype() -> None:
    first = class_similarity(IMAGES, LABELS, 10, seed=1)
    assert torch.equal(first.mean, class_similarity(IMAGES, LABELS, 10, seed=1).mean)
    assert not torch.equal(first.mean, class_similarity(IMAGES, LABELS, 10, seed=2).mean)
    floats = class_similarity(IMAGES / 127.5 - 1, LABELS, 10, seed=1)
    torch.testing.assert_close(floats.mean, first.mean, atol=1e-5, rtol=0)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="pairs is 1; give at least 2"):
        class_similarity(IMAGES, LABELS, 10, pairs=1)
    with pytest.raises(ValueError, match="give pairs: as many images of one shape"):
        ssim(IMAGES[:2], IMAGES[:3])
    with pytest.raises(ValueError, match="sigma is 0"):
        ssim(IMAGES[:2], IMAGES[:2], 0)
    with pytest.raises(ValueError, match="side is 0"):
        scales_for(0)
    with pytest.raises(ValueError, match="class 1 has 2 real images; give each class at least 4"):
        diversity(IMAGES, LABELS, IMAGES[:434], LABELS[:434], 2)
    with pytest.raises(ValueError, match="first hold NaN"):
        ms_ssim(torch.full((1, 1, 8, 8), torch.nan), IMAGES[:1])
