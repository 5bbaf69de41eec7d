"""The training panel, moved over all its values: cursor, numbers and samples of one step."""

import base64
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_runs import point_training, tiny_training

import cgan_kit as kit
from cgan_kit.diagnostics import ClassifierProbe, SampleProbe
from cgan_kit.panels import instrument_panel
from cgan_kit.pictures import from_png, tile
from cgan_kit.widgets import TrainingPanel

PROBES = [ClassifierProbe(1, 8), SampleProbe(1, 8)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, kit.Run]:
    folder = tmp_path_factory.mktemp("runs")
    first = tiny_training(folder / "a", probes=PROBES)
    other = tiny_training(folder / "b", probes=PROBES, checkpoints=[0, 1, 5], steps=5)
    return {"acgan": kit.training.finish(first), "other": kit.training.finish(other)}


@pytest.fixture(scope="module")
def several(runs: dict[str, kit.Run]) -> TrainingPanel:
    return TrainingPanel(runs)


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> kit.Run:
    training = point_training(tmp_path_factory.mktemp("points") / "run")
    training.probes = (SampleProbe(1, 8),)
    return kit.training.finish(training)


def values(control) -> list:
    return [value for _, value in control.options]


def cursor_columns(panel: TrainingPanel) -> np.ndarray:
    """Columns where the shown panel differs from the panel without a cursor, in each row."""
    plain = panel._instruments[panel.run.value].pixels
    return (from_png(panel.panel.value) != plain).any(axis=2)


def test_every_value_moves_cursor_numbers_and_samples_together(runs: dict[str, kit.Run]) -> None:
    panel, seen = TrainingPanel(runs, rows=3, seed=5), set()
    for name in panel.run.options:
        panel.run.value = name
        run = runs[name]
        assert values(panel.checkpoint) == run.steps
        lengths = {r["step"]: r["classifier/feature_norm_real"] for r in run.history()}
        for step in run.steps:
            panel.checkpoint.value = step
            z = kit.models.draw_latents(3, 5, torch.Generator().manual_seed(5))
            made = run.sample(z.repeat_interleave(4, dim=0), torch.arange(4).repeat(3), step)
            expected = tile(made, 4, scale=5)
            shown = from_png(panel.samples.value)[-expected.shape[0] :, -expected.shape[1] :]
            assert abs(shown.astype(int) - expected).max() <= 1
            assert f"Step {step} of {name}: " in panel.caption.value
            read = f"‖F(x)‖ {lengths[step]:.2g}" if step else "before the first look"
            assert read in panel.caption.value
            seen.add((panel.panel.value, panel.samples.value))
    assert len(seen) == 7


def test_the_cursor_stands_at_its_step_in_every_recorded_instrument(
    runs: dict[str, kit.Run],
) -> None:
    panel = TrainingPanel(runs["acgan"])
    figure = instrument_panel(runs["acgan"])
    figure.canvas.draw()
    for step in (2, 6):
        panel.checkpoint.value = step
        changed = cursor_columns(panel)
        for axes in figure.axes:
            box = axes.get_window_extent()
            top = changed.shape[0] - round(box.y1)
            inside = changed[top : top + round(box.height), round(box.x0) : round(box.x1) + 3]
            if not axes.lines:
                assert not inside.any()
                continue
            expected = axes.transData.transform((step, 1))[0] - round(box.x0)
            columns = np.flatnonzero(inside.any(axis=0))
            assert len(columns) <= 2
            assert columns == pytest.approx([expected + 0.5] * len(columns), abs=1.1)
            assert inside.any(axis=1).mean() > 0.9


def test_another_run_is_shown_at_its_nearest_checkpoint(several: TrainingPanel) -> None:
    panel = several
    panel.run.value, panel.checkpoint.value = "acgan", 6
    panel.run.value = "other"
    assert panel.checkpoint.value == 5
    panel.checkpoint.value = 1
    panel.run.value = "acgan"
    assert panel.checkpoint.value == 0
    assert "Step 0 of acgan" in panel.caption.value


def test_points_are_drawn_on_axes_that_stay(points: kit.Run, monkeypatch) -> None:
    drawn, draw = [], kit.plots.points
    monkeypatch.setattr(
        kit.plots, "points", lambda *a, **k: drawn.append(draw(*a, **k)) or drawn[-1]
    )
    panel = TrainingPanel(points, seed=3)
    limits = {(axes.get_xlim(), axes.get_ylim()) for figure in drawn for axes in figure.axes}
    assert len(drawn) == len(points.steps)
    assert len(limits) == 1
    pictures = set()
    for step in values(panel.checkpoint):
        panel.checkpoint.value = step
        pictures.add(panel.samples.value)
    assert len(pictures) == len(points.steps) == len(drawn)
    assert "colour of the class" in panel.caption.value


def test_one_run_has_no_choice_of_runs(runs: dict[str, kit.Run], several: TrainingPanel) -> None:
    assert TrainingPanel(runs["acgan"]).children[0].children[0].description == "Checkpoint"
    assert several.children[0].children[0].description == "Run"


def test_a_saved_notebook_keeps_the_current_picture(several: TrainingPanel) -> None:
    panel = several
    panel.run.value, panel.checkpoint.value = "acgan", 2
    data, metadata = panel._repr_mimebundle_()
    stored = from_png(base64.b64decode(data["image/png"]))
    above, below = from_png(panel.panel.value), from_png(panel.samples.value)
    assert (stored[: above.shape[0], : above.shape[1]] == above).all()
    assert (stored[-below.shape[0] :, : below.shape[1], 0] == below).all()
    assert data["text/plain"] == "TrainingPanel: runs 2, checkpoints 4"
    assert "Step 2 of acgan" in metadata["image/png"]["alt"]


def test_no_widget_that_hangs_headless_runs(several: TrainingPanel) -> None:
    def kinds(widget):
        yield type(widget).__name__
        for child in getattr(widget, "children", ()):
            yield from kinds(child)

    allowed = {"TrainingPanel", "HBox", "ToggleButtons", "SelectionSlider", "Image", "HTML"}
    assert set(kinds(several)) == allowed


def test_what_it_cannot_show_is_refused(tmp_path: Path, runs: dict[str, kit.Run]) -> None:
    with pytest.raises(ValueError, match="rows is 0"):
        TrainingPanel(runs, rows=0)
    with pytest.raises(ValueError, match="runs is empty"):
        TrainingPanel({})
    with pytest.raises(ValueError, match="runs is a list; give each run a name"):
        TrainingPanel(list(runs.values()))
    with pytest.raises(ValueError, match="no probe's records"):
        TrainingPanel(kit.training.finish(tiny_training(tmp_path / "plain")))
    training = tiny_training(tmp_path / "bare", probes=PROBES)
    bare = kit.training.finish(training)
    for path in (training.folder / "checkpoints").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"runs\['bare'\] has no checkpoints.*instrument_panel"):
        TrainingPanel({"bare": bare})
