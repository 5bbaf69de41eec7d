"""A bench: its halves, its floors, and that it measures what the metrics themselves say."""

import math

import pytest
import torch

import cgan_kit as kit
from cgan_kit import metrics
from cgan_kit.metrics import Bench, Floor


@pytest.fixture(scope="module")
def parts() -> tuple[kit.data.ImageSet, kit.data.ImageSet]:
    images = kit.data.load("shapes", size=16)
    few = images.subset(torch.arange(0, len(images), 6))
    return few.split(held_out=0.2, seed=0)


@pytest.fixture(scope="module")
def judge(parts: tuple[kit.data.ImageSet, kit.data.ImageSet]) -> metrics.Classifier:
    return metrics.train_classifier(parts[0], steps=20)


@pytest.fixture(scope="module")
def bench(parts: tuple[kit.data.ImageSet, kit.data.ImageSet], judge: metrics.Classifier) -> Bench:
    return Bench(*parts, judge, deals=4)


def test_halves_hold_every_unseen_image_once_and_the_classes_alike(bench: Bench, parts) -> None:
    both = torch.cat([bench.reference.images, bench.sample.images]).flatten(1)
    assert len(both) == len(parts[1])
    assert torch.equal(both.unique(dim=0), parts[1].images.flatten(1).unique(dim=0))
    apart = bench.reference.class_counts() - bench.sample.class_counts()
    assert int(apart.abs().max()) <= 1


def test_it_measures_what_the_metrics_say(bench: Bench, judge: metrics.Classifier) -> None:
    sample, reference = bench.sample, bench.reference
    labels = metrics.mix_labels(sample.labels, 0.4)
    found = bench.measure(sample.images, labels)
    real, fake = judge.features(reference.images), judge.features(sample.images)
    near = metrics.neighbours(real, fake, 5)
    assert found["precision"] == near.precision
    assert found["recall"] == near.recall
    assert found["coverage"] == near.coverage
    assert found["Fréchet distance"] == pytest.approx(metrics.frechet_distance(real, fake))
    predicted = judge.predict(sample.images) == labels
    assert found["class accuracy (classifier)"] == pytest.approx(float(predicted.float().mean()))
    with pytest.warns(UserWarning, match="fewer than"):
        within = metrics.intra_class_frechet(real, reference.labels, fake, labels, 10)
    assert found["Fréchet distance within classes"] == pytest.approx(float(within.mean()))


def test_the_floor_is_the_range_over_deals(parts, judge) -> None:
    alone = [Bench(*parts, judge, deals=2, seed=seed) for seed in range(3)]
    own = [each.measure(each.sample.images, each.sample.labels) for each in alone]
    floors = Bench(*parts, judge, deals=3).floors
    # Not MS-SSIM and Vendi: their draws come from the bench's seed, and here are three of them.
    for name in ("precision", "recall", "coverage", "Fréchet distance"):
        values = [each[name] for each in own]
        expected = min(values), math.fsum(values) / 3, max(values)
        assert floors[name] == pytest.approx(expected, rel=1e-5)
    assert floors["Fréchet distance"].low < floors["Fréchet distance"].high


def test_its_own_undamaged_sample_lies_in_the_floor(bench: Bench) -> None:
    found = bench.measure(bench.sample.images, bench.sample.labels)
    assert [bench.floors[name].side(value) for name, value in found.items()] == [0] * 8


def test_dealt_again_it_keeps_its_floors_and_has_other_halves(bench: Bench, parts) -> None:
    again = bench.dealt(7)
    assert again.floors is bench.floors
    both = torch.cat([again.reference.images, again.sample.images]).flatten(1)
    assert torch.equal(both.unique(dim=0), parts[1].images.flatten(1).unique(dim=0))
    assert not torch.equal(again.sample.images, bench.sample.images)
    values = again.measure(again.sample.images, again.sample.labels)
    alone = Bench(*parts, bench.judges.classifier, deals=2, seed=7)
    own = alone.measure(alone.sample.images, alone.sample.labels)
    assert values["recall"] == own["recall"]
    assert values["Fréchet distance"] == pytest.approx(own["Fréchet distance"])
    same = bench.dealt(0)
    assert torch.equal(same.sample.images, bench.sample.images)


def test_outside_are_the_values_that_no_deal_had(bench: Bench) -> None:
    values = {name: floor.mean for name, floor in bench.floors.items()}
    assert bench.outside(values) == {}
    low, high = bench.floors["precision"].low - 1, bench.floors["recall"].high + 1
    assert bench.outside(values | {"precision": low, "recall": high}) == {
        "precision": -1,
        "recall": 1,
    }


def test_sides() -> None:
    floor = Floor(1.0, 2.0, 3.0)
    assert [floor.side(value) for value in (0.9, 1.0, 3.0, 3.1, math.nan)] == [-1, 0, 0, 1, 0]


def test_wrong_arguments_are_named(bench: Bench, parts, judge) -> None:
    train, unseen = parts
    with pytest.raises(ValueError, match="deals is 1"):
        Bench(train, unseen, judge, deals=1)
    with pytest.raises(ValueError, match=r"unseen holds 10 images.*hold out more"):
        Bench(train, unseen.subset(torch.arange(10)), judge)
    with pytest.raises(ValueError, match=r"images \* 2 - 1"):
        bench.measure(bench.sample.images.float() / 255, bench.sample.labels)
    with pytest.raises(ValueError, match="one label an image"):
        bench.measure(bench.sample.images, bench.sample.labels[:3])
