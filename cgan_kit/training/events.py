"""A run's history as TensorBoard reads it; TensorBoard itself is no part of the kit."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from cgan_kit.training.files import check_writable
from cgan_kit.training.run import Run


def write_events(run: Run) -> Path:
    """Write the curves of history.jsonl, by step, into `tensorboard` within the run's folder.

    What is there from an earlier time is replaced, so it may be called again while the run
    is training. Returns the folder, for `tensorboard --logdir`.

    Raises:
        ImportError: TensorBoard is not installed.
        ValueError: a run's folder that may not be written.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError(
            "TensorBoard is not installed; pip install tensorboard, or read "
            f"{run.folder / 'history.jsonl'}, one JSON record a line"
        ) from error
    check_writable(run.folder)
    folder = run.folder / "tensorboard"
    aside = folder.with_name("tensorboard.partial")
    shutil.rmtree(aside, ignore_errors=True)
    with SummaryWriter(str(aside)) as writer:
        for record in run.history():
            for name in record.keys() - {"step"}:
                writer.add_scalar(name, record[name], int(record["step"]))
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(aside, folder)
    return folder
