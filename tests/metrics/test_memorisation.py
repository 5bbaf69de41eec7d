"""Copies are found, honest images are not accused: by pixels, combinations and latents."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from cgan_kit.data import load
from cgan_kit.data.imageset import to_float
from cgan_kit.data.rendered import RenderedSet
from cgan_kit.metrics import memorisation
from cgan_kit.metrics.memorisation import (
    compare_recovery,
    held_out_combinations,
    latent_recovery,
    pixel_neighbours,
)
from cgan_kit.models.interfaces import Generator

DIGITS = load("digits", size=8)
PARTS, FRESH = DIGITS.split(held_out=0.3)
TRAIN, HELD_OUT = PARTS.split(held_out=0.4)
SHAPES: RenderedSet = load("shapes", held_out_combinations=0.25)
EVERY: RenderedSet = load("shapes")


def test_nearest_equals_the_loop_and_chunks_do_not_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images, train, held = FRESH.images[:7], TRAIN.images[:11], HELD_OUT.images[:5]
    answer = pixel_neighbours(images, train, held)
    for i, image in enumerate(to_float(images)):
        distances = [float((image - other).abs().mean()) for other in to_float(train)]
        assert float(answer.train_distance[i]) == pytest.approx(min(distances), abs=1e-6)
        assert distances[int(answer.train_index[i])] == min(distances)
    assert answer.expected == 11 / 16
    monkeypatch.setattr(memorisation, "_CHUNK", 20)
    again = pixel_neighbours(images, train, held)
    assert torch.equal(again.train_distance, answer.train_distance)
    assert torch.equal(again.held_out_index, answer.held_out_index)


def test_fresh_real_images_are_not_accused_whatever_the_sizes() -> None:
    for train, held in ((TRAIN.images, HELD_OUT.images), (TRAIN.images[:100], HELD_OUT.images)):
        answer = pixel_neighbours(FRESH.images, train, held)
        assert answer.train_share.low <= answer.expected <= answer.train_share.high
    equal = pixel_neighbours(FRESH.images, TRAIN.images[:400], HELD_OUT.images[:400])
    assert float(equal.ratio.median()) == pytest.approx(1, abs=0.05)


def test_copies_are_found_also_under_noise_and_in_part() -> None:
    copies = to_float(TRAIN.images)
    noise = torch.randn(copies.shape, generator=torch.Generator().manual_seed(0))
    shares, ratios = [], []
    for strength in (0.0, 0.1, 0.3, 2.0):
        answer = pixel_neighbours(
            (copies + strength * noise).clamp(-1, 1), TRAIN.images, HELD_OUT.images
        )
        shares.append(answer.train_share.value)
        ratios.append(float(answer.ratio.median()))
    assert shares[0] == 1
    assert ratios[0] == 0
    assert shares == sorted(shares, reverse=True)
    assert ratios == sorted(ratios)
    mixed = torch.cat([TRAIN.images[:200], FRESH.images[:200]])
    answer = pixel_neighbours(mixed, TRAIN.images, HELD_OUT.images)
    assert answer.train_share.low > answer.expected
    assert answer.train_share.value == pytest.approx((1 + answer.expected) / 2, abs=0.08)
    held = pixel_neighbours(HELD_OUT.images, TRAIN.images, HELD_OUT.images)
    assert held.train_share.value == 0


def test_ties_accuse_nobody() -> None:
    same = pixel_neighbours(TRAIN.images[:9], TRAIN.images, TRAIN.images)
    assert same.train_share.value == same.expected == 0.5
    assert same.ratio.tolist() == [1] * 9


def test_a_shift_by_a_pixel_hides_a_copy() -> None:
    shifted = pixel_neighbours(TRAIN.images.roll(1, dims=-1), TRAIN.images, HELD_OUT.images)
    assert float(shifted.train_distance.median()) > 0.2
    assert float(shifted.ratio.median()) > 0.9
    assert shifted.train_share.value < 0.75


def test_bad_pixels() -> None:
    with pytest.raises(ValueError, match=r"train are \(1, 16, 16\) but the images"):
        pixel_neighbours(FRESH.images, SHAPES.images, HELD_OUT.images)
    with pytest.raises(ValueError, match="held_out have dtype"):
        pixel_neighbours(FRESH.images, TRAIN.images, HELD_OUT.images.long())
    with pytest.raises(ValueError, match=r"look like \[0, 1\]"):
        pixel_neighbours(FRESH.images / 255, TRAIN.images, HELD_OUT.images)


def test_every_combination_is_perfect_and_training_images_show_nothing_new() -> None:
    perfect = held_out_combinations(EVERY.images, EVERY.labels, SHAPES)
    assert perfect.counting == 4320
    assert perfect.share.value == pytest.approx(perfect.perfect) == pytest.approx(0.25)
    copied = held_out_combinations(SHAPES.images, SHAPES.labels, SHAPES)
    assert copied.share.value == 0
    held = load("shapes", held_out_combinations=0.25, combinations="held-out")
    assert held_out_combinations(held.images, held.labels, SHAPES).share.value == 1


def test_a_memoriser_in_part_lies_between() -> None:
    draw = torch.Generator().manual_seed(0)
    shares = []
    for copied in (0, 1000, 3000):
        old = SHAPES.images[torch.randint(len(SHAPES), (copied,), generator=draw)]
        grid = torch.randint(4320, (3000 - copied,), generator=draw)
        images = torch.cat([old, EVERY.images[grid]])
        labels = EVERY.oracle().read(images).labels
        shares.append(held_out_combinations(images, labels, SHAPES).share)
    assert shares[0].low < 0.25 < shares[0].high
    assert shares[1].value == pytest.approx(0.25 * 2 / 3, abs=0.03)
    assert shares[2].value == 0


def test_only_what_is_recognisable_and_right_counts() -> None:
    images, labels = EVERY.images[:864].clone(), EVERY.labels[:864].clone()
    images[:432] = 0
    labels[432:632] = 5
    answer = held_out_combinations(images, labels, SHAPES)
    assert answer.counting == 232
    nothing = held_out_combinations(images[:9], labels[:9], SHAPES)
    assert nothing.counting == 0
    assert math.isnan(nothing.share.value)
    assert math.isnan(nothing.perfect)


def test_a_split_holds_out_too_and_a_whole_set_nothing() -> None:
    train, held = EVERY.split(held_out=0.2)
    assert held_out_combinations(held.images, held.labels, train).share.value == 1
    with pytest.raises(ValueError, match="train shows every combination; hold some out"):
        held_out_combinations(EVERY.images[:5], EVERY.labels[:5], EVERY)


class Linear(Generator):
    """x = A z + b_y: what it reaches of an image is a projection."""

    def __init__(self, rows: Tensor, offsets: Tensor) -> None:
        super().__init__()
        self.rows = torch.nn.Parameter(rows)
        self.offsets = torch.nn.Parameter(offsets)
        self.latent_dim, self.num_classes = len(rows), len(offsets)
        self.sample_shape = tuple(rows.shape[1:])

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        assert not self.training
        return torch.einsum("nz,zchw->nchw", latents, self.rows) + self.offsets[labels]


def linear(seed: int = 0) -> Linear:
    draw = torch.Generator().manual_seed(seed)
    return Linear(
        0.1 * torch.randn(3, 1, 4, 4, generator=draw), torch.randn(2, 1, 4, 4, generator=draw) / 4
    )


def some(n: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(n, 1, 4, 4, generator=draw) - 0.5, torch.arange(n) % 2


def test_recovery_reaches_the_least_squares_solution() -> None:
    generator, (images, labels) = linear(), some(12)
    errors = latent_recovery(generator, images, labels, steps=200)
    target = (images - generator.offsets.detach()[labels]).flatten(1)
    rows = generator.rows.detach().flatten(1)
    solution = torch.linalg.lstsq(rows.T, target.T).solution
    expected = (rows.T @ solution - target.T).square().mean(dim=0)
    torch.testing.assert_close(errors, expected, rtol=1e-3, atol=1e-6)


def test_own_samples_are_recovered_and_only_in_their_class() -> None:
    generator = linear().eval()
    labels = torch.arange(10) % 2
    with torch.no_grad():
        own = generator(torch.randn(10, 3, generator=torch.Generator().manual_seed(5)), labels)
    assert float(latent_recovery(generator, own, labels).max()) < 1e-6
    assert float(latent_recovery(generator, own, 1 - labels).min()) > 1e-3


def test_more_steps_and_starts_never_do_worse_and_batches_change_nothing() -> None:
    generator, (images, labels) = linear(), some(9)
    one = latent_recovery(generator, images, labels, steps=5, starts=1)
    assert bool((latent_recovery(generator, images, labels, steps=5, starts=3) <= one).all())
    assert latent_recovery(generator, images, labels, steps=60, starts=1).mean() < one.mean()
    parts = latent_recovery(generator, images, labels, steps=5, starts=1, batch_size=2)
    torch.testing.assert_close(parts, one)
    start = latent_recovery(generator, images, labels, steps=1, starts=1)
    wild = latent_recovery(generator, images, labels, steps=9, starts=1, learning_rate=99)
    assert bool((wild <= start).all())  # the best step counts, not the last
    other = latent_recovery(generator, images, labels, steps=5, starts=1, seed=1)
    assert not torch.equal(other, one)


def test_recovery_leaves_no_trace_on_the_generator() -> None:
    generator, (images, labels) = linear().train(), some(4)
    before = {key: value.clone() for key, value in generator.state_dict().items()}
    torch.manual_seed(3)
    state = torch.get_rng_state()
    latent_recovery(generator, images, labels, steps=2)
    assert generator.training
    assert all(parameter.grad is None for parameter in generator.parameters())
    assert all(torch.equal(before[key], value) for key, value in generator.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


class Memory(Generator):
    """Shows mixtures of the images it was given, and nothing else."""

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.images = torch.nn.Parameter(images)
        self.latent_dim, self.num_classes = len(images), 10
        self.sample_shape = tuple(images.shape[1:])

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        return torch.einsum("nz,zchw->nchw", torch.softmax(3 * latents, dim=1), self.images)


def test_a_memory_is_convicted_and_a_linear_generator_of_other_images_is_not() -> None:
    train, held = (part.subset(torch.arange(40)) for part in (TRAIN, HELD_OUT))

    def verdict(known: Tensor) -> memorisation.Recovery:
        errors = [
            latent_recovery(Memory(to_float(known)), part.images, part.labels, steps=60, starts=1)
            for part in (train, held)
        ]
        return compare_recovery(*errors)

    guilty = verdict(train.images)
    assert guilty.gap > 0.9
    assert guilty.p_value < 1e-6
    assert guilty.low > 0.8
    assert guilty.train_median < guilty.held_out_median
    innocent = verdict(FRESH.images[:40])
    assert abs(innocent.gap) < 0.5
    assert innocent.p_value > 0.01
    assert innocent.low < 0 < innocent.high


def test_comparison_by_hand() -> None:
    low, high = torch.tensor([1.0, 2, 3]), torch.tensor([4.0, 5, 6, 7])
    answer = compare_recovery(low, high)
    assert answer[:3] == pytest.approx((2, 5.5, 3.5 / 5.5))
    assert answer.p_value == pytest.approx(2 / 35)  # two of the 35 orders are as far apart
    equal = compare_recovery(low, low)
    assert (equal.gap, equal.p_value) == (0, 1)
    none = compare_recovery(low, torch.zeros(2))
    assert math.isnan(none.gap)
    assert math.isnan(none.low)
    sure = compare_recovery(torch.full((9,), 1.0), torch.full((9,), 4.0))
    assert sure[2] == sure.low == sure.high == 0.75


def test_the_interval_of_the_gap_holds_the_truth() -> None:
    """Uniform errors, those of training images half as large: the gap of the medians is 1/2."""
    draw = torch.Generator().manual_seed(0)
    pairs = torch.rand(300, 2, 60, generator=draw)
    found = [compare_recovery(a / 2, b) for a, b in pairs]
    held = sum(each.low <= 0.5 <= each.high for each in found) / 300
    assert held == pytest.approx(0.95, abs=0.04)
    assert sum(each.high - each.low for each in found) / 300 < 0.5


def test_the_p_value_is_even_for_honest_errors() -> None:
    draw = torch.Generator().manual_seed(0)
    pairs = torch.rand(300, 2, 50, generator=draw)
    values = [compare_recovery(a, b).p_value for a, b in pairs]
    assert sum(value < 0.1 for value in values) / 300 == pytest.approx(0.08, abs=0.05)


def test_bad_recovery() -> None:
    generator, (images, labels) = linear(), some(4)
    with pytest.raises(ValueError, match="steps is 0"):
        latent_recovery(generator, images, labels, steps=0)
    with pytest.raises(ValueError, match=r"images are \(1, 4, 2\) but the generator makes"):
        latent_recovery(generator, images[..., :2], labels)
    with pytest.raises(ValueError, match="the set has 2 classes"):
        latent_recovery(generator, images, labels + 1)
    with pytest.raises(ValueError, match="held_out_errors have shape"):
        compare_recovery(torch.ones(3), torch.tensor([1.0, torch.nan]))
