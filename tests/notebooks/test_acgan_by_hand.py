"""What lesson 02 writes out equals what the package computes, and its claims are in the results."""

import functools
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import logsigmoid

import cgan_kit as kit
from cgan_kit.exercises.acgan import check_arc, check_class_loss, check_grid_inputs
from cgan_kit.losses import ACGAN, minimax
from tools.build_notebooks import NOTEBOOKS, read_script

LESSON = NOTEBOOKS / "02_acgan.py"
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
METHODS = ("acgan", "acgan-real-only", "frozen-classifier")


@functools.cache
def cells() -> list[str]:
    return [cell.source for cell in read_script(LESSON).cells]


def defined(name: str) -> Callable[..., Any]:
    """A function of the lesson, on its own: from its `def` to the next two empty lines."""
    (cell,) = [each for each in cells() if each.startswith(f"def {name}(")]
    names: dict[str, Any] = {"torch": torch, "logsigmoid": logsigmoid}
    exec(cell.split("\n\n\n")[0], names)
    return names[name]  # type: ignore[no-any-return]


@pytest.mark.parametrize("real_only", [False, True])
@pytest.mark.parametrize("weight", [0.0, 0.5, 10.0])
def test_both_players_losses_and_gradients(weight: float, real_only: bool) -> None:
    data = kit.data.load("digits", size=8)
    assert isinstance(data, kit.data.ImageSet)
    conditioning = ACGAN(weight=weight, real_only=real_only)
    gan = kit.GAN.for_images(data, conditioning, minimax, width=4, seed=1)
    images, labels = data.real(torch.arange(20)), data.labels[:20]
    latents = torch.randn(20, gan.latent_dim, generator=torch.Generator().manual_seed(0))
    real, fake = gan.judge_both(images, gan.generator(latents, labels), labels)
    logits = [conditioning.logits(each.features) for each in (real, fake)]
    ours = defined("acgan_by_hand")(real.scores, fake.scores, *logits, labels, weight, real_only)
    kits = (
        gan.adversarial.discriminator(real.scores, fake.scores)
        + conditioning.discriminator_loss(real, fake),
        gan.adversarial.generator(real.scores, fake.scores) + conditioning.generator_loss(fake),
    )
    parameters = list(gan.parameters())
    for one, other in zip(ours, kits, strict=True):
        torch.testing.assert_close(one, other)
        slopes = (
            torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
            for loss in (one, other)
        )
        for mine, theirs in zip(*slopes, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def folded(after: str) -> str:
    """The code of the folded answer under an exercise."""
    (place,) = [i for i, each in enumerate(cells()) if f"### {after}" in each]
    text = next(each for each in cells()[place + 1 :] if "<summary>Answer</summary>" in each)
    return text.split("```python\n")[1].split("```")[0]


def test_the_folded_answers_pass() -> None:
    names: dict[str, Any] = {"torch": torch}
    for exercise in ("1 ·", "2 ·", "3 ·"):
        exec(folded(exercise), names)
    assert check_class_loss(names["class_loss"])
    assert check_grid_inputs(names["grid_inputs"])
    assert check_arc(names["arc_between"])


def seeds(data: str, steps: int, method: str, weight: float | None, name: str) -> list[float]:
    rows = json.loads((BENCHMARKS / "results/conditioning.json").read_text())["rows"]
    wanted = {"data": data, "steps": steps, "options": "", "method": method, "weight": weight}
    found = [row[name] for row in rows if wanted.items() <= row.items()]
    assert len(found) == 3
    return found


def overlap(one: list[float], other: list[float]) -> bool:
    return min(one) <= max(other) and min(other) <= max(one)


def test_what_the_lesson_says_of_the_weight() -> None:
    digits = functools.partial(seeds, "digits", 1000)
    accuracies = [digits("acgan", weight, "accuracy") for weight in (0.1, 0.3, 1.0)]
    assert max(accuracies[0]) < min(accuracies[1])
    assert sum(accuracies[1]) <= sum(accuracies[2])
    assert min(accuracies[2]) > max(digits("projection", None, "accuracy"))
    assert min(accuracies[2]) > max(digits("real", None, "accuracy"))
    variances = [sum(digits("acgan", weight, "variance")) / 3 for weight in (0.1, 0.3, 1.0, 10.0)]
    assert variances == sorted(variances, reverse=True)
    assert variances[3] < 0.62 * variances[2]
    assert max(digits("acgan", 1.0, "variance")) < min(digits("projection", None, "variance"))
    coverage = functools.partial(digits, name="coverage")
    assert overlap(coverage("acgan", 0.3), coverage("acgan", 1.0))
    assert overlap(coverage("acgan", 1.0), coverage("projection", None))
    assert max(coverage("acgan", 10.0)) < min(coverage("acgan", 1.0)) - 0.1
    shapes = functools.partial(seeds, "shapes", 3600)
    assert max(shapes("acgan", 1.0, "coverage")) < min(shapes("projection", None, "coverage"))
    assert overlap(shapes("acgan", 0.1, "coverage"), shapes("projection", None, "coverage"))


def test_what_the_lesson_says_of_the_other_class_losses() -> None:
    digits = functools.partial(seeds, "digits", 400)
    for weight in (0.1, 0.3, 1.0):
        paper, real_only, frozen = (
            {name: digits(method, weight, name) for name in ("accuracy", "coverage", "variance")}
            for method in METHODS
        )
        assert overlap(paper["accuracy"], real_only["accuracy"]) == (weight != 0.1)
        assert overlap(paper["coverage"], real_only["coverage"])
        assert overlap(paper["variance"], real_only["variance"])
        assert min(frozen["accuracy"]) > max(paper["accuracy"] + real_only["accuracy"])
        assert sum(frozen["variance"]) < sum(paper["variance"])
    assert max(digits("frozen-classifier", 1.0, "variance")) < 0.65 * min(paper["variance"])
    glyphs = functools.partial(seeds, "glyphs", 800)
    paper, real_only, frozen = (
        {name: glyphs(method, 1.0, name) for name in ("accuracy", "oracle_accuracy", "variance")}
        for method in METHODS
    )
    assert min(real_only["oracle_accuracy"]) > max(paper["oracle_accuracy"]) + 0.2
    assert min(frozen["accuracy"]) > max(frozen["oracle_accuracy"]) + 0.05
    ten = functools.partial(seeds, "glyphs", 400, weight=1.0, name="recall")
    assert min(ten("acgan-real-only")) > max(ten("acgan"))
    variances = [max(each["variance"]) for each in (paper, real_only, frozen)]
    assert max(variances) < 0.1 < 0.5 < min(glyphs("projection", None, "variance"))


def test_what_the_lesson_says_of_overlapping_classes() -> None:
    stored = json.loads((BENCHMARKS / "explosion/points.json").read_text())["rows"]
    rows = [row for row in stored if row["seed"] < 3]

    def spread(method: str, options: dict[str, float]) -> list[float]:
        wanted = {"layout": "line", "classes": 3, "steps": 1500, "method": method}
        wanted |= {"options": options}
        found = [row["spread"] for row in rows if wanted.items() <= row["setting"].items()]
        assert len(found) == 3
        return found

    by_weight = [spread("acgan", {"weight": weight}) for weight in (0.01, 0.1, 1.0, 10.0)]
    assert max(max(each) for each in by_weight) < 0.8
    assert max(by_weight[3]) < 0.55
    assert max(spread("reacgan", {})) < 0.8
    for method in ("projection", "tacgan", "adcgan"):
        assert 0.9 < min(spread(method, {})) <= max(spread(method, {})) < 1


def test_what_the_lesson_says_of_classes_per_model() -> None:
    rows = json.loads((BENCHMARKS / "results/classes_per_model.json").read_text())["rows"]

    def values(data: str, per_model: int, name: str) -> list[float]:
        wanted = {"data": data, "per_model": per_model, "images": "generated"}
        found = [row[name] for row in rows if wanted.items() <= row.items()]
        assert len(found) == 3
        return found

    for name in ("accuracy", "worst_accuracy"):
        assert max(values("digits", 5, name)) < min(values("digits", 10, name))
    assert max(values("digits", 5, "worst_accuracy")) < 0.85
    for name, per_model in itertools.product(("coverage", "variance"), (5, 2)):
        assert overlap(values("digits", per_model, name), values("digits", 10, name))
    assert min(values("glyphs", 10, "oracle_accuracy")) > max(
        values("glyphs", 50, "oracle_accuracy")
    )
    for name in ("recognisable", "recall", "coverage", "variance"):
        assert max(values("glyphs", 10, name)) < min(values("glyphs", 50, name))
    fifty = values("glyphs", 50, "variance")
    assert [round(each(fifty), 2) for each in (min, max)] == [0.14, 0.15]
    ten = seeds("glyphs", 400, "acgan", 1.0, "variance")
    assert [round(each(ten), 2) for each in (min, max)] == [0.36, 0.53]
    assert round(max(seeds("glyphs", 800, "acgan", 1.0, "variance")), 2) == 0.07
    for steps, lowest in ((400, 0.75), (800, 0.60)):
        assert round(min(seeds("glyphs", steps, "projection", None, "variance")), 2) == lowest


def test_what_exercise_4_says_of_the_overlap(tmp_path: Path) -> None:
    """Of one of its three seeds: the middle class's spread on both axes; truth 1."""
    line, labels = kit.data.load("gaussians", layout="line"), torch.arange(3000) % 3
    methods = {
        "10": kit.losses.ACGAN(weight=10.0),
        "0.01": kit.losses.ACGAN(weight=0.01),
        "tac": kit.losses.TACGAN(),
    }
    spread, gaps = {}, {}
    for name, conditioning in methods.items():
        gan = kit.GAN.for_points(line, conditioning, seed=0)
        folder = tmp_path / name
        run = kit.train(gan, line, steps=1000, precision=kit.Precision(), folder=folder)
        made = kit.metrics.draw_samples(run, labels, seed=0)
        spread[name] = made[labels == 1].std(dim=0).tolist()
        gaps[name] = float(((made[:, 0].abs() - 1).abs() < 0.2).float().mean())
    assert spread["10"][0] < 0.1
    assert spread["10"][1] < 0.8
    assert 0.4 < spread["0.01"][0] < 0.7
    assert min(spread["tac"]) > 0.85
    assert gaps["10"] < 0.01
    assert 0.04 < gaps["0.01"] < 0.1
    assert gaps["tac"] > 0.115
