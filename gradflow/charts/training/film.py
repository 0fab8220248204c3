"""A film of training runs: the Flow figures of their steps, on axes that hold all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from gradflow.charts.compare.flow import NAMES, draw_flows
from gradflow.charts.figure import FloatArray, PlainFigure, empty_figure, get_spec
from gradflow.charts.flow.data import Band, FlowData, Gradient, shade_rows
from gradflow.charts.flow.grids import (
    BAND_ROWS,
    LOW_TAIL,
    choose_signal_grid,
    find_gradient_range,
    make_symlog_grid,
)
from gradflow.charts.flow.text import SYMBOLS
from gradflow.charts.rebin import Grid
from gradflow.charts.theme import PALETTES, Mode
from gradflow.core.text import _

SIGNAL, GRADIENT = 0, 1
"""Rows of the arrays of a lane."""
_INNER = 0.0005
"""Share of the entries at either end that an axis need not show, unless they are near."""

_UNEQUAL = 8.0
"""Runs whose activations differ by more than this factor get a symlog axis …"""
_LARGEST = 30.0
"""… that ends at this many times the activations of the smallest: one that diverged leaves it."""
_EDGE = 0.07
"""Share of an axis of gradients, at either end."""


@dataclass(frozen=True, eq=False)
class FilmLane:
    """The kept steps of one run.

    Arrays have a row for the activations and one for a gradient, whose values are log10 of sizes.

    Attributes:
        letter, name: of the run; the name is plain text, the letter empty if it stands alone.
        gradient: which gradient.
        steps: of the frames.
        low, high: ends of the bins of each layer, ``(2, frames, layers)``; NaN without entries.
        shades: ``(2, frames, layers, bins)``: 255·√(entries, relative to the fullest bin).
        signs: share of the gradient's entries in each bin that are positive, ``(frames, layers,
            bins)``.
        zeros, nonfinite: shares of the entries beside the bins, ``(2, frames, layers)``.
        level: log10 of the RMS gradient, ``(frames, layers)``.
        smallest_normal, smallest: limits of the number format for gradients.
    """

    letter: str
    name: str
    gradient: Gradient
    steps: FloatArray
    low: FloatArray
    high: FloatArray
    shades: npt.NDArray[np.uint8]
    signs: FloatArray
    zeros: FloatArray
    nonfinite: FloatArray
    level: FloatArray
    smallest_normal: float
    smallest: float

    @property
    def layers(self) -> int:
        """How many layers there are."""
        return int(self.low.shape[2])

    def take_layer(self, layer: int) -> FilmLane:
        """Take one layer alone, from 1 at the input side; a number beyond means the last one."""
        last = min(layer, self.layers)
        here = slice(last - 1, last)
        return replace(
            self,
            low=self.low[:, :, here],
            high=self.high[:, :, here],
            shades=self.shades[:, :, here],
            signs=self.signs[:, here],
            zeros=self.zeros[:, :, here],
            nonfinite=self.nonfinite[:, :, here],
            level=self.level[:, here],
        )

    def find_reach(self, band: int) -> FloatArray:
        """Find what an axis should cover of each frame and layer: ``(frames, layers, 2)``."""
        low, high, zeros = self.low[band], self.high[band], self.zeros[band]
        below = np.cumsum((self.shades[band] / 255.0) ** 2, axis=2)
        with np.errstate(invalid="ignore"):
            below /= below[..., -1:]
        bins = below.shape[2]
        width = (high - low) / bins

        def locate(share: float) -> FloatArray:
            return np.asarray(low + width * (below < share).sum(axis=2))

        if band == GRADIENT:
            return np.stack([locate(LOW_TAIL), high], axis=2)
        first, last = locate(_INNER), locate(1 - _INNER) + width
        room = 0.5 * (last - first)
        low, high = np.maximum(low, first - room), np.minimum(high, last + room)
        has_zeros = zeros > 0  # they are in no bin
        return np.stack(
            [
                np.where(has_zeros, np.fmin(low, 0.0), low),
                np.where(has_zeros, np.fmax(high, 0.0), high),
            ],
            axis=2,
        )


@dataclass(frozen=True)
class FilmAxes:
    """The axes that all frames share.

    Attributes:
        signal, gradient: the rows.
        smallest_normal, smallest: log10 of the number format's limits; NaN if the gradients do not
            come near.
    """

    signal: Grid
    gradient: Grid
    smallest_normal: float
    smallest: float

    @property
    def grids(self) -> tuple[Grid, Grid]:
        """The rows of the activations and of the gradient."""
        return self.signal, self.gradient


def fit_axes(lanes: Sequence[FilmLane]) -> FilmAxes:
    """Fit axes to all frames of all runs; their ends are round, so that few frames move them."""
    signal = _choose_signal_grid(lanes)
    low, high = _round_ends(signal.low, signal.high)
    gradients = _pool_reach(lanes, GRADIENT)
    levels = np.concatenate([lane.level.ravel() for lane in lanes])
    start, end, normal, smallest = find_gradient_range(
        gradients[np.isfinite(gradients).all(axis=1)],
        levels,
        (lanes[0].smallest_normal, lanes[0].smallest),
    )
    # A little beyond whole decades, so that their ticks do not stand at the edge.
    edge = _EDGE * (end - start)
    start, end = math.floor(start + edge) - edge, math.ceil(end - edge) + edge
    return FilmAxes(
        Grid.cover(low, high, BAND_ROWS, signal.kind, signal.threshold),
        Grid("log10", start, (end - start) / BAND_ROWS, BAND_ROWS),
        normal,
        smallest,
    )


def _choose_signal_grid(lanes: Sequence[FilmLane]) -> Grid:
    """Choose the rows of the activations so that no run is squeezed by another one."""
    reach = _pool_reach(lanes, SIGNAL)
    runs = [sizes for sizes in map(_list_sizes, lanes) if len(sizes)]
    largest = [float(sizes.max()) for sizes in runs]
    if not runs or max(largest) <= _UNEQUAL * min(largest):
        return choose_signal_grid(reach)
    limit = _LARGEST * min(largest)
    smallest = runs[largest.index(min(largest))]
    return make_symlog_grid(np.clip(reach, -limit, limit), float(np.median(smallest)))


def _list_sizes(lane: FilmLane) -> FloatArray:
    """List the size of the activations of each hidden layer in each frame, where there are any."""
    reach = lane.find_reach(SIGNAL)
    hidden = reach[:, :-1] if lane.layers > 1 else reach
    sizes = np.abs(hidden).max(axis=2).ravel()
    return np.asarray(sizes[np.isfinite(sizes) & (sizes > 0)])


def _pool_reach(lanes: Sequence[FilmLane], band: int) -> FloatArray:
    """Pool the reach of the hidden layers of all frames, and last the readouts'."""
    reaches = [lane.find_reach(band) for lane in lanes]
    hidden = np.concatenate([reach[:, :-1].reshape(-1, 2) for reach in reaches])
    readouts = np.concatenate([reach[:, -1] for reach in reaches])
    readouts = readouts[np.isfinite(readouts).all(axis=1)]
    last = (readouts[:, 0].min(), readouts[:, 1].max()) if len(readouts) else (np.nan, np.nan)
    return np.vstack([hidden, last])


def _round_ends(low: float, high: float) -> tuple[float, float]:
    unit = 2.0 ** (math.floor(math.log2(high - low)) - 2)
    return math.floor(low / unit) * unit, math.ceil(high / unit) * unit


def place_bins(
    shades: FloatArray, low: float, high: float, share: float
) -> tuple[FloatArray, FloatArray]:
    """Place the bins of a frame: their ends, and the share of all entries in each of them."""
    amounts = (shades / 255.0) ** 2
    amounts *= share / (amounts.sum() or 1.0)
    ends = np.linspace(low, high, len(amounts) + 1)
    if low == high:  # equal entries
        ends[1:] = np.nextafter(low, np.inf)
    return ends, amounts


def spread_columns(lane: FilmLane, band: int, frames: slice, grid: Grid) -> Band:
    """Spread distributions over the rows of a grid: a column per frame and layer."""
    low, high, zeros, nonfinite = (
        array[band, frames].ravel() for array in (lane.low, lane.high, lane.zeros, lane.nonfinite)
    )
    shades = lane.shades[band, frames].reshape(len(low), -1)
    edges = grid.from_axis(grid.edges)
    zero_row = int(np.searchsorted(edges, 0.0, side="right")) - 1
    share = np.zeros((grid.rows, len(low)))
    full, below, above = np.ones(len(low)), np.zeros(len(low)), np.zeros(len(low))
    for i in np.flatnonzero(zeros + nonfinite < 1):
        ends, amounts = place_bins(shades[i], low[i], high[i], 1 - zeros[i] - nonfinite[i])
        inside = np.interp(edges, ends, np.concatenate([[0.0], np.cumsum(amounts)]))
        share[:, i] = np.diff(inside)
        below[i], above[i] = inside[0], amounts.sum() - inside[-1]
        full[i] = share[:, i].max() or 1.0
    if band == SIGNAL and 0 <= zero_row < grid.rows:
        share[zero_row] += zeros
    return Band(
        grid=grid,
        share=share.astype(np.float32),
        shade=shade_rows(share, full),
        below=below,
        above=above,
        zeros=zeros,
        nonfinite=nonfinite,
        hover=[""] * len(low),
    )


def film_figure(lanes: Sequence[FilmLane], *, height: int, mode: Mode = "light") -> go.Figure:
    """Draw the first frames of runs side by side, on the axes of the whole film.

    The figure is that of :func:`gradflow.charts.compare_flow_figure`. A browser puts the other
    frames into it; ``layout.meta.film`` says how: the ``kind`` and ``threshold`` of the rows of the
    activations, how many ``rows`` both bands have, and the colours of marks.

    Args:
        lanes: the runs; those without frames are left out.
        height: in pixels, without explanations.
        mode: for a light or a dark page.
    """
    lanes = [lane for lane in lanes if len(lane.steps)]
    if not lanes:
        return empty_figure(_("No step was recorded yet"), mode=mode, height=height)
    axes = fit_axes(lanes)
    palette = PALETTES[mode]
    strip = any((lane.zeros[GRADIENT] > 0).any() for lane in lanes)
    figure = draw_flows(
        [(lane.letter, lane.name) for lane in lanes],
        [shape_frame(lane, 0, axes) for lane in lanes],
        _write_notes(lanes, axes, strip),
        strip=strip,
        mode=mode,
        head=NAMES,
    )
    spec = get_spec(figure)
    film = {
        "letters": [lane.letter for lane in lanes],
        "gradient": lanes[0].gradient,
        "symbol": SYMBOLS[lanes[0].gradient],
        "kind": axes.signal.kind,
        "threshold": axes.signal.threshold,
        "rows": [grid.rows for grid in axes.grids],
        "colours": {"alarm": palette.alarm, "ink": palette.ink, "page": palette.page},
    }
    layout = {**spec["layout"], "height": height, "meta": {"film": film}}
    return PlainFigure({**spec, "layout": layout})


def shape_frame(lane: FilmLane, frame: int, axes: FilmAxes) -> FlowData:
    """Shape the numbers of a frame as a Flow figure draws them."""
    here = slice(frame, frame + 1)
    forward, backward = (
        spread_columns(lane, band, here, grid) for band, grid in enumerate(axes.grids)
    )
    return FlowData(
        layers=np.arange(1, lane.layers + 1),
        forward=forward,
        backward=backward,
        gradient=lane.gradient,
        rms=lane.level[frame],
        smallest_normal=axes.smallest_normal,
        smallest=axes.smallest,
        format_floor=lane.smallest,
        loss=math.nan,
        signal=_("activation a"),
        symbol=SYMBOLS[lane.gradient],
    )


def _write_notes(lanes: Sequence[FilmLane], axes: FilmAxes, strip: bool) -> list[str]:
    """Explain in one line the marks that occur in any frame."""
    explanations = {
        _("✕ NaN or infinite"): any((lane.nonfinite > 0).any() for lane in lanes),
        _("▲▼ part lies beyond the axis"): any(_leaves_axis(lane, axes) for lane in lanes),
        _("activation axis: linear near 0, logarithmic beyond"): axes.signal.kind == "symlog",
        _("╌ limits of the number format"): not math.isnan(axes.smallest_normal),
        _("zeros: gradient entries that are exactly 0"): strip,
    }
    line = "   ·   ".join(text for text, occurs in explanations.items() if occurs)
    return [line] if line else []


def _leaves_axis(lane: FilmLane, axes: FilmAxes) -> bool:
    low, high = axes.signal.from_axis(axes.signal.edges[[0, -1]])
    reach = lane.find_reach(SIGNAL)
    return bool((reach[..., 0] < low).any() or (reach[..., 1] > high).any())
