"""The checks behind the exercise cells: they name the cause, not only the fault.

A check prints one line and returns whether the answer is right; it never raises, so that
"Run all" reaches the end of a lesson whose exercises are still open.
"""

from cgan_kit.exercises import acgan, explosion, gan, measuring, reacgan

__all__ = ["acgan", "explosion", "gan", "measuring", "reacgan"]
