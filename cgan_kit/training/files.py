"""Reading and writing a run's files: whole or not at all, and nothing unpickled."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import safetensors
from safetensors.torch import load_file, save
from torch import Tensor, nn

from cgan_kit.writing import unwritten

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]

NO_STATE = (
    "no other one is left to go on from; the run can still be sampled from its checkpoints, "
    "or train again into a new folder"
)


def to_path(folder: str | os.PathLike[str]) -> Path:
    """The folder as a path, ~ being home; "" would be where the process was started.

    Raises:
        ValueError: what is no path.
    """
    if not isinstance(folder, (str, os.PathLike)) or not str(folder):
        raise ValueError(f"folder is {folder!r}; give a path, such as 'runs/mine'")
    return Path(os.path.expanduser(folder))


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where a run keeps the weights after `step` steps (0: before training)."""
    return folder / "checkpoints" / f"step-{step:06d}.safetensors"


def check_writable(folder: Path) -> None:
    """A folder that cannot be made or written is found out before anything is trained.

    Raises:
        ValueError: naming the part of the path that is in the way.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise ValueError(
            f"folder is {str(folder)!r}, but {str(existing)!r} is a file; choose another folder"
        )
    if not os.access(existing, os.W_OK):
        raise ValueError(
            f"folder is {str(folder)!r}, but {str(existing)!r} may not be written; "
            "choose another folder or change its permissions"
        )


@contextmanager
def held_alone(folder: Path) -> Iterator[None]:
    """Within it no other process holds the run, nor anything else in this one.

    Killed in whatever way, a process lets go of it. Where the file system has no locks, as some
    network drives, nothing is held.

    Raises:
        ValueError: a run that is held already.
    """
    lock = _lock(folder)
    try:
        yield
    finally:
        if lock is not None:
            # Closing alone would leave it to processes that were forked from this one.
            with suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_UN)
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """The descriptor that holds the run, None where that cannot be."""
    if fcntl is None:
        return None
    try:
        lock = os.open(folder / "checkpoints", os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        if not isinstance(error, BlockingIOError):
            return None
        raise ValueError(
            f"run {str(folder)!r} is being trained by another process (or elsewhere in this "
            "one); wait for it or stop it first"
        ) from error
    return lock


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors whole or not at all: aside first, then renamed.

    Raises:
        OSError: a disk that is full, or a folder that may not be written.
    """
    os.replace(_write_aside(path, tensors), path)


def _write_aside(path: Path, tensors: Mapping[str, Tensor]) -> Path:
    aside = path.with_suffix(".partial")
    # safetensors refuses views and tensors that share memory.
    alone = {key: value.detach().cpu().clone().contiguous() for key, value in tensors.items()}
    try:
        # Not by save_file, whose files nobody else may read.
        with aside.open("wb") as file:
            file.write(save(alone))
            file.flush()
            # On the disk before the name is: a power cut must not leave a name for nothing.
            os.fsync(file.fileno())
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise unwritten(path, error) from error
    return aside


def state_paths(folder: Path) -> tuple[Path, Path]:
    """Where a run keeps what resuming needs: the newest, and the one before it."""
    return folder / "state.safetensors", folder / "state.previous.safetensors"


def write_state(folder: Path, state: Mapping[str, Tensor]) -> None:
    """Write what resuming needs, and keep the one before; a damaged one is not worth keeping.

    Killed at any moment, it leaves the last state that was written to the end.

    Raises:
        OSError: see `write_tensors`; both old states are then untouched.
    """
    newest, previous = state_paths(folder)
    aside = _write_aside(newest, state)
    if step_of(newest) not in (None, int(state["step"])):
        os.replace(newest, previous)
    os.replace(aside, newest)


def read_state(folder: Path) -> dict[str, Tensor]:
    """The newest whole state of a run; a warning says when it is not the newest one.

    Raises:
        FileNotFoundError: a run without any.
        ValueError: none that can be read.
    """
    newest, previous = state_paths(folder)
    if not newest.is_file() and not previous.is_file():
        raise FileNotFoundError(
            f"{newest} is not there, so the run can be sampled from but not gone on with; "
            "copy it over too, or train again into a new folder"
        )
    if not newest.is_file():  # killed between its two renames
        return read_tensors(previous, NO_STATE)
    try:
        return read_tensors(newest, NO_STATE)
    except ValueError:
        step = step_of(previous)
        if step is None:
            raise
        warnings.warn(
            f"{newest} cannot be read; the state before it, of step {step}, is used, "
            "and the steps since are done again",
            stacklevel=3,
        )
        return read_tensors(previous, NO_STATE)


def step_of(path: Path) -> int | None:
    """The step of a state; None for a file that is not there, or not at its full length."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return int(file.get_tensor("step"))
    except (safetensors.SafetensorError, OSError):
        return None


def read_tensors(
    path: Path, remedy: str = "delete it and use an earlier checkpoint"
) -> dict[str, Tensor]:
    """The tensors of a safetensors file, on the CPU; pickled files are refused.

    Arguments:
        remedy: for a file that is damaged.

    Raises:
        ValueError: a file that is truncated, pickled, or otherwise no safetensors file.
    """
    try:
        return load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        # Not before: a safetensors file starts with a length, which may look like either mark.
        with path.open("rb") as file:
            start = file.read(2)
        if start == b"PK" or start[:1] == b"\x80":
            raise ValueError(
                f"{path.name} is a pickled file, which can run code when opened; "
                "the kit reads safetensors only: train again, or convert it with a tool you trust"
            ) from error
        raise ValueError(
            f"{path.name} cannot be read ({error}); it is truncated or not a safetensors file: "
            f"{remedy}"
        ) from error


def append_line(path: Path, line: str) -> None:
    """One more line; `Run.history` leaves out one that was cut short.

    Raises:
        OSError: see `write_tensors`.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise unwritten(path, error) from error


def part_tensors(module: nn.Module, part: str) -> dict[str, Tensor]:
    """A module's tensors, each name led by the part it belongs to."""
    return {f"{part}.{key}": value for key, value in module.state_dict().items()}


def load_part(module: nn.Module, tensors: Mapping[str, Tensor], part: str) -> None:
    """Give a module the tensors that belong to it.

    Raises:
        ValueError: tensors of another model.
    """
    lead = f"{part}."
    own = {key.removeprefix(lead): value for key, value in tensors.items() if key.startswith(lead)}
    expected = module.state_dict()
    wrong = [key for key in expected if key not in own or own[key].shape != expected[key].shape]
    wrong += [key for key in own if key not in expected]
    if wrong:
        raise ValueError(
            f"the checkpoint's {part} is of another model (first difference: {wrong[0]!r}); "
            "use the checkpoint together with the config.json it was written beside"
        )
    module.load_state_dict(own)
