"""Numbers and equations as LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

from gradflow.charts.theme import format_number

_UP_AGAIN = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def tex(value: float) -> str:
    """A number as LaTeX."""
    text = format_number(value, 4).replace("−", "-").replace("∞", r"\infty ")
    mantissa, dot, exponent = text.partition("·10")
    if dot:
        return rf"{mantissa}\cdot 10^{{{exponent.translate(_UP_AGAIN)}}}"
    return r"\text{NaN}" if text == "NaN" else text


def factor(value: float) -> str:
    """A number as a factor, in brackets where it needs them."""
    text = tex(value)
    return f"({text})" if text.startswith("-") or r"\cdot" in text else text


def added(value: float) -> str:
    """A number behind a sum, with its sign."""
    text = tex(value)
    return text if text.startswith("-") else f"+{text}"


def product(*values: float) -> str:
    """Factors with dots between them, in brackets where they need them."""
    return r"\cdot ".join(map(factor, values))


def dot(left: Sequence[float], right: Sequence[float]) -> str:
    """A sum of products, three to a line."""
    products = [product(a, b) for a, b in zip(left, right, strict=True)]
    groups = ["+".join(products[k : k + 3]) for k in range(0, len(products), 3)]
    return r"\\ &\quad +".join(groups)


def lines(*equations: Sequence[str]) -> str:
    """Equations below each other; the parts of each are joined by equality signs."""
    rows = [f"{first} &= " + " = ".join(rest) for first, *rest in equations]
    return r"\begin{aligned}" + r"\\[2pt]".join(rows) + r"\end{aligned}"
