"""The single units of each layer, as the strip above the Flow figure shows them."""

from __future__ import annotations

import math
from typing import Any

from gradflow.core.numbers import format_count
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.core.units import Units

DEAD, SATURATED, BRIGHTEST = -1, 101, 100
"""What stands for a dead unit, for a saturated one, and for the largest mean |a|."""
_MOST_SATURATED = 0.5
"""Share of saturated entries above which a unit counts as saturated."""


def describe_units(report: Report) -> dict[str, Any] | None:
    """Describe the units of each layer for the browser; none if the report has no units.

    A unit is a whole number: its mean |a| as 100·√(mean / largest), where the largest is that of
    the hidden layers; ``DEAD``; ``SATURATED``; or none, if its mean is not finite.
    """
    if not report.units:
        return None
    largest = _find_largest(report)
    return {
        "layers": [
            {"layer": layer, "count": units.count, "marks": _mark(units, largest)}
            for layer, units in report.units.items()
        ],
        "caption": _("units: mean\u00a0|a|"),
        "text": _(
            "Layer {layer}: {shown} of {count} units shown, {dead} dead ○, {saturated} saturated ●"
        ),
        "dead": DEAD,
        "saturated": SATURATED,
    }


def _find_largest(report: Report) -> float:
    """Find the largest finite mean |a| in a hidden layer; the outputs are not activations."""
    last = max(report.units)
    hidden = [units for layer, units in report.units.items() if layer != last]
    means = [m for units in hidden or report.units.values() for m in units.mean_abs]
    return max((mean for mean in means if math.isfinite(mean)), default=0.0)


def _mark(units: Units, largest: float) -> list[int | None]:
    marks: list[int | None] = []
    for mean, dead, saturated in zip(units.mean_abs, units.dead, units.saturated, strict=True):
        if dead:
            marks.append(DEAD)
        elif saturated > _MOST_SATURATED:
            marks.append(SATURATED)
        elif not math.isfinite(mean):
            marks.append(None)
        else:
            share = min(mean / largest, 1.0) if largest else 0.0
            marks.append(round(BRIGHTEST * math.sqrt(share)))
    return marks


def summarize_units(report: Report) -> str:
    """Say how many of the units that are shown are dead or saturated; empty if none are."""
    marks = [mark for units in report.units.values() for mark in _mark(units, 1.0)]
    if not marks:
        return ""
    return _("Of {count} single units shown, {dead} are dead and {saturated} saturated").format(
        count=format_count(len(marks)),
        dead=format_count(marks.count(DEAD)),
        saturated=format_count(marks.count(SATURATED)),
    )
