"""Runs that train in a moment, for tests of what reads runs. No test module itself."""

from pathlib import Path

import torch

import cgan_kit as kit

NAMES = ("disc", "ring", "cross", "bar")


def tiny_images(channels: int = 1, classes: int = 4, seed: int = 0) -> kit.data.ImageSet:
    """Noise of 8×8 with as many classes as asked, 8 images each."""
    generator = torch.Generator().manual_seed(seed)
    shape = (classes * 8, channels, 8, 8)
    images = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    names = NAMES if classes == len(NAMES) else [f"class {k}" for k in range(classes)]
    return kit.data.ImageSet(images, torch.arange(classes).repeat(8), names)


def tiny_training(
    folder: Path,
    data: kit.data.ImageSet | None = None,
    conditioning: kit.losses.Conditioning | None = None,
    steps: int = 6,
    **options: object,
) -> kit.Training:
    """Six steps of a small GAN on noise, with a record and a checkpoint every second one."""
    data = tiny_images() if data is None else data
    gan = kit.GAN.for_images(data, conditioning or kit.losses.ACGAN(), width=4, latent_dim=5)
    settings = {"log_every": 2, "checkpoints": [0, 2, 4, 6], "seed": 3, **options}
    return kit.Training(
        gan,
        data,
        steps=steps,
        folder=folder,
        precision=kit.Precision(),
        recipe=kit.Recipe(batch_size=8),
        **settings,
    )


def tiny_run(folder: Path, data: kit.data.ImageSet | None = None) -> kit.Run:
    training = tiny_training(folder, data)
    for _ in training:
        pass
    return training.run


def point_training(folder: Path) -> kit.Training:
    data = kit.data.PointSet(torch.randn(32, 2), torch.arange(2).repeat(16), ["left", "right"])
    return kit.Training(
        kit.GAN.for_points(data, width=8, latent_dim=3),
        data,
        steps=2,
        folder=folder,
        precision=kit.Precision(),
        recipe=kit.Recipe(batch_size=8),
    )


def point_run(folder: Path) -> kit.Run:
    training = point_training(folder)
    for _ in training:
        pass
    return training.run
