"""A third band of the Flow figure: the factor that each layer puts on the gradient's square."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gradflow.charts.figure import FloatArray, make_note
from gradflow.charts.theme import PALETTES, TEXT_SIZE, TITLE_SIZE, Mode, fade
from gradflow.core.numbers import format_number
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.initialization.factors import Factors

AXIS = "y4"
FACTORS_HEIGHT = 104
"""Pixels of the band in a figure of the usual height, its heading not counted."""
_LEAST_REACH = 0.25
"""Of the axis, in decades on both sides of 1."""
_MOST_NUMBERS = 12
"""More layers than these have no room for their numbers on a phone."""


def draw_factors(factors: Factors, mode: Mode) -> list[dict[str, Any]]:
    """Draw the law as bars from 1, up where the gradient grows, and what was measured as rings."""
    palette = PALETTES[mode]
    layers = np.arange(1.0, len(factors.law) + 1)
    law, measured = _take_log(factors.law), _take_log(factors.measured)
    reach = find_reach(factors)
    few = len(law) <= _MOST_NUMBERS
    texts = [format_number(v, 2 if v > 0.1 else 1) if few else "" for v in factors.law.tolist()]
    # The numbers stand in a row on the side where most bars are not.
    falls = np.count_nonzero(law < 0) >= np.count_nonzero(law > 0)
    numbers = np.where(np.isnan(factors.law), np.nan, reach if falls else -reach)
    return [
        {
            "type": "bar",
            "name": _("n·Var(W)·E φ′²"),
            "x": layers,
            "y": np.clip(law, -reach, reach),
            "base": 0,
            "width": 0.7,
            "yaxis": AXIS,
            "hovertext": describe_factors(factors),
            "hovertemplate": "%{hovertext}<extra></extra>",
            "marker": {
                "color": fade(palette.backward, 0.75),
                "line": {"width": 1.5, "color": palette.backward},
            },
        },
        {
            "type": "scatter",
            "name": _("measured"),
            "mode": "markers",
            "x": layers,
            "y": np.clip(measured, -reach, reach),
            "yaxis": AXIS,
            "hoverinfo": "skip",
            "marker": {
                "size": 9,
                "color": palette.page,
                "line": {"color": palette.ink, "width": 2.5},
            },
        },
        {
            "type": "scatter",
            "name": "numbers",
            "mode": "text",
            "x": layers,
            "y": numbers,
            "yaxis": AXIS,
            "text": texts,
            "textposition": "middle center",
            "textfont": {"size": TEXT_SIZE - 3, "color": palette.ink},  # ten of them fit a phone
            "hoverinfo": "skip",
        },
    ]


def make_factor_axis(factors: Factors, domain: tuple[float, float]) -> dict[str, Any]:
    """Make the axis of the factors: logarithmic, 1 in its middle."""
    reach = find_reach(factors)
    power = int(reach)
    ticks = [-power, 0, power] if power else [0]
    return {
        "domain": domain,
        "range": [-1.25 * reach, 1.25 * reach],
        "tickvals": ticks,
        "ticktext": [format_number(10.0**tick, 1) for tick in ticks],
        "anchor": "x",
        "showgrid": False,
        "zeroline": True,
        "title": {"text": _("factor")},
    }


def write_factor_heading(top: float, mode: Mode) -> dict[str, Any]:
    """Write what the band shows, above it."""
    palette = PALETTES[mode]
    explanation = (
        f"<span style='font-size:{TEXT_SIZE - 1}px;color:{palette.muted}'>"
        f"{_('of the mean square of ∂L/∂z; bar: n·Var(W)·E φ′², ring: measured')}</span>"
    )
    return make_note(
        f"<b>← {_('× in each layer')}</b>&nbsp;&nbsp;{explanation}",
        0,
        top,
        font={"size": TITLE_SIZE, "color": palette.backward},
    )


def describe_factors(factors: Factors) -> list[str]:
    """Describe each layer's factor as a product of numbers."""
    rows = zip(
        *(
            values.tolist()
            for values in (
                factors.units,
                factors.variance,
                factors.slope,
                factors.law,
                factors.measured,
            )
        ),
        strict=True,
    )
    template = _("n {n} × Var(W) {variance} × E φ′² {slope} = {law}; measured {measured}")
    return [
        template.format(
            n=format_number(n),
            variance=format_number(variance),
            slope=format_number(slope),
            law=format_number(law),
            measured=format_number(measured),
        )
        for n, variance, slope, law, measured in rows
    ]


def find_reach(factors: Factors) -> float:
    """Find how many decades the axis reaches on both sides of 1.

    The last factor is far below the others, because few outputs send a gradient; it is cut off
    where there are others.
    """
    kept = slice(-1) if len(factors.law) > 1 else slice(None)
    ends = np.abs(_take_log(np.concatenate([factors.law[kept], factors.measured[kept]])))
    return max(1.1 * float(ends[np.isfinite(ends)].max(initial=0.0)), _LEAST_REACH)


def _take_log(values: FloatArray) -> FloatArray:
    """Take log10; −∞ of 0, NaN of NaN."""
    with np.errstate(divide="ignore"):
        return np.log10(values)
