"""Presets: what they say, and that each of them trains."""

import pytest
import torch

import cgan_kit as kit
from cgan_kit import cli
from cgan_kit.training.presets import PRESETS, SETTINGS

METHODS = ("acgan", "projection", "contragan", "adcgan", "reacgan")


def make_images(size: int) -> kit.data.ImageSet:
    random = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (8, 3, size, size), dtype=torch.uint8, generator=random)
    return kit.data.ImageSet(pixels, torch.arange(8) % 2, ["a", "b"])


def test_every_set_has_the_five_methods():
    assert set(PRESETS) == {f"{name}-{method}" for name in SETTINGS for method in METHODS}
    assert len(SETTINGS) == 6


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_trains_and_samples_at_reduced_width(name, tmp_path):
    """Two steps with a smaller width and batch; one method a set on images of its size, the
    others, which have the same networks, on images of 32 px."""
    preset = PRESETS[name]
    images = make_images(preset.setting.size if name.endswith("reacgan") else 32)
    given = cli.make_parser().parse_args(
        ["train", "x", "--preset", name, "--width", "2", "--batch-size", "2"]
    )
    recipe = cli.make_recipe(given)
    run = kit.train(
        cli.make_gan(given, images), images, steps=2, recipe=recipe, folder=tmp_path / "run",
        checkpoints=1, precision=kit.Precision(), device="cpu",
    )  # fmt: skip
    assert recipe.config() | {"batch_size": preset.recipe.batch_size} == preset.recipe.config()
    assert run.steps == [0, 2]
    samples = run.sample(kit.models.draw_latents(2, run.latent_dim), torch.tensor([0, 1]))
    assert samples.shape == (2, *images.sample_shape)


def test_reacgan_on_cifar10_is_the_published_one():
    preset = PRESETS["cifar10-reacgan"]
    recipe = preset.recipe
    assert (recipe.batch_size, recipe.discriminator_steps, recipe.betas) == (128, 5, (0.5, 0.999))
    assert recipe.learning_rate == pytest.approx(2e-4 * 2**0.5)
    assert recipe.penalty is None
    assert (recipe.ema_decay, recipe.ema_start) == (0.9999, 1000)
    config = preset.gan(make_images(32), width=4).config()
    assert config["adversarial"] == "hinge"
    assert config["conditioning"] == {
        "class": "ReACGAN", "weight": 0.5, "temperature": 0.5, "margin_positive": 0.98,
        "margin_negative": 0.02, "projection_dim": 512, "spectral_norm": True,
    }  # fmt: skip
    assert config["generator"]["latent_dim"] == 80
    assert preset.setting.width == 96
    assert config["generator"]["attention_side"] == 16


# size, width, latent_dim, batch, rates of G and D, betas, D's turns; weight, margins, temperature,
# projection_dim; when the average begins. PyTorch-StudioGAN at commit 947b35e.
PUBLISHED = {
    "cifar10": (
        (32, 96, 80, 128, 2e-4 * 2**0.5, 2e-4 * 2**0.5, (0.5, 0.999), 5),
        (0.5, 0.98, 0.02, 0.5, 512),
        1_000,
    ),
    "tiny-imagenet": (
        (64, 80, 100, 1024, 1e-4, 4e-4, (0.0, 0.999), 1),
        (0.75, 1.0, 0.0, 0.75, 768),
        20_000,
    ),
    "imagenet128": (
        (128, 96, 120, 256, 5e-5, 2e-4, (0.0, 0.999), 2),
        (1.0, 0.98, 0.02, 0.5, 2048),
        20_000,
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_reacgan_is_the_published_one_on_each_set(name):
    setting = SETTINGS[name]
    recipe, loss = setting.recipe, setting.reacgan()
    rates = (recipe.learning_rate, recipe.discriminator_learning_rate or recipe.learning_rate)
    networks_and_recipe, of_loss, ema_start = PUBLISHED[name]
    *counts, rate, own_rate, betas, turns = networks_and_recipe
    assert [setting.size, setting.width, setting.latent_dim, recipe.batch_size] == counts
    assert rates == pytest.approx((rate, own_rate))
    assert (recipe.betas, recipe.discriminator_steps) == (betas, turns)
    margins = (loss.margin_positive, loss.margin_negative)
    assert (loss.weight, *margins, loss.temperature, loss.projection_dim) == of_loss
    assert (recipe.ema_decay, recipe.ema_start, recipe.penalty) == (0.9999, ema_start, None)
    assert setting.attention_side is None


@pytest.mark.parametrize("name", SETTINGS)
def test_the_methods_of_a_set_differ_in_the_conditioning_alone(name):
    images = make_images(SETTINGS[name].size)
    configs = [PRESETS[f"{name}-{method}"].gan(images, width=1).config() for method in METHODS]
    assert [config.pop("conditioning")["class"] for config in configs] == [
        "ACGAN", "Projection", "ContraGAN", "ADCGAN", "ReACGAN",
    ]  # fmt: skip
    assert all(config == configs[0] for config in configs)
    assert len({id(PRESETS[f"{name}-{method}"].recipe) for method in METHODS}) == 1


def test_the_same_seed_gives_the_same_weights():
    images, preset = make_images(32), PRESETS["cifar10-projection"]
    one, two, other = (preset.gan(images, width=2, seed=seed) for seed in (1, 1, 2))
    weights = [dict(gan.generator.named_parameters()) for gan in (one, two, other)]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    assert any(not torch.equal(weights[0][key], weights[2][key]) for key in weights[0])


def test_a_preset_starts_from_the_command_line(tmp_path):
    from PIL import Image

    for name in ("cats", "dogs"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(6):
            Image.new("RGB", (40, 36), (40 * i, 9, 99)).save(tmp_path / "pets" / name / f"{i}.png")
    arguments = ["train", "--preset", "cifar10-reacgan", "--data", f"folder:{tmp_path / 'pets'}"]
    arguments += ["--option", f"root={tmp_path}", "--width", "2", "--batch-size", "4"]
    arguments += ["--steps", "1", "--folder", str(tmp_path / "run"), "--precision", "float32"]
    assert cli.main([*arguments, "--device", "cpu"]) == 0
    config = kit.Run(tmp_path / "run").config
    assert config["gan"]["conditioning"]["projection_dim"] == 512
    assert config["training"]["recipe"]["ema_start"] == 1000
    assert config["data"]["sample_shape"] == [3, 32, 32]
