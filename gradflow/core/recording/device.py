"""Summaries of tensors on an accelerator: nothing waits for the device until the end.

No value is read on the way (``.item()``, a branch on a tensor, ``bincount`` and boolean indexing
would all synchronize). Each tensor leaves one row of float64 numbers and one row of counts on the
device; ``collect`` stacks them and copies them once. The same code runs on a CPU, so machines
without an accelerator can test it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gradflow.core.histogram import (
    FLOAT32_GRID,
    FLOAT64_GRID,
    LINEAR_BINS,
    Histogram,
    IntArray,
    Specials,
    make_linear_histogram,
)
from gradflow.core.recording.summary import (
    FIELDS,
    Interval,
    Response,
    Summaries,
    choose_steps,
    to_full_precision,
    view_units,
)
from gradflow.core.units import MOST_UNITS, Units

_SPECIALS = Specials._fields
_NUMBERS = (
    *("mean", "std", "rms", "low", "high"),
    *_SPECIALS,
    *("first", "last", "saturated", "dead_units", "similarity"),
)
"""Numbers computed on the device; ``first`` and ``last`` are the range of the finite entries."""


class _Picked(NamedTuple):
    """Units that wait on the device: how many there are, entries of some, and which are dead."""

    total: int
    entries: Tensor
    unsaturated: Interval | None
    dead: Tensor | None


class DeviceSummarizer:
    """Summarizes without synchronizing; see ``HostSummarizer`` for arguments and results."""

    def __init__(self, loss_scale: float) -> None:
        self.loss_scale = loss_scale
        self._sizes: list[int] = []
        self._grids: list[str] = []
        self._numbers: list[Tensor] = []
        self._units: dict[int, _Picked] = {}
        self._counts: dict[str, list[Tensor]] = {"linear": [], "float32": [], "float64": []}

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
        values, finite = x.reshape(-1).double(), x.reshape(-1).isfinite()
        # Range of the finite entries; an empty one comes out as first > last.
        first = values.where(finite, math.inf).amin()
        last = values.where(finite, -math.inf).amax()
        unit = torch.maximum(first.abs(), last.abs()).where(first <= last, 1.0)
        unit = unit.where(unit > 0, 1.0)
        position = (values / unit - first / unit) * (LINEAR_BINS / (last / unit - first / unit))
        index = position.where(finite, 0).nan_to_num(0).clamp(0, LINEAR_BINS - 1).long()
        counts = torch.zeros(LINEAR_BINS, dtype=torch.int64, device=x.device)
        self._counts["linear"].append(counts.scatter_add_(0, index, finite.long()))
        saturated, dead = values.new_full((), math.nan), values.new_full((), math.nan)
        marks: Tensor | None = None
        if response is not None:
            if response.unsaturated is not None:
                low, high = response.unsaturated
                flat = x.reshape(-1)
                inside = (flat >= low) & (flat <= high)
                saturated = (~inside & ~flat.isnan()).double().mean()
            dead, marks = _mark_dead_units(x, response)
        if units:
            self._units[len(self._sizes)] = _pick_units(x, channels, response, marks)
        similarity = (
            compute_similarity(x.movedim(axis, 0))
            if samples and x.dim() > 1
            else values.new_full((), math.nan)
        )
        numbers = [
            *_compute_moments(values, x.reshape(-1)),
            first,
            last,
            saturated,
            dead,
            similarity,
        ]
        # subnormal numbers are counted in gradients only
        numbers.insert(_NUMBERS.index("subnormal"), values.new_zeros(()))
        return self._add("linear", x.numel(), numbers)

    def add_gradient(self, x: Tensor) -> int:
        dtype = x.dtype
        x = to_full_precision(x.detach()).reshape(-1)
        if self.loss_scale != 1:
            x = x.double() / self.loss_scale
        name = "float64" if x.dtype == torch.float64 else "float32"
        grid = FLOAT64_GRID if name == "float64" else FLOAT32_GRID
        bits = x.contiguous().view(torch.int64 if name == "float64" else torch.int32)
        index = (bits >> grid.shift).long() + grid.size
        counts = torch.zeros(2 * grid.size, dtype=torch.int64, device=x.device)
        # By bits: comparing floats would treat subnormal numbers as zero where the device does.
        magnitude = bits & torch.iinfo(bits.dtype).max
        self._counts[name].append(counts.scatter_add_(0, index, (magnitude != 0).long()))
        smallest = torch.finfo(dtype).tiny / self.loss_scale
        threshold = torch.tensor(smallest, dtype=x.dtype).view(bits.dtype).item()
        numbers = _compute_moments(x.double(), x)
        numbers[_NUMBERS.index("zeros")] = (magnitude == 0).sum().double()
        subnormal = ((magnitude > 0) & (magnitude < threshold)).sum().double()
        numbers.insert(_NUMBERS.index("subnormal"), subnormal)
        nan = x.new_full((), math.nan, dtype=torch.float64)
        return self._add(name, x.numel(), [*numbers, nan, nan, nan, nan, nan])

    def collect(self) -> Summaries:
        unknown = [math.nan] * len(FIELDS)
        if not self._numbers:
            return Summaries(np.array([unknown]), [])
        rows = torch.stack(self._numbers).cpu().numpy()
        names = [name for name in FIELDS if name != "size"]
        columns = [np.array(self._sizes, np.float64), *(rows[:, _NUMBERS.index(n)] for n in names)]
        numbers = np.vstack([np.stack(columns, axis=1), unknown])
        specials = [
            Specials(*map(int, row)) for row in rows[:, [_NUMBERS.index(n) for n in _SPECIALS]]
        ]
        by_ticket: dict[int, Histogram] = {}
        for name, parts in self._counts.items():
            tickets = [i for i, grid in enumerate(self._grids) if grid == name]
            if not tickets:
                continue
            counts = torch.stack(parts).cpu().numpy()
            if name == "linear":
                first, last = (rows[tickets, _NUMBERS.index(n)] for n in ("first", "last"))
                histograms = [
                    _make_histogram(float(first[k]), float(last[k]), counts[k], specials[i])
                    for k, i in enumerate(tickets)
                ]
            else:
                grid = FLOAT64_GRID if name == "float64" else FLOAT32_GRID
                histograms = grid.make_histograms(counts, [specials[i] for i in tickets])
            by_ticket.update(zip(tickets, histograms, strict=True))
        histograms = [by_ticket[ticket] for ticket in range(len(self._sizes))]
        return Summaries(numbers, histograms, _collect_units(self._units))

    def _add(self, grid: str, size: int, numbers: list[Tensor]) -> int:
        self._numbers.append(torch.stack(numbers))
        self._grids.append(grid)
        self._sizes.append(size)
        return len(self._sizes) - 1


def _compute_moments(values: Tensor, original: Tensor) -> list[Tensor]:
    """Compute mean, std, rms, low, high, zeros, nan, posinf and neginf of float64 ``values``."""
    largest = values.abs().amax()
    unit = largest.where((largest > 0) & largest.isfinite(), 1.0)
    scaled = values / unit
    mean = scaled.mean()
    return [
        unit * mean,
        unit * (scaled - mean).square().mean().sqrt(),
        unit * scaled.square().mean().sqrt(),
        values.amin(),
        values.amax(),
        (original == 0).sum().double(),
        values.isnan().sum().double(),
        (values == math.inf).sum().double(),
        (values == -math.inf).sum().double(),
    ]


def count_dead_units_on_device(x: Tensor, response: Response) -> Tensor:
    """Count the units whose output lies outside ``alive`` for every sample; no synchronization."""
    return _mark_dead_units(x, response)[0]


def _mark_dead_units(x: Tensor, response: Response) -> tuple[Tensor, Tensor | None]:
    """Count the dead units, and mark them; no marks where no unit can be dead."""
    if response.alive is None:
        return x.new_zeros((), dtype=torch.float64), None
    if response.channels and x.dim() > 2:
        x = x.movedim(1, -1)
    rows = x.reshape(-1, x.shape[-1]) if x.dim() > 1 else x.reshape(-1, 1)
    low, high = response.alive
    outside, inside = (rows <= low) | (rows >= high), (rows > low) & (rows < high)
    dead = outside.any(0) & ~inside.any(0)
    return dead.sum().double(), dead[:MOST_UNITS]


def _pick_units(
    x: Tensor, channels: bool, response: Response | None, dead: Tensor | None
) -> _Picked:
    """Copy few entries of the first units; what follows from them waits until the end."""
    view = view_units(x, channels=channels)
    step, stride = choose_steps(len(view), view.shape[2] if view.dim() > 2 else 1)
    entries = view[::step, :MOST_UNITS]
    if view.dim() > 2:
        entries = entries[..., ::stride]
    rows = entries.movedim(1, 0).flatten(1).clone()
    return _Picked(view.shape[1], rows, response.unsaturated if response else None, dead)


def _collect_units(picked: Mapping[int, _Picked]) -> dict[int, Units]:
    """Compute what is known of all picked units, and copy it at once."""
    if not picked:
        return {}
    numbers = []
    for units in picked.values():
        shown, marks = units.entries.double(), units.dead
        outside = torch.full_like(shown[:, 0], math.nan)
        if units.unsaturated is not None:
            low, high = units.unsaturated
            outside = ((shown < low) | (shown > high)).double().mean(1)
        dead = torch.zeros_like(outside) if marks is None else marks.double()
        numbers.append(torch.stack([shown.abs().mean(1), dead, outside]))
    columns = torch.cat(numbers, dim=1).cpu().numpy()
    result, first = {}, 0
    for ticket, units in picked.items():
        last = first + len(units.entries)
        mean_abs, dead, saturated = columns[:, first:last]
        result[ticket] = Units(units.total, mean_abs, dead != 0, saturated)
        first = last
    return result


def compute_similarity(x: Tensor) -> Tensor:
    """Compute the mean cosine between two different samples; all-zero samples are left out."""
    rows = x.reshape(len(x), -1).double()
    largest = rows.abs().amax()
    rows = rows / largest.where(largest > 0, 1.0)  # squares stay in range
    length: Tensor = torch.linalg.vector_norm(rows, dim=1)
    used = (length > 0) & length.isfinite()
    unit = rows / length.where(used, 1.0)[:, None]
    count = used.sum().double()
    broken = length.isfinite().logical_not().any()
    mean: Tensor = (unit.sum(0).square().sum() - count) / (count * (count - 1))
    return mean.where((count > 1) & ~broken, math.nan)


def _make_histogram(first: float, last: float, counts: IntArray, specials: Specials) -> Histogram:
    no_finite_entry = first > last
    return make_linear_histogram(first, last, counts[:0] if no_finite_entry else counts, specials)
