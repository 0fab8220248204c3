"""The two y axes of the Flow figure."""

from __future__ import annotations

import math
from typing import Any

from gradflow.charts.rebin import Grid
from gradflow.core.numbers import format_number


def make_signal_axis(grid: Grid, title: str) -> dict[str, Any]:
    """Make the y axis of the forward signal; symlog rows get ticks at powers of ten."""
    axis: dict[str, Any] = {
        "range": (grid.low, grid.high),
        "title": {"text": title},
        "nticks": 6,
        "zeroline": False,
        "anchor": "x",
    }
    if grid.kind == "symlog":
        values = _choose_symlog_ticks(grid)
        axis["tickvals"] = [grid.to_axis(v) for v in values]
        axis["ticktext"] = [_write_tick(v) for v in values]
    return axis


def _choose_symlog_ticks(grid: Grid) -> list[float]:
    """Choose 0 and powers of ten as ticks, at most about four on each side of 0."""
    ticks = [0.0]
    first = round(math.log10(grid.threshold))
    decades = max(abs(grid.low), abs(grid.high))
    step = max(1, math.ceil(decades / 4))
    for sign, reach in ((1.0, grid.high), (-1.0, -grid.low)):
        exponents = range(first + step, first + math.floor(reach) + 1, step)
        ticks += [sign * 10.0**e for e in exponents]
    return sorted(ticks)


def _write_tick(value: float) -> str:
    if value == 0 or 0.01 <= abs(value) <= 1000:
        return format_number(value)
    sign = "−" if value < 0 else ""
    return f"{sign}10<sup>{round(math.log10(abs(value)))}</sup>".replace("p>-", "p>−")


def make_gradient_axis(grid: Grid, symbol: str) -> dict[str, Any]:
    """Make the y axis of log10|gradient|."""
    return {
        "range": (grid.low, grid.high),
        "title": {"text": f"|{symbol}|"},
        # A linear axis over log10: a log axis of Plotly's ends at 10⁻³⁰⁸ and would print more
        # labels than fit.
        "tickprefix": "10<sup>",
        "ticksuffix": "</sup>",
        "nticks": 7,
        "anchor": "x",
    }
