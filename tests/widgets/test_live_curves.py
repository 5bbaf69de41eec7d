"""Curves drawn over a kept frame: no smears, nothing outside, the axes grow when they must."""

import numpy as np

from cgan_kit.widgets.live_curves import LiveCurves


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
    curves = LiveCurves(history(2.0), steps=100, width=400, height=250)
    short = curves.draw(history(2.0, 1.0))
    longer = curves.draw(history(2.0, 1.0, 0.5, 1.5))
    assert short.shape == (250, 400, 3)
    assert (short != longer).any()
    assert (curves.draw(history(2.0, 1.0)) == short).all()


def test_records_without_losses_are_passed_over() -> None:
    curves = LiveCurves(history(2.0), steps=100, width=400, height=250)
    plain = curves.draw(history(2.0, 1.0))
    assert (curves.draw([*history(2.0, 1.0), {"step": 12, "probe": 3.0}]) == plain).all()


def test_the_axes_grow_with_the_losses() -> None:
    curves = LiveCurves(history(1.0), steps=100, width=400, height=250)
    curves.draw(history(1.0))
    for values in ([1.0, 30.0], [1.0, 30.0, -12.0]):
        curves.draw(history(*values))
        low, high = curves.panels["d_loss"].get_ylim()
        assert low < min(values) < max(values) < high
    assert curves.panels["accuracy_real"].get_ylim() == (-0.02, 1.05)


def test_the_axes_do_not_grow_at_every_record() -> None:
    curves = LiveCurves(history(1.0), steps=1000, width=400, height=250)
    limits = set()
    for n in range(1, 100):
        curves.draw(history(*np.linspace(1, 5, 100)[:n]))
        limits.add(curves.panels["d_loss"].get_ylim())
    assert len(limits) < 10
