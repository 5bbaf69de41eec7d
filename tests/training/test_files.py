"""A run's files: whole or not at all, and nothing unpickled."""

import pickle

import pytest
import torch

from cgan_kit import writing
from cgan_kit.training import files


def test_tensors_come_back_as_they_were(tmp_path):
    shared = torch.arange(12.0)
    tensors = {
        "view": shared[::2],
        "same memory": shared,
        "channels last": torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last),
        "number": torch.tensor(3),
        "learning": torch.nn.Parameter(torch.ones(2)),
    }
    files.write_tensors(tmp_path / "a.safetensors", tensors)
    back = files.read_tensors(tmp_path / "a.safetensors")
    assert back.keys() == tensors.keys()
    assert all(torch.equal(back[key], tensors[key]) for key in tensors)


@pytest.mark.parametrize("length", [640, 1152, 1408, 0x4B50, 0x4B50 + 0x10000 * 2])
def test_a_header_whose_length_looks_like_a_pickles_mark_is_read(tmp_path, length):
    # 0x80 0x02 (pickle) is 640 as a length, "PK" (zip) is 0x4B50.
    from safetensors.torch import save_file

    path = tmp_path / "a.safetensors"
    low, high = 0, length
    while low < high:  # the padded header reaches the length wanted for some note
        middle = (low + high) // 2
        save_file({"x": torch.ones(1)}, path, metadata={"note": "n" * middle})
        if int.from_bytes(path.read_bytes()[:8], "little") < length:
            low = middle + 1
        else:
            high = middle
    save_file({"x": torch.ones(1)}, path, metadata={"note": "n" * low})
    if int.from_bytes(path.read_bytes()[:8], "little") != length:
        pytest.skip("headers are padded to other lengths")
    assert torch.equal(files.read_tensors(path)["x"], torch.ones(1))


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickled file was opened",))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickled_files_are_refused_unopened(tmp_path, protocol):
    path = tmp_path / "a.safetensors"
    path.write_bytes(pickle.dumps(Bomb(), protocol=protocol))
    with pytest.raises(ValueError, match="pickled"):
        files.read_tensors(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_torch_save_are_refused(tmp_path, zipped):
    path = tmp_path / "a.safetensors"
    torch.save({"x": torch.ones(1)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r"a\.safetensors is a pickled file"):
        files.read_tensors(path)


def test_every_truncation_is_noticed(tmp_path):
    path = tmp_path / "a.safetensors"
    files.write_tensors(path, {"x": torch.arange(10.0), "y": torch.ones(3)})
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="cannot be read"):
            files.read_tensors(path)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    files.write_tensors(path, {"x": torch.ones(2)})
    writing.write_text(tmp_path / "t.json", "old")

    def fail(*arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        files.write_tensors(path, {"x": torch.zeros(2)})
    with pytest.raises(OSError, match="No space"):
        writing.write_text(tmp_path / "t.json", "new")
    assert torch.equal(files.read_tensors(path)["x"], torch.ones(2))
    assert (tmp_path / "t.json").read_text() == "old"


def test_parts_are_told_apart_by_their_names():
    one, two = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    tensors = files.part_tensors(one, "one") | files.part_tensors(two, "two")
    fresh = torch.nn.Linear(2, 3)
    files.load_part(fresh, tensors, "two")
    assert torch.equal(fresh.weight, two.weight)


@pytest.mark.parametrize("other", [torch.nn.Linear(2, 4), torch.nn.Linear(2, 3, bias=False)])
def test_a_part_of_another_build_is_refused_and_nothing_is_loaded(other):
    module = torch.nn.Linear(2, 3)
    before = module.weight.clone()
    with pytest.raises(ValueError, match=r"checkpoint's judge is of another model.*'"):
        files.load_part(module, files.part_tensors(other, "judge"), "judge")
    assert torch.equal(module.weight, before)
