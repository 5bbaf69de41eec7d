"""Measurements: each answers one question, beside what real images of the same number score."""

from cgan_kit.metrics.bench import GAUGES, Bench, Floor, Gauge
from cgan_kit.metrics.class_transfer import ClassTransfer, class_transfer
from cgan_kit.metrics.classifier import Classifier, train_classifier
from cgan_kit.metrics.compare import Comparison, Spread, compare
from cgan_kit.metrics.damage import blur, duplicate, keep_modes, mix_labels
from cgan_kit.metrics.discriminability import (
    Discriminability,
    Share,
    accuracy_by_class,
    resize_and_back,
    resolution_sweep,
    wilson,
)
from cgan_kit.metrics.evaluate import evaluate
from cgan_kit.metrics.features import (
    Extractor,
    classifier_features,
    inception_features,
    network_features,
    oracle_features,
)
from cgan_kit.metrics.fixed_classes import frechet_floor_in_classes, kid_floor_in_classes
from cgan_kit.metrics.frechet import (
    Extrapolated,
    class_aware_frechet,
    frechet_distance,
    frechet_floor,
    frechet_infinity,
    intra_class_frechet,
)
from cgan_kit.metrics.inception_score import (
    AMScore,
    InceptionScore,
    am_score,
    inception_score,
    perfect_am_score,
    perfect_inception_score,
)
from cgan_kit.metrics.intervals import Interval, deal, jackknife
from cgan_kit.metrics.kid import KID, SubsetKID, intra_class_kid, kid, kid_over_subsets
from cgan_kit.metrics.memorisation import (
    HeldOut,
    PixelNeighbours,
    Recovery,
    compare_recovery,
    held_out_combinations,
    latent_recovery,
    pixel_neighbours,
)
from cgan_kit.metrics.modes import (
    ModeCount,
    count_modes,
    expected_kl,
    gaussian_modes,
    oracle_reader,
    stacked,
    stacked_modes,
)
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
from cgan_kit.metrics.rows import METRICS, SLOW_METRICS, Metric
from cgan_kit.metrics.samples import Drawn, draw_samples, drawn
from cgan_kit.metrics.similarity import class_similarity, diversity, ms_ssim, ssim
from cgan_kit.metrics.subject import Subject
from cgan_kit.metrics.tables import table
from cgan_kit.metrics.variance import variance_ratio, within_class_variance
from cgan_kit.metrics.vendi import VendiByClass, vendi_by_class, vendi_score

__all__ = [
    "GAUGES",
    "KID",
    "METRICS",
    "SLOW_METRICS",
    "AMScore",
    "Bench",
    "ClassTransfer",
    "Classifier",
    "Comparison",
    "Discriminability",
    "Drawn",
    "Extractor",
    "Extrapolated",
    "Floor",
    "Gauge",
    "HeldOut",
    "InceptionScore",
    "Interval",
    "Kept",
    "Metric",
    "ModeCount",
    "Neighbours",
    "OracleReport",
    "PixelNeighbours",
    "Recovery",
    "Report",
    "Share",
    "Spread",
    "Subject",
    "SubsetKID",
    "Value",
    "VendiByClass",
    "accuracy_by_class",
    "am_score",
    "blur",
    "class_aware_frechet",
    "class_similarity",
    "class_transfer",
    "classifier_features",
    "compare",
    "compare_recovery",
    "count_modes",
    "deal",
    "diversity",
    "draw_samples",
    "drawn",
    "duplicate",
    "evaluate",
    "expected_kl",
    "frechet_distance",
    "frechet_floor",
    "frechet_floor_in_classes",
    "frechet_infinity",
    "gaussian_modes",
    "held_out_combinations",
    "inception_features",
    "inception_score",
    "intra_class_frechet",
    "intra_class_kid",
    "jackknife",
    "keep_modes",
    "kept_across_classes",
    "kept_table",
    "kid",
    "kid_floor_in_classes",
    "kid_over_subsets",
    "latent_recovery",
    "mix_labels",
    "ms_ssim",
    "neighbours",
    "network_features",
    "oracle_features",
    "oracle_reader",
    "oracle_report",
    "perfect_am_score",
    "perfect_inception_score",
    "pixel_neighbours",
    "read_across_classes",
    "resize_and_back",
    "resolution_sweep",
    "ssim",
    "stacked",
    "stacked_modes",
    "table",
    "train_classifier",
    "variance_ratio",
    "vendi_by_class",
    "vendi_score",
    "wilson",
    "within_class_variance",
]
