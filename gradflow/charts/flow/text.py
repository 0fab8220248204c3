"""Words of the Flow figure: names and symbols of quantities, hover texts."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from gradflow.charts.figure import FloatArray, read_column
from gradflow.charts.rebin import find_histogram_extremes
from gradflow.charts.theme import escape
from gradflow.core.histogram import Histogram
from gradflow.core.numbers import format_count, format_number, format_share
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
"""Symbol of a quantity in formulas and on axes."""

NAMES = {
    "preactivation": N_("pre-activation"),
    "activation": N_("activation"),
    "weight": N_("weight"),
    "delta": N_("gradient by the pre-activation, δ"),
    "activation_grad": N_("gradient by the activation"),
    "weight_grad": N_("gradient by the weights"),
}
"""Name of a quantity in sentences."""


def list_symbols(report: Report, name: str) -> list[str]:
    """List the symbol of a quantity in each row; in time steps with the number, as in h_5."""
    if not _is_over_time(report):
        return [write_axis_symbol(report, name)] * len(report.get_table("layers"))
    return [_write_state_symbol(name, module, step) for step, module in _list_steps(report)]


def write_axis_symbol(report: Report, name: str) -> str:
    """Write the symbol of a quantity for an axis; in time steps that of step t."""
    if report.rows == "block":
        return SYMBOLS[name].replace(SYMBOLS["activation"], "h")
    if not _is_over_time(report):
        return SYMBOLS[name]
    return _write_state_symbol(name, next(iter(_list_steps(report)))[1], "t")


def write_signal_title(report: Report) -> str:
    """Write the title of the forward signal's axis."""
    names = {"step": _("state"), "block": _("stream"), "layer": _(NAMES["activation"])}
    return f"{names[report.rows]} {write_axis_symbol(report, 'activation')}"


def _is_over_time(report: Report) -> bool:
    table = report.get_table("layers")
    return report.rows == "step" and "module" in table and len(table) > 0


def _list_steps(report: Report) -> Iterable[tuple[object, str]]:
    table = report.get_table("layers")
    return zip(table["layer"], table["module"], strict=True)


def _write_state_symbol(name: str, module: str, step: object) -> str:
    """Write the symbol of a state; ``module`` is its letter and number, h_5."""
    state = f"{escape(module.partition('_')[0])}<sub>{step}</sub>"
    return SYMBOLS[name].replace(SYMBOLS["activation"], state)


def list_layer_names(report: Report) -> list[str]:
    """List the escaped module names for hovers; the symbols of time steps say enough."""
    table = report.get_table("layers")
    if "module" not in table or _is_over_time(report):
        return [""] * len(table)
    starts = table["layer"] == 0 if report.rows == "block" else [False] * len(table)
    return [
        (_("start, {module}: ").format(module=escape(module)) if start else f"{escape(module)}: ")
        for start, module in zip(starts, table["module"], strict=True)
    ]


def describe_forward(report: Report, histograms: list[Histogram]) -> list[str]:
    """Write a hover per layer: moments, extremes, saturation, dead units, zeros, non-finite."""
    names = ("activation_mean", "activation_std", "activation_rms", "saturated", "dead_units")
    columns = [
        *(read_column(report.get_table("layers"), n) for n in names),
        report.dead_unit_share(),
    ]
    table = np.array(columns).T.tolist()
    what = _("state") if _is_over_time(report) else _(NAMES["activation"])
    titles = zip(list_layer_names(report), list_symbols(report, "activation"), strict=True)
    mean_word, std_word, rms_word = _("mean"), _("std"), _("RMS")  # a look-up takes 1 µs
    min_word, max_word = _("min"), _("max")
    saturated_word, dead_word = _("saturated"), _("dead units")
    texts = []
    ends = _list_ends(report)
    for (title, symbol), row, histogram, end in zip(titles, table, histograms, ends, strict=True):
        mean, std, rms, saturated, dead, dead_share = row
        low, high = find_histogram_extremes(histogram)
        lines = [
            f"{title}{what} {symbol}",
            *([_("output of {module}").format(module=escape(end))] if end else []),
            ", ".join(
                f"{word} {format_number(value)}"
                for word, value in ((mean_word, mean), (std_word, std), (rms_word, rms))
            ),
            f"{min_word} {format_number(low)}, {max_word} {format_number(high)}",
        ]
        if not math.isnan(saturated):
            lines.append(f"{saturated_word} {format_share(saturated)}")
        if not math.isnan(dead):
            lines.append(f"{dead_word} {format_number(dead)} ({format_share(dead_share)})")
        texts.append("<br>".join(lines + _list_special_counts(histogram)))
    return texts


def _list_ends(report: Report) -> list[str]:
    """Name the module whose output each layer's activation is, where that is not the layer's own.

    All that runs after a weight up to the next one belongs to its layer: after the last weight of
    a block that may be the normalization of the next.
    """
    table, signals = report.get_table("layers"), report.get_table("signals")
    needed = {"layer", "module", "rms"}
    is_own = report.rows == "layer" and report.experiment is None  # ours are known by numbers
    if not is_own or not needed <= set(signals) or "module" not in table:
        return [""] * len(table)
    last = dict(
        zip(
            signals["layer"].tolist(),
            zip(signals["module"].tolist(), signals["rms"].tolist(), strict=True),
            strict=True,
        )
    )
    rms = read_column(table, "activation_rms").tolist()
    ends = []
    for layer, module, size in zip(table["layer"].tolist(), table["module"], rms, strict=True):
        name, last_size = last.get(layer, ("", math.nan))
        is_same = name.partition("[")[0] == module or not math.isclose(
            last_size, size, rel_tol=1e-6
        )
        ends.append("" if is_same else name)
    return ends


def write_pool(name: str, symbol: str, rms: float, parts: FloatArray, modules: list[str]) -> str:
    """Write the hover of a column that pools layers: its RMS, and where it is least and largest.

    Args:
        name: what the column is called.
        symbol: of the quantity, or its name.
        rms: of all entries of the layers.
        parts: RMS of each layer.
        modules: their escaped names.
    """
    lines = [
        f"{escape(name)}: {symbol}",
        _("{count} layers together: RMS {rms}").format(count=len(modules), rms=format_number(rms)),
    ]
    if np.isfinite(parts).any():
        ends = (int(np.nanargmin(parts)), int(np.nanargmax(parts)))
        lines += [f"{modules[i]}: {format_number(float(parts[i]))}" for i in ends]
    return "<br>".join(lines)


def describe_backward(report: Report, gradient: str, histograms: list[Histogram]) -> list[str]:
    """Write a hover per layer: RMS, norm, largest entry, zeros, subnormal, non-finite."""
    table = np.array(
        [read_column(report.get_table("layers"), f"{gradient}_{n}") for n in ("rms", "norm")]
    ).T.tolist()
    titles = zip(list_layer_names(report), list_symbols(report, gradient), strict=True)
    rms_word, norm_word, largest_word = _("RMS"), _("norm"), _("largest entry about")
    texts = []
    weights = read_column(report.get_table("layers"), "weight_grad_norm").tolist()
    rows = zip(titles, table, histograms, weights, strict=True)
    for (title, symbol), (rms, norm), histogram, weight in rows:
        lines = [f"{title}{symbol}"]
        lines += [
            f"{rms_word} {format_number(rms)}",
            f"{norm_word} ‖{symbol}‖ {format_number(norm)}",
        ]
        if histogram.counts.any() and histogram.scale == "log10":
            largest = 10 ** min(find_histogram_extremes(histogram)[1], 308.25)
            lines.append(f"{largest_word} {format_number(largest, 2)}")
        if histogram.subnormal:
            lines.append(f"{_('subnormal')} {format_share(histogram.subnormal / histogram.total)}")
        if not histogram.total and not math.isnan(weight):
            lines.append(f"‖{SYMBOLS['weight_grad']}‖ {format_number(weight)}")
        texts.append("<br>".join(lines + _list_special_counts(histogram)))
    return texts


def _list_special_counts(histogram: Histogram) -> list[str]:
    total = histogram.total
    if not total:
        return [_("no histogram was recorded")]
    lines = [f"{_('exactly 0:')} {format_share(histogram.zeros / total)}"]
    if histogram.nonfinite:
        kinds = {"NaN": histogram.nan, "+∞": histogram.posinf, "−∞": histogram.neginf}
        lines += [
            f"<b>{name}: {format_share(n / total)}</b> ({format_count(n)})"
            for name, n in kinds.items()
            if n
        ]
    return [*lines, f"{_('entries')} {format_count(total)}"]
