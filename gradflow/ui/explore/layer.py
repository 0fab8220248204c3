"""One layer of Explore as a browser gets it: its histograms, and the chain rule's two factors."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from gradflow.charts.flow.data import Gradient
from gradflow.charts.rebin import Grid, rebin
from gradflow.core.catalog.connections import Connection
from gradflow.core.histogram import Histogram
from gradflow.core.numbers import format_number, format_share
from gradflow.core.report import Quantity, Report
from gradflow.core.text import _, read_in
from gradflow.core.theory import Prediction
from gradflow.ui.compute import predict
from gradflow.ui.explore.flow import FlowView
from gradflow.ui.explore.subject import SavedReport, Subject, find_report

_BARS = 48
_SYMBOLS: dict[Gradient, str] = {
    "delta": "∂L/∂z",
    "activation_grad": "∂L/∂a",
    "weight_grad": "∂L/∂W",
}


def write_layer(subject: Subject, view: FlowView, layer: int) -> bytes:
    """Describe a layer as JSON; a number beyond the network means its first or last layer.

    Raises:
        GradflowError: the subject cannot be run, or is gone.
    """
    report = find_report(subject)
    table = report.get_table("layers")
    count = len(table)
    layer = max(1, min(layer, count))
    with read_in(view.language):
        factors, note = _list_factors(subject, report, layer)
        content = {
            "layer": layer,
            "count": count,
            "title": _("Layer {number} of {count}").format(number=layer, count=count),
            "module": str(table["module"][layer - 1]),
            "histograms": [
                _draw(report, "activation", layer, _("activation a")),
                _draw(report, view.gradient, layer, f"|{_SYMBOLS[view.gradient]}|"),
            ],
            "factors": factors,
            "note": note,
        }
    return json.dumps(content, ensure_ascii=False).encode()


def _list_factors(subject: Subject, report: Report, layer: int) -> tuple[list[dict[str, Any]], str]:
    """List the factors on the way from the next layer's gradient to this one's, or say why not."""
    if layer == len(report.get_table("layers")):
        return [], _("The last layer: its gradient comes straight from the loss.")
    if isinstance(subject, SavedReport):
        return [], ""
    if getattr(subject.network, "connection", None) is not Connection.PLAIN:
        return [], _(
            "Here the gradient comes back on several ways, so it is no product of two factors."
        )
    measured = divide_factors(report, layer)
    expected = divide_factors(predict(subject), layer)
    names = (
        (_("The weights multiply by"), "‖Wᵀδ‖ / ‖δ‖"),
        (_("What follows them, the slopes, by"), "‖δ‖ / ‖∂L/∂a‖"),
        (_("Both together"), _("‖δ‖ here / ‖δ‖ one layer on")),
    )
    rows = [
        {"name": name, "formula": formula, "measured": _keep(own), "theory": _keep(theory)}
        for (name, formula), own, theory in zip(names, measured, expected, strict=True)
    ]
    has_theory = any(row["theory"] is not None for row in rows)
    return rows, "" if has_theory else _("There is no law for this network.")


def divide_factors(source: Report | Prediction, layer: int) -> tuple[float, float, float]:
    """Divide ‖∂L/∂a_l‖ by ‖δ_{l+1}‖, ‖δ_l‖ by ‖∂L/∂a_l‖, and ‖δ_l‖ by ‖δ_{l+1}‖."""
    if isinstance(source, Report):
        table = source.get_table("layers")
        deltas = table.get_numbers("delta_norm")
        signals = table.get_numbers("activation_grad_norm")
    else:
        deltas, signals = source.delta_norm, source.activation_grad_norm
    here, signal, after = deltas[layer - 1], signals[layer - 1], deltas[layer]
    with np.errstate(all="ignore"):
        return float(signal / after), float(here / signal), float(here / after)


def _keep(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _draw(report: Report, what: Quantity, layer: int, name: str) -> dict[str, Any]:
    histogram = report.histograms.get((what, layer))
    if histogram is None or not histogram.counts.any():
        return {"name": name, "bars": [], "ends": [], "zeros": ""}
    grid = _fit_grid(histogram)
    shares = rebin(histogram, grid)
    fullest = float(shares.rows.max()) or 1.0
    ends = grid.edges[[0, -1]]
    if grid.kind == "log10":
        with np.errstate(over="ignore"):
            ends = np.power(10.0, ends)
    return {
        "name": name,
        "bars": [round(float(row) / fullest, 3) for row in shares.rows],
        "ends": [format_number(float(end), 2) for end in ends],
        "zeros": _("{share} are exactly 0").format(share=format_share(shares.zeros))
        if shares.zeros > 0
        else "",
    }


def _fit_grid(histogram: Histogram) -> Grid:
    """Fit a grid to the bins in which there is something."""
    filled = np.flatnonzero(histogram.counts)
    low, high = float(histogram.edges[filled[0]]), float(histogram.edges[filled[-1] + 1])
    if not high > low:
        low, high = low - 0.5, low + 0.5
    return Grid(histogram.scale, low, (high - low) / _BARS, _BARS)
