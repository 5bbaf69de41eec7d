"""Which symbols a formula uses, so that a glossary can be held against the lessons.

A symbol is a letter or a Greek letter's command with what belongs to its name: an accent, a font
such as \\mathbb, a star, a word or a number below (``L_C``, ``x_\\text{real}``, ``W_1``). What
only counts (``p_{i,k}``, ``v_{y_i}``) does not belong to the name: there p, i and k are symbols.
"""

from __future__ import annotations

import re
from collections import deque

FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$]+?)(?<!\\)\$", re.DOTALL)
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\S", re.DOTALL)
# Below a letter these count images, classes and labels.
INDICES = set("ijky")
UPRIGHT = {r"\mathrm", r"\operatorname", r"\mathsf", r"\mathit"}
FONTS = "mathbb mathcal mathbf mathfrak boldsymbol"
ACCENTS = "hat bar tilde vec dot widehat widetilde overline"
KEPT = {f"\\{name}" for name in f"{FONTS} {ACCENTS}".split()}
WORDS = {r"\text", r"\textrm", r"\textbf", r"\mbox", r"\begin", r"\end", r"\color", r"\label"}
FROM_SCHOOL = """
log ln exp sin cos tan min max sup inf lim arg argmin argmax det sum prod int iint oint frac tfrac
dfrac sqrt binom partial nabla infty prime cdot cdots dots ldots vdots times div pm mp circ ast star
le leq ge geq ne neq lt gt ll gg approx sim simeq equiv propto to mapsto rightarrow leftarrow
Rightarrow Leftarrow Longrightarrow longrightarrow implies iff in notin subset cup cap forall exists
setminus mid vert Vert lvert rvert lVert rVert langle rangle lfloor rfloor lceil rceil lbrace rbrace
top perp
"""
TYPESETTING = """
left right middle big Big bigl bigr Bigl Bigr biggl biggr Biggl Biggr quad qquad hspace vspace
textstyle displaystyle scriptstyle limits nolimits boxed underbrace overbrace stackrel underset
overset substack phantom tag nonumber
"""
PLAIN = {f"\\{name}" for name in (FROM_SCHOOL + TYPESETTING).split()}


def formulas(markdown: str) -> list[str]:
    """What stands between dollar signs in ``markdown``, code left out."""
    found = FORMULA.finditer(CODE.sub(" ", markdown))
    return [match[1] or match[2] for match in found]


def symbols(formula: str) -> set[str]:
    """Names of the symbols in a formula: ``p_{i,k} \\log L_C`` -> {"p", "i", "k", "L_C"}."""
    found: set[str] = set()
    tokens = deque(TOKEN.findall(formula))
    while tokens:
        name = _name(tokens)
        following = tokens[0] if tokens else ""
        is_power_of_e = name == "e" and following == "^"
        is_differential = name == "d" and r"\int" in formula and following.isalpha()
        while tokens and tokens[0] in ("_", "^", "'"):
            mark = tokens.popleft()
            script = "" if mark == "'" else _argument(tokens)
            suffix = _suffix(mark, script)
            # What an expectation is taken over is not part of its name.
            if name and suffix and not name.startswith(r"\mathbb"):
                name += suffix
            else:
                found |= symbols(script)
        if name and not (is_power_of_e or is_differential):
            found.add(name)
    return found


def _name(tokens: deque[str]) -> str:
    """Take one atom: its name without scripts, or nothing for plain mathematics."""
    token = tokens.popleft()
    if token in WORDS:
        _argument(tokens)
        return ""
    if token in UPRIGHT:
        return _letters(_argument(tokens))
    if token in KEPT:
        return f"{token}{{{_letters(_argument(tokens))}}}"
    is_command = token.startswith("\\") and token[1:].isalpha()
    return token if token.isalpha() or (is_command and token not in PLAIN) else ""


def _argument(tokens: deque[str]) -> str:
    """Take what a command or a script applies to: a group in braces, or one atom."""
    if not tokens:
        return ""
    first = tokens.popleft()
    if first != "{":
        return f"{first} {{{_argument(tokens)}}}" if first in WORDS | UPRIGHT | KEPT else first
    taken: list[str] = []
    depth = 1
    while tokens:
        token = tokens.popleft()
        depth += {"{": 1, "}": -1}.get(token, 0)
        if depth == 0:
            break
        taken.append(token)
    return " ".join(taken)


def _suffix(mark: str, script: str) -> str:
    """What a script adds to the name of what it stands at, if anything."""
    if mark == "'":
        return mark
    letters = _letters(script)
    if mark == "_" and letters.isalnum() and not set(letters) <= INDICES:
        return f"_{letters}"
    return "^*" if mark == "^" and letters in ("*", r"\ast", r"\star") else ""


def _letters(group: str) -> str:
    """A group's letters and signs without spaces, braces and commands for upright type."""
    return re.sub(r"\\(?:text|textrm|mathrm|operatorname)\b|[{}\s]", "", group)
