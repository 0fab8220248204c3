"""The table of all activation functions: facts as numbers, and as text for reading."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from gradflow.charts.theme import format_number
from gradflow.core.catalog import ACTIVATIONS
from gradflow.core.experiment import MLP
from gradflow.core.teaching.activation_facts import Facts, Peak, find_facts
from gradflow.core.text import _

SHORT = {"lecun_normal": "LeCun", "xavier_normal": "Xavier", "kaiming_normal": "He"}
"""Short names of the recommended initializations."""


def facts_table(specs: Sequence[MLP]) -> pd.DataFrame:
    """One row per function."""
    return pd.DataFrame([_row(find_facts(spec)) for spec in specs])


def _row(found: Facts) -> dict[str, object]:
    row = ACTIVATIONS[found.activation]
    return {
        _("Function"): f"**{_(row.label)}**",
        _("Largest slope"): _peak(found.peak),
        _("Range"): interval(found),
        _("Saturates"): saturates(found),
        _("Zero-centred"): (
            _("yes")
            if found.zero_centred
            else _("no: {mean}").format(mean=format_number(found.mean))
        ),
        "Var φ": format_number(found.variance),
        "E φ′²": format_number(found.slope_power),
        _("Initialization, gain"): f"{SHORT[row.initialization]}, {gain(found)}",
        _("First paper"): _(row.paper),
    }


def _peak(peak: Peak) -> str:
    return f"{format_number(peak.slope, 4)} ({place(peak)})"


def place(peak: Peak) -> str:
    """Where |φ'| is largest.

    >>> place(Peak(1.0, 0.0, math.inf))
    'z > 0'
    """
    if peak.low == peak.high:
        if math.isfinite(peak.low) and not peak.side:
            return f"z = {format_number(peak.low, 4)}"
        return f"z → {format_number(peak.low)}{('', '⁺', '⁻')[peak.side]}"
    if math.isinf(peak.low) and math.isinf(peak.high):
        return _("everywhere")
    left = "" if math.isinf(peak.low) else f"{format_number(peak.low)} < "
    right = "" if math.isinf(peak.high) else f" < {format_number(peak.high)}"
    return f"{left}z{right}" if right else f"z > {format_number(peak.low)}"


def interval(found: Facts) -> str:
    """The range of φ; a square bracket: the end is taken."""
    left, right = "[" if found.low_taken else "(", "]" if found.high_taken else ")"
    return f"{left}{format_number(found.low, 4)}, {format_number(found.high, 4)}{right}"


def saturates(found: Facts) -> str:
    """On which sides φ' goes to 0."""
    return {
        (True, True): _("both sides"),
        (True, False): _("left"),
        (False, True): _("right"),
        (False, False): _("no"),
    }[found.flat_left, found.flat_right]


def gain(found: Facts) -> str:
    """The recommended gain; in brackets PyTorch's, where the initialization takes none."""
    text = format_number(found.gain, 4)
    return text if found.takes_gain or found.gain == 1 else _("none ({gain})").format(gain=text)


def formulas(specs: Sequence[MLP]) -> str:
    """A Markdown table of the formulas of these functions and of their slopes."""
    head = [_("Function"), "φ(z)", "φ′(z)", _("Largest slope"), _("First paper")]
    lines = []
    for spec in specs:
        row, peak = ACTIVATIONS[spec.activation], find_facts(spec).peak
        lines.append([
            f"**{_(row.label)}**",
            _math(row.formula),
            _math(row.derivative),
            _peak(peak),
            _(row.paper),
        ])  # fmt: skip
    return _markdown(head, lines)


def facts_markdown(specs: Sequence[MLP]) -> str:
    """:func:`facts_table` as Markdown, whose cells wrap."""
    table = facts_table(specs)
    return _markdown(list(table.columns), [[str(cell) for cell in row] for row in table.values])


def _markdown(head: list[str], lines: list[list[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _math(latex: str) -> str:
    """LaTeX inside a Markdown table, where a bar would end the cell."""
    return "$" + latex.replace("|", r"\vert ") + "$"
