"""What the Flow figure says of itself: limits of the number format, and marks that occur."""

from __future__ import annotations

import math

from gradflow.charts.figure import name_rows
from gradflow.charts.flow.data import FlowData
from gradflow.core.numbers import format_number
from gradflow.core.text import _


def has_zeros(flow: FlowData) -> bool:
    """Whether any gradient has entries that are exactly 0."""
    return bool(flow.backward.zeros.max(initial=0.0) > 0)


def list_limits(flow: FlowData) -> list[tuple[float, str]]:
    """List log10 of the number format's limits that the axis comes near, each with its name."""
    limits = [
        (flow.smallest_normal, _("smallest normal number")),
        (flow.smallest, _("smallest number")),
    ]
    return [
        (exponent, f"{name}, {format_number(10**exponent, 2)}")
        for exponent, name in limits
        if not math.isnan(exponent)
    ]


def has_room_for_labels(flow: FlowData) -> bool:
    """Whether the left third of the lower band is empty where the limits are labelled."""
    band = flow.backward
    left = band.share[:, : max(1, round(len(flow.layers) / 3))]
    for exponent, _name in list_limits(flow):
        row = int((exponent - band.grid.low) / band.grid.step)
        reach = band.grid.rows // 12
        if left[max(row - reach, 0) : max(row + reach, 0)].any():
            return False
    return True


def write_notes(flow: FlowData, *, has_strip: bool) -> list[str]:
    """Explain the marks that occur in the figure, one line each."""
    lines = []
    row = name_rows(flow.rows)[1]
    bands = (flow.forward, flow.backward)
    if any((b.nonfinite > 0).any() for b in bands):
        lines.append(_("✕ some entries of the {row} are NaN or infinite").format(row=row))
    if flow.backward.absent.any():
        lines.append(
            _("no column below: {symbol} was not recorded there, or no gradient reaches it").format(
                symbol=flow.symbol
            )
        )
    if any(b.too_high.any() or b.too_low.any() for b in bands):
        lines.append(_("▲▼ part of the {row} lies beyond the axis").format(row=row))
    if not has_room_for_labels(flow):
        lines.append("╌ " + "; ".join(name for _place, name in list_limits(flow)))
    if flow.forward.grid.kind == "symlog":
        lines.append(
            _("activation axis: linear up to about ±{value}, logarithmic beyond").format(
                value=format_number(flow.forward.grid.threshold)
            )
        )
    if has_strip:
        lines.append(
            _("zeros: entries that are exactly 0 (unit off, or underflow below {value})").format(
                value=format_number(flow.format_floor, 2)
            )
        )
    return lines
