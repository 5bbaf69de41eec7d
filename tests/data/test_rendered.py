"""Signed distances, coverage, ink."""

import math

import pytest
import torch

from cgan_kit.data import rendered

SQUARE = [(0.5, 0.5), (-0.5, 0.5), (-0.5, -0.5), (0.5, -0.5)]
CHEVRON = [(0.0, 0.2), (0.7, -0.6), (0.0, 0.8), (-0.7, -0.6)]  # not convex


def test_polygon_distance_of_a_square_is_the_formula() -> None:
    points = rendered.pixel_centres(24)
    beyond = points.abs() - 0.5
    expected = beyond.clamp(min=0).norm(dim=1) + beyond.amax(dim=1).clamp(max=0)
    for vertices in (SQUARE, SQUARE[::-1]):
        torch.testing.assert_close(rendered.polygon_distance(points, vertices), expected)


def test_polygon_distance_keeps_the_hollow_of_a_chevron_outside() -> None:
    points = torch.tensor([[0.0, 0.1], [0.0, 0.5], [0.0, 0.9], [0.3, 0.1]], dtype=torch.float64)
    outside = rendered.polygon_distance(points, CHEVRON) > 0
    assert outside.tolist() == [True, False, True, False]


def test_coverage_adds_up_to_the_area() -> None:
    vertices = [(0.9 * math.cos(a), 0.7 * math.sin(a)) for a in torch.linspace(0, 6.2, 40).tolist()]
    pairs = zip(vertices, [*vertices[1:], vertices[0]], strict=True)
    area = sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairs) / 2
    for size in (16, 32):
        cover = rendered.coverage(
            rendered.polygon_distance(rendered.pixel_centres(size), vertices), size
        )
        assert float(cover.sum()) * (2 / size) ** 2 == pytest.approx(area, rel=0.01)


def test_coverage_is_linear_across_one_pixel() -> None:
    pixel = 2 / 16
    distance = torch.tensor([-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0]) * pixel
    expected = [1.0, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    assert rendered.coverage(distance, 16).tolist() == pytest.approx(expected)


def test_segment_distance_beside_and_beyond_its_ends() -> None:
    points = torch.tensor([[0.0, 0.3], [2.0, 0.0], [-1.0, 1.0]], dtype=torch.float64)
    starts = torch.tensor([[-1.0, 0.0]], dtype=torch.float64)
    ends = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    distance = rendered.segment_distance(points, starts, ends)
    torch.testing.assert_close(distance, torch.tensor([[0.3, 1.0, 1.0]], dtype=torch.float64))


def test_pixel_centres_run_from_the_top_left_with_y_up() -> None:
    assert rendered.pixel_centres(2).tolist() == [
        [-0.5, 0.5],
        [0.5, 0.5],
        [-0.5, -0.5],
        [0.5, -0.5],
    ]


def test_ink_gives_whole_levels_on_black() -> None:
    cover = torch.tensor([[[0.0, 1.0]]], dtype=torch.float64)
    colours = torch.tensor([[0.55, 1.0, 0.2]], dtype=torch.float64)
    assert rendered.ink(cover, colours).tolist() == [[[[0, 140]], [[0, 255]], [[0, 51]]]]


def test_factor_grid_runs_the_last_factor_fastest() -> None:
    labels, factors = rendered.factor_grid({"a": 2, "b": 3}, 2)
    assert labels.tolist() == [0] * 6 + [1] * 6
    assert factors["a"].tolist() == [0, 0, 0, 1, 1, 1] * 2
    assert factors["b"].tolist() == [0, 1, 2] * 4


def test_hues_are_as_bright_as_the_dimmest_grey() -> None:
    _, _, colours = rendered.colour_factor(3)
    assert colours.square().mean(dim=1).sqrt().min() > min(rendered.BRIGHTNESS)
