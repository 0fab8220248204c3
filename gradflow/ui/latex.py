"""Numbers, equations and words as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gradflow.core.numbers import format_number

_SIGNS = {"−": "-", "∞": r"\infty ", "·": r"\cdot ", ",": "{,}"}
_SUPERSCRIPT = re.compile("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_FROM_SUPERSCRIPT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def write_number(value: float) -> str:
    """Write a number as LaTeX."""
    text = format_number(value, 4)
    if text == "NaN":
        return r"\text{NaN}"
    for sign, command in _SIGNS.items():
        text = text.replace(sign, command)
    return _SUPERSCRIPT.sub(lambda power: f"^{{{power[0].translate(_FROM_SUPERSCRIPT)}}}", text)


def write_factor(value: float) -> str:
    """Write a number that stands in a product, in brackets where it needs them."""
    text = write_number(value)
    return f"({text})" if text.startswith("-") or r"\cdot" in text else text


def write_summand(value: float) -> str:
    """Write a number that is added to what stands before it, with its sign."""
    text = write_number(value)
    return text if text.startswith("-") else f"+{text}"


def write_product(*values: float) -> str:
    """Write a product of numbers, in brackets where they need them."""
    return r"\cdot ".join(map(write_factor, values))


def write_dot_product(left: Sequence[float], right: Sequence[float]) -> str:
    """Write a sum of products, three to a line."""
    products = [write_product(a, b) for a, b in zip(left, right, strict=True)]
    groups = ["+".join(products[k : k + 3]) for k in range(0, len(products), 3)]
    return r"\\ &\quad +".join(groups)


def write_equations(*equations: Sequence[str]) -> str:
    """Write equations below each other; the parts of each are joined by equality signs."""
    rows = [f"{first} &= " + " = ".join(rest) for first, *rest in equations]
    return r"\begin{aligned}" + r"\\[2pt]".join(rows) + r"\end{aligned}"


def write_words(words: str) -> str:
    """Write words of the reader's language for a formula."""
    return rf"\text{{{words}}}"
