"""Pieces that every widget of the kit is made of."""

from __future__ import annotations

import base64
import html
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


def caption(words: str) -> str:
    """One line of muted text under a picture, for an `ipywidgets.HTML`."""
    return (
        '<div style="font-size: 13px; line-height: 1.45; opacity: 0.85; padding: 2px 0">'
        f"{html.escape(words)}</div>"
    )
