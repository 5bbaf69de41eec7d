"""The exercises of lesson 04: D2D-CE by hand, where the reference fades, and a table of runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import EllipsisType

import torch
from torch import Tensor

from cgan_kit.exercises.measuring import check_which_is_better
from cgan_kit.exercises.verdict import called, say
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
    answer, problem = called(loss, features.clone(), proxies.clone(), labels.clone(), *dials)
    if answer is None:
        return say(False, problem)
    value = torch.as_tensor(answer)
    if value.shape != ():
        return say(False, f"it has shape {tuple(value.shape)}; a loss is one number (a scalar)")
    right = d2d_ce(on_sphere(features), on_sphere(proxies), labels, *dials)
    if torch.isclose(value.float(), right, atol=1e-4):
        return _check_small_temperature(loss, features, proxies, labels)
    for cause, mistaken in _mistakes(features, proxies, labels, *dials).items():
        if torch.isclose(value.float(), mistaken, atol=1e-4):
            return say(False, cause)
    return say(False, f"the kit's d2d_ce of the same vectors is {right:.3f}, yours {value:.3f}")


def _check_small_temperature(
    loss: D2DCE, features: Tensor, proxies: Tensor, labels: Tensor
) -> bool:
    dials = (0.01, 0.8, 0.1)
    value, problem = called(loss, features.clone(), proxies.clone(), labels.clone(), *dials)
    if value is None:
        return say(False, problem)
    right = d2d_ce(on_sphere(features), on_sphere(proxies), labels, *dials)
    if torch.isclose(torch.as_tensor(value).float(), right, rtol=1e-3):
        return say(True, "it is the kit's d2d_ce, down to τ = 0.01")
    return say(
        False,
        f"it is right at τ = 0.4, but at τ = 0.01 it is {float(value):.1f}, not {right:.1f}: the "
        "exponentials overflow or vanish, so keep to logarithms (logsumexp, logaddexp)",
    )


def _mistakes(
    features: Tensor, proxies: Tensor, labels: Tensor, tau: float, m_p: float, m_n: float
) -> dict[str, Tensor]:
    f, v = on_sphere(features), on_sphere(proxies)
    near, among = (f * v[labels]).sum(dim=1), f @ f.T
    other = labels[:, None] != labels
    everything = torch.ones_like(other)
    positive, negative = (near - m_p).clamp(max=0) / tau, (among - m_n).clamp(min=0) / tau

    def loss(pull: Tensor, push: Tensor, mask: Tensor = other) -> Tensor:
        return _rows(pull, push, mask).mean()

    raw_near, raw_among = (features * proxies[labels]).sum(dim=1), features @ features.T
    return {
        "neither features nor proxies are normalised: divide each vector by its length": loss(
            (raw_near - m_p).clamp(max=0) / tau, (raw_among - m_n).clamp(min=0) / tau
        ),
        "the features are not normalised: f = F / ‖F‖": loss(
            ((features * v[labels]).sum(dim=1) - m_p).clamp(max=0) / tau,
            (raw_among - m_n).clamp(min=0) / tau,
        ),
        "the proxies are not normalised: v = V / ‖V‖": loss(
            ((f * proxies[labels]).sum(dim=1) - m_p).clamp(max=0) / tau, negative
        ),
        "the label mask is missing: images of the same class, and each image itself, count as "
        "negatives": loss(positive, negative, everything),
        "the mask leaves out the image itself, but not the others of its class": loss(
            positive, negative, ~torch.eye(len(labels), dtype=torch.bool)
        ),
        "the mask is turned round: images of the same class are pushed away": loss(
            positive, negative, ~other
        ),
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
        "the temperature is missing: divide both exponents by τ": loss(
            positive * tau, negative * tau
        ),
        "the positive is missing in the denominator": (
            negative.masked_fill(~other, -torch.inf).logsumexp(dim=1) - positive
        ).mean(),
        "the mean is taken over the wrong axis: first each image's own sum over its negatives "
        "(a row), then the mean over images; yours sums over all images at once": (
            negative.masked_fill(~other, -torch.inf).flatten().logsumexp(dim=0)
            .logaddexp(positive) - positive
        ).mean(),
        "the mean is taken over the wrong axis: the negatives of an image are summed, not "
        "averaged": _averaged(positive, negative, other),
        "it is the sum over the batch; take the mean": loss(positive, negative) * len(labels),
        "the sign is turned round: this is the log-likelihood, and a loss is minimised": -loss(
            positive, negative
        ),
    }  # fmt: skip


def _rows(positive: Tensor, negative: Tensor, mask: Tensor) -> Tensor:
    """-log of each image's share, (N,)."""
    against = negative.masked_fill(~mask, -torch.inf).logsumexp(dim=1)
    return against.logaddexp(positive) - positive


def _averaged(positive: Tensor, negative: Tensor, mask: Tensor) -> Tensor:
    against = negative.masked_fill(~mask, -torch.inf).logsumexp(dim=1) - mask.sum(dim=1).log()
    return (against.logaddexp(positive) - positive).mean()


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
    if batch is ...:
        return say(False, "no answer yet; replace the dots")
    if not isinstance(batch, tuple) or len(batch) != 4:
        return say(False, "give four things: vectors (N, d), proxies (K, d), labels (N,), τ")
    embeddings, proxies, labels, temperature = batch
    if len(labels) != len(embeddings) or labels.unique().numel() < 2:
        return say(False, "give each vector a label, and have at least two classes in the batch")
    if temperature < 0.05:
        return say(False, f"τ is {temperature:g}; find a batch with τ of at least 0.05")
    try:
        ratio = gradient_ratio(embeddings, proxies, labels, temperature)
    except (RuntimeError, IndexError, ValueError) as error:
        return say(False, f"it raised {type(error).__name__}: {error}")
    measured = f"the reference's gradient is {ratio:.3f} of the equation's"
    if ratio < FADED:
        return say(True, f"{measured}, at τ = {temperature:g}")
    if ratio != ratio:
        return say(False, "the equation's own gradient is 0 here, so there is nothing to fade")
    return say(False, f"{measured}; make the classes tighter, the temperature or the batch smaller")


def check_better_method(
    answers: Mapping[str, str | EllipsisType],
    values: Mapping[str, Mapping[str, Sequence[float]]],
) -> bool:
    """For each question: is ReACGAN better than AC-GAN, or can these seeds not tell?

    Arguments:
        answers: question -> one of the two methods, or "cannot tell".
        values: question -> method -> one value a training seed; more is better.
    """
    verdicts = []
    for question, pair in values.items():
        print(f"{question}: ", end="")
        verdicts.append(check_which_is_better(answers.get(question, ...), pair))
    return all(verdicts)
