"""The residual pairs in the kit's training: every conditioning, precision, average, resume."""

import pytest
import torch
from residual_pairs import FAMILIES, small_gan, some_images
from torch import nn

import cgan_kit as kit
from cgan_kit.asked import CONDITIONINGS
from cgan_kit.losses import R1R2
from cgan_kit.training import FLOAT32, training_step
from cgan_kit.training.average import averaged_copy, update_average
from cgan_kit.training.distributed import Shard, SharedBatchNorm2d, share_batch_statistics
from cgan_kit.training.step import make_players

both = pytest.mark.parametrize("family", FAMILIES)


def conditioning(name):
    if name == "frozen-classifier":
        return CONDITIONINGS[name](kit.metrics.train_classifier(some_images(), steps=1))
    return CONDITIONINGS[name]()


def train(gan, steps=3, penalty=None, precision=FLOAT32, data=None):
    """What the last of the steps saw."""
    recipe = kit.Recipe(batch_size=6, penalty=penalty)
    precision.arrange(gan)
    players = make_players(gan.train(), data or some_images(), recipe, precision, seed=0)
    for _ in range(steps):
        seen = training_step(players)
    return {name: value.item() for name, value in seen.items()}


def weights(module):
    """Matrices and filters: a bias may have no gradient, before a batch norm for one."""
    learning = module.named_parameters()
    return {name: p.detach().clone() for name, p in learning if p.ndim > 1 and p.requires_grad}


@both
@pytest.mark.parametrize("name", CONDITIONINGS)
def test_every_conditioning_trains_on_the_pair(family, name):
    gan = small_gan(family, conditioning(name))
    before = {part: weights(getattr(gan, part)) for part in ("generator", "discriminator")}
    before["conditioning"] = weights(gan.conditioning)
    seen = train(gan)
    assert all(torch.isfinite(torch.tensor(value)) for value in seen.values()), seen
    for part, theirs in before.items():
        after = weights(getattr(gan, part))
        assert all(torch.isfinite(each).all() for each in after.values())
        still = [key for key in theirs if torch.equal(theirs[key], after[key])]
        assert still == [], (part, still)


@both
def test_penalties_differentiate_the_discriminator_twice(family):
    seen = train(small_gan(family), penalty=R1R2(0.1))
    assert seen["penalty"] > 0
    assert all(torch.isfinite(torch.tensor(value)) for value in seen.values()), seen


@both
def test_layout_changes_nothing_and_bfloat16_little(family):
    seen = {}
    for precision in (
        kit.Precision(),
        kit.Precision(channels_last=True),
        kit.Precision(bfloat16=True, channels_last=True),
    ):
        gan = small_gan(family)
        seen[precision] = train(gan, 1, precision=precision)
        assert {p.dtype for p in gan.parameters()} == {torch.float32}
    exact, laid_out, short = seen.values()
    assert laid_out == pytest.approx(exact, rel=1e-3, abs=1e-4)
    assert short == pytest.approx(exact, rel=0.1, abs=0.1)
    assert short != exact


@both
def test_the_average_follows_and_samples_in_evaluation(family):
    gan = small_gan(family)
    average = averaged_copy(gan.generator)
    train(gan)
    update_average(average, gan.generator, decay=0.0)
    latents, labels = torch.randn(4, 60), torch.tensor([0, 1, 2, 0])
    ours, theirs = average(latents, labels), gan.generator.eval()(latents, labels)
    torch.testing.assert_close(ours, theirs)
    update_average(average, small_gan(family, seed=1).generator, decay=0.5)
    assert average(latents, labels).isfinite().all()


@both
def test_broken_off_and_resumed_is_the_same_to_the_bit(family, tmp_path):
    def training(name):
        return kit.Training(
            small_gan(family, kit.losses.ReACGAN()),
            some_images(),
            steps=4,
            recipe=kit.Recipe(batch_size=6, penalty=None),
            checkpoints=1,
            folder=tmp_path / name,
            precision=kit.Precision(),
        )

    whole, parts = training("whole"), training("parts")
    for _ in whole:
        pass
    for record in parts:
        if record["step"] == 2:
            break
    resumed = kit.Training.resume(parts.folder, data=some_images())
    for _ in resumed:
        pass
    ours, theirs = resumed.run.state(), whole.run.state()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


@both
def test_every_batch_norm_can_see_all_processes(family):
    generator = small_gan(family).generator
    norms = [m for m in generator.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 7, "two in each block and the last"
    latents, labels = torch.randn(4, 60), torch.tensor([0, 1, 2, 0])
    before = generator.eval()(latents, labels)
    share_batch_statistics(generator, Shard(0, 2))
    assert all(type(norm) is SharedBatchNorm2d for norm in norms)
    assert torch.equal(generator(latents, labels), before)
