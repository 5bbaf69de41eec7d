"""Which images of a grid a set holds."""

import pytest
import torch

from cgan_kit.data import selection


def choose(held_out: float, combinations: str, seed: int = 0) -> list[torch.Tensor]:
    return selection.choose_combinations(
        3, 40, held_out=held_out, combinations=combinations, seed=seed
    )


def test_train_and_held_out_share_nothing_and_miss_nothing() -> None:
    for k, (train, held) in enumerate(
        zip(choose(0.25, "train"), choose(0.25, "held-out"), strict=True)
    ):
        assert (len(train), len(held)) == (30, 10)
        assert sorted(torch.cat((train, held)).tolist()) == list(range(40 * k, 40 * k + 40))


def test_each_class_holds_out_its_own_combinations() -> None:
    held = [set((own % 40).tolist()) for own in choose(0.25, "held-out")]
    assert held[0] != held[1] != held[2]


def test_seed_decides() -> None:
    first, again, other = (choose(0.25, "train", seed)[0].tolist() for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_thin_is_geometric_and_exact_at_both_ends() -> None:
    counts = [len(own) for own in selection.thin(choose(0.0, "all"), 4.0)]
    assert counts == [40, 20, 10]


def test_mix_shares_one_pool_and_keeps_class_sizes() -> None:
    members = choose(0.0, "all")
    mixed = selection.mix(members, (0, 2), 0.5)
    assert [len(own) for own in mixed] == [40, 40, 40]
    assert all(len(own.unique()) == 40 for own in mixed)
    pool = set(mixed[0].tolist()) & set(mixed[2].tolist())
    assert len(pool) == 20
    assert sum(index < 40 for index in pool) == 10
    assert torch.equal(mixed[1], members[1])


def test_mix_at_one_makes_the_classes_the_same() -> None:
    mixed = selection.mix(choose(0.0, "all"), (0, 1), 1.0)
    assert sorted(mixed[0].tolist()) == sorted(mixed[1].tolist())


def test_assemble_labels_by_class_not_by_what_was_drawn() -> None:
    indices, labels = selection.assemble([torch.tensor([3, 0]), torch.tensor([1])])
    assert indices.tolist() == [0, 3, 1]
    assert labels.tolist() == [0, 0, 1]


@pytest.mark.parametrize("seed", [-1, 2**63, 0.5, None])
def test_seed_that_is_none_is_refused(seed: object) -> None:
    with pytest.raises(ValueError, match=r"seed is .*; give a whole number"):
        selection.check_seed(seed)
