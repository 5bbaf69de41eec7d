"""How hard D2D-CE pulls and pushes, by number of classes, batch and temperature.

    python benchmarks/d2d_ce_forces.py

Prints the table of docs/conditioning.md. Nothing is trained: similarities are set by hand to
those of three moments of a training, and the slopes of the loss follow from the formula.
"""

from __future__ import annotations

import math

from cgan_kit.losses import ReACGAN

# Cosine to the own proxy, to images of other classes, and to images of the own class.
MOMENTS = {"start": (0.0, 0.9, 0.9), "half way": (0.6, 0.3, 0.6), "end": (0.95, 0.0, 0.95)}
DEFAULT = ReACGAN()


def pull(
    negatives: float,
    temperature: float,
    to_proxy: float,
    to_others: float,
    within: float,
    reference: bool,
) -> float:
    """-∂L_i/∂(f_i·v_y) of an image with so many negatives, all alike.

    The negatives together are pushed as hard, where their margin lets them be.
    """
    m_p, m_n = DEFAULT.margin_positive, DEFAULT.margin_negative
    positive = math.exp(min(to_proxy - m_p, 0) / temperature)
    shift = (max(to_others, within) - m_n) / temperature if reference else 0.0
    against = negatives * math.exp(max(to_others - m_n, 0) / temperature - shift)
    return against / (positive + against) / temperature


def main() -> None:
    print("| τ | K | N | negatives | " + " | ".join(MOMENTS) + " |")
    print("|---" * (4 + len(MOMENTS)) + "|")
    for temperature in (DEFAULT.temperature, 0.1):
        for classes, batch in ((2, 4), (2, 64), (10, 16), (10, 64), (100, 64), (100, 1024)):
            negatives = batch - batch / classes
            cells = [
                " (".join(f"{pull(negatives, temperature, *each, r):.2f}" for r in (False, True))
                for each in MOMENTS.values()
            ]
            start = f"| {temperature:g} | {classes} | {batch} | {negatives:.1f} | "
            print(start + "".join(f"{cell}) | " for cell in cells).rstrip())


if __name__ == "__main__":
    main()
