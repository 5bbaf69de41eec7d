"""What a run loses when its process is killed with kill -9 at random moments.

    python benchmarks/kill.py [--kills 50] [--out benchmarks/results/kill.json]

A small GAN on points is trained, killed, gone on with, killed again; a run that reached its
last step is compared with one that was never killed, to the bit, and the next one begins.
The state is saved after every step, so that about every second kill falls into a save. Each
training is a fork of this process, which has imported everything and trained nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import tempfile
import time
from pathlib import Path

import torch

import cgan_kit as kit
import cgan_kit.metrics

RESULT = Path(__file__).parent / "results" / "kill.json"
STEPS = 60


def prepare(folder: Path, points: kit.data.PointSet) -> kit.Training:
    """The training of the run in the folder, to go on with; or a new one."""
    if (folder / "config.json").is_file():
        return kit.Training.resume(folder, data=points)
    return kit.Training(
        kit.GAN.for_points(points, kit.losses.ReACGAN(), width=16),
        points,
        steps=STEPS,
        recipe=kit.Recipe(batch_size=32),
        folder=folder,
        checkpoints=6,
        save_minutes=0,
        log_every=1,
        precision=kit.Precision(),
        device="cpu",
    )


def start(folder: Path, points: kit.data.PointSet) -> int:
    """The process id of a training beside this process, which is about to begin its steps."""
    ready, tell = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            training = prepare(folder, points)
            os.write(tell, b".")
            for _ in training:
                pass
            os._exit(0)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", flush=True)
            os._exit(1)
    os.close(tell)
    os.read(ready, 1)
    os.close(ready)
    return process


def seconds_to_end(folder: Path, points: kit.data.PointSet) -> float:
    process, started = start(folder, points), time.perf_counter()
    _, status = os.waitpid(process, 0)
    assert status == 0, f"the training in {folder} failed"
    return time.perf_counter() - started


def killed(folder: Path, points: kit.data.PointSet, seconds: float) -> dict[str, int] | None:
    """What is left when the training is killed after some seconds; None for one that ended."""
    begun = (folder / "config.json").is_file()
    before = int(kit.Run(folder).state()["step"]) if begun else 0
    process = start(folder, points)
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    if status == 0:
        return None
    assert os.WIFSIGNALED(status), f"the training in {folder} failed"
    done = saved = 0
    if (folder / "config.json").is_file():
        run = kit.Run(folder)
        # A line is written when a step is done; the step's state is saved next.
        done = max((int(record["step"]) for record in run.history()), default=0)
        saved = int(run.state()["step"])
    cut = len(list(folder.rglob("*.partial")))
    return {"from": before, "done": done, "saved": saved, "lost": done - saved, "files_cut": cut}


def same(one: kit.Run, other: kit.Run) -> bool:
    """Whether two runs ended with the same state, checkpoints and history."""
    ours, theirs = one.state(), other.state()
    return (
        ours.keys() == theirs.keys()
        and all(torch.equal(ours[key], theirs[key]) for key in ours)
        and one.history() == other.history()
        and set(other.steps) <= set(one.steps)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    chance, kills, finished = random.Random(given.seed), [], []
    points = kit.data.load("gaussians", samples=256, seed=1)
    with tempfile.TemporaryDirectory() as place:
        whole, run = Path(place) / "whole", Path(place) / "run-0"
        prepare(whole, points)  # nothing is written; torch makes its late imports
        longest = seconds_to_end(whole, points) / 5
        while len(kills) < given.kills:
            what = killed(run, points, chance.uniform(0, longest))
            if what is not None:
                kills.append(what)
            if len(kills) == given.kills:
                seconds_to_end(run, points)
            if what is None or len(kills) == given.kills:
                finished.append(same(kit.Run(run), kit.Run(whole)))
                run = Path(place) / f"run-{len(finished)}"
    lost = [each["lost"] for each in kills]
    result = {
        "what": "kill -9 at random moments of trainings that save after every step",
        "kills": len(kills),
        "in_a_save": sum(each["files_cut"] > 0 for each in kills),
        "most_steps_lost": max(lost),
        "runs_finished": len(finished),
        "same_to_the_bit_as_a_run_never_killed": finished,
        "steps_of_a_run": STEPS,
        "each": kills,
        "load_average_of_the_machine": round(os.getloadavg()[0], 1),
        "machine": platform.machine(),
        "torch": torch.__version__,
        "cgan_kit": kit.version.VERSION,
    }
    aside = given.out.with_suffix(".part")
    aside.write_text(json.dumps(result, indent=2) + "\n")
    os.replace(aside, given.out)
    print(json.dumps({key: value for key, value in result.items() if key != "each"}, indent=2))


if __name__ == "__main__":
    main()
