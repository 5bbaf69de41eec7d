"""GAN: what holds the parameters, seeds, and how one is written down and built again."""

import json

import numpy as np
import pytest
import torch

import cgan_kit as kit
from cgan_kit.training.gan import generator_from_config, seeded


def test_all_parameters_belong_to_the_three_parts(make_gan):
    gan = make_gan()
    parts = {name.split(".")[0] for name, _ in gan.named_parameters()}
    assert parts == {"generator", "discriminator", "conditioning"}


def test_the_seed_alone_decides_the_weights_and_nothing_else_is_moved(make_gan, same):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one = make_gan(seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    same(one.state_dict(), make_gan(seed=1).state_dict())
    other = make_gan(seed=2).state_dict()
    assert any(not torch.equal(value, other[key]) for key, value in one.state_dict().items())


def test_making_a_gan_opens_no_gpu_and_seeds_none(make_gan, monkeypatch):
    """On a machine with eight, each of eight processes would take memory on all of them."""

    def touched(*arguments, **options):
        raise AssertionError("a GPU's chance was touched")

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    for name in ("get_rng_state", "set_rng_state", "manual_seed_all"):
        monkeypatch.setattr(torch.cuda, name, touched)
    make_gan(seed=1)


def test_a_seed_of_numpys_is_as_good_as_pythons(make_gan, make_training, same):
    same(make_gan(seed=np.int64(1)).state_dict(), make_gan(seed=1).state_dict())
    one, other = make_training("one", seed=np.int64(4)), make_training("other", seed=4)
    for training in (one, other):
        next(iter(training))
    same(one.run.state(), other.run.state())


def test_methods_share_the_weights_of_their_backbone(make_gan, same):
    one, other = make_gan(kit.losses.ACGAN(), seed=4), make_gan(kit.losses.Projection(), seed=4)
    same(one.generator.state_dict(), other.generator.state_dict())
    same(one.discriminator.state_dict(), other.discriminator.state_dict())


@pytest.mark.parametrize("conditioning", ["ACGAN", "Projection", "Concatenation"])
@pytest.mark.parametrize("adversarial", ["relativistic", "hinge"])
def test_a_config_builds_the_same_gan(make_gan, conditioning, adversarial):
    gan = make_gan(
        getattr(kit.losses, conditioning)(),
        adversarial=getattr(kit.losses, adversarial),
        spectral_norm=True,
    )
    state = torch.get_rng_state()
    config = json.loads(json.dumps(gan.config()))
    made = kit.GAN.from_config(config)
    assert torch.equal(torch.get_rng_state(), state)
    assert made.adversarial is gan.adversarial
    made.load_state_dict(gan.state_dict())
    assert json.loads(json.dumps(made.config())) == config
    generator_from_config(config).load_state_dict(gan.generator.state_dict())
    assert torch.equal(torch.get_rng_state(), state)


def test_a_conditioning_that_reads_other_images_is_refused(make_gan):
    frozen = kit.losses.FrozenClassifier(kit.metrics.Classifier((1, 16, 16), 3))
    with pytest.raises(
        ValueError, match=r"FrozenClassifier that reads images of \(1, 16, 16\) but generator "
        r"makes \(1, 8, 8\); train its classifier on the same data"
    ):  # fmt: skip
        make_gan(frozen)


def test_judging_both_is_judging_each(make_gan):
    gan = make_gan()
    random = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, 5, 1, 8, 8, generator=random)
    labels = torch.tensor([0, 1, 2, 0, 1])
    for both, alone in zip(
        gan.judge_both(real, fake, labels),
        (gan.judge(real, labels), gan.judge(fake, labels)),
        strict=True,
    ):
        assert torch.allclose(both.scores, alone.scores, atol=1e-6)
        assert torch.allclose(both.features, alone.features, atol=1e-6)
        assert torch.equal(both.labels, labels)
        assert torch.equal(both.images, alone.images)


def test_the_score_is_the_discriminators_plus_the_conditionings(make_gan):
    gan = make_gan(kit.losses.Projection())
    torch.nn.init.normal_(gan.conditioning.proxies.weight)
    images, labels = torch.randn(4, 1, 8, 8), torch.tensor([0, 1, 2, 2])
    own = gan.discriminator(images)
    added = gan.conditioning.score(own.features, labels)
    assert added.abs().min() > 0
    assert torch.allclose(gan.judge(images, labels).scores, own.adversarial + added)


def test_scores_and_features_are_float32_under_autocast(make_gan):
    gan = make_gan()
    images, labels = torch.randn(4, 1, 8, 8), torch.tensor([0, 1, 2, 2])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert gan.discriminator(images).features.dtype == torch.bfloat16
        judged = gan.judge(images, labels)
    assert judged.scores.dtype == judged.features.dtype == torch.float32


def test_while_only_the_generator_learns_gradients_pass_through_the_judges(make_gan):
    gan = make_gan()
    gan.discriminator.to_score.bias.requires_grad_(False)
    latents, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 2])
    with gan.only_generator_learns():
        loss = gan.judge(gan.generator(latents, labels), labels).scores.sum()
    loss.backward()
    assert all(p.grad is not None for p in gan.generator.parameters())
    assert all(p.grad is None for p in gan.discriminator.parameters())
    frozen = [name for name, p in gan.discriminator.named_parameters() if not p.requires_grad]
    assert frozen == ["to_score.bias"], "what was frozen before stays so, and nothing else"


def test_points_get_the_fully_connected_pair():
    points = kit.data.load("gaussians", samples=50)
    gan = kit.GAN.for_points(points, kit.losses.Projection(), width=4)
    assert gan.generator(torch.randn(3, gan.latent_dim), torch.arange(3)).shape == (3, 2)


def test_seeded_puts_the_global_generator_back_after_an_error():
    def fail() -> None:
        with seeded(1):
            torch.randn(3)
            raise RuntimeError("on purpose")

    before = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="on purpose"):
        fail()
    assert torch.equal(torch.get_rng_state(), before)
