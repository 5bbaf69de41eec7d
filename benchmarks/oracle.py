"""How long the oracle takes to read 10,000 images, and what it read.

    python benchmarks/oracle.py

writes benchmarks/results/oracle.json. Seconds are those of the clock, CPU seconds those of all
threads together; where other work runs beside it (processor_load_at_start), trust the latter.
The images are like a generator's: half rendered images with noise, a quarter blends, a quarter
flat grey, which is the slowest to tell apart.
"""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import torch

from cgan_kit.data import glyphs, shapes
from cgan_kit.data.rendered import RenderedSet

NUM_IMAGES = 10_000
RESULTS = Path(__file__).parent / "results" / "oracle.json"


def imitations(data: RenderedSet) -> torch.Tensor:
    """float32 (NUM_IMAGES, C, H, W), seeded."""
    generator = torch.Generator().manual_seed(0)
    half, quarter = NUM_IMAGES // 2, NUM_IMAGES // 4
    picks = torch.randint(len(data), (half + 2 * quarter,), generator=generator)
    noisy = data.real(picks[:half])
    noisy += 0.1 * torch.randn(noisy.shape, generator=generator)
    blends = (data.real(picks[half : half + quarter]) + data.real(picks[half + quarter :])) / 2
    flat = torch.zeros(NUM_IMAGES - half - quarter, *data.sample_shape)
    return torch.cat((noisy.clamp_(-1, 1), blends, flat))


def measure(data: RenderedSet) -> dict[str, Any]:
    images = imitations(data)
    oracle = data.oracle()
    start = time.perf_counter()
    threshold = oracle.threshold
    threshold_seconds = time.perf_counter() - start
    start, start_cpu = time.perf_counter(), time.process_time()
    read = oracle.read(images)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    return {
        "set": data.name,
        "options": data.options,
        "grid_images": len(data.grid.labels),
        "images_read": len(images),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_seconds, 2),
        "threshold_seconds": round(threshold_seconds, 2),
        "threshold": round(threshold, 4),
        "recognisable_share": round(float(read.recognisable.float().mean()), 4),
    }


def main() -> None:
    sets = [
        shapes.load(),
        shapes.load(size=32, channels=3),
        glyphs.load(classes=200),
    ]
    result = {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
        "processor_load_at_start": round(os.getloadavg()[0], 1),
        "measurements": [measure(data) for data in sets],
    }
    RESULTS.parent.mkdir(exist_ok=True)
    aside = RESULTS.with_suffix(".json.part")
    aside.write_text(json.dumps(result, indent=1) + "\n")
    os.replace(aside, RESULTS)
    for row in result["measurements"]:
        print(json.dumps(row))


if __name__ == "__main__":
    main()
