"""Are the classes right, and are their images varied? The same fixed z at every look."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cgan_kit.data import LabelledSet
from cgan_kit.data.gaussians import Gaussians
from cgan_kit.data.rendered import RenderedSet
from cgan_kit.diagnostics.look import Look, Scene, in_turn, scene, untouched
from cgan_kit.metrics.classifier import Classifier
from cgan_kit.metrics.oracle_metrics import oracle_report
from cgan_kit.training.gan import GAN
from cgan_kit.training.loop import Record
from cgan_kit.training.step import Players

PREFIX = "sample"
READ = 128  # images an oracle reads at one look: on many classes it is the slowest part


@dataclass(frozen=True)
class SampleProbe(Look):
    """Signs of collapse, of confusion and of overfitting, from a few hundred images of fixed z.

    The generator is the one that trains, not its average. Recorded, each under "sample/":

        pixel_variance      within-class variance of fakes over that of real images, mean over
                            classes: 1 is as varied as real, 0 is one image a class
        feature_variance    the same of the discriminator's features F(x)
        separation          P(score of a real image > score of a fake): .5 means D cannot tell,
                            1 that it always can. Relativistic scores have no zero to compare
                            with, so no accuracy is recorded
        separation_held_out the same for held-out real images, where they are given: below
                            `separation`, D has learned its training images by heart
        score_spread        standard deviation of the scores of all these images; 0 is a D that
                            says the same of everything
        accuracy            the given classifier's, of fakes
        oracle_accuracy     the share of fakes of the right class by the oracle of a rendered
                            set, or by the known posterior of `Gaussians`
        recognisable        the oracle's, of fakes
        accuracy_real, oracle_accuracy_real     the same of real images: below 1 where classes
                            overlap or labels are wrong, and then the fakes' should be, too

    Arguments:
        every: see `Look`.
        n: images of either kind; raised to four a class.
        held_out: real images that the run does not train on.
        classifier: `metrics.train_classifier(train)`, a judge who is no player.

    Raises:
        ValueError: a count below 1; when a training begins, held-out images or a classifier of
            another shape or other classes.
    """

    n: int = 256
    held_out: LabelledSet | None = None
    classifier: Classifier | None = None

    def check(self, data: LabelledSet) -> None:
        """Both fit the training set; raises ValueError."""
        if self.held_out is not None and not isinstance(self.held_out, LabelledSet):
            raise ValueError(
                f"held_out is a {type(self.held_out).__name__}; give a labelled set: "
                "train, held_out = data.split()"
            )
        for name, other in (("held_out", self.held_out), ("classifier", self.classifier)):
            if isinstance(other, LabelledSet | Classifier):
                _check_fit(name, other, data)

    @torch.no_grad()
    def __call__(self, players: Players, step: int) -> Record:
        gan = players.gan
        seen = scene(players, max(self.n, 4 * gan.num_classes))
        with untouched(gan):
            fakes = gan.generator(seen.latents, seen.labels)
            real, fake = gan.judge_both(seen.real, fakes, seen.labels)
            found = {
                "pixel_variance": _ratio(fakes, seen.real, seen.labels),
                "feature_variance": _ratio(fake.features, real.features, seen.labels),
                "separation": separation(real.scores, fake.scores),
                "score_spread": torch.cat([real.scores, fake.scores]).std().item(),
            }
            if self.held_out is not None:
                found["separation_held_out"] = self._on_held_out(gan, fake.scores)
        found |= self._judged(players.batches.data, fakes, seen)
        return {f"{PREFIX}/{name}": value for name, value in found.items()}

    def _on_held_out(self, gan: GAN, fake_scores: Tensor) -> float:
        assert self.held_out is not None
        chosen = in_turn(self.held_out, len(fake_scores))
        device = fake_scores.device
        images, labels = self.held_out.real(chosen), self.held_out.labels[chosen]
        return separation(gan.judge(images.to(device), labels.to(device)).scores, fake_scores)

    def _judged(self, data: LabelledSet, fakes: Tensor, seen: Scene) -> Record:
        """The share of fakes of the right class, and of real images, which need not be 1."""
        found: Record = {}
        for kind, images in (("", fakes), ("_real", seen.real)):
            if self.classifier is not None:
                right = self.classifier.predict(images) == seen.labels
                found[f"accuracy{kind}"] = right.float().mean().item()
            if isinstance(data, Gaussians):
                right = data.posterior(images).argmax(dim=1) == seen.labels
                found[f"oracle_accuracy{kind}"] = right.float().mean().item()
            if isinstance(data, RenderedSet):
                report = oracle_report(images[:READ], seen.labels[:READ], data.oracle())
                found[f"oracle_accuracy{kind}"] = report.class_accuracy
                if kind == "":
                    found["recognisable"] = report.recognisable
        return found


def separation(real: Tensor, fake: Tensor) -> float:
    """P(r > f) + P(r = f)/2 over all pairs of scores: the area under the ROC curve."""
    difference = real[:, None] - fake
    return ((difference > 0).float() + (difference == 0).float() / 2).mean().item()


def variance_in_classes(vectors: Tensor, labels: Tensor) -> Tensor:
    """Unbiased variance within each class, mean over coordinates and classes: a scalar.

    `metrics.within_class_variance` reads images class by class; this one also reads points and
    features, and stays on their device.

    Arguments:
        vectors: (n, ...); classes with fewer than two are left out.
    """
    flat = vectors.flatten(1).double()
    several = labels.bincount() > 1
    of_class = [flat[labels == k].var(dim=0).mean() for k in several.nonzero().flatten()]
    return torch.stack(of_class).mean()


def _ratio(fakes: Tensor, real: Tensor, labels: Tensor) -> float:
    ours, theirs = variance_in_classes(fakes, labels), variance_in_classes(real, labels)
    return (ours / theirs).item()


def _check_fit(name: str, other: LabelledSet | Classifier, data: LabelledSet) -> None:
    remedy = "take it from the same set: train, held_out = data.split()"
    if name == "classifier":
        remedy = "train it on the same set: train_classifier(train)"
    shape, trained = tuple(other.sample_shape), tuple(data.sample_shape)
    if shape != trained:
        raise ValueError(
            f"{name} has samples of shape {shape} and the training set {trained}; {remedy}"
        )
    if other.num_classes != data.num_classes:
        raise ValueError(
            f"{name} has {other.num_classes} classes and the training set {data.num_classes}; "
            f"{remedy}"
        )
