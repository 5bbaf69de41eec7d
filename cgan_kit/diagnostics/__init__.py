"""Instruments that show why a conditional GAN goes wrong: probes, and the verdict from them."""

from cgan_kit.diagnostics.classifier_probe import ClassifierProbe
from cgan_kit.diagnostics.gradient_share import GradientShare
from cgan_kit.diagnostics.layer_probe import LayerProbe
from cgan_kit.diagnostics.look import Scene, scene, untouched
from cgan_kit.diagnostics.sample_probe import SampleProbe
from cgan_kit.diagnostics.split import Split, split
from cgan_kit.diagnostics.verdict import Finding, Verdict, diagnose

__all__ = [
    "ClassifierProbe",
    "Finding",
    "GradientShare",
    "LayerProbe",
    "SampleProbe",
    "Scene",
    "Split",
    "Verdict",
    "diagnose",
    "scene",
    "split",
    "untouched",
]
