"""Tiles, heads and PNGs: every pixel stands where it should."""

import numpy as np
import pytest
import torch

from cgan_kit import pictures


def numbered(n: int, channels: int = 1) -> torch.Tensor:
    """n images of 2 high and 3 wide, each of one grey that names it."""
    return torch.arange(n, dtype=torch.uint8).reshape(n, 1, 1, 1).repeat(1, channels, 2, 3)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize("gap", [0, 2])
def test_tile_puts_each_image_in_its_cell(channels: int, scale: int, gap: int) -> None:
    tiled = pictures.tile(numbered(6, channels), columns=3, scale=scale, gap=gap)
    height, width = 2 * scale, 3 * scale
    assert tiled.shape[:2] == (2 * height + gap, 3 * width + 2 * gap)
    assert tiled.shape[2:] == ((3,) if channels == 3 else ())
    for k in range(6):
        y, x = (k // 3) * (height + gap), (k % 3) * (width + gap)
        assert (tiled[y : y + height, x : x + width] == k).all()
    if gap:
        assert (tiled[height : height + gap] == 255).all()
        assert (tiled[:, width : width + gap] == 255).all()


def test_tile_enlarges_by_repeating_pixels() -> None:
    image = torch.tensor([[10, 20], [30, 40]], dtype=torch.uint8).reshape(1, 1, 2, 2)
    expected = [[10, 10, 20, 20], [10, 10, 20, 20], [30, 30, 40, 40], [30, 30, 40, 40]]
    assert pictures.tile(image, 1, scale=2).tolist() == expected


def test_tile_keeps_colours_apart() -> None:
    image = torch.tensor([1, 2, 3], dtype=torch.uint8).reshape(1, 3, 1, 1)
    assert pictures.tile(image, 1)[0, 0].tolist() == [1, 2, 3]


def test_a_short_last_row_ends_in_white() -> None:
    tiled = pictures.tile(numbered(4), columns=3, gap=0)
    assert (tiled[2:, :3] == 3).all()
    assert (tiled[2:, 3:] == 255).all()


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (torch.zeros(1, 1, 2, 2), {"columns": 1}, "images have dtype torch.float32"),
        (torch.zeros(1, 2, 2, 2, dtype=torch.uint8), {"columns": 1}, "C = 1 or 3"),
        (torch.zeros(1, 1, 2, 2, dtype=torch.uint8), {"columns": 0}, "columns is 0"),
        (torch.zeros(1, 1, 2, 2, dtype=torch.uint8), {"columns": 1, "scale": 0}, "scale is 0"),
    ],
)
def test_tile_names_what_it_cannot_lay_out(
    images: torch.Tensor, options: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        pictures.tile(images, **options)


@pytest.mark.parametrize("channels", [1, 3])
def test_frame_leaves_the_tiles_as_they_are(channels: int) -> None:
    tiled = pictures.tile(numbered(6, channels), columns=3, scale=16)
    framed = pictures.frame(tiled, ["a", "b", "c"], ["z1", "z2"])
    height, width = tiled.shape[:2]
    assert (framed[-height:, -width:] == tiled).all()
    assert framed.shape[0] > height
    assert framed.shape[1] > width


def test_each_head_is_centred_over_its_column() -> None:
    tiled = pictures.tile(numbered(3), columns=3, scale=16, gap=2)
    for column in range(3):
        heads = ["", "", ""]
        heads[column] = "0"
        above = pictures.frame(tiled, heads)[: -tiled.shape[0]]
        inked = np.nonzero((above < 128).any(axis=0))[0]
        centre = column * 50 + 24
        assert abs(inked.mean() - centre) <= 2


def test_wide_heads_stand_upright_and_lose_nothing() -> None:
    tiled = pictures.tile(numbered(3), columns=3, scale=8)
    flat = pictures.frame(tiled, ["a", "b", "c"])
    upright = pictures.frame(tiled, ["hourglass", "b", "c"])
    assert upright.shape[0] > flat.shape[0] + 30
    assert upright.shape[1] == tiled.shape[1]
    ink = (pictures._text("hourglass") < 128).sum()
    column = upright[: -tiled.shape[0], : tiled.shape[1] // 3]
    assert (column < 128).sum() == ink


def test_a_name_the_font_cannot_write_becomes_its_number() -> None:
    tiled = pictures.tile(numbered(2), columns=2, scale=10)
    assert (pictures.frame(tiled, ["猫", "b"]) == pictures.frame(tiled, ["0", "b"])).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_png_gives_back_every_pixel(channels: int) -> None:
    images = torch.randint(0, 256, (4, channels, 8, 8), dtype=torch.uint8)
    tiled = pictures.tile(images, 2)
    assert (pictures.from_png(pictures.to_png(tiled)) == tiled).all()


def test_beside_puts_two_pictures_next_to_each_other() -> None:
    left, right = np.full((2, 3), 7, np.uint8), np.full((4, 2, 3), 9, np.uint8)
    both = pictures.beside(left, right, gap=1)
    assert both.shape == (4, 6, 3)
    assert (both[:2, :3] == 7).all()
    assert (both[:, 4:] == 9).all()
    assert (both[2:, :3] == 255).all()


@pytest.mark.parametrize(("side", "scale"), [(8, 5), (16, 3), (32, 2), (64, 1)])
def test_fitting_scale_makes_images_at_least_forty_high(side: int, scale: int) -> None:
    assert pictures.fitting_scale((1, side, side)) == scale
