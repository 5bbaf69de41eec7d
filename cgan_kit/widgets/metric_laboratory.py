"""Break real images in known ways, and see which metrics notice."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from cgan_kit import plots
from cgan_kit.metrics import Bench, blur, duplicate, keep_modes, mix_labels
from cgan_kit.pictures import Pixels, beside, fitting_scale, frame, tile, to_png
from cgan_kit.widgets.parts import MimeBundle, caption, mime_bundle, named_slider, picture

ALL = 2**31  # modes: more than any class holds
MODES = (ALL, 32, 24, 16, 8, 4, 2, 1)
SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
SIGMAS = (0.0, 0.3, 0.4, 0.5, 0.75, 1.0, 1.25, 1.5)
KEPT_VIEWS = 256


class Damage(NamedTuple):
    """What is done to the images, in this order; the defaults do nothing.

    modes: different images that each class keeps.
    duplicated: share of the images replaced by copies.
    sigma: of the blur, in pixels.
    mixed: share of the labels dealt out anew.
    """

    modes: int = ALL
    duplicated: float = 0.0
    sigma: float = 0.0
    mixed: float = 0.0

    def apply(self, images: Tensor, labels: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
        """uint8 (n, C, H, W), int64 (n,) -> the same, damaged."""
        images = keep_modes(images, labels, self.modes, seed)
        images = duplicate(images, labels, self.duplicated, seed + 1)
        return blur(images, self.sigma), mix_labels(labels, self.mixed, seed)

    def __str__(self) -> str:
        done = [
            f"{self.modes} different image{'s' * (self.modes > 1)} a class" * (self.modes < ALL),
            f"{self.duplicated:.0%} replaced by copies" * (self.duplicated > 0),
            f"blurred by {self.sigma:g} px" * (self.sigma > 0),
            f"{self.mixed:.0%} of the labels mixed" * (self.mixed > 0),
        ]
        return ", ".join(filter(None, done)) or "undamaged"


FULL = (Damage(modes=1), Damage(duplicated=1.0), Damage(sigma=SIGMAS[-1]), Damage(mixed=1.0))


class MetricLaboratory(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Four sliders damage real images; every metric shows whether it noticed.

    On the left are damaged images, each column the class they are said to be. On the right
    each metric has a line: the band is what real images score, the square is the
    damaged ones. "Bad" is the worst that any of the four damages does at its full strength.

    Arguments:
        bench: what measures, and whose sample is damaged.
        rows: images shown of each class.
        seed: of the damages.

    Attributes:
        modes, duplicated, sigma, mixed: sliders; see `Damage`.
        reset: button; all sliders to no damage.
        values: name of a metric -> its value now.
        image: `ipywidgets.Image`; its value is the picture as PNG bytes.

    Raises:
        ValueError: rows below 1.
    """

    def __init__(self, bench: Bench, *, rows: int = 8, seed: int = 0) -> None:
        if rows < 1:
            raise ValueError(f"rows is {rows}; give at least 1")
        self.bench = bench
        self.rows = rows
        self.seed = seed
        self._look = lru_cache(maxsize=KEPT_VIEWS)(self._measure_and_draw)
        self.bad = self._find_bad()
        self._make_controls()
        self._draw()
        super().__init__(children=self._arranged())
        for slider in self._sliders:
            slider.observe(self._draw, names="value")
        self.reset.on_click(self._undo)

    def __repr__(self) -> str:
        return f"MetricLaboratory: {len(self.bench.gauges)} metrics, {len(self._sliders)} damages"

    def _repr_mimebundle_(self, **kwargs: Any) -> MimeBundle:
        bundle = super()._repr_mimebundle_(**kwargs)
        return mime_bundle(bundle, self.image.value, self._describe(), repr(self))

    @property
    def damage(self) -> Damage:
        """What the sliders say."""
        return Damage(*(slider.value for slider in self._sliders))

    def damaged(self, damage: Damage | None = None) -> tuple[Tensor, Tensor]:
        """Images uint8 (n, C, H, W) and labels int64 (n,) under a damage; None: the sliders'."""
        sample = self.bench.sample
        return (damage or self.damage).apply(sample.images, sample.labels, self.seed)

    def figure(self, damage: Damage | None = None) -> Figure:
        """The lines of all metrics under a damage; None: the sliders'."""
        chosen = damage or self.damage
        return plots.tracks(self._tracks(self.bench.measure(*self.damaged(chosen))), str(chosen))

    def _measure_and_draw(self, damage: Damage) -> tuple[dict[str, float], bytes]:
        images, labels = self.damaged(damage)
        values = self.bench.measure(images, labels)
        lines = plots.tracks(self._tracks(values), str(damage))
        return values, to_png(beside(self._examples(images, labels), _pixels(lines)))

    def _tracks(self, values: dict[str, float]) -> list[plots.Track]:
        return [
            plots.Track(name, value, *self.bench.floors[name], self.bad[name])
            for name, value in values.items()
        ]

    def _examples(self, images: Tensor, labels: Tensor) -> Pixels:
        """A few images of each class, as tiles with the classes' names above."""
        names = self.bench.sample.class_names
        shown = images.new_full((self.rows, len(names), *images.shape[1:]), 255)
        for k in range(len(names)):
            few = images[labels == k][: self.rows]
            shown[: len(few), k] = few
        scale = fitting_scale(tuple(images.shape[1:]), target=25)
        return frame(tile(shown.flatten(0, 1).cpu(), len(names), scale=scale), names)

    def _find_bad(self) -> dict[str, float]:
        """Of each metric, the worst value under any damage at full strength."""
        found = [self.bench.measure(*self.damaged(damage)) for damage in FULL]
        bad = {}
        for gauge in self.bench.gauges:
            worst = max(gauge.worse * each[gauge.name] for each in found) * gauge.worse
            floor = self.bench.floors[gauge.name]
            # Where no damage makes it worse, a line still needs an end.
            unharmed = (worst - floor.mean) * gauge.worse <= 0
            bad[gauge.name] = floor.mean + gauge.worse if unharmed else worst
        return bad

    def _draw(self, _: object = None) -> None:
        self.values, self.image.value = self._look(self.damage)
        self.caption.value = caption(self._describe())

    def _undo(self, _: object = None) -> None:
        for slider, nothing in zip(self._sliders, Damage(), strict=True):
            slider.value = nothing

    def _describe(self) -> str:
        noticed = self.bench.outside(self.values)
        return (
            f"{len(self.bench.sample)} real images, {self.damage}. Band: what real images score; "
            f"square: these images. Outside the band: {', '.join(noticed) or 'no metric'}."
        )

    def _make_controls(self) -> None:
        shares = [(f"{share:.0%}", share) for share in SHARES]
        modes = [("all" if m == ALL else f"{m} a class", m) for m in MODES]
        self.modes = named_slider("Keep images", modes, label=90, live=False)
        self.duplicated = named_slider("Duplicate", shares, label=90, live=False)
        self.sigma = named_slider(
            "Blur", [(f"{sigma:g} px", sigma) for sigma in SIGMAS], label=90, live=False
        )
        self.mixed = named_slider("Mix labels", shares, label=90, live=False)
        self._sliders = (self.modes, self.duplicated, self.sigma, self.mixed)
        self.reset = ipywidgets.Button(
            description="Undamaged", icon="undo", tooltip="All four sliders to the left"
        )
        self.reset.layout.width = "auto"
        self.image = picture()
        self.caption = ipywidgets.HTML()

    def _arranged(self) -> list[Any]:
        controls = ipywidgets.HBox([*self._sliders, self.reset])
        controls.layout.flex_flow = "row wrap"
        controls.layout.align_items = "center"
        return [controls, self.image, self.caption]


def _pixels(figure: Figure) -> Pixels:
    canvas: Any = figure.canvas
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
