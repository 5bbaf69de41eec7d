"""Every method in every game under every penalty and number format: three steps each.

Losses are finite, what should learn moves, and nothing else does.
"""

from __future__ import annotations

import itertools

import pytest
import torch

import cgan_kit as kit
from cgan_kit import losses, metrics
from cgan_kit.training import FLOAT32, discriminator_step, generator_step
from cgan_kit.training.step import Players, draw, make_players

BATCH = 8
GAMES = [
    losses.minimax,
    losses.non_saturating,
    losses.least_squares,
    losses.hinge,
    losses.wasserstein,
    losses.relativistic,
]
PENALTIES = [None, losses.R1(0.1), losses.R2(0.1), losses.R1R2(0.1), losses.WGANGP(1.0)]
PRECISIONS = [FLOAT32, kit.Precision(bfloat16=True)]
METHODS = {
    "NoConditioning": losses.NoConditioning,
    "Concatenation": lambda: losses.Concatenation(width=4),
    "Projection": losses.Projection,
    "ACGAN": losses.ACGAN,
    "ACGAN on real images": lambda: losses.ACGAN(real_only=True),
    "ACGAN with spectral norm": lambda: losses.ACGAN(spectral_norm=True),
    "Projection with spectral norm": lambda: losses.Projection(spectral_norm=True),
    "ADCGAN with spectral norm": lambda: losses.ADCGAN(spectral_norm=True),
    "ACGANNormalisedFeatures": losses.ACGANNormalisedFeatures,
    "ACGANNormalised": losses.ACGANNormalised,
    "ContraGAN": lambda: losses.ContraGAN(projection_dim=6),
    "ReACGAN": lambda: losses.ReACGAN(projection_dim=6),
    "ReACGAN with spectral norm": lambda: losses.ReACGAN(projection_dim=6, spectral_norm=True),
    "ReACGANReference": lambda: losses.ReACGANReference(projection_dim=6),
    "TACGAN": losses.TACGAN,
    "ADCGAN": losses.ADCGAN,
    "AMGAN": losses.AMGAN,
}
METHODS_FOR_IMAGES = {
    **METHODS,
    # Its weights are random: what it believes is no matter here.
    "FrozenClassifier": lambda: losses.FrozenClassifier(metrics.Classifier((1, 16, 16), 10)),
}

# A constant added to all scores changes nothing where the game sees differences of real and fake
# alone; nor in the hinge game while no score has passed its margin. Slopes do not see it either.
CONSTANTS = {"discriminator.to_score.bias", "conditioning.head.2.bias"}
BLIND_TO_CONSTANTS = ("hinge", "wasserstein", "relativistic")

# Every pair of values occurs in this list, not every combination: see the first test.
COVER = [
    (method, GAMES[j], PENALTIES[(i + j) % 5], PRECISIONS[(i // 5 + j) % 2])
    for (i, method), j in itertools.product(enumerate(METHODS_FOR_IMAGES), range(6))
]


def name_of(value: object) -> str:
    return getattr(value, "name", None) or (
        str(value) if isinstance(value, (str, kit.Precision)) else type(value).__name__
    )


def test_the_cover_holds_every_pair_of_values():
    columns = [list(METHODS_FOR_IMAGES), GAMES, PENALTIES, PRECISIONS]
    for a, b in itertools.combinations(range(4), 2):
        wanted = {(name_of(x), name_of(y)) for x in columns[a] for y in columns[b]}
        assert {(name_of(row[a]), name_of(row[b])) for row in COVER} == wanted


def test_the_table_has_every_method_and_every_game_of_the_package():
    exported = [vars(losses)[name] for name in losses.__all__]
    games = {value.name for value in exported if isinstance(value, losses.AdversarialLoss)}
    assert {game.name for game in GAMES} == games
    methods = {v for v in exported if isinstance(v, type) and issubclass(v, losses.Conditioning)}
    made = {type(make()) for make in METHODS_FOR_IMAGES.values()}
    assert made == methods - {losses.Conditioning}


@pytest.fixture(scope="module")
def points() -> kit.data.PointSet:
    return kit.data.load("gaussians", classes=3, samples=64)


@pytest.fixture(scope="module")
def images() -> kit.data.ImageSet:
    return kit.data.load("shapes", size=16)


def learners(gan: kit.GAN, *parts: str) -> dict[str, torch.Tensor]:
    """What the optimisers may move, as it is now."""
    return {
        name: value.detach().clone()
        for name, value in gan.named_parameters()
        if value.requires_grad and name.startswith(parts)
    }


def moved(before: dict[str, torch.Tensor], gan: kit.GAN) -> set[str]:
    now = dict(gan.named_parameters())
    return {name for name, value in before.items() if not torch.equal(now[name], value)}


def losses_outside_autocast(method: losses.Conditioning) -> None:
    """From now on the method's losses check that they see float32, in and out of autocast."""

    def guarded(loss):
        def call(*parts):
            assert not torch.is_autocast_enabled("cpu")
            assert all(p.features.dtype == p.scores.dtype == torch.float32 for p in parts)
            return loss(*parts)

        return call

    method.discriminator_loss = guarded(method.discriminator_loss)
    method.generator_loss = guarded(method.generator_loss)


def three_steps(gan, data, game, penalty, precision) -> Players:
    recipe = kit.Recipe(batch_size=BATCH, penalty=penalty)
    players = make_players(gan.train(), data, recipe, precision, seed=0)
    method = gan.conditioning
    losses_outside_autocast(method)
    frozen = {
        name: value.clone()
        for name, value in method.state_dict().items()
        if isinstance(method, losses.FrozenClassifier)
    }
    start = learners(gan, "")
    for _ in range(3):
        before = learners(gan, "generator")
        seen = discriminator_step(players, draw(players))
        assert not moved(before, gan), "the discriminator's turn"
        before = learners(gan, "discriminator", "conditioning")
        seen |= generator_step(players, draw(players))
        assert not moved(before, gan), "the generator's turn"
        assert all(torch.isfinite(value) for value in seen.values()), seen
    stay = set(start) - moved(start, gan)
    may_stay = CONSTANTS if game.name in BLIND_TO_CONSTANTS else set()
    assert stay <= may_stay
    for name, value in frozen.items():
        assert torch.equal(method.state_dict()[name], value), name
    assert all(torch.isfinite(parameter).all() for parameter in gan.parameters())
    return players


@pytest.mark.parametrize("precision", PRECISIONS, ids=str)
@pytest.mark.parametrize("penalty", PENALTIES, ids=name_of)
@pytest.mark.parametrize("game", GAMES, ids=name_of)
@pytest.mark.parametrize("method", METHODS)
def test_three_steps_on_gaussians(points, method, game, penalty, precision):
    gan = kit.GAN.for_points(points, METHODS[method](), game, width=8, latent_dim=3)
    three_steps(gan, points, game, penalty, precision)


@pytest.mark.parametrize(("method", "game", "penalty", "precision"), COVER, ids=name_of)
def test_three_steps_on_shapes(images, method, game, penalty, precision):
    gan = kit.GAN.for_images(images, METHODS_FOR_IMAGES[method](), game, width=2, latent_dim=3)
    three_steps(gan, images, game, penalty, precision)
