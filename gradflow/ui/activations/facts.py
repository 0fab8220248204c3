"""Facts on the activation functions as tables: slopes, ranges, gains, formulas."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from gradflow.core.catalog import ACTIVATIONS
from gradflow.core.experiment import MLP
from gradflow.core.numbers import format_number
from gradflow.core.teaching.activation_facts import Facts, Peak, find_facts
from gradflow.core.text import _
from gradflow.ui import blocks

SHORT_NAMES = {"lecun_normal": "LeCun", "xavier_normal": "Xavier", "kaiming_normal": "He"}
"""Short names of the recommended initializations."""


def tabulate_facts(specs: Sequence[MLP]) -> pd.DataFrame:
    """Make a table of facts on the activation functions of these networks."""
    return pd.DataFrame([_make_row(find_facts(spec)) for spec in specs])


def tabulate_formulas(specs: Sequence[MLP]) -> str:
    """Write a Markdown table of the formulas of these functions and of their slopes."""
    rows = []
    for spec in specs:
        row = ACTIVATIONS[spec.activation]
        rows.append(
            {
                _("Function"): f"**{_(row.label)}**",
                "φ(z)": _write_formula(row.formula),
                "φ′(z)": _write_formula(row.derivative),
                _("Largest slope"): _write_peak(find_facts(spec).peak),
                _("First paper"): _(row.paper),
            }
        )
    return blocks.write_table(pd.DataFrame(rows))


def _write_formula(latex: str) -> str:
    """Write LaTeX for a Markdown table, where a bar would end the cell."""
    return "$" + latex.replace("|", r"\vert ") + "$"


def _make_row(function: Facts) -> dict[str, object]:
    row = ACTIVATIONS[function.activation]
    return {
        _("Function"): f"**{_(row.label)}**",
        _("Largest slope"): _write_peak(function.peak),
        _("Range"): write_range(function),
        _("Saturates"): name_flat_sides(function),
        _("Zero-centred"): (
            _("yes")
            if function.zero_centred
            else _("no: {mean}").format(mean=format_number(function.mean))
        ),
        "Var φ": format_number(function.variance),
        "E φ′²": format_number(function.slope_power),
        _("Initialization, gain"): f"{SHORT_NAMES[row.initialization]}, {write_gain(function)}",
        _("First paper"): _(row.paper),
    }


def _write_peak(peak: Peak) -> str:
    return f"{format_number(peak.slope, 4)} ({write_position(peak)})"


def write_position(peak: Peak) -> str:
    """Write where |φ'| is largest.

    >>> write_position(Peak(1.0, 0.0, math.inf))
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


def write_range(function: Facts) -> str:
    """Write the range of φ; a square bracket says that φ takes the value at that end."""
    left, right = "[" if function.low_taken else "(", "]" if function.high_taken else ")"
    return f"{left}{format_number(function.low, 4)}, {format_number(function.high, 4)}{right}"


def name_flat_sides(function: Facts) -> str:
    """Name the sides on which φ' goes to 0."""
    return {
        (True, True): _("both sides"),
        (True, False): _("left"),
        (False, True): _("right"),
        (False, False): _("no"),
    }[function.flat_left, function.flat_right]


def write_gain(function: Facts) -> str:
    """Write the recommended gain; in brackets PyTorch's, where the initialization takes none."""
    text = format_number(function.gain, 4)
    return (
        text if function.takes_gain or function.gain == 1 else _("none ({gain})").format(gain=text)
    )
