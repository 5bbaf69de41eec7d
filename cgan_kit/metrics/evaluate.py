"""One call, one table: generated images beside real ones of the same number.

No number here means much alone. So every row is measured twice, for the generated images and
for as many real ones, and comes with an interval: see `intervals`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from cgan_kit.metrics.checks import check_images, check_labels, check_same_range
from cgan_kit.metrics.classifier import Classifier, train_classifier
from cgan_kit.metrics.discriminability import Share
from cgan_kit.metrics.features import Extractor, classifier_features
from cgan_kit.metrics.intervals import GROUPS, NO_INTERVAL, Interval, deal, jackknife
from cgan_kit.metrics.report import Report, Value
from cgan_kit.metrics.rows import METRICS, Measured, Metric
from cgan_kit.metrics.samples import Drawn, Sampler, draw_samples, drawn, stratified, take
from cgan_kit.metrics.subject import Judges, Subject

if TYPE_CHECKING:
    from cgan_kit.data.imageset import ImageSet

Generated = Sampler | tuple[Tensor, Tensor]

MAX_REFERENCE = 2000
"""Images in the reference unless n says otherwise: k-NN metrics on two cores take seconds."""

HELD = 2**25
"""Bytes of generated images that are kept; more are made again for each look at them."""

_KEPT = 8  # classifiers, about half a MB each
_TRAINED: dict[tuple[str, str, str, int], Classifier] = {}


def evaluate(
    generated: Generated,
    image_set: ImageSet | tuple[ImageSet, ImageSet],
    *,
    n: int | None = None,
    k: int = 5,
    seed: int = 0,
    step: int | None = None,
    classifier: Classifier | None = None,
    features: Extractor | None = None,
    metrics: Sequence[Metric] = METRICS,
    groups: int = GROUPS,
) -> Report:
    """Measures generated images beside real ones of the same number.

    Protocol. The set is split; a classifier learns the training part. The reference is the
    held-out part, or a random sample of n of it. The generated images have the classes of the
    reference in the same frequencies. The real value of a row that compares with the
    reference is that of as many images of the training part, drawn without repeats, of the
    same classes. The real value of any other row is that of the reference itself. The interval
    is for other generated images beside the same reference, by the same classifier.

    Memory. The images of a run are held if they fit into `HELD` bytes. Else they are made
    batch by batch, and `METRICS` hold their features alone. Those of `SLOW_METRICS` that look
    at pixels hold them all, as uint8.

    Arguments:
        generated: a run, or (images, labels): uint8 or float in [-1, 1], (n, C, H, W), with
            the class asked for, int64 (n,).
        image_set: what the generator learned from, split here as `image_set.split()` does; or
            a pair (training part, held-out part).
        n: images on each side; by default as many as there are, up to `MAX_REFERENCE`.
        k: neighbours, for precision, recall, density and coverage.
        seed: of latents, of samples from the set, and of the classifier.
        step: of the run's checkpoint; None is the last.
        classifier: one from `train_classifier` on the training part; by default one is trained,
            which takes seconds, and kept for the next call with the same set and seed.
        features: the space for distances; by default that of the classifier. See `features`.
        metrics: the rows; `METRICS + SLOW_METRICS` for all of them.
        groups: of samples, for the intervals; their time grows with it. 0 for none.

    Raises:
        ValueError: images that are not images of the set, labels out of range, a class
            without images, n that is more than there are or hardly more than k, features that
            are not finite, groups of 1 or below 0, a set of points.
    """
    train, held_out = split_set(image_set)
    n = _number(n, k, generated, train, held_out)
    if groups == 1 or groups < 0:
        raise ValueError(f"groups is {groups}; give at least 2, such as {GROUPS}, or 0 for none")
    reference = held_out.subset(stratified(held_out.labels, n, held_out.num_classes, seed))
    source, labels = _generated(generated, reference, n, seed, step)
    real = train.subset(take(train.labels, reference.class_counts(), seed))
    if classifier is None:
        classifier = usual_classifier(train, held_out, seed)
    _check_classifier(classifier, train)
    oracle = reference.oracle() if hasattr(reference, "oracle") else None
    space = features or classifier_features(classifier)
    judges = Judges(train, held_out, classifier, space, oracle, k, seed)
    base = Subject(reference.images, reference.labels, judges)
    true = Subject(real.images, real.labels, judges, base)
    run = None if isinstance(generated, tuple) else generated
    group = deal(labels, groups, seed) if groups else None
    fake = Subject(source, labels.to(train.device), judges, base, true, run, step, group)
    rows = [row for row in metrics if oracle is not None or not row.by_oracle]
    protocol = _origin(generated, step, seed) | _setting(judges, n, groups)
    return Report(_values(fake, rows), protocol, fake.by_oracle if oracle else None)


def _values(fake: Subject, rows: Sequence[Metric]) -> dict[str, Value]:
    """Each row: of the generated images, of the real ones, and again without each group."""
    without: dict[str, list[float]] = {row.name: [] for row in rows}
    values: dict[str, Value] = {}
    # The bar shows itself after two seconds, so that quick calls leave stored outputs alone.
    number = 0 if fake.group is None else int(fake.group.max()) + 1
    with tqdm(total=2 * len(rows) + number, leave=False, delay=2, desc="measuring") as bar:
        measured: list[Measured] = []
        for row in rows:
            measured.append(row.measure(fake))
            bar.update()
        pairs = list(zip(rows, measured, strict=True))
        again = [row for row, value in pairs if row.repeat and not isinstance(value, Share)]
        for j in range(number):
            # Rows inside groups: the four of the nearest neighbours share what a part has read.
            part = fake.without(j)
            for row in again:
                without[row.name].append(_number_of(row.measure(part)))
            bar.update()
        for row, value in pairs:
            interval = _interval(row, value, without[row.name], len(fake))
            known = _number_of(value), _real(row, fake), row.perfect(fake)
            values[row.name] = Value(*known, *interval)
            bar.update()
    return values


def _real(row: Metric, fake: Subject) -> float:
    if row.real is not None:
        return row.real(fake)
    other = fake.real if row.paired else fake.reference
    assert other is not None
    return _number_of(row.measure(other))


def _interval(row: Metric, value: Measured, without: list[float], cases: int) -> Interval:
    if math.isnan(_number_of(value)):
        return NO_INTERVAL
    if isinstance(value, Share):
        return Interval(value.low, value.high)
    if not without:
        return NO_INTERVAL
    return jackknife(value, without, cases if row.share else None)


def _number_of(value: Measured) -> float:
    return value.value if isinstance(value, Share) else value


def split_set(image_set: ImageSet | tuple[ImageSet, ImageSet]) -> tuple[ImageSet, ImageSet]:
    """(training part, held-out part) of what was given as a set of images.

    Raises:
        ValueError: a set of points, or a pair that is not of one set.
    """
    train, held_out = image_set if isinstance(image_set, tuple) else image_set.split()
    for part in (train, held_out):
        if not hasattr(part, "images"):
            raise ValueError(f"image_set is {part!r}, which holds no images; give a set of images")
    if (train.sample_shape, train.class_names) != (held_out.sample_shape, held_out.class_names):
        raise ValueError(
            f"image_set is the pair {train!r} and {held_out!r}; give two parts of one set"
        )
    return train, held_out


def usual_classifier(train: ImageSet, held_out: ImageSet, seed: int) -> Classifier:
    """`train_classifier`, once in a process for each set and seed; the last few are kept."""
    key = train.fingerprint(), held_out.fingerprint(), str(train.device), seed
    if key not in _TRAINED:
        trained = train_classifier(train, held_out, seed=seed)
        while len(_TRAINED) >= _KEPT:
            del _TRAINED[next(iter(_TRAINED))]
        _TRAINED[key] = trained
    return _TRAINED[key]


def _number(
    n: int | None,
    k: int,
    generated: Generated,
    train: ImageSet,
    held_out: ImageSet,
) -> int:
    most = {"held-out": len(held_out), "training": len(train)}
    if isinstance(generated, tuple):
        most["generated"] = len(generated[0])
    # One more than k, for the intervals leave some out.
    fewest = max(k + 2, held_out.num_classes + 1)
    scarce = min(most, key=most.__getitem__)
    if most[scarce] < fewest:
        raise ValueError(
            f"there are {most[scarce]} {scarce} images, too few for k = {k} neighbours and "
            f"{held_out.num_classes} classes; add images until there are {fewest}"
        )
    if n is None:
        n = min(MAX_REFERENCE, *most.values())
    for name, available in most.items():
        if n > available:
            raise ValueError(f"n is {n} but there are {available} {name} images; give a smaller n")
    if n < fewest:
        raise ValueError(
            f"n is {n}, too few for k = {k} neighbours and {held_out.num_classes} classes; "
            f"measure at least {fewest} images"
        )
    return n


def _generated(
    generated: Generated, reference: ImageSet, n: int, seed: int, step: int | None
) -> tuple[Tensor | Drawn, Tensor]:
    """n images, or a run that makes them, with labels, checked against the reference."""
    if isinstance(generated, tuple):
        images, labels = generated
    else:
        if generated.num_classes != reference.num_classes:
            raise ValueError(
                f"the run has {generated.num_classes} classes but the set has "
                f"{reference.num_classes}; give the set that the run learned"
            )
        labels = reference.labels
        if n * math.prod(reference.sample_shape) > HELD:
            source = drawn(generated, labels, seed=seed, step=step, device=reference.device)
            _check_generated(next(source.split(1)), labels[:1], reference)
            return source, labels
        images = draw_samples(generated, labels, seed=seed, step=step)
    _check_generated(images, labels, reference)
    _check_classes(labels, reference)
    if len(images) > n:
        chosen = stratified(labels, n, reference.num_classes, seed).to(images.device)
        images, labels = images[chosen], labels.to(images.device)[chosen]
    return images.to(reference.device), labels


def _check_generated(images: Tensor, labels: Tensor, reference: ImageSet) -> None:
    if tuple(images.shape[1:]) != reference.sample_shape:
        raise ValueError(
            f"generated images have shape {tuple(images.shape)} but those of the set are "
            f"{reference.sample_shape}; give the set that the generator learned, at its size"
        )
    check_images(images, "generated images")
    check_same_range(images, reference.images, "generated images")
    check_labels(labels, len(images), reference.num_classes)


def _check_classes(labels: Tensor, reference: ImageSet) -> None:
    counts = torch.bincount(labels, minlength=reference.num_classes)
    for k, (asked, there) in enumerate(
        zip(counts.tolist(), reference.class_counts().tolist(), strict=True)
    ):
        if there and not asked:
            raise ValueError(
                f"class {reference.class_names[k]!r} has no generated image but "
                f"{there} in the reference; generate every class, as often as the set has it"
            )


def _check_classifier(classifier: Classifier, train: ImageSet) -> None:
    if (classifier.sample_shape, classifier.num_classes) != (train.sample_shape, train.num_classes):
        raise ValueError(
            f"the classifier was trained on {classifier.num_classes} classes of images "
            f"{classifier.sample_shape} but the set has {train.num_classes} of "
            f"{train.sample_shape}; train one with train_classifier(train, held_out)"
        )


def _setting(judges: Judges, n: int, groups: int) -> dict[str, Any]:
    train, held_out = judges.train, judges.held_out
    jackknifed = f"95 %, over generated images: jackknife without one of {groups} groups"
    return {
        "data": train.name,
        "split": held_out.origin,
        "n": n,
        "k": judges.k,
        "reference": f"{n} of {len(held_out)} held-out images",
        "real": f"{n} of {len(train)} training images, without repeats",
        "features": judges.extractor.name,
        "classifier_accuracy": judges.classifier.accuracy,
        "interval": jackknifed if groups else "none, but where a row brings its own",
        "seed": judges.seed,
    }


def _origin(generated: Generated, step: int | None, seed: int) -> dict[str, Any]:
    if isinstance(generated, tuple):
        return {"source": "images as given", "labels": "as given"}
    return {
        "source": "run",
        "step": step if step is not None else getattr(generated, "steps", [None])[-1],
        "weights": "averaged (EMA)",
        "batch_norm": "running averages",
        "latents": f"standard normal, seed {seed}",
        "labels": "frequencies of the reference",
    }
