"""A watched training: the same run as an unwatched one, and however it ends, it is saved."""

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import point_training, tiny_images, tiny_training

import cgan_kit as kit
from cgan_kit.diagnostics import ClassifierProbe, GradientShare, LayerProbe, SampleProbe
from cgan_kit.grids import fixed_latents, sample_grid
from cgan_kit.pictures import from_png, tile
from cgan_kit.training import DivergedError
from cgan_kit.widgets import LiveTraining, live_training

RunIt = Callable[[LiveTraining], kit.Run]
BOTH_WAYS = [LiveTraining.run_now, lambda live: asyncio.run(live.fit())]


@pytest.fixture
def draw_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_training, "REDRAW_EVERY", 0.0)
    monkeypatch.setattr(live_training, "DRAWING_SHARE", float("inf"))


@pytest.mark.parametrize("run_it", BOTH_WAYS, ids=["plain call", "await"])
@pytest.mark.usefixtures("draw_every_step")
def test_watching_changes_nothing_in_the_run(run_it: RunIt, tmp_path: Path) -> None:
    for _ in (unwatched := tiny_training(tmp_path / "unwatched")):
        pass
    run = run_it(LiveTraining(tiny_training(tmp_path / "watched")))
    assert run.steps == unwatched.run.steps == [0, 2, 4, 6]
    assert run.history() == unwatched.run.history()
    for name in ("checkpoints/step-000006.safetensors", "state.safetensors"):
        mine, theirs = load_file(run.folder / name), load_file(unwatched.folder / name)
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)


PROBES = [ClassifierProbe(1, 8), GradientShare(1, 8), SampleProbe(1, 8), LayerProbe(1, 8)]
QUANTITIES = ["losses", "classifier", "gradients of head and score", "samples", "layers"]


@pytest.mark.usefixtures("draw_every_step")
def test_every_probe_can_be_chosen_while_it_trains_and_changes_nothing(tmp_path: Path) -> None:
    for _ in (unwatched := tiny_training(tmp_path / "unwatched", steps=12, probes=PROBES)):
        pass
    live = LiveTraining(tiny_training(tmp_path / "watched", steps=12, probes=PROBES))
    assert list(live.quantities.options) == QUANTITIES
    assert live.quantities in live.children[0].children
    seen = set()

    async def someone_chooses() -> kit.Run:
        task = asyncio.create_task(live.fit())
        while live.training.step < 2:
            await asyncio.sleep(0)
        for quantity in reversed(QUANTITIES):
            live.quantities.value = quantity
            seen.add(bytes(live.curves.value))
            await asyncio.sleep(0)
        assert live.training.step < 12
        live.quantities.value = "samples"
        return await task

    run = asyncio.run(someone_chooses())
    assert len(seen) == len(QUANTITIES)
    assert run.history() == unwatched.run.history() == live.history
    for name in ("checkpoints/step-000012.safetensors", "state.safetensors"):
        mine, theirs = load_file(run.folder / name), load_file(unwatched.folder / name)
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    (title, _) = live._drawings["samples"].lines.popitem()
    assert title == ("share right", "real scored above fake")
    last = bytes(live.curves.value)
    live.quantities.value = "layers"  # also when all is over
    assert bytes(live.curves.value) != last


def test_without_probes_there_is_no_choice(tmp_path: Path) -> None:
    live = LiveTraining(tiny_training(tmp_path / "run"))
    assert list(live.quantities.options) == ["losses"]
    assert live.quantities not in live.children[0].children
    some = LiveTraining(tiny_training(tmp_path / "other", probes=[LayerProbe(2, 8)]))
    assert list(some.quantities.options) == ["losses", "layers"]
    some.quantities.value = "layers"  # before the first record: no curves, no error
    assert not some.curves.value


@pytest.mark.parametrize("run_it", BOTH_WAYS, ids=["plain call", "await"])
def test_the_last_picture_is_of_the_finished_run(run_it: RunIt, tmp_path: Path) -> None:
    live = LiveTraining(tiny_training(tmp_path / "run"), rows=3, classes=["bar", 0], seed=7)
    run = run_it(live)
    latents = fixed_latents(3, 5, seed=7)
    expected = tile(sample_grid(run.sample, latents, [3, 0]), 2, scale=4)
    seen = from_png(live.samples.value)
    assert (seen[-expected.shape[0] :, -expected.shape[1] :] == expected).all()
    assert live.progress.value == 6
    assert "step 6 of 6: finished and saved" in live.status.value
    assert live.stop.disabled


@pytest.mark.usefixtures("draw_every_step")
def test_stop_ends_the_run_and_saves_it(tmp_path: Path) -> None:
    live = LiveTraining(tiny_training(tmp_path / "run", steps=500))
    assert live.stop.disabled

    async def someone_presses_stop() -> kit.Run:
        task = asyncio.create_task(live.fit())
        while live.training.step < 3:
            await asyncio.sleep(0)
        assert not live.stop.disabled
        live.stop.click()
        assert live.stop.disabled  # pressed once is enough
        return await task

    run = asyncio.run(someone_presses_stop())
    step = live.training.step
    assert step < 10
    assert run.steps[-1] == step
    assert f"step {step} of 500: stopped; saved up to here" in live.status.value


def test_an_interrupt_in_the_notebook_ends_the_run_and_saves_it(tmp_path: Path) -> None:
    live = LiveTraining(tiny_training(tmp_path / "run", steps=500))

    async def kernel_cancels() -> kit.Run:
        task = asyncio.create_task(live.fit())
        while live.training.step < 3:
            await asyncio.sleep(0)
        task.cancel()
        run = await task  # no CancelledError: the notebook goes on with the run
        await asyncio.sleep(0)
        return run

    run = asyncio.run(kernel_cancels())
    assert run.steps[-1] == live.training.step < 10
    assert "interrupted; saved up to here" in live.status.value


def test_ctrl_c_in_a_script_ends_the_run_and_saves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = LiveTraining(tiny_training(tmp_path / "run"))

    def interrupt(record: dict[str, float]) -> None:
        if record["step"] == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(live, "_look", interrupt)
    run = live.run_now()
    assert run.steps == [0, 2, 3]
    assert "interrupted; saved up to here" in live.status.value


def test_it_is_saved_even_while_someone_holds_the_iterator(tmp_path: Path) -> None:
    live = LiveTraining(tiny_training(tmp_path / "run"))
    with live._watched() as records:
        next(records)
        raise KeyboardInterrupt
    assert live.training.run.steps == [0, 1]
    assert next(records, None) is None


def test_a_run_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    training = tiny_training(tmp_path / "run")
    for record in (records := iter(training)):
        if record["step"] == 3:
            records.close()
    live = LiveTraining(training)
    assert [record["step"] for record in live.history] == [1, 2]
    run = live.run_now()
    assert run.steps[-1] == 6
    assert live.history == run.history()


def test_an_error_is_passed_on_and_the_picture_stays(tmp_path: Path) -> None:
    training = tiny_training(tmp_path / "run")
    live = LiveTraining(training)
    with torch.no_grad():
        next(training.gan.discriminator.parameters()).fill_(float("nan"))
    with pytest.raises(DivergedError):
        live.run_now()
    assert "ended by an error" in live.status.value
    assert live.stop.disabled
    assert from_png(live.samples.value).size


def test_drawing_takes_a_small_share_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = LiveTraining(tiny_training(tmp_path / "run"))
    live._drawings = {"losses": object()}
    clock, drawing, draws = [0.0], [0.0], [0]

    def draw(cost: float) -> None:
        clock[0] += cost
        drawing[0] += cost
        draws[0] += 1

    monkeypatch.setattr(live_training.time, "monotonic", lambda: clock[0])
    for cost, at_least in ((0.04, 30), (0.005, 90)):
        monkeypatch.setattr(live, "_draw", lambda cost=cost: draw(cost))
        live._drawing_cost, start = 0.0, clock[0]
        drawing[0] = draws[0] = 0
        for step in range(1000):
            clock[0] += 0.06
            live._look({"step": step})
        assert drawing[0] < 0.05 * (clock[0] - start)
        assert at_least <= draws[0] <= (clock[0] - start) / 0.5 + 1


def test_a_notebook_shows_it_at_once_and_stores_its_last_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import IPython.display

    stored = []

    class Handle:
        def update(self, live: LiveTraining) -> None:
            stored.append(live._repr_mimebundle_())

    def display(live: LiveTraining, display_id: bool) -> Handle:
        assert display_id
        stored.append(live._repr_mimebundle_())
        return Handle()

    monkeypatch.setattr(live_training, "in_ipython", lambda: True)
    monkeypatch.setattr(IPython.display, "display", display)
    live = LiveTraining(tiny_training(tmp_path / "run"))
    live.run_now()
    (first, _), (last, metadata) = stored
    assert base64.b64decode(last["image/png"]) == live.picture()
    assert first["image/png"] != last["image/png"]
    # Notebook tests compare this line, so it does not tell how the training went.
    assert first["text/plain"] == last["text/plain"] == "LiveTraining: 6 steps, 4 classes"
    assert "z (seed 0)" in metadata["image/png"]["alt"]


def test_many_classes_show_the_first_ten(tmp_path: Path) -> None:
    training = tiny_training(tmp_path / "run", tiny_images(classes=12))
    assert LiveTraining(training).classes == tuple(range(10))
    assert LiveTraining(training, classes=range(12)).classes == tuple(range(12))


def test_what_it_cannot_show_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rows is 0"):
        LiveTraining(tiny_training(tmp_path / "run"), rows=0)
    with pytest.raises(ValueError, match=r"points of shape \(2,\)"):
        LiveTraining(point_training(tmp_path / "points"))
