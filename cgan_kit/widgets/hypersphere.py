"""Images and class proxies on a circle, and which way each loss moves every image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import ipywidgets
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from cgan_kit.losses import (
    ACGAN,
    Judged,
    Projection,
    conditional_contrastive,
    d2d_ce,
    d2d_ce_reference,
)
from cgan_kit.losses.sphere import on_sphere
from cgan_kit.pictures import to_png
from cgan_kit.plots import BLUE, DPI, GREEN, GREY, ORANGE
from cgan_kit.widgets.parts import MimeBundle, caption, mime_bundle, picture

TEMPERATURES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0)
POSITIVE_MARGINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
NEGATIVE_MARGINS = (-1.0, -0.5, 0.0, 0.02, 0.1, 0.2, 0.5)
LENGTHS = (0.5, 1.0, 2.0, 4.0, 8.0)
RATE = 0.01  # a step: features + RATE · force
PROXY_ANGLES = (90.0, 210.0, 330.0)
IMAGE_ANGLES = (84.0, 105.0, 140.0, 200.0, 240.0, 60.0, 300.0, 335.0, 20.0)
"""In degrees, three images a class. The third of b stands among the images of a."""
LOOKS = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"))
REACH = 1.55  # of the axes, or more where features grow
STAR = 0.62  # where a proxy's star stands, so that the images at its place stay visible
QUIET = 1e-3  # forces below this are drawn as none


class Dials(NamedTuple):
    """τ, m_p and m_n: what `cgan_kit.losses.ReACGAN` starts with."""

    temperature: float = 0.5
    margin_positive: float = 0.98
    margin_negative: float = 0.02


Loss = Callable[[Tensor, Tensor, Tensor, Dials], Tensor]


def _acgan(features: Tensor, proxies: Tensor, labels: Tensor, dials: Dials) -> Tensor:
    method = ACGAN()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        method.attach(proxies.shape[1], len(proxies))
        method.classifier.weight.copy_(proxies)
        method.classifier.bias.zero_()
    return method.generator_loss(Judged(features, labels, labels, features))


def _projection(features: Tensor, proxies: Tensor, labels: Tensor, dials: Dials) -> Tensor:
    method = Projection()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        method.attach(proxies.shape[1], len(proxies))
        method.proxies.weight.copy_(proxies)
    return -method.score(features, labels).mean()


def _contragan(features: Tensor, proxies: Tensor, labels: Tensor, dials: Dials) -> Tensor:
    return conditional_contrastive(on_sphere(features), proxies, labels, dials.temperature)


def _d2d_ce(features: Tensor, proxies: Tensor, labels: Tensor, dials: Dials) -> Tensor:
    return d2d_ce(on_sphere(features), proxies, labels, *dials)


def _reference(features: Tensor, proxies: Tensor, labels: Tensor, dials: Dials) -> Tensor:
    return d2d_ce_reference(on_sphere(features), proxies, labels, *dials[:2])


D2D_CE = "D2D-CE"
LOSSES: dict[str, tuple[Loss, int, bool]] = {
    "AC-GAN": (_acgan, 0, False),
    "projection": (_projection, 0, False),
    "ContraGAN": (_contragan, 1, True),
    D2D_CE: (_d2d_ce, 3, True),
    "D2D-CE, the reference's": (_reference, 2, True),
}
"""name -> loss of features (n, d), how many of the `Dials` it has, whether it normalises."""


def forces(
    name: str, features: Tensor, proxies: Tensor, labels: Tensor, dials: Dials
) -> tuple[float, Tensor]:
    """(the loss, -n ∂L/∂F_i of each image (n, d)), by autograd through the kit's own loss.

    The slope is taken at the feature F before it is normalised, so its length matters. The
    classifier's rows, projection's vectors and the proxies are the same unit vectors; biases
    are 0. Projection has no loss of its own: here it is minus the mean of what it adds to the
    score, which is what the generator climbs.

    Arguments:
        name: one of `LOSSES`.
        features: float32 (n, d). proxies: unit vectors, float32 (K, d). labels: int64 (n,).
        dials: those that the loss does not have are ignored.
    """
    features = features.detach().clone().requires_grad_()
    loss = LOSSES[name][0](features, proxies, labels, dials)
    (slope,) = torch.autograd.grad(loss, features)
    return loss.item(), -len(features) * slope


def directions(degrees: Sequence[float]) -> Tensor:
    """Angles in degrees, counted from the right -> unit vectors, float32 (n, 2)."""
    angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    return torch.stack([angles.cos(), angles.sin()], dim=1).float()


class Hypersphere(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Nine images of three classes, three class proxies, and each image's force as an arrow.

    Losses that normalise see the images on the circle; AC-GAN and projection see the features
    where they are. A step moves every image along its force; proxies stay, as they do for a
    generator, and move only by hand. The dials that a loss does not have are greyed out.

    Arguments:
        loss: one of `LOSSES`.
        image_angles: degrees of nine images, three a class.

    Attributes:
        loss, point: choosers, of the loss and of the image or proxy that `angle` turns.
        angle: slider, degrees.
        temperature, margin_positive, margin_negative: sliders; see `Dials`.
        length: slider; gives every image's features this length.
        times, step, reset: how many steps, the button that goes them, the way back.
        features, proxies: float32 (9, 2) and (3, 2), as they are now.
        forces: float32 (9, 2), -n ∂L/∂F_i; see `forces`.
        image: `ipywidgets.Image`; its value is the picture as PNG bytes.

    Raises:
        ValueError: an unknown loss, or not three angles a class.
    """

    def __init__(self, loss: str = D2D_CE, image_angles: Sequence[float] = IMAGE_ANGLES) -> None:
        if loss not in LOSSES:
            raise ValueError(f"loss is {loss!r}; give one of {', '.join(LOSSES)}")
        if len(image_angles) != len(IMAGE_ANGLES):
            raise ValueError(f"image_angles has {len(image_angles)} entries; give 9, three a class")
        self.image_angles = tuple(image_angles)
        self.labels = torch.arange(len(PROXY_ANGLES)).repeat_interleave(3)
        self.names = [f"{'abc'[k]}{i % 3 + 1}" for i, k in enumerate(self.labels.tolist())]
        self._still = False  # while controls follow the points, not the other way round
        self._make_controls(loss)
        self._place()
        super().__init__(children=self._arranged())
        for control in (self.loss, self.temperature, self.margin_positive, self.margin_negative):
            control.observe(self._draw, names="value")
        self.point.observe(self._follow, names="value")
        self.angle.observe(self._turn, names="value")
        self.length.observe(self._stretch, names="value")
        self.step.on_click(self._walk)
        self.reset.on_click(self._place)

    def __repr__(self) -> str:
        return f"Hypersphere: {len(self.labels)} images, {len(self.proxies)} proxies"

    def _repr_mimebundle_(self, **kwargs: Any) -> MimeBundle:
        bundle = super()._repr_mimebundle_(**kwargs)
        return mime_bundle(bundle, self.image.value, self._describe(), repr(self))

    @property
    def dials(self) -> Dials:
        """What the sliders say."""
        sliders = (self.temperature, self.margin_positive, self.margin_negative)
        return Dials(*(slider.value for slider in sliders))

    def figure(self) -> Figure:
        """What the picture shows: the plane, and the size of every force."""
        figure = Figure(figsize=(8.6, 4.0), dpi=DPI)
        FigureCanvasAgg(figure)
        # Fixed places: a layout engine would cost more than the drawing.
        self._plane(figure.add_axes((0.01, 0.02, 0.46, 0.88)), self.loss.value)
        self._sizes(figure.add_axes((0.6, 0.1, 0.38, 0.8)))
        return figure

    def side_by_side(self) -> Figure:
        """The same points under the four losses, on one scale of arrows."""
        figure = Figure(figsize=(10.4, 2.95), dpi=DPI)
        FigureCanvasAgg(figure)
        for place, name in enumerate(list(LOSSES)[:4]):
            self._plane(
                figure.add_axes((0.005 + 0.25 * place, 0.01, 0.24, 0.86)), name, names=False
            )
        return figure

    def _draw(self, _: object = None) -> None:
        name = self.loss.value
        used = LOSSES[name][1]
        sliders = (self.temperature, self.margin_positive, self.margin_negative)
        for position, slider in enumerate(sliders):
            slider.disabled = position >= used
        self.value, self.forces = self._forces(name)
        figure = self.figure()
        canvas: Any = figure.canvas
        canvas.draw()
        self.image.value = to_png(np.asarray(canvas.buffer_rgba())[..., :3].copy())
        self.caption.value = caption(self._describe())

    def _forces(self, name: str) -> tuple[float, Tensor]:
        return forces(name, self.features, self.proxies, self.labels, self.dials)

    def _place(self, _: object = None) -> None:
        self.features = self.length.value * directions(self.image_angles)
        self.proxies = directions(PROXY_ANGLES)
        self._follow()
        self._draw()

    def _turn(self, _: object = None) -> None:
        if self._still:
            return
        points, row = self._chosen()
        turned = directions([self.angle.value])[0]
        points[row] = turned * points[row].norm()
        self._draw()

    def _stretch(self, _: object = None) -> None:
        self.features = self.length.value * on_sphere(self.features)
        self._draw()

    def _walk(self, _: object = None) -> None:
        for _step in range(self.times.value):
            self.features = self.features + RATE * self._forces(self.loss.value)[1]
        self._follow()
        self._draw()

    def _follow(self, change: object = None) -> None:
        """The angle's slider shows the chosen point; nothing moves."""
        points, row = self._chosen()
        x, y = points[row].tolist()
        self._still = True
        self.angle.value = round(math.degrees(math.atan2(y, x)) / 5) * 5 % 360
        self._still = False
        if change is not None:
            self._draw()

    def _chosen(self) -> tuple[Tensor, int]:
        n = len(self.labels)
        row = self.point.value
        return (self.features, row) if row < n else (self.proxies, row - n)

    def _describe(self) -> str:
        sizes = self.forces.norm(dim=1)
        longest = int(sizes.argmax())
        still = int((sizes < QUIET).sum())
        named = list(zip(("τ", "m_p", "m_n"), self.dials, strict=True))
        used = named[: LOSSES[self.loss.value][1]]
        dials = "".join(f", {name} = {value:g}" for name, value in used)
        floor = ""
        if self.loss.value == D2D_CE:
            negatives = (self.labels[:, None] != self.labels).sum(dim=1)
            floor = f" (its floor is {negatives.add(1).log().mean():.2f})"
        return (
            f"{self.loss.value}{dials}: loss {self.value:.2f}{floor}. Longest force "
            f"{sizes[longest]:.2f}, on {self.names[longest]}; "
            f"images without any: {still} of {len(sizes)}."
        )

    def _plane(self, axes: Axes, name: str, names: bool = True) -> None:
        """The points where the loss sees them, with their forces."""
        _, pulls = self._forces(name)
        seen = on_sphere(self.features) if LOSSES[name][2] else self.features
        reach = max(REACH, float(seen.norm(dim=1).max()) + 0.5)
        axes.add_patch(Circle((0, 0), 1, fill=False, color=GREY, lw=0.8, ls=":"))
        sizes = pulls.norm(dim=1, keepdim=True)
        arrows = pulls * reach / REACH * shown_length(sizes) / sizes.clamp(min=QUIET)
        colours = [LOOKS[k][0] for k in self.labels]
        axes.quiver(
            *seen.T.numpy(), *arrows.T.numpy(), color=colours, angles="xy", scale_units="xy",
            scale=1, width=0.01, headwidth=4, headlength=4, headaxislength=4,
        )  # fmt: skip
        for k, (colour, marker) in enumerate(LOOKS):
            x, y = self.proxies[k].tolist()  # the proxy itself lies at the end of its spoke
            axes.plot([STAR * x, x], [STAR * y, y], color=colour, lw=1, ls="--")
            axes.plot(STAR * x, STAR * y, "*", ms=15, mfc="white", mec=colour, mew=1.8)
            label = f"proxy {'abc'[k]}" if names else "abc"[k]
            axes.text(0.36 * x, 0.36 * y, label, ha="center", va="center", fontsize=8)
            own = seen[self.labels == k].T.numpy()
            axes.plot(*own, marker, color=colour, ms=7, mec="black", mew=0.6)
        if names:
            inside = 1 - 0.15 * reach / REACH / seen.norm(dim=1, keepdim=True).clamp(min=0.1)
            for text, (x, y) in zip(self.names, (inside * seen).tolist(), strict=True):
                axes.text(x, y, text, ha="center", va="center", fontsize=8)
            points, row = self._chosen()
            x, y = (seen if points is self.features else points)[row].tolist()
            axes.plot(x, y, "o", ms=14, mfc="none", mec="black", mew=1)
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
        axes.set_aspect("equal")
        axes.spines[:].set_color("#cccccc")
        axes.set_title(f"{name}: forces up to {float(sizes.max()):.2f}", fontsize=10)

    def _sizes(self, axes: Axes) -> None:
        """The size of each image's force on a logarithmic scale; a hollow mark is none."""
        sizes = self.forces.norm(dim=1)
        # Logarithms on a plain axis: a logarithmic one takes longer than all the rest to draw.
        across = sizes.clamp(min=QUIET).log10().tolist()
        texts = []
        for i, size in enumerate(sizes.tolist()):
            colour, marker = LOOKS[int(self.labels[i])]
            face = "white" if size < QUIET else colour
            axes.plot(across[i], i, marker, color=colour, mfc=face, ms=7, clip_on=False)
            texts.append(f"{'0' if size < QUIET else f'{size:.2g}'}   {self.names[i]}")
        axes.set(xlim=(math.log10(QUIET), 1.6), ylim=(len(texts) - 0.5, -0.5))
        axes.set_yticks(range(len(texts)), texts)
        axes.set_xticks([-3, -2, -1, 0, 1], ["none", "0.01", "0.1", "1", "10"])
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_title("size of each force", fontsize=10)

    def _make_controls(self, loss: str) -> None:
        start = Dials()
        self.loss = ipywidgets.Dropdown(options=list(LOSSES), value=loss, description="Loss")
        choices = [(name, i) for i, name in enumerate(self.names)]
        choices += [(f"proxy {'abc'[k]}", 9 + k) for k in range(len(PROXY_ANGLES))]
        self.point = ipywidgets.Dropdown(options=choices, value=5, description="Turn")
        self.angle = ipywidgets.IntSlider(min=0, max=355, step=5, description="to angle °")
        self.temperature = _slider("τ", TEMPERATURES, start.temperature)
        self.margin_positive = _slider("m_p", POSITIVE_MARGINS, start.margin_positive)
        self.margin_negative = _slider("m_n", NEGATIVE_MARGINS, start.margin_negative)
        self.length = _slider("‖F‖", LENGTHS, 1.0)
        self.times = ipywidgets.Dropdown(options=[1, 10, 100], value=10, description="Steps")
        self.step = ipywidgets.Button(description="Step", icon="step-forward")
        self.reset = ipywidgets.Button(description="Reset", icon="undo")
        self.step.tooltip, self.reset.tooltip = "Move along the forces", "All points back"
        for control in (self.loss, self.point, self.times, self.angle):
            control.layout.width = "230px" if control is not self.angle else "330px"
            control.style.description_width = "60px"
        self.step.layout.width = self.reset.layout.width = "auto"
        self.image, self.caption = picture(), ipywidgets.HTML()

    def _arranged(self) -> list[Any]:
        rows = [
            ipywidgets.HBox([self.loss, self.point, self.angle]),
            ipywidgets.HBox(
                [self.temperature, self.margin_positive, self.margin_negative, self.length]
            ),
            ipywidgets.HBox([self.times, self.step, self.reset]),
        ]
        for row in rows:
            row.layout.flex_flow = "row wrap"
            row.layout.align_items = "center"
        return [*rows, self.image, self.caption]


def shown_length(size: Tensor) -> Tensor:
    """Of an arrow, below 0.9: weak forces stay visible, strong ones stay in the frame."""
    return 0.9 * size / (size + 1.5)


def _slider(name: str, values: tuple[float, ...], value: float) -> Any:
    slider = ipywidgets.SelectionSlider(
        options=[(f"{each:g}", each) for each in values], value=value, description=name
    )
    slider.layout.width = "250px"
    slider.style.description_width = "40px"
    return slider
