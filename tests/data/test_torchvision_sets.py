"""torchvision's own readers, on tiny files in the layout of the real ones; no network."""

import hashlib
import pickle
import struct
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torchvision import datasets

import cgan_kit.data
from cgan_kit.data import torchvision_sets

SAMPLES = {"train": 30, "test": 12}
GREY = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "kmnist": "KMNIST"}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """As on a machine without a network: every request ends in a URLError."""

    def refuse(*_, **__):
        raise URLError("no network in tests")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


def write_idx(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def random_images(samples: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(samples).integers(0, 256, (samples, *shape), dtype=np.uint8)


def write_mnist(root: Path, folder: str) -> None:
    for split, file in (("train", "train"), ("test", "t10k")):
        raw = root / folder / "raw"
        write_idx(raw / f"{file}-images-idx3-ubyte", random_images(SAMPLES[split], 28, 28))
        write_idx(raw / f"{file}-labels-idx1-ubyte", np.arange(SAMPLES[split]) % 10)


def write_letters(root: Path) -> None:
    for split in ("train", "test"):
        file = root / "EMNIST" / "raw" / f"emnist-letters-{split}"
        write_idx(Path(f"{file}-images-idx3-ubyte"), random_images(SAMPLES[split], 28, 28))
        write_idx(Path(f"{file}-labels-idx1-ubyte"), np.arange(SAMPLES[split]) % 26 + 1)


def write_cifar(root: Path, monkeypatch, dataset: type, key: str, names: list[str]) -> None:
    """CIFAR's pickles; torchvision's table of checksums is swapped for the tiny files' own."""
    folder = root / dataset.base_folder

    def write(file: str, content: dict) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(pickle.dumps(content))
        return hashlib.md5((folder / file).read_bytes()).hexdigest()

    for split, attribute in (("train", "train_list"), ("test", "test_list")):
        labels = [i % len(names) for i in range(SAMPLES[split])]
        data = random_images(SAMPLES[split], 3 * 32 * 32)
        md5 = write(f"{split}_batch", {"data": data, key: labels})
        monkeypatch.setattr(dataset, attribute, [[f"{split}_batch", md5]])
    meta_key = dataset.meta["key"]
    md5 = write("meta", {meta_key: names})
    monkeypatch.setattr(dataset, "meta", {"filename": "meta", "key": meta_key, "md5": md5})


@pytest.mark.parametrize(("name", "folder"), GREY.items())
@pytest.mark.parametrize("split", ["train", "test"])
def test_grey_images_keep_every_pixel_inside_a_dark_border(tmp_path, name, folder, split):
    write_mnist(tmp_path, folder)
    data = cgan_kit.data.load(name, root=tmp_path, split=split)
    assert data.images.shape == (SAMPLES[split], 1, 32, 32)
    inside = data.images[:, 0, 2:30, 2:30]
    assert torch.equal(inside, torch.from_numpy(random_images(SAMPLES[split], 28, 28)))
    assert int(data.images.sum()) == int(inside.sum())
    assert data.labels.tolist() == [i % 10 for i in range(SAMPLES[split])]
    assert data.num_classes == 10


def test_mnist_classes_are_called_as_in_digits(tmp_path):
    write_mnist(tmp_path, "MNIST")
    assert cgan_kit.data.load("mnist", root=tmp_path).class_names == tuple("0123456789")


def test_letters_stand_upright_and_count_from_zero(tmp_path):
    write_letters(tmp_path)
    data = cgan_kit.data.load("emnist-letters", root=tmp_path)
    stored = torch.from_numpy(random_images(SAMPLES["train"], 28, 28))
    assert torch.equal(data.images[:, 0, 2:30, 2:30], stored.transpose(1, 2))
    assert data.labels.tolist() == [i % 26 for i in range(SAMPLES["train"])]
    assert data.class_names == tuple("abcdefghijklmnopqrstuvwxyz")


@pytest.mark.parametrize(
    ("name", "dataset", "key"),
    [("cifar10", datasets.CIFAR10, "labels"), ("cifar100", datasets.CIFAR100, "fine_labels")],
)
def test_cifar_channels_rows_and_columns_are_in_place(tmp_path, monkeypatch, name, dataset, key):
    names = ["cat", "dog", "ship"]
    write_cifar(tmp_path, monkeypatch, dataset, key, names)
    data = cgan_kit.data.load(name, root=tmp_path, split="test")
    stored = random_images(SAMPLES["test"], 3 * 32 * 32).reshape(-1, 3, 32, 32)
    assert torch.equal(data.images, torch.from_numpy(stored))
    assert data.images.is_contiguous()
    assert data.labels.tolist() == [i % 3 for i in range(SAMPLES["test"])]
    assert data.class_names == tuple(names)


@pytest.mark.parametrize("size", [8, 16, 64])
def test_other_sizes_keep_the_mean_brightness(tmp_path, size):
    write_mnist(tmp_path, "MNIST")
    data = cgan_kit.data.load("mnist", root=tmp_path, size=size)
    native = cgan_kit.data.load("mnist", root=tmp_path)
    assert data.images.shape[1:] == (1, size, size)
    means = data.images.float().mean((1, 2, 3)), native.images.float().mean((1, 2, 3))
    assert torch.allclose(*means, atol=8)  # the dark border weighs a little less when shrunk


def test_name_and_options_make_it_again_and_hold_no_path(tmp_path, monkeypatch):
    write_mnist(tmp_path, "KMNIST")
    data = cgan_kit.data.load("kmnist", root=tmp_path, size=16, split="test")
    assert data.options == {"size": 16, "split": "test"}
    monkeypatch.setenv("CGAN_KIT_DATA", str(tmp_path))
    assert cgan_kit.data.load(data.name, **data.options).fingerprint() == data.fingerprint()


@pytest.mark.parametrize("name", torchvision_sets.NAMES)
def test_offline_the_message_names_what_works(tmp_path, name):
    with pytest.raises(RuntimeError) as caught:
        cgan_kit.data.load(name, root=tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{name} is not in {tmp_path} and could not be downloaded")
    assert "no network in tests" in message
    for offline in ("digits", "shapes", "glyphs", "gaussians", "folder:PATH"):
        assert offline in message
    assert "\n" not in message


def test_a_wrong_checksum_is_a_failed_download(tmp_path, monkeypatch):
    # A login page in place of the file: torchvision finds another checksum.
    monkeypatch.setattr(
        "torchvision.datasets.utils._urlretrieve",
        lambda url, path, *_, **__: Path(path).write_text("log in, please"),
    )
    monkeypatch.setattr("torchvision.datasets.utils._get_redirect_url", lambda url, **_: url)
    with pytest.raises(RuntimeError, match=r"could not be downloaded \(RuntimeError: File not fou"):
        cgan_kit.data.load("cifar10", root=tmp_path)


@pytest.mark.parametrize("bytes_kept", [0, 10, 500])
def test_a_file_cut_short_is_named_with_its_remedy(tmp_path, bytes_kept):
    write_mnist(tmp_path, "MNIST")
    file = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:bytes_kept])
    with pytest.raises(RuntimeError) as caught:
        cgan_kit.data.load("mnist", root=tmp_path)
    assert "cannot be read" in str(caught.value)
    assert f"remove {tmp_path / 'MNIST'}" in str(caught.value)


def test_a_root_that_cannot_be_made_is_no_network_trouble(tmp_path, monkeypatch):
    def deny(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.makedirs", deny)
    with pytest.raises(PermissionError, match="CGAN_KIT_DATA to a folder you may write to"):
        cgan_kit.data.load("mnist", root=tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"size": 28}, "size is 28; mnist comes at 8, 16, 32, 64"), ({"split": "val"}, "split is")],
)
def test_options_are_checked_before_anything_is_downloaded(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        cgan_kit.data.load("mnist", root=tmp_path, **options)
    assert not any(tmp_path.iterdir())
