"""The two factors of the classifier's gradient, one under each slider."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import ipywidgets
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from cgan_kit.losses.sphere import on_sphere
from cgan_kit.pictures import to_png
from cgan_kit.plots import COLOURS, DPI
from cgan_kit.widgets.parts import MimeBundle, caption, mime_bundle, named, named_slider, picture

CLASSES = 3
NORMS = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
PROBABILITIES = (0.05, 0.1, 0.2, 0.33, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
REACH = 8.6  # of the axes


def example(norm: float, p: float, normalised: bool = False) -> tuple[Tensor, Tensor]:
    """Three images, one a class, and the classifier's rows that give each of them that p.

    The features point into three directions 120° apart, and each row lies along its own
    class's feature, with the length that makes p the softmax of the right class.

    Arguments:
        norm: ‖F(x)‖ of all three, above 0.
        p: of the right class, in (0, 1).
        normalised: whether the classifier reads F(x)/‖F(x)‖.

    Returns:
        features (3, 2) and rows (3, 2), float64.
    """
    angles = torch.arange(CLASSES, dtype=torch.float64) * (2 * math.pi / CLASSES) + math.pi / 2
    directions = torch.stack([angles.cos(), angles.sin()], dim=1)
    # Own logit a ‖w‖, each other -a ‖w‖/2, a what the classifier reads: p = 1/(1 + 2 e^-1.5a‖w‖).
    length = math.log(2 * p / (1 - p)) / (1.5 * (1.0 if normalised else norm))
    return norm * directions, length * directions


def row_gradients(features: Tensor, rows: Tensor, normalised: bool = False) -> tuple[Tensor, float]:
    """(∂L/∂w_k (K, 2), p of the right class), by autograd through the cross entropy.

    Arguments:
        features: (K, 2), one image a class, in order.
        rows: (K, 2).
        normalised: whether the classifier reads F(x)/‖F(x)‖.
    """
    rows = rows.clone().requires_grad_()
    logits = (on_sphere(features) if normalised else features) @ rows.T
    loss = F.cross_entropy(logits, torch.arange(len(rows)))
    (gradient,) = torch.autograd.grad(loss, rows)
    return gradient, logits.softmax(dim=1).diag().mean().item()


def by_formula(features: Tensor, rows: Tensor) -> Tensor:
    """-(1/N) Σ_i F(x_i) (1[y_i = k] - p_{i,k}), (K, 2): Kang et al. 2021, section 3."""
    p = (features @ rows.T).softmax(dim=1)
    return -(torch.eye(len(rows), dtype=p.dtype) - p).T @ features / len(features)


class FactorDial(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """∂L/∂w_k = -(1/N) Σ F(x_i) (1[y_i = k] - p_{i,k}), with ‖F‖ and p under two sliders.

    Three images, one a class, in a plane of two features; see `example`. On the left the
    classifier of AC-GAN, beside it one that reads normalised features and gives the same p; on
    the right the length of one row's gradient against ‖F‖. The gradients are autograd's.

    Attributes:
        norm: slider, ‖F(x)‖.
        p: slider, p of the right class.
        gradients: (AC-GAN's, the normalised one's): each ∂L/∂w_k (3, 2), as shown.
        image: `ipywidgets.Image`; its value is the picture as PNG bytes.

    Raises:
        ValueError: a value that is none of the slider's.
    """

    def __init__(self, norm: float = 2.0, p: float = 0.5) -> None:
        for name, value, marks in (("norm", norm, NORMS), ("p", p, PROBABILITIES)):
            if value not in marks:
                raise ValueError(f"{name} is {value}; choose one of {marks}")
        self._look = lru_cache(maxsize=None)(_measure_and_draw)
        self.norm = named_slider("‖F‖", named(NORMS), norm, label=40)
        self.p = named_slider("p", named(PROBABILITIES), p, label=40)
        self.image, self.caption = picture(), ipywidgets.HTML()
        self._draw()
        controls = ipywidgets.HBox([self.norm, self.p])
        controls.layout.flex_flow = "row wrap"
        super().__init__(children=[controls, self.image, self.caption])
        for slider in (self.norm, self.p):
            slider.observe(self._draw, names="value")

    def __repr__(self) -> str:
        return f"FactorDial: {len(NORMS)} lengths, {len(PROBABILITIES)} probabilities"

    def _repr_mimebundle_(self, **kwargs: Any) -> MimeBundle:
        bundle = super()._repr_mimebundle_(**kwargs)
        return mime_bundle(bundle, self.image.value, self._describe(), repr(self))

    def figure(self) -> Figure:
        """What the picture shows, as a figure."""
        return _figure(self.norm.value, self.p.value)

    def _draw(self, _: object = None) -> None:
        self.gradients, self.image.value = self._look(self.norm.value, self.p.value)
        self.caption.value = caption(self._describe())

    def _describe(self) -> str:
        plain, normalised = (each[0].norm().item() for each in self.gradients)
        features, rows = example(self.norm.value, self.p.value)
        formula = by_formula(features, rows)[0].norm().item()
        return (
            f"‖F‖ = {self.norm.value:g}, p = {self.p.value:g}. Length of ∂L/∂w₁: {plain:.3f} by "
            f"autograd, {formula:.3f} by the formula; with normalised features {normalised:.3f}."
        )


def _measure_and_draw(norm: float, p: float) -> tuple[tuple[Tensor, Tensor], bytes]:
    gradients = [row_gradients(*example(norm, p, each), each)[0] for each in (False, True)]
    figure = _figure(norm, p)
    canvas: Any = figure.canvas
    canvas.draw()
    picture = to_png(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    return (gradients[0], gradients[1]), picture


def _figure(norm: float, p: float) -> Figure:
    figure = Figure(figsize=(9.6, 3.5), dpi=DPI)
    FigureCanvasAgg(figure)
    # Fixed places: a layout engine would cost more than the drawing.
    for place, normalised in enumerate((False, True)):
        axes = figure.add_axes((0.01 + 0.32 * place, 0.02, 0.31, 0.86))
        _plane(axes, norm, p, normalised)
    _lengths(figure.add_axes((0.73, 0.16, 0.26, 0.72)), norm, p)
    return figure


def _plane(axes: Axes, norm: float, p: float, normalised: bool) -> None:
    features, rows = example(norm, p, normalised)
    gradient, _ = row_gradients(features, rows, normalised)
    read = on_sphere(features) if normalised else features
    if normalised:
        axes.add_patch(Circle((0, 0), 1, fill=False, ls=":", color=COLOURS["none"]))
    axes.plot(*read.T.numpy(), "o", color=COLOURS["real"], ms=7, label="what it reads of x")
    kinds = (("row $w_k$", rows, COLOURS["none"]), ("−∂L/∂$w_k$", -gradient, COLOURS["acgan"]))
    for name, arrows, colour in kinds:
        width = 0.016 if arrows is not rows else 0.008
        origin = torch.zeros(len(arrows)) if arrows is rows else rows[:, 0]
        height = torch.zeros(len(arrows)) if arrows is rows else rows[:, 1]
        axes.quiver(
            origin.numpy(), height.numpy(), *arrows.T.numpy(), color=colour, label=name,
            angles="xy", scale_units="xy", scale=1, width=width, zorder=3,
        )  # fmt: skip
    axes.set(xlim=(-REACH, REACH), ylim=(-REACH * 0.72, REACH))
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title("reads F(x)/‖F(x)‖" if normalised else "AC-GAN: reads F(x)", fontsize=10)
    if not normalised:
        axes.legend(loc="upper right", fontsize=7.5, frameon=False)


def _lengths(axes: Axes, norm: float, p: float) -> None:
    styles = ((False, "-", "^", "F(x)"), (True, "--", "o", "F(x)/‖F(x)‖"))
    for normalised, line, marker, name in styles:
        lengths = [
            row_gradients(*example(each, p, normalised), normalised)[0][0].norm().item()
            for each in NORMS
        ]
        colour = COLOURS["acgan"] if not normalised else COLOURS["real"]
        axes.plot(NORMS, lengths, line, color=colour, label=name)
        axes.plot(norm, lengths[NORMS.index(norm)], marker, color=colour, ms=9)
    axes.set(xlabel="‖F‖", xlim=(0, NORMS[-1] + 0.4), ylim=(0, NORMS[-1] / 2 + 0.2))
    axes.set_title(f"length of ∂L/∂$w_1$ at p = {p:g}", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, frameon=False, loc="upper left")
