"""What went wrong, when it began, what shows it, and what to try: read from a run's history.

Each illness is one short function, which looks at a few curves that the probes wrote. The bounds
are round numbers between what healthy and ill runs showed; benchmarks/diagnosis.py prints both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from cgan_kit.diagnostics.curves import Curve, History, curve, ratio, short
from cgan_kit.training.run import Run

TOO_LARGE = 1e6  # of a loss: float32 has no digits left for the difference of two scores
GROWN = 3.0  # times, of a gradient
BOUNDED = 1.0  # of a gradient: where it ends at most with a normalised head, the cure for it
LONGER = 1.5  # times, of the features
STALLED = 0.7  # of 1 - p: what is left of it when the features have grown
DROWNED = 5.0  # times the score's own gradient in the trunk
LEARNED_BY_HEART = 0.1  # of separation, between training and held-out images
ONE_IMAGE = 0.3  # of the real within-class variance
OBEYED = 0.8  # of the fakes in the right class, of what real images reach
RISING = 0.05  # of accuracy or variance, from one third of a run to the next
TOO_EASY = 0.1  # of accuracy above that of real images
ALIKE = 0.06  # spread of the scores: real, fake, all the same


@dataclass(frozen=True)
class Finding:
    """One illness of a run.

    illness: its name.
    since: the step from which it shows to the end, but for single looks.
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
        nothing = "healthy: no illness shows."
        if len(self.unseen) >= len(ILLNESSES) - 1:
            nothing = "no verdict: the losses are finite, and no probe has looked often enough."
        lines = [str(finding) for finding in self.findings] or [nothing]
        if self.unseen:
            names = ", ".join(self.unseen)
            lines.append(f"Not looked at: {names}; help(diagnose) says which probe looks at what.")
        return "\n".join(lines)


def diverged(history: History) -> Sign | None:
    for record in history:
        worst = max(
            (abs(record[name]) for name in ("d_loss", "g_loss") if name in record), default=0
        )
        if record.get("diverged") or worst > TOO_LARGE or not math.isfinite(worst):
            size = "no finite number" if record.get("diverged") else short(worst)
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
        f"its scores of real and fake images spread by {short(spread.early)} early and "
        f"{short(spread.late)} late, its gradient at G's images is {short(sent.late)}, and they "
        "are not right yet.",
        "a smaller penalty or learning_rate; LayerProbe tells dead channels.",
    )


def classifier_gradient_grows(history: History) -> Sign | None:
    size = curve(history, "classifier/head_gradient")
    grown = max(BOUNDED, GROWN * size.early)
    if size.late < grown:
        return None
    norm, p = curve(history, "classifier/feature_norm_real"), curve(history, "classifier/p_real")
    return Sign(
        size.since(lambda value: value > grown / 2),
        f"‖∂L/∂W‖ of the head went from {short(size.early)} to {short(size.late)}; ‖F‖ from "
        f"{short(norm.early)} to {short(norm.late)}, p from {p.early:.2f} to {p.late:.2f}.",
        "a bound on the game: a penalty (R1R2), spectral_norm=True, a smaller learning_rate. "
        "Normalised features (ACGANNormalised, ReACGAN) bound this gradient and not ‖F‖.",
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
        f"‖F‖ went from {short(norm.early)} to {short(norm.late)}, p of the right class only from "
        f"{p.early:.2f} to {p.late:.2f}, so ‖F‖(1 - p) from {short(product.early)} to "
        f"{short(product.late)}.",
        "a bound on the game: a penalty (R1R2), spectral_norm=True; and look at the labels: what "
        "cannot be learned keeps 1 - p large.",
    )


def conditioning_drowns_the_game(history: History) -> Sign | None:
    share = ratio(history, "share/trunk_head", "share/trunk_score")
    if median(share.values) < DROWNED:
        return None
    return Sign(
        share.steps[next(i for i, value in enumerate(share.values) if value > DROWNED)],
        f"in D's trunk the head's gradient is {short(median(share.values))} times the score's.",
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
        f"{right.late:.0%} of the fakes are of the right class{by_whom(history)}, but their "
        f"variance within it is {varied.late:.2f} of that of real images."
        f"{trend(varied, '.2f')}",
        f"{patience(varied)}a stronger penalty (R1R2), a weight of 1 at most, or a method that "
        "knows the generator: Projection, ADCGAN, TACGAN.",
    )


def class_confusion(history: History) -> Sign | None:
    right, real = accuracy(history, own=False), real_accuracy(history)
    if right.late > OBEYED * real:
        return None
    own = curve(history, "accuracy_fake")
    believed = f" D's own head believes {own.late:.0%}." if own else ""
    of_real = f", and {real:.0%} of the real images" if judged_real(history) else ""
    return Sign(
        right.since(lambda value: value < OBEYED * real),
        f"an outside judge puts {right.late:.0%} of the fakes into the class asked for{of_real}."
        f"{trend(right, '.0%')}{believed}",
        f"{patience(right)}a larger weight, or a method that names the classes: ACGAN, Projection.",
    )


def classes_pushed_apart(history: History) -> Sign | None:
    right, real = accuracy(history, own=False), real_accuracy(history)
    if right.late < real + TOO_EASY:
        return None
    return Sign(
        right.since(lambda value: value > real + TOO_EASY),
        f"an outside judge is right about {right.late:.0%} of the fakes and about {real:.0%} of "
        "the real images: what is hard about the classes has been left out.",
        "a method that knows the generator: Projection, ADCGAN, TACGAN.",
    )


def accuracy(history: History, own: bool = True) -> Curve:
    """The share of fakes of the right class: an oracle's, else a judge's, else D's own head's."""
    names = ["sample/oracle_accuracy", "sample/accuracy", *(["accuracy_fake"] if own else [])]
    found = (curve(history, name) for name in names)
    return next((each for each in found if each), Curve((), ()))


def rising(share: Curve) -> bool:
    return share.late > share.before + RISING


def trend(share: Curve, digits: str) -> str:
    """A remark, where a share that is too low is on its way."""
    before = format(share.before, digits)
    return f" It is rising: {before} a third of the run before." if rising(share) else ""


def patience(share: Curve) -> str:
    return "longer training first; " if rising(share) else ""


def by_whom(history: History) -> str:
    """A remark, where nobody but the player itself has counted."""
    return "" if accuracy(history, own=False) else ", by D's own head"


def judged_real(history: History) -> Curve:
    """The share of real images that the same judge puts into their class."""
    names = ("sample/oracle_accuracy_real", "sample/accuracy_real")
    found = (curve(history, name) for name in names)
    return next((each for each in found if each), Curve((), ()))


def real_accuracy(history: History) -> float:
    """Its late value; 1 where the judge was not asked."""
    real = judged_real(history)
    return real.late if real else 1.0


class Illness(NamedTuple):
    """name, what must have been recorded to judge it ("a|b": one of the two), and who looks."""

    name: str
    needs: tuple[str, ...]
    look: Callable[[History], Sign | None]


JUDGED = "sample/oracle_accuracy|sample/accuracy"
JUDGED_REAL = "sample/oracle_accuracy_real|sample/accuracy_real"
ILLNESSES = (
    Illness("diverged", (), diverged),  # any record will do: such a run can be very short
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
        ValueError: neither a run nor a history; one without any record.
    """
    history = records_of(run)
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


def records_of(run: Run | History) -> History:
    """The history of a run, or the history given."""
    if isinstance(run, Run):
        return run.history()
    known = isinstance(run, Sequence) and not isinstance(run, str)
    if not known or not all(isinstance(record, Mapping) for record in run):
        raise ValueError(
            f"run is {run!r:.60}; give a run, such as cgan_kit.Run(folder), or its history()"
        )
    return run
