import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder

import cgan_kit.data
from cgan_kit.data import folder as folder_module


@pytest.fixture(autouse=True)
def data_folder(tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("root")
    monkeypatch.setenv("CGAN_KIT_DATA", str(place))
    return place


@pytest.fixture
def pictures(tmp_path):
    """Two classes, nested folders, several formats, a file that is no image."""
    generator = np.random.default_rng(0)

    def save(name: str, *shape: int) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, shape, dtype=np.uint8)).save(path)

    save("dogs/b.png", 16, 16, 3)
    save("dogs/a.jpg", 40, 30, 3)
    save("cats/deeper/c.PNG", 20, 24)
    save("cats/d.bmp", 16, 16, 3)
    save("cats/e.png", 100, 17, 3)
    (tmp_path / "cats" / "notes.txt").write_text("no image")
    (tmp_path / "readme.md").write_text("no class")
    return tmp_path


@pytest.fixture
def decodings(monkeypatch):
    """How many files each load decoded."""
    counts = []
    original = folder_module.decode_all

    def counted(paths, size, channels):
        counts.append(len(paths))
        return original(paths, size, channels)

    monkeypatch.setattr(folder_module, "decode_all", counted)
    return counts


def load(path: Path | str, **options) -> cgan_kit.data.ImageSet:
    return cgan_kit.data.load(f"folder:{path}", **options)


def test_classes_order_and_labels_are_imagefolders(pictures):
    data, expected = load(pictures, size=16), ImageFolder(str(pictures))
    assert list(data.class_names) == expected.classes == ["cats", "dogs"]
    assert data.labels.tolist() == expected.targets
    assert data.images.shape == (5, 3, 16, 16)


def test_each_image_lies_at_its_own_place(pictures):
    data = load(pictures, size=16)
    for index, (path, _) in enumerate(ImageFolder(str(pictures)).samples):
        if path.endswith(("d.bmp", "b.png")):  # already 16 × 16: nothing may change
            pixels = torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1)
            assert torch.equal(data.images[index], pixels)


@pytest.mark.parametrize("place", [".ipynb_checkpoints", "__MACOSX", "cats/.cache", "cats/._b.png"])
def test_what_programs_leave_behind_is_no_part_of_the_set(pictures, place):
    expected = load(pictures)
    left = pictures / place if place.endswith(".png") else pictures / place / "b.png"
    left.parent.mkdir(exist_ok=True)
    Image.new("RGB", (16, 16)).save(left)
    data = load(pictures)
    assert data.class_names == ("cats", "dogs")
    assert data.fingerprint() == expected.fingerprint()


def test_hidden_folders_alone_are_no_classes(pictures):
    (pictures / "cats").rename(pictures / ".cats")
    (pictures / "dogs").rename(pictures / ".dogs")
    with pytest.raises(ValueError, match=r"no sub-folders.*with a dot in front are skipped"):
        load(pictures)


def test_jpegs_of_another_name_and_gifs_are_read(pictures):
    red = Image.new("RGB", (16, 16), "red")
    red.save(pictures / "cats" / "f.JFIF", format="JPEG")
    red.save(pictures / "cats" / "g.gif", append_images=[Image.new("RGB", (16, 16))], save_all=True)
    images = load(pictures, size=16).images
    assert len(images) == 7
    for image in images[2:4]:  # after cats/d.bmp and cats/e.png
        assert (image[0] >= 250).all()
        assert (image[1:] <= 5).all()


@pytest.mark.skipif(
    ".avif" not in Image.registered_extensions(), reason="runs where Pillow reads AVIF"
)
def test_avif_is_read(pictures):
    Image.new("RGB", (16, 16), "red").save(pictures / "cats" / "f.avif")
    assert len(load(pictures)) == 6


def test_images_that_are_left_out_are_counted_once(pictures):
    for name in ("cats/a.heic", "cats/deeper/b.HEIC", "dogs/c.svg", "d.png", "e.heic"):
        (pictures / name).touch()
    said = r"left out 2 \.heic and 1 \.svg and 2 images beside the class folders"
    with pytest.warns(UserWarning, match=said) as caught:
        data = load(pictures)
    assert len(data) == 5
    assert len(caught) == 1
    assert caught[0].filename == __file__  # the line that loads, not one of the kit's


def test_a_link_to_a_folder_that_holds_it_is_named(pictures):
    link = pictures / "cats" / "deeper" / "up"
    for target in ("..", "../..", "../../.."):
        link.symlink_to(target)
        with pytest.raises(ValueError, match=r"cats/deeper/up links to .*remove the link"):
            load(pictures)
        link.unlink()


def test_a_link_back_through_a_linked_class_is_named(pictures, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (pictures / "birds").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(pictures)
    with pytest.raises(ValueError, match="birds/back links to"):
        load(pictures)


def test_links_to_classes_and_files_elsewhere_are_followed(pictures, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (pictures / "dogs").rename(elsewhere / "dogs")
    (pictures / "dogs").symlink_to(elsewhere / "dogs")
    (pictures / "cats" / "linked.png").symlink_to(elsewhere / "dogs" / "b.png")
    data = load(pictures)
    assert data.labels.tolist() == ImageFolder(str(pictures)).targets == [0, 0, 0, 0, 1, 1]


def test_the_second_load_decodes_nothing_and_is_equal(pictures, decodings):
    first, second = load(pictures), load(pictures)
    assert decodings == [5]
    assert first.fingerprint() == second.fingerprint()


def test_options_have_caches_of_their_own(pictures, decodings):
    for _ in range(2):
        assert load(pictures, size=16).sample_shape == (3, 16, 16)
        assert load(pictures, size=32).sample_shape == (3, 32, 32)
        assert load(pictures, size=16, channels=1).sample_shape == (1, 16, 16)
    assert decodings == [5, 5, 5]


def add(pictures):
    Image.new("RGB", (8, 8), "red").save(pictures / "cats" / "new.png")


def remove(pictures):
    (pictures / "cats" / "d.bmp").unlink()


def rename(pictures):
    (pictures / "cats" / "d.bmp").rename(pictures / "dogs" / "d.bmp")


def rewrite(pictures):
    """Another image of the same size in bytes; only the time of modification tells."""
    path = pictures / "cats" / "d.bmp"
    before = path.stat()
    Image.new("RGB", (16, 16), "red").save(path)
    assert path.stat().st_size == before.st_size
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1000))


@pytest.mark.parametrize("change", [add, remove, rename, rewrite])
def test_a_change_in_the_folder_makes_the_cache_anew(pictures, decodings, change, data_folder):
    before = load(pictures)
    change(pictures)
    after = load(pictures)
    assert len(decodings) == 2
    assert after.fingerprint() != before.fingerprint()
    assert after.labels.tolist() == ImageFolder(str(pictures)).targets
    assert len(list((data_folder / "cache").iterdir())) == 1  # replaced, not piled up


def test_a_damaged_cache_is_made_anew(pictures, decodings, data_folder):
    first = load(pictures)
    (kept,) = (data_folder / "cache").iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    assert load(pictures).fingerprint() == first.fingerprint()
    assert decodings == [5, 5]


def test_the_cache_is_no_pickle_and_holds_no_path(pictures, data_folder):
    load(pictures)
    (kept,) = (data_folder / "cache").iterdir()
    content = kept.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert header["images"]["dtype"] == "U8"
    assert str(pictures).encode() not in content


def test_a_cache_that_cannot_be_kept_is_said_and_the_load_works(pictures, data_folder):
    (data_folder / "cache").write_text("a file where the folder should be")
    with pytest.warns(RuntimeWarning, match="could not be kept in .*cache"):
        data = load(pictures)
    assert len(data) == 5


def test_name_and_options_make_it_again(pictures):
    data = load(pictures, size=16, channels=1)
    assert data.options == {"size": 16, "channels": 1, "skip_unreadable": False}
    assert cgan_kit.data.load(data.name, **data.options).fingerprint() == data.fingerprint()


def test_home_is_understood(pictures, monkeypatch):
    monkeypatch.setenv("HOME", str(pictures.parent))
    monkeypatch.setenv("USERPROFILE", str(pictures.parent))
    assert len(load(f"~/{pictures.name}")) == 5


def test_a_colon_in_the_path_is_part_of_the_path(pictures):
    place = pictures.parent / "c:pictures"
    pictures.rename(place)
    assert len(load(place)) == 5


def test_progress_goes_to_stderr_once(pictures, capsys):
    load(pictures)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "decoding" in shown.err
    assert "5/5" in shown.err
    load(pictures)
    assert capsys.readouterr().err == ""


def test_unreadable_files_are_named_with_the_remedy(pictures):
    (pictures / "cats" / "bad.png").write_bytes(b"not a png")
    whole = (pictures / "dogs" / "a.jpg").read_bytes()
    (pictures / "dogs" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (pictures / "dogs" / "gone.jpg").symlink_to(pictures / "nowhere.jpg")
    with pytest.raises(ValueError, match="3 of 8 files") as caught:
        load(pictures)
    message = str(caught.value)
    for file in ("bad.png", "cut.jpg", "gone.jpg", "skip_unreadable=True", "--option skip_"):
        assert file in message


def test_many_unreadable_files_are_not_all_listed(pictures):
    for index in range(9):
        (pictures / "cats" / f"bad{index}.png").write_bytes(b"not a png")
    with pytest.raises(ValueError, match=r"9 of 14 files.*and 4 more"):
        load(pictures)


def test_unreadable_files_can_be_left_out_and_it_is_said_each_time(pictures, decodings):
    expected = load(pictures)
    (pictures / "cats" / "a_bad.png").write_bytes(b"not a png")
    for _ in range(2):
        with pytest.warns(UserWarning, match="left out 1 of 6 files"):
            data = load(pictures, skip_unreadable=True)
        assert data.fingerprint() == expected.fingerprint()
    assert decodings == [5, 6]


def test_a_class_without_a_readable_image_is_named(pictures):
    for path in (pictures / "dogs").iterdir():
        path.write_bytes(b"not an image")
    with pytest.raises(ValueError, match="no readable image in dogs"):
        load(pictures, skip_unreadable=True)


def test_an_empty_class_is_named(pictures):
    (pictures / "birds").mkdir()
    with pytest.raises(ValueError, match="1 of 3 classes without an image: birds"):
        load(pictures)


def test_split_folders_are_pointed_out(pictures):
    (pictures / "cats").rename(pictures / "train")
    (pictures / "dogs").rename(pictures / "test")
    with pytest.warns(UserWarning, match="look like splits"):
        load(pictures)


def test_one_class_is_too_few(pictures):
    shutil.rmtree(pictures / "dogs")
    with pytest.raises(ValueError, match="one class, 'cats'"):
        load(pictures)


def test_no_sub_folders_are_explained(pictures):
    with pytest.raises(ValueError, match="no sub-folders; put the images of each class"):
        load(pictures / "dogs")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        load(tmp_path / "nowhere")


def test_a_file_is_no_folder(pictures):
    with pytest.raises(NotADirectoryError, match=r"readme.md is a file"):
        load(pictures / "readme.md")


def test_no_path_is_no_folder():
    with pytest.raises(ValueError, match="names no folder"):
        load("")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 4}, "size is 4; give whole pixels from 8 to 512"),
        ({"size": "32"}, "size is '32'"),
        ({"channels": 4}, "channels is 4; give 1 for grey or 3 for RGB"),
        ({"skip_unreadable": "no"}, "skip_unreadable is 'no'; give True or False"),
    ],
)
def test_bad_options_are_named(pictures, options, message):
    with pytest.raises(ValueError, match=message):
        load(pictures, **options)
