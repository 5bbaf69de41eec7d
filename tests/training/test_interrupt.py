"""Ctrl-C waits for the end of a step."""

import os
import signal
import threading

import pytest
import torch

import cgan_kit as kit
from cgan_kit.training.interrupt import interrupts_wait

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals")


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_within_is_raised_on_leaving():
    done = []

    def work() -> None:
        with interrupts_wait():
            interrupt()
            done.append("to the end")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["to the end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_an_interrupt_nothing_happens():
    with interrupts_wait():
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_within_is_not_hidden_by_an_interrupt():
    def work() -> None:
        with interrupts_wait():
            interrupt()
            raise LookupError

    with pytest.raises(LookupError):
        work()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_elsewhere_than_in_the_main_thread_it_does_nothing():
    errors = []

    def work() -> None:
        try:
            with interrupts_wait():
                pass
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert errors == []


class InterruptAt:
    """A probe during which Ctrl-C is pressed: in the middle of what belongs to a step."""

    every = 1

    def __init__(self, step):
        self.step = step

    def __call__(self, players, step):
        if step == self.step:
            interrupt()
        return {}


def test_an_interrupted_run_has_done_its_step_and_goes_on_to_the_bit(
    make_training, data, same, capsys
):
    whole = kit.training.finish(make_training("whole"))
    training = make_training("parts", probes=[InterruptAt(3)])
    run = kit.training.finish(training)
    assert "Stopped at step 3 of 8; everything is saved." in capsys.readouterr().out
    assert run.steps == [0, 2, 3]
    same(kit.training.finish(kit.Training.resume(run.folder, data=data)).state(), whole.state())


def test_an_interrupt_in_the_middle_of_the_step_waits(make_training, monkeypatch):
    training = make_training()
    step = training.players.discriminator_optimiser.step

    def interrupted_step():
        interrupt()
        step()

    monkeypatch.setattr(training.players.discriminator_optimiser, "step", interrupted_step)
    run = kit.training.finish(training)
    assert training.step == 1
    assert run.steps == [0, 1]
    assert torch.equal(
        run.tensors()["generator.project.weight"], training.gan.generator.project.weight
    )


def test_impatience_does_not_cut_saving_short(make_training, monkeypatch):
    training = make_training(probes=[InterruptAt(3)])
    write = training._write_checkpoint

    def slow_write():
        if training.step == 3:
            interrupt()  # the second Ctrl-C, while the first one is being obeyed
        write()

    monkeypatch.setattr(training, "_write_checkpoint", slow_write)
    run = kit.training.finish(training)
    assert int(run.state()["step"]) == 3
    assert run.steps[-1] == 3
