"""Images and class proxies on a circle or a sphere, and which way each loss moves every image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import ipywidgets
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from cgan_kit.losses.sphere import on_sphere
from cgan_kit.pictures import to_png
from cgan_kit.plots import BLUE, DPI, GREEN, GREY, ORANGE
from cgan_kit.widgets.forces import D2D_CE, LOSSES, Dials, angles, directions, forces
from cgan_kit.widgets.parts import (
    MimeBundle,
    caption,
    choice,
    mime_bundle,
    named,
    named_slider,
    picture,
)

TEMPERATURES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0)
POSITIVE_MARGINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
NEGATIVE_MARGINS = (-1.0, -0.5, 0.0, 0.02, 0.1, 0.2, 0.5)
LENGTHS = (0.5, 1.0, 2.0, 4.0, 8.0)
RATE = 0.01  # a step: features + RATE · force
PROXY_ANGLES = (90.0, 210.0, 330.0)
IMAGE_ANGLES = (84.0, 105.0, 140.0, 200.0, 240.0, 60.0, 300.0, 335.0, 20.0)
"""In degrees, three images a class. The third of b stands among the images of a."""
PROXY_LATITUDES = (20.0, -10.0, 30.0)
IMAGE_LATITUDES = (35.0, 0.0, 20.0, -30.0, 10.0, 15.0, 45.0, 0.0, 20.0)
TILT = 20.0  # degrees from above, under which a sphere is seen
BEHIND = 0.3  # opacity of what lies on the sphere's far side
LOOKS = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"))
REACH = 1.55  # of the axes, or more where features grow
STAR = 0.62  # where a proxy's star stands, so that the images at its place stay visible
QUIET = 1e-3  # forces below this are drawn as none


class Hypersphere(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Nine images of three classes, three class proxies, and each image's force as an arrow.

    Losses that normalise see the images on the circle, or on the sphere; AC-GAN and projection
    see the features where they are. A step moves every image along its force; proxies stay, as
    they do for a generator, and move only by hand. The dials that a loss does not have are
    greyed out.

    Arguments:
        loss: one of `LOSSES`.
        image_angles: degrees of nine images, three a class.
        dimensions: of the space the features live in, 2 or 3.

    Attributes:
        loss, space, point: choosers, of the loss, of circle or sphere (2 or 3), and of the
            image or proxy that `angle` and `latitude` turn.
        angle, latitude: sliders, degrees; the second for the sphere.
        view: slider, degrees the sphere is turned by before it is looked at.
        temperature, margin_positive, margin_negative: sliders; see `Dials`.
        length: slider; gives every image's features this length.
        times, step, reset: how many steps, the button that goes them, the way back.
        features, proxies: float32 (9, d) and (3, d), as they are now.
        forces: float32 (9, d), -n ∂L/∂F_i; see `forces`.
        image: `ipywidgets.Image`; its value is the picture as PNG bytes.

    Raises:
        ValueError: an unknown loss, not three angles a class, dimensions other than 2 and 3.
    """

    def __init__(
        self,
        loss: str = D2D_CE,
        image_angles: Sequence[float] = IMAGE_ANGLES,
        *,
        dimensions: int = 2,
    ) -> None:
        if loss not in LOSSES:
            raise ValueError(f"loss is {loss!r}; give one of {', '.join(LOSSES)}")
        if len(image_angles) != len(IMAGE_ANGLES):
            raise ValueError(f"image_angles has {len(image_angles)} entries; give 9, three a class")
        if dimensions not in (2, 3):
            raise ValueError(f"dimensions is {dimensions}; give 2, a circle, or 3, a sphere")
        self.image_angles = tuple(image_angles)
        self.labels = torch.arange(len(PROXY_ANGLES)).repeat_interleave(3)
        self.names = [f"{'abc'[k]}{i % 3 + 1}" for i, k in enumerate(self.labels.tolist())]
        self._still = False  # while controls follow the points, not the other way round
        self._make_controls(loss, dimensions)
        self._place()
        super().__init__(children=self._arranged())
        dials = (self.temperature, self.margin_positive, self.margin_negative)
        for control in (self.loss, self.view, *dials):
            control.observe(self._draw, names="value")
        self.space.observe(self._place, names="value")
        self.point.observe(self._follow, names="value")
        for slider in (self.angle, self.latitude):
            slider.observe(self._turn, names="value")
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
        self.latitude.disabled = self.view.disabled = self.space.value == 2
        self.value, self.forces = self._forces(name)
        figure = self.figure()
        canvas: Any = figure.canvas
        canvas.draw()
        self.image.value = to_png(np.asarray(canvas.buffer_rgba())[..., :3].copy())
        self.caption.value = caption(self._describe())

    def _forces(self, name: str) -> tuple[float, Tensor]:
        return forces(name, self.features, self.proxies, self.labels, self.dials)

    def _place(self, _: object = None) -> None:
        sphere = self.space.value == 3
        images = directions(self.image_angles, IMAGE_LATITUDES if sphere else None)
        self.features = self.length.value * images
        self.proxies = directions(PROXY_ANGLES, PROXY_LATITUDES if sphere else None)
        self._follow()
        self._draw()

    def _turn(self, _: object = None) -> None:
        if self._still:
            return
        points, row = self._chosen()
        above = [self.latitude.value] if self.space.value == 3 else None
        points[row] = directions([self.angle.value], above)[0] * points[row].norm()
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
        """The angles' sliders show the chosen point; nothing moves."""
        points, row = self._chosen()
        around, above = angles(points[row])
        self._still = True
        self.angle.value, self.latitude.value = round(around / 5) * 5 % 360, round(above / 5) * 5
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
        pulls = self._forces(name)[1]
        seen = on_sphere(self.features) if LOSSES[name][2] else self.features
        reach = max(REACH, float(seen.norm(dim=1).max()) + 0.5)
        self._globe(axes)
        self._arrows(axes, seen, pulls, reach)
        for k, (colour, marker) in enumerate(LOOKS):
            spoke = torch.tensor([[1.0], [STAR], [0.36]]) * self.proxies[k]
            (end, star, (x, y)), opacity = self._looked_at(spoke)
            # The proxy itself lies at the end of its spoke.
            alpha = float(opacity[0])
            axes.plot(*zip(star, end, strict=True), color=colour, lw=1, ls="--", alpha=alpha)
            axes.plot(*star, "*", ms=15, mfc="white", mec=colour, mew=1.8, alpha=alpha)
            label = f"proxy {'abc'[k]}" if names and self.space.value == 2 else "abc"[k]
            axes.text(x, y, label, ha="center", va="center", fontsize=8, alpha=alpha)
            flat, opacity = self._looked_at(seen[self.labels == k])
            for (x, y), alpha in zip(flat, opacity, strict=True):
                axes.plot(x, y, marker, color=colour, ms=7, mec="black", mew=0.6, alpha=alpha)
        if names:
            self._name_them(axes, seen, reach)
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
        axes.set_aspect("equal")
        axes.spines[:].set_color("#cccccc")
        longest = float(pulls.norm(dim=1).max())
        axes.set_title(f"{name}: forces up to {longest:.2f}", fontsize=10)

    def _looked_at(self, points: Tensor) -> tuple[list[list[float]], list[float]]:
        """Where points (n, d) appear, n pairs, and how opaque: less on a sphere's far side."""
        flat, towards = looked_at(points, self.view.value)
        return flat.tolist(), torch.where(towards < 0, BEHIND, 1.0).tolist()

    def _globe(self, axes: Axes) -> None:
        """The circle; on a sphere it is the outline, with the equator's near half in it."""
        axes.add_patch(Circle((0, 0), 1, fill=False, color=GREY, lw=0.8, ls=":"))
        if self.space.value == 3:
            equator = directions(range(0, 361, 10), [0.0] * 37)
            flat, towards = looked_at(equator, 0)
            near = flat.masked_fill(towards[:, None] < 0, torch.nan)
            axes.plot(*near.T.numpy(), color=GREY, lw=0.8, ls=":")

    def _arrows(self, axes: Axes, seen: Tensor, pulls: Tensor, reach: float) -> None:
        sizes = pulls.norm(dim=1, keepdim=True)
        arrows = pulls * reach / REACH * shown_length(sizes) / sizes.clamp(min=QUIET)
        starts, opacity = self._looked_at(seen)
        ends, _ = looked_at(arrows, self.view.value)
        colours = [to_rgba(LOOKS[k][0], a) for k, a in zip(self.labels, opacity, strict=True)]
        axes.quiver(
            *zip(*starts, strict=True), *ends.T.numpy(), color=colours, angles="xy",
            scale_units="xy", scale=1, width=0.01, headwidth=4, headlength=4, headaxislength=4,
        )  # fmt: skip

    def _name_them(self, axes: Axes, seen: Tensor, reach: float) -> None:
        """Each image's name beside it, and a ring around the chosen point."""
        points, row = self._chosen()
        ((x, y),), _ = self._looked_at((seen if points is self.features else points)[row, None])
        axes.plot(x, y, "o", ms=14, mfc="none", mec="black", mew=1)
        apart = 0.15 * reach / REACH
        if self.space.value == 2:  # inside, where no arrow of a normalised loss goes
            seen = seen * (1 - apart / seen.norm(dim=1, keepdim=True).clamp(min=0.1))
        flat, opacity = self._looked_at(seen)
        above = apart if self.space.value == 3 else 0.0
        for text, (x, y), alpha in zip(self.names, flat, opacity, strict=True):
            axes.text(x, y + above, text, ha="center", va="center", fontsize=8, alpha=alpha)

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

    def _make_controls(self, loss: str, dimensions: int) -> None:
        start = Dials()
        self.loss = choice("Loss", list(LOSSES), loss)
        spaces = [("circle", 2), ("sphere", 3)]
        self.space = choice("Space", spaces, dimensions)
        choices = [(name, i) for i, name in enumerate(self.names)]
        choices += [(f"proxy {'abc'[k]}", 9 + k) for k in range(len(PROXY_ANGLES))]
        self.point = ipywidgets.SelectionSlider(options=choices, value=5, description="Turn")
        self.angle = ipywidgets.IntSlider(min=0, max=355, step=5, description="to angle °")
        self.latitude = ipywidgets.IntSlider(min=-90, max=90, step=5, description="latitude °")
        self.view = ipywidgets.IntSlider(value=150, max=345, step=15, description="view °")
        self.temperature = named_slider(
            "τ", named(TEMPERATURES), start.temperature, width=250, label=40
        )
        self.margin_positive = named_slider(
            "m_p", named(POSITIVE_MARGINS), start.margin_positive, width=250, label=40
        )
        self.margin_negative = named_slider(
            "m_n", named(NEGATIVE_MARGINS), start.margin_negative, width=250, label=40
        )
        self.length = named_slider("‖F‖", named(LENGTHS), 1.0, width=250, label=40)
        self.times = choice("Steps", [1, 10, 100], 10)
        self.step = ipywidgets.Button(description="Step", icon="step-forward")
        self.reset = ipywidgets.Button(description="Reset", icon="undo")
        self.step.tooltip, self.reset.tooltip = "Move along the forces", "All points back"
        for control in (self.point, self.angle, self.latitude, self.view):
            control.layout.width = "250px"
            control.style.description_width = "70px"
        self.step.layout.width = self.reset.layout.width = "auto"
        self.image, self.caption = picture(), ipywidgets.HTML()

    def _arranged(self) -> list[Any]:
        rows = [
            ipywidgets.HBox([self.loss]),
            ipywidgets.HBox([self.space, self.view]),
            ipywidgets.HBox([self.point, self.angle, self.latitude]),
            ipywidgets.HBox(
                [self.temperature, self.margin_positive, self.margin_negative, self.length]
            ),
            ipywidgets.HBox([self.times, self.step, self.reset]),
        ]
        for row in rows:
            row.layout.flex_flow = "row wrap"
            row.layout.align_items = "center"
        return [*rows, self.image, self.caption]


def looked_at(points: Tensor, view: float) -> tuple[Tensor, Tensor]:
    """Where points appear, (n, 2), and how far towards the eye they lie, (n,).

    Points (n, 2) lie in the plane of the picture. Points (n, 3) are turned by `view` degrees
    around the poles and seen from far away, `TILT` degrees above the equator.
    """
    if points.shape[1] == 2:
        return points, torch.zeros(len(points))
    turn, tilt = math.radians(view), math.radians(TILT)
    x, y, z = points.unbind(dim=1)
    right = x * math.cos(turn) - y * math.sin(turn)
    away = x * math.sin(turn) + y * math.cos(turn)
    up = z * math.cos(tilt) + away * math.sin(tilt)
    return torch.stack([right, up], dim=1), z * math.sin(tilt) - away * math.cos(tilt)


def shown_length(size: Tensor) -> Tensor:
    """Of an arrow, below 0.9: weak forces stay visible, strong ones stay in the frame."""
    return 0.9 * size / (size + 1.5)
