"""Bad inputs through public entry points, and the message each of them gets.

    PYTHONPATH=. python tests/test_bad_inputs.py

prints the table. Every row also asserts that nothing was written.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError

import pytest
import torch
from PIL import Image

import cgan_kit as kit
from cgan_kit import cli
from cgan_kit.data import ImageSet, PointSet
from cgan_kit.diagnostics import ClassifierProbe, SampleProbe
from cgan_kit.losses import ACGAN, R1, R1R2, WGANGP, Projection

CPU = {"precision": kit.Precision(), "device": "cpu"}
KIND = (ValueError, FileNotFoundError, NotADirectoryError, RuntimeError, OSError)


class Row(NamedTuple):
    name: str
    call: Callable[[Place], object]
    fragments: tuple[str, ...]


ROWS: list[Row] = []


def bad(name: str, *fragments: str) -> Callable[[Callable[[Place], object]], None]:
    """A row of the table: what is wrong, and what the message must contain."""

    def add(call: Callable[[Place], object]) -> None:
        ROWS.append(Row(name, call, fragments))

    return add


class Place:
    """A folder to do wrong in; what is prepared there does not count as written."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch = folder, patch
        patch.chdir(folder)
        patch.setenv("CGAN_KIT_DATA", str(folder / "data"))
        self.prepared()

    def prepared(self) -> None:
        self.before = self.files()

    def files(self) -> dict[str, bytes]:
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path): path.read_bytes() for path in found}

    def trained(self) -> kit.Run:
        """A run of two steps, in this place."""
        run = kit.Run(shutil.copytree(trained_once(), self.folder / "run"))
        self.prepared()
        return run

    def image_folder(self, **classes: int) -> Path:
        """A folder with so many images a class."""
        for name, count in classes.items():
            (self.folder / "pictures" / name).mkdir(parents=True)
            for i in range(count):
                path = self.folder / "pictures" / name / f"{i}.png"
                Image.new("L", (9, 9), 20 * i).save(path)
        self.prepared()
        return self.folder / "pictures"


def images(n: int = 20, channels: int = 1, size: int = 8) -> torch.Tensor:
    return torch.arange(n * channels * size * size).view(n, channels, size, size).to(torch.uint8)


def a_set(n: int = 20, classes: int = 2, size: int = 8) -> ImageSet:
    labels = torch.arange(n) % classes
    return ImageSet(images(n, size=size), labels, [str(k) for k in range(classes)])


def points() -> PointSet:
    return PointSet(torch.arange(40.0).view(20, 2), torch.arange(20) % 2, ["a", "b"])


def a_gan(data: ImageSet | None = None, **options: object) -> kit.GAN:
    options = {"width": 2, "latent_dim": 3} | options
    return kit.GAN.for_images(data or a_set(), Projection(), **options)


def train(data: ImageSet | None = None, **arguments: object) -> object:
    data = data or a_set()
    arguments = {"steps": 2, "recipe": kit.Recipe(batch_size=4)} | CPU | arguments
    return kit.train(arguments.pop("gan", None) or a_gan(), data, **arguments)


_once: list[Path] = []


def trained_once() -> Path:
    if not _once:
        folder = Path(tempfile.mkdtemp()) / "run"
        data = kit.data.load("digits", size=8).split()[0]
        train(data, gan=a_gan(data), folder=folder, checkpoints=[1])
        _once.append(folder)
    return _once[0]


# --- data -----------------------------------------------------------------------------------


@bad("labels beyond the class names", "labels run from 0 to 12", "10 class names", "renumber")
def _(place):
    ImageSet(images(), torch.arange(20) % 13, [str(k) for k in range(10)])


@bad("negative labels", "labels run from -1", "[0, 1]")
def _(place):
    ImageSet(images(), torch.arange(20) % 2 - 1, ["a", "b"])


@bad("labels that are floats", "labels have dtype torch.float32", "labels.long()")
def _(place):
    ImageSet(images(), torch.zeros(20), ["a", "b"])


@bad("one label too few", "labels have shape (19,)", "one label a sample: (20,)")
def _(place):
    ImageSet(images(), torch.zeros(19, dtype=torch.int64), ["a", "b"])


@bad("images that are floats", "images have dtype torch.float32", "to_uint8")
def _(place):
    ImageSet(images().float(), torch.zeros(20, dtype=torch.int64), ["a"])


@bad("images without a channel axis", "images have shape (20, 8, 8)", "(N, C, H, W)")
def _(place):
    ImageSet(images()[:, 0], torch.zeros(20, dtype=torch.int64), ["a"])


@bad("images with an alpha channel", "images have shape (20, 4, 8, 8)", "C = 1 (grey) or 3 (RGB)")
def _(place):
    ImageSet(images(channels=4), torch.zeros(20, dtype=torch.int64), ["a"])


@bad("a set without samples", "no samples", "at least one")
def _(place):
    ImageSet(images()[:0], torch.zeros(0, dtype=torch.int64), ["a"])


@bad("points with NaN", "points hold NaN or Inf", "remove")
def _(place):
    PointSet(torch.full((4, 2), math.nan), torch.zeros(4, dtype=torch.int64), ["a"])


@bad("splitting a set with an empty class", "class 'c' has 0 samples", "at least 2")
def _(place):
    ImageSet(images(), torch.arange(20) % 2, ["a", "b", "c"]).split()


@bad("held_out above 1", "held_out is 1.5", "between 0 and 1")
def _(place):
    a_set().split(held_out=1.5)


@bad("unknown data set", "'didgits'", "did you mean 'digits'", "folder:PATH")
def _(place):
    kit.data.load("didgits")


@bad("unknown option of a set", "no option 'sise'", "did you mean 'size'")
def _(place):
    kit.data.load("digits", sise=16)


@bad("image size a set does not come at", "size is 12", "8, 16, 32")
def _(place):
    kit.data.load("digits", size=12)


@bad("image size as text", "size is '16'", "16, 32")
def _(place):
    kit.data.load("shapes", size="16")


@bad("glyphs of one class", "classes is 1", "2 to 200")
def _(place):
    kit.data.load("glyphs", classes=1)


@bad("glyphs of 500 classes", "classes is 500", "2 to 200")
def _(place):
    kit.data.load("glyphs", classes=500)


@bad("unknown layout of points", "layout is 'star'", "ring")
def _(place):
    kit.data.load("gaussians", layout="star")


@bad("torchvision's set without a network", "mnist", "could not be downloaded", "digits, shapes")
def _(place):
    def offline(*arguments: object, **options: object) -> None:
        raise URLError("no network")

    place.patch.setattr(urllib.request, "urlopen", offline)
    kit.data.load("mnist")


@bad("a folder that is not there", "no folder", "nowhere", "check the path")
def _(place):
    kit.data.load(f"folder:{place.folder / 'nowhere'}")


@bad("a file in place of a folder", "is a file", "give the folder")
def _(place):
    (place.folder / "picture.png").write_bytes(b"")
    place.prepared()
    kit.data.load(f"folder:{place.folder / 'picture.png'}")


@bad("a folder without sub-folders", "has no sub-folders", "cats/1.jpg")
def _(place):
    kit.data.load(f"folder:{place.folder}")


@bad("a folder with one class", "one class, 'cats'", "at least 2 sub-folders")
def _(place):
    kit.data.load(f"folder:{place.image_folder(cats=3)}")


@bad("a folder with an empty class", "1 of 2 classes without an image: dogs", "remove")
def _(place):
    kit.data.load(f"folder:{place.image_folder(cats=3, dogs=0)}")


@bad("an unreadable file in a folder", "1 of 6 files", "broken.png", "skip_unreadable=True")
def _(place):
    folder = place.image_folder(cats=3, dogs=2)
    (folder / "dogs" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    place.prepared()
    kit.data.load(f"folder:{folder}", size=8)


@bad("turning integers into uint8 images", "images have dtype torch.int64", "floats in [-1, 1]")
def _(place):
    kit.data.to_uint8(torch.zeros(1, 1, 8, 8, dtype=torch.int64))


# --- models and losses ----------------------------------------------------------------------


@bad("points for the image pair", "data is a set of points", "GAN.for_points(data)")
def _(place):
    kit.GAN.for_images(points())


@bad("images for the point pair", "data is a set of images", "GAN.for_images(data)")
def _(place):
    kit.GAN.for_points(a_set())


@bad("images of a size the pair does not make", "24 px is not a size", "8, 16, 32, 64")
def _(place):
    kit.GAN.for_images(a_set(size=24))


@bad("images that are not square", "(1, 8, 16)", "crop or resize")
def _(place):
    wide = torch.zeros(4, 1, 8, 16, dtype=torch.uint8)
    kit.GAN.for_images(ImageSet(wide, torch.arange(4) % 2, ["a", "b"]))


@bad("a conditioning without its brackets", "conditioning is Projection", "losses.Projection()")
def _(place):
    kit.GAN.for_images(a_set(), Projection)


@bad("a conditioning by its name", "conditioning is 'projection'", "losses.Projection()")
def _(place):
    kit.GAN.for_images(a_set(), "projection")


@bad("one conditioning for two GANs", "Projection that belongs to a GAN already", "another one")
def _(place):
    shared = Projection()
    for _ in range(2):
        kit.GAN.for_images(a_set(), shared, width=2)


@bad("an adversarial loss by its name", "adversarial is 'hinge'", "cgan_kit.losses.hinge")
def _(place):
    kit.GAN.for_images(a_set(), Projection(), "hinge")


@bad("a width of zero", "width is 0", "1 or more")
def _(place):
    a_gan(width=0)


@bad("a latent dimension that is no whole number", "latent_dim is 2.5", "whole number")
def _(place):
    a_gan(latent_dim=2.5)


@bad("a pair for different samples", "(1, 8, 8)", "(1, 16, 16)", "one sample_shape")
def _(place):
    generator = kit.models.DCGANGenerator(2, (1, 8, 8), 3, 2)
    kit.GAN(generator, kit.models.DCGANDiscriminator((1, 16, 16), 2), Projection())


@bad("unknown pooling", "pooling is 'max'", "'flat', 'sum' or 'mean'")
def _(place):
    kit.models.DCGANDiscriminator((1, 8, 8), pooling="max")


@bad("a negative weight of the class loss", "weight is -1", "0 (no class loss)")
def _(place):
    ACGAN(weight=-1.0)


@bad("a class-loss weight that is NaN", "weight is nan", "0 (no class loss)")
def _(place):
    ACGAN(weight=math.nan)


@bad("a negative gamma", "gamma is -0.1", "0 (no penalty)")
def _(place):
    R1R2(-0.1)


@bad("a gamma without bound", "gamma is inf", "0 (no penalty)")
def _(place):
    R1(math.inf)


@bad("a negative weight of WGAN-GP", "weight is -10", "0 (no penalty)")
def _(place):
    WGANGP(-10)


@bad("a truncation of zero", "truncation is 0", "above 0, such as 1.0")
def _(place):
    kit.models.truncate(torch.zeros(2, 3), 0)


@bad("a truncation that is NaN", "truncation is nan", "above 0")
def _(place):
    kit.models.truncate(torch.zeros(2, 3), math.nan)


@bad("a width for the discriminator alone", "discriminator_width is 0", "1 or more")
def _(place):
    a_gan(discriminator_width=0)


@bad("a count that is a yes", "width is True", "whole number")
def _(place):
    a_gan(width=True)


@bad("a seed that is no number", "seed is 'x'", "whole number")
def _(place):
    a_gan(seed="x")


@bad("a seed of more than 64 bits", "seed is 1000000", "whole number")
def _(place):
    a_gan(seed=10**30)


@bad("spectral norm by a word", "spectral_norm is 'no'", "True or False")
def _(place):
    a_gan(spectral_norm="no")


@bad("no conditioning, as a number", "conditioning is 0", "losses.Projection()")
def _(place):
    kit.GAN.for_images(a_set(), 0)


@bad("a pair's class for its object", "DCGANGenerator, no network", "DCGANGenerator(...)")
def _(place):
    judge = kit.models.DCGANDiscriminator((1, 8, 8), 2)
    kit.GAN(kit.models.DCGANGenerator, judge, Projection())


@bad("a pair by its name", "discriminator is str, no network", "models.DCGANDiscriminator(...)")
def _(place):
    kit.GAN(kit.models.DCGANGenerator(2, (1, 8, 8), 3, 2), "dcgan", Projection())


@bad("a side for a shape", "sample_shape is 32", "data.sample_shape")
def _(place):
    kit.models.BigGANGenerator(2, 32)


@bad("a shape of no channels", "sample_shape is (0, 32, 32)", "1 or more")
def _(place):
    kit.models.ResNetDiscriminator((0, 32, 32))


@bad("a dimension of points that is a fraction", "sample_shape is (2.5,)", "whole numbers")
def _(place):
    kit.models.MLPGenerator(2, (2.5,))


@bad("attention by a word", "attention_side is 'none'", "0 for no attention")
def _(place):
    kit.models.BigGANDiscriminator((3, 32, 32), 2, attention_side="none")


@bad("fewer than no latents", "n is -1", "0 or more")
def _(place):
    kit.models.draw_latents(-1, 3)


@bad("a preset for points", "data is custom: 20 samples", "set of images")
def _(place):
    kit.training.presets.PRESETS["cifar10-reacgan"].gan(points())


# --- training -------------------------------------------------------------------------------


@bad("a learning rate as text", "learning_rate is '1e-3'", "above 0")
def _(place):
    kit.Recipe(learning_rate="1e-3")


@bad("no rate for the generator", "learning_rate is None", "1e-3")
def _(place):
    kit.Recipe(learning_rate=None)


@bad("one beta", "betas is 0.5", "two numbers")
def _(place):
    kit.Recipe(betas=0.5)


@bad("betas as text", "betas is ('0', '0.9')", "two numbers")
def _(place):
    kit.Recipe(betas=("0", "0.9"))


@bad("no average, as None", "ema_decay is None", "[0, 1)")
def _(place):
    kit.Recipe(ema_decay=None)


@bad("a late average as a fraction", "ema_start is 1.5", "whole number")
def _(place):
    kit.Recipe(ema_start=1.5)


@bad("no penalty, as a number", "penalty is 0", "R1R2(0.05), or None")
def _(place):
    kit.Recipe(penalty=0)


@bad("a penalty without its brackets", "penalty is <class", "R1R2(0.05), or None")
def _(place):
    kit.Recipe(penalty=R1R2)


@bad("flips by a word", "flips is 'no'", "True or False")
def _(place):
    kit.Recipe(flips="no")


@bad("a format's switch by a word", "bfloat16 is 'no'", "True or False")
def _(place):
    kit.Precision(bfloat16="no")


@bad("a precision by its name", "precision is 'float32'", "cgan_kit.Precision()", "leave it out")
def _(place):
    train(precision="float32", folder=place.folder / "new")


@bad("a recipe by its name", "recipe is 'fast'", "cgan_kit.Recipe(")
def _(place):
    train(recipe="fast", folder=place.folder / "new")


@bad("a generator for a GAN", "gan is a DCGANGenerator", "GAN.for_images(data)")
def _(place):
    train(gan=a_gan().generator, folder=place.folder / "new")


@bad("a folder that is a number", "folder is 3", "give a path")
def _(place):
    train(folder=3)


@bad("a folder without a name", "folder is ''", "give a path")
def _(place):
    train(folder="")


@bad("checkpoints as a fraction", "checkpoints is 2.5", "or a list of steps")
def _(place):
    train(checkpoints=2.5, folder=place.folder / "new")


@bad("checkpoints as text", "checkpoints is '1'", "or a list of steps")
def _(place):
    train(checkpoints="1", folder=place.folder / "new")


@bad("a checkpoint as text", "checkpoints holds '1'", "from 0 to 2")
def _(place):
    train(checkpoints=["1"], folder=place.folder / "new")


@bad("no time between saves", "save_minutes is None", "0 or more")
def _(place):
    train(save_minutes=None, folder=place.folder / "new")


@bad("a seed of a training that is no number", "seed is None", "whole number")
def _(place):
    train(seed=None, folder=place.folder / "new")


@bad("graphs by a word", "graphs is 'no'", "True or False")
def _(place):
    train(graphs="no", folder=place.folder / "new")


@bad("a device that is a number", "device is 2.5", "'cpu', 'cuda'")
def _(place):
    train(device=2.5, folder=place.folder / "new")


@bad("a device without numbers", "device is 'meta'", "'cpu', 'cuda'")
def _(place):
    train(device="meta", folder=place.folder / "new")


@bad("a learning rate that is NaN", "learning_rate is nan", "1e-3")
def _(place):
    kit.Recipe(learning_rate=math.nan)


@bad("an average that never moves", "ema_decay is 1", "[0, 1)")
def _(place):
    kit.Recipe(ema_decay=1.0)


@bad("betas outside their range", "betas is (0.5, 1.0)", "[0, 1)")
def _(place):
    kit.Recipe(betas=(0.5, 1.0))


@bad("a batch of none", "batch_size is 0", "1 or more")
def _(place):
    kit.Recipe(batch_size=0)


@bad("a batch larger than the set", "batch_size is 64", "20 samples", "from 1 to 20")
def _(place):
    train(recipe=kit.Recipe(batch_size=64), folder=place.folder / "new")


@bad("negative steps", "steps is -3", "1 or more")
def _(place):
    train(steps=-3, folder=place.folder / "new")


@bad("steps that are no whole number", "steps is 1000.0", "whole number")
def _(place):
    train(steps=1e3, folder=place.folder / "new")


@bad("no checkpoints", "checkpoints is 0", "or a list of steps")
def _(place):
    train(checkpoints=0, folder=place.folder / "new")


@bad("a checkpoint after the end", "checkpoints holds 9", "from 0 to 2")
def _(place):
    train(checkpoints=[1, 9], folder=place.folder / "new")


@bad("data of other classes than the GAN's", "data has 3 classes", "built for 2", "for_images")
def _(place):
    train(a_set(classes=3), folder=place.folder / "new")


@bad("data of another size than the GAN's", "(1, 16, 16)", "built for (1, 8, 8)", "for_images")
def _(place):
    train(a_set(size=16), folder=place.folder / "new")


@bad("bare tensors as data", "data is a Tensor", "ImageSet(images, labels, class_names)")
def _(place):
    kit.train(a_gan(), images(), steps=2, folder=place.folder / "new", **CPU)


@bad("an unknown device", "device is 'gpu'", "'cpu', 'cuda'")
def _(place):
    train(device="gpu", folder=place.folder / "new")


@bad("a GPU that is not there", "device is 'cuda:63'", "leave device out, or give 'cpu'")
def _(place):
    train(device="cuda:63", folder=place.folder / "new")


@bad("a probe outside a list", "probes is", "probes=[...]")
def _(place):
    train(probes=lambda players, step: {}, folder=place.folder / "new")


@bad("a probe without its interval", "every = None", "every 1 or more steps")
def _(place):
    train(probes=[lambda players, step: {}], folder=place.folder / "new")


@bad("a probe's class for a probe", "probes holds", "make one: ClassifierProbe()")
def _(place):
    train(probes=[ClassifierProbe], folder=place.folder / "new")


@bad("a probe that never looks", "every is 0", "1 or more")
def _(place):
    ClassifierProbe(every=0)


@bad("held-out images of another size", "held_out has samples of shape (1, 16, 16)", "(1, 8, 8)")
def _(place):
    train(probes=[SampleProbe(held_out=a_set(size=16))], folder=place.folder / "new")


@bad("held-out images of other classes", "held_out has 4 classes", "the training set 2", "split")
def _(place):
    train(probes=[SampleProbe(held_out=a_set(classes=4))], folder=place.folder / "new")


@bad("held-out images without labels", "held_out is a Tensor", "labelled set")
def _(place):
    train(probes=[SampleProbe(held_out=images())], folder=place.folder / "new")


@bad("a judge of other classes", "classifier has 4 classes", "the training set 2")
def _(place):
    judge = kit.metrics.classifier.Classifier((1, 8, 8), 4)
    train(probes=[SampleProbe(classifier=judge)], folder=place.folder / "new")


@bad("a folder that holds a run", "holds a run already", "Training.resume(folder)")
def _(place):
    train(folder=place.trained().folder)


@bad("a run folder under a file", "file.txt' is a file", "choose another folder")
def _(place):
    (place.folder / "file.txt").write_text("here first")
    place.prepared()
    train(folder=place.folder / "file.txt" / "run")


@bad("a read-only run folder", "may not be written", "permissions")
def _(place):
    # Root may write anywhere, so the answer of the operating system is put in its mouth.
    place.patch.setattr(os, "access", lambda path, mode: False)
    train(folder=place.folder / "new")


# --- runs -----------------------------------------------------------------------------------


@bad("a folder that is no run", "nothing', which", "config.json", "train")
def _(place):
    kit.Run(place.folder / "nothing")


@bad("a config.json cut short", "config.json is not a run's config", "new folder")
def _(place):
    path = place.trained().folder / "config.json"
    path.write_text(path.read_text()[:50])
    place.prepared()
    kit.Run(path.parent)


@bad("a config.json of something else", "is not a run's config ('data' is missing)")
def _(place):
    path = place.trained().folder / "config.json"
    path.write_text('{"name": "package"}')
    place.prepared()
    kit.Run(path.parent)


@bad("a config.json that is a list", "is not a run's config", "restore the file")
def _(place):
    path = place.trained().folder / "config.json"
    path.write_text("[1, 2]")
    place.prepared()
    kit.Run(path.parent)


def changed_config(place: Place, change: Callable[[dict], None]) -> kit.Run:
    path = place.trained().folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))
    place.prepared()
    return kit.Run(path.parent)


@bad(
    "a run of a class the kit does not have",
    "'StyleGANGenerator' is not one of",
    "that version of cgan_kit",
)
def _(place):
    def change(config):
        config["gan"]["generator"]["class"] = "StyleGANGenerator"

    changed_config(place, change).generator()


@bad(
    "a run of a newer version",
    "DCGANGenerator cannot be made",
    "attention",
    "that version of cgan_kit",
)
def _(place):
    def change(config):
        config["gan"]["generator"]["attention"] = True

    changed_config(place, change).generator()


@bad("a checkpoint step that is not there", "step is 7", "[0, 1, 2]")
def _(place):
    place.trained().generator(step=7)


@bad("a run without checkpoints", "holds no checkpoint", "train again")
def _(place):
    run = place.trained()
    shutil.rmtree(run.folder / "checkpoints")
    place.prepared()
    run.generator()


def changed_checkpoint(place: Place, change: Callable[[Path], object]) -> kit.Run:
    run = place.trained()
    change(run.folder / "checkpoints" / "step-000002.safetensors")
    place.prepared()
    return run


@bad("a truncated checkpoint", "step-000002.safetensors cannot be read", "earlier checkpoint")
def _(place):
    changed_checkpoint(place, lambda path: path.write_bytes(path.read_bytes()[:-100])).generator()


@bad("an empty checkpoint", "step-000002.safetensors cannot be read", "earlier checkpoint")
def _(place):
    changed_checkpoint(place, lambda path: path.write_bytes(b"")).generator()


@bad("a pickled checkpoint", "step-000002.safetensors is a pickled file", "safetensors only")
def _(place):
    changed_checkpoint(place, lambda path: torch.save({"x": torch.ones(1)}, path)).generator()


@bad("the checkpoint of another model", "averaged is of another model", "config.json")
def _(place):
    def change(config):
        config["gan"]["generator"]["width"] = 4

    changed_config(place, change).generator()


@bad("latents of another width", "latents are torch.float32 of shape (4, 5)", "draw_latents(n, 3)")
def _(place):
    place.trained().sample(torch.zeros(4, 5), torch.zeros(4, dtype=torch.int64))


@bad("latents in float64", "latents are torch.float64", "float32 (n, 3)")
def _(place):
    place.trained().sample(torch.zeros(4, 3).double(), torch.zeros(4, dtype=torch.int64))


@bad("labels the generator does not know", "labels run from 0 to 10", "[0, 9]")
def _(place):
    place.trained().sample(torch.zeros(11, 3), torch.arange(11))


@bad("fewer labels than latents", "torch.int64 of shape (2,)", "(4,)")
def _(place):
    place.trained().sample(torch.zeros(4, 3), torch.arange(2))


@bad("no samples asked for", "labels are empty", "at least one")
def _(place):
    place.trained().sample(torch.zeros(0, 3), torch.arange(0))


@bad("resuming a finished run", "steps is 2", "done 2 already", "more than 2")
def _(place):
    kit.Training.resume(place.trained().folder)


@bad("resuming to a step as text", "steps is '4'", "whole number")
def _(place):
    kit.Training.resume(place.trained().folder, steps="4")


@bad("resuming with bare tensors", "data is a Tensor", "ImageSet(images, labels, class_names)")
def _(place):
    kit.Training.resume(place.trained().folder, steps=4, data=images())


@bad("a run that is None", "folder is None", "give a path")
def _(place):
    kit.Run(None)


@bad("latents in a list", "latents are a list", "give a tensor")
def _(place):
    place.trained().sample([0.0, 0.0, 0.0], torch.zeros(1, dtype=torch.int64))


@bad("samples in batches of none", "batch_size is 0", "1 or more")
def _(place):
    place.trained().sample(torch.zeros(1, 3), torch.zeros(1, dtype=torch.int64), batch_size=0)


@bad("a sampler of a folder's name", "run is 'runs/one'", "cgan_kit.Run(folder)")
def _(place):
    kit.training.Sampler("runs/one", "cpu")


@bad("resuming with other data", "fingerprints differ", "give the same set")
def _(place):
    run = place.trained()
    kit.Training.resume(run.folder, steps=4, data=kit.data.load("digits", size=8))


@bad("resuming without the saved state", "state.safetensors is not there", "sampled from")
def _(place):
    run = place.trained()
    for path in run.folder.glob("state.*"):
        path.unlink()
    place.prepared()
    kit.Training.resume(run.folder, steps=4)


@bad("resuming a run whose data were in memory", "only existed in memory", "keep the set")
def _(place):
    recipe = kit.Recipe(batch_size=4)
    training = kit.Training(a_gan(), a_set(), steps=3, recipe=recipe, folder="mine", **CPU)
    next(iter(training))
    place.prepared()
    kit.Training.resume(training.folder)


@bad("resuming where nothing may be written", "run' may not be written", "permissions")
def _(place):
    run = place.trained()
    place.patch.setattr(os, "access", lambda path, mode: False)
    kit.Training.resume(run.folder, steps=4)


# --- metrics and pictures -------------------------------------------------------------------


@bad("images in [0, 255] as floats to a metric", "floats from 0 to", "uint8 in [0, 255]")
def _(place):
    data = a_set(80)
    kit.metrics.evaluate((data.images.float(), data.labels), data)


@bad("a picture that is no PNG", "--out is 'grid.jpg'", ".png")
def _(place):
    run = place.trained()
    cli.sample(cli.make_parser().parse_args(["sample", str(run.folder), "--out", "grid.jpg"]))


def attempt(row: Row, place: Place) -> str:
    """The message that the row's call ends in."""
    with pytest.raises(KIND) as raised:
        row.call(place)
    return " ".join(str(raised.value).split())


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_message_names_the_argument_its_value_and_the_remedy(row, tmp_path, monkeypatch):
    place = Place(tmp_path, monkeypatch)
    message = attempt(row, place)
    for fragment in row.fragments:
        assert fragment in message
    assert place.files() == place.before, "nothing may be written"
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "new").exists()


def test_the_table_is_long_enough_and_has_no_row_twice():
    assert len(ROWS) >= 60
    assert len({row.name for row in ROWS}) == len(ROWS)


def print_table() -> None:
    """Markdown: what is wrong, and the message it gets; this machine's paths left out."""
    print("| bad input | message |\n|---|---|")
    for row in ROWS:
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            message = attempt(row, Place(Path(folder), patch)).replace(folder, "~")
            print(f"| {row.name} | {message.replace('|', chr(92) + '|')} |")
            patch.chdir(Path(__file__).parent)


if __name__ == "__main__":
    print_table()
