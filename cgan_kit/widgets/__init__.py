"""What a person moves: sliders over a run's checkpoints, a run that can be watched and stopped.

Widgets read what a run wrote. Each works in plain Python too (set a control's `.value`, look
at the picture's `.value`), and each has a PNG for places that run no widgets.
"""

from cgan_kit.widgets.class_grid import ClassGrid
from cgan_kit.widgets.factor_dial import FactorDial
from cgan_kit.widgets.hypersphere import Hypersphere
from cgan_kit.widgets.interpolate import Interpolate
from cgan_kit.widgets.live_training import LiveTraining
from cgan_kit.widgets.metric_laboratory import MetricLaboratory
from cgan_kit.widgets.playground2d import Playground2D
from cgan_kit.widgets.training_panel import TrainingPanel

__all__ = [
    "ClassGrid",
    "FactorDial",
    "Hypersphere",
    "Interpolate",
    "LiveTraining",
    "MetricLaboratory",
    "Playground2D",
    "TrainingPanel",
]
