"""Oracle metrics on a grid small enough to count by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from cgan_kit.data.oracle import Oracle, Reading
from cgan_kit.metrics import (
    kept_across_classes,
    kept_table,
    oracle_report,
    read_across_classes,
)

# Two classes, factor a of 2 values and b of 3: six combinations a class, noise for images.
LABELS, A, B = torch.cartesian_prod(torch.arange(2), torch.arange(2), torch.arange(3)).unbind(1)
IMAGES = torch.randint(
    0, 256, (12, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
)
ORACLE = Oracle(IMAGES, LABELS, {"a": A, "b": B})


def shown(*indices: int) -> tuple[Tensor, Tensor]:
    chosen = torch.tensor(indices)
    return IMAGES[chosen], LABELS[chosen]


def noise(n: int) -> Tensor:
    """A sparse board of white on black, far from every image of the grid."""
    board = torch.zeros(n, 1, 8, 8)
    board[..., ::2, ::2] = 1
    return board * 2 - 1


def test_the_whole_grid() -> None:
    report = oracle_report(IMAGES, LABELS, ORACLE)
    assert report.class_accuracy == report.recognisable == report.coverage == 1
    assert report.expected_by_class.tolist() == pytest.approx([1 - (5 / 6) ** 6] * 2)
    assert report.factor_coverage == {"a": 1, "b": 1}
    assert report.factor_counts["b"].tolist() == [[2, 2, 2], [2, 2, 2]]
    assert report.marginal("b").tolist() == pytest.approx([1 / 3] * 3)


def test_one_image_repeated() -> None:
    report = oracle_report(*shown(1, 1, 1, 8, 8), ORACLE)
    assert report.class_accuracy == 1
    assert report.counts.tolist() == [3, 2]
    assert report.coverage_by_class.tolist() == pytest.approx([1 / 6, 1 / 6])
    assert report.expected_by_class.tolist() == pytest.approx([1 - (5 / 6) ** 3, 1 - (5 / 6) ** 2])
    assert report.factor_coverage == pytest.approx({"a": 1 / 2, "b": 1 / 3})


def test_wrong_class_counts_for_nothing_but_recognisability() -> None:
    images, labels = shown(0, 1, 2, 6)
    report = oracle_report(images, 1 - labels, ORACLE)
    assert report.class_accuracy == 0
    assert report.recognisable == 1
    assert report.coverage == 0
    assert report.marginal("a").isnan().all()


def test_unrecognisable_images_cover_nothing() -> None:
    images = torch.cat([noise(2), IMAGES[:2] / 127.5 - 1])
    report = oracle_report(images, torch.zeros(4, dtype=torch.int64), ORACLE)
    assert report.recognisable == 0.5
    assert report.coverage_by_class[0] == pytest.approx(2 / 6)


def test_a_class_not_asked_for_is_left_out_of_the_mean() -> None:
    report = oracle_report(*shown(0, 1, 2), ORACLE)
    assert report.coverage_by_class[1].isnan()
    assert report.expected_by_class[1].isnan()
    assert report.coverage == pytest.approx(0.5)
    assert report.factor_coverage == pytest.approx({"a": 1 / 2, "b": 1})
    assert json.loads(json.dumps(report.to_dict()))["coverage_by_class"] == [0.5, None]


def test_expected_coverage_is_what_perfect_images_reach() -> None:
    draw = torch.Generator().manual_seed(1)
    reached = []
    for _ in range(300):
        chosen = torch.randint(0, 6, (5,), generator=draw)
        reached.append(oracle_report(IMAGES[chosen], LABELS[chosen], ORACLE).coverage)
    expected = oracle_report(*shown(0, 1, 2, 3, 4), ORACLE).expected_coverage
    assert sum(reached) / 300 == pytest.approx(expected, abs=0.02)


def test_tables() -> None:
    report = oracle_report(*shown(0, 1, 2), ORACLE)
    assert report.table(("left", "right")).splitlines() == [
        "       images  coverage  perfect",
        "left        3      0.50     0.42",
        "right       0         –        –",
    ]
    lines = report.factor_table({"a": ("x", "y"), "b": (1.0, 2.0, 3.0)}, decimals=3).splitlines()
    assert lines[1].split() == ["a", "x", "1.000", "0.500"]
    assert lines[2].split() == ["y", "0.000", "0.500"]


def test_bad_input() -> None:
    images, labels = shown(0, 1)
    with pytest.raises(ValueError, match="labels run from 0 to 2"):
        oracle_report(images, torch.tensor([0, 2]), ORACLE)
    with pytest.raises(ValueError, match="one label an image"):
        oracle_report(images, labels[:1], ORACLE)
    with pytest.raises(ValueError, match="floats from 0 to 255"):
        oracle_report(images * 0 + torch.tensor([0.0, 255]).view(2, 1, 1, 1), labels, ORACLE)


def reading(a: list[int], b: list[int], recognisable: list[bool] | None = None) -> Reading:
    n = len(a)
    return Reading(
        torch.zeros(n, dtype=torch.int64),
        {"a": torch.tensor(a), "b": torch.tensor(b)},
        torch.zeros(n),
        torch.tensor(recognisable or [True] * n),
    )


def test_kept_is_counted_over_pairs_of_classes() -> None:
    kept = kept_across_classes(
        [
            reading(a=[0, 1, 0, 1], b=[0, 1, 2, 0]),
            reading(a=[0, 1, 0, 1], b=[1, 2, 0, 1]),
            reading(a=[0, 1, 1, 0], b=[0, 0, 0, 0]),
        ]
    )
    # a: first with second 4 of 4, the other two pairs 2 of 4. b: 0, 2 and 1 of 4.
    assert kept["a"].agreement == pytest.approx(8 / 12)
    assert kept["a"].chance == pytest.approx(0.5)
    assert kept["b"].agreement == pytest.approx(3 / 12)
    # b shows its values (2, 1, 1), (1, 2, 1) and (4, 0, 0) times of four.
    assert kept["b"].chance == pytest.approx(((2 + 2 + 1) / 16 + 2 / 4 + 1 / 4) / 3)
    assert kept["a"].pairs == 12


def test_a_constant_factor_agrees_by_chance() -> None:
    kept = kept_across_classes([reading(a=[1, 1], b=[0, 1]), reading(a=[1, 1], b=[1, 0])])
    assert kept["a"][:2] == (1, 1)
    assert kept["b"][:2] == (0, 0.5)


def test_chance_is_what_shuffled_latents_reach() -> None:
    draw = torch.Generator().manual_seed(0)
    a = (torch.rand(3, 4000, generator=draw) < torch.tensor([[0.2], [0.5], [0.9]])).long()
    kept = kept_across_classes([reading(row.tolist(), row.tolist()) for row in a])
    assert kept["a"].agreement == pytest.approx(kept["a"].chance, abs=0.01)


def test_unrecognisable_images_are_not_compared() -> None:
    kept = kept_across_classes(
        [
            reading(a=[0, 1, 1], b=[0, 0, 0], recognisable=[True, True, False]),
            reading(a=[0, 0, 0], b=[0, 0, 0], recognisable=[True, False, True]),
        ]
    )
    assert kept["a"] == (1.0, 0.5, 1)
    nothing = [reading(a=[0], b=[0], recognisable=[False])] * 2
    assert kept_across_classes(nothing)["a"].pairs == 0
    assert kept_table(kept_across_classes(nothing)).splitlines()[1].split() == ["a", "–", "–"]


def test_kept_asks_for_readings_that_belong_together() -> None:
    with pytest.raises(ValueError, match=r"readings hold \[1\] images"):
        kept_across_classes([reading([0], [0])])
    with pytest.raises(ValueError, match=r"readings hold \[1, 2\] images"):
        kept_across_classes([reading([0], [0]), reading([0, 1], [0, 1])])


@dataclass
class StubRun:
    """A generator made of the grid: `pick` says which combination each latent becomes."""

    pick: Callable[[Tensor, Tensor], Tensor]
    latent_dim: int = 2
    num_classes: int = 2

    def sample(self, latents: Tensor, labels: Tensor, step: int | None = None) -> Tensor:
        return IMAGES[labels * 6 + self.pick(latents, labels)]


def test_latents_stay_fixed_while_the_class_changes() -> None:
    run = StubRun(lambda z, _: (z[:, 0] > 0) * 3 + (z[:, 1] > 0) * 1)
    kept = kept_across_classes(read_across_classes(run, ORACLE, n=50))
    assert kept["a"].agreement == kept["b"].agreement == 1
    assert kept["a"].chance < 0.6

    by_class = StubRun(lambda z, y: torch.where(y == 0, z[:, 0] > 0, z[:, 1] > 0) * 3)
    kept = kept_across_classes(read_across_classes(by_class, ORACLE, n=400))
    assert kept["a"].agreement == pytest.approx(0.5, abs=0.08)
