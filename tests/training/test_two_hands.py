"""One run is trained by one process at a time, and whoever leaves it lets go of it."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import cgan_kit as kit
from cgan_kit.training import DivergedError, files

fcntl = pytest.importorskip("fcntl", reason="holds files: runs on Linux and macOS")
HERE = Path(__file__).parent
BUSY = "is being trained by another process"


def second_process(folder, code):
    """A process that has opened the run again and does what the code says with `training`."""
    script = (
        "import sys, time; import cgan_kit as kit; from conftest import make_data\n"
        f"try:\n    training = kit.Training.resume({str(folder)!r}, data=make_data())\n"
        "except ValueError as error:\n    sys.exit(str(error))\n" + code
    )
    path = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def everything_in(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def leave_at(training, step):
    for record in training:
        if record["step"] == step:
            break


def test_a_second_process_is_refused_before_it_writes(make_training):
    training = make_training()
    leave_at(training, 2)
    records = iter(training)
    next(records)
    before = everything_in(training.folder)
    _, error = second_process(training.folder, "").communicate(timeout=120)
    assert f"run {str(training.folder)!r} {BUSY}" in error
    assert "wait for it or stop it first" in error
    assert everything_in(training.folder) == before
    records.close()
    other = second_process(training.folder, "print(len(list(training)))")
    said, error = other.communicate(timeout=120)
    assert said.strip() == "5", error


def test_a_killed_process_lets_go(make_training, data):
    training = make_training()
    leave_at(training, 2)
    code = "for record in training:\n    print('on', flush=True)\n    time.sleep(600)"
    other = second_process(training.folder, code)
    with other:
        assert other.stdout.readline() == "on\n"
        with pytest.raises(ValueError, match=BUSY):
            kit.Training.resume(training.folder, data=data)
        with pytest.raises(ValueError, match=BUSY):
            next(iter(training))
        other.send_signal(signal.SIGKILL)
    assert kit.Training.resume(training.folder, data=data).step == 2


def check_free(folder):
    with files.held_alone(folder):
        pass


def held_within(training):
    """A probe that finds the run held at each step."""

    class Probe:
        every, found = 1, 0

        def __call__(self, players, step):
            with pytest.raises(ValueError, match=BUSY):
                check_free(training.folder)
            type(self).found += 1
            return {}

    training.probes = (*training.probes, Probe())
    return Probe


def by_error(training):
    def fail():
        for _ in training:
            raise LookupError

    with pytest.raises(LookupError):
        fail()


def by_interrupt(training):
    def press(players, step):
        os.kill(os.getpid(), signal.SIGINT)
        return {}

    press.every = 1
    training.probes = (*training.probes, press)
    with pytest.raises(KeyboardInterrupt):
        list(training)


def by_divergence(training):
    with torch.no_grad():
        training.gan.discriminator.to_score.weight.fill_(float("nan"))
    with pytest.raises(DivergedError):
        list(training)


def by_failing_to_save(training):
    def fail():
        raise OSError("disk full")

    records = iter(training)
    next(records)
    training._write_checkpoint = fail
    with pytest.raises(OSError, match="disk full"):
        records.close()


@pytest.mark.parametrize(
    "leave",
    [list, lambda training: leave_at(training, 3), by_error, by_interrupt, by_failing_to_save],
    ids=["to the end", "break", "error", "Ctrl-C", "a full disk"],
)
def test_however_it_is_left_the_run_is_let_go_of(make_training, leave):
    training = make_training()
    probe = held_within(training)
    leave(training)
    assert probe.found
    check_free(training.folder)


def test_a_training_that_diverged_has_let_go(make_training):
    training = make_training()
    leave_at(training, 1)
    by_divergence(training)
    check_free(training.folder)


def test_one_training_left_and_taken_up_again_goes_on(make_training, same):
    whole = make_training("whole")
    list(whole)
    training = make_training("parts", save_minutes=0)
    leave_at(training, 1)
    leave_at(training, 5)
    by_error(training)
    list(training)
    same(training.run.state(), whole.run.state())


def test_a_step_that_failed_does_not_bar_the_way_back(make_training, monkeypatch):
    """The state is newer than the checkpoint then, and still this training's own."""
    training = make_training(save_minutes=0)
    records = iter(training)
    for _ in range(3):
        next(records)
    with monkeypatch.context() as patch:
        patch.setattr(training.players.generator_optimiser, "step", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            next(records)
    list(training)
    assert training.run.steps[-1] == 8


def test_a_run_that_went_on_elsewhere_meanwhile_is_not_overwritten(make_training, data):
    training = make_training()
    leave_at(training, 2)
    list(kit.Training.resume(training.folder, data=data))
    before = everything_in(training.folder)
    with pytest.raises(ValueError, match="trained on elsewhere since it was opened here; open it"):
        list(training)
    assert everything_in(training.folder) == before


def test_a_process_that_a_probe_has_forked_does_not_keep_the_run(make_training):
    training = make_training()
    leave_at(training, 1)
    with files.held_alone(training.folder):
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
    try:
        check_free(training.folder)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.parametrize("missing", ["locks", "fcntl"])
def test_where_there_are_no_locks_training_goes_on(make_training, data, monkeypatch, missing):
    def refuse(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    if missing == "locks":
        monkeypatch.setattr(files.fcntl, "flock", refuse)
    else:
        monkeypatch.setattr(files, "fcntl", None)
    training = make_training()
    leave_at(training, 3)
    list(kit.Training.resume(training.folder, data=data))
    assert training.run.steps[-1] == 8
