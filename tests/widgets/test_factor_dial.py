"""The dial, moved over all its values: its arrows are the gradient, by another way."""

import base64
import itertools
import re

import pytest
import torch

from cgan_kit.pictures import from_png
from cgan_kit.widgets import FactorDial
from cgan_kit.widgets.factor_dial import (
    NORMS,
    PROBABILITIES,
    by_formula,
    example,
    row_gradients,
)


def by_differences(features: torch.Tensor, rows: torch.Tensor, step: float = 1e-5) -> torch.Tensor:
    """∂L/∂w_k from the loss alone, a coordinate at a time."""

    def loss(rows: torch.Tensor) -> float:
        p = (features @ rows.T).softmax(dim=1).diag()
        return float(-p.log().mean())

    found = torch.zeros_like(rows)
    for k, axis in itertools.product(range(3), range(2)):
        nudge = torch.zeros_like(rows)
        nudge[k, axis] = step
        found[k, axis] = (loss(rows + nudge) - loss(rows - nudge)) / (2 * step)
    return found


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("p", PROBABILITIES)
@pytest.mark.parametrize("norm", [0.5, 8.0])
def test_the_example_has_the_factors_asked_for(norm: float, p: float, normalised: bool) -> None:
    features, rows = example(norm, p, normalised)
    assert features.norm(dim=1).tolist() == pytest.approx([norm] * 3)
    gradient, certain = row_gradients(features, rows, normalised)
    assert certain == pytest.approx(p)
    read = features / norm if normalised else features
    torch.testing.assert_close(gradient, by_differences(read, rows), atol=1e-8, rtol=1e-5)
    torch.testing.assert_close(gradient, by_formula(read, rows))
    assert torch.equal(rows, example(norm, p, normalised)[1])


def test_every_value_of_both_sliders_shows_its_own_gradient() -> None:
    dial, pictures = FactorDial(), set()
    for norm in NORMS:
        dial.norm.value = norm
        for p in PROBABILITIES[::3]:
            dial.p.value = p
            plain, normalised = (each.norm(dim=1).tolist() for each in dial.gradients)
            # (1/3) ‖F‖ (1 - p) from the own image, half as much again from the two others.
            assert plain == pytest.approx([norm * (1 - p) / 2] * 3)
            assert normalised == pytest.approx([(1 - p) / 2] * 3)
            written = re.findall(r"\d\.\d{3}", dial.caption.value)
            expected = [plain[0], plain[0], normalised[0]]  # by autograd, by the formula
            assert [float(each) for each in written] == pytest.approx(expected, abs=6e-4)
            pictures.add(dial.image.value)
    assert len(pictures) == len(NORMS) * len(PROBABILITIES[::3])


def test_the_arrows_drawn_are_the_gradients() -> None:
    dial = FactorDial(norm=4.0, p=0.2)
    for axes, gradient in zip(dial.figure().axes[:2], dial.gradients, strict=True):
        rows, pulls = (each for each in axes.collections if hasattr(each, "U"))
        assert pulls.U.tolist() == pytest.approx((-gradient[:, 0]).tolist())
        assert pulls.V.tolist() == pytest.approx((-gradient[:, 1]).tolist())
        assert pulls.X.tolist() == pytest.approx(rows.U.tolist())  # each starts where its row ends
    plain, normalised, *marks = dial.figure().axes[2].lines
    marked = [line for line in (plain, normalised, *marks) if line.get_marker() != "None"]
    assert [line.get_ydata()[0] for line in marked] == pytest.approx([1.6, 0.4])


def test_a_saved_notebook_keeps_the_current_picture() -> None:
    dial = FactorDial()
    dial.p.value = 0.9
    data, metadata = dial._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]) == dial.image.value
    assert from_png(dial.image.value).shape[2] == 3
    assert data["text/plain"] == "FactorDial: 9 lengths, 10 probabilities"
    assert "p = 0.9" in metadata["image/png"]["alt"]


@pytest.mark.parametrize(("argument", "value"), [("norm", 2.5), ("p", 1.5), ("p", None)])
def test_a_value_between_the_marks_is_refused(argument: str, value: float | None) -> None:
    with pytest.raises(ValueError, match=rf"{argument} is {value}; choose one of \(0\."):
        FactorDial(**{argument: value})


def test_no_widget_that_hangs_headless_runs() -> None:
    def kinds(widget):
        yield type(widget).__name__
        for child in getattr(widget, "children", ()):
            yield from kinds(child)

    assert set(kinds(FactorDial())) == {"FactorDial", "HBox", "SelectionSlider", "Image", "HTML"}
