"""What went wrong, when it began, what shows it, and what to try: read from a run's history.

Each illness is one short function, which looks at a few curves that the probes wrote. The bounds
are round numbers between what healthy and ill runs showed; benchmarks/diagnosis.py prints both.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from cgan_kit.diagnostics.curves import Curve, History, curve, ratio
from cgan_kit.training.run import Run

TOO_LARGE = 1e6  # of a loss: float32 has no digits left for the difference of two scores
GROWN = 3.0  # times, of a gradient
LONGER = 1.5  # times, of the features
STALLED = 0.7  # of 1 - p: what is left of it when the features have grown
DROWNED = 5.0  # times the score's own gradient in the trunk
LEARNED_BY_HEART = 0.1  # of separation, between training and held-out images
ONE_IMAGE = 0.3  # of the real within-class variance
OBEYED = 0.8  # of the fakes in the right class, of what real images reach
TOO_EASY = 0.1  # of accuracy above that of real images
ALIKE = 0.06  # spread of the scores: real, fake, all the same


@dataclass(frozen=True)
class Finding:
    """One illness of a run.

    illness: its name.
    since: the step from which it shows without a break to the end, or at which it peaked.
    evidence: the quantity that shows it, in a sentence with its numbers.
    advice: what to try.
    """

    illness: str
    since: int
    evidence: str
    advice: str

    def __str__(self) -> str:
        return f"{self.illness}, since step {self.since:,}: {self.evidence} Try: {self.advice}"


class Sign(NamedTuple):
    """What a look at one illness found: a `Finding` without its name."""

    since: int
    evidence: str
    advice: str


@dataclass(frozen=True)
class Verdict:
    """All findings of a run, the gravest first; and what nobody looked at.

    findings: empty for a run in which nothing was found.
    unseen: illnesses that the run's probes recorded too little to judge.
    """

    findings: tuple[Finding, ...]
    unseen: tuple[str, ...]

    @property
    def illnesses(self) -> tuple[str, ...]:
        return tuple(finding.illness for finding in self.findings)

    @property
    def healthy(self) -> bool:
        """Whether nothing was found; what was not looked at is in `unseen`."""
        return not self.findings

    def __str__(self) -> str:
        lines = [str(finding) for finding in self.findings] or ["healthy: no illness shows."]
        if self.unseen:
            lines.append(f"Not looked at: {', '.join(self.unseen)}; see cgan_kit.diagnostics.")
        return "\n".join(lines)


def diverged(history: History) -> Sign | None:
    for record in history:
        worst = max(
            (abs(record[name]) for name in ("d_loss", "g_loss") if name in record), default=0
        )
        if record.get("diverged") or worst > TOO_LARGE or not math.isfinite(worst):
            size = "no finite number" if record.get("diverged") else f"{worst:.2g}"
            return Sign(
                int(record["step"]),
                f"a loss is {size}; no later curve means anything.",
                "a smaller learning_rate, a penalty (R1R2), or spectral_norm=True.",
            )
    return None


def dead_discriminator(history: History) -> Sign | None:
    spread, sent = curve(history, "sample/score_spread"), curve(history, "share/image_score")
    varied, right = curve(history, "sample/pixel_variance"), accuracy(history)
    # At the end of a good training D has nothing to say either. But it had, at the start.
    if max(spread.early, spread.late) > ALIKE:
        return None
    if 0.5 < varied.late < 2 and (not right or right.late > OBEYED * real_accuracy(history)):
        return None
    return Sign(
        spread.since(lambda value: value < ALIKE),
        f"its scores spread by {spread.early:.2g} early and {spread.late:.2g} late, it tells the "
        f"images {sent.late:.2g}, and they are not right yet.",
        "a smaller penalty or learning_rate; LayerProbe tells dead channels.",
    )


def classifier_gradient_grows(history: History) -> Sign | None:
    size = curve(history, "classifier/head_gradient")
    if size.late < GROWN * size.early:
        return None
    norm, p = curve(history, "classifier/feature_norm_real"), curve(history, "classifier/p_real")
    return Sign(
        size.since(lambda value: value > GROWN * size.early / 2),
        f"‖∂L/∂W‖ of the head went from {size.early:.2g} to {size.late:.2g}; ‖F‖ from "
        f"{norm.early:.2g} to {norm.late:.2g}, p from {p.early:.2f} to {p.late:.2f}.",
        "normalised features (ACGANNormalised, ReACGAN), spectral norm, a smaller learning_rate.",
    )


def features_grow_p_stalls(history: History) -> Sign | None:
    norm, p = curve(history, "classifier/feature_norm_real"), curve(history, "classifier/p_real")
    product = curve(history, "classifier/product_real")
    if norm.late < LONGER * norm.early or 1 - p.late < STALLED * (1 - p.early):
        return None
    if product.late < LONGER * product.early:  # normalised features: length does not reach the head
        return None
    return Sign(
        norm.since(lambda value: value > LONGER * norm.early),
        f"‖F‖ went from {norm.early:.2g} to {norm.late:.2g}, p of the right class only from "
        f"{p.early:.2f} to {p.late:.2f}, so ‖F‖(1 - p) from {product.early:.2g} to "
        f"{product.late:.2g}.",
        "normalised features; and look at the labels: what cannot be learned keeps 1 - p large.",
    )


def conditioning_drowns_the_game(history: History) -> Sign | None:
    share = ratio(history, "share/trunk_head", "share/trunk_score")
    if median(share.values) < DROWNED:
        return None
    return Sign(
        share.steps[next(i for i, value in enumerate(share.values) if value > DROWNED)],
        f"in D's trunk the head's gradient is {median(share.values):.2g} times the score's.",
        "a smaller weight of the conditioning.",
    )


def discriminator_overfits(history: History) -> Sign | None:
    known = curve(history, "sample/separation")
    fresh = curve(history, "sample/separation_held_out")
    if known.late - fresh.late < LEARNED_BY_HEART:
        return None
    gap = Curve(known.steps, tuple(a - b for a, b in zip(known.values, fresh.values, strict=True)))
    return Sign(
        gap.since(lambda value: value > LEARNED_BY_HEART / 2),
        f"D scores a training image above a fake in {known.late:.0%} of pairs, a held-out real "
        f"image in {fresh.late:.0%}.",
        "more images, augmentation, a stronger penalty, fewer steps, a narrower D.",
    )


def collapse_within_classes(history: History) -> Sign | None:
    varied, right = curve(history, "sample/pixel_variance"), accuracy(history)
    if varied.late > ONE_IMAGE or right.late < OBEYED * real_accuracy(history):
        return None
    return Sign(
        varied.since(lambda value: value < 1.2 * ONE_IMAGE),
        f"{right.late:.0%} of the fakes are of the right class, but their variance within it is "
        f"{varied.late:.2f} of that of real images.",
        "a smaller weight, or a method that knows the generator: Projection, ADCGAN, TACGAN.",
    )


def class_confusion(history: History) -> Sign | None:
    right, real = accuracy(history, own=False), real_accuracy(history)
    if right.late > OBEYED * real:
        return None
    own = curve(history, "accuracy_fake")
    believed = f" D's own head believes {own.late:.0%}." if own else ""
    return Sign(
        right.since(lambda value: value < OBEYED * real),
        f"an outside judge puts {right.late:.0%} of the fakes into the class asked for, and "
        f"{real:.0%} of the real images.{believed}",
        "a larger weight, longer training, or a method that names the classes: ACGAN, Projection.",
    )


def classes_pushed_apart(history: History) -> Sign | None:
    right, real = accuracy(history, own=False), real_accuracy(history)
    if right.late < real + TOO_EASY:
        return None
    return Sign(
        right.since(lambda value: value > real + TOO_EASY),
        f"an outside judge is right about {right.late:.0%} of the fakes and about {real:.0%} of "
        "the real images: what is hard about the classes has been left out.",
        "a smaller weight, or a method that knows the generator: Projection, ADCGAN, TACGAN.",
    )


def accuracy(history: History, own: bool = True) -> Curve:
    """The share of fakes of the right class: an oracle's, else a judge's, else D's own head's."""
    names = ["sample/oracle_accuracy", "sample/accuracy", *(["accuracy_fake"] if own else [])]
    found = (curve(history, name) for name in names)
    return next((each for each in found if each), Curve((), ()))


def real_accuracy(history: History) -> float:
    """What the same judge says of real images; 1 where it was not asked."""
    names = ("sample/oracle_accuracy_real", "sample/accuracy_real")
    return next((each.late for name in names if (each := curve(history, name))), 1.0)


class Illness(NamedTuple):
    """name, what must have been recorded to judge it ("a|b": one of the two), and who looks."""

    name: str
    needs: tuple[str, ...]
    look: Callable[[History], Sign | None]


JUDGED = "sample/oracle_accuracy|sample/accuracy"
JUDGED_REAL = "sample/oracle_accuracy_real|sample/accuracy_real"
ILLNESSES = (
    Illness("diverged", ("d_loss",), diverged),
    Illness(
        "dead discriminator",
        ("sample/score_spread", "share/image_score", "sample/pixel_variance"),
        dead_discriminator,
    ),
    Illness(
        # Projection's head has no p: it is no classifier.
        "classifier gradient growing",
        ("classifier/head_gradient", "classifier/p_real"),
        classifier_gradient_grows,
    ),
    Illness(
        "feature norm growing with p stalled",
        ("classifier/feature_norm_real", "classifier/p_real", "classifier/product_real"),
        features_grow_p_stalls,
    ),
    Illness(
        "conditioning drowns the adversarial term",
        ("share/trunk_head", "share/trunk_score"),
        conditioning_drowns_the_game,
    ),
    Illness(
        "discriminator overfits",
        ("sample/separation", "sample/separation_held_out"),
        discriminator_overfits,
    ),
    Illness(
        "within-class collapse with right classes",
        ("sample/pixel_variance", f"{JUDGED}|accuracy_fake"),
        collapse_within_classes,
    ),
    Illness("class confusion", (JUDGED,), class_confusion),
    Illness("classes pushed apart", (JUDGED, JUDGED_REAL), classes_pushed_apart),
)


def diagnose(run: Run | History) -> Verdict:
    """Reads what the probes recorded and says what it sees.

    Arguments:
        run: a run, or its history. For all illnesses it needs `ClassifierProbe`,
            `GradientShare` and `SampleProbe` (with `held_out`, and a `classifier` where the set
            has no oracle), and four looks at least.

    Raises:
        ValueError: a run without any record.
    """
    history = run.history() if isinstance(run, Run) else list(run)
    if not history:
        raise ValueError("run has recorded nothing; train it for some steps first")
    findings, unseen = [], []
    for name, needs, look in ILLNESSES:
        if not all(any(curve(history, each) for each in need.split("|")) for need in needs):
            unseen.append(name)
        elif sign := look(history):
            findings.append(Finding(name, *sign))
        if findings and name == "diverged":
            break  # no later curve means anything
    return Verdict(tuple(findings), tuple(unseen))
