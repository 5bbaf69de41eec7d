import importlib.util
import json
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "photographs.py"


@pytest.fixture
def photographs(monkeypatch, tmp_path):
    """The script as a module, writing to a file of its own, with a judge that learns less."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    spec = importlib.util.spec_from_file_location("photographs", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "photographs", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "RESULTS", tmp_path / "photographs.json")
    monkeypatch.setattr(module, "JUDGE_STEPS", 5)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    monkeypatch.setenv("CGAN_KIT_DATA", str(tmp_path / "data"))
    return module


@pytest.fixture
def folder(tmp_path):
    """Two classes of coloured noise, one red and one blue."""
    for part in ("train", "test"):
        for colour, name in ((0, "red"), (2, "blue")):
            place = tmp_path / "images" / part / name
            place.mkdir(parents=True)
            for i in range(24):
                image = torch.randint(0, 60, (40, 40, 3), dtype=torch.uint8)
                image[..., colour] += 150
                Image.fromarray(image.numpy()).save(place / f"{i}.jpg")
    return tmp_path / "images"


def call(photographs, monkeypatch, tmp_path, *arguments):
    words = ["photographs.py", *arguments, "--folder", tmp_path / "runs"]
    monkeypatch.setattr(sys, "argv", [str(word) for word in words])
    photographs.main()
    return json.loads(photographs.RESULTS.read_text())["rows"]


@pytest.mark.parametrize("preset", ["", "cifar10"])
def test_each_checkpoint_leaves_a_row_and_runs_that_are_there_are_not_done_again(
    photographs, folder, monkeypatch, tmp_path, capsys, preset
):
    named = ("--preset", preset, "--width", 4) if preset else ()
    words = (folder, "--name", "colours", *named, "--steps", 4, "--batch", 8, "--seeds", 1)
    words += ("--checkpoints", 2, "-n", 24, "--device", "cpu", "--methods", "acgan", "projection")
    rows = call(photographs, monkeypatch, tmp_path, *words)
    assert [(row["method"], row["step"]) for row in rows] == [
        ("acgan", 2), ("acgan", 4), ("projection", 2), ("projection", 4),
    ]  # fmt: skip
    for name in photographs.NAMES:
        assert all(name in row and f"{name}_real" in row for row in rows)
    assert all(rows[i]["minutes"] <= rows[i + 1]["minutes"] for i in (0, 2))
    assert rows[0]["class accuracy (classifier)_real"] > 0.9  # red and blue are told apart
    assert str(folder) not in photographs.RESULTS.read_text()

    monkeypatch.setattr(photographs, "rows_of", None)  # nothing is left to train
    again = call(photographs, monkeypatch, tmp_path, *words)
    assert again == rows
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", ["photographs.py", "--table"])
    photographs.main()
    assert capsys.readouterr().out.count("| colours |") == 4

    picture = tmp_path / "grid.png"
    call(photographs, monkeypatch, tmp_path, *words[1:], "--picture", picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_call_without_images_is_refused(photographs, monkeypatch, tmp_path, capsys):
    with pytest.raises(SystemExit):
        call(photographs, monkeypatch, tmp_path, "--steps", 2)
    assert "give FOLDER and --name" in capsys.readouterr().err
