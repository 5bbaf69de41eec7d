"""A person's way through JupyterLab: run all, stop a training, move a slider, in every lesson."""

import io
import shutil
from pathlib import Path

import nbformat
import numpy as np
import pytest
from notebook_page import PATIENCE, opened, write_notebook
from PIL import Image
from throwaway_lab import Lab

import cgan_kit as kit
from tools.build_notebooks import NOTEBOOKS
from tools.notebook_outputs import widget_shown

LESSONS = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
READ_BY_LESSONS = ("benchmarks", "data/runs")  # beside their own runs

SMALL_CELLS = [
    """import torch
import cgan_kit as kit

torch.set_num_threads(1)
digits = kit.data.load("digits", size=16)
gan = kit.GAN.for_images(digits, conditioning=kit.losses.ACGAN(weight=1.0), seed=0)
training = kit.Training(
    gan, digits, steps=100_000, checkpoints=[0, 5], folder="run", precision=kit.Precision()
)""",
    """live = kit.widgets.LiveTraining(training)
run = await live.fit()""",
    "kit.widgets.ClassGrid(run)",
    "print('end', run.steps[-1] == training.step)",
]


def test_stop_ends_a_training_and_the_slider_moves(browser, lab: Lab, tmp_path: Path) -> None:
    write_notebook(lab.folder / "small.ipynb", SMALL_CELLS)
    with opened(browser, lab, "small.ipynb", tmp_path) as notebook:
        notebook.run_all()
        stopped_at, seconds = notebook.stop_training(0, after_step=10)
        assert seconds < 15, f"Stop took {seconds:.1f} s"
        notebook.wait_until_done(60)
        assert "end True" in notebook.page.locator(".jp-OutputArea").last.inner_text()

        run = kit.Run(lab.folder / "run")
        assert run.steps == [0, 5, stopped_at]
        assert notebook.stop_button().is_disabled()

        last = notebook.picture()
        assert notebook.press("ArrowLeft", "Checkpoint") == "step 5"
        earlier = notebook.picture_other_than(last)
        expected = kit.widgets.ClassGrid(run)
        assert_same_picture(last, expected.image.value)
        expected.checkpoint.value = 5
        assert_same_picture(earlier, expected.image.value)

        assert notebook.press("ArrowLeft", "Truncation") == "±3"
        truncated = notebook.picture_other_than(earlier)
        notebook.class_grid().locator("button", has_text="New z").press("Enter")
        notebook.picture_other_than(truncated)


@pytest.fixture(scope="module")
def lessons(lab: Lab) -> Path:
    """The folder of the lessons in a copy of what they need of the repository."""
    for name in READ_BY_LESSONS:
        shutil.copytree(NOTEBOOKS.parent / name, lab.folder / name)
    folder = lab.folder / NOTEBOOKS.name
    folder.mkdir()
    for lesson in LESSONS:
        shutil.copy(lesson, folder)
    return folder


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_lesson_runs_and_shows_its_figures_and_widgets(
    browser, lab: Lab, lessons: Path, tmp_path: Path, lesson: Path
) -> None:
    """In a fresh kernel. A learner who stops the trainings early still gets to the end."""
    pictures, widgets = stored_pictures(lesson)
    address = (lessons / lesson.name).relative_to(lab.folder).as_posix()
    with opened(browser, lab, address, tmp_path) as notebook:
        notebook.run_all()
        for which in range(widgets.count("LiveTraining")):
            notebook.stop_training(which, after_step=30)
        notebook.wait_until_done(PATIENCE)
        assert notebook.figures_shown() == pictures - len(widgets)
        assert notebook.widgets_shown() == len(widgets)
        if "ClassGrid" in widgets:
            first = notebook.picture()
            notebook.press("ArrowLeft", "Checkpoint")
            notebook.picture_other_than(first)


def stored_pictures(lesson: Path) -> tuple[int, list[str]]:
    """How many pictures a lesson stores, and the names of the widgets that some are of."""
    cells = nbformat.read(lesson, as_version=nbformat.NO_CONVERT).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    widgets = [name for name in map(widget_shown, outputs) if name]
    return sum("image/png" in output.get("data", {}) for output in outputs), widgets


def assert_same_picture(seen: np.ndarray, png: bytes) -> None:
    """The browser's pixels are those of the same grid made here, but for rounding."""
    expected = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    assert seen.shape == expected.shape
    assert np.abs(seen - expected).mean() < 0.5
