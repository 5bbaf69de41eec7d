import numpy as np
import pytest
from PIL import Image

from cgan_kit.data.decode import decode, decode_all


def save(path, array, **options):
    Image.fromarray(np.asarray(array, dtype=np.uint8)).save(path, **options)
    return str(path)


def gradient(height, width):
    """Brightness grows to the right, so that a crop tells where it was taken."""
    return np.repeat(np.linspace(0, 255, width)[None], height, axis=0)


def test_the_centre_of_a_wide_image_is_kept(tmp_path):
    path = save(tmp_path / "wide.png", gradient(16, 64))
    columns = decode(path, 16, 1)[0].mean(0)
    np.testing.assert_allclose(columns, np.linspace(0, 255, 64)[24:40], atol=1)


def test_the_short_side_is_resized(tmp_path):
    path = save(tmp_path / "tall.png", gradient(64, 32))
    assert decode(path, 16, 1)[0, 0, [0, -1]].tolist() == pytest.approx([4, 251], abs=4)


def test_fine_stripes_turn_grey_not_moire(tmp_path):
    stripes = np.zeros((64, 64))
    stripes[:, ::2] = 255
    assert decode(save(tmp_path / "s.png", stripes), 16, 1).std() < 10


def test_jpegs_decoded_small_lose_nothing_that_the_target_can_show(tmp_path):
    # 240 px: decoding at 1/8 would leave 30 px for a target of 32.
    generator = np.random.default_rng(0)
    blobs = np.kron(generator.integers(0, 256, (24, 24, 3)), np.ones((10, 10, 1)))
    png = save(tmp_path / "a.png", blobs)
    jpeg = save(tmp_path / "a.jpg", blobs, quality=98, subsampling=0)
    difference = decode(png, 32, 3).astype(float) - decode(jpeg, 32, 3)
    assert np.abs(difference).mean() < 4


def test_photographs_stand_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned a quarter
    path = save(tmp_path / "turned.jpg", gradient(32, 32), exif=exif, quality=95)
    pixels = decode(path, 32, 1)[0].astype(float)
    assert pixels[-1].mean() - pixels[0].mean() > 200
    assert abs(pixels[:, -1].mean() - pixels[:, 0].mean()) < 10


def test_transparent_pixels_lie_on_white(tmp_path):
    clear = np.zeros((8, 8, 4))
    clear[:4, :, 3] = 255
    pixels = decode(save(tmp_path / "clear.png", clear), 8, 3)
    assert pixels[:, :4].max() == 0
    assert pixels[:, 4:].min() == 255


def test_a_palette_with_a_transparent_entry_lies_on_white(tmp_path):
    image = Image.new("P", (8, 8), 0)
    image.putpalette([200, 0, 0])
    image.save(tmp_path / "p.png", transparency=0)
    assert decode(str(tmp_path / "p.png"), 8, 3).min() == 255


def test_sixteen_bit_grey_keeps_its_upper_half(tmp_path):
    values = np.linspace(0, 65535, 64).reshape(8, 8).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    pixels = decode(str(tmp_path / "deep.png"), 8, 1)[0]
    np.testing.assert_array_equal(pixels, values >> 8)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.arange(64, dtype=np.int32) * 4, np.arange(64) * 4),
        (np.arange(64, dtype=np.int32) * 1024, np.arange(64) * 4),
        (np.arange(64, dtype=np.uint16), np.zeros(64)),
        (np.linspace(0, 1, 64, dtype=np.float32), np.linspace(0, 255, 64).round()),
    ],
    ids=["32 bits of 8", "32 bits of 16", "dark 16 bits", "floats"],
)
def test_deep_tiffs_keep_their_brightness(tmp_path, values, expected):
    Image.fromarray(values.reshape(8, 8)).save(tmp_path / "deep.tif")
    np.testing.assert_array_equal(decode(str(tmp_path / "deep.tif"), 8, 1).flatten(), expected)


def test_dark_sixteen_bit_pgms_stay_dark(tmp_path):
    header = b"P5 8 8 65535\n"
    (tmp_path / "dark.pgm").write_bytes(header + np.full(64, 200, dtype=">u2").tobytes())
    assert decode(str(tmp_path / "dark.pgm"), 8, 1).max() == 0


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.array([-1, 300], dtype=np.int32), "run from -1 to 300; scale them to 0 to 255"),
        (np.array([0, 65536], dtype=np.int32), "run from 0 to 65536"),
        (np.array([0, 1.5], dtype=np.float32), "floats from 0 to 1.5; scale them to 0 to 1"),
        (np.array([-0.5, 1], dtype=np.float32), "floats from -0.5 to 1"),
        (np.array([0, np.nan], dtype=np.float32), "floats from nan"),
    ],
)
def test_deep_tiffs_of_an_unknown_scale_are_refused(tmp_path, values, reason):
    Image.fromarray(np.tile(values, (2, 1))).save(tmp_path / "deep.tif")
    _, unreadable = decode_all([str(tmp_path / "deep.tif")], 8, 1)
    assert reason in unreadable[0]


def test_grey_of_colour_is_luminance_and_colour_of_grey_is_threefold(tmp_path):
    path = save(tmp_path / "red.png", np.tile([255, 0, 0], (8, 8, 1)))
    assert decode(path, 8, 1).flat[0] == 76
    pixels = decode(save(tmp_path / "grey.png", gradient(8, 8)), 8, 3)
    assert (pixels[0] == pixels[1]).all()
    assert (pixels[0] == pixels[2]).all()


def test_all_files_keep_their_order_and_bad_ones_are_told(tmp_path):
    paths = [save(tmp_path / f"{i}.png", np.full((8, 8), i)) for i in range(100)]
    bad = tmp_path / "40.png"
    bad.write_bytes(b"broken")
    images, unreadable = decode_all(paths, 8, 1)
    readable = [i for i in range(100) if i != 40]
    assert images[readable, 0, 0, 0].tolist() == readable
    assert list(unreadable) == [40]
    assert str(tmp_path) not in unreadable[40]


def test_ctrl_c_ends_the_work_at_once(tmp_path, monkeypatch):
    paths = [save(tmp_path / "0.png", np.zeros((8, 8)))] * 10_000
    decoded = []
    original = decode

    def count(*arguments):
        decoded.append(1)
        return original(*arguments)

    class Interrupted:
        def __init__(self, **_): ...
        def __enter__(self):
            return self

        def __exit__(self, *_): ...
        def update(self, _):
            raise KeyboardInterrupt

    monkeypatch.setattr("cgan_kit.data.decode.decode", count)
    monkeypatch.setattr("cgan_kit.data.decode.tqdm", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        decode_all(paths, 8, 1)
    assert len(decoded) < 5_000
