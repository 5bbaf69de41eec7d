"""How long `folder:PATH` takes the first and the second time.

    python benchmarks/folder.py PATH [--size 32] [--channels 3]

Writes benchmarks/results/folder.json. The cache goes to a fresh temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path

import torch

import cgan_kit.data

RESULT = Path(__file__).parent / "results" / "folder.json"


def timed_load(path: str, **options: object) -> tuple[cgan_kit.data.LabelledSet, dict[str, float]]:
    wall, processor = time.perf_counter(), time.process_time()
    data = cgan_kit.data.load(f"folder:{path}", **options)
    return data, {
        "wall_seconds": round(time.perf_counter() - wall, 2),
        "cpu_seconds": round(time.process_time() - processor, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--channels", type=int, default=3)
    arguments = parser.parse_args()
    cgan_kit.data.load("digits")  # the imports are not what is measured
    with tempfile.TemporaryDirectory() as root:
        options = {"size": arguments.size, "channels": arguments.channels, "root": root}
        data, first = timed_load(arguments.path, **options)
        again, second = timed_load(arguments.path, **options)
    assert data.fingerprint() == again.fingerprint()
    result = {
        "what": "seconds to load a folder of image files, decoded the first time, then cached",
        "files": len(data),
        "classes": data.num_classes,
        "sample_shape": list(data.sample_shape),
        "first": first,
        "second": second,
        "cores": len(os.sched_getaffinity(0)),
        "load_average_of_the_machine": round(os.getloadavg()[0], 1),
        "machine": platform.machine(),
        "torch": torch.__version__,
    }
    RESULT.parent.mkdir(exist_ok=True)
    aside = RESULT.with_suffix(".part")
    aside.write_text(json.dumps(result, indent=2) + "\n")
    os.replace(aside, RESULT)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
