"""Recorded steps: what they do is what the steps do, and what cannot be recorded is refused.

A CPU has no graphs. `OnPaper` stands in for the recorder: it writes down every operation with
the very tensors it read and wrote, and does them again at the same addresses, as a graph does;
what a graph could not hold (a value read by the host, numbers drawn) it does not accept.
"""

import copy
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from test_method_table import METHODS
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import cgan_kit as kit
from cgan_kit import losses
from cgan_kit.training import FLOAT32, graphs, training_step
from cgan_kit.training.distributed import Shard
from cgan_kit.training.state import progress_of, weights_of
from cgan_kit.training.step import AS_WRITTEN, make_players

READS = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "equal", "rand", "normal")


def tensors(tree):
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def memory(tensor):
    return tensor.untyped_storage().data_ptr()


class OnPaper(TorchDispatchMode):
    """The recorder of a machine without graphs."""

    def __init__(self, players):
        super().__init__()
        self.players = players

    def __call__(self, turn):
        self.done = []
        before = {name: each.clone() for name, each in self.kept().items()}
        with self:
            seen = turn()
        for name, each in self.kept().items():
            each.detach().copy_(before[name])
        return seen, self.play(self.done)

    def kept(self):
        """All that a turn changes: a recording does not do what it writes down."""
        players = self.players
        optimisers = (players.discriminator_optimiser, players.generator_optimiser)
        held = dict(enumerate(tensors([each.state_dict()["state"] for each in optimisers])))
        return players.gan.state_dict(keep_vars=True) | held

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.__name__
        assert not any(word in name for word in READS), f"{name}: no graph holds it"
        out = function(*args, **(kwargs or {}))
        read = {memory(leaf) for leaf in tensors((args, kwargs))}
        fresh = [memory(leaf) not in read for leaf in tensors(out)]
        self.done.append((function, args, kwargs or {}, out, fresh))
        return out

    @staticmethod
    def play(done):
        def play():
            with torch.no_grad():
                for function, args, kwargs, out, fresh in done:
                    again = function(*args, **kwargs)
                    for place, new, own in zip(tensors(out), tensors(again), fresh, strict=True):
                        if own:
                            place.detach().copy_(new)

        return play


# Heads with a width of their own, and those that read the batch in another way.
CHOSEN = (
    "ACGAN",
    "ACGAN with spectral norm",
    "Projection",
    "Concatenation",
    "ContraGAN",
    "ReACGAN with spectral norm",
    "ReACGANReference",
    "ACGANNormalised",
    "TACGAN",
    "ADCGAN",
    "AMGAN",
)


def players_of(make_gan, data, method, game, penalty, **options):
    gan = make_gan(METHODS[method](), adversarial=game, spectral_norm=True).train()
    recipe = kit.Recipe(batch_size=8, penalty=penalty)
    return make_players(gan, data, recipe, FLOAT32, seed=0, **options)


@pytest.mark.parametrize(
    ("game", "penalty"),
    [(losses.hinge, None), (losses.relativistic, losses.R1R2(0.1)), (losses.hinge, losses.R1(1.0))],
    ids=["hinge", "relativistic, R1 and R2", "hinge, R1"],
)
@pytest.mark.parametrize("method", CHOSEN)
def test_played_steps_are_the_steps(make_gan, data, same, method, game, penalty):
    plain, recorded = (players_of(make_gan, data, method, game, penalty) for _ in range(2))
    turns = graphs.recorded_turns(recorded, OnPaper(recorded))
    for step in range(graphs.WARM_UP + 4):
        expected, seen = training_step(plain, 2), training_step(recorded, 2, turns)
        same(seen, expected)
        average = plain.gan.generator, recorded.gan.generator
        same(weights_of(recorded, average[1]), weights_of(plain, average[0]))
        same(progress_of(recorded, step), progress_of(plain, step))


def test_the_turn_is_taken_a_few_times_recorded_once_and_then_played(make_gan, data):
    players = players_of(make_gan, data, "ACGAN", losses.hinge, None)
    calls = []

    def record(turn):
        calls.append("record")
        return {}, lambda: calls.append("play")

    turns = graphs.recorded_turns(players, record)
    for _ in range(graphs.WARM_UP + 2):
        training_step(players, 1, turns)
    assert sorted(calls) == ["play"] * 4 + ["record"] * 2
    assert turns.generator.taken == graphs.WARM_UP + 2


def test_adams_let_themselves_be_recorded_and_do_not_stay_so(make_gan, data):
    """A step taken while the flag is up, and not recorded, makes torch warn of it."""
    players = players_of(make_gan, data, "ACGAN", losses.hinge, None)
    optimisers = (players.discriminator_optimiser, players.generator_optimiser)

    def flags():
        return {group["capturable"] for each in optimisers for group in each.param_groups}

    during = []

    def record(turn):
        during.append(flags())
        return {}, lambda: None

    turns = graphs.recorded_turns(players, record)
    for _ in range(graphs.WARM_UP + 1):
        training_step(players, 2, turns)
        assert flags() == {False}
    assert during == [{True}, {True}]


def test_recordings_are_made_on_the_players_gpu_and_on_one_stream(monkeypatch):
    """torch's own stream lies on whichever GPU was the current one at the first recording."""
    current, asked = [torch.device("cuda:0")], []

    @contextmanager
    def device(chosen):
        before, current[0] = current[0], chosen
        yield
        current[0] = before

    @contextmanager
    def graph(recording, pool, stream):
        asked.append((current[0], pool, stream))
        yield

    monkeypatch.setattr(torch.cuda, "device", device)
    monkeypatch.setattr(torch.cuda, "graph", graph)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: "pool")
    monkeypatch.setattr(torch.cuda, "Stream", lambda chosen: f"a stream of {chosen}")
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: SimpleNamespace(replay=None))
    second = torch.device("cuda:1")
    record = graphs.CUDARecorder(second)
    for _ in range(2):
        record(dict)
    assert asked == [(second, "pool", "a stream of cuda:1")] * 2
    assert current == [torch.device("cuda:0")]


def test_first_turns_are_taken_on_the_stream_of_the_recording(make_gan, data, monkeypatch):
    current, waits, taken = [SimpleNamespace(name="default")], [], []

    class Stream:
        def __init__(self, device):
            self.device = device

        def wait_stream(self, other):
            waits.append((self, other))

    @contextmanager
    def on(stream):
        before, current[0] = current[0], stream
        yield
        current[0] = before

    def turn(players, batch):
        taken.append(current[0])
        return {}

    current[0].wait_stream = lambda other: waits.append((current[0], other))
    monkeypatch.setattr(torch.cuda, "stream", on)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: current[0])
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: "pool")
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    default = current[0]
    players = players_of(make_gan, data, "ACGAN", losses.hinge, None)
    turns = graphs.recorded_turns(players)
    for each in turns:
        each.turn = turn
        each(players, None)
    (stream,) = {each.stream for each in turns}
    assert taken == [stream] * 2
    assert waits == [(stream, default), (default, stream)] * 2


@pytest.mark.parametrize("method", METHODS)
def test_nothing_of_a_turn_is_kept_but_numbers(make_gan, data, method):
    """A kept graph keeps the nodes that sum gradients, on the stream where they were made: the
    next turn, recorded on another, would have to wait for that one."""
    players = players_of(make_gan, data, method, losses.hinge, losses.R1R2(0.1))
    assert not any(each.requires_grad for each in training_step(players).values())


def test_random_numbers_within_a_step_are_refused(make_gan, data):
    players = players_of(make_gan, data, "ACGAN", losses.wasserstein, losses.WGANGP())
    with pytest.raises(ValueError, match=r"WGANGP.*R1R2, or graphs=False"):
        graphs.recorded_turns(players, lambda turn: ({}, lambda: None))


def test_a_training_refuses_before_anything_is_written(make_training, tmp_path):
    with pytest.raises(ValueError, match="WGANGP"):
        make_training(recipe=kit.Recipe(batch_size=8, penalty=losses.WGANGP()), graphs=True)
    assert not (tmp_path / "run").exists()


def test_several_processes_are_refused(make_gan, data):
    players = players_of(make_gan, data, "ACGAN", losses.hinge, None)
    several = replace(players, shard=Shard(rank=0, world_size=2))
    with pytest.raises(ValueError, match=r"2 processes.*graphs=False"):
        graphs.recorded_turns(several, lambda turn: ({}, lambda: None))


def test_without_a_gpu_steps_are_as_written_and_the_wish_is_kept(make_training, data, capsys):
    training = make_training(graphs=True, device="cpu")
    assert training.turns is AS_WRITTEN
    assert capsys.readouterr().out == (
        "No steps are recorded: graphs are for CUDA, and device is cpu.\n"
    )
    assert len(list(training)) == 8
    assert training.run.config["training"]["graphs"] is True
    assert kit.Training.resume(training.folder, steps=9, data=data).graphs is True


@pytest.mark.gpu
@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="runs by `make gpu` on a machine with a CUDA GPU"
)
@pytest.mark.parametrize("penalty", [None, losses.R1R2(0.1)], ids=["none", "R1 and R2"])
@pytest.mark.parametrize("method", CHOSEN)
def test_on_a_gpu_a_graph_is_the_step(make_gan, data, method, penalty):
    data = data.to(torch.device("cuda"))
    gan = make_gan(METHODS[method](), adversarial=losses.hinge, spectral_norm=True).train().cuda()
    recipe = kit.Recipe(batch_size=8, penalty=penalty)
    plain = make_players(copy.deepcopy(gan), data, recipe, FLOAT32, seed=0)
    recorded = make_players(gan, data, recipe, FLOAT32, seed=0)
    turns = graphs.recorded_turns(recorded)
    for _ in range(graphs.WARM_UP + 4):
        expected, seen = training_step(plain, 2), training_step(recorded, 2, turns)
        for name, value in expected.items():
            torch.testing.assert_close(seen[name], value, rtol=1e-3, atol=1e-4)
    ours, theirs = recorded.gan.state_dict(), plain.gan.state_dict()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-3, atol=1e-4)
