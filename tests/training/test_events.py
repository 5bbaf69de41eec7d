"""Curves for TensorBoard, whether it is installed or not."""

import json
import sys
import types
from pathlib import Path

import pytest

from cgan_kit import cli
from cgan_kit.training.events import write_events


class Writer:
    """What the kit uses of torch's SummaryWriter; its file says what it was told."""

    def __init__(self, folder):
        self.path, self.told = Path(folder) / "events", []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.path.parent.mkdir(parents=True)
        self.path.write_text(json.dumps(sorted(self.told)))

    def add_scalar(self, name, value, step):
        self.told.append([name, step, value])


@pytest.fixture
def run(make_training):
    training = make_training(steps=5, log_every=2)
    list(training)
    return training.run


@pytest.fixture
def installed(monkeypatch):
    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)


def test_every_number_of_the_history_is_written_at_its_step(run, installed):
    for _ in range(2):  # the second time replaces the first
        folder = write_events(run)
    assert folder == run.folder / "tensorboard"
    told = json.loads((folder / "events").read_text())
    wanted = [
        [name, record["step"], value]
        for record in run.history()
        for name, value in record.items()
        if name != "step"
    ]
    assert told == sorted(wanted)
    assert {step for _, step, _ in told} == {1, 2, 4, 5}
    assert not list(run.folder.glob("*.partial"))


def test_without_it_the_command_says_what_to_do(run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    before = sorted(run.folder.rglob("*"))
    assert cli.main(["tensorboard", str(run.folder)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: TensorBoard is not installed; pip install tensorboard")
    assert "history.jsonl" in said
    assert sorted(run.folder.rglob("*")) == before


def test_the_command_names_what_to_start_next(run, installed, capsys):
    assert cli.main(["tensorboard", str(run.folder)]) == 0
    assert f"tensorboard --logdir {run.folder / 'tensorboard'}" in capsys.readouterr().out


def test_what_torch_writes_can_be_read_back(run):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="reads events back: runs where TensorBoard is installed",
    )
    events = accumulator.EventAccumulator(str(write_events(run)))
    events.Reload()
    seen = {event.step: event.value for event in events.Scalars("d_loss")}
    assert seen == pytest.approx({record["step"]: record["d_loss"] for record in run.history()})
