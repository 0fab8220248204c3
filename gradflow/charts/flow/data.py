"""Shaping the Flow figure: two bands of shares on shared rows, from the histograms of a report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from gradflow.charts.figure import FloatArray, read_column
from gradflow.charts.flow.text import axis_symbol, backward_hover, forward_hover, signal_title
from gradflow.charts.overlay import Overlay, Range, describe_overlays
from gradflow.charts.rebin import Grid, Rebinned, extremes, quantiles, rebin
from gradflow.charts.theme import format_share as percent
from gradflow.core.histogram import Histogram
from gradflow.core.report import Quantity, Report, Rows
from gradflow.core.text import _

Gradient = Literal["delta", "activation_grad", "weight_grad"]
GRADIENTS: tuple[Gradient, ...] = get_args(Gradient)

ROWS = 90
EXPLODES = 30.0
"""A signal that grows by more than this over the network gets a symlog axis."""
OUTLIER = 2.5
"""A readout that reaches this many times further than all hidden layers is clipped and marked."""
BEYOND = 0.006
"""Share of a layer outside the activation axis, or above the gradient axis, that is marked."""
LOW_TAIL = 0.1
"""Share of a layer that may lie far below the gradient axis: tails are long on a log axis."""
GAMMA = 0.65
"""Below 1 the tails of a distribution stay visible."""
DECADES = 5.0
"""The least a gradient axis spans: a level river shall look level."""

_NOTHING = Histogram("linear", np.zeros(1), np.zeros(0, np.int64))


@dataclass(frozen=True, eq=False)
class Band:
    """One band of the figure: a column per layer.

    Attributes:
        grid: the rows.
        share: share of a layer's entries in each row, ``(rows, layers)``.
        shade: what is drawn, 0 … 255: the share relative to the fullest row of the same layer,
            exact zeros aside, to the power ``GAMMA``; 0 only where the share is 0.
        below, above, zeros, nonfinite: shares per layer outside the rows (a linear band has its
            zeros in a row as well).
        hover: one text per layer.
    """

    grid: Grid
    share: npt.NDArray[np.float32]
    shade: npt.NDArray[np.uint8]
    below: FloatArray
    above: FloatArray
    zeros: FloatArray
    nonfinite: FloatArray
    hover: list[str]

    @property
    def too_high(self) -> npt.NDArray[np.bool_]:
        """Layers of which a noteworthy part lies above the axis."""
        return np.asarray(self.above > BEYOND)

    @property
    def too_low(self) -> npt.NDArray[np.bool_]:
        """Layers of which a noteworthy part lies below the axis."""
        return np.asarray(self.below > (LOW_TAIL if self.grid.kind == "log10" else BEYOND))


@dataclass(frozen=True, eq=False)
class Flow:
    """All the Flow figure draws.

    Attributes:
        layers: layer numbers, from 1 at the input side.
        forward, backward: the bands.
        gradient: the quantity of the lower band.
        rms: log10 of the RMS gradient per layer; NaN where it is 0 or not finite.
        smallest_normal, smallest: log10 of the number format's limits for gradients; NaN if the
            backward axis does not come near.
        format_floor: the smallest positive gradient of the number format.
        loss: the loss.
        rows: what a column is: a layer, a block, a time step.
        signal, symbol: what the two bands show, as their axes say it.
        over: what is drawn over the gradient (log10 of RMS values), by overlay.
        reach: mean ± standard deviation of the activations that theory predicts, if it does.
    """

    layers: npt.NDArray[np.int64]
    forward: Band
    backward: Band
    gradient: Gradient
    rms: FloatArray
    smallest_normal: float
    smallest: float
    format_floor: float
    loss: float
    signal: str
    symbol: str
    rows: Rows = "layer"
    over: tuple[tuple[Overlay, Range], ...] = ()
    reach: Range | None = None


def shape_flow(
    report: Report, gradient: Gradient = "delta", overlays: Sequence[Overlay] = ()
) -> Flow | None:
    """The numbers behind the Flow figure; ``None`` if the report has no layers or histograms."""
    if report.layers.empty or "layer" not in report.layers:
        return None
    layers = report.layers["layer"].to_numpy(np.int64)
    signals = _histograms(report, "activation", layers)
    gradients = _histograms(report, gradient, layers)
    if not any(h.total for h in (*signals, *gradients)):
        return None
    rms = read_column(report.layers, f"{gradient}_rms")
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.where(np.isfinite(rms) & (rms > 0), np.log10(rms), np.nan)
    entries = np.array([h.total or math.nan for h in gradients])
    over = _over(overlays, gradient, entries)
    levels = np.concatenate([level, *(found.middle for _overlay, found in over)])
    low, high, normal, smallest = _gradient_range(report, gradients, levels)
    forward_texts = zip(
        forward_hover(report, signals),
        describe_overlays(overlays, "activation_std", len(layers), prefix=_("std")),
        strict=True,
    )
    backward_texts = zip(
        backward_hover(report, gradient, gradients),
        describe_overlays(
            overlays, f"{gradient}_norm", len(layers), 1 / np.sqrt(entries), _("RMS")
        ),
        strict=True,
    )
    return Flow(
        layers=layers,
        forward=_band(signals, activation_grid(signals), list(map("".join, forward_texts))),
        backward=_band(
            gradients,
            Grid("log10", low, (high - low) / ROWS, ROWS),
            list(map("".join, backward_texts)),
        ),
        gradient=gradient,
        rms=level,
        smallest_normal=normal,
        smallest=smallest,
        format_floor=report.smallest,
        loss=report.loss,
        signal=signal_title(report),
        symbol=axis_symbol(report, gradient),
        rows=report.rows,
        over=over,
        reach=_reach_of_theory(overlays),
    )


def _over(
    overlays: Sequence[Overlay], gradient: Gradient, entries: FloatArray
) -> tuple[tuple[Overlay, Range], ...]:
    """Norms as log10 of RMS values."""
    found = []
    for overlay in overlays:
        if f"{gradient}_norm" not in overlay.columns:
            continue
        scaled = overlay.columns[f"{gradient}_norm"].scale(1 / np.sqrt(entries))
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = [
                np.where(np.isfinite(x) & (x > 0), np.log10(x), np.nan)
                for x in (scaled.low, scaled.middle, scaled.high)
            ]
        found.append((overlay, Range(*logs)))
    return tuple(found)


def _reach_of_theory(overlays: Sequence[Overlay]) -> Range | None:
    for overlay in overlays:
        if overlay.kind == "theory" and {"activation_mean", "activation_std"} <= set(
            overlay.columns
        ):
            mean = overlay.columns["activation_mean"].middle
            std = overlay.columns["activation_std"].middle
            return Range(mean - std, mean, mean + std)
    return None


def _histograms(report: Report, what: Quantity, layers: npt.NDArray[np.int64]) -> list[Histogram]:
    return [report.histograms.get((what, int(layer)), _NOTHING) for layer in layers]


def _band(histograms: list[Histogram], grid: Grid, hover: list[str]) -> Band:
    columns = [rebin(h, grid) for h in histograms]
    hover = [text + _outside(c) for text, c in zip(hover, columns, strict=True)]
    share = np.array([c.rows for c in columns]).T
    full = np.array([_full(c) for c in columns])
    shade = np.ceil(255 * np.minimum(share / full, 1) ** GAMMA)
    return Band(
        grid=grid,
        share=share.astype(np.float32),
        shade=shade.astype(np.uint8),
        below=np.array([c.below for c in columns]),
        above=np.array([c.above for c in columns]),
        zeros=np.array([c.zeros for c in columns]),
        nonfinite=np.array([c.nonfinite for c in columns]),
        hover=hover,
    )


def _outside(column: Rebinned) -> str:
    found = {_("below the axis"): column.below, _("above the axis"): column.above}
    return "".join(f"<br>{name} {percent(n)}" for name, n in found.items() if n > 1e-9)


def _full(column: Rebinned) -> float:
    # Half of a ReLU layer is exactly 0; measured against that row the rest would wash out.
    return column.spread or column.rows.max(initial=0.0) or 1.0


def activation_grid(histograms: list[Histogram]) -> Grid:
    """Rows for the forward band.

    Linear over what the hidden layers reach (stray entries far outside aside), unless the signal
    grows more than ``EXPLODES``-fold over the network: then symlog, linear below the first
    layer's scale. A far wider readout does not squeeze the hidden layers: it is clipped.
    """
    reach = np.array([_reach(h) for h in histograms]).reshape(-1, 2)
    hidden = reach[:-1] if len(reach) > 1 else reach
    hidden = hidden[np.isfinite(hidden).all(axis=1)]
    if not len(hidden):
        hidden = reach[np.isfinite(reach).all(axis=1)]
    if not len(hidden):
        return Grid.cover(-1.0, 1.0, ROWS)
    scales = np.abs(hidden).max(axis=1)
    scales = scales[scales > 0]
    if len(scales) and scales.max() > EXPLODES * scales[0]:
        # Beside an exploded network, one of ordinary size in a comparison keeps its shape.
        return _symlog_grid(reach, float(min(scales[0], np.quantile(scales, 0.25))))
    low, high = hidden[:, 0].min(), hidden[:, 1].max()
    wide_low, wide_high = np.nanmin(reach), np.nanmax(reach)
    if wide_high - wide_low <= OUTLIER * (high - low):
        low, high = wide_low, wide_high
    # All one value: a window around it, without losing the place of zero.
    if high - low <= 1e-6 * max(abs(low), abs(high)) or high == low:
        margin = 0.5 * max(abs(low), abs(high)) or 1.0
        low, high = low - margin, high + margin
    return Grid.cover(float(low), float(high), ROWS)


def _symlog_grid(reach: FloatArray, scale: float) -> Grid:
    threshold = 10.0 ** math.floor(math.log10(scale))
    finite = reach[np.isfinite(reach).all(axis=1)]
    axis = Grid("symlog", 0.0, 1.0, 1, threshold)
    low, high = axis.to_axis(float(finite[:, 0].min())), axis.to_axis(float(finite[:, 1].max()))
    return Grid.cover(low, high, ROWS, "symlog", threshold)


def _reach(histogram: Histogram) -> tuple[float, float]:
    """What the axis should cover: the extremes, unless a few entries lie far out."""
    low, high = extremes(histogram)
    if math.isnan(low):
        return math.nan, math.nan
    inner_low, inner_high = quantiles(histogram, (0.0005, 0.9995))
    room = 0.5 * (inner_high - inner_low)
    return max(low, inner_low - room), min(high, inner_high + room)


def _gradient_range(
    report: Report, histograms: list[Histogram], level: FloatArray
) -> tuple[float, float, float, float]:
    """(low, high, smallest_normal, smallest), all as log10; the limits NaN if out of sight."""
    lows, highs = [], []
    for histogram in histograms:
        if histogram.scale == "log10" and histogram.counts.any():
            lows.append(next(quantiles(histogram, (LOW_TAIL,))))
            highs.append(extremes(histogram)[1])
    # The readout's gradient is p - y; where the network is sure, p has no lower end.
    lows = lows[:-1] if len(lows) > 2 else lows
    levels = level[np.isfinite(level)]
    low = min([*lows, *levels], default=-6.0) - 1.0
    high = max([*highs, *levels], default=0.0) + 0.3
    normal, smallest = math.nan, math.nan
    if report.smallest_normal > 0 and low < math.log10(report.smallest_normal) + 2:
        normal = math.log10(report.smallest_normal)
        low = min(low, normal - 0.5)
    if report.smallest > 0 and low < math.log10(report.smallest) + 2:
        smallest = math.log10(report.smallest)
        low = smallest - 0.6
    if high - low < DECADES:
        lacking = DECADES - (high - low)
        low, high = low - 0.7 * lacking, high + 0.3 * lacking
    return low, high, normal, smallest
