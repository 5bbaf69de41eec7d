import importlib.util
import itertools
import json
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "throughput.py"


@pytest.fixture
def throughput(monkeypatch):
    """The script as a module."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    spec = importlib.util.spec_from_file_location("throughput", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "throughput", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def call(throughput, tmp_path, monkeypatch):
    """call("--width", 2, ...) runs it in this process and returns where the rows are."""
    monkeypatch.setattr(throughput, "IMAGES", 64)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    def main(*arguments):
        out = tmp_path / "throughput.json"
        words = ["throughput.py", *arguments, "--out", out]
        monkeypatch.setattr(sys, "argv", [str(word) for word in words])
        throughput.main()
        return out

    return main


def half_a_second_each(step, count, device):
    for _ in range(count):
        step()
    return 0.5 * count


def test_a_rung_runs_on_a_cpu_and_writes_a_whole_row(call, throughput, capsys, monkeypatch):
    monkeypatch.setattr(throughput, "seconds", half_a_second_each)
    monkeypatch.setattr(throughput, "measured_peak", lambda device, bfloat16: 1e10)
    small = ("--width", 2, "--batch", 4, "--seconds", 0.1)
    out = call(*small, "--rungs", "float32")
    (row,) = json.loads(out.read_text())["rows"]
    assert (row["who"], row["rung"], row["width"], row["batch"]) == ("kit", "float32", 2, 4)
    assert row["images_per_second"] == 5 * 4 / 0.5  # the discriminator's turns, images of each
    assert row["slowest_fastest"] == [40.0, 40.0]
    assert row["tflop_per_step"] > 0
    bound = 1e12 * row["tflop_per_step"] / 1e10
    assert row["share_of_bound"] == pytest.approx(bound / 0.5, rel=0.01)
    assert 0 < sum(kernel["share"] for kernel in row["profile"]) <= 1.01
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    capsys.readouterr()
    call("--table")
    assert "kit, float32, penalty none, width 2, batch 4" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rungs", "graphs"), "needs a CUDA device"),
        (("--device", "cuda"), "finds no CUDA device"),
    ],
)
def test_what_a_cpu_cannot_do_is_refused_in_words(arguments, said, call, capsys):
    with pytest.raises(SystemExit):
        call(*arguments)
    assert said in capsys.readouterr().err


def test_a_newer_row_of_the_same_case_takes_the_place_of_the_older(throughput, tmp_path):
    out = tmp_path / "throughput.json"
    case = dict.fromkeys(throughput.SAME, 1) | {"device": "d", "who": "kit", "penalty": "none"}
    for rung, pace in [("TF32", 1.0), ("float32", 2.0), ("TF32", 3.0)]:
        throughput.tell(case | {"rung": rung, "images_per_second": pace, "profile": []}, out)
    rows = json.loads(out.read_text())["rows"]
    assert [(row["rung"], row["images_per_second"]) for row in rows] == [
        ("TF32", 3.0),
        ("float32", 2.0),
    ]


def test_each_rung_is_the_one_before_and_one_change(throughput):
    rungs = list(throughput.RUNGS.values())
    for earlier, later in itertools.pairwise(rungs):
        before, after = vars(earlier), vars(later)
        changed = [name for name in before if name != "name" and before[name] != after[name]]
        assert len(changed) == 1
        assert after[changed[0]] is True
    assert rungs[0].name == "float32"
