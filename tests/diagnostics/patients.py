"""Small trainings for probes to look at. No test module itself."""

import torch

import cgan_kit as kit
from cgan_kit.training import training_step
from cgan_kit.training.step import make_players


def noise(channels=1, per_class=16, classes=3):
    """Random images of 8 px."""
    random = torch.Generator().manual_seed(0)
    shape = (per_class * classes, channels, 8, 8)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=random)
    labels = torch.arange(len(images)) % classes
    return kit.data.ImageSet(images, labels, [f"class {k}" for k in range(classes)])


def players_after(steps, conditioning=None, game=kit.losses.relativistic, data=None, **options):
    """The players of a tiny training, `steps` steps in."""
    data = noise() if data is None else data
    build = kit.GAN.for_points if isinstance(data, kit.data.PointSet) else kit.GAN.for_images
    gan = build(data, conditioning, game, width=4, latent_dim=3, **options).train()
    recipe = kit.Recipe(batch_size=12)
    players = make_players(gan, data, recipe, kit.Precision(), seed=1)
    for _ in range(steps):
        training_step(players)
    return players


# Every conditioning method of the kit, by name: a function that makes one for `noise()`.
METHODS = {
    name: kind
    for name, kind in vars(kit.losses).items()
    if isinstance(kind, type) and issubclass(kind, kit.losses.Conditioning)
}
del METHODS["Conditioning"]
METHODS["FrozenClassifier"] = lambda: kit.losses.FrozenClassifier(
    kit.metrics.train_classifier(noise(), steps=1)
)
GAMES = [game for game in vars(kit.losses).values() if isinstance(game, kit.losses.AdversarialLoss)]
