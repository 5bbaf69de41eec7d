"""The arc between two z and the line between two classes: ends to the bit, nothing else moved."""

import math

import pytest
import torch
from torch import Tensor, nn

from cgan_kit import models
from cgan_kit.models import Generator, draw_latents
from cgan_kit.paths import between_classes, slerp
from cgan_kit.training.run import sample

T = torch.linspace(0, 1, 11)


def two(seed: int, dimensions: int = 32) -> Tensor:
    return draw_latents(2, dimensions, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", range(20))
def test_the_ends_are_the_two_z_to_the_bit(seed: int) -> None:
    start, end = two(seed)
    path = slerp(start, end, T)
    assert path.dtype == torch.float32
    assert torch.equal(path[0], start)
    assert torch.equal(path[-1], end)


@pytest.mark.parametrize("dimensions", [2, 3, 32])
def test_the_length_runs_evenly_and_the_direction_turns_evenly(dimensions: int) -> None:
    start, end = two(1, dimensions).double()
    path = slerp(start, 3 * end, T)
    lengths = torch.lerp(start.norm(), 3 * end.norm(), T.double())
    torch.testing.assert_close(path.norm(dim=1), lengths)
    directions = path / path.norm(dim=1, keepdim=True)
    turns = (directions[1:] * directions[:-1]).sum(dim=1).acos()
    torch.testing.assert_close(turns, turns[:1].expand(10))
    assert turns.sum() == pytest.approx(float(torch.cosine_similarity(start, end, dim=0).acos()))


def test_it_is_shoemakes_formula_on_the_unit_sphere() -> None:
    start, end = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    middle = slerp(start, end, torch.tensor([0.5]))
    torch.testing.assert_close(middle, torch.full((1, 2), math.sqrt(0.5)))


@pytest.mark.parametrize("factor", [1.0, 2.0, -1.0, 0.0])
def test_without_an_arc_the_way_is_straight(factor: float) -> None:
    start, _ = two(2)
    torch.testing.assert_close(
        slerp(start, factor * start, T), torch.lerp(start, factor * start, T[:, None])
    )


def test_z_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match=r"start has shape \(5,\) and end \(4,\)"):
        slerp(torch.randn(5), torch.randn(4), T)


def generators() -> list[Generator]:
    torch.manual_seed(0)
    made = [
        models.DCGANGenerator(4, (1, 8, 8), latent_dim=5, width=4),
        models.MLPGenerator(4, (2,), latent_dim=5, width=8),
        models.ResNetGenerator(4, (1, 32, 32), latent_dim=5, width=4),
        models.BigGANGenerator(4, (3, 32, 32), latent_dim=20, width=4, embedding_dim=6),
    ]
    for generator in made:  # as if trained: tables of conditional norms begin with equal rows
        for parameter in generator.parameters():
            parameter.data += 0.3 * torch.randn_like(parameter)
    return [generator.eval() for generator in made]


@pytest.mark.parametrize("generator", generators(), ids=lambda each: type(each).__name__)
def test_the_ends_are_the_two_classes_to_the_bit(generator: Generator) -> None:
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    mixed = between_classes(generator, 3, 1, torch.tensor([0.0, 0.4, 1.0]))
    latents = draw_latents(6, generator.latent_dim)

    def made(network: Generator, label: int) -> Tensor:
        return sample(network, latents, torch.full((6,), label))

    assert mixed.num_classes == 3
    assert torch.equal(made(mixed, 0), made(generator, 3))
    assert torch.equal(made(mixed, 2), made(generator, 1))
    between = made(mixed, 1)
    assert not torch.equal(between, made(generator, 3))
    assert not torch.equal(between, made(generator, 1))
    with pytest.raises(ValueError, match="built for 3 classes"):
        made(mixed, 3)
    for name, tensor in generator.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_every_table_is_mixed_by_the_share() -> None:
    generator = generators()[0]
    mixed = between_classes(generator, 0, 2, torch.tensor([0.25]))
    for name, tensor in mixed.state_dict().items():
        was = generator.state_dict()[name]
        if name == "embedding.weight" or name.endswith(("gain", "s.0.bias", "s.1.bias")):
            torch.testing.assert_close(tensor, (0.75 * was[0] + 0.25 * was[2])[None])
        else:
            assert torch.equal(tensor, was), name


class OneHot(Generator):
    """Classes without a table."""

    latent_dim, num_classes, sample_shape = 3, 4, (2,)

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(7, 2)


def test_what_cannot_be_mixed_is_refused() -> None:
    with pytest.raises(ValueError, match="OneHot keeps its classes in no "):
        between_classes(OneHot(), 0, 1, T)
    with pytest.raises(ValueError, match="second is 4 but the generator has 4 classes"):
        between_classes(generators()[0], 0, 4, T)
