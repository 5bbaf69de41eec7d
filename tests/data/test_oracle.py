"""The oracle: exact, deterministic, and a threshold that means something."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from cgan_kit.data import glyphs, shapes, to_float, to_uint8
from cgan_kit.data.oracle import Oracle


def slow_nearest(images: torch.Tensor, grid: torch.Tensor) -> tuple[list[int], list[float]]:
    """(grid index, root mean square difference), one image at a time in float64."""
    rendered = to_float(grid).double()
    found = [
        (rendered - image.double()).square().flatten(1).mean(dim=1).sqrt().min(dim=0)
        for image in images
    ]
    return [int(index) for _, index in found], [float(least) for least, _ in found]


def queries(channels: int) -> torch.Tensor:
    """Noise, flat images, noisy shapes and blends: float (20, channels, 16, 16)."""
    generator = torch.Generator().manual_seed(0)
    grid = to_float(shapes.grid(16, channels).images)
    picks = torch.randint(len(grid), (15,), generator=generator)
    noise = torch.rand((5, channels, 16, 16), generator=generator) * 2 - 1
    flat = torch.linspace(-1, 1, 5)[:, None, None, None].expand(5, channels, 16, 16)
    noisy = grid[picks[:5]] + 0.15 * torch.randn((5, channels, 16, 16), generator=generator)
    return torch.cat((noise, flat, noisy, (grid[picks[5:10]] + grid[picks[10:15]]) / 2))


def toy(levels: list[int]) -> Oracle:
    """A grid of flat 2 × 2 images, one class each."""
    images = torch.tensor(levels, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 2, 2)
    labels = torch.arange(len(levels))
    return Oracle(images, labels, {"level": labels * 10})


@pytest.mark.parametrize("channels", [1, 3])
def test_nearest_is_the_brute_force_nearest(channels: int) -> None:
    data, images = shapes.load(channels=channels), queries(channels)
    read = data.oracle().read(images)
    index, distance = slow_nearest(images, data.grid.images)
    assert torch.equal(read.labels, data.grid.labels[index])
    for name, values in data.grid.factors.items():
        assert torch.equal(read.factors[name], values[index])
    torch.testing.assert_close(read.distance, torch.tensor(distance), rtol=1e-5, atol=1e-6)


def test_rendered_images_read_as_themselves_at_distance_zero() -> None:
    data = shapes.load(size=32, channels=3)
    every = torch.arange(0, len(data), 29)
    for images in (data.images[every], data.real(every)):
        read = data.oracle().read(images)
        assert read.distance.max() == 0
        assert read.recognisable.all()
        assert torch.equal(read.labels, data.labels[every])
        assert all(torch.equal(read.factors[k], v[every]) for k, v in data.factors.items())


def test_exact_where_float32_products_alone_are_not() -> None:
    """Two grid images that differ by one level in one of 3,072 pixels."""
    base = shapes.grid(32, 3).images[:5000].clone()
    base[4000] = base[700]
    base[4000, 0, 0, 0] += 1
    oracle = Oracle(base, torch.arange(5000), {})
    assert oracle.read(base[[4000, 700]]).labels.tolist() == [4000, 700]


def test_ties_go_to_the_first_of_the_grid() -> None:
    oracle = toy([200, 100, 100, 0])
    read = oracle.read(torch.tensor([100, 90, 130]).view(3, 1, 1, 1).expand(3, 1, 2, 2).byte())
    assert read.labels.tolist() == [1, 1, 1]


def test_distance_is_root_mean_square_in_units_of_minus_one_to_one() -> None:
    read = toy([0, 255]).read(torch.full((1, 1, 2, 2), -0.5))
    assert read.distance.item() == pytest.approx(0.5)
    assert read.factors["level"].item() == 0


def test_batch_size_changes_nothing() -> None:
    oracle, images = shapes.load().oracle(), queries(1)
    whole, parts = oracle.read(images), oracle.read(images, batch_size=7)
    assert torch.equal(whole.labels, parts.labels)
    assert torch.equal(whole.distance, parts.distance)
    assert len(oracle.read(images[:0]).labels) == 0


def test_uint8_and_float_images_read_alike() -> None:
    oracle, images = shapes.load().oracle(), to_uint8(queries(1))
    assert torch.equal(oracle.read(images).distance, oracle.read(to_float(images)).distance)


@pytest.mark.parametrize("around", ["autocast", "medium"])
def test_reduced_precision_around_it_changes_nothing(around: str) -> None:
    """Images a little past half way between two neighbours: bfloat16 cannot tell which."""
    data = shapes.load()
    first = torch.nonzero(data.factors["brightness"] == 1).flatten()[::3]
    images = 0.495 * data.real(first) + 0.505 * data.real(first + 1)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium" if around == "medium" else "highest")
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=around == "autocast"):
            read = data.oracle().read(images)
    finally:
        torch.set_float32_matmul_precision(before)
    assert (read.factors["brightness"] == 2).all()


def test_reading_leaves_the_precision_of_products_as_it_was() -> None:
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("high")
        shapes.load().oracle().read(queries(1))
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision(before)


def test_threshold_is_half_a_cells_diagonal_over_the_ink() -> None:
    data = glyphs.load(classes=3)
    index = {
        (int(label), *factors): at
        for at, (label, *factors) in enumerate(
            torch.stack([data.labels, *data.factors.values()], dim=1).tolist()
        )
    }
    pixels = to_float(data.images).double().flatten(1)
    halves = []
    for (label, *factors), at in index.items():
        for steps in itertools.product((1, -1), repeat=5):
            corner = (label, *(value + step for value, step in zip(factors, steps, strict=True)))
            if corner in index:
                apart = (pixels[at] - pixels[index[corner]]).square().mean().sqrt()
                halves.append(float(apart / 2 / (pixels[at] + 1).square().mean().sqrt()))
    assert data.oracle().threshold == pytest.approx(
        sorted(halves)[(len(halves) - 1) // 2], rel=1e-4
    )


def test_hue_has_no_middle_and_gives_no_threshold() -> None:
    assert shapes.grid(16, 3).graded == ("size", "x", "y", "rotation")
    assert toy([0, 255]).threshold == 0


def test_dim_images_get_no_discount() -> None:
    """Recognisable is relative to the ink: half the light, half the distance allowed."""
    levels, labels = torch.tensor([0, 60, 120, 180, 240]).byte(), torch.zeros(5, dtype=torch.int64)
    images = levels[:, None, None, None].expand(-1, 1, 2, 2)
    oracle = Oracle(images, labels, {"level": torch.arange(5)}, graded=("level",))
    # Half steps over ink: 30/60, 30/120, 30/120, 30/180, 30/180, ... (from black: infinite).
    assert oracle.threshold == pytest.approx(30 / 120)
    near = torch.tensor([72, 80, 225, 255]).byte().view(4, 1, 1, 1).expand(4, 1, 2, 2)
    assert oracle.read(near).recognisable.tolist() == [True, False, True, True]


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_recognisable_and_what_is_not(channels: int) -> None:
    data = shapes.load(channels=channels)
    oracle, every = data.oracle(), data.real(torch.arange(len(data)))

    def share(images: torch.Tensor) -> float:
        return float(oracle.read(images).recognisable.float().mean())

    by_class = every.view(10, 432, *data.sample_shape)
    # Aligned and filled, some shapes' class means are as near as a cell's middle: see coverage.
    assert share(by_class.mean(dim=1)) <= 0.5
    assert share(torch.full_like(every[:1], -1.0)) == 0
    shuffled = by_class[:, torch.randperm(432, generator=torch.Generator().manual_seed(0))]
    of_eight = shuffled.view(540, 8, *data.sample_shape).mean(dim=1)
    assert share(of_eight) < 0.5
    shares = [share(blur(every[::17], width)) for width in (0.7, 1.0, 1.5, 2.0)]
    assert shares[0] > 0.98
    assert shares == sorted(shares, reverse=True)
    assert shares[2] < 0.45
    assert shares[3] < 0.2
    noise = torch.randn(every[::17].shape, generator=torch.Generator().manual_seed(0))
    assert share(every[::17] + 0.16 * noise) > 0.98
    assert share((every[::17] + 0.63 * noise).clamp(-1, 1)) < 0.35


def blur(images: torch.Tensor, width: float) -> torch.Tensor:
    """Gaussian blur of this standard deviation, in pixels."""
    offsets = torch.arange(-6.0, 7.0)
    bell = torch.exp(-offsets.square() / (2 * width**2))
    channels = images.shape[1]
    kernel = (bell[:, None] * bell / bell.sum() ** 2).expand(channels, 1, 13, 13)
    return F.conv2d(F.pad(images, (6,) * 4, value=-1.0), kernel, groups=channels)


def test_halfway_between_two_neighbours_is_recognisable() -> None:
    data = shapes.load()
    first = torch.nonzero(data.factors["brightness"] == 1).flatten()
    halfway = (data.real(first) + data.real(first + 1)) / 2
    assert data.oracle().read(halfway).recognisable.all()


def test_oracle_of_a_part_is_that_of_the_whole() -> None:
    part = shapes.load().subset(torch.arange(5))
    assert part.oracle() is shapes.load().oracle()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(2, 1, 32, 32), "images have shape .2, 1, 32, 32. but the oracle knows"),
        (torch.zeros(1, 16, 16), "images have shape .1, 16, 16. but the oracle knows"),
        (
            torch.zeros((2, 1, 16, 16), dtype=torch.int64),
            "images have dtype torch.int64; give uint8",
        ),
        (torch.full((2, 1, 16, 16), float("nan")), "images hold NaN or Inf"),
        (torch.full((2, 1, 16, 16), 255.0), "images reach 255; give floats in .-1, 1."),
    ],
)
def test_bad_images_are_named_with_a_remedy(images: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        shapes.load().oracle().read(images)


def test_batch_size_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="batch_size is 0; give at least 1"):
        shapes.load().oracle().read(queries(1), batch_size=0)
