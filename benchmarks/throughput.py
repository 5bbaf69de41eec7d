"""How fast ReACGAN's CIFAR-10 configuration trains, change by change, and what bounds it.

    python benchmarks/throughput.py --device cuda --penalties --reference ../PyTorch-StudioGAN
    python benchmarks/throughput.py --device cuda --widths 32 64 128 192 --batches 32 64 256 512
    OMP_NUM_THREADS=1 python benchmarks/throughput.py --device cpu --width 4 --batch 8
    python benchmarks/throughput.py --table

The rungs add one change each to the ones before; --penalties, --widths and --batches repeat the
last of them. --reference takes the folder of a PyTorch-StudioGAN checkout and times its own
training step beside, see throughput_reference.py. Rows are added to
benchmarks/results/throughput.json, in place of older ones of the same case; the protocol is in it.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import torch
from rows import Row, digits, keep, stored
from throughput_reference import reference_step
from torch.profiler import ProfilerActivity

import cgan_kit as kit
from cgan_kit.losses import R1, R1R2, R2, Penalty
from cgan_kit.training.average import averaged_copy, update_average
from cgan_kit.training.graphs import recorded_turns
from cgan_kit.training.peak import flops_of_step, measured_peak
from cgan_kit.training.presets import PRESETS
from cgan_kit.training.step import AS_WRITTEN, Players, make_players, training_step

Step = Callable[[], object]

RESULTS = Path(__file__).parent / "results" / "throughput.json"
PRESET = PRESETS["cifar10-reacgan"]
PENALTIES: dict[str, Penalty | None] = {
    "none": None,
    "R1": R1(0.05),
    "R2": R2(0.05),
    "R1+R2": R1R2(0.05),
}
IMAGES = 50_000
ROUNDS = 3
# Steps before anything is timed; a recording is made in the fourth.
WARM_UP = {"cpu": 2, "cuda": 10}
TOP = 12
SAME = ("device", "width", "batch", "who", "rung", "penalty")
PROTOCOL = {
    "what": "whole training steps of the preset cifar10-reacgan at the row's width and batch: "
    "the discriminator's turns, the generator's, the average. 50,000 random images of 32 px, 10 "
    "classes, on the device",
    "images_per_second": "real images: steps a second × batch × discriminator's turns; the median "
    "of three rounds, slowest and fastest beside it",
    "time": "cuda: by the clock, waiting for the device before and after a round. cpu: processor "
    "time of one thread (other work ran on the same cores)",
    "gigabytes, gigabytes_reserved": "highest sum of live allocations above the images', and the "
    "most that torch's allocator held, 10^9 bytes; not measured on a cpu",
    "tflop_per_step": "convolutions and products of matrices, counted by "
    "cgan_kit.training.peak.flops_of_step. At width 96 and batch 128 12.57, and 12.93 in the "
    "reference: there the 1×1 convolutions of the shortcuts stand on the large side of the "
    "resampling",
    "peak_tflops": "cgan_kit.training.peak.measured_peak in the same process, the highest of "
    "five: bfloat16 on cuda, float32 on a cpu",
    "share_of_bound": "tflop_per_step / peak_tflops over the seconds a step took; on a cpu that "
    "others use too it only shows that it is reckoned",
    "profile": f"one step under torch.profiler: the {TOP} kernels with the most time on the "
    "device (cpu: operators), share of the sum over all; `kernels` counts all; `busy`, on cuda, is "
    "the sum over the seconds that a step takes without the profiler",
    "rungs": "float32 (no TF32), TF32, bfloat16 autocast, channels last, recorded CUDA graphs, "
    "kernels tried (cudnn.benchmark): each with the ones before it",
    "reference": "PyTorch-StudioGAN's own models, losses, optimisers and worker methods, driven "
    "by throughput_reference.py: ready batches on the device instead of its loader; "
    "cudnn.benchmark on, as its loader sets it; TF32 as torch has it by default; `mixed "
    "precision` is its own switch",
    "kit_over_it": "images per second of the kit's fastest rung of this run at the same width and "
    "batch, without penalty, over the reference's",
}


@dataclass(frozen=True)
class Rung:
    """How the step runs; every rung is the one before it and one change."""

    name: str
    tf32: bool = True
    bfloat16: bool = False
    channels_last: bool = False
    graphs: bool = False
    kernels_tried: bool = False

    @property
    def needs_cuda(self) -> bool:
        return self.name in ("TF32", "graphs", "kernels tried")


RUNGS = {
    rung.name: rung
    for rung in (
        Rung("float32", tf32=False),
        Rung("TF32"),
        Rung("bfloat16", bfloat16=True),
        Rung("channels last", bfloat16=True, channels_last=True),
        Rung("graphs", bfloat16=True, channels_last=True, graphs=True),
        Rung("kernels tried", bfloat16=True, channels_last=True, graphs=True, kernels_tried=True),
    )
}


@dataclass(frozen=True)
class Bench:
    """What all rows of a call share."""

    device: torch.device
    data: kit.data.ImageSet
    peak: float
    seconds: float
    turns: int
    about: dict[str, str | None]


def prepare(device: torch.device, seconds: float, turns: int) -> Bench:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (IMAGES, 3, 32, 32), dtype=torch.uint8, generator=random)
    data = kit.data.ImageSet(images, torch.arange(IMAGES) % 10, [str(i) for i in range(10)])
    on_gpu = device.type == "cuda"
    root = Path(__file__).parents[1]
    commit = subprocess.run(
        ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude", "*"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    about = {
        "torch": str(torch.__version__),
        "cuda": torch.version.cuda if on_gpu else None,
        "commit": commit.stdout.strip() or "unknown",
    }
    peak = max(measured_peak(device, bfloat16=on_gpu) for _ in range(5))
    return Bench(device, data.to(device), peak, seconds, turns, about)


def kit_players(bench: Bench, rung: Rung, penalty: str, width: int, batch: int) -> Players:
    gan = PRESET.gan(bench.data, width=width).to(bench.device).train()
    precision = kit.Precision(rung.bfloat16, rung.channels_last, bench.device.type)
    precision.arrange(gan)
    recipe = replace(PRESET.recipe, batch_size=batch, penalty=PENALTIES[penalty])
    return make_players(gan, bench.data, recipe, precision, seed=0)


def kit_step(bench: Bench, rung: Rung, players: Players) -> Step:
    average = averaged_copy(players.gan.generator)
    turns = recorded_turns(players) if rung.graphs else AS_WRITTEN

    def step() -> None:
        training_step(players, bench.turns, turns)
        update_average(average, players.gan.generator, PRESET.recipe.ema_decay)

    return step


@contextmanager
def backends(tf32: bool, kernels_tried: bool) -> Iterator[None]:
    """Within it, float32 may round to TF32 on CUDA, and cuDNN tries its kernels, or not."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark
    matmul.allow_tf32 = cudnn.allow_tf32 = tf32
    cudnn.benchmark = kernels_tried
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = before


def kit_row(bench: Bench, rung: Rung, penalty: str, width: int, batch: int) -> Row:
    before = fresh_memory(bench.device)
    with backends(rung.tf32, rung.kernels_tried):
        players = kit_players(bench, rung, penalty, width, batch)
        found = measured(kit_step(bench, rung, players), bench, batch, before)
    flops = flops_of_step(players, bench.turns)
    step_seconds = bench.turns * batch / found["images_per_second"]
    bound = {
        "tflop_per_step": digits(flops / 1e12, 4),
        "peak_tflops": digits(bench.peak / 1e12),
        "share_of_bound": digits(flops / bench.peak / step_seconds),
    }
    return key(bench, "kit", rung.name, penalty, width, batch) | bound | found


def reference_row(
    bench: Bench, checkout: Path, mixed: bool, width: int, batch: int, ours: list[Row]
) -> Row:
    before = fresh_memory(bench.device)
    step, turns = reference_step(checkout, width, batch, bench.device, mixed)
    if turns != bench.turns:
        raise ValueError(f"turns is {bench.turns} but the reference takes {turns}; give as many")
    torch.backends.cudnn.benchmark = True
    found = measured(step, bench, batch, before)
    name = "mixed precision" if mixed else "float32"
    row = key(bench, "reference", name, "none", width, batch) | found
    like = [each for each in ours if all(each[k] == row[k] for k in ("penalty", "width", "batch"))]
    if like:
        best = max(like, key=lambda each: each["images_per_second"])
        ratio = best["images_per_second"] / row["images_per_second"]
        row["kit_over_it"] = {"rung": best["rung"], "times": digits(ratio)}
    return row


def key(bench: Bench, who: str, rung: str, penalty: str, width: int, batch: int) -> Row:
    cpu = bench.device.type == "cpu"
    device = "cpu, one thread" if cpu else torch.cuda.get_device_name(bench.device)
    return {
        "device": device,
        "who": who,
        "rung": rung,
        "penalty": penalty,
        "width": width,
        "batch": batch,
        "turns": bench.turns,
    } | bench.about


def measured(step: Step, bench: Bench, batch: int, before: int) -> Row:
    """Images a second, memory and where the time goes."""
    device = bench.device
    for _ in range(WARM_UP[device.type]):
        step()
    count = max(1, int(bench.seconds / seconds(step, 1, device)))
    rounds = sorted(seconds(step, count, device) / count for _ in range(ROUNDS))
    images = bench.turns * batch
    row: Row = {
        "images_per_second": digits(images / median(rounds)),
        "slowest_fastest": [digits(images / rounds[-1]), digits(images / rounds[0])],
        "rounds": [ROUNDS, count],
    }
    if device.type == "cuda":
        row["gigabytes"] = digits((torch.cuda.max_memory_allocated(device) - before) / 1e9)
        row["gigabytes_reserved"] = digits(torch.cuda.max_memory_reserved(device) / 1e9)
    return row | profiled(step, device, median(rounds))


def fresh_memory(device: torch.device) -> int:
    """Give back what earlier rows held; bytes in use now."""
    gc.collect()
    if device.type != "cuda":
        return 0
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    return torch.cuda.memory_allocated(device)


def seconds(step: Step, count: int, device: torch.device) -> float:
    on_gpu = device.type == "cuda"
    clock = time.perf_counter if on_gpu else time.process_time
    if on_gpu:
        torch.cuda.synchronize(device)
    start = clock()
    for _ in range(count):
        step()
    if on_gpu:
        torch.cuda.synchronize(device)
    return clock() - start


def profiled(step: Step, device: torch.device, step_seconds: float) -> Row:
    on_gpu = device.type == "cuda"
    activities = [ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities) as profile:
        seconds(step, 1, device)
    kind = "CUDA" if on_gpu else "CPU"
    times = {
        event.key: (event.self_device_time_total if on_gpu else event.self_cpu_time_total, event)
        for event in profile.key_averages()
        if event.device_type.name == kind and not event.is_user_annotation
    }
    total = sum(taken for taken, _ in times.values())
    slowest = sorted(times.items(), key=lambda each: -each[1][0])[:TOP]
    busy = {"busy": digits(total / 1e6 / step_seconds)} if on_gpu else {}
    return busy | {
        "kernels": sum(event.count for _, event in times.values()),
        "profile": [
            {
                "name": name[:80],
                "ms": digits(taken / 1e3),
                "share": digits(taken / total),
                "calls": event.count,
            }
            for name, (taken, event) in slowest
        ],
    }


def table(out: Path) -> None:
    """A line a row, and the kernels that take most of its time."""
    rungs = [*RUNGS, "mixed precision"]
    same = ("device", "width", "batch", "who")
    for row in sorted(
        stored(out), key=lambda row: ([row[name] for name in same], rungs.index(row["rung"]))
    ):
        print(
            f"{row['device']}: {row['who']}, {row['rung']}, penalty {row['penalty']}, width "
            f"{row['width']}, batch {row['batch']}: {row['images_per_second']:,.0f} images/s"
        )
        told = ("share_of_bound", "gigabytes", "busy", "kernels", "kit_over_it")
        print("   ", ", ".join(f"{name} {row[name]}" for name in told if name in row))
        for kernel in row["profile"][:5]:
            print(f"    {kernel['share']:6.1%} {kernel['ms']:9.3f} ms  {kernel['name']}")


def cases(given: argparse.Namespace, rungs: list[Rung]) -> list[tuple[Rung, str, int, int]]:
    """(rung, penalty, width, batch): the rungs, then penalties and curves on the last one."""
    width, batch, last = given.width, given.batch, rungs[-1]
    penalties = [name for name in PENALTIES if name != "none"] if given.penalties else []
    return list(
        dict.fromkeys(
            [(rung, "none", width, batch) for rung in rungs]
            + [(last, penalty, width, batch) for penalty in penalties]
            + [(last, "none", each, batch) for each in given.widths]
            + [(last, "none", width, each) for each in given.batches]
        )
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--width", type=int, default=PRESET.setting.width)
    parser.add_argument("--batch", type=int, default=PRESET.recipe.batch_size)
    parser.add_argument("--rungs", nargs="+", choices=list(RUNGS), help="default: all there are")
    parser.add_argument("--penalties", action="store_true", help="R1, R2 and both, on the last")
    parser.add_argument("--widths", type=int, nargs="+", default=[], help="a curve, on the last")
    parser.add_argument("--batches", type=int, nargs="+", default=[], help="a curve, on the last")
    parser.add_argument("--reference", type=Path, help="folder of a PyTorch-StudioGAN checkout")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each of three rounds")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    refused = [name for name in given.rungs or [] if RUNGS[name].needs_cuda]
    if refused and given.device == "cpu":
        parser.error(f"--rungs {refused[0]} needs a CUDA device; leave it out, or --device cuda")
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device is cuda, but torch finds no CUDA device here; give --device cpu")
    return given


def main() -> None:
    given = arguments()
    if given.table:
        return table(given.out)
    on_gpu = given.device == "cuda"
    if not on_gpu:
        torch.set_num_threads(1)
    rungs = [RUNGS[name] for name in given.rungs or RUNGS if on_gpu or not RUNGS[name].needs_cuda]
    if not on_gpu:
        left_out = ", ".join(name for name, rung in RUNGS.items() if rung.needs_cuda)
        print(f"Only on a CUDA device, and left out: {left_out}.")
    bench = prepare(torch.device(given.device), given.seconds, PRESET.recipe.discriminator_steps)
    done: list[Row] = []
    for case in cases(given, rungs):
        done.append(kit_row(bench, *case))
        tell(done[-1], given.out)
    if given.reference:
        for mixed in (False, True) if on_gpu else (False,):
            tell(
                reference_row(bench, given.reference, mixed, given.width, given.batch, done),
                given.out,
            )
    return None


def tell(row: Row, out: Path) -> None:
    keep([row], out, PROTOCOL, SAME)
    print(json.dumps({name: value for name, value in row.items() if name != "profile"}), flush=True)


if __name__ == "__main__":
    main()
