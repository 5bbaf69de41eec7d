"""What D2D-CE costs, beside the product it cannot do without and the way it is often written.

    OMP_NUM_THREADS=1 python benchmarks/d2d_ce.py --run 1 --large
    OMP_NUM_THREADS=1 python benchmarks/d2d_ce.py --run 2
    python benchmarks/d2d_ce.py --device cuda
    python benchmarks/d2d_ce.py --table

Each candidate does forward and backward. `product` is f @ f.T alone; `straightforward` holds
N × N × d numbers several times over and is skipped where that needs more than 8 GB. Before
anything is timed, it and the kit's `d2d_ce` must agree. Rows are added to
benchmarks/results/d2d_ce.json, in place of older ones of the same run; the protocol is in it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from rows import keep, stored
from torch import Tensor

from cgan_kit.losses import conditional_contrastive, d2d_ce, d2d_ce_reference

Step = Callable[[], object]

RESULTS = Path(__file__).parent / "results" / "d2d_ce.json"
# Rounds for each (N, d).
ROUNDS = {(128, 512): 200, (512, 768): 31, (1024, 768): 31, (4096, 768): 7}
STRAIGHTFORWARD_ROUNDS = 3
CLASSES = (10, 100)
SETTINGS = {"temperature": 0.5, "margin_positive": 0.98, "margin_negative": 0.02}
LIMIT = 8e9
# Arrays N × N × d that `straightforward` holds at its height, as measured at smaller N.
ARRAYS = 6.02
PROTOCOL = {
    "what": "forward and backward, float32; gradient with respect to embeddings and proxies",
    "product": "sum of (f @ f.T) times a fixed random matrix, gradient with respect to f",
    "time": "candidates in turn, one step each a round; ms is the median over the rounds. cpu: "
    "processor time of one thread, the system's for handing out memory included (other work ran "
    "on the same cores); cuda: events",
    "memory": "highest sum of live allocations above what was there before, by the allocator's "
    "own count. cpu: every allocation of torch as its profiler saw it; cuda: "
    "max_memory_allocated",
    "times, memory_times": "as many times `product` of the same row",
    "straightforward": "cosine similarity of f[:, None] with f[None]; three rounds, above 8 GB "
    "one; only with the first number of classes, which changes nothing in its cost",
    "checked before": "straightforward and d2d_ce agree in float64 to 1e-10, value and gradient",
    "settings": SETTINGS,
    "threads": 1,
}


def straightforward(
    embeddings: Tensor,
    proxies: Tensor,
    labels: Tensor,
    temperature: float,
    margin_positive: float,
    margin_negative: float,
) -> Tensor:
    """D2D-CE as its equation stands (see `d2d_ce`), through an array N × N × d."""
    to_proxy = F.cosine_similarity(embeddings, proxies[labels])
    between = F.cosine_similarity(embeddings[:, None], embeddings[None], dim=2)
    positives = ((to_proxy - margin_positive).clamp(max=0) / temperature).exp()
    negatives = ((between - margin_negative).clamp(min=0) / temperature).exp()
    other_class = labels[:, None] != labels
    return -(positives / (positives + (negatives * other_class).sum(dim=1))).log().mean()


def draw(
    size: int, dim: int, classes: int, device: torch.device, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor]:
    """Unit embeddings (size, dim), unit proxies (classes, dim), labels (size,); seeded."""
    random = torch.Generator().manual_seed(0)
    vectors = torch.randn(size + classes, dim, generator=random, dtype=dtype)
    embeddings, proxies = F.normalize(vectors, dim=1).to(device).split([size, classes])
    labels = torch.randint(classes, (size,), generator=random).to(device)
    return embeddings.clone().requires_grad_(), proxies.clone().requires_grad_(), labels


def check() -> None:
    """Stop unless `straightforward` and `d2d_ce` agree, on the sphere, in float64."""
    embeddings, proxies, labels = draw(40, 16, 4, torch.device("cpu"), torch.float64)
    found = []
    for loss in (straightforward, d2d_ce):
        # A cosine has no slope along its vectors; through the normalisation neither has f @ f.T.
        value = loss(F.normalize(embeddings), F.normalize(proxies), labels, **SETTINGS)
        found.append((value, *torch.autograd.grad(value, [embeddings, proxies])))
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=1e-10)


def candidates(size: int, dim: int, classes: int, device: torch.device) -> dict[str, Step]:
    """Name -> one forward and backward."""
    embeddings, proxies, labels = draw(size, dim, classes, device)
    weights = torch.randn(size, size, generator=torch.Generator().manual_seed(1)).to(device)
    temperature, margin_positive = SETTINGS["temperature"], SETTINGS["margin_positive"]

    def product() -> object:
        return torch.autograd.grad((embeddings @ embeddings.T * weights).sum(), embeddings)

    def step(loss: Callable[..., Tensor], *settings: float) -> object:
        value = loss(embeddings, proxies, labels, *settings)
        return torch.autograd.grad(value, [embeddings, proxies])

    return {
        "product": product,
        "d2d_ce": partial(step, d2d_ce, *SETTINGS.values()),
        "d2d_ce_reference": partial(step, d2d_ce_reference, temperature, margin_positive),
        "conditional_contrastive": partial(step, conditional_contrastive, temperature),
        "straightforward": partial(step, straightforward, *SETTINGS.values()),
    }


def seconds(step: Step, device: torch.device) -> float:
    if device.type == "cuda":
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        step()
        end.record()
        torch.cuda.synchronize()
        return float(start.elapsed_time(end)) / 1000
    begin = time.process_time()
    step()
    return time.process_time() - begin


def peak_bytes(step: Step, device: torch.device) -> int:
    """The most that the step's own allocations came to at one time."""
    if device.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        return torch.cuda.max_memory_allocated() - before
    cpu = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=cpu, profile_memory=True) as profile:
        step()
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        profile.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text())["traceEvents"]
    held = highest = 0
    memory = (event for event in events if event["name"] == "[memory]")
    for event in sorted(memory, key=lambda event: float(event["ts"])):
        held += event["args"]["Bytes"]
        highest = max(highest, held)
    return highest


def available_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info()[0]
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))


def reason_to_skip(need: float, large: bool, device: torch.device) -> str | None:
    if need <= LIMIT:
        return None
    if large and 1.1 * need < available_bytes(device):
        return None
    return f"skipped: needs about {need / 1e9:.0f} GB"


def measure(steps: dict[str, Step], rounds: dict[str, int], device: torch.device) -> dict[str, Any]:
    """Median time and peak memory of each; with no rounds, the time of the pass for memory."""
    peaks: dict[str, int] = {}
    times: dict[str, list[float]] = {}
    for name, step in steps.items():

        def watched(name: str = name, step: Step = step) -> None:
            peaks[name] = peak_bytes(step, device)

        first = seconds(watched, device)
        times[name] = [] if rounds[name] else [first]
    for turn in range(max(rounds.values())):
        for name, step in steps.items():
            if turn < rounds[name]:
                times[name].append(seconds(step, device))
    base_time, base_peak = median(times["product"]), peaks["product"]
    return {
        name: {
            "ms": float(f"{1000 * median(times[name]):.4g}"),
            "times": float(f"{median(times[name]) / base_time:.3g}"),
            "megabytes": round(peaks[name] / 1e6, 3),
            "memory_times": float(f"{peaks[name] / base_peak:.3g}"),
            "rounds": len(times[name]),
        }
        for name in steps
    }


def row(
    run: int, size: int, dim: int, classes: int, large: bool, device: torch.device
) -> dict[str, Any]:
    steps = candidates(size, dim, classes, device)
    rounds = dict.fromkeys(steps, ROUNDS[size, dim])
    need = ARRAYS * size * size * dim * 4
    rounds["straightforward"] = STRAIGHTFORWARD_ROUNDS if need <= LIMIT else 0
    skip = reason_to_skip(need, large, device)
    if classes != CLASSES[0]:
        skip = f"skipped: see {CLASSES[0]} classes"
    if skip:
        del steps["straightforward"], rounds["straightforward"]
    name = "cpu" if device.type == "cpu" else torch.cuda.get_device_name()
    found: dict[str, Any] = {"device": name, "run": run, "N": size, "d": dim, "classes": classes}
    found |= measure(steps, rounds, device)
    if skip:
        return found | {"straightforward": skip}
    slow, kit = found["straightforward"], found["d2d_ce"]
    found["straightforward_over_d2d_ce"] = {
        "time": round(slow["ms"] / kit["ms"]),
        "memory": round(slow["megabytes"] / kit["megabytes"]),
    }
    return found


def table() -> None:
    """Each candidate's time and memory as multiples of the product's."""
    for row in stored(RESULTS):
        print(f"{row['device']}, run {row['run']}: {row['N']} × {row['d']}, K {row['classes']}")
        for name, found in row.items():
            if isinstance(found, dict) and "ms" in found:
                print(
                    f"  {name:24}{found['times']:>8} × {found['ms']:>9} ms"
                    f"{found['memory_times']:>9} × {found['megabytes']:>10} MB"
                )
        if "straightforward_over_d2d_ce" in row:
            print("  straightforward over d2d_ce:", row["straightforward_over_d2d_ce"])
        else:
            print("  straightforward", row["straightforward"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--run", type=int, default=1, help="number of this repetition")
    parser.add_argument("--large", action="store_true", help="above 8 GB too, where it fits")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    if arguments.table:
        return table()
    torch.set_num_threads(1)
    check()
    for size, dim in ROUNDS:
        for classes in CLASSES:
            device = torch.device(arguments.device)
            found = row(arguments.run, size, dim, classes, arguments.large, device)
            keep([found], RESULTS, PROTOCOL, ("device", "run", "N", "d", "classes"))
            print(json.dumps(found), flush=True)
    return None


if __name__ == "__main__":
    main()
