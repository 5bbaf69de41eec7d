"""Measurements: each answers one question, beside what real images of the same number score."""

from cgan_kit.metrics.classifier import Classifier, train_classifier
from cgan_kit.metrics.evaluate import METRICS, Metric, evaluate
from cgan_kit.metrics.neighbours import Neighbours, neighbours
from cgan_kit.metrics.oracle_metrics import (
    Kept,
    OracleReport,
    kept_across_classes,
    kept_table,
    oracle_report,
    read_across_classes,
)
from cgan_kit.metrics.report import Report, Value
from cgan_kit.metrics.samples import draw_samples
from cgan_kit.metrics.variance import variance_ratio, within_class_variance

__all__ = [
    "METRICS",
    "Classifier",
    "Kept",
    "Metric",
    "Neighbours",
    "OracleReport",
    "Report",
    "Value",
    "draw_samples",
    "evaluate",
    "kept_across_classes",
    "kept_table",
    "neighbours",
    "oracle_report",
    "read_across_classes",
    "train_classifier",
    "variance_ratio",
    "within_class_variance",
]
