"""Summaries of tensors on an accelerator: nothing waits for the device until the end.

No value is read on the way (``.item()``, a branch on a tensor, ``bincount`` and boolean indexing
would all synchronize). Each tensor leaves one row of float64 numbers and one row of counts on the
device; ``collect`` stacks them and copies them once. The same code runs on a CPU, so machines
without an accelerator can test it.
"""

from __future__ import annotations

import math

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
from gradflow.core.recording.summary import FIELDS, Response, Summaries, to_full_precision

_SPECIALS = Specials._fields
_NUMBERS = (
    *("mean", "std", "rms", "low", "high"),
    *_SPECIALS,
    *("first", "last", "saturated", "dead_units", "similarity"),
)
"""Numbers computed on the device; ``first`` and ``last`` are the range of the finite entries."""


class DeviceSummarizer:
    """Summarizes without synchronizing; see ``HostSummarizer`` for arguments and results."""

    def __init__(self, loss_scale: float) -> None:
        self._loss_scale = loss_scale
        self._sizes: list[int] = []
        self._grids: list[str] = []
        self._numbers: list[Tensor] = []
        self._counts: dict[str, list[Tensor]] = {"linear": [], "float32": [], "float64": []}

    def add_signal(
        self, x: Tensor, response: Response | None = None, *, samples: bool = True
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
        if response is not None:
            if response.unsaturated is not None:
                low, high = response.unsaturated
                flat = x.reshape(-1)
                inside = (flat >= low) & (flat <= high)
                saturated = (~inside & ~flat.isnan()).double().mean()
            dead = count_dead_units_on_device(x, response)
        similarity = (
            _compute_similarity(x) if samples and x.dim() > 1 else values.new_full((), math.nan)
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
        if self._loss_scale != 1:
            x = x.double() / self._loss_scale
        name = "float64" if x.dtype == torch.float64 else "float32"
        grid = FLOAT64_GRID if name == "float64" else FLOAT32_GRID
        bits = x.contiguous().view(torch.int64 if name == "float64" else torch.int32)
        index = (bits >> grid.shift).long() + grid.size
        counts = torch.zeros(2 * grid.size, dtype=torch.int64, device=x.device)
        # By bits: comparing floats would treat subnormal numbers as zero where the device does.
        magnitude = bits & torch.iinfo(bits.dtype).max
        self._counts[name].append(counts.scatter_add_(0, index, (magnitude != 0).long()))
        smallest = torch.finfo(dtype).tiny / self._loss_scale
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
        return Summaries(numbers, [by_ticket[ticket] for ticket in range(len(self._sizes))])

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
    if response.alive is None:
        return x.new_zeros((), dtype=torch.float64)
    if response.channels and x.dim() > 2:
        x = x.movedim(1, -1)
    rows = x.reshape(-1, x.shape[-1]) if x.dim() > 1 else x.reshape(-1, 1)
    low, high = response.alive
    outside, inside = (rows <= low) | (rows >= high), (rows > low) & (rows < high)
    return (outside.any(0) & ~inside.any(0)).sum().double()


def _compute_similarity(x: Tensor) -> Tensor:
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
