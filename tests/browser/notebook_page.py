"""A notebook open in a browser's page, in the words of someone using it. No test module itself."""

import io
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image
from throwaway_lab import Lab, stop_kernels

sync_api = pytest.importorskip("playwright.sync_api")

SECOND = 1000  # Playwright counts milliseconds
PATIENCE = 900  # seconds that a lesson may take on a machine that has other things to do


class Notebook:
    """A notebook open in a page, in the words of someone using it."""

    def __init__(self, page, lab: Lab, name: str) -> None:
        self.page = page
        page.goto(lab.address(name))
        # "Run all" clicked before the kernel is there is lost.
        page.get_by_text(re.compile(r"\| Idle")).wait_for(timeout=90 * SECOND)

    def run_all(self) -> None:
        """Run all cells; JupyterLab can lose the click while a large notebook still settles."""
        waiting = self.page.locator(".jp-InputPrompt", has_text="[*]").first
        for _ in range(6):
            self.page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
            self.page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
            try:
                waiting.wait_for(timeout=10 * SECOND)
            except sync_api.TimeoutError:
                continue
            return
        pytest.fail("Run All Cells was chosen six times, and no cell began to run")

    def wait_until_done(self, seconds: float) -> None:
        """Every cell has run: none shows [*], and none an error."""
        waiting = self.page.locator(".jp-InputPrompt", has_text="[*]")
        sync_api.expect(waiting).to_have_count(0, timeout=seconds * SECOND)
        errors = self.page.locator("[data-mime-type='application/vnd.jupyter.error']")
        assert errors.count() == 0, f"a cell failed: {errors.first.inner_text()}"

    def figures_shown(self) -> int:
        """How many figures the page shows.

        JupyterLab leaves the alt text that a figure carries out of the page. That it is there is
        seen in the stored notebook (tests/notebooks/test_course.py) and in the book.
        """
        figures = self.page.locator(".jp-OutputArea-output.jp-RenderedImage img")
        return int(figures.evaluate_all("all => all.filter(one => one.naturalWidth > 0).length"))

    def widgets_shown(self) -> int:
        """How many of the kit's widgets the page shows, each with a picture that has arrived."""
        assert self.page.get_by_text("Error displaying widget").count() == 0
        assert self.page.get_by_text("Loading widget...").count() == 0
        views = self.page.locator(".jp-OutputArea-output:has(.jupyter-widgets img)")
        drawn = "all => all.filter(one => one.querySelector('img').naturalWidth > 0).length"
        return int(views.evaluate_all(drawn))

    def stop_button(self):
        return self.page.locator(".jp-OutputArea button.jupyter-button", has_text="Stop")

    def step_shown(self, which: int) -> int:
        """The step in the status line of the which-th live training."""
        status = self.page.locator(".jp-OutputArea .widget-html", has_text=re.compile("^step "))
        words = status.nth(which).inner_text()
        return int(re.match(r"step ([\d,]+) of", words)[1].replace(",", ""))

    def stop_training(self, which: int, after_step: int) -> tuple[int, float]:
        """Press Stop once the step is reached: (step it ended at, seconds that took)."""
        button = self.stop_button().nth(which)
        sync_api.expect(button).to_be_enabled(timeout=PATIENCE * SECOND)
        deadline = time.monotonic() + PATIENCE
        while self.step_shown(which) < after_step:
            assert time.monotonic() < deadline, f"training did not reach step {after_step}"
            self.page.wait_for_timeout(200)
        started = time.monotonic()
        button.click()
        said = self.page.locator(".widget-html", has_text="stopped; saved up to here")
        sync_api.expect(said).to_have_count(which + 1, timeout=30 * SECOND)
        return self.step_shown(which), time.monotonic() - started

    def class_grid(self):
        """The first class grid: the one widget with a slider named Checkpoint."""
        return self.page.locator(
            ".jp-OutputArea-output:has(.widget-label:text-is('Checkpoint'))"
        ).first

    def picture(self) -> np.ndarray:
        """The class grid's first picture, as the browser decoded it: (H, W, 3)."""
        data = (
            self.class_grid()
            .locator("img")
            .first.evaluate(
                """async image => {
                // decode() fails when a new picture arrives while it works.
                for (let tries = 0; tries < 100; tries++) {
                    try { await image.decode(); break; }
                    catch { await new Promise(later => setTimeout(later, 50)); }
                }
                const canvas = document.createElement("canvas");
                canvas.width = image.naturalWidth;
                canvas.height = image.naturalHeight;
                canvas.getContext("2d").drawImage(image, 0, 0);
                const blob = await new Promise(done => canvas.toBlob(done, "image/png"));
                return [...new Uint8Array(await blob.arrayBuffer())];
            }"""
            )
        )
        return np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGB")).astype(int)

    def press(self, key: str, slider: str) -> str:
        """Move a slider of the class grid by the keyboard: what it reads afterwards."""
        row = self.class_grid().locator(f".widget-slider:has(.widget-label:text-is('{slider}'))")
        readout = row.locator(".widget-readout")
        before = readout.inner_text()
        row.locator(".noUi-handle").focus()
        self.page.keyboard.press(key)
        sync_api.expect(readout).not_to_have_text(before, timeout=10 * SECOND)
        return str(readout.inner_text())

    def picture_other_than(self, old: np.ndarray) -> np.ndarray:
        """The picture, once it is another; at most 10 seconds."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            new = self.picture()
            if new.shape != old.shape or (new != old).any():
                return new
            self.page.wait_for_timeout(50)
        pytest.fail("the class grid's picture did not change within 10 s of the key press")


@contextmanager
def opened(browser, lab: Lab, name: str, folder: Path) -> Iterator[Notebook]:
    """A notebook in a fresh page; a failure leaves a screenshot and says where."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    try:
        yield Notebook(page, lab, name)
    except BaseException as error:
        path = folder / f"{Path(name).stem}.png"
        page.screenshot(path=path)
        error.add_note(f"screenshot: {path}") if hasattr(error, "add_note") else None
        print(f"screenshot: {path}")
        raise
    finally:
        page.close()
        stop_kernels(lab)  # or each keeps its gigabyte to the end


def write_notebook(path: Path, cells: list[str]) -> None:
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, path)
