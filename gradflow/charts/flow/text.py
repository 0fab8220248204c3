"""Words of the Flow figure: names of quantities, hover texts, notes on what the marks mean."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from gradflow.charts.figure import read_column
from gradflow.charts.rebin import extremes
from gradflow.charts.theme import escape, format_count, format_number, format_share
from gradflow.core.histogram import Histogram
from gradflow.core.report import Report
from gradflow.core.text import N_, _

SYMBOLS = {
    "preactivation": "z",
    "activation": "a",
    "weight": "W",
    "delta": "∂L/∂z",
    "activation_grad": "∂L/∂a",
    "weight_grad": "∂L/∂W",
}
"""How a quantity is written in formulas and on axes."""

NAMES = {
    "preactivation": N_("pre-activation"),
    "activation": N_("activation"),
    "weight": N_("weight"),
    "delta": N_("gradient by the pre-activation, δ"),
    "activation_grad": N_("gradient by the activation"),
    "weight_grad": N_("gradient by the weights"),
}
"""What a quantity is called in sentences."""


def symbols(report: Report, name: str) -> list[str]:
    """How a quantity is written in each row; the state of a time step has its number, as h_5."""
    if not _of_time(report):
        return [axis_symbol(report, name)] * len(report.layers)
    return [_of_state(name, module, step) for step, module in _steps(report)]


def axis_symbol(report: Report, name: str) -> str:
    """How a quantity is written on an axis; in time steps as that of step t."""
    if report.rows == "block":
        return SYMBOLS[name].replace(SYMBOLS["activation"], "h")
    if not _of_time(report):
        return SYMBOLS[name]
    return _of_state(name, next(iter(_steps(report)))[1], "t")


def signal_title(report: Report) -> str:
    """What the forward signal is, on an axis."""
    names = {"step": _("state"), "block": _("stream"), "layer": _(NAMES["activation"])}
    return f"{names[report.rows]} {axis_symbol(report, 'activation')}"


def _of_time(report: Report) -> bool:
    return report.rows == "step" and "module" in report.layers and len(report.layers) > 0


def _steps(report: Report) -> Iterable[tuple[object, str]]:
    return zip(report.layers["layer"], report.layers["module"], strict=True)


def _of_state(name: str, module: str, step: object) -> str:
    """``module`` is the state's letter and number: h_5."""
    state = f"{escape(module.partition('_')[0])}<sub>{step}</sub>"
    return SYMBOLS[name].replace(SYMBOLS["activation"], state)


def layer_names(report: Report) -> list[str]:
    """Module names, escaped, for hovers; the symbols of time steps say enough."""
    if "module" not in report.layers or _of_time(report):
        return [""] * len(report.layers)
    starts = report.layers["layer"] == 0 if report.rows == "block" else [False] * len(report.layers)
    return [
        (_("start, {module}: ") if start else "{module}: ").format(module=escape(module))
        for start, module in zip(starts, report.layers["module"], strict=True)
    ]


def forward_hover(report: Report, histograms: list[Histogram]) -> list[str]:
    """One text per layer: moments, extremes, saturation, dead units, zeros, non-finite."""
    names = ("activation_mean", "activation_std", "activation_rms", "saturated", "dead_units")
    columns = [*(read_column(report.layers, n) for n in names), report.dead_unit_share()]
    table = np.array(columns).T.tolist()
    what = _("state") if _of_time(report) else _(NAMES["activation"])
    titles = zip(layer_names(report), symbols(report, "activation"), strict=True)
    texts = []
    for (title, symbol), row, histogram in zip(titles, table, histograms, strict=True):
        mean, std, rms, saturated, dead, dead_share = row
        low, high = extremes(histogram)
        lines = [
            f"{title}{what} {symbol}",
            ", ".join(
                f"{name} {format_number(value)}"
                for name, value in ((_("mean"), mean), (_("std"), std), (_("RMS"), rms))
            ),
            f"{_('min')} {format_number(low)}, {_('max')} {format_number(high)}",
        ]
        if not math.isnan(saturated):
            lines.append(f"{_('saturated')} {format_share(saturated)}")
        if not math.isnan(dead):
            lines.append(f"{_('dead units')} {format_number(dead)} ({format_share(dead_share)})")
        texts.append("<br>".join(lines + _specials(histogram)))
    return texts


def backward_hover(report: Report, gradient: str, histograms: list[Histogram]) -> list[str]:
    """One text per layer: RMS, norm, largest entry, zeros, subnormal, non-finite."""
    table = np.array(
        [read_column(report.layers, f"{gradient}_{n}") for n in ("rms", "norm")]
    ).T.tolist()
    titles = zip(layer_names(report), symbols(report, gradient), strict=True)
    texts = []
    for (title, symbol), (rms, norm), histogram in zip(titles, table, histograms, strict=True):
        lines = [
            f"{title}{symbol}",
            f"{_('RMS')} {format_number(rms)}",
            f"{_('norm')} ‖{symbol}‖ {format_number(norm)}",
        ]
        if histogram.counts.any() and histogram.scale == "log10":
            largest = 10 ** min(extremes(histogram)[1], 308.25)
            lines.append(f"{_('largest entry about')} {format_number(largest, 2)}")
        if histogram.subnormal:
            lines.append(f"{_('subnormal')} {format_share(histogram.subnormal / histogram.total)}")
        texts.append("<br>".join(lines + _specials(histogram)))
    return texts


def _specials(histogram: Histogram) -> list[str]:
    total = histogram.total
    if not total:
        return [_("no histogram was recorded")]
    lines = [f"{_('exactly 0:')} {format_share(histogram.zeros / total)}"]
    found = {
        "NaN": histogram.nan,
        "+∞": histogram.posinf,
        "−∞": histogram.neginf,
    }
    lines += [
        f"<b>{name}: {format_share(n / total)}</b> ({format_count(n)})"
        for name, n in found.items()
        if n
    ]
    return [*lines, f"{_('entries')} {format_count(total)}"]
