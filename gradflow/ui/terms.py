"""Terms that not every reader knows, explained where they stand: on hover, tap or focus."""

from __future__ import annotations

import html
import re

from gradflow.core.text import N_, _

TERMS: dict[str, str] = {
    "χ₁": N_(
        "The factor by which a layer of a wide random network multiplies the squared gradient norm "
        "on its way back. Below 1 gradients vanish, above 1 they explode."
    ),
    "ξ": N_(
        "The depth scale: over so many layers the squared gradient norm changes by a factor of "
        "e ≈ 2.72. Networks much deeper than that are hard to train."
    ),
    "q*": N_("The mean square of the pre-activations to which a deep random network settles."),
    "edge of chaos": N_(
        "The border at χ₁ = 1 between settings that make gradients vanish and settings that make "
        "them explode. On it, gradients keep their size in networks of any depth."
    ),
    "n·Var W": N_(
        "The number of a unit's inputs times the variance of a weight, σ_w²: by so much weights "
        "alone multiply a mean square."
    ),
    "E φ′²": N_(
        "The mean square of the activation function's slope at the pre-activations of a layer: so "
        "much of a squared gradient the activation lets through."
    ),
    "residual stream": N_(
        "What runs past all blocks of the network: each block reads it and adds its output to it."
    ),
    "mean-field": N_(
        "Theory of very wide layers with random weights: a unit sums so many inputs that its "
        "pre-activation is normally distributed, and one number per layer describes them all."
    ),
    "δ": N_("The error signal of a layer: ∂L/∂z, the gradient of the loss by its pre-activations."),
    "pre-activation": N_("z, what a unit computes before its activation function: W·a + b."),
    "RMS": N_("Root mean square, √(mean of x²): the typical size of an entry, whatever its sign."),
    "Frobenius norm": N_("The root of the sum of the squares of all entries."),
    "saturated": N_(
        "In the flat part of the activation function: the slope is below 6% of its largest value, "
        "so hardly any gradient passes."
    ),
    "dead": N_("A unit is dead if its slope is 0 for every sample: it passes no gradient at all."),
    "update ratio": N_("The size of an update divided by the size of the weights: ‖ΔW‖/‖W‖."),
    "fan-in": N_("The number of inputs that each unit of a layer has."),
    "subnormal": N_(
        "Closer to 0 than the smallest number that the format holds with all its digits."
    ),
}
"""The term as texts have it → what it means."""

_LEFT_ALONE = r"\$\$.*?\$\$|\$[^$\n]+\$|`[^`]*`|\[[^\]]*\]\([^)]*\)|<[^<>]*>"
"""Parts of Markdown in which nothing is marked: formulas, code, links, HTML."""


def mark_terms(markdown: str) -> str:
    """Mark the first place of each term, so that a browser can show what it means.

    The result has HTML in it: show it with ``unsafe_allow_html=True``, and mark only texts that
    quote nothing a user typed.
    """
    meanings = {_(term): _(meaning) for term, meaning in TERMS.items()}
    known = "|".join(rf"(?<!\w){re.escape(term)}(?!\w)" for term in meanings)
    left = dict(meanings)

    def mark(match: re.Match[str]) -> str:
        meaning = left.pop(match[0], None)
        return match[0] if meaning is None else _write_term(match[0], meaning)

    return re.sub(rf"{_LEFT_ALONE}|{known}", mark, markdown, flags=re.DOTALL)


def _write_term(term: str, meaning: str) -> str:
    quoted = html.escape(meaning)
    label = f'aria-label="{html.escape(term)}: {quoted}"'
    return (
        f'<span class="gf-term" tabindex="0" role="note" {label} data-meaning="{quoted}">'
        f"{term}</span>"
    )
