"""Started by torchrun (see test_distributed.py): what several processes find beside one.

several_processes.py FOLDER    writes FOLDER/report.json; trainings go to FOLDER/runs

FOLDER/one, where it is there, is a run that one process began: it is gone on with.
"""

import copy
import faulthandler
import json
import os
import signal
import sys
from pathlib import Path

import torch
import torch.distributed as dist

import cgan_kit as kit
from cgan_kit.losses import R1R2, WGANGP, AdversarialLoss
from cgan_kit.training import FLOAT32, training_step
from cgan_kit.training.distributed import join, share_batch_statistics
from cgan_kit.training.step import discriminator_step, draw, generator_step, make_players

BATCH = 16
STEPS = 20


def no_game(real, fake):
    return 0 * (real.sum() + fake.sum())


# What is left of a step's gradient in this game is the conditioning's.
GAMES = [
    *(game for game in vars(kit.losses).values() if isinstance(game, AdversarialLoss)),
    AdversarialLoss("no_game", no_game, no_game),
]


# Every conditioning method of the kit, by name: a function that makes it for some images.
METHODS = {
    name: lambda images, kind=kind: kind()
    for name, kind in vars(kit.losses).items()
    if isinstance(kind, type) and issubclass(kind, kit.losses.Conditioning)
}
del METHODS["Conditioning"]
METHODS["FrozenClassifier"] = lambda images: kit.losses.FrozenClassifier(
    kit.metrics.train_classifier(images, steps=1)
)


def make_images(count=48, side=8):
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 1, side, side), dtype=torch.uint8, generator=random)
    return kit.data.ImageSet(images, torch.arange(count) % 3, ["a", "b", "c"])


def make_gan(data, conditioning, game=kit.losses.relativistic, **options):
    build = kit.GAN.for_points if isinstance(data, kit.data.PointSet) else kit.GAN.for_images
    gan = build(data, conditioning, game, width=4, latent_dim=3, **options).train()
    if isinstance(conditioning, kit.losses.Projection):  # at zero it would be silent
        torch.nn.init.ones_(conditioning.proxies.weight)
    return gan


def together_and_alone(gan, data, shard, **recipe):
    """Players as one of several processes has them; in rank 0, also as a single one has them."""
    recipe = kit.Recipe(**{"batch_size": BATCH, "penalty": None} | recipe)
    alone = [copy.deepcopy(gan)] if shard.rank == 0 else []
    share_batch_statistics(gan, shard)
    return [
        make_players(gan, data, recipe, FLOAT32, seed=1, shard=shard),
        *(make_players(each, data, recipe, FLOAT32, seed=1) for each in alone),
    ]


def gradient(module):
    parts = [p.grad.flatten() for p in module.parameters() if p.grad is not None]
    return torch.cat(parts) if parts else torch.zeros(1)


def compare(together, alone=None):
    """(the first along the second, their distance as a share of the second's length)."""
    if alone is None:
        return None
    if alone.norm() < 1e-12:
        return 1.0, together.norm().item()
    ratio, distance = (alone @ together) / (alone @ alone), (together - alone).norm()
    return ratio.item(), (distance / alone.norm()).item()


def compare_gradients(conditioning, game, data, shard):
    """For each part, `compare` of its gradients in the first step; and of what is reported."""
    both = together_and_alone(make_gan(data, conditioning, game), data, shard)
    found, seen = {}, [discriminator_step(players, draw(players)) for players in both]
    for part in ("discriminator", "conditioning"):
        found[part] = compare(*(gradient(getattr(players.gan, part)) for players in both))
    for each, players in zip(seen, both, strict=True):
        each |= generator_step(players, draw(players))
    found["generator"] = compare(*(gradient(players.gan.generator) for players in both))
    reported = [players.shard.averaged(each) for each, players in zip(seen, both, strict=True)]
    found["reported"] = compare(*(torch.stack(list(each.values())) for each in reported))
    return found


def compare_trainings(gan, data, shard, turns=1, steps=STEPS, **recipe):
    """The largest difference between two numbers of the weights after so many steps; for rank 0."""
    both = together_and_alone(gan, data, shard, **recipe)
    for players in both:
        for _ in range(steps):
            training_step(players, turns)
    together, *alone = (players.gan.state_dict() for players in both)
    return [max((together[key] - one[key]).abs().max().item() for key in one) for one in alone]


class InterruptOne:
    """A probe in which Ctrl-C reaches the last process alone."""

    every = 3

    def __call__(self, players, step):
        if players.shard.rank == players.shard.world_size - 1:
            os.kill(os.getpid(), signal.SIGINT)
        return {}


def a_run():
    """What test_distributed trains in one process: float32, as everybody does."""
    data = make_images()
    return {
        "gan": make_gan(data, kit.losses.ReACGAN()),
        "data": data,
        "steps": STEPS,
        "recipe": kit.Recipe(batch_size=BATCH),
        "log_every": 5,
        "save_minutes": 0,
        "checkpoints": 1,
        "precision": kit.Precision(),
    }


def stopped_and_resumed():
    """A run in a folder of its own choice, interrupted in one process, and gone on with."""
    run = kit.train(**a_run(), probes=[InterruptOne()])
    stopped = run.steps[-1]
    resumed = kit.training.finish(kit.Training.resume(run.folder, data=make_images()))
    return {"folder": str(run.folder), "stopped": stopped, "steps": resumed.steps}


def began_alone():
    """The run in the folder "one", gone on with by all."""
    resumed = kit.training.finish(kit.Training.resume("one", data=make_images()))
    return {"steps": resumed.steps}


def left_early():
    """Where each process stands when the first one's own loop ends."""
    training = kit.Training(**a_run())
    for record in training:
        if training.shard.rank == 0 and record["step"] == 5:
            break
    return {"step": training.step, "saved": training.run.steps[-1]}


def agreement(shard):
    """Differently seeded weights, and a trial of precisions: what each process ends up with."""
    arguments = a_run() | {"precision": None, "steps": 2}
    gan = make_gan(make_images(), kit.losses.ReACGAN(), seed=shard.rank)
    run = kit.train(**arguments | {"gan": gan})
    again = kit.train(**arguments | {"gan": gan})  # its batch norms are shared by now
    return {
        "weights": sum(p.double().sum().item() for p in gan.parameters()),
        "folders": [str(run.folder), str(again.folder)],
        "precision": run.config["training"]["precision"],
    }


def shared_work(shard):
    """Answers to 1, 2, 5 and 8 rows, each row doubled by one process; and samples of the run."""
    done = []

    def double(rows, names):
        done.append(len(rows))
        return 2 * rows + names[:, None]

    answers = [
        shard.in_parts(double, torch.arange(2.0 * n).view(n, 2), torch.arange(n)).tolist()
        for n in (1, 2, 5, 8)
    ]
    run = kit.Run("one")
    latents = kit.models.draw_latents(7, run.latent_dim, torch.Generator().manual_seed(1))
    labels = torch.arange(7) % 3
    ours, alone = (
        kit.training.Sampler(run, "cpu").sample(latents, labels),
        run.sample(latents, labels),
    )
    return {
        "done": done,
        "answers": answers,
        "off": (ours.int() - alone.int()).abs().max().item(),
    }


def refusals(shard):
    """What every process is told of wrong arguments, and whether anything was written."""
    before = sorted(map(str, Path("runs").glob("**/*")))
    told = []
    for wrong in (
        {"recipe": kit.Recipe(batch_size=BATCH + 1)},
        {"folder": Path("runs") / "custom-reacgan-001"},
        {"data": make_images(48 + 3 * shard.rank)},
    ):
        try:
            kit.Training(**a_run() | wrong)
        except ValueError as error:
            told.append(str(error))
    return {"told": told, "untouched": before == sorted(map(str, Path("runs").glob("**/*")))}


def in_float64():
    """From here on everything is float64: rounding cannot hide a factor that is a bit wrong."""
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double  # the kit computes losses in float32 otherwise


def gradients(images, shard):
    """All methods in all games; with more than two processes each of the losses by itself."""
    every = [(name, game) for name in METHODS for game in GAMES]
    if shard.world_size > 2:
        every = [
            (name, game) for name, game in every if game.name == "no_game" or name == "ReACGAN"
        ]
    return {
        f"{name} {game.name}": compare_gradients(METHODS[name](images), game, images, shard)
        for name, game in every
    }


def make_biggan():
    """BigGAN's pair at its smallest: spectral norm on both, hinge; and images for it."""
    images = make_images(count=32, side=32)
    torch.manual_seed(5)
    gan = kit.GAN(
        kit.models.BigGANGenerator(3, (1, 32, 32), 4, 1, embedding_dim=2, attention_side=0),
        kit.models.BigGANDiscriminator((1, 32, 32), 1, attention_side=0),
        kit.losses.ReACGAN(),
        kit.losses.hinge,
    )
    return gan.train(), images


def trainings(images, points, shard):
    """The MLP pair, and for two processes the DCGAN and the BigGAN pair."""
    on_points = make_gan(points, kit.losses.ReACGAN())
    on_lines = make_gan(points, kit.losses.ACGAN(), kit.losses.wasserstein)
    found = {
        "points with R1R2": compare_trainings(on_points, points, shard, penalty=R1R2(0.05)),
        "points with WGAN-GP": compare_trainings(on_lines, points, shard, penalty=WGANGP()),
    }
    if shard.world_size > 2:
        return found
    plain = make_gan(images, kit.losses.ReACGAN())
    return found | {
        "images with R1R2": compare_trainings(plain, images, shard, penalty=R1R2(0.05)),
        "BigGAN": compare_trainings(*make_biggan(), shard, turns=2, steps=5, batch_size=8),
    }


def main(folder):
    faulthandler.dump_traceback_later(200, exit=True)  # a deadlock ends, and says where
    torch.set_num_threads(1)
    os.chdir(folder)
    shard, _ = join(torch.device("cpu"))
    images, points = make_images(), kit.data.load("gaussians", samples=64, seed=1)
    report = {"run": stopped_and_resumed()}
    if Path("one").is_dir():
        report["one"] = began_alone()
        report["shared work"] = shared_work(shard)
    if shard.world_size == 2:
        report |= {
            "left": left_early(),
            "agreement": agreement(shard),
            "refusals": refusals(shard),
        }
    in_float64()
    points.samples = points.samples.double()
    report["gradients"] = gradients(images, shard)
    report["trained"] = trainings(images, points, shard)
    reports = [None] * shard.world_size
    dist.all_gather_object(reports, report)
    if shard.rank == 0:
        Path("report.json").write_text(json.dumps(reports))


if __name__ == "__main__":
    main(sys.argv[1])
