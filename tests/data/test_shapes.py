"""The shapes: all different, factors that do what they say, options, known H(C|X)."""

import json
import math
from collections import Counter

import pytest
import torch

import cgan_kit.data
from cgan_kit.data import shapes, to_float
from cgan_kit.data.rendered import ROUNDING, RenderedSet, colour_factor, coverage


def where(data: RenderedSet, **wanted: int | str) -> torch.Tensor:
    """The images float (n, H, W) in [0, 1] with these factor values, by index or by value."""
    keep = torch.ones(len(data), dtype=torch.bool)
    for name, value in wanted.items():
        if name == "shape":
            keep &= data.labels == data.class_names.index(str(value))
        else:
            keep &= data.factors[name] == data.factor_values[name].index(value)
    return data.images[keep].amax(dim=1) / 255


def centre_of_mass(images: torch.Tensor) -> torch.Tensor:
    """(x to the right, y down), in pixels, of images (n, H, W): (n, 2)."""
    axis = torch.arange(images.shape[-1]) + 0.5
    weight = images.sum(dim=(1, 2))
    x = (images.sum(dim=1) * axis).sum(dim=1) / weight
    y = (images.sum(dim=2) * axis).sum(dim=1) / weight
    return torch.stack((x, y), dim=1)


@pytest.mark.parametrize("channels", [1, 3])
def test_nearest_two_images_of_the_grid_are_well_apart(channels: int) -> None:
    pixels = to_float(shapes.grid(16, channels).images).flatten(1)
    nearest = []
    for start in range(0, len(pixels), 2160):
        apart = torch.cdist(pixels[start : start + 2160], pixels)
        apart[torch.arange(2160), torch.arange(2160) + start] = math.inf
        nearest.append(apart.amin())
    assert float(torch.stack(nearest).amin()) / math.sqrt(pixels.shape[1]) > 0.08


@pytest.mark.parametrize("channels", [1, 3])
def test_all_images_differ_at_32_pixels(channels: int) -> None:
    images = shapes.grid(32, channels).images
    assert len({image.numpy().tobytes() for image in images}) == 4320


def test_grid_has_432_combinations_of_each_of_ten_classes() -> None:
    data = shapes.load()
    assert data.class_counts().tolist() == [432] * 10
    rows = torch.stack([data.labels, *data.factors.values()], dim=1)
    assert len(rows.unique(dim=0)) == 4320
    for name, values in data.factor_values.items():
        assert data.factors[name].unique().tolist() == list(range(len(values)))


def test_images_are_the_same_on_every_machine() -> None:
    """Pinned: published numbers hold for these images. Change it only with them."""
    assert shapes.load().fingerprint() == "9fd1dadf551cc7a4"
    assert shapes.load(size=32, channels=3).fingerprint() == "67702d2ed9b84a7a"


@pytest.mark.parametrize("size", [16, 32])
def test_no_level_is_so_near_rounding_that_machines_could_differ(size: int) -> None:
    for vertices in shapes.OUTLINES.values():
        distance = shapes._distances(size, vertices)
        for style in (distance, distance.abs() - shapes.HALF_OUTLINE):
            cover = coverage(style, size)
            for channels in (1, 3):
                for level in colour_factor(channels)[2].unique():
                    value = cover * level * 255 + ROUNDING
                    assert float((value - value.round()).abs().min()) > 1e-8


def test_position_moves_the_shape_both_ways() -> None:
    data = shapes.load()
    left, right = (centre_of_mass(where(data, x=x)) for x in ("left", "right"))
    top, bottom = (centre_of_mass(where(data, y=y)) for y in ("top", "bottom"))
    step = 2 * shapes.SHIFT * 8
    torch.testing.assert_close((right - left)[:, 0].mean(), torch.tensor(step), atol=0.1, rtol=0)
    torch.testing.assert_close((bottom - top)[:, 1].mean(), torch.tensor(step), atol=0.1, rtol=0)
    assert (right - left)[:, 0].min() > 1


def test_size_brightness_and_style_show() -> None:
    data = shapes.load()
    areas = [where(data, size=size).mean() for size in ("small", "medium", "large")]
    assert areas[0] * 1.2 < areas[1]
    assert areas[1] * 1.15 < areas[2]
    for level in data.factor_values["brightness"]:
        brightest = where(data, brightness=level).flatten(1).amax(dim=1)
        assert brightest.min() > 0.97 * float(level)
        assert brightest.max() <= float(level) + 0.01
    filled = where(data, style="filled", shape="square", x="centre", y="middle")
    outline = where(data, style="outline", shape="square", x="centre", y="middle")
    assert filled[:, 7:9, 7:9].min() > 0.5
    assert outline[:, 7:9, 7:9].max() == 0


def test_rotation_is_anticlockwise() -> None:
    data = shapes.load()
    tips = []
    for degrees in (-10.0, 10.0):
        arrows = where(
            data, shape="arrow", rotation=degrees, style="filled", size="large", y="middle"
        )
        tips.append(centre_of_mass(arrows * (torch.arange(16) < 4)[:, None])[:, 0].mean())
    assert tips[0] > tips[1] + 1


def test_hue_is_the_colour_of_full_ink() -> None:
    data = shapes.load(channels=3)
    orange = data.images[data.factors["hue"] == data.factor_values["hue"].index("orange")]
    brightest = orange.flatten(2).amax(dim=2)
    assert (brightest == torch.tensor([255, 140, 64], dtype=torch.uint8)).all(
        dim=1
    ).float().mean() > 0.9


def test_16_pixels_show_what_32_show() -> None:
    small, large = (to_float(shapes.grid(size, 1).images) for size in (16, 32))
    halved = torch.nn.functional.avg_pool2d(large, 2)
    assert (small - halved).square().mean(dim=(1, 2, 3)).sqrt().max() < 0.1


def test_imbalance_is_the_ratio_of_the_class_sizes() -> None:
    counts = shapes.load(imbalance=16.0).class_counts()
    assert (counts[0], counts[-1]) == (432, 27)
    ratios = counts[:-1] / counts[1:]
    torch.testing.assert_close(ratios, torch.full((9,), 16 ** (1 / 9)), rtol=0.02, atol=0)


@pytest.mark.parametrize("overlap", [0.0, 0.5, 1.0])
def test_conditional_entropy_is_the_formula_and_the_count(overlap: float) -> None:
    data = shapes.load(overlap=overlap, overlapping=("heart", "triangle"))
    assert data.class_counts().tolist() == [432] * 10
    pairs = Counter(
        (image.numpy().tobytes(), int(label))
        for image, label in zip(data.images, data.labels, strict=True)
    )
    images: Counter[bytes] = Counter()
    for (image, _), count in pairs.items():
        images[image] += count
    counted = -sum(
        count / len(data) * math.log(count / images[image]) for (image, _), count in pairs.items()
    )
    assert data.conditional_entropy == pytest.approx(counted, abs=1e-12)
    assert data.conditional_entropy == pytest.approx(overlap * math.log(2) / 5, abs=1e-12)


def test_conditional_entropy_of_a_subset_and_of_unequal_classes() -> None:
    data = shapes.load(overlap=1.0, imbalance=8.0)
    shared = data.class_counts()[1].item() // 2 * 2
    expected = 2 * shared * math.log(2) / len(data)
    assert data.conditional_entropy == pytest.approx(expected, rel=0.01)
    only_one = data.subset(torch.nonzero(data.labels == 0).flatten())
    assert only_one.conditional_entropy == 0


def test_overlap_is_between_the_classes_named() -> None:
    data = shapes.load(overlap=0.5, overlapping=("heart", "triangle"))
    read = data.oracle().read(data.images)
    heart, triangle = data.class_names.index("heart"), data.class_names.index("triangle")
    for label, other in ((heart, triangle), (triangle, heart)):
        drawn = read.labels[data.labels == label]
        assert (drawn == other).sum() == 108
        assert (drawn == label).sum() == 324
    rest = (data.labels != heart) & (data.labels != triangle)
    assert torch.equal(read.labels[rest], data.labels[rest])


def test_held_out_combinations_are_apart_and_the_oracle_knows_them() -> None:
    options = {"held_out_combinations": 0.2, "seed": 3}
    train = shapes.load(**options)
    held = shapes.load(**options, combinations="held-out")
    assert (len(train), len(held)) == (3460, 860)
    assert not set(train.grid_index.tolist()) & set(held.grid_index.tolist())
    read = train.oracle().read(held.images[::10])
    assert read.distance.max() == 0
    assert torch.equal(read.factors["rotation"], held.factors["rotation"][::10])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"size": 32, "channels": 3},
        {"imbalance": 4.0, "overlap": 0.3, "overlapping": ("star", "ell"), "seed": 5},
        {"held_out_combinations": 0.5, "combinations": "held-out"},
    ],
)
def test_name_and_options_make_the_set_again(options: dict[str, object]) -> None:
    data = cgan_kit.data.load("shapes", **options)
    again = cgan_kit.data.load(data.name, **json.loads(json.dumps(data.options)))
    assert again.fingerprint() == data.fingerprint()
    assert again.options == data.options


def test_split_and_move_keep_the_oracle() -> None:
    train, held = shapes.load().split(0.1, seed=1)
    assert len(train.grid_index) == len(train)
    assert torch.equal(held.grid.images[held.grid_index], held.images)
    assert len(held.to("cpu").oracle().images) == 4320


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 24}, "size is 24; shapes comes at 16, 32 pixels"),
        ({"channels": 2}, "channels is 2; shapes comes with 1 .grey. or 3 .RGB."),
        ({"imbalance": 0.5}, "imbalance is 0.5; give the ratio .* from 1 "),
        ({"imbalance": 1000}, "imbalance is 1000; .* to 216 .2 of 432"),
        ({"imbalance": float("nan")}, "imbalance is nan; give a finite number"),
        ({"overlap": 1.5}, "overlap is 1.5; give the share .* from 0 to 1"),
        ({"overlapping": ("star", "moon")}, "overlapping is .*moon.*; name two different classes"),
        ({"overlapping": ("star", "star")}, "overlapping is .*; name two different classes"),
        ({"overlapping": "star"}, "overlapping is 'star'; name two different classes"),
        ({"held_out_combinations": 1.0}, "held_out_combinations is 1.0; give the share"),
        ({"held_out_combinations": 0.9999}, "leaves none of the 432 combinations to train on"),
        ({"combinations": "test"}, 'combinations is \'test\'; choose "train", "held-out" or "all"'),
        ({"combinations": "held-out"}, "holds out none of the 432 combinations"),
        ({"seed": -1}, "seed is -1; give a whole number"),
    ],
)
def test_bad_options_are_named_with_a_remedy(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cgan_kit.data.load("shapes", **options)
