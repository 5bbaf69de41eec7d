"""A step recorded once as CUDA graphs and played back: no time between the kernels.

A small network's step is thousands of kernels, each faster than the host can ask for it. A
graph asks for all of them at once. What is recorded is what the device did, at the addresses
where it did it: nothing that the host decides or draws can change from step to step. So batches
and latents are drawn outside and copied to where the recording reads them.

Optimisers, spectral norm, running statistics and penalties that take second derivatives are all
within the recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from cgan_kit.losses import WGANGP
from cgan_kit.training.step import (
    Batch,
    Players,
    Seen,
    Turn,
    Turns,
    discriminator_step,
    generator_step,
)

WARM_UP = 3
"""Turns before the recording: libraries choose their kernels and Adam makes its averages then."""

Play = Callable[[], None]
Record = Callable[[Callable[[], Seen]], tuple[Seen, Play]]


def recorded_turns(players: Players, record: Record | None = None) -> Turns:
    """Both turns, recorded when they have been taken a few times, and played from then on.

    The turns before the recording count: no step is done twice.

    Arguments:
        record: runs a turn while writing down what the device does, without doing it; returns
            where its results will stand, and a function that does it. None is a CUDA graph.

    Raises:
        ValueError: a step that cannot be recorded: see `check_recordable`.
    """
    check_recordable(players)
    stream = None
    if record is None:
        record = CUDARecorder(next(players.gan.parameters()).device)
        stream = record.stream
    return Turns(
        Recorded(discriminator_step, record, stream), Recorded(generator_step, record, stream)
    )


def check_recordable(players: Players) -> None:
    """Refuse what a recording would repeat unchanged.

    Raises:
        ValueError: a penalty that draws random numbers within the step; several processes,
            which meet within the step.
    """
    if isinstance(players.penalty, WGANGP):
        raise ValueError(
            "graphs is True with the penalty WGANGP, which draws new points within each step: a "
            "recording would repeat the first ones; choose R1R2, or graphs=False"
        )
    if players.shard.world_size > 1:
        raise ValueError(
            f"graphs is True in {players.shard.world_size} processes, which meet within each "
            "step: recorded steps are for one process; choose graphs=False"
        )


class Recorded:
    """One player's turn: as it is at first, then recorded, then played.

    Arguments:
        stream: the first turns are taken on it; None is the current one.
    """

    def __init__(self, turn: Turn, record: Record, stream: torch.cuda.Stream | None) -> None:
        self.turn = turn
        self.record = record
        self.stream = stream
        self.taken = 0

    def __call__(self, players: Players, batch: Batch) -> Seen:
        """As the turn itself. What it returns is overwritten by the next call."""
        self.taken += 1
        if self.taken <= WARM_UP:
            return beside(self.stream, lambda: self.turn(players, batch))
        if self.taken == WARM_UP + 1:
            self.batch = Batch(*(part.clone() for part in batch))
            with capturable(players):
                self.seen, self.play = self.record(lambda: self.turn(players, self.batch))
        for place, part in zip(self.batch, batch, strict=True):
            place.copy_(part)
        self.play()
        return self.seen


@contextmanager
def capturable(players: Players) -> Iterator[None]:
    """Within it both Adams let themselves be recorded; a step that is not would warn of it."""
    optimisers = (players.discriminator_optimiser, players.generator_optimiser)
    groups = [group for optimiser in optimisers for group in optimiser.param_groups]
    for group in groups:
        group["capturable"] = True
    try:
        yield
    finally:
        for group in groups:
            group["capturable"] = False


def beside(stream: torch.cuda.Stream | None, turn: Callable[[], Seen]) -> Seen:
    """The turn on the stream that it will be recorded on.

    Libraries keep handles and workspaces for each stream; within a recording it is too late to
    make them.
    """
    if stream is None:
        return turn()
    stream.wait_stream(torch.cuda.current_stream(stream.device))
    with torch.cuda.stream(stream):
        seen = turn()
    torch.cuda.current_stream(stream.device).wait_stream(stream)
    return seen


class CUDARecorder:
    """Records CUDA graphs that share their memory: they are never played at the same time.

    Arguments:
        device: where the players are. Left to itself, torch records on the current GPU: of
            players on another one it would record nothing, and play nothing from then on.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.pool = torch.cuda.graph_pool_handle()
        # Graphs that share memory must be recorded on one stream.
        self.stream = torch.cuda.Stream(device)

    def __call__(self, turn: Callable[[], Seen]) -> tuple[Seen, Play]:
        graph = torch.cuda.CUDAGraph()
        with (
            torch.cuda.device(self.device),
            torch.cuda.graph(graph, pool=self.pool, stream=self.stream),
        ):
            seen = turn()
        return seen, graph.replay
