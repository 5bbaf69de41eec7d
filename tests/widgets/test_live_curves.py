"""Curves drawn over a kept frame: no smears, nothing outside, the axes grow when they must."""

import warnings

import numpy as np

from cgan_kit import panels
from cgan_kit.widgets.live_curves import LiveCurves, losses


def history(*losses: float) -> list[dict[str, float]]:
    return [
        {
            "step": 10 * n,
            "d_loss": loss,
            "g_loss": loss / 2,
            "accuracy_real": 0.5,
            "accuracy_fake": 0.25,
        }
        for n, loss in enumerate(losses)
    ]


def test_a_drawing_leaves_no_trace_of_the_one_before() -> None:
    curves = LiveCurves(losses, steps=100, height=250)
    short = curves.draw(history(2.0, 1.0))
    longer = curves.draw(history(2.0, 1.0, 0.5, 1.5))
    assert short.shape == (250, 440, 3)
    assert (short != longer).any()
    assert (curves.draw(history(2.0, 1.0)) == short).all()


def test_records_without_losses_are_passed_over() -> None:
    curves = LiveCurves(losses, steps=100, height=250)
    plain = curves.draw(history(2.0, 1.0))
    assert (curves.draw([*history(2.0, 1.0), {"step": 12, "probe": 3.0}]) == plain).all()


def test_the_axes_grow_with_the_losses() -> None:
    curves = LiveCurves(losses, steps=100, height=250)
    curves.draw(history(1.0))
    for values in ([1.0, 30.0], [1.0, 30.0, -12.0]):
        curves.draw(history(*values))
        low, high = curves.figure.axes[0].get_ylim()
        assert low < min(values) < max(values) < high
    assert curves.figure.axes[1].get_ylim() == (-0.02, 1.05)


def test_the_axes_do_not_grow_at_every_record() -> None:
    curves = LiveCurves(losses, steps=1000, height=250)
    limits = set()
    for n in range(1, 100):
        curves.draw(history(*np.linspace(1, 5, 100)[:n]))
        limits.add(curves.figure.axes[0].get_ylim())
    assert len(limits) < 10


def probed(*norms: float) -> list[dict[str, float]]:
    return [
        {"step": 10 * n, "classifier/feature_norm_real": norm, "classifier/p_real": 0.5}
        for n, norm in enumerate(norms)
    ]


def test_norms_that_explode_stay_on_a_logarithmic_axis() -> None:
    curves = LiveCurves(panels.classifier_instruments, steps=100, height=250)
    norms, limits = [3.0 * 10**n for n in range(9)], set()
    for n in range(1, 10):
        assert curves.draw(probed(*norms[:n])).shape == (250, 660, 3)
        axes = curves.figure.axes[0]
        low, high = axes.get_ylim()
        assert axes.get_yscale() == "log"
        assert 0 < low < norms[0] <= norms[n - 1] < high
        limits.add((low, high))
    assert low > 1e-6  # room is added where it is needed alone
    assert len(limits) < 9
    assert curves.figure.axes[1].get_ylim() == (-0.02, 1.05)


def test_lines_join_when_they_are_first_recorded() -> None:
    curves = LiveCurves(panels.classifier_instruments, steps=100, height=250)
    curves.draw(probed())
    assert [text.get_text() for text in curves.figure.axes[0].texts] == ["not recorded"]
    early = probed(2.0, 3.0)
    curves.draw(early)
    assert set(curves.lines) == {
        ("‖F(x)‖, length of the features", "real"),
        ("p of the right class", "real"),
    }
    curves.draw([*early, {"step": 30, "classifier/feature_norm_fake": 4.0}])
    line = curves.lines["‖F(x)‖, length of the features", "fake"]
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([30], [4.0])


def test_zero_on_a_logarithmic_axis_does_no_harm() -> None:
    curves = LiveCurves(panels.classifier_instruments, steps=100, height=250)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (curves.draw(probed(0.0, 2.0, 0.0, 900.0)) != 255).any()
    low, high = curves.figure.axes[0].get_ylim()
    assert 0 < low < 2 < 900 < high
