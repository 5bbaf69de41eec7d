"""Symbols are found in formulas, with what belongs to their names and without what counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.formulas import PLAIN, formulas, symbols


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("z", {"z"}),
        (r"p_{i,k} \log L_C", {"p", "i", "k", "L_C"}),
        (r"e^{s_{i,j}} + e", {"s", "i", "j", "e"}),
        (r"v_{y_i} \cdot w_k^\top", {"v", "y", "i", "w", "k"}),
        (r"X_\text{real} + X_{\mathrm{fake}} + p_{data}", {"X_real", "X_fake", "p_data"}),
        (r"\mathbb{E}_{x \sim p_\text{data}}[\log D^*(x)]", {r"\mathbb{E}", "x", "p_data", "D^*"}),
        (r"\mathbb{E}_z[d] + \mathbb{E}_\text{all}", {r"\mathbb{E}", "z", "d"}),
        (r"\int p(x)\,dx \Longrightarrow d", {"p", "x", "d"}),
        (r"\min_G \max_D V(D, G)", {"G", "D", "V"}),
        (r"D_{KL}(p \| q) = \operatorname{KL}", {"D_KL", "KL", "p", "q"}),
        (r"\hat x + \bar{p}_i + f'(x)", {r"\hat{x}", r"\bar{p}", "i", "f'", "x"}),
        (r"G_\theta, \lambda_2, W_1", {"G", r"\theta", r"\lambda_2", "W_1"}),
        (r"[a]_- \text{ where nothing else is }", {"a"}),
        (r"\frac12 \sum_{j:\,y_j \neq y_i} 18{,}000", {"j", "y", "i"}),
        (r"\begin{cases} \tau \end{cases}", {r"\tau"}),
        (r"x^{2n}", {"x", "n"}),
        (r"\unheardof", {r"\unheardof"}),
        ("τ", {"τ"}),
    ],
)
def test_symbols_of_a_formula(formula: str, expected: set[str]) -> None:
    assert symbols(formula) == expected


def test_plain_mathematics_has_no_symbols() -> None:
    assert symbols(" ".join(sorted(PLAIN)) + r" 1 + 2 = 3, \{ \} \, \; ( ) [ ] | < \\ & ") == set()


def test_formulas_stand_between_dollars_and_not_in_code() -> None:
    markdown = """An $a$ and $$b
    + c$$ but `$d$` not, nor \\$5 and
```
x = "$e$"
```
though $f$ again."""
    assert formulas(markdown) == ["a", "b\n    + c", "f"]


@given(st.text(alphabet=r"\abEx_^{}' $1,", max_size=30))
def test_any_text_ends(text: str) -> None:
    for symbol in symbols(text):
        assert symbol.strip() == symbol != ""
