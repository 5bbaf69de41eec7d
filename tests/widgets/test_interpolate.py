"""Two strips through one image: the ends are the class grid's; each slider moves one thing."""

import base64
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_runs import point_run, tiny_images, tiny_run, tiny_training

import cgan_kit as kit
from cgan_kit.pictures import from_png, tile
from cgan_kit.plots import COLOURS
from cgan_kit.widgets import ClassGrid, Interpolate
from cgan_kit.widgets.interpolate import MARK

WAY = 11


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> kit.Run:
    return tiny_run(tmp_path_factory.mktemp("runs") / "colour", tiny_images(channels=3))


def strips(widget: Interpolate) -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(widget.images().split(WAY))  # type: ignore[return-value]


def values(control) -> list[int]:
    return [value for _, value in control.options]


def assert_same(images: torch.Tensor, others: torch.Tensor) -> None:
    """Other numbers of images at a time may round by one level."""
    assert (images.int() - others.int()).abs().max() <= 1


@pytest.mark.parametrize("step", [0, 6])
def test_the_ends_are_those_of_the_class_grid(run: kit.Run, step: int) -> None:
    widget = Interpolate(run, rows=4, seed=5, first="cross", second=0)
    grid = ClassGrid(run, rows=4, seed=5)
    assert torch.equal(widget.latents, grid.latents)  # to the bit
    widget.start.value, widget.end.value = 3, 1
    widget.checkpoint.value = grid.checkpoint.value = step
    cells = grid.images().unflatten(0, (4, 4))
    for label, s in ((2, 0), (0, 10)):
        widget.s.value = s
        assert_same(strips(widget)[0][[0, -1]], cells[[3, 1], label])
    for row, t in ((3, 0), (1, 10)):
        widget.t.value = t
        assert_same(strips(widget)[1][[0, -1]], cells[row][[2, 0]])


def test_each_slider_moves_one_thing(run: kit.Run) -> None:
    widget = Interpolate(run)
    along_z, along_class = strips(widget)
    widget.t.value = 4
    assert torch.equal(strips(widget)[0], along_z)
    assert not torch.equal(strips(widget)[1], along_class)
    along_class = strips(widget)[1]
    widget.s.value = 7
    assert not torch.equal(strips(widget)[0], along_z)
    assert torch.equal(strips(widget)[1], along_class)
    assert_same(strips(widget)[0][4], strips(widget)[1][7])  # they meet in the current image


def test_every_value_of_every_control_shows_itself(run: kit.Run) -> None:
    widget = Interpolate(run, rows=3)
    pictures = {widget.image.value}
    for control in (widget.t, widget.s, widget.checkpoint, widget.first, widget.second):
        for value in values(control):
            control.value = value
            pictures.add(widget.image.value)
            shown = from_png(widget.image.value)
            assert shown.shape[2] == 3
    moves = 10 + 10 + 3  # t and s go up from 0, the checkpoint back from the last
    assert len(pictures) >= 1 + moves + 2 + 2
    assert values(widget.checkpoint) == [0, 2, 4, 6]


def test_the_picture_holds_the_strips_and_marks_the_current_image(run: kit.Run) -> None:
    widget = Interpolate(run, scale=4)
    widget.t.value, widget.s.value = 2, 9
    shown = from_png(widget.image.value)
    sheet = tile(widget.images(), WAY, scale=4)
    height, width = sheet.shape[:2]
    right = shown[:, -(width + 2) : -2]  # beside them there is room for a mark
    first = sheet[:32, :32]
    (top,) = (y for y in range(len(shown) - 32) if (right[y : y + 32, :32] == first).all())
    area = right[top : top + height]
    marks = (area == np.array(MARK)).all(axis=2)
    assert (area == sheet)[~marks].all()
    for strip, place in ((marks[:32], 2), (marks[34:], 9)):
        around = [34 * place - 2, 34 * place - 1, 34 * place + 32, 34 * place + 33]
        assert np.flatnonzero(strip.all(axis=0)).tolist() == around
        assert np.flatnonzero(strip.any(axis=0)).tolist() == around
    enlarged = tile(widget.images()[2][None], 1, scale=12)
    assert (shown[: 12 * 8, : 12 * 8] == enlarged).all()
    assert "#{:02X}{:02X}{:02X}".format(*MARK) == COLOURS["fake"]


def test_the_figure_holds_the_same_strips(run: kit.Run) -> None:
    widget = Interpolate(run, scale=4)
    widget.t.value = 3
    (axes,) = widget.figure().axes
    assert (axes.images[0].get_array() == tile(widget.images(), WAY, scale=4)).all()
    words = {text.get_text() for text in axes.texts}
    assert {"0.0", "1.0", "t: z₁ to z₂", "s: disc to ring"} <= words


def test_the_button_draws_other_z_and_says_so(run: kit.Run) -> None:
    widget = Interpolate(run, seed=5)
    before = widget.image.value
    widget.new_z.click()
    assert torch.equal(widget.latents, ClassGrid(run, seed=6).latents)
    assert widget.image.value != before
    assert "seed 6" in widget.caption.value


def test_a_checkpoint_is_read_once_for_each_pair_of_classes(
    run: kit.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    monkeypatch.setattr(
        run, "generator", lambda step: read.append(step) or kit.Run(run.folder).generator(step)
    )
    widget = Interpolate(run)
    for t, s in itertools.product((3, 5), (2, 9)):
        widget.t.value, widget.s.value = t, s
    for step in (0, 2, 0, 6):
        widget.checkpoint.value = step
    assert read == [6, 0, 2]


def test_a_saved_notebook_keeps_the_current_picture(run: kit.Run) -> None:
    widget = Interpolate(run)
    assert "0.0 of the way from z₁ to z₂, 0.0 of the way from class" in widget.caption.value
    widget.s.value = 5
    data, metadata = widget._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]) == widget.image.value
    assert data["text/plain"] == "Interpolate: 8 z, 4 classes, 11 steps a way"
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
    assert "0.5 of the way from class disc to ring" in metadata["image/png"]["alt"]


def test_no_widget_that_hangs_headless_runs(run: kit.Run) -> None:
    def kinds(widget):
        yield type(widget).__name__
        for child in getattr(widget, "children", ()):
            yield from kinds(child)

    stock = {"HBox", "SelectionSlider", "Button", "Image", "HTML"}
    assert set(kinds(Interpolate(run))) == {"Interpolate", *stock}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": 1}, "rows is 1"),
        ({"scale": 0}, "scale is 0"),
        ({"second": "square"}, "classes holds 'square'.*disc, ring, cross, bar"),
        ({"first": 4}, "classes holds 4"),
    ],
)
def test_wrong_arguments_are_named(run: kit.Run, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Interpolate(run, **options)


def test_runs_it_cannot_show_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"points of shape \(2,\)"):
        Interpolate(point_run(tmp_path / "points"))
    training = tiny_training(tmp_path / "empty")
    next(iter(training))
    for path in (training.folder / "checkpoints").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="run has no checkpoints"):
        Interpolate(training.run)
