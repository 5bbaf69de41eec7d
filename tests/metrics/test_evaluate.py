"""The one call: known answers, protocol, messages."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from cgan_kit.data import load
from cgan_kit.data.imageset import ImageSet, to_float
from cgan_kit.data.pointset import PointSet
from cgan_kit.metrics import METRICS, Classifier, Metric, Report, evaluate, train_classifier
from cgan_kit.metrics.samples import apportion, stratified

SHAPES = load("shapes", size=16)
PART = SHAPES.subset(torch.randperm(4320, generator=torch.Generator().manual_seed(0))[:2000])
TRAIN, HELD_OUT = PART.split()
FRESH = SHAPES.subset(torch.randperm(4320, generator=torch.Generator().manual_seed(1))[:2000])


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return train_classifier(TRAIN, HELD_OUT, steps=60)


def measured(images: Tensor, labels: Tensor, classifier: Classifier, **options: Any) -> Report:
    return evaluate((images, labels), PART, classifier=classifier, **options)


@dataclass
class StubRun:
    """Gives back images of a set by label; notes what it was asked."""

    data: ImageSet
    latent_dim: int = 8
    steps: tuple[int, ...] = (0, 50)
    asked: list[tuple[Tensor, Tensor, int | None]] = field(default_factory=list)

    @property
    def num_classes(self) -> int:
        return self.data.num_classes

    def sample(self, latents: Tensor, labels: Tensor, step: int | None = None) -> Tensor:
        self.asked.append((latents, labels, step))
        members = [torch.nonzero(self.data.labels == k).flatten() for k in range(self.num_classes)]
        pick = (torch.special.ndtr(latents[:, 0]) * 1e6).long()
        chosen = [members[k][i % len(members[k])] for k, i in zip(labels, pick, strict=True)]
        return self.data.images[torch.stack(chosen)]


def test_fresh_real_images_score_as_real_ones(classifier: Classifier) -> None:
    report = measured(FRESH.images, FRESH.labels, classifier, n=390)
    assert report["class accuracy (oracle)"] == (1, 1, pytest.approx(float("nan"), nan_ok=True))
    assert report["recognisable share"].generated == 1
    for name in ("precision", "recall", "density", "coverage", "within-class pixel variance"):
        assert report[name].generated == pytest.approx(report[name].real, abs=0.12), name
    assert report["coverage"].perfect == 1 - 2**-5
    combinations = report["within-class combinations"]
    assert combinations.perfect < combinations.generated < 1.15 * combinations.perfect


def test_the_reference_itself_scores_one(classifier: Classifier) -> None:
    report = measured(HELD_OUT.images, HELD_OUT.labels, classifier)
    for name in ("precision", "recall", "density", "coverage", "within-class pixel variance"):
        assert report[name].generated == 1, name
    assert report["class accuracy (classifier)"].generated == pytest.approx(classifier.accuracy)
    assert report["class accuracy (classifier)"].real == pytest.approx(classifier.accuracy)


def test_one_image_a_class_is_accurate_and_poor(classifier: Classifier) -> None:
    first = torch.stack([torch.nonzero(FRESH.labels == k)[0, 0] for k in range(10)])
    labels = HELD_OUT.labels
    report = measured(FRESH.images[first][labels], labels, classifier)
    assert report["class accuracy (oracle)"].generated == 1
    assert report["recall"].generated < 0.1
    assert report["coverage"].generated < 0.2
    assert report["within-class pixel variance"].generated == 0
    assert report["within-class combinations"].generated == pytest.approx(1 / 432)


def test_shuffled_labels_are_at_chance_and_the_rest_does_not_see_it(
    classifier: Classifier,
) -> None:
    shuffled = FRESH.labels[torch.randperm(2000, generator=torch.Generator().manual_seed(3))]
    honest = measured(FRESH.images, FRESH.labels, classifier, n=390)
    report = measured(FRESH.images, shuffled, classifier, n=390)
    assert report["class accuracy (classifier)"].generated == pytest.approx(0.1, abs=0.05)
    assert report["class accuracy (oracle)"].generated == pytest.approx(0.1, abs=0.05)
    assert report["coverage"].generated == pytest.approx(honest["coverage"].generated, abs=0.1)


def test_a_class_painted_as_another_costs_its_share(classifier: Classifier) -> None:
    wrong = torch.where(FRESH.labels == 4, 0, FRESH.labels)  # class 4 shows images of class 0
    swapped = StubRun(FRESH)
    latents = torch.randn(2000, 8, generator=torch.Generator().manual_seed(2))
    images = swapped.sample(latents, wrong)
    report = measured(images, FRESH.labels, classifier, n=390)
    assert report["class accuracy (oracle)"].generated == pytest.approx(0.9, abs=0.02)
    assert report["recall"].generated < report["recall"].real
    assert report["coverage"].generated < report["coverage"].real - 0.05
    assert report.oracle is not None
    assert report.oracle.coverage_by_class[4] == 0


def test_noise_lowers_what_it_should(classifier: Classifier) -> None:
    draw = torch.Generator().manual_seed(0)
    shares, precisions = [], []
    for strength in (0.0, 0.3, 0.8):
        noise = torch.randn(FRESH.images.shape, generator=draw) * strength
        noisy = (to_float(FRESH.images) + noise).clamp(-1, 1)
        report = measured(noisy, FRESH.labels, classifier, n=300)
        shares.append(report["recognisable share"].generated)
        precisions.append(report["precision"].generated)
    assert shares[0] == 1
    assert shares[-1] == 0
    assert precisions == sorted(precisions, reverse=True)
    assert precisions[-1] < 0.6


def test_a_run_is_asked_for_the_classes_of_the_reference(classifier: Classifier) -> None:
    run = StubRun(FRESH)
    report = evaluate(run, PART, classifier=classifier, n=200, seed=3, step=50)
    latents, labels, step = run.asked[0]
    assert len(run.asked) == 1
    assert torch.equal(labels.bincount(), apportion(HELD_OUT.class_counts(), 200))
    assert latents.shape == (200, 8)
    assert step == 50
    torch.testing.assert_close(
        latents, torch.randn(200, 8, generator=torch.Generator().manual_seed(3))
    )
    assert report.protocol["step"] == 50
    assert report.protocol["weights"] == "averaged (EMA)"
    assert evaluate(run, PART, classifier=classifier).protocol["step"] == 50
    assert report["class accuracy (oracle)"].generated == 1


def test_digits_have_no_oracle_and_a_pair_is_a_split() -> None:
    digits = load("digits", size=8)
    train, held_out = digits.split()
    classifier = train_classifier(train, steps=60)
    pair = evaluate((train.images, train.labels), (train, held_out), classifier=classifier)
    whole = evaluate((train.images, train.labels), digits, classifier=classifier)
    assert str(pair) == str(whole)
    assert not any("oracle" in name for name in pair.values)
    assert pair.oracle is None


def test_without_a_classifier_one_is_trained_on_the_training_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[ImageSet] = []

    def train_few(train: ImageSet, held_out: ImageSet, seed: int) -> Classifier:
        seen.extend((train, held_out))
        return train_classifier(train, held_out, steps=2, seed=seed)

    module = train_few.__globals__["evaluate"].__globals__
    monkeypatch.setitem(module, "train_classifier", train_few)
    report = evaluate((FRESH.images, FRESH.labels), PART, n=100)
    assert [part.fingerprint() for part in seen] == [TRAIN.fingerprint(), HELD_OUT.fingerprint()]
    assert report.protocol["classifier_accuracy"] is not None


def test_a_new_metric_is_one_more_line(classifier: Classifier) -> None:
    darkness = Metric("dark pixels", lambda s: float((s.images == 0).double().mean()))
    report = measured(FRESH.images, FRESH.labels, classifier, n=100, metrics=(*METRICS, darkness))
    assert list(report.values)[-1] == "dark pixels"
    assert 0 < report["dark pixels"].generated < 1


def test_report_prints_and_saves(tmp_path: Path, classifier: Classifier) -> None:
    report = measured(FRESH.images, FRESH.labels, classifier, n=100)
    lines = str(report).splitlines()
    assert lines[0].split() == ["generated", "real", "perfect"]
    assert len(lines) == 1 + len(METRICS)
    assert lines[3].split() == ["recognisable", "share", "1.00", "1.00", "1.00"]
    assert lines[1].endswith("–")
    assert "1.0000" in report.table(decimals=4)
    report.save(tmp_path / "report.json")
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    stored = json.loads((tmp_path / "report.json").read_text())
    assert stored["values"]["recall"]["perfect"] is None
    assert stored["values"]["recall"]["real"] == report["recall"].real
    assert {"n", "k", "reference", "features", "classifier_accuracy", "seed"} <= set(
        stored["protocol"]
    )
    with pytest.raises(KeyError, match="no metric 'fid'; there are 'class accuracy"):
        report["fid"]


IMAGES, LABELS = FRESH.images, FRESH.labels
FLOATS = to_float(IMAGES[:300])


@pytest.mark.parametrize(
    ("generated", "options", "message"),
    [
        ((IMAGES[:5], LABELS[:5]), {}, "n is 5, too few for k = 5 neighbours and 10 classes"),
        ((IMAGES, LABELS), {"n": 500}, "n is 500 but there are 398 held-out images"),
        ((IMAGES[:90], LABELS[:90]), {"n": 91}, "n is 91 but there are 90 generated images"),
        ((IMAGES, LABELS), {"n": 50, "k": 50}, "too few for k = 50"),
        ((IMAGES, LABELS[:7]), {}, r"give one label an image: \(2000,\)"),
        ((IMAGES, LABELS + 1), {}, "labels run from 1 to 10 but the set has 10 classes"),
        ((IMAGES, LABELS.clamp(min=1)), {}, "class 'ellipse' has no generated image"),
        ((IMAGES[..., :8], LABELS), {}, r"have shape \(2000, 1, 16, 8\) but those of the set"),
        ((IMAGES.long(), LABELS), {}, "generated images have dtype torch.int64"),
        ((FLOATS / 2 + 0.5, LABELS[:300]), {}, r"look like \[0, 1\] where \[-1, 1\] is meant"),
        ((FLOATS * 127, LABELS[:300]), {}, "floats from -127 to 127"),
        ((FLOATS * torch.nan, LABELS[:300]), {}, "300 of 300 generated images hold NaN"),
    ],
)
def test_bad_input(
    generated: Any, options: dict[str, int], message: str, classifier: Classifier
) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(generated, PART, classifier=classifier, **options)


def test_a_run_of_another_set(classifier: Classifier) -> None:
    run = StubRun(ImageSet(IMAGES[:9], torch.arange(9) % 3, ["a", "b", "c"]))
    with pytest.raises(ValueError, match="the run has 3 classes but the set has 10"):
        evaluate(run, PART, classifier=classifier)


def test_bad_sets_and_classifiers(classifier: Classifier) -> None:
    points = PointSet(torch.randn(40, 2), torch.arange(40) % 2, ["a", "b"])
    with pytest.raises(ValueError, match="holds no images; give a set of images"):
        evaluate((IMAGES, LABELS), points)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="give two parts of one set"):
        evaluate((IMAGES, LABELS), (TRAIN, load("digits", size=16)))
    other = train_classifier(load("digits", size=8), steps=1)
    with pytest.raises(ValueError, match=r"trained on 10 classes of images \(1, 8, 8\)"):
        evaluate((IMAGES, LABELS), PART, classifier=other)
    other = _broken(classifier)
    with pytest.raises(ValueError, match="features hold NaN"):
        evaluate((IMAGES, LABELS), PART, classifier=other)


def _broken(classifier: Classifier) -> Classifier:
    broken = Classifier(classifier.sample_shape, classifier.num_classes)
    broken.hidden.weight.data.fill_(torch.nan)
    return broken.eval()


def test_apportion_adds_up_and_keeps_frequencies() -> None:
    counts = torch.tensor([10, 20, 70])
    assert apportion(counts, 10).tolist() == [1, 2, 7]
    for n in range(1, 60):
        share = apportion(torch.tensor([7, 11, 13]), n)
        assert int(share.sum()) == n
        assert (share - torch.tensor([7, 11, 13]) * n / 31).abs().max() < 1
    labels = torch.tensor([0, 1]).repeat(50)
    chosen = stratified(labels, 20, 2, seed=0)
    assert labels[chosen].bincount().tolist() == [10, 10]
    assert len(set(chosen.tolist())) == 20
    assert not torch.equal(chosen, stratified(labels, 20, 2, seed=1))
