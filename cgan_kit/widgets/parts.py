"""Pieces that every widget of the kit is made of."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from typing import Any

import ipywidgets

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
MimeBundle = tuple[dict[str, Any], dict[str, Any]]


def mime_bundle(
    widget_bundle: dict[str, Any] | None, png: bytes, alt: str, text: str
) -> MimeBundle:
    """What a notebook stores of a widget: its view, a PNG for where it cannot run, and a line.

    Arguments:
        widget_bundle: what ipywidgets gives; None where widgets are switched off.
        png: the picture as it is now.
        alt: what the picture shows, in a sentence.
        text: the same on every run and every machine, because tests compare it.

    Returns:
        (data by mime type, metadata by mime type).
    """
    data = {"text/plain": text, "image/png": base64.b64encode(png).decode("ascii")}
    if widget_bundle and WIDGET_VIEW in widget_bundle:
        data[WIDGET_VIEW] = widget_bundle[WIDGET_VIEW]
    return data, {"image/png": {"alt": alt}}


def picture() -> Any:
    """An empty picture that shrinks with the page but is never enlarged.

    ipywidgets' Image has no alternative text, and a tooltip breaks it in the browser: what a
    picture shows is said in a `caption` under it, where screen readers find it.
    """
    image = ipywidgets.Image(format="png")
    image.layout.max_width = "100%"
    image.layout.height = "auto"
    image.layout.align_self = "flex-start"  # or a column of widgets would stretch it
    return image


def choice(name: str, options: Sequence[Any], value: object, width: int | None = None) -> Any:
    """Buttons of which one is down; `width` of each in pixels, None as wide as its word.

    Not a drop-down list: JupyterLab takes the arrow keys away from one.
    """
    buttons = ipywidgets.ToggleButtons(options=options, value=value, description=name)
    buttons.style.button_width = "auto" if width is None else f"{width}px"
    buttons.style.description_width = "initial"
    buttons.layout.display, buttons.layout.flex_flow = "flex", "row nowrap"  # its name on the left
    buttons.layout.width, buttons.layout.margin = "max-content", "2px 16px 2px 2px"
    return buttons


def named_slider(
    name: str,
    options: Sequence[tuple[str, Any]],
    value: object = None,
    *,
    width: int = 330,
    label: int = 80,
    live: bool = True,
) -> Any:
    """A slider over named values; the arrow keys move it one value at a time.

    Arguments:
        options: (what is shown, value).
        value: to begin with; None is the first.
        width, label: pixels, of all of it and of its name's part.
        live: whether it speaks while it is dragged, or only when it is let go.
    """
    made = ipywidgets.SelectionSlider(
        options=options,
        value=options[0][1] if value is None else value,
        description=name,
        continuous_update=live,
    )
    made.layout.width, made.style.description_width = f"{width}px", f"{label}px"
    return made


def named(values: Sequence[float]) -> list[tuple[str, float]]:
    """Numbers as a slider's options, each under its own digits."""
    return [(f"{value:g}", value) for value in values]


def caption(words: str) -> str:
    """One line of muted text under a picture, for an `ipywidgets.HTML`."""
    return (
        '<div style="font-size: 13px; line-height: 1.45; opacity: 0.85; padding: 2px 0">'
        f"{html.escape(words)}</div>"
    )
