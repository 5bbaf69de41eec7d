"""What lesson 04 writes out equals what the package computes, value and gradient."""

import functools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

import cgan_kit as kit
from cgan_kit.exercises.reacgan import check_d2d_ce, check_faded_batch
from cgan_kit.losses import d2d_ce, d2d_ce_reference
from cgan_kit.losses.sphere import on_sphere
from cgan_kit.widgets.forces import Dials, forces
from tools.build_notebooks import NOTEBOOKS, read_script

LESSON = NOTEBOOKS / "04_reacgan.py"
RESULTS = Path(__file__).parents[2] / "benchmarks/results/conditioning.json"


@functools.cache
def cells() -> list[str]:
    return [cell.source for cell in read_script(LESSON).cells]


def defined(name: str) -> Callable[..., Tensor]:
    """A function of the lesson, on its own: from its `def` to the next empty line."""
    (cell,) = [each for each in cells() if each.startswith(f"def {name}(")]
    names = {"torch": torch}
    exec(cell.split("\n\n\n")[0], names)
    return names[name]  # type: ignore[return-value]


def batch(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    features = 2 * torch.randn(12, 5, generator=random, dtype=torch.float64)
    proxies = 3 * torch.randn(4, 5, generator=random, dtype=torch.float64)
    return features.requires_grad_(), proxies, torch.randint(4, (12,), generator=random)


def assert_same(ours: Tensor, kits: Tensor, features: Tensor) -> None:
    torch.testing.assert_close(ours, kits)
    slopes = (torch.autograd.grad(loss, features)[0] for loss in (ours, kits))
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("dials", [(0.5, 0.98, 0.02), (0.2, 0.7, -0.3), (1.0, 1.0, -1.0)])
@pytest.mark.parametrize("seed", range(4))
def test_d2d_ce(seed: int, dials: tuple[float, float, float]) -> None:
    features, proxies, labels = batch(seed)
    ours = defined("by_hand")(features, proxies, labels, *dials)
    assert_same(ours, d2d_ce(on_sphere(features), on_sphere(proxies), labels, *dials), features)


@pytest.mark.parametrize("dials", [(0.5, 0.98), (0.2, 0.7), (1.0, 1.0)])
@pytest.mark.parametrize("seed", range(4))
def test_the_reference(seed: int, dials: tuple[float, float]) -> None:
    features, proxies, labels = batch(seed)
    ours = defined("reference_by_hand")(features, proxies, labels, *dials)
    kits = d2d_ce_reference(on_sphere(features), on_sphere(proxies), labels, *dials)
    assert_same(ours, kits, features)


def folded(after: str) -> str:
    """The code of the folded answer under an exercise."""
    (place,) = [i for i, each in enumerate(cells()) if f"### {after}" in each]
    text = next(each for each in cells()[place + 1 :] if "<summary>Answer</summary>" in each)
    return text.split("```python\n")[1].split("```")[0]


def test_the_folded_answers_pass_and_the_shown_function_does_not() -> None:
    names = {"torch": torch}
    exec(folded("1 ·"), names)
    exec(folded("2 ·"), names)
    assert check_d2d_ce(names["d2d"])  # type: ignore[arg-type]
    assert check_faded_batch(names["batch"])  # type: ignore[arg-type]
    assert not check_d2d_ce(defined("by_hand"))


def test_the_rows_say_what_the_lesson_says() -> None:
    rows = json.loads(RESULTS.read_text())["rows"]

    def seeds(method: str, weight: float | None, name: str) -> list[float]:
        wanted = {"data": "digits", "steps": 400, "options": "", "method": method}
        found = [row for row in rows if (wanted | {"weight": weight}).items() <= row.items()]
        return [row[name] for row in sorted(found, key=lambda row: row["seed"])]

    def overlap(one: list[float], other: list[float]) -> bool:
        return min(one) <= max(other) and min(other) <= max(one)

    names, weights = ("accuracy", "coverage", "variance"), (0.1, 0.3, 1.0)
    for weight in weights:
        ours, others = ([seeds(m, weight, name) for name in names] for m in ("reacgan", "acgan"))
        assert len(ours[0]) == len(others[0]) == 3
        assert min(ours[0]) > max(others[0])
        assert sum(ours[1]) > sum(others[1])
        assert overlap(ours[1], others[1])
        assert overlap(ours[2], others[2])
        assert min(seeds("projection", None, "variance")) > max(ours[2] + others[2])
        for name, one in zip(names, ours, strict=True):
            assert overlap(one, seeds("reacgan-reference", weight, name))
    assert min(seeds("acgan", 1.0, "accuracy")) > max(seeds("reacgan", 0.1, "accuracy"))
    assert overlap(seeds("reacgan", 1.0, "coverage"), seeds("acgan-normalised", 1.0, "coverage"))
    assert min(seeds("reacgan", 1.0, "accuracy")) > max(seeds("acgan-normalised", 1.0, "accuracy"))
    first, second, third = seeds("reacgan", 0.3, "coverage")
    assert min(first, third) > max(seeds("acgan", 0.3, "coverage")) > second


def test_b3_passes_one_class_and_is_stuck_between_two() -> None:
    circle = kit.widgets.Hypersphere()

    def reached(*others: int) -> float:
        """The cosine of b3, image 5, with its own proxy after D2D-CE has moved these images."""
        kept = [*others, 5]
        points, labels = circle.features[kept], circle.labels[kept]
        for _ in range(600):
            points = points + 0.01 * forces("D2D-CE", points, circle.proxies, labels, Dials())[1]
        return float(on_sphere(points)[-1] @ circle.proxies[1])

    assert reached(0, 1, 2) > 0.95
    assert reached(6, 7, 8) > 0.95
    assert reached(1, 7) < -0.95
    assert reached(0, 1, 2, 3, 4, 6, 7, 8) < -0.95
