"""The loop around the training step: records, checkpoints, stopping, resuming."""

from __future__ import annotations

import copy
import itertools
import json
import math
import operator
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from tqdm.auto import tqdm
from typing_extensions import Self

from cgan_kit.checks import check_counts, check_flags, check_seed, is_whole
from cgan_kit.data import LabelledSet
from cgan_kit.describe import to_json
from cgan_kit.training.average import averaged_copy, decay_at, update_average
from cgan_kit.training.checks import (
    DivergedError,
    check_data,
    check_finite,
    check_finite_weights,
    check_fit,
    check_opens_again,
    check_probes,
    check_seen,
    check_settings,
    choose_device,
)
from cgan_kit.training.distributed import ALONE, join, place, share_batch_statistics
from cgan_kit.training.files import (
    append_line,
    check_writable,
    checkpoint_path,
    held_alone,
    state_paths,
    step_of,
    to_path,
    write_state,
    write_tensors,
)
from cgan_kit.training.gan import GAN
from cgan_kit.training.graphs import check_recordable, recorded_turns
from cgan_kit.training.interrupt import interrupts_wait
from cgan_kit.training.peak import fastest_pace
from cgan_kit.training.precision import Precision, choose_precision
from cgan_kit.training.recipe import Recipe
from cgan_kit.training.run import Run, describe_data, sample
from cgan_kit.training.state import progress_of, restore, weights_of
from cgan_kit.training.step import AS_WRITTEN, Players, make_players, training_step
from cgan_kit.version import VERSION
from cgan_kit.writing import write_text

Record = dict[str, float]


class Probe(Protocol):
    """Looks at a run every `every` steps without changing it; what it returns is recorded.

    That is a dict of name -> number (no tensor), {} where there is nothing to say. Names are the
    probe's own, such as "mine/norm": neither "step", nor one of the losses, nor another probe's.
    """

    @property
    def every(self) -> int: ...

    def __call__(self, players: Players, step: int) -> Record: ...


class Training:
    """A run in progress. Iterate it to train; leave it at any step, and everything is saved.

    Each item is one finished step: {"step": n}, with the losses every `log_every` steps.
    Nothing is written before the first step.

    Started by torchrun, all processes train this one run together, as `distributed` tells:
    they end after the same step, and rank 0 alone writes.

    Arguments:
        gan: trained in place.
        data: real samples; moved to `device`.
        steps: generator updates, at least 1.
        recipe: batch size (of all processes together), optimisers, penalty, average.
        folder: where the run is written; None takes a new one under ./runs.
        checkpoints: how many after the one at step 0, closer together early, when more
            changes; or the steps themselves.
        save_minutes: between checkpoints, what resuming needs is written this often (0: every
            step): whatever ends the process, no more than this is lost.
        log_every: steps between two lines of history.
        probes: called every `probe.every` steps; they look and do not touch.
        seed: of data order and latents. The initial weights have a seed of their own.
        precision: None tries what is fastest here and prints what it picked.
        device: None is the GPU where there is one, else the CPU.
        graphs: whether steps are recorded and played back, see `training.graphs`; only a
            CUDA device does.

    Raises:
        ValueError: an argument out of range; data of another shape or number of classes
            than the GAN's; parts of a GAN that make other shapes than they promise, or that no
            run could write down; steps that cannot be recorded; a folder that holds a run
            already, or cannot be written; a batch that the processes cannot share evenly. While
            iterating: a run that another process is training; what a probe may not return.
        OSError: while iterating, a disk that is full, or a folder that may not be written.
        DivergedError: while iterating, when a quantity became NaN or infinite.
    """

    def __init__(
        self,
        gan: GAN,
        data: LabelledSet,
        *,
        steps: int,
        recipe: Recipe | None = None,
        folder: str | os.PathLike[str] | None = None,
        checkpoints: int | Sequence[int] = 12,
        save_minutes: float = 5.0,
        log_every: int = 10,
        probes: Sequence[Probe] = (),
        seed: int = 0,
        precision: Precision | None = None,
        device: torch.device | str | None = None,
        graphs: bool = False,
    ) -> None:
        check_fit(gan, data)
        check_counts(steps=steps, log_every=log_every)
        seed = check_seed(seed)
        check_flags(graphs=graphs)
        check_settings(recipe, precision, save_minutes)
        self.steps = steps
        self.checkpoint_steps = spread_checkpoints(checkpoints, steps)
        self.shard, self.device = join(choose_device(device))
        self.probes = check_probes(probes, data)
        self._asked_folder = folder
        self.recipe = recipe or Recipe()
        check_opens_again(gan, self.recipe)
        self.shard.check_batch(self.recipe.batch_size)
        self.folder = self.shard.from_first(lambda: choose_folder(folder, gan, data))
        self.save_minutes = save_minutes
        self.log_every = log_every
        self.seed = seed
        self.step = 0
        self._saved_step: int | None = None  # of the last checkpoint
        self._state_step: int | None = None  # of the state, which may be newer
        self._saved_at = time.monotonic()
        self._stopping = False
        self._leaving = False
        self._described = describe_data(data)
        self.shard.check_same("data", self._described["fingerprint"])

        data = data.to(self.device)
        self.gan = gan.to(self.device).train()
        if precision is None:
            precision = self.shard.from_first(lambda: self._try_precisions(data))
        precision = replace(precision, device_type=self.device.type)
        self.shard.share(self.gan)
        self.averaged = averaged_copy(gan.generator)
        precision.arrange(self.gan)
        precision.arrange(self.averaged)
        self.players = make_players(gan, data, self.recipe, precision, seed, self.shard)
        self.graphs = graphs
        self.turns = AS_WRITTEN
        if graphs:
            check_recordable(self.players)
        if graphs and self.device.type == "cuda":
            self.turns = recorded_turns(self.players)
        elif graphs:
            print(f"No steps are recorded: graphs are for CUDA, and device is {self.device}.")

    @classmethod
    def resume(
        cls,
        folder: str | os.PathLike[str],
        *,
        steps: int | None = None,
        data: LabelledSet | None = None,
        probes: Sequence[Probe] = (),
        device: torch.device | str | None = None,
    ) -> Self:
        """Go on with a run exactly where it was saved; on a CPU, to the bit.

        Arguments:
            folder: the run's.
            steps: a new total, above what is done; None keeps the old one.
            data: the training set, for runs whose data only existed in memory.

        Raises:
            FileNotFoundError, ValueError: see `Run`; other data; no steps left to do; a run
                that another process is training.
        """
        run = Run(folder)
        check_writable(run.folder)
        check_writable(run.folder / "checkpoints")
        if steps is not None:
            check_counts(steps=steps)
        if data is not None:
            check_data(data)
        state, plan = run.state(), run.config["training"]
        done, total = int(state["step"]), plan["steps"] if steps is None else steps
        if steps is None and total <= done:
            raise ValueError(
                f"the run is finished: steps is {total} and it has done {done} already; give "
                f"steps= a new total, more than {done} (on the command line --steps)"
            )
        if total <= done:
            raise ValueError(
                f"steps is {total} but the run has done {done} already; give more than {done}"
            )
        data = run.load_data() if data is None else data
        if data.fingerprint() != run.config["data"]["fingerprint"]:
            raise ValueError(
                "data is not what the run was trained on (the fingerprints differ); "
                "give the same set"
            )
        planned = [step for step in plan["checkpoints"] if step <= total]
        more = [step for step in spread_checkpoints(12, total) if step > plan["steps"]]
        training = cls(
            GAN.from_config(run.config["gan"]),
            data,
            steps=total,
            recipe=Recipe.from_config(plan["recipe"]),
            # A free place, so that none is looked for under ./runs; nothing is written there.
            folder=run.folder / "resumed",
            checkpoints=planned + more,
            save_minutes=plan.get("save_minutes", 5.0),
            log_every=plan["log_every"],
            probes=probes,
            seed=plan["seed"],
            precision=Precision(**plan["precision"]),
            device=device,
            graphs=plan.get("graphs", False),
        )
        training.folder = run.folder
        training.step = restore(training.players, training.averaged, state)
        training._saved_step = training._state_step = training.step
        training.shard.from_first(training._take_history_back)
        return training

    @property
    def run(self) -> Run:
        """The folder, as far as it is written."""
        return Run(self.folder)

    def stop(self) -> None:
        """End after the step in progress; everything is saved then."""
        self._stopping = True

    def __iter__(self) -> Generator[Record, None, None]:
        self._stopping = self._leaving = False
        whole = False
        with ExitStack() as held:
            try:
                with interrupts_wait():
                    self._begin(held)
                    whole = True
                while True:
                    with interrupts_wait():
                        if self._is_over():
                            break
                        whole = False
                        seen = self._advance()
                        whole = True
                        record = self._note(seen)
                    yield record
            except DivergedError:
                self._record({"step": self.step, "diverged": 1.0})
                raise
            finally:
                # Half a step, or weights that hold NaN, are of no use: the last checkpoint stays.
                if whole:
                    with interrupts_wait():
                        self._end()

    @torch.no_grad()
    def sample(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Samples of the averaged generator as it stands: see `Run.sample`."""
        return sample(self.averaged, latents, labels)

    def _begin(self, held: ExitStack) -> None:
        """Write what stands before the first step."""
        self.folder = self.shard.from_first(lambda: self._take_folder(held))
        # Before the config, which makes a run of a folder: every run can be gone on with.
        if self._saved_step is None:
            self._write_checkpoint()
        if self.shard.rank == 0:
            self._write_config()
        self._saved_at = time.monotonic()

    def _take_folder(self, held: ExitStack) -> Path:
        """The run's folder, held against other processes until the stack is closed."""
        folder, begun = self.folder, self._saved_step is not None
        if not begun:
            # Another run may have taken the folder since this one was set up.
            folder = choose_folder(self._asked_folder, self.gan, self.players.batches.data)
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        held.enter_context(held_alone(folder))
        if begun and step_of(state_paths(folder)[0]) not in (None, self._state_step):
            raise ValueError(
                f"run {str(folder)!r} was trained on elsewhere since it was opened here; "
                "open it again: Training.resume(folder)"
            )
        return folder

    def _take_history_back(self) -> None:
        """Lines past the saved step come from a process that was killed after writing them."""
        with held_alone(self.folder):
            kept = [record for record in self.run.history() if record["step"] <= self.step]
            lines = "".join(json.dumps(record) + "\n" for record in kept)
            write_text(self.folder / "history.jsonl", lines)

    def _is_over(self) -> bool:
        """Whether the last step was done, or somebody wants to stop: in all processes alike."""
        self._leaving = self.step >= self.steps or self.shard.any(self._stopping)
        return self._leaving

    def _end(self) -> None:
        """Save, once all processes know that this was the last step."""
        if not self._leaving and self.step < self.steps:
            # An interrupt or an error here: the others ask before each step, and hear it now.
            self.shard.any(True)
        if self.step != self._saved_step:
            self._write_checkpoint()
        # Until here, so that all can read what rank 0 has saved.
        self.shard.any(False)

    def _advance(self) -> Record:
        """One step; what it saw, where this step is logged."""
        seen = training_step(self.players, self.recipe.discriminator_steps, self.turns)
        self.step += 1
        decay = decay_at(self.step, self.recipe.ema_decay, self.recipe.ema_start)
        update_average(self.averaged, self.gan.generator, decay)
        logging = self.step % self.log_every == 0 or self.step in (1, self.steps)
        # Reading a value makes a GPU wait; on a CPU it costs nothing.
        if not logging and self.device.type != "cpu":
            return {}
        values = {name: value.item() for name, value in self.shard.averaged(seen).items()}
        check_finite(values, self.step)
        return values if logging else {}

    def _note(self, seen: Record) -> Record:
        """Write down what is known of the step just done."""
        record: Record = {"step": self.step, **seen}
        for probe in self.probes:
            if self.step % probe.every == 0:
                record |= check_seen(probe, probe(self.players, self.step), record)
        if len(record) > 1:
            self._record(record)
        if self.step in self.checkpoint_steps:
            self._write_checkpoint()
        elif self.shard.rank == 0 and time.monotonic() - self._saved_at >= 60 * self.save_minutes:
            self._write_state(self._good_weights())
        return record

    def _record(self, record: Record) -> None:
        if self.shard.rank == 0:
            append_line(self.folder / "history.jsonl", json.dumps(record))

    def _try_precisions(self, data: LabelledSet) -> Precision:
        # Rank 0 tries alone: steps of its own, as large as its part will be.
        recipe = replace(self.recipe, batch_size=self.recipe.batch_size // self.shard.world_size)

        def trial(precision: Precision) -> Callable[[], object]:
            gan = copy.deepcopy(self.gan)
            share_batch_statistics(gan, ALONE)
            precision.arrange(gan)
            players = make_players(gan, data, recipe, precision, self.seed)
            return lambda: training_step(players, self.recipe.discriminator_steps)

        chosen = choose_precision(trial, self.device)
        tried = self.device.type == "cpu"
        print(f"{'Fastest here' if tried else 'For this GPU, untried'}: {chosen}.")
        return chosen

    def _write_config(self) -> None:
        config = {
            "format": 1,
            "cgan_kit": VERSION,
            "torch": str(torch.__version__),
            "data": self._described,
            "gan": self.gan.config(),
            "training": {
                "steps": self.steps,
                "recipe": self.recipe.config(),
                "checkpoints": self.checkpoint_steps,
                "save_minutes": self.save_minutes,
                "log_every": self.log_every,
                "seed": self.seed,
                "precision": vars(self.players.precision),
                "graphs": self.graphs,
            },
        }
        write_text(self.folder / "config.json", to_json(config) + "\n")

    def _write_checkpoint(self) -> None:
        weights = self._good_weights()
        if self.shard.rank == 0:
            # First, so that no step that training goes on from lacks its checkpoint.
            write_tensors(checkpoint_path(self.folder, self.step), weights)
            self._write_state(weights)
        self._saved_step = self.step

    def _good_weights(self) -> dict[str, Tensor]:
        weights = weights_of(self.players, self.averaged)
        check_finite_weights(weights, self.step)
        return weights

    def _write_state(self, weights: dict[str, Tensor]) -> None:
        write_state(self.folder, weights | progress_of(self.players, self.step))
        self._state_step = self.step
        self._saved_at = time.monotonic()


def train(
    gan: GAN,
    data: LabelledSet,
    *,
    steps: int,
    recipe: Recipe | None = None,
    folder: str | os.PathLike[str] | None = None,
    checkpoints: int | Sequence[int] = 12,
    save_minutes: float = 5.0,
    log_every: int = 10,
    probes: Sequence[Probe] = (),
    seed: int = 0,
    precision: Precision | None = None,
    device: torch.device | str | None = None,
    graphs: bool = False,
) -> Run:
    """Train to the end, with a progress bar; arguments and errors are those of `Training`.

    Ctrl-C ends the run after the step in progress, with everything saved.
    """
    return finish(
        Training(
            gan,
            data,
            steps=steps,
            recipe=recipe,
            folder=folder,
            checkpoints=checkpoints,
            save_minutes=save_minutes,
            log_every=log_every,
            probes=probes,
            seed=seed,
            precision=precision,
            device=device,
            graphs=graphs,
        )
    )


def finish(training: Training) -> Run:
    """Do the steps that are left, with a progress bar; Ctrl-C ends early and saves.

    On a GPU the bar says what share of its peak, measured first, the steps come to: see
    `fastest_pace`.
    """
    first = place().rank == 0
    fastest = None
    # On a CPU it would be felt in every small run.
    if first and training.device.type == "cuda":
        fastest = fastest_pace(training.players, training.recipe.discriminator_steps)
    bar = tqdm(
        total=training.steps,
        initial=training.step,
        unit="step",
        leave=False,
        disable=not first,
        mininterval=seconds_between_bars(),
    )
    seen, seen_at = training.step, time.perf_counter()
    # An interrupt reaches one process or all: what counts is where all of them stopped.
    # Closed at once: a traceback that somebody keeps would put off what closing saves.
    with suppress(KeyboardInterrupt), bar, closing(iter(training)) as records:
        for record in records:
            bar.update()
            # Where losses are read anyway: a GPU has caught up then, and its time is true.
            if "d_loss" in record:
                now = time.perf_counter()
                pace = (training.step - seen) / (now - seen_at)
                share = {"of peak": f"{pace / fastest:.0%}"} if fastest else {}
                bar.set_postfix(describe_progress(training, record, pace) | share, refresh=False)
                seen, seen_at = training.step, now
    if first and training.step < training.steps:
        print(f"Stopped at step {training.step} of {training.steps}; everything is saved.")
    return training.run


def seconds_between_bars() -> float:
    """Often for who looks; where errors go into a file, such as a cluster's log, seldom."""
    watched = sys.stderr.isatty() or "ipykernel" in sys.modules
    return 0.1 if watched else 30.0


def describe_progress(training: Training, record: Record, pace: float) -> dict[str, str]:
    """What the bar says besides steps and time left.

    Arguments:
        record: of the step just done, with its losses.
        pace: steps a second since the last such record.

    Returns both losses; real images a second, all processes and discriminator steps together;
    and on a GPU the most memory that tensors of this process have taken, in GiB (2^30 bytes).
    """
    images = training.recipe.batch_size * training.recipe.discriminator_steps
    said = {
        "D": f"{record['d_loss']:.3f}",
        "G": f"{record['g_loss']:.3f}",
        "images/s": f"{pace * images:,.0f}",
    }
    if training.device.type == "cuda":
        said["GiB"] = f"{torch.cuda.max_memory_allocated(training.device) / 2**30:.1f}"
    return said


def spread_checkpoints(checkpoints: int | Sequence[int], steps: int) -> list[int]:
    """The steps to keep: n of them, the gaps growing evenly; or the steps given."""
    if not isinstance(checkpoints, Iterable) or isinstance(checkpoints, str):
        if not is_whole(checkpoints, 1):
            raise ValueError(
                f"checkpoints is {checkpoints!r}; give a whole number, 1 or more, "
                "or a list of steps"
            )
        # Twice as many as steps, and no gap is wider than one: more would add none.
        count = min(operator.index(checkpoints), 2 * steps)
        return sorted({math.ceil(steps * (i / count) ** 2) for i in range(count + 1)})
    wrong = [step for step in checkpoints if not is_whole(step, 0) or step > steps]
    if wrong:
        raise ValueError(f"checkpoints holds {wrong[0]!r}; give steps from 0 to {steps}")
    return sorted({0, steps, *checkpoints})


def choose_folder(folder: str | os.PathLike[str] | None, gan: GAN, data: LabelledSet) -> Path:
    """The folder given, when it is free; else the first free number under ./runs."""
    if folder is None:
        method = type(gan.conditioning).__name__.lower()
        name = "".join(c if c.isalnum() else "-" for c in Path(data.name).name)
        taken = (Path("runs") / f"{name}-{method}-{i:03d}" for i in itertools.count(1))
        folder = next(path for path in taken if not path.exists())
    return check_free(folder)


def check_free(folder: str | os.PathLike[str]) -> Path:
    """The folder as a path, when it holds no run and can be written; or a clear error."""
    path = to_path(folder)
    if (path / "config.json").exists():
        raise ValueError(
            f"folder is {str(path)!r}, which holds a run already; choose another, "
            "or go on with that run: Training.resume(folder), or python -m cgan_kit resume FOLDER"
        )
    check_writable(path)
    return path
