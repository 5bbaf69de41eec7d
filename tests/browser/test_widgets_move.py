"""Every slider of every widget is moved by the keyboard, and the picture beside it changes."""

import re
import time
from pathlib import Path

import pytest
from notebook_page import SECOND, Notebook, opened, write_notebook
from throwaway_lab import Lab

SET_UP = """import torch
import cgan_kit as kit
from cgan_kit import metrics

torch.set_num_threads(1)
digits = kit.data.load("digits", size=8)
train, unseen = digits.split(held_out=0.5, seed=0)
"""
# How each widget of the kit comes into a notebook, on data that is made in a moment.
WIDGETS = {
    "LiveTraining": """from cgan_kit.diagnostics import LayerProbe, SampleProbe
gan = kit.GAN.for_images(train, kit.losses.ACGAN(), width=2, latent_dim=3)
probes = [LayerProbe(2), SampleProbe(2, 8)]
training = kit.Training(gan, train, steps=8, log_every=2, probes=probes, precision=kit.Precision())
run = await kit.widgets.LiveTraining(training).fit()""",
    "MetricLaboratory": """judge = metrics.train_classifier(train, steps=20)
kit.widgets.MetricLaboratory(metrics.Bench(train, unseen, judge))""",
    "ClassGrid": """def run(conditioning):
    gan = kit.GAN.for_images(train, conditioning, width=2, latent_dim=256)
    return kit.train(gan, train, steps=4, checkpoints=2, precision=kit.Precision())

runs = {"AC-GAN": run(kit.losses.ACGAN()), "ReACGAN": run(kit.losses.ReACGAN())}
grid = kit.widgets.ClassGrid(runs, real=train)
grid.checkpoint.value, grid.truncation.value = 0, 0.25
grid""",
    "FactorDial": "kit.widgets.FactorDial()",
    "Hypersphere": "kit.widgets.Hypersphere(dimensions=3)",
    "Interpolate": """gan = kit.GAN.for_images(train, kit.losses.ACGAN(), width=2, latent_dim=3)
run = kit.train(gan, train, steps=8, checkpoints=3, precision=kit.Precision())
kit.widgets.Interpolate(run)""",
    "Playground2D": """playground = kit.widgets.Playground2D(kit.data.load("gaussians"))
playground.play("DG", 20)
playground""",
    "TrainingPanel": """from cgan_kit.diagnostics import ClassifierProbe, SampleProbe
probes = [ClassifierProbe(2, 8), SampleProbe(2, 8)]
gan = kit.GAN.for_images(train, kit.losses.ACGAN(), width=2, latent_dim=3)
run = kit.train(gan, train, steps=8, probes=probes, checkpoints=3, precision=kit.Precision())
kit.widgets.TrainingPanel(run)""",
}


def moved(notebook: Notebook, output, slider) -> bool:
    """Whether one press of an arrow key gives another picture."""

    def shown() -> list[str]:
        return [each.get_attribute("src") for each in output.locator("img").all()]

    before = shown()
    slider.locator(".noUi-handle").first.focus()
    for key in ("ArrowRight", "ArrowLeft"):
        notebook.page.keyboard.press(key)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if shown() != before:
                return True
            notebook.page.wait_for_timeout(50)
    return False


@pytest.mark.parametrize("name", WIDGETS)
def test_every_slider_moves_its_picture(browser, lab: Lab, tmp_path: Path, name: str) -> None:
    write_notebook(lab.folder / f"{name}.ipynb", [SET_UP, WIDGETS[name]])
    with opened(browser, lab, f"{name}.ipynb", tmp_path) as notebook:
        notebook.run_all()
        notebook.wait_until_done(120)
        output = notebook.page.locator(".jp-OutputArea-output:has(img)").last
        output.locator("img").first.wait_for(timeout=30 * SECOND)
        sliders = output.locator(".widget-slider")
        assert sliders.count() > 0
        for which in range(sliders.count()):
            label = sliders.nth(which).locator(".widget-label").inner_text()
            assert moved(notebook, output, sliders.nth(which)), f"{name}: {label} moves nothing"
        notebook.page.screenshot(path=tmp_path / f"{name}.png", full_page=True)


def test_every_widget_is_here() -> None:
    import cgan_kit.widgets

    made = {each for each in cgan_kit.widgets.__all__ if re.match("[A-Z]", each)}
    assert made == set(WIDGETS)
