"""Objects as JSON and back."""

import json

import pytest

from cgan_kit import losses, metrics, models
from cgan_kit.describe import describe, rebuild
from cgan_kit.training import Recipe

THINGS = [
    (losses.ACGAN(weight=0.25), losses),
    (losses.ACGAN(weight=2.0, real_only=True), losses),
    (losses.Projection(), losses),
    (losses.Concatenation(width=7), losses),
    (losses.NoConditioning(), losses),
    (losses.ACGANNormalisedFeatures(weight=0.5, real_only=True), losses),
    (losses.ACGANNormalised(weight=0.5, temperature=0.2, real_only=True), losses),
    (losses.ContraGAN(0.5, 0.2, projection_dim=7, spectral_norm=True), losses),
    (losses.ReACGAN(0.7, 0.2, 0.9, -0.1, projection_dim=7, spectral_norm=True), losses),
    (losses.ReACGANReference(0.7, 0.2, 0.9, projection_dim=7, spectral_norm=True), losses),
    (losses.TACGAN(weight=0.25), losses),
    (losses.ADCGAN(weight=0.25), losses),
    (losses.AMGAN(weight=0.25), losses),
    (losses.R1R2(gamma=0.3), losses),
    (losses.WGANGP(weight=3.0), losses),
    (models.DCGANGenerator(4, (1, 8, 8), latent_dim=3, width=2, embedding_dim=5), models),
    (models.DCGANDiscriminator((3, 16, 16), 2, spectral_norm=True, pooling="sum"), models),
    (models.MLPGenerator(4, (2,), latent_dim=3, width=9, depth=1), models),
    (models.MLPDiscriminator((2,), width=9, depth=3, spectral_norm=True), models),
]


@pytest.mark.parametrize(("thing", "module"), THINGS, ids=lambda value: type(value).__name__)
def test_an_object_comes_back_from_json_with_its_arguments(thing, module):
    written = json.loads(json.dumps(describe(thing)))
    made = rebuild(written, module)
    assert type(made) is type(thing)
    assert json.loads(json.dumps(describe(made))) == written
    if hasattr(thing, "state_dict"):
        shapes = {key: value.shape for key, value in thing.state_dict().items()}
        assert {key: value.shape for key, value in made.state_dict().items()} == shapes


def test_arguments_other_than_the_defaults_are_kept():
    assert describe(losses.ACGAN(0.25)) == {
        "class": "ACGAN",
        "weight": 0.25,
        "real_only": False,
        "spectral_norm": False,
    }
    assert describe(losses.NoConditioning()) == {"class": "NoConditioning"}


def test_an_argument_that_the_object_does_not_keep_is_an_error():
    class Forgetful(losses.Conditioning):
        def __init__(self, margin: float) -> None:
            super().__init__()

    with pytest.raises(ValueError, match=r"Forgetful does not keep its argument 'margin'.*self\."):
        describe(Forgetful(0.5))


def test_a_frozen_classifier_is_described_with_the_classifier_it_holds():
    thing = losses.FrozenClassifier(metrics.Classifier((1, 16, 16), 5), weight=0.3)
    written = json.loads(json.dumps(describe(thing)))
    assert written["classifier"] == {
        "class": "Classifier",
        "sample_shape": [1, 16, 16],
        "num_classes": 5,
    }
    made = rebuild(written, losses, metrics)
    assert describe(made)["weight"] == 0.3
    made.load_state_dict(thing.state_dict())
    assert not any(parameter.requires_grad for parameter in made.parameters())


def test_every_conditioning_method_can_be_described():
    exported = (getattr(losses, name) for name in losses.__all__)
    methods = {m for m in exported if isinstance(m, type) and issubclass(m, losses.Conditioning)}
    described = {type(thing) for thing, _ in THINGS}
    assert methods - described == {losses.Conditioning, losses.FrozenClassifier}


def test_a_recipe_comes_back_whole():
    for penalty in (None, losses.R1(0.5), losses.R2(0.5), losses.R1R2(0.0), losses.WGANGP()):
        recipe = Recipe(7, 2e-3, (0.5, 0.9), penalty, 0.5, 3)
        made = Recipe.from_config(json.loads(json.dumps(recipe.config())))
        assert made.config() == recipe.config()
        assert type(made.penalty) is type(penalty)
