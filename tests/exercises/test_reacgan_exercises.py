"""Right answers pass, blank ones do not, and each known fault is called by its name."""

from typing import Any

import pytest
import torch

from cgan_kit.exercises.reacgan import (
    check_better_method,
    check_d2d_ce,
    check_faded_batch,
    gradient_ratio,
)
from cgan_kit.losses import d2d_ce
from cgan_kit.losses.sphere import on_sphere


def written(F: Any, V: Any, y: Any, tau: float, m_p: float, m_n: float, **changed: Any) -> Any:
    """D2D-CE in logarithms, with one thing done otherwise."""
    f = F if changed.get("raw_features") else on_sphere(F)
    v = V if changed.get("raw_proxies") else on_sphere(V)
    if changed.get("swapped"):
        m_p, m_n = m_n, m_p
    m_p, m_n = m_p * changed.get("sign_p", 1), m_n * changed.get("sign_n", 1)
    pull, push = (f * v[y]).sum(dim=1) - m_p, f @ f.T - m_n
    low, high = changed.get("clamps", ((None, 0), (0, None)))
    if low != (None, None):
        pull, push = pull.clamp(*low), push.clamp(*high)
    if not changed.get("no_tau"):
        pull, push = pull / tau, push / tau
    same = changed.get("mask", lambda y: y[:, None] == y)(y)
    against = push.masked_fill(same, -torch.inf).logsumexp(dim=1)
    if changed.get("averaged"):
        against = against - (~same).sum(dim=1).log()
    if changed.get("flat"):
        against = against.logsumexp(dim=0)
    total = against if changed.get("no_positive") else torch.logaddexp(pull, against)
    return changed.get("reduce", torch.mean)(total - pull)


def with_change(**changed: Any) -> Any:
    return lambda *given: written(*given, **changed)


def by_hand(F: Any, V: Any, y: Any, tau: float, m_p: float, m_n: float) -> Any:
    f, v = on_sphere(F), on_sphere(V)
    pull = (((f * v[y]).sum(dim=1) - m_p).clamp(max=0) / tau).exp()
    push = ((f @ f.T - m_n).clamp(min=0) / tau).exp() * (y[:, None] != y)
    return -(pull / (pull + push.sum(dim=1))).log().mean()


def in_float64(F: Any, V: Any, y: Any, *dials: float) -> Any:
    return by_hand(F.double(), V.double(), y, *dials)


def masked_with_zero(F: Any, V: Any, y: Any, tau: float, m_p: float, m_n: float) -> Any:
    f, v = on_sphere(F), on_sphere(V)
    pull = ((f * v[y]).sum(dim=1) - m_p).clamp(max=0) / tau
    push = ((f @ f.T - m_n).clamp(min=0) / tau).masked_fill(y[:, None] == y, 0.0)
    return (torch.logaddexp(pull, push.logsumexp(dim=1)) - pull).mean()


def margins_after_tau(F: Any, V: Any, y: Any, tau: float, m_p: float, m_n: float) -> Any:
    f, v = on_sphere(F), on_sphere(V)
    pull = ((f * v[y]).sum(dim=1) / tau - m_p).clamp(max=0)
    push = (f @ f.T / tau - m_n).clamp(min=0)
    against = push.masked_fill(y[:, None] == y, -torch.inf).logsumexp(dim=1)
    return (torch.logaddexp(pull, against) - pull).mean()


def over_proxies(F: Any, V: Any, y: Any, tau: float, m_p: float, m_n: float) -> Any:
    return torch.nn.functional.cross_entropy(on_sphere(F) @ on_sphere(V).T / tau, y)


def test_right_answers_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_d2d_ce(written)
    assert check_d2d_ce(lambda F, V, y, *dials: d2d_ce(on_sphere(F), on_sphere(V), y, *dials))
    assert capsys.readouterr().out.count("Right: it is the kit's d2d_ce, down to τ = 0.001") == 2


def test_whatever_is_handed_in_gets_one_line(
    malformed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_d2d_ce(malformed) is False
    assert check_d2d_ce(lambda *given: malformed) is False
    assert check_faded_batch(malformed) is False
    for place in range(4):
        batch = list(two_tight_classes())
        batch[place] = malformed
        assert check_faded_batch(batch) is False
    assert check_better_method(malformed, dict([*TABLE.items()][:1])) is False
    assert check_better_method({"accuracy": malformed}, dict([*TABLE.items()][:1])) is False
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 9
    assert all("Not yet: " in line for line in lines)


@pytest.mark.parametrize("cold", [torch.zeros(9), "text", None, torch.tensor(torch.nan)])
def test_another_kind_or_shape_at_a_small_temperature(
    cold: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for below in (0.1, 0.005):
        assert not check_d2d_ce(
            lambda F, V, y, tau, *m, b=below: cold if tau < b else written(F, V, y, tau, *m)
        )
    out = capsys.readouterr().out.splitlines()
    assert "at τ = 0.01 it " in out[0]
    assert "at τ = 0.001 it " in out[1]


def test_blank_answers_do_not_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_d2d_ce(lambda *given: ...)
    assert not check_faded_batch(...)
    assert not check_better_method({"accuracy": ...}, TABLE)
    assert not check_better_method({}, TABLE)
    assert capsys.readouterr().out.count("Not yet") == 6


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (with_change(raw_features=True, raw_proxies=True), "neither features nor proxies"),
        (with_change(raw_features=True), "the features are not normalised"),
        (with_change(raw_proxies=True), "the proxies are not normalised"),
        (with_change(mask=lambda y: torch.zeros(9, 9, dtype=torch.bool)), "mask is missing"),
        (with_change(mask=lambda y: torch.eye(9, dtype=torch.bool)), "not the others of its"),
        (with_change(mask=lambda y: y[:, None] != y), "mask is turned round"),
        (with_change(swapped=True), "m_p and m_n are swapped"),
        (with_change(sign_p=-1), "m_p has the wrong sign"),
        (with_change(sign_n=-1), "m_n has the wrong sign"),
        (with_change(clamps=((0, None), (None, 0))), "two clamps are swapped"),
        (with_change(clamps=((None, None), (None, None))), "do not cut anything off"),
        (with_change(no_tau=True), "temperature is missing"),
        (with_change(no_positive=True), "missing in the denominator"),
        (with_change(flat=True), "sums over all images at once"),
        (with_change(averaged=True), "summed, not averaged"),
        (with_change(reduce=torch.sum), "sum over the batch"),
        (with_change(reduce=lambda rows: -rows.mean()), "sign is turned round"),
        (with_change(reduce=lambda rows: rows), "shape (9,)"),
        (
            with_change(clamps=((None, torch.inf), (0, None))),
            "min(a, 0) is missing on the positive",
        ),
        (
            with_change(clamps=((None, 0), (None, torch.inf))),
            "max(a, 0) is missing on the negatives",
        ),
        (masked_with_zero, "a masked term still counts e^0 = 1; give it the exponent -inf"),
        (margins_after_tau, "subtract the margin before you divide by τ"),
        (lambda F, V, y, tau, *m: written(F, V, y, 1 / tau, *m), "divide by τ, do not multiply"),
        (over_proxies, "this is AC-GAN on cosines: the negatives are images"),
        (by_hand, "at τ = 0.01 it is nan"),
        (in_float64, "at τ = 0.001 it is nan"),
        (
            lambda *given: float(written(*given).detach()),
            "it is a float; return a torch tensor (no .item()",
        ),
        (lambda *given: written(*given).item(), "it is a float; return a torch tensor (no .item()"),
        (lambda *given: written(*given).detach(), "no gradient flows through it: keep it a torch"),
        (lambda F, V, *g: written(F.detach(), V, *g), "no gradient flows to some of its arguments"),
        (lambda F, V, *g: written(F.detach(), V.detach(), *g), "no gradient flows through it"),
        (lambda *given: torch.tensor(torch.nan), "it is NaN"),
        (lambda *given: torch.tensor(1.234), "it should be 4.471, yours is 1.234"),
        (lambda F, *given: F.no_such_thing, "AttributeError"),
    ],
)
def test_wrong_losses(wrong: Any, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_d2d_ce(wrong)
    assert named in capsys.readouterr().out


def two_tight_classes(tau: float = 0.1, scatter: float = 0.1) -> Any:
    draw = torch.Generator().manual_seed(0)
    proxies, y = on_sphere(torch.randn(2, 16, generator=draw)), torch.arange(16) % 2
    return proxies[y] + scatter * torch.randn(16, 16, generator=draw), proxies, y, tau


def test_a_faded_batch_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_faded_batch(two_tight_classes())
    assert check_faded_batch(list(two_tight_classes()))
    assert check_faded_batch((*two_tight_classes()[:3], torch.tensor(0.1)))
    assert not check_faded_batch(two_tight_classes(tau=0.5, scatter=0.3))
    assert not check_faded_batch(two_tight_classes(tau=0.01))
    at_rest, y = torch.eye(2, 16), torch.arange(16) % 2
    assert not check_faded_batch((at_rest[y], at_rest, y, 0.1))
    assert not check_faded_batch(two_tight_classes()[:3])
    vectors, proxies, y, tau = two_tight_classes()
    assert not check_faded_batch((vectors, proxies, torch.zeros_like(y), tau))
    assert not check_faded_batch((vectors, proxies[:1], y, tau))
    out = capsys.readouterr().out.splitlines()
    words = ["Right"] * 3 + ["make the classes tighter", "at least 0.05", "nothing to fade"]
    words += ["four things", "two classes", "labels run from 0 to 1"]
    assert all(word in line for word, line in zip(words, out, strict=True)), out


@pytest.mark.parametrize(
    ("place", "given", "named"),
    [
        (0, [[1.0, 0.0]] * 16, "vectors: it is a list; give a torch tensor"),
        (0, torch.full((16, 16), torch.nan), "vectors: not all are finite numbers"),
        (1, torch.full((2, 16), torch.inf), "proxies: not all are finite numbers"),
        (2, [0, 1] * 8, "labels: it is a list; give a torch tensor"),
        (2, (torch.arange(16) % 2).numpy(), "labels: it is an ndarray; give a torch tensor"),
        (2, torch.arange(15) % 2, "give each vector a label"),
        (2, torch.tensor(0), "give each vector a label"),
        (2, (torch.arange(16) % 2).float(), "labels have dtype torch.float32"),
        (3, "0.1", "τ: it is a str; give one number"),
        (3, None, "τ: it is None; give one number"),
        (3, torch.nan, "τ is nan; find a batch"),
        (3, torch.inf, "temperature is inf"),
    ],
)
def test_wrong_batches(
    place: int, given: Any, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = list(two_tight_classes())
    batch[place] = given
    assert not check_faded_batch(batch)
    assert named in capsys.readouterr().out


def test_the_ratio_is_one_where_the_maximum_is_small_and_falls_with_the_temperature() -> None:
    vectors, proxies, y, _ = two_tight_classes(scatter=0.3)
    ratios = [gradient_ratio(vectors, proxies, y, tau) for tau in (5.0, 0.5, 0.1)]
    assert ratios[0] == pytest.approx(1, abs=0.02)
    assert ratios[0] > ratios[1] > ratios[2]
    assert gradient_ratio(3 * vectors, 2 * proxies, y, 0.5) == pytest.approx(ratios[1], rel=1e-4)


TABLE = {
    "accuracy": {"acgan": [0.98, 0.981, 0.985], "reacgan": [0.99, 0.991]},
    "coverage": {"acgan": [0.89, 0.90, 0.91], "reacgan": [0.88, 0.93]},
}


@pytest.mark.parametrize(
    ("answers", "named"),
    [
        ({"accuracy": "reacgan", "coverage": "reacgan"}, "coverage: Not yet: reacgan has"),
        ({"accuracy": "cannot tell", "coverage": "cannot tell"}, "accuracy: Not yet: the ranges"),
        ({"accuracy": "acgan", "coverage": "cannot tell"}, "accuracy: Not yet: acgan has"),
    ],
)
def test_wrong_verdicts(answers: Any, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not check_better_method(answers, TABLE)
    assert named in capsys.readouterr().out


def test_the_verdict_of_the_rows_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_better_method({"accuracy": "reacgan", "coverage": "cannot tell"}, TABLE)
    assert capsys.readouterr().out.count("Right") == 2
    others = {
        "recall": {"projection": [0.5, 0.6], "reacgan": [0.4, 0.45]},
        "variance": {"projection": [0.5, 0.6], "reacgan": [0.55, 0.58]},
    }
    assert check_better_method({"recall": "Projection ", "variance": "Cannot tell"}, others)
    assert not check_better_method({"recall": "acgan", "variance": "cannot tell"}, others)
    assert "'acgan' is none of projection, reacgan, cannot tell" in capsys.readouterr().out
