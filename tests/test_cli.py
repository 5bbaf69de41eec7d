"""`python -m cgan_kit`: train, resume, sample, info, as a person types them."""

import io
import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import cgan_kit as kit
from cgan_kit import asked, cli

TINY = ["--size", "8", "--width", "2", "--latent-dim", "3", "--batch-size", "8"]
TINY += ["--precision", "float32", "--device", "cpu"]


def train(folder, *more, data="digits"):
    return cli.main(["train", data, *TINY, "--folder", str(folder), *more])


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A finished run of 6 steps."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert train(folder, "--steps", "6", "--checkpoints", "2", "--conditioning", "acgan") == 0
    return folder


def test_train_does_what_the_functions_do(run_folder, tmp_path):
    data = kit.data.load("digits", size=8).split()[0]
    gan = kit.GAN.for_images(data, kit.losses.ACGAN(), width=2, latent_dim=3, seed=0)
    recipe, precision = kit.Recipe(batch_size=8), kit.Precision()
    by_hand = kit.train(
        gan, data, steps=6, recipe=recipe, precision=precision, checkpoints=2,
        folder=tmp_path / "run", device="cpu",
    )  # fmt: skip
    run = kit.Run(run_folder)
    assert run.config == by_hand.config
    assert run.history() == by_hand.history()
    ours, theirs = run.tensors(), by_hand.tensors()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_a_fifth_is_held_out_unless_all_is_asked_for(run_folder, tmp_path, capsys):
    run = kit.Run(run_folder)
    assert run.config["data"]["samples"] == 1438
    assert run.load_data().origin == {"held_out": 0.2, "seed": 0, "part": 0}
    assert train(tmp_path / "all", "--steps", "1", "--all") == 0
    assert kit.Run(tmp_path / "all").config["data"]["samples"] == 1797
    assert "held out" not in capsys.readouterr().out


def test_graphs_are_asked_for_and_remembered(run_folder, tmp_path):
    assert train(tmp_path / "run", "--steps", "1", "--graphs") == 0
    told = [kit.Run(each).config["training"]["graphs"] for each in (run_folder, tmp_path / "run")]
    assert told == [False, True]


def quick_classifier(images, seed, folder):
    assert seed != 0  # the metrics' own
    return kit.metrics.classifier.train_classifier(images, steps=1, folder=folder)


@pytest.mark.parametrize("conditioning", cli.CONDITIONINGS)
@pytest.mark.parametrize("adversarial", cli.ADVERSARIALS)
def test_every_method_and_game_can_be_named(conditioning, adversarial, tmp_path, monkeypatch):
    monkeypatch.setenv("CGAN_KIT_DATA", str(tmp_path))
    monkeypatch.setattr(cli.metrics, "train_classifier", quick_classifier)
    given = cli.make_parser().parse_args(
        ["train", "digits", *TINY, "--conditioning", conditioning, "--adversarial", adversarial]
    )
    digits = kit.data.load("digits", size=8)
    gan = cli.make_gan(given, digits)
    made = cli.CONDITIONINGS[conditioning]
    assert type(gan.conditioning) is getattr(made, "func", made)
    assert getattr(gan.conditioning, "real_only", False) == (
        conditioning in ("acgan-real-only", "tacgan", "amgan")
    )
    assert gan.adversarial.name == adversarial.replace("-", "_")


def made(data, *arguments):
    """The GAN that the arguments ask for."""
    given = cli.make_parser().parse_args(["train", "x", *arguments])
    return cli.make_gan(given, data)


@pytest.fixture(scope="module")
def images():
    """12 random colour images of 32 px, 3 classes."""
    random = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (12, 3, 32, 32), dtype=torch.uint8, generator=random)
    return kit.data.ImageSet(pixels, torch.arange(12) % 3, ["a", "b", "c"])


def test_the_residual_families_take_their_own_arguments(images):
    small = ["--width", "2", "--depth", "2", "--seed", "4"]
    gan = made(images, "--model", "resnet", *small, "--latent-dim", "5", "--no-spectral-norm")
    with kit.training.gan.seeded(4):
        by_hand = kit.GAN(
            kit.models.ResNetGenerator(3, (3, 32, 32), latent_dim=5, width=2, depth=2),
            kit.models.ResNetDiscriminator((3, 32, 32), width=2, depth=2, spectral_norm=False),
            kit.losses.Projection(),
        )
    assert gan.config() == by_hand.config()
    ours, theirs = gan.state_dict(), by_hand.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)

    more = ["--latent-dim", "8", "--embedding-dim", "6", "--discriminator-width", "3"]
    gan = made(images, "--model", "biggan", *small, *more)
    wanted = {"latent_dim": 8, "width": 2, "depth": 2, "embedding_dim": 6, "spectral_norm": True}
    assert wanted.items() <= gan.config()["generator"].items()
    assert {"width": 3, "depth": 2, "spectral_norm": True}.items() <= gan.config()[
        "discriminator"
    ].items()
    gan = made(images, "--model", "biggan", *small, "--latent-dim", "8", "--no-spectral-norm")
    assert not gan.generator.spectral_norm
    assert not gan.discriminator.spectral_norm
    plain = made(images, "--model", "dcgan", "--width", "2")
    assert type(plain.generator) is kit.models.DCGANGenerator
    assert not plain.discriminator.spectral_norm


def test_all_six_games_are_there():
    assert len(cli.ADVERSARIALS) == 6


def test_arguments_reach_the_recipe_and_the_gan(tmp_path):
    arguments = ["--gamma", "0.7", "--learning-rate", "2e-3", "--ema-decay", "0.9"]
    arguments += ["--discriminator-steps", "2", "--spectral-norm", "--weight", "0.5", "--seed", "7"]
    arguments += ["--conditioning", "acgan-real-only", "--adversarial", "hinge", "--steps", "2"]
    assert train(tmp_path / "run", *arguments) == 0
    config = kit.Run(tmp_path / "run").config
    conditioning = config["gan"]["conditioning"]
    assert (conditioning["class"], conditioning["weight"]) == ("ACGAN", 0.5)
    assert conditioning["real_only"] is True
    assert config["gan"]["adversarial"] == "hinge"
    assert config["gan"]["discriminator"]["spectral_norm"] is True
    assert config["gan"]["generator"]["latent_dim"] == 3
    assert config["training"]["seed"] == 7
    recipe = config["training"]["recipe"]
    assert recipe["penalty"] == {"class": "R1R2", "gamma": 0.7}
    assert (recipe["learning_rate"], recipe["ema_decay"]) == (2e-3, 0.9)
    assert (recipe["discriminator_steps"], recipe["batch_size"]) == (2, 8)


def test_without_arguments_the_recipe_is_the_kits():
    given = cli.make_parser().parse_args(["train", "digits"])
    assert cli.make_recipe(given) == kit.Recipe()
    with_two_rates = ["--discriminator-learning-rate", "4e-4", "--ema-start", "9", "--flips"]
    given = cli.make_parser().parse_args(["train", "digits", *with_two_rates])
    recipe = kit.Recipe(discriminator_learning_rate=4e-4, ema_start=9, flips=True)
    assert cli.make_recipe(given) == recipe
    no_penalty = cli.make_parser().parse_args(["train", "digits", "--gamma", "0"])
    assert cli.make_recipe(no_penalty).penalty is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("classes=20", ("classes", 20)),
        ("overlap=0.5", ("overlap", 0.5)),
        ("combinations=held-out", ("combinations", "held-out")),
        ("skip_unreadable=true", ("skip_unreadable", True)),
        ("classes=None", ("classes", None)),
        ("overlapping=circle,ring", ("overlapping", ("circle", "ring"))),
        ("root=/a=b", ("root", "/a=b")),
    ],
)
def test_options_are_read_as_a_person_writes_them(text, expected):
    assert cli.parse_option(text) == expected


def test_points_train_through_the_same_command(tmp_path, capsys):
    arguments = ["train", "gaussians", "--option", "samples=64", "--option", "layout=pair"]
    arguments += ["--width", "4", "--steps", "2", "--batch-size", "8", "--precision", "float32"]
    assert cli.main([*arguments, "--folder", str(tmp_path / "run")]) == 0
    run = kit.Run(tmp_path / "run")
    assert run.num_classes == 2
    assert run.config["gan"]["generator"]["class"] == "MLPGenerator"
    capsys.readouterr()
    out = tmp_path / "a.png"
    assert cli.main(["sample", str(tmp_path / "run"), "--out", str(out)]) == 2
    assert "made points" in capsys.readouterr().err
    assert not out.exists()


def test_a_folder_of_images_trains(tmp_path):
    for name in ("cats", "dogs"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(5):
            Image.new("RGB", (12, 10), (40 * i, 9, 99)).save(tmp_path / "pets" / name / f"{i}.png")
    arguments = ["--steps", "1", "--option", f"root={tmp_path}", "--option", "channels=1"]
    assert train(tmp_path / "run", *arguments, data=f"folder:{tmp_path / 'pets'}") == 0
    assert kit.Run(tmp_path / "run").class_names == ("cats", "dogs")


def test_a_run_whose_images_have_moved_is_told_where_they_are(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CGAN_KIT_DATA", str(tmp_path / "data"))
    for name, shade in (("cats", 40), ("dogs", 200)):
        (tmp_path / "here" / name).mkdir(parents=True)
        for i in range(20):
            image = Image.new("L", (8, 8), shade + i)
            image.save(tmp_path / "here" / name / f"{i}.png")
    run, there = str(tmp_path / "run"), f"folder:{tmp_path / 'there'}"
    assert train(run, "--steps", "1", data=f"folder:{tmp_path / 'here'}") == 0
    (tmp_path / "here").rename(tmp_path / "there")
    for command in (["evaluate", run], ["resume", run, "--steps", "2"]):
        capsys.readouterr()
        assert cli.main(command) == 2
        assert "--data folder:PATH" in capsys.readouterr().err
        assert cli.main([*command, "--data", there]) == 0
    assert kit.Run(run).load_data().name == there  # what resuming wrote down
    (tmp_path / "there" / "cats" / "0.png").unlink()
    assert cli.main(["resume", run, "--steps", "3", "--data", there]) == 2
    assert "not those the run was trained on" in capsys.readouterr().err


def sample(run_folder, out, *more):
    assert cli.main(["sample", str(run_folder), "--out", str(out), *more]) == 0
    return Image.open(io.BytesIO(out.read_bytes()))


def test_sample_draws_fixed_z_down_and_classes_across(run_folder, tmp_path):
    from cgan_kit.grids import fixed_latents
    from cgan_kit.pictures import tile

    picture = sample(run_folder, tmp_path / "a.png", "--rows", "3", "--seed", "5")
    run = kit.Run(run_folder)
    latents = fixed_latents(3, 3, seed=5)
    images = [run.sample(z.repeat(10, 1), torch.arange(10)) for z in latents]
    scale = -(-40 // 8)
    expected = tile(torch.cat(images), 10, scale=scale)
    corner = np.asarray(picture.convert("L"))[-expected.shape[0] :, -expected.shape[1] :]
    assert np.array_equal(corner, expected)
    assert picture.height > expected.shape[0], "the classes' names stand above"
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_step_seed_and_truncation_change_the_picture(run_folder, tmp_path):
    plain = sample(run_folder, tmp_path / "a.png").tobytes()
    assert sample(run_folder, tmp_path / "a.png").tobytes() == plain
    assert sample(run_folder, tmp_path / "a.png", "--step", "6").tobytes() == plain
    for change in (["--step", "0"], ["--seed", "1"], ["--truncation", "0.3"]):
        assert sample(run_folder, tmp_path / "a.png", *change).tobytes() != plain


def test_a_picture_that_cannot_be_finished_leaves_the_old_one(run_folder, tmp_path, monkeypatch):
    out = tmp_path / "a.png"
    sample(run_folder, out)
    old = out.read_bytes()
    monkeypatch.setattr(cli.pictures, "to_png", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["sample", str(run_folder), "--out", str(out), "--seed", "1"])
    assert out.read_bytes() == old


def test_a_full_disk_leaves_neither_a_picture_nor_half_of_one(
    run_folder, tmp_path, monkeypatch, capsys
):
    def full(path, content):
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert cli.main(["sample", str(run_folder), "--out", str(tmp_path / "a.png")]) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path / 'a.png'} could not be written" in said
    assert "make room" in said
    assert list(tmp_path.iterdir()) == []


def test_evaluate_is_the_function_on_what_the_run_has_not_seen(run_folder, tmp_path, capsys):
    out = tmp_path / "report.json"
    assert (
        cli.main(["evaluate", str(run_folder), "-n", "60", "--step", "2", "--out", str(out)]) == 0
    )
    parts = kit.data.load("digits", size=8).split()
    judge = kit.metrics.train_classifier(*parts, seed=0)
    report = kit.metrics.evaluate(
        kit.Run(run_folder), parts, n=60, seed=0, step=2, classifier=judge
    )
    written = json.loads(out.read_text())
    assert written == json.loads(json.dumps(report.to_dict()))
    assert report.table() in capsys.readouterr().out


def test_evaluate_needs_images_that_the_run_has_not_seen(tmp_path, capsys):
    assert train(tmp_path / "run", "--steps", "1", "--all") == 0
    assert cli.main(["evaluate", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "trained on the whole set" in said
    assert "--held-out folder:PATH" in said


def paint(folder, **classes):
    """Grey images of 12 px, so many a class."""
    draw = np.random.default_rng(len(classes))
    for name, count in classes.items():
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = draw.integers(0, 256, (12, 12), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return f"folder:{folder}"


@pytest.fixture
def whole_run(tmp_path, monkeypatch):
    """A run trained on all that lies in pictures/train, with 1 channel at 8 px."""
    monkeypatch.setenv("CGAN_KIT_DATA", str(tmp_path / "data"))
    pictures = paint(tmp_path / "pictures" / "train", cats=10, dogs=10)
    options = ["--all", "--steps", "1", "--option", "channels=1"]
    assert train(tmp_path / "run", *options, data=pictures) == 0
    return tmp_path / "run"


def test_evaluate_on_images_of_a_folder_of_their_own(whole_run, tmp_path, capsys):
    held_out = paint(tmp_path / "pictures" / "test", cats=6, dogs=6)
    out = tmp_path / "report.json"
    line = ["evaluate", str(whole_run), "--held-out", held_out, "--out", str(out)]
    assert cli.main(line) == 0
    run = kit.Run(whole_run)
    parts = run.load_data(), kit.data.load(held_out, size=8, channels=1)
    judge = kit.metrics.train_classifier(*parts, seed=0)
    report = kit.metrics.evaluate(run, parts, seed=0, classifier=judge)
    assert json.loads(out.read_text()) == json.loads(json.dumps(report.to_dict()))
    assert report.protocol["n"] == 12


@pytest.mark.parametrize(
    ("classes", "more", "fragments"),
    [
        ({"cats": 6, "cows": 6}, [], ["class 'cows' where the run has 'dogs'", "2 classes"]),
        ({"cats": 6, "dogs": 6, "owls": 6}, [], ["class 'owls' where the run has '(none)'"]),
        ({"cats": 6, "dogs": 6}, ["--option", "size=16"], ["(1, 16, 16)", "(1, 8, 8)"]),
        (None, [], ["which the run was trained on"]),
    ],
)
def test_what_is_held_out_must_be_like_the_runs_and_unseen(
    whole_run, tmp_path, capsys, classes, more, fragments
):
    name = f"folder:{tmp_path / 'pictures' / 'train'}"
    if classes:
        name = paint(tmp_path / "pictures" / "test", **classes)
    capsys.readouterr()
    assert cli.main(["evaluate", str(whole_run), "--held-out", name, *more]) == 2
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith("error: --held-out is ")
    assert all(fragment in said for fragment in fragments)


def test_images_of_another_kind_of_set_are_loaded_at_the_runs_size(run_folder, tmp_path):
    name = paint(tmp_path / "test", **{str(digit): 2 for digit in range(10)})
    given = cli.make_parser().parse_args(["evaluate", str(run_folder), "--held-out", name])
    run = kit.Run(run_folder)
    assert asked.load_held_out(given, run).options["channels"] == 1
    assert cli.load_parts(given, run)[0].fingerprint() == run.load_data().fingerprint()


def test_an_option_of_no_set_is_told(run_folder, capsys):
    assert cli.main(["evaluate", str(run_folder), "--option", "size=8"]) == 2
    assert "('size', 8), which is for --held-out" in capsys.readouterr().err


def test_evaluate_writes_json_or_nothing(run_folder, tmp_path, capsys):
    assert cli.main(["evaluate", str(run_folder), "--out", str(tmp_path / "report.png")]) == 2
    assert "ends in .json" in capsys.readouterr().err


def test_info_of_a_run(run_folder, capsys):
    assert cli.main(["info", str(run_folder)]) == 0
    said = capsys.readouterr().out
    for part in (
        "digits",
        "1,438",
        "DCGANGenerator",
        "ACGAN(weight=1.0, real_only=False, spectral_norm=False)",
        "relativistic",
    ):
        assert part in said
    assert "6 of 6 done" in said
    assert "0, 2, 6" in said
    assert "d_loss" in said


def test_info_of_the_machine(capsys):
    assert cli.main(["info"]) == 0
    said = capsys.readouterr().out
    assert torch.__version__.split("+")[0] in said
    assert "digits, shapes, glyphs, gaussians, folder:PATH" in said
    assert "cifar10" in said
    assert "threads" in said


def test_resume_goes_on_to_more_steps(tmp_path, capsys):
    assert train(tmp_path / "a", "--steps", "3") == 0
    assert cli.main(["resume", str(tmp_path / "a"), "--steps", "5"]) == 0
    assert train(tmp_path / "b", "--steps", "5") == 0
    ours, theirs = kit.Run(tmp_path / "a").tensors(), kit.Run(tmp_path / "b").tensors()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    capsys.readouterr()
    assert cli.main(["resume", str(tmp_path / "a")]) == 2
    assert "has done 5 already" in capsys.readouterr().err


BAD = {
    "unknown set": (["train", "digit"], ["'digit'", "did you mean 'digits'"]),
    "unknown option": (["train", "digits", "--option", "sizes=8"], ["'sizes'", "size"]),
    "size": (["train", "digits", "--size", "9"], ["size is 9", "8, 16, 32"]),
    "weight without loss": (["train", "digits", "--weight", "2"], ["--weight is 2.0", "acgan"]),
    "negative gamma": (["train", "digits", "--gamma", "-1"], ["gamma is -1", "0"]),
    "zero batch": (["train", "digits", "--batch-size", "0"], ["batch_size is 0"]),
    "a batch that is too large": (
        ["train", "digits", "--batch-size", "1500"],
        ["--batch-size is 1500", "of 1797, 359 are held out", "give 1438 at"],
    ),
    "a batch above the whole set": (
        ["train", "digits", "--batch-size", "1800", "--all"],
        ["--batch-size is 1800, but there are 1797 samples to train on; give 1797 at most"],
    ),
    "negative steps": (["train", "digits", "--steps", "-5"], ["steps is -5"]),
    "width": (["train", "digits", "--width", "0"], ["width is 0"]),
    "width of points": (
        ["train", "gaussians", "--discriminator-width", "8"],
        ["--discriminator-width is 8", "leave it out"],
    ),
    "no set": (["train"], ["data is missing", "folder:PATH"]),
    "two sets": (["train", "digits", "--data", "shapes"], ["'digits'", "'shapes'", "one of them"]),
    "a set that is not there": (
        ["train", "--preset", "cub200-reacgan"],
        ["--preset is cub200-reacgan", "CUB-200", "--data folder:PATH"],
    ),
    "method beside a preset": (
        ["train", "digits", "--preset", "cifar10-acgan", "--conditioning", "acgan"],
        ["--conditioning is acgan", "cifar10-acgan", "leave one"],
    ),
    "a preset of points": (
        ["train", "gaussians", "--preset", "cifar10-acgan"],
        ["--preset is cifar10-acgan, which is for images, but gaussians are points"],
    ),
    "model of points": (
        ["train", "gaussians", "--model", "biggan"],
        ["--model is biggan", "points"],
    ),
    "depth of dcgan": (["train", "digits", "--depth", "2"], ["--depth is 2", "dcgan", "leave it"]),
    "embedding of resnet": (
        ["train", "digits", "--model", "resnet", "--size", "32", "--embedding-dim", "2"],
        ["--embedding-dim is 2", "resnet"],
    ),
    "biggan of 16 px": (
        ["train", "digits", "--model", "biggan"],
        ["16 px", "32, 64, 128"],
    ),
    "another method's dial": (
        ["train", "digits", "--conditioning", "adcgan", "--dial", "temperature=0.25"],
        [
            "--dial is temperature, which is no dial of adcgan",
            "the dials of adcgan are spectral_norm=False",
        ],
    ),
    "a dial of no method": (
        ["train", "digits", "--conditioning", "none", "--dial", "width=3"],
        ["--dial is width, which is no dial of none", "it has none"],
    ),
    "a weight among the dials": (
        ["train", "digits", "--conditioning", "acgan", "--dial", "weight=2"],
        ["--dial is weight", "the dials of acgan are real_only=False, spectral_norm=False"],
    ),
    "a dial that the method settles": (
        ["train", "digits", "--conditioning", "acgan-real-only", "--dial", "real_only=false"],
        ["--dial is real_only", "the dials of acgan-real-only are spectral_norm=False"],
    ),
    "a dial that is a word": (
        ["train", "digits", "--conditioning", "reacgan", "--dial", "temperature=warm"],
        ["temperature is 'warm'", "temperature=0.5, margin_positive=0.98", "projection_dim=128"],
    ),
    "a dial beside a preset": (
        ["train", "digits", "--preset", "cifar10-reacgan", "--dial", "temperature=0.25"],
        ["--dial is", "cifar10-reacgan", "leave one"],
    ),
    "minutes": (["train", "digits", "--save-minutes", "-1"], ["save_minutes is -1"]),
    "late average": (["train", "digits", "--ema-start", "-1"], ["ema_start is -1"]),
    "device": (["train", "digits", "--device", "tpu9"], ["device is 'tpu9'", "cpu"]),
    "no run": (["sample", "nowhere"], ["'nowhere'", "config.json"]),
    "no run to resume": (["resume", "nowhere"], ["'nowhere'", "config.json"]),
    "no run to describe": (["info", "nowhere"], ["'nowhere'", "config.json"]),
}


@pytest.mark.parametrize("name", BAD)
def test_kind_errors_are_one_line_on_stderr_and_exit_code_2(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments, fragments = BAD[name]
    assert cli.main(arguments) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ")
    assert len(said.err.strip().splitlines()) == 1
    assert all(fragment in said.err for fragment in fragments)
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["--folder", "taken"], "holds a run already"),
        (["--folder", "taken", "--conditioning", "frozen-classifier"], "holds a run already"),
        (["--folder", "taken/config.json/run"], "is a file"),
        (["--size", "63"], "size is 63; the dcgan pair comes at 8, 16, 32, 64"),
        (["--option", "size=16", "--model", "resnet"], "size is 16; the resnet pair comes at 32"),
        (
            ["--preset", "cifar10-reacgan", "--size", "33"],
            "size is 33; the biggan pair comes at 32",
        ),
        (["--device", "tpu9"], "device is 'tpu9'"),
        (["--seed", str(10**30)], "seed is 1000000"),
        (["--width", "0"], "width is 0"),
        (["--discriminator-width", "0"], "discriminator_width is 0"),
        (["--latent-dim", "-1"], "latent_dim is -1"),
        (["--model", "resnet", "--depth", "0"], "depth is 0"),
        (["--model", "biggan", "--embedding-dim", "0"], "embedding_dim is 0"),
        (["--steps", "0"], "steps is 0"),
        (["--batch-size", "0"], "batch_size is 0"),
        (["--checkpoints", "0"], "checkpoints is 0"),
        (["--save-minutes", "nan"], "save_minutes is nan"),
        (["--conditioning", "reacgan", "--dial", "margin=2"], "--dial is margin"),
    ],
)
def test_what_needs_no_data_is_told_before_any_is_loaded(
    tmp_path, monkeypatch, capsys, arguments, fragment
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "config.json").touch()
    monkeypatch.setattr(cli, "load_data", lambda name, options: pytest.fail("data was loaded"))
    assert cli.main(["train", "folder:many", *arguments]) == 2
    assert fragment in capsys.readouterr().err


def test_a_batch_that_processes_cannot_share_is_told_before_any_data_is_loaded(monkeypatch, capsys):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setattr(cli, "load_data", lambda name, options: pytest.fail("data was loaded"))
    assert cli.main(["train", "folder:many", "--batch-size", "64"]) == 2
    assert "3 processes cannot share" in capsys.readouterr().err


def test_a_place_that_may_not_be_written_is_told_before_any_data_is_loaded(monkeypatch, capsys):
    monkeypatch.setattr(cli, "load_data", lambda name, options: pytest.fail("data was loaded"))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert cli.main(["train", "folder:many"]) == 2
    assert "may not be written" in capsys.readouterr().err


def test_which_sets_are_points():
    for name in ("digits", "shapes", "glyphs", "gaussians"):
        points = isinstance(kit.data.load(name), kit.data.PointSet)
        assert points == (name in asked.POINT_SETS)


def test_dials_reach_the_method(tmp_path):
    dials = ["temperature=0.25", "margin_positive=0.9", "projection_dim=7", "spectral_norm=true"]
    arguments = [word for dial in dials for word in ("--dial", dial)]
    arguments += ["--conditioning", "reacgan", "--weight", "2", "--steps", "1"]
    assert train(tmp_path / "run", *arguments) == 0
    conditioning = kit.Run(tmp_path / "run").gan().conditioning
    assert isinstance(conditioning, kit.losses.ReACGAN)
    assert (conditioning.weight, conditioning.temperature) == (2, 0.25)
    assert (conditioning.margin_positive, conditioning.margin_negative) == (0.9, 0.02)
    assert (conditioning.projection_dim, conditioning.spectral_norm) == (7, True)


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["--out", "grid.jpg"], ".png"),
        (["--out", "missing/grid.png"], "no folder 'missing'"),
        (["--rows", "0"], "rows is 0"),
        (["--step", "5"], "[0, 2, 6]"),
        (["--truncation", "0"], "truncation is 0"),
        (["--seed", str(10**30)], "seed is 1000000"),
    ],
)
def test_bad_requests_for_samples_write_nothing(
    run_folder, tmp_path, monkeypatch, capsys, arguments, fragment
):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["sample", str(run_folder), *arguments]) == 2
    assert fragment in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_argparse_errors_have_the_same_exit_code(capsys):
    for arguments in (
        [],
        ["paint"],
        ["train", "x", "--preset", "y"],
        ["train", "--option", "eight"],
    ):
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert ended.value.code == 2
    assert "'eight' is not NAME=VALUE" in capsys.readouterr().err


def test_a_run_that_diverges_ends_without_a_traceback(tmp_path, capsys):
    arguments = ["--learning-rate", "1e30", "--gamma", "0", "--steps", "30"]
    assert train(tmp_path / "run", *arguments) == 2
    said = capsys.readouterr().err
    assert "error: " in said
    assert "last good checkpoint is kept" in said
    assert kit.Run(tmp_path / "run").steps[0] == 0


def environment(**more):
    repository = Path(cli.__file__).parents[1]
    return os.environ | {"PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1"} | more


def gpu_is_full():
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 ...")


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (gpu_is_full, "CUDA out of memory"),
        (lambda: torch.empty(2**58), "you tried to allocate 1152921504606846976 bytes"),
        (lambda: torch.empty(2**61, 2**3), "overflowed with sizes=[2305843009213693952, 8]"),
        (lambda: bytearray(2**60), "out of memory"),
    ],
)
@pytest.mark.parametrize("while_doing", ["finish", "make_gan"])
def test_too_little_memory_is_one_line(tmp_path, monkeypatch, capsys, ask, said, while_doing):
    monkeypatch.setattr(cli, while_doing, lambda *arguments: ask())
    assert train(tmp_path / "run") == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("error: ")
    assert f"{said}; what was saved before is whole." in line
    assert "--batch-size" in line
    monkeypatch.setattr(cli.data, "load", lambda name, size: ask())
    assert train(tmp_path / "run") == 2
    assert capsys.readouterr().err.strip() == line


def test_other_errors_of_torch_are_not_taken_for_missing_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "finish", lambda training: torch.zeros(2) @ torch.zeros(3))
    with pytest.raises(RuntimeError, match="size"):
        train(tmp_path / "run")


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (["train", "digits"], "before the first step; no run was written."),
        (["resume", "x"], "before a further step; what was saved is whole."),
        (["sample", "x"], "before the picture was written."),
        (["evaluate", "x"], "before the report was finished."),
        (["info", "x"], "while looking; nothing was changed."),
        (["tensorboard", "x"], "before the curves were written."),
    ],
)
def test_ctrl_c_says_what_is_true_of_each_command(monkeypatch, capsys, line, left):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    for name in ("Run", "load_data"):
        monkeypatch.setattr(cli, name, interrupted)
    monkeypatch.setattr(cli.Training, "resume", interrupted)
    assert cli.main(line) == 130
    assert capsys.readouterr().err == f"Interrupted {left}\n"


def test_ctrl_c_while_the_command_line_is_imported(monkeypatch, capsys):
    class Interrupts:
        def find_spec(self, name, path, target=None):
            if name == "cgan_kit.cli":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "cgan_kit.cli")
    monkeypatch.setattr(sys, "meta_path", [Interrupts(), *sys.meta_path])
    with pytest.raises((SystemExit, KeyboardInterrupt)) as ended:
        runpy.run_module("cgan_kit", run_name="__main__")
    assert repr(ended.value) == "SystemExit(130)"
    assert capsys.readouterr().err == "Interrupted before anything was done.\n"


@pytest.mark.parametrize(
    ("wanted", "device", "expected"),
    [
        ("float32", "cuda", kit.Precision()),
        ("bfloat16", "cuda", kit.Precision(bfloat16=True, channels_last=True)),
        ("bfloat16", "cpu", kit.Precision(bfloat16=True)),
        (None, "cuda", None),
    ],
)
def test_the_precision_that_is_asked_for(monkeypatch, wanted, device, expected):
    monkeypatch.setattr(asked, "choose_device", torch.device)
    line = ["train", "digits", "--device", device, *(["--precision", wanted] if wanted else [])]
    assert cli.make_precision(cli.make_parser().parse_args(line)) == expected


WITHOUT_LAB = """
import sys
for name in ("matplotlib", "ipywidgets", "IPython", "jupyterlab", "jupytext", "ipykernel"):
    sys.modules[name] = None
from cgan_kit import cli
folder = sys.argv[1]
arguments = ["train", "digits", *sys.argv[2:], "--steps", "2", "--folder", folder + "/run"]
assert cli.main(arguments) == 0
assert cli.main(["sample", folder + "/run", "--out", folder + "/a.png"]) == 0
assert cli.main(["info", folder + "/run"]) == 0
assert cli.main(["info"]) == 0
"""


def test_it_works_with_the_library_alone(tmp_path):
    command = [sys.executable, "-c", WITHOUT_LAB, str(tmp_path), *TINY]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.png").is_file()


@pytest.mark.skipif(os.name != "posix", reason="starts torchrun: runs on Linux and macOS")
def test_of_two_processes_one_speaks(tmp_path):
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [sys.executable, *launcher, "-m", "cgan_kit", "train", "digits", *TINY]
    command += ["--steps", "2", "--folder", str(tmp_path / "run")]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    said = ["held out)", "training into ", "See it with: "]
    assert [done.stdout.count(each) for each in said] == [1, 1, 1]


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_ends_cleanly_and_the_run_goes_on_to_the_bit(tmp_path):
    steps = 4000  # more than are done before the signal comes
    command = [sys.executable, "-m", "cgan_kit", "train", "digits", *TINY]
    command += ["--steps", str(steps), "--folder", str(tmp_path / "a"), "--checkpoints", "1"]
    history = tmp_path / "a" / "history.jsonl"
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 300
    while not (history.is_file() and history.stat().st_size) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    run = kit.Run(tmp_path / "a")
    done = int(run.state()["step"])
    assert 0 < done < steps
    assert f"Stopped at step {done} of {steps}; everything is saved." in out
    assert f"python -m cgan_kit resume {run.folder}" in out

    further = done + 5
    assert cli.main(["resume", str(run.folder), "--steps", str(further)]) == 0
    assert train(tmp_path / "b", "--steps", str(further)) == 0
    ours, theirs = kit.Run(tmp_path / "a").state(), kit.Run(tmp_path / "b").state()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
