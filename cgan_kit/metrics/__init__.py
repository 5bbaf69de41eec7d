"""Measurements: each answers one question, beside what real images of the same number score."""

from cgan_kit.metrics.classifier import Classifier, train_classifier
from cgan_kit.metrics.neighbours import Neighbours, neighbours

__all__ = ["Classifier", "Neighbours", "neighbours", "train_classifier"]
