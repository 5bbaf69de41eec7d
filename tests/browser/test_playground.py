"""The playground's buttons, choosers and slow motion, by the keyboard alone."""

import re
from pathlib import Path

from notebook_page import SECOND, Notebook, opened, sync_api, write_notebook
from throwaway_lab import Lab

CELL = """import torch
import cgan_kit as kit

torch.set_num_threads(1)
kit.widgets.Playground2D(kit.data.load("gaussians"))
"""


def test_every_control_works_by_keyboard(browser, lab: Lab, tmp_path: Path) -> None:
    write_notebook(lab.folder / "Playground.ipynb", [CELL])
    with opened(browser, lab, "Playground.ipynb", tmp_path) as notebook:
        notebook.run_all()
        notebook.wait_until_done(120)
        drive(notebook)
        notebook.page.screenshot(path=tmp_path / "Playground.png", full_page=True)


def drive(notebook: Notebook) -> None:
    page = notebook.page
    output = page.locator(".jp-OutputArea-output:has(img)").last
    said = output.locator(".widget-html", has_text="Turn")

    def press(control, *keys: str) -> None:
        control.focus()
        for key in keys:
            page.keyboard.press(key)

    def expect(words: str) -> None:
        sync_api.expect(said).to_contain_text(re.compile(words), timeout=20 * SECOND)

    def button(name: str):
        return output.locator("button.jupyter-button", has_text=re.compile(f"^{name}$"))

    def choose(option: str, which: int = 0) -> None:
        wanted = output.locator(".widget-toggle-button", has_text=re.compile(f"^{option}$")).nth(
            which
        )
        press(wanted, "Enter")
        sync_api.expect(wanted).to_have_class(re.compile("mod-active"))

    times = output.locator("input[type=number]")
    expect("^Turn 0 of 0")
    press(button("Step D"), "Enter")
    expect("^Turn 1 of 1: D has had 1, G 0")
    press(button("Step G"), "Space")
    expect("^Turn 2 of 2: D has had 1, G 1")
    press(times, "ControlOrMeta+a", "5", "Enter")
    press(button("Both"), "Enter")
    expect("^Turn 12 of 12")
    press(output.locator(".noUi-handle").first, "ArrowLeft", "ArrowLeft")
    expect("^Turn 10 of 12")
    before = output.locator("img").get_attribute("src")
    choose("minimax")
    sync_api.expect(output.locator("img")).not_to_have_attribute("src", before)
    for option, which in (("0.0002", 0), ("0.01", 1), ("0.1", 0), ("0.2 s", 0)):
        choose(option, which)
    play, stop = (output.locator(".widget-play button").nth(which) for which in (0, 1))
    press(play, "Enter")
    expect(r"^Turn (1[1-9]|[2-9]\d) of")  # from turn 10 on, as fast as the machine can
    press(stop, "Enter")
    press(button("Reset"), "Enter")
    expect("^Turn 0 of 0")
