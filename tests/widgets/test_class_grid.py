"""The class grid, moved over all its values: z stays, pixels are the generator's."""

import base64
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_runs import point_run, tiny_images, tiny_run, tiny_training

import cgan_kit as kit
from cgan_kit.models import draw_latents, truncate
from cgan_kit.pictures import from_png, tile
from cgan_kit.widgets import ClassGrid


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> kit.Run:
    return tiny_run(tmp_path_factory.mktemp("runs") / "grey")


@pytest.fixture(scope="module")
def run_with_many_classes(tmp_path_factory: pytest.TempPathFactory) -> kit.Run:
    return tiny_run(tmp_path_factory.mktemp("runs") / "many", tiny_images(channels=3, classes=9))


def expected_pixels(grid: ClassGrid, latents: torch.Tensor) -> np.ndarray:
    """The tiles as `run.sample` makes them, one row after the other."""
    classes = torch.tensor(grid.shown_classes)
    z = truncate(latents, grid.truncation.value).repeat_interleave(len(classes), dim=0)
    y = classes.repeat(len(latents))
    (run,) = grid.runs.values()
    return tile(run.sample(z, y, grid.checkpoint.value), len(classes), scale=grid.scale)


def shown_pixels(grid: ClassGrid) -> np.ndarray:
    """The tiles in the widget's PNG: everything below the heads, right of the row names."""
    picture = from_png(grid.image.value)
    side = 8 * grid.scale + 2
    return picture[-(side * grid.rows - 2) :, -(side * len(grid.shown_classes) - 2) :]


def assert_shows(grid: ClassGrid, latents: torch.Tensor) -> None:
    """The picture is what `run.sample` makes; another memory layout may round by one level."""
    difference = shown_pixels(grid).astype(int) - expected_pixels(grid, latents)
    assert abs(difference).max() <= 1


def values(slider) -> list[float]:
    return [value for _, value in slider.options]


def test_every_value_of_every_slider_shows_the_generators_pixels(
    run_with_many_classes: kit.Run,
) -> None:
    grid = ClassGrid(run_with_many_classes, rows=3, columns=4, seed=5)
    latents = draw_latents(3, 5, torch.Generator().manual_seed(5))
    assert values(grid.checkpoint) == [0, 2, 4, 6]
    assert values(grid.page) == [0, 4, 8]
    combinations = itertools.product(*map(values, (grid.checkpoint, grid.truncation, grid.page)))
    pictures = set()
    for step, truncation, page in combinations:
        grid.checkpoint.value, grid.truncation.value, grid.page.value = step, truncation, page
        assert_shows(grid, latents)
        assert torch.equal(grid.latents, latents)  # to the bit, whatever moves
        pictures.add(grid.image.value)
    assert len(pictures) == 4 * len(values(grid.truncation)) * 3  # every value shows


def test_pages_show_each_class_once(run_with_many_classes: kit.Run) -> None:
    grid = ClassGrid(run_with_many_classes, columns=4)
    seen = []
    for page in values(grid.page):
        grid.page.value = page
        seen += grid.shown_classes
    assert seen == list(range(9))
    assert grid.page in grid.children[0].children
    whole = ClassGrid(run_with_many_classes)
    assert whole.page not in whole.children[0].children


def test_the_button_draws_other_z_and_says_which(run: kit.Run) -> None:
    grid = ClassGrid(run, rows=2, seed=5)
    before = grid.image.value
    grid.new_z.click()
    latents = draw_latents(2, 5, torch.Generator().manual_seed(6))
    assert torch.equal(grid.latents, latents)
    assert grid.image.value != before
    assert_shows(grid, latents)
    assert "seed 6" in grid.caption.value


def test_it_starts_at_the_last_checkpoint_with_whole_z(run: kit.Run) -> None:
    grid = ClassGrid(run)
    assert grid.checkpoint.value == 6
    assert math.isinf(grid.truncation.value)
    assert grid.truncation.label == "off"
    assert grid.latents.shape == (8, 5)


def test_classes_are_shown_as_asked_for(run: kit.Run) -> None:
    grid = ClassGrid(run, rows=2, classes=["cross", 0], scale=7)
    assert grid.shown_classes == (2, 0)
    assert_shows(grid, grid.latents)


def test_a_checkpoint_is_read_once(run: kit.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr(
        run, "generator", lambda step: read.append(step) or kit.Run(run.folder).generator(step)
    )
    grid = ClassGrid(run)
    for step in (0, 2, 0, 2, 6):
        grid.checkpoint.value = step
    assert sorted(read) == [0, 2, 6]


def test_a_saved_notebook_keeps_the_current_picture(run: kit.Run) -> None:
    grid = ClassGrid(run)
    grid.checkpoint.value = 2
    data, metadata = grid._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]) == grid.image.value
    assert data["text/plain"] == "ClassGrid: 8 z down, 4 classes across, 4 checkpoints"
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == grid.model_id
    assert "step 2." in metadata["image/png"]["alt"]
    assert "disc to bar" in metadata["image/png"]["alt"]


def test_no_widget_that_hangs_headless_runs(run: kit.Run) -> None:
    def kinds(widget):
        yield type(widget).__name__
        for child in getattr(widget, "children", ()):
            yield from kinds(child)

    assert set(kinds(ClassGrid(run))) == {
        "ClassGrid",
        "HBox",
        "SelectionSlider",
        "Button",
        "Image",
        "HTML",
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": 0}, "rows is 0"),
        ({"columns": 0}, "columns is 0"),
        ({"rows": "3"}, "rows is '3'; give a whole number"),
        ({"columns": "x"}, "columns is 'x'; give a whole number"),
        ({"scale": 0}, "scale is 0"),
        ({"classes": ["square"]}, "classes holds 'square'.*disc, ring, cross, bar"),
        ({"classes": []}, "classes is empty"),
    ],
)
def test_wrong_arguments_are_named(run: kit.Run, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ClassGrid(run, **options)


@pytest.mark.parametrize("runs", ["runs/one", Path("runs/one"), {"acgan": "runs/one"}, None])
def test_the_folder_of_a_run_is_no_run(runs: object) -> None:
    with pytest.raises(ValueError, match=r"runs is .*; give a run, cgan_kit\.Run\(folder\), or"):
        ClassGrid(runs)


def test_runs_it_cannot_show_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"points of shape \(2,\).*plots.points\(run\)"):
        ClassGrid(point_run(tmp_path / "points"))
    training = tiny_training(tmp_path / "empty")
    records = iter(training)
    next(records)
    for path in (training.folder / "checkpoints").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="run has no checkpoints"):
        ClassGrid(training.run)
