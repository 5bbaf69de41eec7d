"""How fast the kit's metrics are beside torch-fidelity and prdc, on the same features.

    OMP_NUM_THREADS=1 python benchmarks/metrics.py

Takes a few minutes and 4 GB, and writes benchmarks/results/metrics.json with its protocol.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import torch
from prdc import compute_prdc
from threadpoolctl import threadpool_limits
from torch import Tensor
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric

from cgan_kit.metrics.frechet import frechet_distance, frechet_floor, frechet_infinity
from cgan_kit.metrics.inception_score import inception_score
from cgan_kit.metrics.kid import kid, kid_over_subsets
from cgan_kit.metrics.neighbours import neighbours

Measure = Callable[[], list[float]]

RESULTS = Path(__file__).parent / "results" / "metrics.json"
NUM_SAMPLES = 10_000
DIMENSIONS = (64, 512)
CLASSES = 10
SUBSETS = 20
PROTOCOL = {
    "features": f"float32, {NUM_SAMPLES} real and as many generated, normal with dimensions "
    "that go together; the generated ones shifted by 0.1 and scaled by 0.9",
    "time": "kit and other in turn, once each a round; seconds of processor time of all threads, "
    "median over the rounds (other work ran on the same cores)",
    "ratio": "seconds of the kit over seconds of the other; below 1 the kit is faster",
    "difference": "largest relative difference between the numbers of the two; KID's and the "
    "Inception Score's are absolute",
    "KID": f"{SUBSETS} subsets of 1,000, the same for both; torch-fidelity computes in the "
    "type of the features, the kit always in float64",
    "neighbours": "k = 5, precision, recall, density, coverage; prdc in float32, the "
    "kit in float64",
    "alone": "what the other libraries do not have: one run each",
    "threads": 1,
}


def draw(dimensions: int) -> tuple[Tensor, Tensor, Tensor]:
    """Real and generated features float32 (n, d), logits float32 (n, K); seeded."""
    random = torch.Generator().manual_seed(0)
    mixing = torch.randn(dimensions, dimensions, generator=random) / math.sqrt(dimensions)
    real, fake = (torch.randn(NUM_SAMPLES, dimensions, generator=random) @ mixing for _ in range(2))
    return real, 0.9 * fake + 0.1, 3 * torch.randn(NUM_SAMPLES, CLASSES, generator=random)


def fidelity_fid(real: Tensor, fake: Tensor) -> list[float]:
    statistics = [fid_features_to_statistics(features) for features in (real, fake)]
    return list(fid_statistics_to_metric(*statistics, verbose=False).values())


def fidelity_kid(real: Tensor, fake: Tensor) -> list[float]:
    options = {"kid_kernel": "poly", "kid_kernel_poly_degree": 3, "kid_kernel_poly_gamma": None}
    options |= {"kid_kernel_poly_coef0": 1, "rng_seed": 2020, "verbose": False}
    options |= {"kid_subsets": SUBSETS, "kid_subset_size": 1000}
    return list(kid_features_to_metric(real, fake, **options).values())


def prdc(real: Tensor, fake: Tensor) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        return list(compute_prdc(real.numpy(), fake.numpy(), nearest_k=5).values())


def pairs(dimensions: int) -> dict[str, tuple[int, Measure, Measure]]:
    """Name -> rounds, the kit's measurement, the other library's."""
    real, fake, logits = draw(dimensions)
    return {
        "Fréchet distance, torch-fidelity": (
            9,
            lambda: [frechet_distance(real, fake)],
            lambda: fidelity_fid(real, fake),
        ),
        "KID, torch-fidelity in float32": (
            3,
            lambda: list(kid_over_subsets(real, fake, subsets=SUBSETS)),
            lambda: fidelity_kid(real, fake),
        ),
        "KID, torch-fidelity in float64": (
            3,
            lambda: list(kid_over_subsets(real, fake, subsets=SUBSETS)),
            lambda: fidelity_kid(real.double(), fake.double()),
        ),
        "Inception Score, torch-fidelity": (
            9,
            lambda: list(inception_score(logits.softmax(dim=1))),
            lambda: list(isc_features_to_metric(logits).values()),
        ),
        "neighbours, prdc": (
            2,
            lambda: list(neighbours(real, fake)),
            lambda: prdc(real, fake),
        ),
    }


def alone(dimensions: int) -> dict[str, Measure]:
    real, fake, _ = draw(dimensions)
    return {
        "Fréchet floor": lambda: [frechet_floor(real, NUM_SAMPLES, NUM_SAMPLES)],
        "Fréchet infinity": lambda: list(frechet_infinity(real, fake)),
        "KID, whole samples": lambda: list(kid(real, fake, permutations=0))[:2],
        "KID, whole samples, 200 permutations": lambda: list(kid(real, fake)),
    }


def timed(measure: Measure) -> tuple[float, list[float]]:
    start = time.process_time()
    answer = measure()
    return time.process_time() - start, answer


def compare(name: str, rounds: int, ours: Measure, theirs: Measure) -> dict[str, Any]:
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        (own, answer), (other, reference) = timed(ours), timed(theirs)
        seconds[0].append(own)
        seconds[1].append(other)
    absolute = name.startswith(("KID", "Inception"))
    difference = max(
        abs(a - b) / (1 if absolute else abs(b)) for a, b in zip(answer, reference, strict=True)
    )
    kit, library = median(seconds[0]), median(seconds[1])
    return {
        "metric": name,
        "kit_seconds": float(f"{kit:.3g}"),
        "other_seconds": float(f"{library:.3g}"),
        "ratio": float(f"{kit / library:.3g}"),
        "difference": float(f"{difference:.2g}"),
        "rounds": rounds,
    }


def main() -> None:
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    with threadpool_limits(1):
        for dimensions in DIMENSIONS:
            shape = {"n": NUM_SAMPLES, "d": dimensions}
            for name, (rounds, ours, theirs) in pairs(dimensions).items():
                rows.append(shape | compare(name, rounds, ours, theirs))
                print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
            for name, measure in alone(dimensions).items():
                seconds = float(f"{timed(measure)[0]:.3g}")
                rows.append(shape | {"metric": name, "kit_seconds": seconds, "rounds": 1})
                print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
    versions = {name: version(name) for name in ("torch", "torch-fidelity", "prdc", "numpy")}
    lines = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in rows)
    head = PROTOCOL | versions | {"python": platform.python_version()}
    head["processor_load_at_end"] = round(os.getloadavg()[0], 1)
    RESULTS.parent.mkdir(exist_ok=True)
    aside = RESULTS.with_suffix(f".{os.getpid()}")
    protocol = json.dumps(head, indent=1, ensure_ascii=False)
    aside.write_text(f'{{"protocol": {protocol},\n "rows": [\n  {lines}\n]}}\n', encoding="utf-8")
    os.replace(aside, RESULTS)


if __name__ == "__main__":
    main()
