import numpy as np
import pytest
import torch

from cgan_kit.data.pointset import PointSet


def test_real_gives_the_points_as_they_are():
    points = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    data = PointSet(points, torch.tensor([0, 1, 0, 1, 0]), ["a", "b"])
    assert torch.equal(data.real(torch.tensor([4, 0])), points[[4, 0]])
    assert data.sample_shape == (2,)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((3, 2), np.float32), "points are a ndarray; give a tensor"),
        (torch.zeros(3, 2, dtype=torch.float64), r"dtype torch\.float64"),
        (torch.zeros(3), r"shape \(3,\)"),
        (torch.tensor([[0.0, float("nan")]] * 3), "NaN or Inf"),
        (torch.tensor([[0.0, float("inf")]] * 3), "NaN or Inf"),
    ],
)
def test_bad_points_are_named(points, message):
    with pytest.raises(ValueError, match=message):
        PointSet(points, torch.zeros(3).long(), ["a"])
