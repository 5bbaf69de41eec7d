"""Is one method above another? Several runs of each, and the courage to say "cannot tell".

Two spreads stand apart, for they answer two questions:

- over training seeds: train the same method again, and this is what may come out;
- over samples: draw other images from the same generators, and this is what may be measured.

The verdict on a pair of methods and a metric is "A above B" when each of them has three seeds or
more, and every value of A with its interval over samples lies above every value of B with its
own. Else it is "cannot tell", with the reason. (A metric without an interval is judged by its
values alone.) "Above" is a larger number: for a distance that is the worse one.

How often does the rule find a difference where there is none? Without intervals, two equal
methods come apart by chance in 2 of C(2s, s) cases for s seeds each: 10 % at 3, 3 % at 4, 1 % at
5. The intervals make it rarer; many metrics and many pairs make it likelier.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tqdm.auto import tqdm

from cgan_kit.metrics.classifier import Classifier
from cgan_kit.metrics.evaluate import Generated, evaluate, split_set, usual_classifier
from cgan_kit.metrics.features import Extractor
from cgan_kit.metrics.report import Report, Value, finite_or_none, interval_text, save_json
from cgan_kit.metrics.rows import METRICS, Metric
from cgan_kit.metrics.samples import Sampler
from cgan_kit.metrics.tables import table

if TYPE_CHECKING:
    from cgan_kit.data.imageset import ImageSet

ENOUGH_SEEDS = 3
_NOT_THE_METHOD = {"seed", "precision", "checkpoints", "log_every"}
"""Settings of a training that its runs may differ in; the precision is chosen by a short trial."""


class Spread(NamedTuple):
    """One metric of one method.

    mean, lowest, highest: of the values, over training seeds.
    low, high: the ends of all the intervals over samples; NaN where there are none.
    real, perfect: as in `Value`; the mean over the runs.
    seeds: how many runs.
    """

    mean: float
    lowest: float
    highest: float
    low: float
    high: float
    real: float
    perfect: float
    seeds: int


@dataclass(frozen=True, repr=False)
class Comparison:
    """What `compare` found.

    Attributes:
        reports: method -> one report for each of its runs.
        protocol: what all of them have in common.
    """

    reports: dict[str, list[Report]]
    protocol: dict[str, Any]

    @property
    def metrics(self) -> list[str]:
        """Names of the rows, in order."""
        return list(next(iter(self.reports.values()))[0].values)

    def spread(self, metric: str, method: str) -> Spread:
        """One metric of one method, over its seeds and over samples.

        Raises:
            KeyError: no such metric or method; the message lists them.
        """
        if method not in self.reports:
            raise KeyError(f"no method {method!r}; there are {', '.join(map(repr, self.reports))}")
        return _spread([report[metric] for report in self.reports[method]])

    def verdict(self, metric: str, one: str, other: str) -> str:
        """ "A above B", or "cannot tell: ..." with the reason; the rule is the module's."""
        return _verdict(one, self.spread(metric, one), other, self.spread(metric, other))

    def __repr__(self) -> str:
        return self.table()

    def table(self, decimals: int = 2) -> str:
        """For each metric its methods, and under them the verdict on each pair; plain text."""
        header = ("", "seeds", "mean", "over seeds", "over samples", "real")
        lines = table(header, [self._row(*each, decimals) for each in self._each()], decimals)
        first, *rows = lines.splitlines()
        blocks = [first]
        for metric, own in zip(self.metrics, _batches(rows, len(self.reports)), strict=True):
            pairs = itertools.combinations(self.reports, 2)
            verdicts = [f"    {self.verdict(metric, one, other)}" for one, other in pairs]
            blocks.append("\n".join([metric, *own, *verdicts]))
        return "\n\n".join(blocks)

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON; NaN becomes None."""
        pairs = list(itertools.combinations(self.reports, 2))
        return {
            "spreads": {
                metric: {method: _plain(self.spread(metric, method)) for method in self.reports}
                for metric in self.metrics
            },
            "verdicts": {
                metric: [self.verdict(metric, one, other) for one, other in pairs]
                for metric in self.metrics
            },
            "protocol": self.protocol,
            "reports": {
                method: [report.to_dict() for report in reports]
                for method, reports in self.reports.items()
            },
        }

    def save(self, path: Path | str) -> None:
        """`to_dict()` as JSON; a file that is there is replaced whole."""
        save_json(self.to_dict(), path)

    def _each(self) -> list[tuple[str, str]]:
        return list(itertools.product(self.metrics, self.reports))

    def _row(self, metric: str, method: str, decimals: int) -> tuple[str | float | None, ...]:
        found = self.spread(metric, method)
        return (
            f"  {method}",
            found.seeds,
            found.mean,
            interval_text(found.lowest, found.highest, decimals),
            interval_text(found.low, found.high, decimals),
            found.real,
        )


def compare(
    runs: Mapping[str, Sequence[Generated]] | Sequence[Sampler],
    image_set: ImageSet | tuple[ImageSet, ImageSet],
    *,
    n: int | None = None,
    k: int = 5,
    seed: int = 0,
    step: int | None = None,
    classifier: Classifier | None = None,
    features: Extractor | None = None,
    metrics: Sequence[Metric] = METRICS,
) -> Comparison:
    """Measures several runs of several methods in one way, and says what can be told apart.

    Arguments:
        runs: method -> its runs, which differ in their training seed alone; or runs whose
            configs say the conditioning, which are sorted by it. (images, labels) will do for
            a run, as in `evaluate`.
        image_set, n, k, seed, step, classifier, features, metrics: as for `evaluate`; one
            classifier for all runs.

    Raises:
        ValueError: as `evaluate`; no runs; runs of one method that have one training seed, or
            whose configs differ in more than that.
    """
    methods = dict(runs) if isinstance(runs, Mapping) else by_conditioning(runs)
    if not methods or not all(methods.values()):
        raise ValueError(f"runs holds no run for some method: {methods}; give at least one each")
    for method, own in methods.items():
        _check_seeds(method, own)
    parts = split_set(image_set)
    if classifier is None:
        classifier = usual_classifier(*parts, seed)
    reports: dict[str, list[Report]] = {method: [] for method in methods}
    with tqdm(
        total=sum(map(len, methods.values())), leave=False, delay=2, desc="comparing", unit="run"
    ) as bar:
        for method, own in methods.items():
            for run in own:
                reports[method].append(
                    evaluate(
                        run,
                        parts,
                        n=n,
                        k=k,
                        seed=seed,
                        step=step,
                        classifier=classifier,
                        features=features,
                        metrics=metrics,
                    )
                )
                bar.update()
    return Comparison(reports, _common([r.protocol for own in reports.values() for r in own]))


def by_conditioning(runs: Sequence[Sampler]) -> dict[str, list[Sampler]]:
    """Runs sorted by the conditioning that their configs name, in order of appearance.

    The name is that of the class, with its arguments where the class alone does not tell.

    Raises:
        ValueError: something without a config.
    """
    groups: dict[str, list[Sampler]] = {}
    for run in runs:
        config = getattr(run, "config", None)
        if config is None:
            raise ValueError(f"runs holds {run!r}, which has no config; give a dict name -> runs")
        groups.setdefault(json.dumps(config["gan"]["conditioning"], default=str), []).append(run)
    described = [json.loads(key) for key in groups]
    classes = [each["class"] for each in described]
    return {
        name if classes.count(name) == 1 else _in_full(conditioning): own
        for name, conditioning, own in zip(classes, described, groups.values(), strict=True)
    }


def _in_full(conditioning: dict[str, Any]) -> str:
    arguments = (f"{key}={value}" for key, value in conditioning.items() if key != "class")
    return f"{conditioning['class']}({', '.join(arguments)})"


def _check_seeds(method: str, runs: Sequence[Generated]) -> None:
    """Runs of one method are trials of one thing: other seeds, and nothing else other."""
    configs = [c for c in (getattr(run, "config", None) for run in runs) if c is not None]
    seeds = [config["training"]["seed"] for config in configs]
    if len(set(seeds)) < len(seeds):
        raise ValueError(
            f"{method} has runs with the training seeds {seeds}; a seed that comes twice says "
            "nothing new: give runs of different seeds"
        )
    for part in ("gan", "data", "training"):
        settings = [
            {key: value for key, value in config[part].items() if key not in _NOT_THE_METHOD}
            for config in configs
        ]
        differ = [key for one in settings for key in one if one[key] != settings[0].get(key)]
        if differ:
            raise ValueError(
                f"{method} has runs that differ in {part} {differ[0]!r}, not in their seed alone; "
                "give them as two methods: a dict name -> runs"
            )


def _spread(values: Sequence[Value]) -> Spread:
    generated = [value.generated for value in values]
    return Spread(
        _mean(generated),
        _lowest(generated),
        -_lowest([-each for each in generated]),
        _lowest([value.low for value in values]),
        -_lowest([-value.high for value in values]),
        _mean([value.real for value in values]),
        _mean([value.perfect for value in values]),
        len(values),
    )


def _verdict(one: str, a: Spread, other: str, b: Spread) -> str:
    if math.isnan(a.mean) or math.isnan(b.mean):
        return f"{one} and {other}: cannot tell, a value is missing"
    few = [f"{name} has {s.seeds}" for name, s in ((one, a), (other, b)) if s.seeds < ENOUGH_SEEDS]
    if few:
        return (
            f"{one} and {other}: cannot tell, {' and '.join(few)} of the {ENOUGH_SEEDS} seeds "
            "that a spread needs"
        )
    for upper, top, lower, bottom in ((one, a, other, b), (other, b, one, a)):
        if top.lowest > bottom.highest:
            # Where an interval is missing, NaN compares as False.
            if top.low <= bottom.high:
                return (
                    f"{one} and {other}: cannot tell, seeds are apart but intervals over samples "
                    "overlap"
                )
            return f"{upper} above {lower}"
    return f"{one} and {other}: cannot tell, seeds overlap"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _lowest(values: Sequence[float]) -> float:
    """The smallest; NaN where any is."""
    return math.nan if any(map(math.isnan, values)) else min(values)


def _batches(rows: Sequence[str], size: int) -> list[Sequence[str]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _common(protocols: Sequence[dict[str, Any]]) -> dict[str, Any]:
    first = protocols[0]
    return {
        key: value
        for key, value in first.items()
        if all(key in each and each[key] == value for each in protocols)
    }


def _plain(spread: Spread) -> dict[str, float | None]:
    return {key: finite_or_none(value) for key, value in spread._asdict().items()}
