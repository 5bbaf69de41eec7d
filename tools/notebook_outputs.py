"""What of a cell's outputs is worth storing, the same for the builder and for nbval.

A stored output is what a reader learns from: text, figures, errors that were asked for. Progress,
warnings on stderr and live widget views are dropped: a view without its state shows an error box,
and the picture that a widget carries beside it stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from nbformat import NotebookNode

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# What matplotlib's inline backend says beside a picture, and a progress bar beside its widget.
NOISE = re.compile(r"<Figure size .*>|.*\d+%\|.*")


def clean_outputs(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    """Copies of ``outputs`` as they are stored: one stream of stdout, no noise, no widget views.

    Args:
        outputs: a code cell's outputs as nbformat holds them, stored or just made.

    Returns:
        New nodes in the same order; outputs of which nothing is left are gone.
    """
    kept: list[NotebookNode] = []
    for output in outputs:
        cleaned = _clean(NotebookNode(output))
        if cleaned is None:
            continue
        last = kept[-1] if kept else None
        if last is not None and _is_stdout(last) and _is_stdout(cleaned):
            last.text = _last_written(last.text + cleaned.text)
        else:
            kept.append(cleaned)
    return kept


def stderr_of(outputs: Iterable[NotebookNode]) -> list[str]:
    """Lines on stderr that are no progress bars: warnings that a lesson's author should see."""
    lines: list[str] = []
    for output in outputs:
        if output.output_type == "stream" and output.name == "stderr":
            written = re.split(r"[\r\n]+", output.text)
            lines += [line for line in written if line.strip() and not NOISE.fullmatch(line)]
    return lines


def widget_shown(output: NotebookNode) -> str:
    """Name of the widget that a stored output is the picture of, or nothing.

    A figure's text is its alt text; a widget's begins with its name, as in ``ClassGrid: 4 z``.
    """
    text = str(output.get("data", {}).get("text/plain", ""))
    described = output.get("metadata", {}).get("image/png", {}).get("alt", text)
    return text.partition(":")[0] if text != described else ""


def _is_stdout(output: NotebookNode) -> bool:
    return bool(output.output_type == "stream" and output.name == "stdout")


def _clean(output: NotebookNode) -> NotebookNode | None:
    if output.output_type == "stream":
        if output.name != "stdout":
            return None
        return NotebookNode(output, text=_last_written(output.text))
    if output.output_type == "error":
        # A traceback names files of the machine that ran it; name and message say enough.
        return NotebookNode(output, traceback=[])
    data = {mime: value for mime, value in output.data.items() if mime != WIDGET_VIEW}
    text = data.get("text/plain", "")
    if isinstance(text, str) and NOISE.fullmatch(text.strip()):
        del data["text/plain"]
    if not data:
        return None
    metadata = {mime: value for mime, value in output.metadata.items() if mime in data}
    return NotebookNode(output, data=NotebookNode(data), metadata=NotebookNode(metadata))


def _last_written(text: str) -> str:
    """``text`` as a terminal leaves it: what a carriage return overwrote is gone."""
    return re.sub(r"[^\n]*\r(?!\n)", "", text)
