"""The equations once more, entry by entry: loops over float64 scalars, no tensor arithmetic.

Slow on purpose and no test module itself. Each scalar is a tensor without dimensions, so that
autograd follows it and the slow version of a loss has a slow gradient.
"""

from __future__ import annotations

from torch import Tensor, nn

Vector = list[Tensor]


def rows(matrix: Tensor) -> list[Vector]:
    return [list(row) for row in matrix]


def dot(a: Vector, b: Vector) -> Tensor:
    return sum(x * y for x, y in zip(a, b, strict=True))


def unit(a: Vector) -> Vector:
    length = dot(a, a).sqrt()
    return [x / length for x in a]


def affine(layer: nn.Linear, x: Vector) -> Vector:
    return [
        dot(row, x) + bias for row, bias in zip(rows(layer.weight), list(layer.bias), strict=True)
    ]


def mean(values: list[Tensor]) -> Tensor:
    return sum(values) / len(values)


def probability(logits: Vector, k: int) -> Tensor:
    return logits[k].exp() / sum(logit.exp() for logit in logits)


def cross_entropy(all_logits: list[Vector], labels: list[int]) -> Tensor:
    return mean(
        [-probability(logits, y).log() for logits, y in zip(all_logits, labels, strict=True)]
    )


def negative_part(a: Tensor) -> Tensor:
    return a if a <= 0 else 0 * a


def positive_part(a: Tensor) -> Tensor:
    return a if a >= 0 else 0 * a


def d2d_ce(
    embeddings: Tensor, proxies: Tensor, labels: Tensor, tau: float, m_p: float, m_n: float
) -> Tensor:
    """Kang et al. 2021, the equation as it stands."""
    f, v, y = rows(embeddings), rows(proxies), labels.tolist()
    terms = []
    for i in range(len(y)):
        positive = (negative_part(dot(f[i], v[y[i]]) - m_p) / tau).exp()
        denominator = positive
        for j in range(len(y)):
            if y[j] != y[i]:
                denominator = denominator + (positive_part(dot(f[i], f[j]) - m_n) / tau).exp()
        terms.append(-(positive / denominator).log())
    return mean(terms)


def d2d_ce_reference(
    embeddings: Tensor,
    proxies: Tensor,
    labels: Tensor,
    tau: float,
    m_p: float,
    shift_the_positive_too: bool = False,
) -> Tensor:
    """PyTorch-StudioGAN's: each row's largest similarity is taken off the negatives alone."""
    f, v, y = rows(embeddings), rows(proxies), labels.tolist()
    m_n = 1 - m_p
    terms = []
    for i in range(len(y)):
        others = [(dot(f[i], f[j]) - m_n) / tau for j in range(len(y)) if j != i]
        shift = max(other.item() for other in others)
        exponent = negative_part(dot(f[i], v[y[i]]) - m_p) / tau
        positive = (exponent - shift if shift_the_positive_too else exponent).exp()
        denominator = positive
        for j in range(len(y)):
            if y[j] != y[i]:
                exponent = positive_part(dot(f[i], f[j]) - m_n) / tau
                denominator = denominator + (exponent - shift).exp()
        terms.append(-(positive / denominator).log())
    return mean(terms)


def conditional_contrastive(
    embeddings: Tensor, proxies: Tensor, labels: Tensor, tau: float
) -> Tensor:
    """Kang & Park 2020, the 2C loss."""
    f, v, y = rows(embeddings), rows(proxies), labels.tolist()
    terms = []
    for i in range(len(y)):
        numerator = denominator = (dot(f[i], v[y[i]]) / tau).exp()
        for j in range(len(y)):
            if j == i:
                continue
            likeness = (dot(f[i], f[j]) / tau).exp()
            denominator = denominator + likeness
            if y[j] == y[i]:
                numerator = numerator + likeness
        terms.append(-(numerator / denominator).log())
    return mean(terms)
