import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

import cgan_kit as kit
from cgan_kit.training import loop, peak
from cgan_kit.training.distributed import Shard
from cgan_kit.training.peak import fastest_pace, flops_of, flops_of_step, measured_peak
from cgan_kit.training.presets import PRESETS
from cgan_kit.training.state import progress_of, weights_of
from cgan_kit.training.step import make_players

KINDS = [
    kit.losses.ACGAN,
    kit.losses.Projection,
    kit.losses.ContraGAN,
    kit.losses.ReACGAN,
    kit.losses.TACGAN,
    kit.losses.ADCGAN,
    kit.losses.AMGAN,
    kit.losses.Concatenation,
    kit.losses.NoConditioning,
]


class TinyGenerator(kit.models.Generator):
    """z (n, 5) -> (n, 4, 3, 3) -> a transposed convolution, stride 2 -> (n, 1, 6, 6)."""

    num_classes, sample_shape, latent_dim = 3, (1, 6, 6), 5

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(5, 36)
        self.up = nn.ConvTranspose2d(4, 1, 2, stride=2)

    def forward(self, latents, labels):
        return self.up(self.linear(latents).unflatten(1, (4, 3, 3)))


class TinyDiscriminator(kit.models.Discriminator):
    """(n, 1, 6, 6) -> two channels of 4 × 4 -> 7 features -> a score."""

    sample_shape, feature_dim = (1, 6, 6), 7

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.linear = nn.Linear(32, 7)
        self.to_score = nn.Linear(7, 1)

    def forward(self, samples):
        features = self.linear(self.conv(samples).flatten(1))
        return kit.models.Judgement(self.to_score(features).squeeze(1), features)


def tiny_players(batch_size=8, conditioning=None, **changes):
    images = torch.randint(0, 256, (24, 1, 6, 6), dtype=torch.uint8)
    data = kit.data.ImageSet(images, torch.arange(24) % 3, ["a", "b", "c"])
    conditioning = conditioning or kit.losses.NoConditioning()
    gan = kit.GAN(TinyGenerator(), TinyDiscriminator(), conditioning, kit.losses.hinge)
    recipe = kit.Recipe(batch_size=batch_size, penalty=None)
    return replace(make_players(gan, data, recipe, kit.Precision(), 0), **changes)


# Two operations a multiplication, for one image: outputs × inputs of each that is multiplied.
G_LINEAR, G_UP = 2 * 5 * 36, 2 * (3 * 3) * (2 * 2) * 4
D_CONV, D_LINEAR, D_SCORE = 2 * (4 * 4) * (3 * 3) * 2, 2 * 32 * 7, 2 * 7
GENERATED, JUDGED = G_LINEAR + G_UP, D_CONV + D_LINEAR + D_SCORE
# Forward; the slope at the weights; the slope at what came in, which the first layer is spared.
D_LEARNS = 2 * (3 * JUDGED - D_CONV) + GENERATED
G_LEARNS = (3 * GENERATED - G_LINEAR) + 2 * JUDGED


@pytest.mark.parametrize("turns", [1, 3])
def test_a_step_of_a_known_pair_by_hand(turns):
    assert flops_of_step(tiny_players(), turns) == 8 * (turns * D_LEARNS + G_LEARNS)


def test_the_head_of_a_method_counts_and_learns_in_the_discriminator_turn_alone():
    players = tiny_players(conditioning=kit.losses.ACGAN(real_only=True))
    head = 2 * 7 * 3  # 7 features, 3 classes
    d_head = 3 * head + 2 * head  # learning; observed on real and on fake images
    g_head = 2 * head  # forward, and the slope at the features
    assert flops_of_step(players) == 8 * (D_LEARNS + d_head + G_LEARNS + g_head)


def test_a_process_counts_its_own_part():
    players = tiny_players(shard=Shard(rank=1, world_size=2))
    assert flops_of_step(players) == 4 * (D_LEARNS + G_LEARNS)


@pytest.mark.parametrize("kind", [kit.losses.R1, kit.losses.R1R2, kit.losses.WGANGP])
def test_a_penalty_costs_operations(kind):
    with_penalty = tiny_players(penalty=kind(1.0))
    assert flops_of_step(with_penalty) > flops_of_step(tiny_players())


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_can_be_counted(kind, data, make_gan):
    players = make_players(
        make_gan(kind()), data, kit.Recipe(batch_size=8), kit.Precision(bfloat16=True), 0
    )
    assert flops_of_step(players) > 0


def test_nothing_of_a_run_is_changed(make_training, same):
    training = make_training()
    next(iter(training))  # so that the optimisers have something to keep
    players = training.players

    def everything():
        state = weights_of(players, training.averaged) | progress_of(players, training.step)
        return copy.deepcopy(state) | {"chance": torch.get_rng_state()}

    before, layout = everything(), [type(each) for each in players.gan.modules()]
    gradients = [each.grad for each in players.gan.parameters()]
    flops_of_step(players, 2)
    measured_peak(torch.device("cpu"), bfloat16=False)
    same(everything(), before)
    assert all(
        each.grad is grad for each, grad in zip(players.gan.parameters(), gradients, strict=True)
    )
    assert [type(each) for each in players.gan.modules()] == layout
    assert not any(each.is_meta for each in players.gan.parameters())


def test_big_gan_costs_what_its_layers_add_up_to():
    preset = PRESETS["cifar10-reacgan"]
    images = torch.zeros(128, 3, 32, 32, dtype=torch.uint8)
    data = kit.data.ImageSet(images, torch.arange(128) % 10, [str(i) for i in range(10)])
    players = make_players(preset.gan(data), data, preset.recipe, kit.Precision(), 0)
    # The published pair: 12.93 TFLOP. Here each 1×1 convolution of a shortcut stands on the small
    # side of the resampling, where it costs a quarter and gives the same.
    assert flops_of_step(players, 5) == pytest.approx(12.57e12, rel=0.001)
    with torch.no_grad(), peak.FakeTensorMode(allow_non_fake_inputs=True) as fake:
        shapes, batch = peak.copy_of_shapes(players, fake)
        gan = shapes.gan
        generated = flops_of(lambda: gan.generator(batch.latents, batch.labels)) / 128
        judged = flops_of(lambda: gan.discriminator(batch.real_images)) / 128
    saved_by_generator = 0.75 * 2 * 384 * 384 * (8**2 + 16**2 + 32**2)
    saved_by_discriminator = 0.75 * 2 * (3 * 192 * 32**2 + 192 * 192 * 16**2)
    assert generated + saved_by_generator == pytest.approx(7.66e9, rel=0.001)
    assert judged + saved_by_discriminator == pytest.approx(1.25e9, rel=0.003)


@pytest.mark.parametrize("bfloat16", [False, True])
def test_the_peak_is_a_rate(bfloat16, monkeypatch):
    monkeypatch.setattr(peak, "seconds", lambda work, device: work() or 0.5)
    done = []
    product = torch.mm
    monkeypatch.setattr(
        torch,
        "mm",
        lambda a, b, out: done.append((*a.shape, *b.shape, a.dtype)) or product(a, b, out=out),
    )
    rate = measured_peak(torch.device("cpu"), bfloat16)
    timed = done[len(done) // 2 :]  # the others warm up
    assert all(each[4] == (torch.bfloat16 if bfloat16 else torch.float32) for each in done)
    assert rate == sum(2 * m * k * n for m, k, _, n, _ in timed) / 0.5


def test_float32_products_round_as_before_afterwards(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    before = torch.get_float32_matmul_precision()
    with peak.products_as_convolutions(torch.device("cuda")):
        assert torch.get_float32_matmul_precision() == "high"
    assert torch.get_float32_matmul_precision() == before
    with peak.products_as_convolutions(torch.device("cpu")):
        assert torch.get_float32_matmul_precision() == before


def test_the_fastest_pace_is_the_peak_over_the_work(monkeypatch):
    players = tiny_players(precision=kit.Precision(bfloat16=True))
    asked = []
    monkeypatch.setattr(peak, "measured_peak", lambda *given: asked.append(given) or 600.0)
    monkeypatch.setattr(peak, "flops_of_step", lambda players, turns: 100 * turns)
    assert fastest_pace(players, 3) == 2.0
    assert asked == [(torch.device("cpu"), True)]


def test_what_cannot_be_counted_is_not_told_and_does_no_harm(monkeypatch):
    def refuse(*given):
        raise torch.OutOfMemoryError("no memory for the matrices")

    monkeypatch.setattr(peak, "measured_peak", refuse)
    monkeypatch.setattr(peak, "flops_of_step", lambda players, turns: 100)
    assert fastest_pace(tiny_players()) is None


@pytest.mark.parametrize(
    ("device", "fastest", "share"), [("cuda", 8.0, "25%"), ("cuda", None, None), ("cpu", 8.0, None)]
)
def test_the_bar_of_a_gpu_tells_the_share_of_the_peak_where_it_is_known(
    device, fastest, share, make_training, monkeypatch
):
    now, told = [100.0], []

    class Clock:
        every = 1

        def __call__(self, players, step):
            now[0] += 0.5
            return {}

    class Bar(loop.tqdm):
        def set_postfix(self, said, refresh):
            assert not refresh, "the bar is drawn when its time has come"
            told.append(said)

    monkeypatch.setattr(loop, "tqdm", Bar)
    monkeypatch.setattr(loop.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(loop, "fastest_pace", lambda players, turns: fastest)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 0)
    training = make_training(probes=[Clock()])
    training.device = torch.device(device)
    kit.training.finish(training)
    assert [said.get("of peak") for said in told] == [share] * 8
