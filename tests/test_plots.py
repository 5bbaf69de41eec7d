"""Figures: the right pixels, the right data, the same bytes, words for those who cannot see."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from tiny_runs import point_run, tiny_images, tiny_run, tiny_training

import cgan_kit as kit
from cgan_kit import plots
from cgan_kit.pictures import from_png, tile
from cgan_kit.widgets import ClassGrid

MARGIN = 4  # dots below and to the right of the tiles


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> kit.Run:
    return tiny_run(tmp_path_factory.mktemp("runs") / "images")


def tiles_in(figure: Figure, like: np.ndarray, dpi: int = plots.DPI) -> np.ndarray:
    """The lower right corner of a rendered figure, as large as the tiles; grey or RGB."""
    pixels = from_png(plots.to_png(figure, dpi))[..., :3]
    factor = dpi // plots.DPI
    end = MARGIN * factor
    height, width = like.shape[0] * factor, like.shape[1] * factor
    part = pixels[-end - height : -end, -end - width : -end]
    return part if like.ndim == 3 else part[..., 0]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("titled", [True, False])
def test_image_grid_shows_every_pixel(channels: int, titled: bool) -> None:
    images = tiny_images(channels).images[:6]
    titles, sides = (["a", "b", "a long name"], ["z1", "z2"]) if titled else ((), ())
    figure = plots.image_grid(images, 3, titles=titles, sides=sides, scale=5)
    expected = tile(images, 3, scale=5)
    assert (tiles_in(figure, expected) == expected).all()
    twice = expected.repeat(2, axis=0).repeat(2, axis=1)
    assert (tiles_in(figure, expected, 2 * plots.DPI) == twice).all()


def test_image_grid_refuses_titles_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="titles has 2 entries"):
        plots.image_grid(tiny_images().images[:6], 3, titles=["a", "b"])


@pytest.mark.parametrize(("step", "truncation"), [(None, float("inf")), (2, 0.5)])
def test_class_grid_shows_what_the_widget_shows(
    run: kit.Run, step: int | None, truncation: float
) -> None:
    widget = ClassGrid(run, rows=3, seed=4, classes=["ring", 0])
    widget.truncation.value = truncation
    if step is not None:
        widget.checkpoint.value = step
    expected = tile(widget.images(), 2, scale=widget.scale)
    figure = plots.class_grid(run, step, rows=3, seed=4, classes=["ring", 0], truncation=truncation)
    assert (tiles_in(figure, expected) == expected).all()
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words == ["ring", "disc", "z₁", "z₂", "z₃"]


def test_real_grid_keeps_classes_in_their_columns() -> None:
    data = tiny_images()
    images = data.labels.to(torch.uint8).reshape(-1, 1, 1, 1).repeat(1, 1, 8, 8)
    coloured = kit.data.ImageSet(images, data.labels, data.class_names)
    figure = plots.real_grid(coloured, rows=2, classes=[3, 1], scale=5)
    expected = tile(
        torch.tensor([3, 1, 3, 1]).byte().reshape(4, 1, 1, 1).repeat(1, 1, 8, 8), 2, scale=5
    )
    assert (tiles_in(figure, expected) == expected).all()


def test_real_grid_shows_different_examples_and_a_short_column() -> None:
    data = tiny_images()
    part = data.subset(torch.nonzero((data.labels != 1) | (torch.arange(32) < 8)).flatten())
    assert part.class_counts().tolist() == [8, 2, 8, 8]
    figure = plots.real_grid(part, rows=4, scale=1)
    shown = tiles_in(figure, np.zeros((4 * 10 - 2, 4 * 10 - 2)))
    cells = [[shown[10 * r : 10 * r + 8, 10 * c : 10 * c + 8] for c in range(4)] for r in range(4)]
    assert len({cells[r][0].tobytes() for r in range(4)}) == 4
    assert (cells[2][1] == 255).all()
    assert (cells[1][1] != 255).any()


def test_curves_draw_what_the_run_recorded(run: kit.Run) -> None:
    history = run.history()
    figure = plots.curves(run)
    drawn = {line.get_label(): line for axes in figure.axes for line in axes.lines}
    assert {axes.get_title() for axes in figure.axes} == {"loss", "class accuracy"}
    for name, key in {
        "discriminator": "d_loss",
        "generator": "g_loss",
        "on real": "accuracy_real",
        "on fake": "accuracy_fake",
    }.items():
        assert list(drawn[name].get_xdata()) == [record["step"] for record in history]
        assert list(drawn[name].get_ydata()) == [record[key] for record in history]
    assert drawn["discriminator"].get_color() == plots.COLOURS["discriminator"]


def test_curves_without_a_classifier_show_scores(tmp_path: Path) -> None:
    training = tiny_training(tmp_path / "run", conditioning=kit.losses.Projection())
    list(training)
    titles = [axes.get_title() for axes in plots.curves(training.run).axes]
    assert titles == ["loss", "score by discriminator"]


def test_curves_of_several_runs_stand_side_by_side_in_their_colours(run: kit.Run) -> None:
    figure = plots.curves({"acgan": run, "projection": run, "mine": run})
    assert len(figure.axes) == 3
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert lines["acgan"].get_color() == plots.COLOURS["acgan"]
    assert lines["projection"].get_marker() == plots.MARKERS["projection"]
    assert list(lines["mine"].get_ydata()) == [record["d_loss"] for record in run.history()]


def test_curves_of_a_run_without_records_say_so(tmp_path: Path) -> None:
    training = tiny_training(tmp_path / "run")
    iter_of_training = iter(training)
    next(iter_of_training)
    iter_of_training.close()
    (training.folder / "history.jsonl").write_text("")
    with pytest.raises(ValueError, match="run has recorded no losses"):
        plots.curves(training.run)


def test_runs_on_points_have_their_own_plot(tmp_path: Path, run: kit.Run) -> None:
    points = point_run(tmp_path / "points")
    with pytest.raises(ValueError, match=r"use cgan_kit.plots.points\(run\)"):
        plots.class_grid(points)
    with pytest.raises(ValueError, match=r"use cgan_kit.plots.class_grid\(run\)"):
        plots.points(run)
    figure = plots.points(points, per_class=7)
    left, right = figure.axes[0].collections
    assert (left.get_label(), right.get_label()) == ("left", "right")
    assert len(left.get_offsets()) == len(right.get_offsets()) == 7
    assert not figure.axes[0].lines
    truth = kit.data.load("gaussians", classes=2)
    marks = plots.points(points, truth=truth).axes[0].lines
    assert [list(mark.get_xydata()[0]) for mark in marks] == truth.centres[:, 0].tolist()
    assert all(mark.get_markerfacecolor() == "none" for mark in marks)


def test_each_class_stands_at_its_accuracy_and_similarity() -> None:
    accuracies = {"real": [0.9, 1.0], "fake": [0.5, 1.0]}
    similarities = {"real": [0.2, 0.3], "fake": [0.4, 0.9]}
    figure = plots.accuracy_against_similarity(accuracies, similarities, ["cat", "dog"], 0.3)
    (axes,) = figure.axes
    real, fake = axes.collections
    assert real.get_offsets().tolist() == [[0.2, 0.9], [0.3, 1.0]]
    assert fake.get_offsets().tolist() == [[0.4, 0.5], [0.9, 1.0]]
    assert [(text.get_text(), text.xy) for text in axes.texts] == [
        ("cat", (0.2, 0.9)),
        ("dog", (0.3, 1.0)),
        ("cat", (0.4, 0.5)),
        ("dog", (0.9, 1.0)),
    ]
    assert list(axes.lines[0].get_xdata()) == [0.3, 0.3]
    with pytest.raises(ValueError, match="accuracies has the groups"):
        plots.accuracy_against_similarity(accuracies, {"real": [0.1, 0.1]}, ["cat", "dog"])
    with pytest.raises(ValueError, match="real has 2 accuracies and 2 similarities for 1 class_"):
        plots.accuracy_against_similarity(accuracies, similarities, ["cat"])


def test_the_same_figure_gives_the_same_bytes(run: kit.Run) -> None:
    first, second = plots.to_png(plots.curves(run)), plots.to_png(plots.curves(run))
    assert first == second
    with Image.open(io.BytesIO(first)) as image:
        assert not {"Software", "Creation Time", "date"} & set(image.info)


def test_show_stores_picture_size_and_alternative_text(
    run: kit.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    import IPython.display

    shown = []
    monkeypatch.setattr(plots.style, "in_ipython", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda *a, **k: shown.append((a, k)))
    figure = plots.curves(run)
    plots.show(figure, alt="Losses fall.")
    ((data,), options) = shown[0]
    assert data["text/plain"] == "Losses fall."
    metadata = options["metadata"]["image/png"]
    assert metadata == {"alt": "Losses fall.", "width": 800, "height": 300}
    pixels = from_png(base64.b64decode(data["image/png"]))
    assert pixels.shape[:2] == (600, 1600)


def test_show_does_nothing_in_a_script_but_close(capsys: pytest.CaptureFixture[str]) -> None:
    from matplotlib import pyplot

    figure = pyplot.figure()
    plots.show(figure, alt="Nothing.")
    assert not pyplot.fignum_exists(figure.number)
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="alt is empty"):
        plots.show(figure, alt=" ")


OKABE_ITO = {"#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"}


def test_roles_are_told_apart_by_more_than_colour() -> None:
    assert plots.COLOURS.keys() == plots.MARKERS.keys() == plots.LINESTYLES.keys()
    assert set(plots.COLOURS.values()) <= OKABE_ITO | {plots.GREY}
    roles = list(plots.COLOURS)
    for group in (["real", "fake"], ["generator", "discriminator"], roles[4:]):
        markers = [plots.MARKERS[role] for role in group]
        assert len(set(markers)) == len(group)


def test_compared_methods_have_a_colour_each() -> None:
    compared = ["none", "concatenation", "projection", "acgan", "reacgan", "tacgan", "adcgan"]
    assert len({plots.COLOURS[method] for method in compared}) == len(compared)
