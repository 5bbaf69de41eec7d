"""What resuming needs is on the disk, whole, whatever ends the process."""

import errno
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

import cgan_kit as kit
from cgan_kit import writing
from cgan_kit.training import files

ROOT = Path(kit.__file__).parents[1]


def state(step: int) -> dict[str, torch.Tensor]:
    return {"step": torch.tensor(step), "weights": torch.full((50,), float(step))}


def step_in(folder: Path) -> int:
    return int(files.read_state(folder)["step"])


def to_end(training: kit.Training) -> kit.Run:
    for _ in training:
        pass
    return training.run


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def test_the_last_two_states_are_kept(tmp_path):
    for step in (1, 2, 3):
        files.write_state(tmp_path, state(step))
    newest, previous = files.state_paths(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([newest, previous])
    assert int(files.read_tensors(newest)["step"]) == 3
    assert int(files.read_tensors(previous)["step"]) == 2


@pytest.mark.skipif(os.name != "posix", reason="sets permissions: runs on Linux and macOS")
def test_others_may_read_what_the_umask_lets_them(tmp_path):
    (tmp_path / "plain").touch()
    files.write_tensors(tmp_path / "a.safetensors", state(1))
    assert (tmp_path / "a.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode


class Killed(BaseException):
    """What ends the process in the middle of a call."""


@pytest.mark.parametrize(("renames", "left"), [(0, 2), (1, 2), (2, 3)])
def test_ended_before_any_of_its_renames_a_finished_state_is_left(
    tmp_path, monkeypatch, renames, left
):
    files.write_state(tmp_path, state(1))
    files.write_state(tmp_path, state(2))
    replace, done = os.replace, []

    def replace_or_end(source, target):
        if len(done) == renames:
            raise Killed
        done.append(target)
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", replace_or_end)
    if renames < 2:
        with pytest.raises(Killed):
            files.write_state(tmp_path, state(3))
    else:
        files.write_state(tmp_path, state(3))
    monkeypatch.undo()
    assert step_in(tmp_path) == left
    files.write_state(tmp_path, state(4))
    assert step_in(tmp_path) == 4


def test_a_damaged_state_is_passed_over_and_said_so(tmp_path):
    for step in (1, 2):
        files.write_state(tmp_path, state(step))
    truncate(files.state_paths(tmp_path)[0])
    with pytest.warns(UserWarning, match=r"state\.safetensors cannot be read.*of step 1, is used"):
        assert step_in(tmp_path) == 1


def test_a_damaged_state_does_not_push_the_whole_one_out(tmp_path):
    for step in (1, 2):
        files.write_state(tmp_path, state(step))
    newest, previous = files.state_paths(tmp_path)
    truncate(newest)
    files.write_state(tmp_path, state(3))
    assert int(files.read_tensors(previous)["step"]) == 1
    assert int(files.read_tensors(newest)["step"]) == 3


def test_when_both_are_damaged_the_error_says_so(tmp_path):
    for step in (1, 2):
        files.write_state(tmp_path, state(step))
    for path in files.state_paths(tmp_path):
        truncate(path)
    with pytest.raises(ValueError, match=r"state\.safetensors cannot be read"):
        step_in(tmp_path)


def test_a_run_goes_on_from_the_older_state_to_the_same_end(make_training, data, same):
    whole = to_end(make_training("whole", save_minutes=0))
    for record in make_training("parts", save_minutes=0):
        if record["step"] == 5:
            break
    folder = whole.folder.parent / "parts"
    truncate(folder / "state.safetensors")
    with pytest.warns(UserWarning, match="of step 4, is used"):
        resumed = kit.Training.resume(folder, data=data)
    assert resumed.step == 4
    run = to_end(resumed)
    same(run.state(), whole.state())
    assert run.history() == whole.history()


def test_states_are_saved_by_the_clock_between_checkpoints(make_training, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(kit.training.loop.time, "monotonic", lambda: now[0])
    training, saved = make_training(checkpoints=[5], save_minutes=2.0), []
    for _ in training:
        saved.append(int(training.run.state()["step"]))
        now[0] += 50.0
    # A step takes 50 s and two minutes are over at the third; the clock starts again at 5.
    assert saved == [0, 0, 0, 4, 5, 5, 5, 8]
    assert training.run.steps == [0, 5, 8]


def test_saving_often_changes_nothing_else(make_training, same):
    often, seldom = (
        to_end(make_training(name, save_minutes=minutes))
        for name, minutes in (("often", 0), ("seldom", float("inf")))
    )
    same(often.state(), seldom.state())
    assert often.steps == seldom.steps


def test_a_resumed_run_saves_as_often_as_before(make_training, data):
    training = make_training(save_minutes=7)
    next(iter(training))
    assert kit.Training.resume(training.folder, data=data).save_minutes == 7
    path = training.folder / "config.json"
    config = json.loads(path.read_text())
    del config["training"]["save_minutes"]  # a run of an earlier version
    path.write_text(json.dumps(config))
    assert kit.Training.resume(training.folder, data=data).save_minutes == 5


def test_whatever_is_a_run_can_be_gone_on_with(make_training, data, monkeypatch):
    """Killed while the first checkpoint is written, the folder is free for another run."""
    training = make_training()
    monkeypatch.setattr(training, "_good_weights", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        next(iter(training))
    assert to_end(make_training()).steps == [0, 2, 8]


@contextmanager
def full_disk(size):
    """Within it no file may grow beyond size bytes, as on a disk that is full.

    No fixture: pytest writes its own progress, perhaps to a file, before fixtures are undone.
    """
    resource = pytest.importorskip("resource", reason="limits file sizes: runs on Linux and macOS")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_an_error_that_leaves_everything_whole(tmp_path):
    files.write_state(tmp_path, state(1))
    files.write_state(tmp_path, state(2))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with (
        full_disk(100),
        pytest.raises(OSError, match=r"state\.safetensors could not be written.*make room"),
    ):
        files.write_state(tmp_path, state(3))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["config.json", "history.jsonl"])
def test_a_disk_that_is_full_for_small_files_is_told_by_name(tmp_path, name):
    write = writing.write_text if name == "config.json" else files.append_line
    (tmp_path / name).write_text("old\n")
    with (
        full_disk(10),
        pytest.raises(OSError, match=rf"{name} could not be written.*make room"),
    ):
        write(tmp_path / name, "new" * 10)
    assert (tmp_path / name).read_text().startswith("old\n")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_two_damaged_states_are_told_apart_from_checkpoints(make_training):
    folder = to_end(make_training()).folder
    for path in files.state_paths(folder):
        path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ValueError, match=r"state\.safetensors cannot be read.*sampled from"):
        files.read_state(folder)


def test_a_training_that_fills_the_disk_goes_on_later_to_the_same_end(make_training, data, same):
    whole = to_end(make_training("whole"))
    training = make_training("parts", save_minutes=0)
    records = iter(training)
    for _ in range(4):
        next(records)
    with full_disk(5000), pytest.raises(OSError, match="could not be written"):
        for _ in records:
            pass
    resumed = kit.Training.resume(training.folder, data=data)
    assert resumed.step == 4
    same(to_end(resumed).state(), whole.state())


def test_a_folder_that_became_read_only_is_a_clear_error(tmp_path, monkeypatch):
    """Root may write anywhere, so the operating system's answer is put in its mouth."""
    files.write_state(tmp_path, state(1))

    def refuse(descriptor):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files.os, "fsync", refuse)
    with pytest.raises(OSError, match=r"could not be written.*Permission denied.*permissions"):
        files.write_state(tmp_path, state(2))
    assert step_in(tmp_path) == 1
    assert list(tmp_path.iterdir()) == [files.state_paths(tmp_path)[0]]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks and kills: runs on Linux and macOS")
def test_killed_at_random_moments_a_run_ends_as_if_it_never_was(tmp_path):
    script, out = ROOT / "benchmarks" / "kill.py", tmp_path / "kill.json"
    done = subprocess.run(
        [sys.executable, str(script), "--kills", "20", "--out", str(out)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(out.read_text())
    assert result["kills"] == 20
    assert result["most_steps_lost"] <= 1
    assert all(result["same_to_the_bit_as_a_run_never_killed"])
    assert any(each["from"] for each in result["each"]), "no killed run was gone on with"
