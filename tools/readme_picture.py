"""The picture of the README: class grids of two runs side by side.

python tools/readme_picture.py runs/conditioning/digits-... runs/conditioning/shapes-...
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

from cgan_kit.grids import fixed_latents, sample_grid
from cgan_kit.pictures import Pixels, beside, frame, tile, to_png
from cgan_kit.training import Run

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "class_grids.png"


def class_grid(run: Run, rows: int = 6, seed: int = 0) -> Pixels:
    """Fixed z down, classes across, with the classes' names above."""
    latents = fixed_latents(rows, run.latent_dim, seed)
    images = sample_grid(run.sample, latents, range(run.num_classes))
    return frame(tile(images, run.num_classes, scale=2), run.class_names)


def stand(pixels: Pixels, height: int) -> Pixels:
    """The picture with white above, so that two of different height stand on one line."""
    above = ((height - len(pixels), 0), *((0, 0) for _ in pixels.shape[1:]))
    return np.pad(pixels, above, constant_values=255)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("left", type=Path, help="folder of a run on images")
    parser.add_argument("right", type=Path, help="folder of another one")
    given = parser.parse_args()
    left, right = class_grid(Run(given.left)), class_grid(Run(given.right))
    height = max(len(left), len(right))
    sheet = beside(stand(left, height), stand(right, height), gap=24)
    aside = PICTURE.with_suffix(".partial")
    aside.write_bytes(to_png(sheet))
    os.replace(aside, PICTURE)
    print(f"{PICTURE.relative_to(ROOT)}: {sheet.shape[1]} × {sheet.shape[0]} pixels")


if __name__ == "__main__":
    main()
