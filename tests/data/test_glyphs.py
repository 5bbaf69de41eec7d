"""The glyphs: any number of classes, the same marks, all different."""

import json
import math

import pytest
import torch

import cgan_kit.data
from cgan_kit.data import glyphs, to_float
from cgan_kit.data.rendered import ROUNDING, colour_factor


def test_class_k_is_the_same_mark_whatever_the_number_of_classes() -> None:
    few, many = glyphs.load(classes=7), glyphs.load(classes=60)
    assert torch.equal(few.images, many.images[: len(few)])
    assert few.class_names == many.class_names[:7]
    for name, values in few.factors.items():
        assert torch.equal(values, many.factors[name][: len(few)])


def test_200_classes_have_144_images_each_and_all_differ() -> None:
    data = glyphs.load(classes=200)
    assert data.class_counts().tolist() == [144] * 200
    assert len({image.numpy().tobytes() for image in data.images}) == 28_800


def test_images_are_the_same_on_every_machine() -> None:
    """Pinned: published numbers hold for these images. Change it only with them."""
    assert glyphs.load().fingerprint() == "2dcb9d60d9b45337"
    assert glyphs.load(classes=200).fingerprint() == "5f48eb9e7a316a6d"


def test_marks_of_different_classes_are_far_apart() -> None:
    """In full brightness: about twice the distance that one step of a factor makes."""
    data = glyphs.load(classes=200)
    full = data.factors["brightness"] == 3
    pixels = to_float(data.images[full]).flatten(1)
    middle = full & (data.factors["x"] == 1) & (data.factors["y"] == 1)
    apart = torch.cdist(to_float(data.images[middle]).flatten(1), pixels) / 16
    apart[data.labels[middle][:, None] == data.labels[full]] = math.inf
    assert apart.min() > 0.3
    ten = apart[data.labels[middle] < 10][:, data.labels[full] < 10]
    assert ten.min() > 0.6


def test_candidates_are_whole_clear_and_fill_the_lattice() -> None:
    marks = glyphs.candidates()
    assert len(marks) >= glyphs.MOST_CLASSES
    assert len(
        {frozenset(step for stroke in m for step in glyphs._steps(stroke)) for m in marks}
    ) == len(marks)
    bar, post, far = ((-1, 0), (1, 0)), ((0, -1), (0, 1)), ((-1, 1), (1, 1))
    assert (bar, post) in marks
    assert (bar, far) not in marks  # in two pieces, and does not reach the bottom
    assert (((-1, -1), (-1, 1)), ((-1, 1), (0, 1))) not in marks  # does not reach the right
    assert not glyphs._clear((((-1, 1), (0, 0)), ((0, 0), (0, 1)), bar))  # a blot
    assert not glyphs._whole([((-1, -1), (-1, 0)), ((1, 0), (1, 1))])


def test_slant_leans_the_top_to_the_right_and_keeps_the_stroke_width() -> None:
    data = glyphs.load(classes=2, size=32)
    plus = (
        (data.labels == 0)
        & (data.factors["size"] == 1)
        & (data.factors["x"] == 1)
        & (data.factors["y"] == 1)
        & (data.factors["brightness"] == 3)
    )
    upright, italic = (
        data.images[plus & (data.factors["slant"] == slant)][0, 0] / 255 for slant in (0, 1)
    )
    assert upright[8].argmax() < italic[8].argmax()
    assert upright[24].argmax() > italic[24].argmax()
    across = math.cos(math.atan(glyphs.SLANTS["italic"]))
    assert float(italic[8].sum()) * across == pytest.approx(4, abs=0.1)


def test_no_level_is_so_near_rounding_that_machines_could_differ() -> None:
    for size in glyphs.SIDES:
        lines = glyphs._stroke_distances(size)
        cover = torch.stack([glyphs._cover(size, lines, (stroke,)) for stroke in glyphs.STROKES])
        for channels in (1, 3):
            for level in colour_factor(channels)[2].unique():
                value = cover * level * 255 + ROUNDING
                assert float((value - value.round()).abs().min()) > 1e-8


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"classes": 3, "size": 32, "channels": 3, "imbalance": 2.0},
        {"classes": 20, "held_out_combinations": 0.25, "combinations": "held-out", "seed": 9},
    ],
)
def test_name_and_options_make_the_set_again(options: dict[str, object]) -> None:
    data = cgan_kit.data.load("glyphs", **options)
    again = cgan_kit.data.load(data.name, **json.loads(json.dumps(data.options)))
    assert again.fingerprint() == data.fingerprint()
    assert again.options == data.options


def test_oracle_reads_class_and_factors_of_rgb_glyphs() -> None:
    data = glyphs.load(classes=12, channels=3)
    read = data.oracle().read(data.images)
    assert torch.equal(read.labels, data.labels)
    for name, values in data.factors.items():
        assert torch.equal(read.factors[name], values)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": 1}, "classes is 1; glyphs has marks for 2 to 200 classes"),
        ({"classes": 201}, "classes is 201; glyphs has marks for 2 to 200 classes"),
        ({"classes": "ten"}, "classes is 'ten'; .* choose a whole number"),
        ({"size": 8}, "size is 8; glyphs comes at 16, 32 pixels"),
        ({"channels": 4}, "channels is 4; glyphs comes with 1"),
        ({"imbalance": 100}, "imbalance is 100; .* to 72"),
    ],
)
def test_bad_options_are_named_with_a_remedy(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cgan_kit.data.load("glyphs", **options)
