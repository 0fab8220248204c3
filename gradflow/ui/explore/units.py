"""The single units of each layer, as the strip above the Flow figure shows them."""

from __future__ import annotations

import math
from itertools import islice
from typing import Any

import numpy as np

from gradflow.core.numbers import format_count
from gradflow.core.report import Report
from gradflow.core.text import _

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
    marks = iter(_Shown(report).mark())
    return {
        "layers": [
            {"layer": layer, "count": units.count, "marks": [*islice(marks, len(units.dead))]}
            for layer, units in report.units.items()
        ],
        "caption": _("units: mean\u00a0|a|"),
        "text": _(
            "Layer {layer}: {shown} of {count} units shown, {dead} dead ○, {saturated} saturated ●"
        ),
        "dead": DEAD,
        "saturated": SATURATED,
    }


class _Shown:
    """All units that are shown, layer after layer: a call for each layer would take longer."""

    def __init__(self, report: Report) -> None:
        units = [*report.units.values()]
        self._mean_abs = np.concatenate([layer.mean_abs for layer in units])
        self.dead = np.concatenate([layer.dead for layer in units])
        saturated = np.concatenate([layer.saturated for layer in units])
        self.saturated = ~self.dead & (saturated > _MOST_SATURATED)
        # The largest mean is that of hidden layers: the outputs are not activations.
        last = report.units[max(report.units)]
        hidden = [layer.mean_abs for layer in units if layer is not last] or [last.mean_abs]
        means = np.concatenate(hidden)
        self._largest = float(means[np.isfinite(means)].max(initial=0.0))

    def mark(self) -> list[int | None]:
        """Mark each unit as ``describe_units`` says."""
        known = np.isfinite(self._mean_abs)
        share = np.where(known, self._mean_abs, 0.0) / (self._largest or math.inf)
        brightness = np.rint(BRIGHTEST * np.sqrt(np.minimum(share, 1.0))).astype(int)
        brightness[self.saturated] = SATURATED
        brightness[self.dead] = DEAD
        marks: list[int | None] = brightness.tolist()
        for i in np.flatnonzero(~(known | self.saturated | self.dead)):
            marks[i] = None
        return marks


def summarize_units(report: Report) -> str:
    """Say how many of the units that are shown are dead or saturated; empty if none are."""
    if not report.units:
        return ""
    shown = _Shown(report)
    return _("Of {count} single units shown, {dead} are dead and {saturated} saturated").format(
        count=format_count(len(shown.dead)),
        dead=format_count(int(shown.dead.sum())),
        saturated=format_count(int(shown.saturated.sum())),
    )
