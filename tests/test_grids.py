"""Fixed z, varying class: the class changes along a row, and nothing else."""

import pytest
import torch

from cgan_kit import grids
from cgan_kit.models import draw_latents


def test_a_row_holds_one_z_and_a_column_one_class() -> None:
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def sample(latents: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        seen.append((latents, labels))
        return labels

    latents = grids.fixed_latents(3, 5, seed=0)
    grids.sample_grid(sample, latents, [4, 1])
    z, y = seen[0]
    assert y.tolist() == [4, 1, 4, 1, 4, 1]
    for row in range(3):
        assert torch.equal(z[2 * row], latents[row])
        assert torch.equal(z[2 * row + 1], latents[row])


def test_fixed_latents_come_from_the_training_prior() -> None:
    expected = draw_latents(6, 4, torch.Generator().manual_seed(9))
    assert torch.equal(grids.fixed_latents(6, 4, seed=9), expected)
    assert not torch.equal(grids.fixed_latents(6, 4, seed=8), expected)


def test_fixed_latents_leave_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    grids.fixed_latents(6, 4, seed=9)
    assert torch.equal(torch.get_rng_state(), before)


def test_classes_are_chosen_by_number_or_name_in_the_order_given() -> None:
    names = ("disc", "ring", "cross")
    assert grids.choose_classes(None, names) == (0, 1, 2)
    assert grids.choose_classes(["cross", 0], names) == (2, 0)


@pytest.mark.parametrize("wrong", [3, -1, "square"])
def test_an_unknown_class_is_named_with_the_known_ones(wrong: int | str) -> None:
    with pytest.raises(ValueError, match=f"classes holds {wrong!r}.*disc, ring, cross"):
        grids.choose_classes([0, wrong], ("disc", "ring", "cross"))


def test_no_class_and_no_row_are_refused() -> None:
    with pytest.raises(ValueError, match="classes is empty"):
        grids.choose_classes([], ("disc",))
    with pytest.raises(ValueError, match="rows is 0"):
        grids.fixed_latents(0, 4, seed=0)
