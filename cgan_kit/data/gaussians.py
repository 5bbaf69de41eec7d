"""Points from Gaussians, mostly in the plane: densities and posteriors are known exactly."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from cgan_kit.data.pointset import PointSet

RING_RADIUS = 2.0
GRID_EDGE = 2.0
LINE_SPACING = 2.0
SPHERE_AXES = 8

# Where conditional_entropy() integrates, in standard deviations around each centre: 1e-15 of a
# Gaussian lies beyond 8. Against a step of 1/32 the error stays below 1e-10 for pairs 1 to 14
# standard deviations apart.
REACH = 8.0
STEP = 0.2


class Gaussians(PointSet):
    """Points float32 (N, D) from p(x|y) = (1/M) Σ_m N(x; c_{y,m}, s² I), with p(y) = 1/K.

    D is 2, in the layout "sphere" 8.

    Arguments:
        points, labels: float32 (N, D) and int64 (N,) drawn from the mixture.
        centres: float64 (K, M, D): M modes for each of the K classes.
        standard_deviation: s, one for all axes and all modes.
        options: of `load`, so that the set can be made again.
    """

    def __init__(
        self,
        points: Tensor,
        labels: Tensor,
        centres: Tensor,
        standard_deviation: float,
        options: dict[str, object] | None = None,
    ) -> None:
        names = [str(k) for k in range(len(centres))]
        super().__init__(points, labels, names, name="gaussians", options=options)
        self.centres = centres
        self.standard_deviation = standard_deviation

    def draw(self, labels: Tensor, seed: int = 0) -> Tensor:
        """Fresh points of the given classes (int64 (n,)): float32 (n, D) on the labels' device."""
        return _draw(self.centres, self.standard_deviation, labels.cpu(), seed).to(labels.device)

    def log_density(self, points: Tensor) -> Tensor:
        """log p(x|y) in nats at points (n, D), for every class: (n, K) in the points' dtype."""
        _check_points(points, self.centres.shape[2])
        centres = self.centres.to(points)
        classes, modes, axes = centres.shape
        variance = self.standard_deviation**2
        squared = torch.zeros(len(points), classes, modes, dtype=points.dtype, device=points.device)
        for axis in range(axes):
            squared += (points[:, axis, None, None] - centres[None, :, :, axis]) ** 2
        # Differences first, not |x|² − 2xc + |c|²: that loses all digits far from the origin.
        log_modes = -squared / (2 * variance) - axes / 2 * math.log(2 * math.pi * variance)
        return torch.logsumexp(log_modes, dim=2) - math.log(modes)

    def log_marginal(self, points: Tensor) -> Tensor:
        """log p(x) = log (1/K) Σ_y p(x|y) in nats at points (n, D): (n,) in the points' dtype.

        With it the optimal discriminator D*(x) = p(x) / (p(x) + p_G(x)) of Goodfellow et al.
        2014, proposition 1, is sigmoid(log p(x) − log p_G(x)).
        """
        return torch.logsumexp(self.log_density(points), dim=1) - math.log(self.num_classes)

    def posterior(self, points: Tensor) -> Tensor:
        """p(y|x) at points (n, D): (n, K), rows sum to 1."""
        return torch.softmax(self.log_density(points), dim=1)

    def conditional_entropy(self) -> float:
        """H(C|X) = −E_{p(x,y)} log p(y|x) in nats: 0 for classes apart, log K for equal ones.

        Trapezoid rule around each centre in float64, right to 1e-10.

        Raises:
            ValueError: points of more than two axes.
        """
        if self.centres.shape[2] != 2:
            raise ValueError(
                f"the points have {self.centres.shape[2]} axes; H(C|X) is integrated in the plane "
                "alone: average -log posterior over drawn points"
            )
        steps = torch.arange(-REACH, REACH + STEP / 2, STEP, dtype=torch.float64)
        weights = torch.exp(-(steps**2) / 2)
        weights = torch.outer(weights, weights).flatten()
        weights /= weights.sum()
        offsets = torch.cartesian_prod(steps, steps) * self.standard_deviation
        classes, modes, _ = self.centres.shape
        entropy = 0.0
        for y in range(classes):
            for centre in self.centres[y].double().cpu():
                log_posterior = torch.log_softmax(self.log_density(centre + offsets), dim=1)[:, y]
                entropy -= float((weights * log_posterior).sum()) / (classes * modes)
        return max(entropy, 0.0)


class _Layout(NamedTuple):
    """Where `count` centres lie, the usual number of classes, the usual spread."""

    centres: Callable[[int], Tensor]
    classes: int
    standard_deviation: float


def _ring(count: int) -> Tensor:
    angles = torch.arange(count, dtype=torch.float64) * (2 * math.pi / count)
    return RING_RADIUS * torch.stack((angles.cos(), angles.sin()), dim=1)


def _grid(count: int) -> Tensor:
    side = math.isqrt(count)
    ticks = torch.linspace(-GRID_EDGE, GRID_EDGE, side, dtype=torch.float64)
    rows, columns = torch.meshgrid(ticks.flip(0), ticks, indexing="ij")
    return torch.stack((columns.flatten(), rows.flatten()), dim=1)


def _line(count: int) -> Tensor:
    across = (torch.arange(count, dtype=torch.float64) - (count - 1) / 2) * LINE_SPACING
    return torch.stack((across, torch.zeros_like(across)), dim=1)


def _sphere(count: int) -> Tensor:
    random = torch.Generator().manual_seed(0)
    directions = torch.randn(count, SPHERE_AXES, generator=random, dtype=torch.float64)
    return RING_RADIUS * torch.nn.functional.normalize(directions, dim=1)


_LAYOUTS = {
    "ring": _Layout(_ring, 8, 0.3),
    "grid": _Layout(_grid, 9, 0.2),
    "line": _Layout(_line, 3, 1.0),
    "pair": _Layout(_line, 2, 1.0),
    "sphere": _Layout(_sphere, 8, 0.3),
}


def load(
    *,
    layout: str = "ring",
    classes: int | None = None,
    modes: int = 1,
    standard_deviation: float | None = None,
    samples: int = 10_000,
    seed: int = 0,
) -> Gaussians:
    """Points from Gaussians whose centres lie in a pattern; classes are equally likely.

    The layouts, with their usual number of classes K and standard deviation s:
        ring: evenly on a circle of radius 2 (K = 8, s = 0.3).
        grid: square, from −2 to 2 on both axes, row by row from the top left (K = 9, s = 0.2).
        line: on the first axis, 2 apart, around 0; three give −2, 0, 2 (K = 3, s = 1). The
            second axis knows nothing of the class.
        pair: at −1 and 1 on the first axis (K = 2, s = 1): the smallest overlap there is.
        sphere: in 8 dimensions, in directions drawn once, 2 from the middle (K = 8, s = 0.3):
            many classes have room there.

    Arguments:
        classes: K, at least 2; None takes the layout's own.
        modes: Gaussians a class has, taken in turn along the pattern: with 2 classes and 3
            modes the centres belong to classes 0 1 0 1 0 1. K · modes centres in all.
        standard_deviation: s > 0; None takes the layout's own.
        samples: N, at least K; classes share them evenly, the first ones take the rest.
        seed: of the draw.

    Raises:
        ValueError: naming the option, its value and the remedy.
    """
    if layout not in tuple(_LAYOUTS):
        raise ValueError(f"layout is {layout!r}; choose one of {', '.join(_LAYOUTS)}")
    pattern = _LAYOUTS[layout]
    classes = pattern.classes if classes is None else classes
    spread = pattern.standard_deviation if standard_deviation is None else standard_deviation
    _check_load(layout, classes, modes, spread, samples)
    # (M, K, D) to (K, M, D): the classes take turns along the pattern.
    centres = pattern.centres(classes * modes).unflatten(0, (modes, classes)).transpose(0, 1)
    labels = torch.arange(samples) % classes
    return Gaussians(
        _draw(centres, spread, labels, seed),
        labels,
        centres.contiguous(),
        spread,
        options={
            "layout": layout,
            "classes": classes,
            "modes": modes,
            "standard_deviation": spread,
            "samples": samples,
            "seed": seed,
        },
    )


def _draw(centres: Tensor, standard_deviation: float, labels: Tensor, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mode = torch.randint(centres.shape[1], labels.shape, generator=generator)
    noise = torch.randn(len(labels), centres.shape[2], generator=generator)
    return centres[labels, mode].float() + standard_deviation * noise


def _check_load(layout: str, classes: int, modes: int, spread: float, samples: int) -> None:
    for name, count in (("classes", classes), ("modes", modes), ("samples", samples)):
        if not isinstance(count, int):
            raise ValueError(f"{name} is {count!r}; give a whole number")
    if classes < 2:
        raise ValueError(f"classes is {classes}; give at least 2")
    if layout == "pair" and classes != 2:
        raise ValueError(f"classes is {classes} but a pair has 2; use layout='line' for more")
    if modes < 1:
        raise ValueError(f"modes is {modes}; give at least 1")
    if layout == "pair" and modes != 1:
        raise ValueError(f"modes is {modes} but a pair has 1; use layout='line' for more")
    if layout == "grid" and math.isqrt(classes * modes) ** 2 != classes * modes:
        side = math.isqrt(classes * modes)
        raise ValueError(
            f"classes · modes is {classes * modes}, which fills no square grid; "
            f"{side**2} and {(side + 1) ** 2} do"
        )
    if not 0 < spread < math.inf:
        raise ValueError(f"standard_deviation is {spread}; give a finite number above 0")
    if samples < classes:
        raise ValueError(f"samples is {samples} but there are {classes} classes; give one each")


def _check_points(points: Tensor, axes: int) -> None:
    if points.ndim != 2 or points.shape[1] != axes or not points.is_floating_point():
        raise ValueError(
            f"points have shape {tuple(points.shape)} and dtype {points.dtype}; "
            f"give floats (n, {axes})"
        )
