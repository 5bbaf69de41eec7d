"""The laboratory, moved over all its values: images, numbers and verdict are the metrics' own."""

import base64

import numpy as np
import pytest
import torch
from tiny_runs import tiny_images

import cgan_kit as kit
from cgan_kit import metrics, plots
from cgan_kit.pictures import from_png
from cgan_kit.plots.measures import LEFT_END
from cgan_kit.widgets import MetricLaboratory
from cgan_kit.widgets.metric_laboratory import ALL, Damage


@pytest.fixture(scope="module")
def bench() -> metrics.Bench:
    parts = [tiny_images(seed=seed) for seed in range(4)]
    unseen = kit.data.ImageSet(
        torch.cat([part.images for part in parts[1:]]),
        torch.cat([part.labels for part in parts[1:]]),
        parts[0].class_names,
    )
    judge = metrics.train_classifier(parts[0], steps=5)
    return metrics.Bench(parts[0], unseen, judge, deals=3)


@pytest.fixture(scope="module")
def one_laboratory(bench: metrics.Bench) -> MetricLaboratory:
    return MetricLaboratory(bench, rows=2)


@pytest.fixture
def laboratory(one_laboratory: MetricLaboratory) -> MetricLaboratory:
    one_laboratory.reset.click()
    return one_laboratory


SLIDERS = ("modes", "duplicated", "sigma", "mixed")


@pytest.mark.parametrize("name", SLIDERS)
def test_every_value_of_every_slider_shows_what_the_bench_says(
    laboratory: MetricLaboratory, name: str
) -> None:
    slider, sample = getattr(laboratory, name), laboratory.bench.sample
    for _, value in slider.options:
        slider.value = value
        assert laboratory.damage == Damage()._replace(**{name: value})
        images = {
            "modes": lambda v: metrics.keep_modes(sample.images, sample.labels, v),
            "duplicated": lambda v: metrics.duplicate(sample.images, sample.labels, v, 1),
            "sigma": lambda v: metrics.blur(sample.images, v),
            "mixed": lambda v: sample.images,
        }[name](value)
        mixed = name == "mixed"
        labels = metrics.mix_labels(sample.labels, value) if mixed else sample.labels
        expected = laboratory.bench.measure(images, labels)
        assert laboratory.values == pytest.approx(expected, nan_ok=True)
        assert str(laboratory.damage) in laboratory.caption.value
        first = images[labels == 0][0, 0].numpy()
        assert (first_tile(laboratory) == first.repeat(4, axis=0).repeat(4, axis=1)).all()


def first_tile(laboratory: MetricLaboratory) -> np.ndarray:
    """The upper left example, 8 × 8 pixels shown four times as large, below the heads."""
    picture = from_png(laboratory.image.value)[..., 0]
    examples = laboratory._examples(*laboratory.damaged())
    above = examples.shape[0] - 2 * 34 + 2
    return picture[above : above + 32, :32]


def test_it_starts_undamaged_and_the_button_leads_back(laboratory: MetricLaboratory) -> None:
    before = laboratory.image.value
    assert laboratory.damage == Damage()
    assert laboratory.modes.value == ALL
    assert "Outside the band: no metric" in laboratory.caption.value
    laboratory.modes.value, laboratory.mixed.value = 2, 0.5
    assert laboratory.image.value != before
    laboratory.reset.click()
    assert laboratory.damage == Damage()
    assert laboratory.image.value == before


def test_damages_add_up(laboratory: MetricLaboratory) -> None:
    laboratory.modes.value, laboratory.sigma.value, laboratory.mixed.value = 1, 1.0, 1.0
    sample = laboratory.bench.sample
    images, labels = laboratory.damaged()
    few = metrics.keep_modes(sample.images, sample.labels, 1)
    assert torch.equal(images, metrics.blur(few, 1.0))
    assert torch.equal(labels, metrics.mix_labels(sample.labels, 1.0))
    assert str(laboratory.damage) == (
        "1 different image a class, blurred by 1 px, 100% of the labels mixed"
    )


def test_a_setting_is_measured_once(bench: metrics.Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    laboratory, asked, measure = MetricLaboratory(bench), [], bench.measure
    monkeypatch.setattr(bench, "measure", lambda x, y: asked.append(1) or measure(x, y))
    for value in (0.3, 0.5, 0.3, 0.5):
        laboratory.mixed.value = value
    assert len(asked) == 2


def test_bad_is_the_worst_that_a_full_damage_does(laboratory: MetricLaboratory) -> None:
    measure, sample = laboratory.bench.measure, laboratory.bench.sample
    mixed = measure(sample.images, metrics.mix_labels(sample.labels, 1.0))
    one = measure(metrics.keep_modes(sample.images, sample.labels, 1), sample.labels)
    assert laboratory.bad["within-class MS-SSIM"] == pytest.approx(1.0)
    assert laboratory.bad["recall"] <= one["recall"]
    within = "Fréchet distance within classes"
    assert laboratory.bad[within] >= max(mixed[within], one[within])
    for gauge in laboratory.bench.gauges:
        floor = laboratory.bench.floors[gauge.name]
        assert (laboratory.bad[gauge.name] - floor.mean) * gauge.worse > 0


def test_a_saved_notebook_keeps_the_current_picture(laboratory: MetricLaboratory) -> None:
    laboratory.sigma.value = 1.0
    data, metadata = laboratory._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]) == laboratory.image.value
    assert data["text/plain"] == "MetricLaboratory: 8 metrics, 4 damages"
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == laboratory.model_id
    assert "blurred by 1 px" in metadata["image/png"]["alt"]


def test_no_widget_that_hangs_headless_runs(laboratory: MetricLaboratory) -> None:
    def kinds(widget):
        yield type(widget).__name__
        for child in getattr(widget, "children", ()):
            yield from kinds(child)

    assert set(kinds(laboratory)) == {
        "MetricLaboratory",
        "HBox",
        "SelectionSlider",
        "Button",
        "Image",
        "HTML",
    }


def test_the_static_figure_is_the_widgets(laboratory: MetricLaboratory) -> None:
    damage = Damage(modes=2)
    figure = laboratory.figure(damage)
    written = [text.get_text() for text in figure.axes[0].texts]
    laboratory.modes.value = 2
    value = laboratory.values["precision"]
    real = laboratory.bench.floors["precision"].mean
    assert written[1] == f"{value:.2f}  (real {real:.2f})"
    assert [text.get_text() for text in figure.texts] == ["2 different images a class"]


def test_rows_below_one_are_refused(bench: metrics.Bench) -> None:
    with pytest.raises(ValueError, match="rows is 0"):
        MetricLaboratory(bench, rows=0)


def test_a_track_runs_from_real_to_bad() -> None:
    up, down = plots.Track("up", 3, 1, 2, 3, 10), plots.Track("down", 0.5, 0.8, 0.9, 1.0, 0.1)
    assert (up.place(2), up.place(10), up.place(4)) == (0, 1, 0.5)
    assert (down.place(0.9), down.place(0.1)) == (0, 1)
    assert up.place(1) < 0 < up.place(3)
    assert down.place(1.0) < 0


@pytest.mark.parametrize(
    ("value", "marker", "filled"),
    [(2.0, "s", False), (3.0, "s", False), (3.1, "s", True), (0.9, "s", True), (-50, "<", True)],
)
def test_marks_tell_inside_from_outside(value: float, marker: str, filled: bool) -> None:
    figure = plots.tracks([plots.Track("a", value, 1, 2, 3, 10)])
    (mark,) = [line for line in figure.axes[0].lines if line.get_marker() != "None"]
    assert mark.get_marker() == marker
    assert (mark.get_markerfacecolor() == plots.COLOURS["fake"]) == filled
    assert LEFT_END <= mark.get_xdata()[0] <= 1


def test_a_value_that_is_not_there_has_no_mark() -> None:
    figure = plots.tracks([plots.Track("a", float("nan"), 1, 2, 3, 10)])
    assert not [line for line in figure.axes[0].lines if line.get_marker() != "None"]
    assert figure.axes[0].texts[0].get_text() == "–  (real 2.00)"
