"""A person's way through JupyterLab: run all, stop a training, move a slider."""

import io
import shutil
from pathlib import Path

import nbformat
import numpy as np
from notebook_page import opened, write_notebook
from PIL import Image
from throwaway_lab import Lab

import cgan_kit as kit

REPOSITORY = Path(__file__).parents[2]
LESSON = Path("notebooks") / "02_acgan.ipynb"
RESULTS = Path("benchmarks") / "results"  # what the lesson reads beside its own runs

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


def test_the_lesson_runs_and_its_widgets_move(browser, lab: Lab, tmp_path: Path) -> None:
    (lab.folder / LESSON.parent).mkdir()
    shutil.copy(REPOSITORY / LESSON, lab.folder / LESSON)
    shutil.copytree(REPOSITORY / RESULTS, lab.folder / RESULTS)
    with opened(browser, lab, LESSON.as_posix(), tmp_path) as notebook:
        notebook.run_all()
        # A learner who stops early still gets through the rest of the lesson.
        for which in range(_live_trainings(REPOSITORY / LESSON)):
            notebook.stop_training(which, after_step=30)
        notebook.wait_until_done(420)
        first = notebook.picture()
        notebook.press("ArrowLeft", "Checkpoint")
        notebook.picture_other_than(first)


def assert_same_picture(seen: np.ndarray, png: bytes) -> None:
    """The browser's pixels are those of the same grid made here, but for rounding."""
    expected = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    assert seen.shape == expected.shape
    assert np.abs(seen - expected).mean() < 0.5


def _live_trainings(path: Path) -> int:
    cells = nbformat.read(path, as_version=4).cells
    return sum("await" in cell.source and ".fit()" in cell.source for cell in cells)
