"""Modes hit, KL and their floors, against formulas, simulation and sets broken on purpose."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from cgan_kit.data import load
from cgan_kit.data.gaussians import Gaussians
from cgan_kit.metrics.modes import (
    count_modes,
    expected_kl,
    gaussian_modes,
    oracle_reader,
    stacked,
    stacked_modes,
)

RING: Gaussians = load("gaussians", samples=8000)
SHAPES = load("shapes", size=16)
READ = oracle_reader(SHAPES.oracle())


def draws(modes: int, n: int, times: int, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(modes, (times, n), generator=draw)


@pytest.mark.parametrize(("n", "modes"), [(1, 10), (30, 10), (200, 8), (500, 1000)])
def test_floors_are_what_perfect_samples_reach(n: int, modes: int) -> None:
    answers = [count_modes(row, modes) for row in draws(modes, n, 300)]
    kls = torch.tensor([answer.kl for answer in answers], dtype=torch.float64)
    hits = torch.tensor([answer.hit for answer in answers]).double()
    error = float(kls.std()) / 300**0.5
    assert float(kls.mean()) == pytest.approx(answers[0].perfect_kl, abs=4 * error + 1e-9)
    error = float(hits.std()) / 300**0.5
    assert float(hits.mean()) == pytest.approx(answers[0].perfect_hit, abs=4 * error + 1e-9)


def test_many_samples_reach_the_formula_for_many_samples() -> None:
    assert expected_kl(20_000, 8) == pytest.approx(7 / 40_000, rel=1e-3)
    assert expected_kl(1, 8) == pytest.approx(math.log(8))
    spread = torch.tensor([count_modes(row, 8).kl for row in draws(8, 2000, 400)]).std()
    assert count_modes(draws(8, 2000, 1)[0], 8).kl_spread == pytest.approx(float(spread), rel=0.15)


def test_a_histogram_by_hand() -> None:
    answer = count_modes(torch.tensor([0, 0, 1, 2, -1, -1]), 4)
    assert answer.counts.tolist() == [2, 1, 1, 0]
    assert answer.quality == pytest.approx(4 / 6)
    assert answer.hit == 3
    assert answer.kl == pytest.approx(0.5 * math.log(2))
    assert answer.perfect_hit == pytest.approx(4 * (1 - 0.75**6))
    assert answer.perfect_kl == expected_kl(4, 4)  # of the four that are in a mode
    half = count_modes(torch.tensor([0, 0, 1, 2, -1, -1]), 4, perfect_quality=0.5)
    assert half.perfect_hit == pytest.approx(4 * (1 - 0.875**6))
    none = count_modes(torch.tensor([-1, -1]), 4)
    assert none.hit == none.quality == 0
    assert math.isnan(none.kl)
    assert math.isnan(none.perfect_kl)


def test_true_points_are_perfect() -> None:
    answer = gaussian_modes(RING.points, RING)
    assert answer.hit == 8
    assert answer.quality == pytest.approx(answer.perfect_quality, abs=0.005)
    assert answer.perfect_quality == pytest.approx(0.98889, abs=1e-5)
    assert answer.kl < answer.perfect_kl + 3 * answer.kl_spread


def test_modes_of_all_classes_are_counted() -> None:
    data = load("gaussians", classes=2, modes=3, standard_deviation=0.1, samples=600)
    answer = gaussian_modes(data.points, data)
    assert answer.counts.shape == (6,)
    assert answer.hit == 6
    own = data.points[(data.points - data.centres[1, 2].float()).norm(dim=1) < 0.3]
    assert torch.nonzero(gaussian_modes(own, data).counts).tolist() == [[5]]


def test_dropped_classes_show_in_hits_and_kl() -> None:
    narrow = load("gaussians", standard_deviation=0.1, samples=8000)
    kept = [gaussian_modes(narrow.points[narrow.labels < k], narrow) for k in (8, 6, 4, 1)]
    assert [answer.hit for answer in kept] == [8, 6, 4, 1]
    for answer, k in zip(kept, (8, 6, 4, 1), strict=True):
        assert answer.kl == pytest.approx(math.log(8 / k), abs=0.01)
        assert answer.quality == pytest.approx(answer.perfect_quality, abs=0.01)


def test_noise_lowers_quality_and_repeats_do_not() -> None:
    draw = torch.Generator().manual_seed(0)
    noise = torch.randn(RING.points.shape, generator=draw)
    falling = [gaussian_modes(RING.points + s * noise, RING).quality for s in (0, 0.3, 1, 10)]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] < 0.1
    one = gaussian_modes(RING.centres[3, 0].repeat(500, 1), RING)
    assert (one.quality, one.hit) == (1, 1)
    assert one.kl == pytest.approx(math.log(8))
    assert gaussian_modes(torch.full((5, 2), 1e9), RING).quality == 0


def test_overlapping_components_are_nearly_even() -> None:
    line = load("gaussians", layout="line", samples=3)
    points = line.draw(torch.arange(300_000) % 3)
    counts = gaussian_modes(points, line).counts.double()
    assert float((counts / counts.sum() - 1 / 3).abs().max()) < 0.003


def test_stacked_labels_are_what_the_oracle_reads() -> None:
    images, labels = stacked(SHAPES, 400, seed=3)
    assert images.shape == (400, 3, 16, 16)
    assert images.dtype == torch.uint8
    blue = SHAPES.oracle().read(images[:, 2:]).labels
    red = SHAPES.oracle().read(images[:, :1]).labels
    assert torch.equal(blue, labels % 10)
    assert torch.equal(red, labels // 100)
    answer = stacked_modes(images, READ)
    assert torch.equal(answer.counts, labels.bincount(minlength=1000))
    assert answer.quality == 1


def test_perfect_stacks_reach_the_expected_number_of_modes() -> None:
    _, labels = stacked(SHAPES, 3000)
    answer = count_modes(labels, 1000)
    assert answer.perfect_hit == pytest.approx(1000 * (1 - math.exp(-3)), abs=1)
    assert answer.hit == pytest.approx(answer.perfect_hit, abs=4 * 6)
    assert answer.kl == pytest.approx(answer.perfect_kl, abs=4 * answer.kl_spread)


def test_collapsed_stacks() -> None:
    images, labels = stacked(SHAPES, 300)
    one = stacked_modes(images[:1].repeat(50, 1, 1, 1), READ)
    assert one.hit == 1
    assert one.kl == pytest.approx(math.log(1000))
    grey = images[:, :1].repeat(1, 3, 1, 1)  # three equal colours: ten modes
    assert stacked_modes(grey, READ).hit == 10
    without = stacked_modes(images[labels % 10 != 4], READ)
    assert int(without.counts.view(10, 10, 10)[..., 4].sum()) == 0


def test_unreadable_colours_are_in_no_mode() -> None:
    images, _ = stacked(SHAPES, 40)
    images[:10, 1] = 0
    answer = stacked_modes(images, READ)
    assert answer.quality == pytest.approx(30 / 40)
    assert int(answer.counts.sum()) == 30


def test_a_reader_that_errs_finds_modes_that_are_not_there() -> None:
    draw = torch.Generator().manual_seed(0)

    def careless(images: Tensor) -> Tensor:
        wrong = torch.rand(len(images), generator=draw) < 0.01
        return torch.where(wrong, torch.randint(10, (len(images),), generator=draw), 0)

    answer = stacked_modes(torch.zeros(26_000, 3, 1, 1), careless)
    assert 20 < answer.hit < 45
    assert answer.kl == pytest.approx(math.log(1000), abs=0.3)  # KL is not fooled


def test_bad_input() -> None:
    points = RING.points
    with pytest.raises(ValueError, match=r"give floats \(n, 2\)"):
        gaussian_modes(points[:, :1], RING)
    with pytest.raises(ValueError, match="NaN or Inf in 1 of 2 rows"):
        gaussian_modes(torch.tensor([[0.0, torch.nan], [0, 0]]), RING)
    with pytest.raises(ValueError, match="within is 0"):
        gaussian_modes(points, RING, within=0)
    with pytest.raises(ValueError, match="images of 3 channels; give grey ones"):
        stacked(load("shapes", channels=3), 4)
    with pytest.raises(ValueError, match="n is 0"):
        stacked(SHAPES, 0)
    with pytest.raises(ValueError, match="images have 1 channels; give three"):
        stacked_modes(SHAPES.images[:2], READ)
    with pytest.raises(ValueError, match="read answers class 9 but num_classes is 9"):
        stacked_modes(SHAPES.images[-1:].repeat(1, 3, 1, 1), READ, 9)
    with pytest.raises(ValueError, match="mode runs from 0 to 4"):
        count_modes(torch.tensor([0, 4]), 4)
    with pytest.raises(ValueError, match="give int64"):
        count_modes(torch.tensor([0.0]), 4)
    with pytest.raises(ValueError, match="n is 0"):
        expected_kl(0, 3)
