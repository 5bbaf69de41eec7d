"""The exercises of lesson 04: D2D-CE by hand, where the reference fades, and a table of runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import EllipsisType

import torch
from torch import Tensor

from cgan_kit.exercises.measuring import CANNOT_TELL, check_which_is_better
from cgan_kit.exercises.verdict import (
    NO_ANSWER,
    as_tensor,
    called,
    kind,
    loss_fault,
    no_dict,
    number,
    returned,
    same,
    say,
)
from cgan_kit.losses import d2d_ce, d2d_ce_reference
from cgan_kit.losses.sphere import on_sphere

D2DCE = Callable[[Tensor, Tensor, Tensor, float, float, float], Tensor]
Batch = tuple[Tensor, Tensor, Tensor, float]
MARGIN_POSITIVE = 0.98
FADED = 0.1


def check_d2d_ce(loss: D2DCE) -> bool:
    """Is it D2D-CE of vectors that are not yet normalised?

    Arguments:
        loss: (F (N, d), proxies (K, d), labels int64 (N,), τ, m_p, m_n) -> scalar; neither
            vectors nor proxies have length 1.
    """
    random = torch.Generator().manual_seed(4)
    features = 1.7 * torch.randn(9, 3, generator=random)
    proxies = 0.6 * torch.randn(4, 3, generator=random)
    labels = torch.tensor([0, 1, 2, 3, 0, 1, 2, 0, 1])
    # Margins that differ from each other and from 1 - each other, and silence some of the terms.
    dials = (0.4, 0.8, 0.1)
    given = (features.requires_grad_(), proxies.requires_grad_(), labels)
    problem = loss_fault(
        loss,
        (*given, *dials),
        d2d_ce(on_sphere(features), on_sphere(proxies), labels, *dials),
        {**_wrong_vectors(*given, *dials), **_wrong_exponents(*given, *dials)},
    )
    problem = problem or _cold_fault(loss, *given, 0.01) or _cold_fault(loss, *given, 0.001)
    return say(not problem, problem or "it is the kit's d2d_ce, down to τ = 0.001")


def _cold_fault(
    loss: D2DCE, features: Tensor, proxies: Tensor, labels: Tensor, temperature: float
) -> str:
    """At a temperature where the exponentials leave float32, and then float64."""
    dials = (temperature, 0.8, 0.1)
    right = d2d_ce(on_sphere(features), on_sphere(proxies), labels, *dials).detach()
    value, problem = returned(loss, (features, proxies, labels, *dials))
    if value is None:
        return f"it is right at τ = 0.4, but at τ = {temperature:g} {problem}"
    if same(value, right, atol=1e-3 * float(right)):
        return ""
    return (
        f"it is right at τ = 0.4, but at τ = {temperature:g} it is {value:.1f}, not {right:.1f}: "
        "the exponentials overflow or vanish, so keep to logarithms (logsumexp, logaddexp)"
    )


def _wrong_vectors(
    features: Tensor, proxies: Tensor, labels: Tensor, tau: float, m_p: float, m_n: float
) -> dict[str, Tensor]:
    """What becomes of the loss if other vectors, or other pairs of them, are compared."""
    f, v = on_sphere(features), on_sphere(proxies)
    other = labels[:, None] != labels

    def loss(f: Tensor, v: Tensor, mask: Tensor = other) -> Tensor:
        near, among = (f * v[labels]).sum(dim=1), f @ f.T
        return _rows((near - m_p).clamp(max=0) / tau, (among - m_n).clamp(min=0) / tau, mask).mean()

    return {
        "neither features nor proxies are normalised: divide each vector by its length": (
            loss(features, proxies)
        ),
        "the features are not normalised: f = F / ‖F‖": loss(features, v),
        "the proxies are not normalised: v = V / ‖V‖": loss(f, proxies),
        "the label mask is missing: images of the same class, and each image itself, count as "
        "negatives": loss(f, v, torch.ones_like(other)),
        "the mask leaves out the image itself, but not the others of its class": (
            loss(f, v, ~torch.eye(len(labels), dtype=torch.bool))
        ),
        "the mask is turned round: images of the same class are pushed away": loss(f, v, ~other),
        "this is AC-GAN on cosines: the negatives are images, not the other proxies": (
            torch.nn.functional.cross_entropy(f @ v.T / tau, labels)
        ),
    }


def _wrong_exponents(
    features: Tensor, proxies: Tensor, labels: Tensor, tau: float, m_p: float, m_n: float
) -> dict[str, Tensor]:
    """What becomes of the loss if margins, temperature or the sums are not as they should be."""
    f, v = on_sphere(features), on_sphere(proxies)
    near, among, other = (f * v[labels]).sum(dim=1), f @ f.T, labels[:, None] != labels
    positive, negative = (near - m_p).clamp(max=0) / tau, (among - m_n).clamp(min=0) / tau
    masked = negative.masked_fill(~other, -torch.inf)

    def loss(pull: Tensor, push: Tensor) -> Tensor:
        return _rows(pull, push, other).mean()

    return {
        "a masked term still counts e^0 = 1; give it the exponent -inf": _rows(
            positive, negative * other, torch.ones_like(other)
        ).mean(),
        "m_p and m_n are swapped: m_p belongs to the proxy": loss(
            (near - m_n).clamp(max=0) / tau, (among - m_p).clamp(min=0) / tau
        ),
        "m_p has the wrong sign: it is subtracted": loss((near + m_p).clamp(max=0) / tau, negative),
        "m_n has the wrong sign: it is subtracted": loss(
            positive, (among + m_n).clamp(min=0) / tau
        ),
        "the two clamps are swapped: a positive is cut off above 0, a negative below": loss(
            (near - m_p).clamp(min=0) / tau, (among - m_n).clamp(max=0) / tau
        ),
        "the margins do not cut anything off: [a]₋ = min(a, 0) and [a]₊ = max(a, 0) are missing": (
            loss((near - m_p) / tau, (among - m_n) / tau)
        ),
        "[a]₋ = min(a, 0) is missing on the positive": loss((near - m_p) / tau, negative),
        "[a]₊ = max(a, 0) is missing on the negatives": loss(positive, (among - m_n) / tau),
        "subtract the margin before you divide by τ": loss(
            (near / tau - m_p).clamp(max=0), (among / tau - m_n).clamp(min=0)
        ),
        "divide by τ, do not multiply": loss(positive * tau**2, negative * tau**2),
        "the temperature is missing: divide both exponents by τ": loss(
            positive * tau, negative * tau
        ),
        "the positive is missing in the denominator": (masked.logsumexp(dim=1) - positive).mean(),
        "the mean is taken over the wrong axis: first each image's own sum over its negatives "
        "(a row), then the mean over images; yours sums over all images at once": (
            masked.flatten().logsumexp(dim=0).logaddexp(positive) - positive
        ).mean(),
        "the mean is taken over the wrong axis: the negatives of an image are summed, not "
        "averaged": _rows(positive, negative - other.sum(dim=1, keepdim=True).log(), other).mean(),
        "it is the sum over the batch; take the mean": loss(positive, negative) * len(labels),
        "the sign is turned round: this is the log-likelihood, and a loss is minimised": (
            -loss(positive, negative)
        ),
    }


def _rows(positive: Tensor, negative: Tensor, mask: Tensor) -> Tensor:
    """-log of each image's share, (N,)."""
    against = negative.masked_fill(~mask, -torch.inf).logsumexp(dim=1)
    return against.logaddexp(positive) - positive


def gradient_ratio(
    embeddings: Tensor,
    proxies: Tensor,
    labels: Tensor,
    temperature: float,
    margin_positive: float = MARGIN_POSITIVE,
) -> float:
    """‖gradient of the reference's D2D-CE‖ / ‖gradient of the equation's‖, with m_n = 1 - m_p.

    The gradient is that at the vectors before they are normalised. 1 where both agree; nan
    where the equation's is 0.

    Arguments:
        embeddings: (N, d). proxies: (K, d). labels: int64 (N,).
        temperature: τ, above 0.
        margin_positive: m_p.
    """
    reference = _slope(
        lambda f, v: d2d_ce_reference(f, v, labels, temperature, margin_positive),
        embeddings,
        proxies,
    )
    equation = _slope(
        lambda f, v: d2d_ce(f, v, labels, temperature, margin_positive, 1 - margin_positive),
        embeddings,
        proxies,
    )
    return float(reference / equation)


def _slope(loss: Callable[[Tensor, Tensor], Tensor], embeddings: Tensor, proxies: Tensor) -> Tensor:
    features = embeddings.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(on_sphere(features), on_sphere(proxies)), features)
    size: Tensor = slope.norm()
    return size


def check_faded_batch(batch: Batch | EllipsisType) -> bool:
    """Is it a batch on which the reference's gradient is below a tenth of the equation's?

    Arguments:
        batch: vectors float (N, d), proxies float (K, d), labels int64 (N,), and τ; at least two
            classes must be present, and τ at least 0.05, or the answer would be cheap.
    """
    if batch is None or batch is ...:
        return say(False, NO_ANSWER)
    if problem := _batch_fault(batch):
        return say(False, problem)
    vectors, proxies, labels, temperature = batch
    ratio, problem = called(gradient_ratio, vectors, proxies, labels, float(temperature))
    if problem:
        return say(False, problem)
    measured = f"the reference's gradient is {ratio:.3f} of the equation's"
    if ratio < FADED:
        return say(True, f"{measured}, at τ = {float(temperature):g}")
    if not math.isfinite(ratio):
        return say(False, "the equation's own gradient is 0 here, so there is nothing to fade")
    return say(False, f"{measured}; make the classes tighter, the temperature or the batch smaller")


def _batch_fault(batch: object) -> str:
    if not isinstance(batch, (tuple, list)) or len(batch) != 4:
        found = f"it is {kind(batch)}"
        return f"{found}; give four things: vectors (N, d), proxies (K, d), labels (N,), τ"
    values = []
    for name, given in zip(("vectors", "proxies", "labels"), batch, strict=False):
        if not isinstance(given, Tensor):
            return f"{name}: it is {kind(given)}; give a torch tensor"
        value, problem = as_tensor(given, "give ordinary numbers")
        if value is None:
            return f"{name}: {problem}"
        if not value.isfinite().all():
            return f"{name}: not all are finite numbers"
        values.append(value)
    vectors, _, labels = values
    if labels.shape != vectors.shape[:1] or labels.unique().numel() < 2:
        return "give each vector a label, and have at least two classes in the batch"
    tau, problem = number(batch[3])
    if tau is None:
        return f"τ: {problem}"
    return "" if tau >= 0.05 else f"τ is {tau:g}; find a batch with τ of at least 0.05"


def check_better_method(
    answers: Mapping[str, str | EllipsisType],
    values: Mapping[str, Mapping[str, Sequence[float]]],
) -> bool:
    """For each question: is one of two methods better, or can these seeds not tell?

    Arguments:
        answers: question -> one of the two methods, or "cannot tell".
        values: question -> method -> one value a training seed; more is better.
    """
    if problem := no_dict(answers, list(values), CANNOT_TELL):
        return say(False, problem)
    verdicts = []
    for question, pair in values.items():
        print(f"{question}: ", end="")
        verdicts.append(check_which_is_better(answers.get(question, ...), pair))
    return all(verdicts)
