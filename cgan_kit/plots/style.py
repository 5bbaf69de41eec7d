"""Role colours, markers and sizes, and how a figure is shown: the same way everywhere.

Colours are Okabe and Ito's, which colour-blind readers can tell apart, and no role or method is
told by its colour alone: each has a marker or a line style of its own too.
"""

from __future__ import annotations

import base64
import io
import sys
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#767676"

# Roles, then methods. The methods that lessons compare have a colour each; relatives share one
# and differ in marker and line style.
COLOURS: dict[str, str] = {
    "real": BLUE,
    "fake": ORANGE,
    "generator": VERMILLION,
    "discriminator": GREEN,
    "none": GREY,
    "concatenation": ORANGE,
    "projection": BLUE,
    "acgan": VERMILLION,
    "acgan_real_only": VERMILLION,
    "reacgan": GREEN,
    "contragan": GREEN,
    "tacgan": PURPLE,
    "adcgan": SKY,
    "amgan": PURPLE,
}
MARKERS: dict[str, str] = {
    "real": "o",
    "fake": "s",
    "generator": "^",
    "discriminator": "v",
    "none": "x",
    "concatenation": "s",
    "projection": "o",
    "acgan": "^",
    "acgan_real_only": "2",
    "reacgan": "D",
    "contragan": "P",
    "tacgan": "v",
    "adcgan": "h",
    "amgan": "*",
}
LINESTYLES: dict[str, str] = {
    "real": "-",
    "fake": "--",
    "generator": "-",
    "discriminator": "--",
    "none": ":",
    "concatenation": "-.",
    "projection": "-",
    "acgan": "-",
    "acgan_real_only": "--",
    "reacgan": "-",
    "contragan": "--",
    "tacgan": "-",
    "adcgan": "-.",
    "amgan": "--",
}

DPI = 100  # of a figure's layout; `show` draws twice as fine for sharp text on fine screens
FINENESS = 2
PAGE = 1100  # dots that a notebook's page is wide, about
LABEL_SIZE = 9  # points, of the names of rows and columns


def show(figure: Figure, alt: str) -> None:
    """Put a figure into the notebook as a PNG with alternative text, and close it.

    The same figure gives the same bytes: resolution is fixed and no date or version is
    written. Outside IPython nothing happens, so a lesson runs as a plain script too.

    Arguments:
        alt: what the figure shows, in a sentence, for those who cannot see it. It is stored as
            text beside the picture and compared by tests, so put no number into it that
            differs between machines.

    Raises:
        ValueError: an empty alt.
    """
    if not alt.strip():
        raise ValueError("alt is empty; say in a sentence what the figure shows")
    if in_ipython():
        from IPython.display import display

        width, height = (round(side * DPI) for side in figure.get_size_inches())
        fineness = FINENESS if width <= PAGE else 1  # shown smaller than it is, it stays sharp
        encoded = base64.b64encode(to_png(figure, fineness * DPI)).decode("ascii")
        display(  # type: ignore[no-untyped-call]
            {"image/png": encoded, "text/plain": alt},
            metadata={"image/png": {"alt": alt, "width": width, "height": height}},
            raw=True,
        )
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close(figure)


def in_ipython() -> bool:
    """Whether there is a notebook or IPython shell to display in."""
    if "IPython" not in sys.modules:
        return False
    return sys.modules["IPython"].get_ipython() is not None


def to_png(figure: Figure, dpi: int = FINENESS * DPI) -> bytes:
    """The figure as PNG bytes, which depend on nothing but the figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def style_of(name: str, position: int = 0) -> dict[str, Any]:
    """Colour, line style and markers of a role or method; other names take free ones in turn."""
    methods = list(COLOURS)[4:]
    role = name if name in COLOURS else methods[position % len(methods)]
    return {
        "color": COLOURS[role],
        "linestyle": LINESTYLES[role],
        "marker": MARKERS[role],
        "markersize": 4.5,
        "markevery": 0.12,
        "linewidth": 1.4,
    }


def blank(width: float, height: float, panels: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, panels, squeeze=False)[0])


def dress(axes: Axes, title: str, accuracy: bool) -> None:
    axes.set_title(title, fontsize=11)
    axes.set_xlabel("step")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))  # 20k, not 20000
    if accuracy:
        axes.set_ylim(-0.02, 1.05)
