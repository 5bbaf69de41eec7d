"""The one call: known answers, protocol, messages."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from cgan_kit.data import load
from cgan_kit.data.imageset import ImageSet, to_float
from cgan_kit.data.pointset import PointSet
from cgan_kit.metrics import (
    METRICS,
    SLOW_METRICS,
    Classifier,
    Extractor,
    Metric,
    Report,
    Subject,
    class_transfer,
    evaluate,
    oracle_features,
    train_classifier,
)
from cgan_kit.metrics.samples import apportion, stratified
from cgan_kit.models import DCGANGenerator, draw_latents

SHAPES = load("shapes", size=16)
PART = SHAPES.subset(torch.randperm(4320, generator=torch.Generator().manual_seed(0))[:2000])
TRAIN, HELD_OUT = PART.split()
FRESH = SHAPES.subset(torch.randperm(4320, generator=torch.Generator().manual_seed(1))[:2000])


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return train_classifier(TRAIN, HELD_OUT, steps=60)


def measured(images: Tensor, labels: Tensor, classifier: Classifier, **options: Any) -> Report:
    """Without intervals, which take most of the time, unless groups are given."""
    return evaluate((images, labels), PART, classifier=classifier, **{"groups": 0, **options})


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
    assert report["class accuracy (oracle)"][:2] == (1, 1)
    assert math.isnan(report["class accuracy (oracle)"].perfect)
    assert report["recognisable share"].generated == 1
    for name in ("precision", "recall", "density", "coverage", "within-class pixel variance"):
        assert report[name].generated == pytest.approx(report[name].real, abs=0.12), name
    assert report["coverage"].perfect == 1 - 2**-5
    combinations = report["within-class combinations"]
    assert combinations.perfect < combinations.generated < 1.15 * combinations.perfect
    vendi = report["within-class Vendi score"]
    assert 1 < vendi.generated == pytest.approx(vendi.real, rel=0.1)
    for name in ("Fréchet distance", "KID"):
        floor = report[name]
        assert floor.generated == pytest.approx(floor.real, rel=0.5), name
        assert floor.real == pytest.approx(floor.perfect, rel=0.5), name
    aware = report["class-aware Fréchet distance"]
    assert aware.generated == pytest.approx(aware.real, rel=0.3)


def test_the_reference_itself_scores_one(classifier: Classifier) -> None:
    report = measured(HELD_OUT.images, HELD_OUT.labels, classifier)
    for name in ("precision", "recall", "density", "coverage", "within-class pixel variance"):
        assert report[name].generated == 1, name
    assert report["class accuracy (classifier)"].generated == pytest.approx(classifier.accuracy)
    assert report["class accuracy (classifier)"].real == pytest.approx(classifier.accuracy)
    for name in ("Fréchet distance", "class-aware Fréchet distance"):
        assert report[name].generated == pytest.approx(0, abs=1e-9), name
    assert report["KID"].generated < 0


def test_one_image_a_class_is_accurate_and_poor(classifier: Classifier) -> None:
    first = torch.stack([torch.nonzero(FRESH.labels == k)[0, 0] for k in range(10)])
    labels = HELD_OUT.labels
    report = measured(FRESH.images[first][labels], labels, classifier)
    assert report["class accuracy (oracle)"].generated == 1
    assert report["recall"].generated < 0.1
    assert report["within-class Vendi score"].generated == pytest.approx(1)
    for name in ("Fréchet distance", "class-aware Fréchet distance", "KID"):
        assert report[name].generated > report[name].real, name
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
    report = evaluate(run, PART, classifier=classifier, n=200, seed=3, step=50, groups=0)
    latents, labels, step = run.asked[0]
    assert len(run.asked) == 1
    assert torch.equal(labels.bincount(), apportion(HELD_OUT.class_counts(), 200))
    assert latents.shape == (200, 8)
    assert step == 50
    assert torch.equal(latents, draw_latents(200, 8, torch.Generator().manual_seed(3)))
    assert report.protocol["step"] == 50
    assert report.protocol["weights"] == "averaged (EMA)"
    assert evaluate(run, PART, classifier=classifier, groups=0).protocol["step"] == 50
    assert report["class accuracy (oracle)"].generated == 1


def test_digits_have_no_oracle_and_a_pair_is_a_split() -> None:
    digits = load("digits", size=8)
    train, held_out = digits.split()
    classifier = train_classifier(train, steps=60)
    pair = evaluate((train.images, train.labels), (train, held_out), classifier=classifier)
    whole = evaluate((train.images, train.labels), digits, classifier=classifier)
    assert str(pair) == str(whole)
    assert pair.protocol["split"] == {"held_out": 0.2, "seed": 0, "part": 1}
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
    monkeypatch.setitem(module, "_TRAINED", {})
    report = evaluate((FRESH.images, FRESH.labels), PART, n=100, groups=0)
    assert [part.fingerprint() for part in seen] == [TRAIN.fingerprint(), HELD_OUT.fingerprint()]
    assert report.protocol["classifier_accuracy"] is not None
    again = evaluate((FRESH.images, FRESH.labels), PART, n=100, groups=0)
    assert len(seen) == 2  # the same one serves again
    assert str(again) == str(report)
    evaluate((FRESH.images, FRESH.labels), PART, n=100, groups=0, seed=1)
    assert len(seen) == 4
    monkeypatch.setitem(module, "_KEPT", 1)
    evaluate((FRESH.images, FRESH.labels), PART, n=100, groups=0, seed=2)
    assert len(module["_TRAINED"]) == 1


def test_a_new_metric_is_one_more_line(classifier: Classifier) -> None:
    darkness = Metric("dark pixels", lambda s: float((s.images == 0).double().mean()))
    report = measured(FRESH.images, FRESH.labels, classifier, n=100, metrics=(*METRICS, darkness))
    assert list(report.values)[-1] == "dark pixels"
    assert 0 < report["dark pixels"].generated < 1
    whole = measured(FRESH.images, FRESH.labels, classifier, metrics=(darkness,))["dark pixels"]
    assert whole.real == darkness.measure(SimpleNamespace(images=HELD_OUT.images))
    beside = measured(
        FRESH.images, FRESH.labels, classifier, metrics=(darkness._replace(paired=True),)
    )
    assert beside["dark pixels"].real != whole.real


def test_report_prints_and_saves(tmp_path: Path, classifier: Classifier) -> None:
    report = measured(FRESH.images, FRESH.labels, classifier, n=100, groups=5)
    lines = report.table().splitlines()
    assert lines[0].split() == ["generated", "95", "%", "interval", "real", "perfect"]
    assert len(lines) == 1 + len(METRICS)
    cells = lines[3].split()
    assert cells[:3] == ["recognisable", "share", "1.00"]
    assert cells[4:] == ["–", "1.00", "1.00", "1.00"]
    assert lines[1].endswith("–")
    assert str(report).startswith(report.table())
    assert "reference: 100 of 398 held-out images" in str(report)
    assert "1.0000" in report.table(decimals=4)
    report.save(tmp_path / "report.json")
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    stored = json.loads((tmp_path / "report.json").read_text())
    assert stored["values"]["recall"]["perfect"] is None
    assert stored["values"]["recall"]["real"] == report["recall"].real
    assert stored["values"]["recall"]["low"] == report["recall"].low
    asked = {"n", "k", "split", "reference", "features", "classifier_accuracy", "interval", "seed"}
    assert asked <= set(stored["protocol"])
    with pytest.raises(KeyError, match="no metric 'fid'; there are 'class accuracy"):
        report["fid"]


def test_every_row_has_an_interval_around_its_value(classifier: Classifier) -> None:
    report = measured(FRESH.images, FRESH.labels, classifier, n=120, groups=8)
    for name, value in report.values.items():
        assert value.low <= value.generated <= value.high, name
        assert value.low < value.high, name
    shares = [row.name for row in METRICS if row.share]
    assert len(shares) == 7
    assert all(report[name].low >= 0 and report[name].high <= 1 for name in shares)
    assert report.protocol["interval"].endswith("without one of 8 groups")
    none = measured(IMAGES, LABELS, classifier, n=120)
    assert math.isnan(none["recall"].low)
    assert none.protocol["interval"].startswith("none")


def test_the_interval_is_that_of_other_samples(classifier: Classifier) -> None:
    """Fresh samples of one size, one after the other: their spread against one interval."""
    rows = [row for row in METRICS if row.name in ("coverage", "Fréchet distance")]
    values: dict[str, list[float]] = {row.name: [] for row in rows}
    widths: dict[str, list[float]] = {row.name: [] for row in rows}
    for part in torch.randperm(2000, generator=torch.Generator().manual_seed(5)).split(200)[:8]:
        report = measured(IMAGES[part], LABELS[part], classifier, n=150, groups=10, metrics=rows)
        for row in rows:
            values[row.name].append(report[row.name].generated)
            widths[row.name].append((report[row.name].high - report[row.name].low) / 2 / 2.26)
    for row in rows:
        spread = float(torch.tensor(values[row.name]).std())
        width = sum(widths[row.name]) / len(widths[row.name])
        assert 0.4 * spread < width < 3 * spread, row.name


def test_many_images_of_a_run_are_never_held(
    monkeypatch: pytest.MonkeyPatch, classifier: Classifier
) -> None:
    run = StubRun(FRESH)
    held = evaluate(run, PART, classifier=classifier, groups=0)
    module = evaluate.__globals__
    monkeypatch.setitem(module, "HELD", 0)
    monkeypatch.setattr("cgan_kit.metrics.features.Extractor.__call__.__defaults__", (100,))
    run.asked.clear()
    by_features = [row for row in METRICS if row.name in ("recall", "Fréchet distance", "KID")]
    streamed = evaluate(run, PART, classifier=classifier, metrics=by_features, groups=4)
    # One to see their shape, then the features, and then the oracle's own look at them.
    assert [len(labels) for _, labels, _ in run.asked] == [1, 100, 100, 100, 98, 398]
    for row in by_features:
        assert streamed[row.name].generated == pytest.approx(held[row.name].generated, rel=1e-6)


def test_rows_for_every_report_hold_no_images_of_a_run(
    monkeypatch: pytest.MonkeyPatch, classifier: Classifier
) -> None:
    held = evaluate(StubRun(FRESH), PART, classifier=classifier, groups=3)

    def held_already(subject: Subject) -> Tensor:
        assert isinstance(subject.source, Tensor), "images of a run are held"
        return subject.source

    monkeypatch.setitem(evaluate.__globals__, "HELD", 0)
    monkeypatch.setattr(Subject, "images", property(held_already))
    streamed = evaluate(StubRun(FRESH), PART, classifier=classifier, groups=3)
    assert str(streamed) == str(held)


def test_another_space(classifier: Classifier) -> None:
    space = oracle_features(SHAPES.oracle())
    report = measured(IMAGES, LABELS, classifier, n=200, features=space)
    assert report.protocol["features"].startswith("factors by the oracle: ")
    own = measured(IMAGES, LABELS, classifier, n=200)
    same, other = "class accuracy (classifier)", "Fréchet distance"
    assert report[same] == pytest.approx(own[same], nan_ok=True)
    assert report[other].generated != pytest.approx(own[other].generated, rel=0.1)
    pixels = Extractor("pixels", lambda images: images.flatten(1).float() * torch.nan)
    with pytest.raises(ValueError, match="pixels: features hold NaN"):
        measured(IMAGES, LABELS, classifier, features=pixels)


@pytest.mark.filterwarnings("ignore:the smallest subsets hold")
def test_slow_rows_know_their_answers(
    monkeypatch: pytest.MonkeyPatch, classifier: Classifier
) -> None:
    transfer = Subject.transfer.func.__globals__

    def few_steps(*given: Any, **options: Any) -> Any:
        return class_transfer(*given, **options, steps=40)

    monkeypatch.setitem(transfer, "class_transfer", few_steps)
    rows = [row for row in SLOW_METRICS if row.name != "latent recovery gap"]
    report = evaluate(
        (TRAIN.images, TRAIN.labels), PART, classifier=classifier, metrics=rows, groups=4
    )
    assert list(report.values) == [row.name for row in rows]
    full = report["class accuracy at half size"]
    assert full.low <= full.generated <= full.high
    assert report["class accuracy at quarter size"].generated <= full.generated + 0.05
    for name in ("GAN-train accuracy", "GAN-test accuracy"):
        assert report[name].generated == pytest.approx(report[name].real, abs=0.15), name
    similarity = report["within-class MS-SSIM"]
    assert similarity.generated == pytest.approx(similarity.real, abs=0.1)
    assert math.isnan(similarity.low)
    score = report["Inception Score"]
    assert 1 < score.generated <= 10
    assert score.perfect == pytest.approx(10, rel=0.01)
    # They are the training images.
    assert report["nearest image is a training one"].generated == 1
    assert report["nearest image is a training one"].perfect == pytest.approx(0.8, abs=0.01)
    assert report["combinations not trained on"].generated == 0
    assert report["combinations not trained on"].perfect > 0.3


def test_latent_recovery_asks_the_generator(
    monkeypatch: pytest.MonkeyPatch, classifier: Classifier
) -> None:
    monkeypatch.setattr("cgan_kit.metrics.rows.RECOVERED", 12)
    row = next(row for row in SLOW_METRICS if row.name == "latent recovery gap")
    asked: list[int | None] = []

    class WithGenerator(StubRun):
        def generator(self, step: int | None) -> DCGANGenerator:
            asked.append(step)
            return DCGANGenerator(10, (1, 16, 16), 8, 2)

    report = evaluate(
        WithGenerator(FRESH), PART, classifier=classifier, metrics=[row], n=100, step=50
    )
    assert asked == [50]
    assert -1 < report[row.name].low <= report[row.name].generated <= report[row.name].high < 1
    given = measured(IMAGES, LABELS, classifier, metrics=[row], n=100)
    assert math.isnan(given[row.name].generated)


def test_a_bar_shows_on_long_work_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], classifier: Classifier
) -> None:
    row = Metric("slow", lambda _: time.sleep(0.05) or 1.0)
    measured(IMAGES, LABELS, classifier, n=50, metrics=[row] * 2)
    assert capsys.readouterr().err == ""
    module = evaluate.__globals__
    bar = module["tqdm"]
    monkeypatch.setitem(
        module, "tqdm", lambda **given: bar(**{**given, "delay": 0.01, "mininterval": 0.01})
    )
    measured(IMAGES, LABELS, classifier, n=50, metrics=[row] * 2)
    shown = capsys.readouterr().err
    assert "measuring" in shown
    assert shown.rsplit("\r", 2)[1].strip() == ""  # and is gone at the end


IMAGES, LABELS = FRESH.images, FRESH.labels
FLOATS = to_float(IMAGES[:300])


@pytest.mark.parametrize(
    ("generated", "options", "message"),
    [
        ((IMAGES, LABELS), {"groups": 1}, "groups is 1; give at least 2, such as 20, or 0"),
        ((IMAGES, LABELS), {"n": 5}, "n is 5, too few .* measure at least 11 images"),
        (
            (IMAGES[:5], LABELS[:5]),
            {},
            "there are 5 generated images, too few for k = 5 neighbours and 10 classes; "
            "add images until there are 11",
        ),
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


def test_a_full_disk_leaves_no_half_of_a_report(tmp_path: Path, monkeypatch: Any) -> None:
    def full(path: Path, content: bytes) -> None:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"report\.json could not be written .* make room"):
        Report({}, {}).save(tmp_path / "report.json")
    assert list(tmp_path.iterdir()) == []


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
