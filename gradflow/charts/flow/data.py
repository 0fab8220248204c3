"""Numbers of the Flow figure: two bands of shares on shared rows, from a report's histograms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from gradflow.charts.figure import FloatArray, read_column
from gradflow.charts.flow.columns import Columns
from gradflow.charts.flow.grids import (
    BAND_ROWS,
    LOW_TAIL,
    choose_activation_grid,
    find_gradient_range,
    list_gradient_reach,
)
from gradflow.charts.flow.text import (
    describe_backward,
    describe_forward,
    write_axis_symbol,
    write_signal_title,
)
from gradflow.charts.overlay import Overlay, Range, describe_overlays
from gradflow.charts.rebin import Grid, RowShares, rebin
from gradflow.core.histogram import Histogram
from gradflow.core.numbers import format_share
from gradflow.core.report import Quantity, Report, Rows
from gradflow.core.text import _

Gradient = Literal["delta", "activation_grad", "weight_grad"]
GRADIENTS: tuple[Gradient, ...] = get_args(Gradient)

MARKED_SHARE = 0.006
"""Share of a layer outside the activation axis, or above the gradient axis, that is marked."""
SHADE_GAMMA = 0.65
"""Below 1 the tails of a distribution stay visible."""

_EMPTY_HISTOGRAM = Histogram("linear", np.zeros(1), np.zeros(0, np.int64))


@dataclass(frozen=True, eq=False)
class Band:
    """One band of the figure: a column per layer.

    Attributes:
        grid: the rows.
        share: share of a layer's entries in each row, ``(rows, layers)``.
        shade: the drawn shade, 0 … 255: the share relative to the fullest row of the same layer,
            exact zeros aside, to the power ``SHADE_GAMMA``; 0 only where the share is 0.
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
    def absent(self) -> npt.NDArray[np.bool_]:
        """Layers of which nothing was recorded."""
        rest = self.below + self.above + self.zeros + self.nonfinite
        return np.asarray((self.share.sum(axis=0) == 0) & (rest == 0))

    @property
    def too_high(self) -> npt.NDArray[np.bool_]:
        """Layers of which a noteworthy part lies above the axis."""
        return np.asarray(self.above > MARKED_SHARE)

    @property
    def too_low(self) -> npt.NDArray[np.bool_]:
        """Layers of which a noteworthy part lies below the axis."""
        return np.asarray(self.below > (LOW_TAIL if self.grid.kind == "log10" else MARKED_SHARE))


@dataclass(frozen=True, eq=False)
class FlowData:
    """The numbers and texts of a Flow figure.

    Attributes:
        layers: places of the columns: layer numbers, from 1 at the input side, unless there are
            ``columns``.
        forward, backward: the bands.
        gradient: the quantity of the lower band.
        rms: log10 of the RMS gradient per layer; NaN where it is 0 or not finite.
        smallest_normal, smallest: log10 of the number format's limits for gradients; NaN if the
            backward axis does not come near.
        format_floor: the smallest positive gradient of the number format.
        loss: the loss.
        signal, symbol: title of the signal axis, symbol of the gradient.
        rows: what a column is: a layer, a block, a time step.
        overlays: lines and bands on the gradient (log10 of RMS values), each with its overlay.
        reach: mean ± standard deviation of the activations as theory predicts them, if it does.
        columns: what the columns are, if each is not simply a layer.
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
    overlays: tuple[tuple[Overlay, Range], ...] = ()
    reach: Range | None = None
    columns: Columns | None = None

    @property
    def choices(self) -> npt.NDArray[np.int64]:
        """What choosing a column means: the number of its layer, or minus that of its group."""
        return self.layers if self.columns is None else self.columns.choices


def shape_flow(
    report: Report, gradient: Gradient = "delta", overlays: Sequence[Overlay] = ()
) -> FlowData | None:
    """Shape the numbers of a Flow figure; ``None`` if the report has no layers or histograms."""
    table = report.get_table("layers")
    if not len(table) or "layer" not in table:
        return None
    layers = table["layer"].astype(np.int64)
    signals = _list_histograms(report, "activation", layers)
    gradients = _list_histograms(report, gradient, layers)
    if not any(h.total for h in (*signals, *gradients)):
        return None
    level = list_levels(read_column(table, f"{gradient}_rms"))
    entries = np.array([h.total or math.nan for h in gradients])
    shaped_overlays = _shape_overlays(overlays, gradient, entries)
    levels = np.concatenate([level, *(line.middle for _overlay, line in shaped_overlays)])
    low, high, normal, smallest = find_gradient_range(
        list_gradient_reach(gradients), levels, (report.smallest_normal, report.smallest)
    )
    forward_texts = zip(
        describe_forward(report, signals),
        describe_overlays(overlays, "activation_std", len(layers), prefix=_("std")),
        strict=True,
    )
    backward_texts = zip(
        describe_backward(report, gradient, gradients),
        describe_overlays(
            overlays, f"{gradient}_norm", len(layers), 1 / np.sqrt(entries), _("RMS")
        ),
        strict=True,
    )
    return FlowData(
        layers=layers,
        forward=_shape_band(
            signals, choose_activation_grid(signals), list(map("".join, forward_texts))
        ),
        backward=_shape_band(
            gradients,
            Grid("log10", low, (high - low) / BAND_ROWS, BAND_ROWS),
            list(map("".join, backward_texts)),
        ),
        gradient=gradient,
        rms=level,
        smallest_normal=normal,
        smallest=smallest,
        format_floor=report.smallest,
        loss=report.loss,
        signal=write_signal_title(report),
        symbol=write_axis_symbol(report, gradient),
        rows=report.rows,
        overlays=shaped_overlays,
        reach=_find_theory_reach(overlays),
    )


def list_levels(rms: FloatArray) -> FloatArray:
    """List log10 of RMS gradients; NaN where one is 0 or not finite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.isfinite(rms) & (rms > 0), np.log10(rms), np.nan)


def _shape_overlays(
    overlays: Sequence[Overlay], gradient: Gradient, entries: FloatArray
) -> tuple[tuple[Overlay, Range], ...]:
    """Convert the overlays' gradient norms to log10 of RMS values."""
    shaped = []
    for overlay in overlays:
        if f"{gradient}_norm" not in overlay.columns:
            continue
        rms = overlay.columns[f"{gradient}_norm"].scale(1 / np.sqrt(entries))
        shaped.append((overlay, Range(*map(list_levels, (rms.low, rms.middle, rms.high)))))
    return tuple(shaped)


def _find_theory_reach(overlays: Sequence[Overlay]) -> Range | None:
    for overlay in overlays:
        if overlay.kind == "theory" and {"activation_mean", "activation_std"} <= set(
            overlay.columns
        ):
            mean = overlay.columns["activation_mean"].middle
            std = overlay.columns["activation_std"].middle
            return Range(mean - std, mean, mean + std)
    return None


def _list_histograms(
    report: Report, what: Quantity, layers: npt.NDArray[np.int64]
) -> list[Histogram]:
    return [report.histograms.get((what, int(layer)), _EMPTY_HISTOGRAM) for layer in layers]


def _shape_band(histograms: list[Histogram], grid: Grid, hover: list[str]) -> Band:
    columns = [rebin(h, grid) for h in histograms]
    words = _("below the axis"), _("above the axis")
    hover = [text + _describe_outside(c, words) for text, c in zip(hover, columns, strict=True)]
    share = np.array([c.rows for c in columns]).T
    return Band(
        grid=grid,
        share=share.astype(np.float32),
        shade=shade_rows(share, np.array([_find_fullest_share(c) for c in columns])),
        below=np.array([c.below for c in columns]),
        above=np.array([c.above for c in columns]),
        zeros=np.array([c.zeros for c in columns]),
        nonfinite=np.array([c.nonfinite for c in columns]),
        hover=hover,
    )


def shade_rows(share: FloatArray, full: FloatArray) -> npt.NDArray[np.uint8]:
    """Find the shades of shares ``(rows, columns)``, ``full`` of which is the darkest one."""
    return np.ceil(255 * np.minimum(share / full, 1) ** SHADE_GAMMA).astype(np.uint8)


def _describe_outside(column: RowShares, words: tuple[str, str]) -> str:
    shares = zip(words, (column.below, column.above), strict=True)
    return "".join(f"<br>{name} {format_share(n)}" for name, n in shares if n > 1e-9)


def _find_fullest_share(column: RowShares) -> float:
    # Half of a ReLU layer is exactly 0; measured against that row the rest would wash out.
    return column.spread or column.rows.max(initial=0.0) or 1.0
