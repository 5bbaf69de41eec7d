"""The choice of number format and layout."""

import time

import pytest
import torch

import cgan_kit as kit
from cgan_kit.training.precision import FLOAT32, Precision, choose_precision

ALL = [Precision(bfloat16=b, channels_last=c) for b in (False, True) for c in (False, True)]


@pytest.fixture
def choose(monkeypatch):
    """choose({precision: seconds a step}) -> the choice and how often each was tried."""

    def run(seconds):
        clock, counts = [0.0], dict.fromkeys(seconds, 0)
        monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

        def trial(precision):
            def step():
                counts[precision] += 1
                clock[0] += seconds[precision]

            return step

        return choose_precision(trial, torch.device("cpu")), counts

    return run


@pytest.mark.parametrize("fastest", ALL, ids=str)
def test_the_fastest_is_chosen(choose, fastest):
    chosen, _ = choose({precision: 1.0 if precision == fastest else 1.5 for precision in ALL})
    assert chosen == fastest


def test_a_gain_within_the_noise_goes_to_the_plain_one(choose):
    chosen, _ = choose({precision: 1.0 if precision == FLOAT32 else 0.96 for precision in ALL})
    assert chosen == FLOAT32


def test_a_hopeless_candidate_is_dropped_early(choose):
    _, counts = choose({precision: 30.0 if precision.bfloat16 else 1.0 for precision in ALL})
    assert all(counts[p] == (2 if p.bfloat16 else 4) for p in ALL)


@pytest.mark.parametrize(
    ("capability", "units"), [((9, 0), True), ((8, 0), True), ((7, 5), False), ((7, 0), False)]
)
def test_on_a_gpu_nothing_is_tried(monkeypatch, capability, units):
    """A T4, which free notebooks have, is of capability 7.5: it only emulates bfloat16."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    chosen = choose_precision(lambda precision: pytest.fail("tried"), torch.device("cuda"))
    assert chosen == Precision(bfloat16=units, channels_last=units, device_type="cuda")


def test_names_are_what_a_person_reads():
    assert [str(p) for p in ALL] == [
        "float32",
        "float32, channels last",
        "bfloat16",
        "bfloat16, channels last",
    ]


def test_arranging_changes_the_layout_and_no_value(make_gan, same):
    gan, plain = make_gan(spectral_norm=True), make_gan(spectral_norm=True)
    Precision(channels_last=True).arrange(gan)
    weight = gan.generator.to_image.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    same(gan.state_dict(), plain.state_dict())
    images, labels = torch.randn(4, 1, 8, 8), torch.tensor([0, 1, 2, 0])
    # Each pass takes one power iteration: both take it once.
    ours, theirs = gan.judge(images, labels).scores, plain.judge(images, labels).scores
    assert torch.allclose(ours, theirs, atol=1e-6)
    Precision().arrange(gan)
    assert weight.is_contiguous()


def test_the_layout_keeps_results_and_bfloat16_comes_close(make_training):
    losses = {}
    for precision in ALL:
        training = make_training(str(precision), precision=precision, steps=3)
        losses[precision] = [record["d_loss"] for record in training]
        dtypes = {p.dtype for p in training.gan.parameters()}
        assert dtypes == {torch.float32}, "weights stay float32"
    for precision, values in losses.items():
        tolerance = 0.05 if precision.bfloat16 else 1e-5
        assert values == pytest.approx(losses[FLOAT32], abs=tolerance)
    assert losses[Precision(bfloat16=True)] != losses[FLOAT32]


def test_the_trial_leaves_no_trace(make_training, same):
    one, two = make_training("one", precision=None), make_training("two")
    same(one.gan.state_dict(), two.gan.state_dict())
    assert one.players.precision in ALL
    assert torch.equal(one.players.batches.order, two.players.batches.order)
    assert torch.equal(one.players.random.get_state(), two.players.random.get_state())


def test_a_precision_applies_to_the_device_that_trains(make_training):
    from_a_gpu = Precision(bfloat16=True, device_type="cuda")
    assert make_training(precision=from_a_gpu).players.precision.device_type == "cpu"
    assert kit.Precision is Precision
