"""Summaries of CPU tensors, made at once by compiled loops while the tensor is in the cache."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gradflow.core.histogram import (
    FLOAT32_GRID,
    FLOAT64_GRID,
    LINEAR_BINS,
    Histogram,
    IntArray,
    LogGrid,
    Specials,
    make_linear_histogram,
    make_linear_histograms,
)
from gradflow.core.recording import kernels
from gradflow.core.recording.summary import (
    FIELDS,
    FULL_PRECISION,
    Interval,
    Response,
    Summaries,
    choose_steps,
    to_full_precision,
    view_units,
)
from gradflow.core.units import MOST_UNITS, Units

Array = npt.NDArray[Any]
_NAN = math.nan
_NO_COUNTS: IntArray = np.zeros(0, np.int64)
_EMPTY_INTERVAL: Interval = (math.inf, -math.inf)

_SPECIALS = slice(FIELDS.index("zeros"), FIELDS.index("neginf") + 1)


_SIGNED: dict[int, np.dtype[Any]] = {4: np.dtype(np.int32), 8: np.dtype(np.int64)}
"""Integers as wide as floats of so many bytes: the compiled loops look at bits."""


class _Gradients(NamedTuple):
    """How gradients of one number format are counted, and the counts by ticket.

    Attributes:
        shift, bins: of the logarithmic grid.
        smallest: the bits of the smallest normal number.
        always: whether small entries are looked for in any case.
        counts: over the negative bins, then the positive ones.
    """

    shift: int
    bins: int
    smallest: int
    always: bool
    counts: dict[int, IntArray]


class HostSummarizer:
    """Summarizes CPU tensors; see :class:`gradflow.core.recording.summary.Summarizer`.

    Args:
        loss_scale: gradients are divided by it. Below the smallest normal number of their own
            format divided by it they are counted as subnormal.
    """

    def __init__(self, loss_scale: float) -> None:
        self.loss_scale = loss_scale
        self._rows: list[tuple[float, ...]] = []
        self._histograms: dict[int, Histogram] = {}
        self._units: dict[int, tuple[tuple[int, Array], Array | None]] = {}
        # Counts by ticket, from which histograms are made together at the end.
        self._linear: dict[int, IntArray] = {}
        self._logarithmic: dict[LogGrid, dict[int, IntArray]] = {}
        self._gradients: dict[torch.dtype, _Gradients] = {}

    def collect(self) -> Summaries:
        numbers = np.array([*self._rows, (_NAN,) * len(FIELDS)], np.float64)
        specials = [Specials(*row) for row in numbers[:-1, _SPECIALS].astype(np.int64).tolist()]
        by_ticket = dict(self._histograms)
        if self._linear:
            low, high = (numbers[list(self._linear), FIELDS.index(f)] for f in ("low", "high"))
            histograms = make_linear_histograms(
                low, high, list(self._linear.values()), [specials[i] for i in self._linear]
            )
            by_ticket.update(zip(self._linear, histograms, strict=True))
        for grid, entries in self._logarithmic.items():
            histograms = grid.make_histograms(
                np.concatenate(list(entries.values())).reshape(len(entries), -1),
                [specials[i] for i in entries],
            )
            by_ticket.update(zip(entries, histograms, strict=True))
        histograms = [by_ticket[ticket] for ticket in range(len(self._rows))]
        saturates = np.isfinite(numbers[:, FIELDS.index("saturated")])
        units = {
            ticket: _make_units(*parts, saturates=bool(saturates[ticket]))
            for ticket, parts in self._units.items()
        }
        return Summaries(numbers, histograms, units)

    def add_signal(
        self,
        x: Tensor,
        response: Response | None = None,
        *,
        samples: bool = True,
        axis: int = 0,
        units: bool = False,
        channels: bool = False,
    ) -> int:
        x = to_full_precision(x.detach())
        array, flat = x.numpy(), flatten(x)
        ticket, size = len(self._rows), flat.size
        unsaturated = response.unsaturated if response else None
        counts: IntArray = np.empty(LINEAR_BINS, np.int64)
        bits, interval = flat.view(_SIGNED[flat.itemsize]), unsaturated or _EMPTY_INTERVAL
        mean, std, rms, low, high, zeros, nan, posinf, neginf, inside, counted = (
            kernels.scan_signal(flat, bits, *interval, counts)
        )
        if counted:
            self._linear[ticket] = counts
        else:
            specials = Specials(zeros, 0, nan, posinf, neginf)
            self._histograms[ticket] = _make_unusual_histogram(flat, low, high, specials)
        saturated = 1.0 - (inside + nan) / size if unsaturated else _NAN
        dead, alive = _NAN, None
        if response is not None:
            dead, alive = _mark_alive_units(array, low, high, response)
        if units:
            self._units[ticket] = _scan_units(array, channels, unsaturated), alive
        similarity = _NAN
        if samples and array.ndim > 1:
            rows = _view_samples(np.moveaxis(array, axis, 0) if axis else array)
            similarity = kernels.compute_similarity(rows, max(abs(low), abs(high)))
        row = (size, mean, std, rms, low, high, zeros, 0, nan, posinf, neginf)
        self._rows.append((*row, saturated, dead, similarity))
        return ticket

    def add_gradient(self, x: Tensor) -> int:
        form = self._gradients.get(x.dtype) or self._add_format(x.dtype)
        x = to_full_precision(x.detach())
        if self.loss_scale != 1:
            x = x.double() / self.loss_scale
        flat = flatten(x)
        ticket = len(self._rows)
        counts: IntArray = np.empty(form.bins, np.int32)
        bits = flat.view(_SIGNED[flat.itemsize])
        row = kernels.scan_gradient(flat, bits, form.shift, form.smallest, form.always, counts)
        form.counts[ticket] = counts
        self._rows.append((flat.size, *row, _NAN, _NAN, _NAN))
        return ticket

    def _add_format(self, dtype: torch.dtype) -> _Gradients:
        is_scaled = self.loss_scale != 1
        is_wide = dtype == torch.float64 or is_scaled
        grid, real = (FLOAT64_GRID, np.float64) if is_wide else (FLOAT32_GRID, np.float32)
        smallest = int(real(torch.finfo(dtype).tiny / self.loss_scale).view(f"i{real().itemsize}"))
        self._gradients[dtype] = form = _Gradients(
            grid.shift,
            2 * grid.size,
            smallest,
            always=is_scaled or dtype not in FULL_PRECISION,
            counts=self._logarithmic.setdefault(grid, {}),
        )
        return form


def flatten(x: Tensor) -> Array:
    """List all entries in memory order; a dense tensor (a transposed one, say) is not copied."""
    if not x.is_contiguous():
        x = x.permute(*sorted(range(x.dim()), key=x.stride, reverse=True))
    flat: Array = x.numpy().reshape(-1)  # torch's own reshape takes 1.4 µs more
    return flat


def _view_samples(x: Array) -> Array:
    """View entries as one row per sample (position along the first axis)."""
    return x if x.ndim == 2 else x.reshape(len(x), -1)


def _make_unusual_histogram(flat: Array, low: float, high: float, specials: Specials) -> Histogram:
    """Make the histogram of entries whose range is empty, too small, too large or not finite."""
    if specials.nan or specials.posinf or specials.neginf:
        flat = flat[np.isfinite(flat)]
        if not flat.size:
            return make_linear_histogram(0.0, 0.0, _NO_COUNTS, specials)
        low, high = float(flat.min()), float(flat.max())
    if low == high:
        return make_linear_histogram(low, high, np.array([flat.size]), specials)
    unit = max(abs(low), abs(high))
    counts: IntArray = np.empty(LINEAR_BINS, np.int64)
    scale = LINEAR_BINS / (high / unit - low / unit)
    kernels.fill_linear_counts(flat.astype(np.float64) / unit, low / unit, scale, counts)
    return make_linear_histogram(low, high, counts, specials)


def count_dead_units(x: Tensor, low: float, high: float, response: Response) -> float:
    """Count the units whose output lies outside ``alive`` for every sample.

    ``low`` and ``high`` are the extremes of ``x``, which often answer alone.
    """
    return _mark_alive_units(x.numpy(), low, high, response)[0]


def _mark_alive_units(
    x: Array, low: float, high: float, response: Response
) -> tuple[float, Array | None]:
    """Count the dead units, and mark the others by 1; no marks if none is dead."""
    alive = response.alive
    if alive is None or (low > alive[0] and high < alive[1]):
        return 0.0, None
    view = view_units(x, channels=response.channels)
    mark = kernels.mark_alive_columns if view.ndim == 2 else kernels.mark_alive_channels
    dead, marks = mark(view, *alive)
    return float(dead), marks if dead else None


def _scan_units(x: Array, channels: bool, unsaturated: Interval | None) -> tuple[int, Array]:
    """Count the units, and measure the first ones: mean |x|, and the share that is saturated."""
    view = view_units(x, channels=channels)
    count = view.shape[1]
    shown = min(count, MOST_UNITS)
    low, high = unsaturated or _EMPTY_INTERVAL
    if view.ndim == 2:
        step, _stride = choose_steps(len(view), 1)
        return count, kernels.scan_unit_columns(view, shown, step, low, high)
    steps = choose_steps(len(view), view.shape[2])
    return count, kernels.scan_unit_channels(view, shown, *steps, low, high)


def _make_units(scanned: tuple[int, Array], alive: Array | None, *, saturates: bool) -> Units:
    count, (mean_abs, saturated) = scanned
    shown = len(mean_abs)
    return Units(
        count,
        mean_abs,
        np.zeros(shown, np.bool_) if alive is None else alive[:shown] == 0,
        saturated if saturates else np.full(shown, _NAN),
    )
