"""Learning curves of one run or several, and where a run on points puts its classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cgan_kit.data.gaussians import Gaussians
from cgan_kit.grids import fixed_latents
from cgan_kit.plots.style import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    blank,
    dress,
    style_of,
)
from cgan_kit.training.run import Run

CurvePanel = tuple[str, tuple[tuple[str, str, str], ...]]  # title, (history key, role, name)...
LOSSES: CurvePanel = (
    "loss",
    (("d_loss", "discriminator", "discriminator"), ("g_loss", "generator", "generator")),
)
ACCURACIES: CurvePanel = (
    "class accuracy",
    (("accuracy_real", "real", "on real"), ("accuracy_fake", "fake", "on fake")),
)
SCORES: CurvePanel = (
    "score by discriminator",
    (("score_real", "real", "on real"), ("score_fake", "fake", "on fake")),
)


def curves(runs: Run | Mapping[str, Run]) -> Figure:
    """Learning curves: of one run, its losses and class accuracies; of several, side by side.

    Arguments:
        runs: a run, or name -> run. A name that is a method ("projection", "acgan", ...) gets
            that method's colour, marker and line style.

    Raises:
        ValueError: a run that has recorded nothing.
    """
    if isinstance(runs, Run):
        return history_curves(_history(runs, "run"))[0]
    histories = {name: _history(run, f"runs[{name!r}]") for name, run in runs.items()}
    keys = {"d_loss": "discriminator's loss", "g_loss": "generator's loss"}
    if any("accuracy_fake" in history[-1] for history in histories.values()):
        keys["accuracy_fake"] = "class accuracy on fake"
    figure, panels = blank(4 * len(keys), 3, len(keys))
    for axes, (key, title) in zip(panels, keys.items(), strict=True):
        for position, (name, history) in enumerate(histories.items()):
            kept = [record for record in history if key in record]
            steps, values = [r["step"] for r in kept], [r[key] for r in kept]
            axes.plot(steps, values, label=name, **style_of(name, position))
        dress(axes, title, accuracy=key == "accuracy_fake")
    panels[0].legend(frameon=False)
    return figure


def history_curves(
    history: Sequence[Mapping[str, float]], *, width: float = 8, height: float = 3
) -> tuple[Figure, dict[str, Line2D]]:
    """Losses, and class accuracies where a classifier is trained; else the scores.

    Arguments:
        history: records of a run, each with "step" and the losses.
        width, height: of the figure, in inches at 100 dots.

    Returns:
        the figure, and the line drawn for each history key.
    """
    second = ACCURACIES if "accuracy_real" in history[-1] else SCORES
    figure, panels = blank(width, height, 2)
    lines = {}
    for axes, (title, series) in zip(panels, (LOSSES, second), strict=True):
        for key, role, name in series:
            kept = [record for record in history if key in record]
            steps, values = [r["step"] for r in kept], [r[key] for r in kept]
            (lines[key],) = axes.plot(steps, values, label=name, **style_of(role))
        rising = second is ACCURACIES and axes is panels[1]
        dress(axes, title, accuracy=rising)
        # Losses and scores start high on the left, accuracies low; a fixed place suits curves
        # that grow.
        axes.legend(frameon=False, loc="lower right" if rising else "upper right")
    return figure, lines


def _history(run: Run, argument: str) -> list[dict[str, float]]:
    history = [record for record in run.history() if "d_loss" in record]
    if not history:
        raise ValueError(f"{argument} has recorded no losses yet; train it for some steps first")
    return history


def points(
    run: Run,
    step: int | None = None,
    *,
    truth: Gaussians | None = None,
    per_class: int = 200,
    seed: int = 0,
) -> Figure:
    """Where a run on 2-D points puts each class.

    Arguments:
        step: one of `run.steps`; None is the last.
        truth: what it learned from; a hollow mark then stands at the centres of each class.
        per_class: samples of each class.
        seed: of their z.

    Raises:
        ValueError: a run that does not make 2-D points.
    """
    if run.sample_shape != (2,):
        raise ValueError(
            f"run makes samples of shape {run.sample_shape}, not 2-D points; "
            "use cgan_kit.plots.class_grid(run) for images"
        )
    latents = fixed_latents(per_class * run.num_classes, run.latent_dim, seed)
    labels = torch.arange(run.num_classes).repeat_interleave(per_class)
    made = run.sample(latents, labels, step)
    figure, (axes,) = blank(5, 4.2, 1)
    colours = (BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE, BLACK)
    markers = "os^vDPX*"
    for k, name in enumerate(run.class_names):
        style: dict[str, Any] = {"color": colours[k % len(colours)]}
        style["marker"] = markers[k % len(markers)]
        x, y = made[labels == k].unbind(dim=1)
        axes.scatter(x.numpy(), y.numpy(), s=9, alpha=0.6, linewidths=0, label=name, **style)
        for centre in () if truth is None else truth.centres[k]:
            axes.plot(*centre.tolist(), ms=9, mfc="none", mec="black", ls="none", **style)
    axes.set_aspect("equal")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, markerscale=2)
    return figure
