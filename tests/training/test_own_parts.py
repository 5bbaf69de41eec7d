"""A person's own parts: what they promise is looked at first, and their runs open again."""

import json
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from conftest import BATCH
from test_method_table import METHODS_FOR_IMAGES
from torch import nn

import cgan_kit as kit
from cgan_kit import losses, models
from cgan_kit.describe import rebuild
from cgan_kit.losses import AdversarialLoss
from cgan_kit.training.checks import check_promises
from cgan_kit.training.gan import seeded


class OwnGenerator(models.Generator):
    """With noise of its own, from torch's global chance."""

    def __init__(self, num_classes, sample_shape, latent_dim=3, width=4):
        super().__init__()
        self.num_classes, self.sample_shape = num_classes, tuple(sample_shape)
        self.latent_dim, self.width = latent_dim, width
        self.classes = nn.Embedding(num_classes, width)
        self.first = nn.Linear(latent_dim, width)
        self.last = nn.Linear(width, torch.Size(sample_shape).numel())

    def forward(self, latents, labels):
        hidden = self.first(latents) + self.classes(labels)
        hidden = hidden + 0.01 * torch.randn(hidden.shape)
        return self.last(hidden.relu()).tanh().view(-1, *self.sample_shape)


class OwnDiscriminator(models.Discriminator):
    def __init__(self, sample_shape, feature_dim=5):
        super().__init__()
        self.sample_shape, self.feature_dim = tuple(sample_shape), feature_dim
        self.trunk = nn.Linear(torch.Size(sample_shape).numel(), feature_dim)
        self.to_score = nn.Linear(feature_dim, 1)

    def forward(self, samples):
        features = self.trunk(samples.flatten(1)).relu()
        return models.Judgement(self.to_score(features).squeeze(1), features)


class OwnMethod(losses.ACGAN):
    """AC-GAN that also asks for a slope, which needs a graph."""

    def discriminator_loss(self, real, fake):
        logits = self.classifier(real.features)
        (slope,) = torch.autograd.grad(logits.logsumexp(1).sum(), real.features, create_graph=True)
        return super().discriminator_loss(real, fake) + 0.01 * slope.square().mean()


class OwnPenalty(losses.Penalty):
    def __init__(self, gamma):
        self.gamma = gamma

    def __call__(self, real, fake, judge, uniform):
        return self.gamma * real.scores.square().mean()


def own_gan(generator=None, discriminator=None, conditioning=None, adversarial=losses.hinge):
    shape = (1, 8, 8)
    with seeded(1):
        return kit.GAN(
            generator or OwnGenerator(3, shape),
            discriminator or OwnDiscriminator(shape),
            conditioning or OwnMethod(),
            adversarial,
        )


def own_recipe():
    return kit.Recipe(batch_size=BATCH, penalty=OwnPenalty(0.1))


def test_a_run_of_own_parts_opens_samples_and_goes_on(make_training, data, same):
    whole = make_training("whole", gan=own_gan(), recipe=own_recipe())
    torch.manual_seed(0)
    list(whole)
    parts = make_training("parts", gan=own_gan(), recipe=own_recipe())
    for record in parts:
        if record["step"] == 3:
            break
    resumed = kit.Training.resume(parts.folder, data=data)
    assert type(resumed.recipe.penalty) is OwnPenalty
    assert type(resumed.gan.conditioning) is OwnMethod
    list(resumed)
    run = resumed.run
    assert type(run.generator()) is OwnGenerator
    assert run.config == whole.run.config
    same(run.gan().state_dict(), resumed.gan.state_dict())
    assert run.sample(torch.zeros(2, 3), torch.tensor([0, 1])).shape == (2, 1, 8, 8)


def judging(discriminator, judge):
    """The discriminator, with another answer: judge(what it said)."""
    said = discriminator.forward
    discriminator.forward = lambda samples: judge(said(samples))
    return discriminator


def broken(part):
    """A GAN one of whose parts breaks its promise."""
    shape = (1, 8, 8)
    generator, judge, method = OwnGenerator(3, shape), OwnDiscriminator(shape), OwnMethod()
    if part == "samples":
        made = generator.forward
        generator.forward = lambda z, y: made(z, y).flatten(1)
    if part == "adversarial":
        judging(judge, lambda said: said._replace(adversarial=said.adversarial[:, None]))
    if part == "features":
        judging(judge, lambda said: said._replace(features=said.features[:, :4]))
    if part == "no judgement":
        judging(judge, lambda said: said.adversarial)
    if part == "score":
        method.score = lambda features, labels: features[:, :1]
    if part == "discriminator_loss":
        method.discriminator_loss = lambda real, fake: real.scores
    if part == "generator_loss":
        method.generator_loss = lambda fake: 0.0
    return own_gan(generator, judge, method)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("samples", r"generator is a OwnGenerator whose samples .*\(2, 64\).*\(2, 1, 8, 8\), as"),
        ("adversarial", r"OwnDiscriminator whose adversarial .* of shape \(2, 1\).*shape \(2,\)"),
        ("features", r"OwnDiscriminator whose features .* \(2, 4\).*\(2, 5\).*s\.Discriminator"),
        ("no judgement", "OwnDiscriminator whose adversarial .* is a NoneType"),
        ("score", r"OwnMethod whose score .*\(2, 1\).*\(2,\), as cgan_kit\.losses\.Conditioning"),
        ("discriminator_loss", r"OwnMethod whose discriminator_loss .*\(2,\).*shape \(\)"),
        ("generator_loss", r"OwnMethod whose generator_loss .* is a float.*shape \(\)"),
    ],
)
def test_a_part_of_other_shapes_is_refused_by_name(make_training, tmp_path, part, message):
    with pytest.raises(ValueError, match=message):
        make_training(gan=broken(part))
    assert list(tmp_path.iterdir()) == []


def looked_at_is_as_before(gan):
    gan.train()
    before = {key: value.clone() for key, value in gan.state_dict().items()}
    modes, chance = [each.training for each in gan.modules()], torch.get_rng_state()
    check_promises(gan)
    assert all(torch.equal(value, before[key]) for key, value in gan.state_dict().items())
    assert [each.training for each in gan.modules()] == modes
    assert torch.equal(torch.get_rng_state(), chance)
    assert all(each.grad is None for each in gan.parameters())


@pytest.mark.parametrize("method", METHODS_FOR_IMAGES)
def test_the_look_leaves_the_kits_networks_as_they_were(method):
    images = kit.data.load("shapes", size=16)
    looked_at_is_as_before(
        kit.GAN.for_images(
            images, METHODS_FOR_IMAGES[method](), width=2, latent_dim=3, spectral_norm=True
        )
    )


def test_the_look_leaves_points_chance_and_modes_as_they_were():
    points = kit.data.load("gaussians", classes=3, samples=64)
    looked_at_is_as_before(kit.GAN.for_points(points, width=8, spectral_norm=True))
    gan = own_gan()
    looked_at_is_as_before(gan)
    gan.discriminator.forward = lambda samples: None
    with pytest.raises(ValueError, match="adversarial"):
        check_promises(gan)
    assert all(each.training for each in gan.modules())


def refused(make_training, tmp_path, message, **arguments):
    with pytest.raises(ValueError, match=message):
        make_training(**arguments)
    assert list(tmp_path.iterdir()) == []


def test_an_argument_that_is_not_kept_is_told_before_anything_is_written(make_training, tmp_path):
    class Forgetful(OwnGenerator):
        def __init__(self, depth):
            super().__init__(3, (1, 8, 8))

    message = "Forgetful does not keep its argument 'depth'"
    refused(make_training, tmp_path, message, gan=own_gan(Forgetful(1)))


def test_an_argument_that_json_cannot_hold_is_told(make_training, tmp_path):
    class Curved(OwnGenerator):
        def __init__(self, activation):
            super().__init__(3, (1, 8, 8))
            self.activation = activation

    message = "Curved's argument 'activation' is .*relu.*, which a run cannot write down; take"
    refused(make_training, tmp_path, message, gan=own_gan(Curved(torch.relu)))


def test_arguments_without_names_are_told(make_training, tmp_path):
    class Starred(OwnGenerator):
        def __init__(self, *sizes):
            super().__init__(*sizes)

    message = r"could not be opened again \(.*missing 2 required.*\); name every argument"
    refused(make_training, tmp_path, message, gan=own_gan(Starred(3, (1, 8, 8))))


def test_a_classifier_of_torchs_is_told_to_become_a_class(make_training, tmp_path):
    plain = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    message = r"could not be opened again \(class 'Sequential' is not one of cgan_kit\.losses's"
    refused(
        make_training, tmp_path, message, gan=own_gan(conditioning=losses.FrozenClassifier(plain))
    )


def test_a_classifier_of_ones_own_comes_back(make_training):
    class OwnClassifier(nn.Module):
        def __init__(self, width=64):
            super().__init__()
            self.width, self.head = width, nn.Linear(width, 3)

        def forward(self, images):
            return self.head(images.flatten(1))

    training = make_training(gan=own_gan(conditioning=losses.FrozenClassifier(OwnClassifier())))
    list(training)
    assert type(training.run.gan().conditioning.classifier) is OwnClassifier


def test_a_network_that_its_arguments_do_not_make_is_told(make_training, tmp_path):
    generator = OwnGenerator(3, (1, 8, 8))
    generator.first = nn.Linear(3, 4, bias=False)
    message = r"not what its parts' arguments make \(first difference: 'generator\.first\.bias'\)"
    refused(make_training, tmp_path, message, gan=own_gan(generator))


def test_the_name_of_one_of_the_kits_classes_is_refused(make_training, tmp_path):
    namesake = type("MLPGenerator", (OwnGenerator,), {"__module__": __name__})
    message = r"generator is a test_own_parts\.MLPGenerator, but .*cgan_kit\.models.*of its own"
    refused(make_training, tmp_path, message, gan=own_gan(namesake(3, (1, 8, 8))))
    method = type("ACGAN", (losses.ACGAN,), {"__module__": __name__})
    message = r"conditioning is a test_own_parts\.ACGAN, but .*cgan_kit\.losses.*of its own"
    refused(make_training, tmp_path, message, gan=own_gan(conditioning=method()))
    penalty = type("R1", (OwnPenalty,), {"__module__": __name__})(0.1)
    message = r"penalty is a test_own_parts\.R1, but .*penalties\.R1; give yours a name"
    refused(make_training, tmp_path, message, recipe=kit.Recipe(BATCH, penalty=penalty))


def test_an_own_game_is_found_where_the_message_says(make_training, tmp_path, monkeypatch):
    mine = AdversarialLoss("mine", losses.hinge.discriminator, losses.hinge.generator)
    message = r"of the name 'mine'.*cgan_kit\.losses\.mine = AdversarialLoss\('mine', \.\.\.\)"
    refused(make_training, tmp_path, message, gan=own_gan(adversarial=mine))
    monkeypatch.setattr(losses, "mine", mine, raising=False)
    training = make_training(gan=own_gan(adversarial=mine))
    list(training)
    assert training.run.gan().adversarial is mine
    monkeypatch.delattr(losses, "mine")
    with pytest.raises(ValueError, match=r"put it there first: cgan_kit\.losses\.mine = "):
        training.run.gan()


def test_a_game_under_the_name_of_another_is_refused(make_training, tmp_path):
    fake = AdversarialLoss("hinge", losses.wasserstein.discriminator, losses.hinge.generator)
    refused(make_training, tmp_path, "name of its own", gan=own_gan(adversarial=fake))


def plain_penalty(real, fake, judge, uniform):
    return real.scores.square().mean()


@pytest.mark.parametrize("penalty", [plain_penalty, SimpleNamespace(gamma=1.0)])
def test_a_penalty_that_no_run_could_write_down_is_refused(penalty):
    with pytest.raises(ValueError, match=r"could not write down.*derived from cgan_kit\.losses\.P"):
        kit.Recipe(penalty=penalty)


def defined(monkeypatch, module, times=1):
    """The classes `Redefined` that a module of that name has defined, one after the other."""
    place = ModuleType(module)
    monkeypatch.setitem(sys.modules, module, place)
    code = "import torch\nclass Redefined(torch.nn.Module):\n    pass\n"
    kinds = []
    for _ in range(times):
        exec(code, place.__dict__)
        kinds.append(place.Redefined)
    return kinds


def test_of_a_class_defined_again_the_last_counts(monkeypatch):
    _first, last = defined(monkeypatch, "a_notebook", times=2)
    assert type(rebuild({"class": "Redefined"}, models)) is last
    keep = defined(monkeypatch, "another_notebook")
    message = r"several places \(a_notebook\.Redefined, a_notebook\.Red.*another_notebook\.Redef"
    with pytest.raises(ValueError, match=message):
        rebuild({"class": "Redefined"}, models)
    assert keep


@pytest.mark.parametrize("name", ["Popen", "Bilinear", "Path", "OwnGeneratr"])
def test_a_file_names_no_class_but_a_persons_own_modules(name):
    with pytest.raises(ValueError, match=f"'{name}' is not one of cgan_kit.models's, nor one"):
        rebuild(json.loads(f'{{"class": "{name}", "args": ["true"]}}'), models)


def test_a_class_that_is_gone_says_what_to_do(make_training):
    training = make_training(gan=own_gan())
    next(iter(training))
    path = training.folder / "config.json"
    path.write_text(path.read_text().replace("OwnGenerator", "ElsewhereGenerator"))
    with pytest.raises(ValueError, match="own defined in this process; define or import it first"):
        kit.Run(training.folder).generator()


def test_own_points_too(tmp_path):
    points = kit.data.load("gaussians", classes=3, samples=64)
    shape = points.sample_shape
    gan = own_gan(OwnGenerator(3, shape), OwnDiscriminator(shape))
    run = kit.train(
        gan, points, steps=2, recipe=own_recipe(), folder=tmp_path / "run",
        precision=kit.Precision(),
    )  # fmt: skip
    assert run.sample(torch.zeros(2, 3), torch.tensor([0, 1])).shape == (2, 2)
