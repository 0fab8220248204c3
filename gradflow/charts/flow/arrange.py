"""The numbers of a Flow figure, put into columns that are not one layer after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gradflow.charts.figure import FloatArray, read_column
from gradflow.charts.flow.columns import Columns
from gradflow.charts.flow.data import Band, FlowData, shade_rows
from gradflow.charts.flow.text import write_pool
from gradflow.charts.overlay import Range
from gradflow.charts.theme import escape
from gradflow.core.report import Quantity, Report
from gradflow.core.text import _


def arrange_flow(flow: FlowData, columns: Columns, report: Report) -> FlowData:
    """Put the layers of a flow into columns.

    A column that pools several layers shows all their entries together: its shares are the means of
    theirs, weighted by their numbers of entries, and its RMS is √(Σ n_l·RMS_l² / Σ n_l). Theory and
    other seeds are of single layers, so that pooled columns are drawn without them.
    """
    signal = _count_entries(report, "activation")
    gradient = _count_entries(report, flow.gradient)
    order = [pool[0] for pool in columns.pools]
    overlays = () if columns.is_pooled else flow.overlays
    reach = None if columns.is_pooled else flow.reach
    rms = flow.rms[order]
    forward_hover = [flow.forward.hover[row] for row in order]
    backward_hover = [flow.backward.hover[row] for row in order]
    names = [escape(str(name)) for name in report.get_table("layers")["module"]]
    size = read_column(report.get_table("layers"), "activation_rms")
    for i, (pool, name) in enumerate(zip(columns.pools, columns.names, strict=True)):
        if len(pool) == 1:
            continue
        rows = np.array(pool)
        rms[i] = pool_levels(flow.rms[rows], gradient[rows], flow.backward.nonfinite[rows])
        with np.errstate(all="ignore"):
            forward = np.sqrt(np.average(size[rows] ** 2, weights=signal[rows]))
        own = [names[row] for row in pool]
        with np.errstate(over="ignore"):
            levels = np.power(10.0, flow.rms[rows])
        forward_hover[i] = write_pool(name, _("activation a"), float(forward), size[rows], own)
        backward_hover[i] = write_pool(name, flow.symbol, float(10.0 ** rms[i]), levels, own)
    return replace(
        flow,
        layers=np.arange(1, len(columns.pools) + 1),
        forward=_arrange_band(flow.forward, columns, signal, forward_hover),
        backward=_arrange_band(flow.backward, columns, gradient, backward_hover),
        rms=rms,
        overlays=tuple((overlay, _take(line, order)) for overlay, line in overlays),
        reach=None if reach is None else _take(reach, order),
        columns=columns,
    )


def pool_levels(levels: FloatArray, entries: FloatArray, nonfinite: FloatArray) -> float:
    """Pool log10 of RMS values: log10 √(Σ n·RMS² / Σ n).

    A value that is not known is an RMS of 0, or, of a layer with non-finite entries, not finite.
    """
    known = np.isfinite(levels)
    if (nonfinite > 0).any() or not known.any():
        return np.nan
    top = levels[known].max()
    power = float(np.sum(entries[known] * 10.0 ** (2 * (levels[known] - top))))
    total = float(entries.sum())
    return float(top + np.log10(power / total) / 2) if total > 0 else np.nan


def _arrange_band(band: Band, columns: Columns, entries: FloatArray, hover: list[str]) -> Band:
    weights = np.zeros((len(entries), len(columns.pools)))
    for i, pool in enumerate(columns.pools):
        own = entries[list(pool)]
        weights[list(pool), i] = own / own.sum() if own.sum() > 0 else 1 / len(pool)
    share = band.share.astype(np.float64) @ weights
    zeros = band.zeros @ weights
    shade = band.shade[:, [pool[0] for pool in columns.pools]]
    pooled = [i for i, pool in enumerate(columns.pools) if len(pool) > 1]
    if pooled:
        own = share[:, pooled]
        shade = shade.copy()
        shade[:, pooled] = shade_rows(own, _find_fullest(band, own, zeros[pooled]))
    return replace(
        band,
        share=share.astype(np.float32),
        shade=shade,
        below=band.below @ weights,
        above=band.above @ weights,
        zeros=zeros,
        nonfinite=band.nonfinite @ weights,
        hover=hover,
    )


def _find_fullest(band: Band, share: FloatArray, zeros: FloatArray) -> FloatArray:
    """Find the share of the fullest row of each column; exact zeros, which have a row, aside."""
    spread = share.copy()
    if band.grid.kind != "log10":
        row = int(np.searchsorted(band.grid.edges, 0.0, side="right")) - 1
        if 0 <= row < len(spread):
            spread[row] = np.maximum(spread[row] - zeros, 0.0)
    fullest = spread.max(axis=0, initial=0.0)
    alone = share.max(axis=0, initial=0.0)
    return np.asarray(np.where(fullest > 1e-9, fullest, np.where(alone > 0, alone, 1.0)))


def _count_entries(report: Report, what: Quantity) -> FloatArray:
    numbers: Sequence[Any] = report.get_table("layers")["layer"].tolist()
    histograms = (report.histograms.get((what, int(n))) for n in numbers)
    return np.array([0 if h is None else h.total for h in histograms], np.float64)


def _take(line: Range, order: Sequence[int]) -> Range:
    rows: npt.NDArray[np.int64] = np.array(order)
    return Range(line.low[rows], line.middle[rows], line.high[rows])
