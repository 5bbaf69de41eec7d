"""Instrument panels show what was recorded, where it was recorded."""

import pytest
from tiny_runs import tiny_training

import cgan_kit as kit
from cgan_kit.diagnostics import ClassifierProbe, GradientShare, LayerProbe, SampleProbe
from cgan_kit.diagnostics.layer_probe import GUIDE
from cgan_kit.diagnostics.verdict import Finding, Verdict
from cgan_kit.panels import instrument_panel, overlaid_panel
from cgan_kit.plots import COLOURS

ALL = [ClassifierProbe(1, 8), GradientShare(1, 8), LayerProbe(1, 8), SampleProbe(1, 8)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return kit.training.finish(tiny_training(tmp_path_factory.mktemp("a") / "run", probes=ALL))


def drawn(axes):
    return {line.get_label(): line for line in axes.get_lines() if line.get_label()[0] != "_"}


def test_every_curve_is_the_recorded_one(run):
    panels = {axes.get_title(): axes for axes in instrument_panel(run).axes}
    assert len(panels) == 8
    history = run.history()
    norms = drawn(panels["‖F(x)‖, length of the features"])
    for name in ("real", "fake"):
        recorded = [record[f"classifier/feature_norm_{name}"] for record in history]
        assert list(norms[name].get_ydata()) == recorded
        assert norms[name].get_color() == COLOURS[name]
        assert list(norms[name].get_xdata()) == [1, 2, 3, 4, 5, 6]
    assert {axes.get_yscale() for axes in panels.values()} == {"log", "linear"}
    updates = sorted(
        value
        for key, value in history[-1].items()
        if key.startswith("layer/generator.") and key.endswith("/update")
    )
    pace = drawn(panels["update / weight"])["generator, median layer"]
    assert pace.get_ydata()[-1] == updates[len(updates) // 2]


LINES = {  # title, line: what was recorded, and whose colour it has
    ("‖F(x)‖, length of the features", "fake"): ("classifier/feature_norm_fake", "fake"),
    ("p of the right class", "real"): ("classifier/p_real", "real"),
    ("p of the right class", "fake"): ("classifier/p_fake", "fake"),
    ("p of the right class", "real, lowest tenth"): ("classifier/p_real_low", "none"),
    ("‖F‖(1 − p), and ‖∂L/∂W‖ of the head", "‖F‖(1 − p), real"): (
        "classifier/product_real", "real",
    ),
    ("‖F‖(1 − p), and ‖∂L/∂W‖ of the head", "‖∂L/∂W‖"): (
        "classifier/head_gradient", "discriminator",
    ),
    ("gradient in D's trunk", "conditioning's head"): ("share/trunk_head", "acgan"),
    ("gradient in D's trunk", "score"): ("share/trunk_score", "discriminator"),
    ("gradient at G's images", "conditioning's head"): ("share/image_head", "acgan"),
    ("gradient at G's images", "score"): ("share/image_score", "discriminator"),
    ("variance within a class", "pixels"): ("sample/pixel_variance", "fake"),
    ("variance within a class", "D's features"): ("sample/feature_variance", "discriminator"),
    ("share right", "real scored above fake"): ("sample/separation", "real"),
}  # fmt: skip


@pytest.mark.parametrize(("place", "expected"), LINES.items())
def test_each_line_is_what_its_name_says_in_its_roles_colour(run, place, expected):
    (title, name), (key, role) = place, expected
    panels = {axes.get_title(): axes for axes in instrument_panel(run).axes}
    line = drawn(panels[title])[name]
    assert list(line.get_ydata()) == [record[key] for record in run.history()]
    assert line.get_color() == COLOURS[role]
    assert line.get_marker() != "None"


def test_guide_lines_stand_at_their_values_and_say_what_they_mean(run):
    panels = {axes.get_title(): axes for axes in instrument_panel(run).axes}
    panels |= {axes.get_title(): axes for axes in overlaid_panel({"acgan": run}).axes}
    for title, height, meaning in (
        ("update / weight", GUIDE, "a common pace"),
        ("variance within a class", 1, "real images"),
        ("gradient in D's trunk: head / score", 1, "equal"),
        ("gradient at G's images: head / score", 1, "equal"),
    ):
        heights = [line.get_ydata() for line in panels[title].lines if line.get_linestyle() == ":"]
        assert [height, height] in [list(each) for each in heights]
        assert meaning in [text.get_text() for text in panels[title].texts]


def test_what_nobody_recorded_says_so(tmp_path):
    training = tiny_training(tmp_path / "run", probes=[SampleProbe(1, 8)])
    texts = [
        [text.get_text() for text in axes.texts]
        for axes in instrument_panel(kit.training.finish(training)).axes
    ]
    assert [("not recorded" in each) for each in texts] == [True] * 5 + [False, False, True]


def test_a_finding_has_its_line(run):
    verdict = Verdict((Finding("diverged", 3, "a loss is 1e9.", "less."),), ())
    for plain, marked in zip(
        instrument_panel(run).axes, instrument_panel(run, verdict).axes, strict=True
    ):
        (line,) = marked.lines[len(plain.lines) :]
        assert list(line.get_xdata()) == [3, 3]


def test_runs_lie_over_one_another_in_their_methods_colours(run):
    figure = overlaid_panel({"acgan": run, "reacgan": run.history()})
    for axes in figure.axes:
        lines = drawn(axes)
        assert lines.keys() == {"acgan", "reacgan"}, axes.get_title()
        assert lines["reacgan"].get_color() == COLOURS["reacgan"]
    head = [record["share/trunk_head"] / record["share/trunk_score"] for record in run.history()]
    shares = {axes.get_title(): axes for axes in figure.axes}["gradient in D's trunk: head / score"]
    assert drawn(shares)["acgan"].get_ydata() == pytest.approx(head)


def test_a_run_without_probes_is_refused(tmp_path):
    plain = kit.training.finish(tiny_training(tmp_path / "run"))
    for call in (instrument_panel, lambda run: overlaid_panel({"acgan": run})):
        with pytest.raises(ValueError, match="run has no probe's records; train it with probes="):
            call(plain)
    with pytest.raises(ValueError, match="runs is empty"):
        overlaid_panel({})
    with pytest.raises(ValueError, match="runs is a Run; give each run a name"):
        overlaid_panel(plain)
