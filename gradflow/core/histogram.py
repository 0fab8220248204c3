"""Histograms as plain numbers, which a report stores and a chart reads. No tensors here.

Two kinds share one class. *Linear* ones (signals, weights) have ``LINEAR_BINS`` equal bins from
the smallest to the largest finite value. *Logarithmic* ones (gradients) live on a grid that is
fixed by the number format alone, so that layers and runs share their bins: a bin is one value of
(exponent, first two mantissa bits), i.e. four bins per factor of two, 0.06 to 0.10 decades each.
Exact zeros (in a logarithmic histogram) and non-finite entries are in no bin; they are counted
beside the bins, so ``counts.sum() + zeros·[log] + nonfinite`` is the number of entries.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from gradflow.core import plain
from gradflow.core.errors import InvalidReport, quote_value
from gradflow.core.text import Text

LINEAR_BINS = 256
MANTISSA_BITS = 2
"""Mantissa bits that the logarithmic grid keeps."""

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
_NO_COUNTS: IntArray = np.zeros(0, np.int64)
_MOST = 2**48
"""No count is that large."""
_LONGEST = 2**16
"""Bytes of packed counts: the grid of float64 has 8,188 bins."""
_LARGEST_FLOAT = float(np.finfo(np.float64).max)


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of the entries of one tensor.

    Attributes:
        scale: ``linear`` (edges are values) or ``log10`` (edges are log10 of absolute values).
        edges: bin edges, length ``len(counts) + 1``, increasing.
        counts: entries per bin; in a log histogram of both signs together.
        negative: log histograms only: how many of ``counts`` are negative entries.
        zeros: exact zeros. In a linear histogram they are in their bin as well.
        subnormal: non-zero entries below the smallest normal number of the dtype (also binned).
        nan, posinf, neginf: non-finite entries, in no bin.
    """

    scale: Literal["linear", "log10"]
    edges: FloatArray
    counts: IntArray
    negative: IntArray = field(default_factory=lambda: _NO_COUNTS)
    zeros: int = 0
    subnormal: int = 0
    nan: int = 0
    posinf: int = 0
    neginf: int = 0

    @property
    def nonfinite(self) -> int:
        """NaN and infinite entries."""
        return self.nan + self.posinf + self.neginf

    @cached_property
    def total(self) -> int:
        """All entries of the tensor."""
        outside = self.zeros if self.scale == "log10" else 0
        return int(self.counts.sum()) + outside + self.nonfinite

    @property
    def density(self) -> FloatArray:
        """Share of all entries per unit of the axis (per decade on a log axis)."""
        widths = np.diff(self.edges)
        if not self.total:
            return np.zeros(len(self.counts))
        return np.divide(
            self.counts / self.total, widths, out=np.zeros(len(self.counts)), where=widths > 0
        )

    @property
    def signed(self) -> tuple[IntArray, IntArray]:
        """Log histograms: ``(negative, positive)`` counts on the same ``edges``."""
        return self.negative, self.counts - self.negative

    def to_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready data: counts packed, of linear edges the ends, of others the first.

        The edges of a logarithmic histogram that is on no grid of a number format are listed.
        """
        data: dict[str, Any] = {"scale": self.scale, "counts": pack_counts(self.counts)}
        if self.scale == "linear":
            data["range"] = [float(self.edges[0]), float(self.edges[-1])]
        else:
            data |= _locate_edges(self.edges)
            data["negative"] = pack_counts(self.negative)
        for name in ("zeros", "subnormal", "nan", "posinf", "neginf"):
            data[name] = getattr(self, name)
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Histogram:
        """Read the data of :meth:`to_dict`.

        Raises:
            InvalidReport: the data are not those of a histogram.
        """
        try:
            counts = _read_counts(data, "counts")
            rest = [_read_counts({name: [data[name]]}, name)[0] for name in Specials._fields]
            if data["scale"] == "linear":
                low, high = plain.read_field(data, "range", _read_finite)
                if low > high:
                    raise ValueError("range: it ends below its beginning")
                edges = _compute_linear_edges(low, high, len(counts))
                negative = _NO_COUNTS
            elif data["scale"] == "log10":
                edges = _read_log_edges(data, len(counts))
                negative = _read_counts(data, "negative")
                if len(negative) != len(counts) or (negative > counts).any():
                    raise ValueError("negative: more negative entries than entries")
            else:
                raise ValueError(f"scale: {quote_value(data['scale'])} is not linear or log10")
            if edges.shape != (len(counts) + 1,) or not (edges[1:] >= edges[:-1]).all():
                raise ValueError("edges: they do not rise, or do not fit the counts")
            return cls(data["scale"], edges, counts, negative, *map(int, rest))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InvalidReport(
                Text("histogram: not readable ({error})", error=str(error))
            ) from error


class Specials(NamedTuple):
    """Entries that a histogram counts beside its bins, whether or not they are also in one."""

    zeros: int = 0
    subnormal: int = 0
    nan: int = 0
    posinf: int = 0
    neginf: int = 0


def make_linear_histogram(
    low: float, high: float, counts: IntArray, specials: Specials
) -> Histogram:
    """Make a histogram of ``LINEAR_BINS`` equal bins from ``low`` to ``high``, the finite extremes.

    If all values are equal, one bin around them; if there are none (``counts`` empty), no bin.
    """
    if not len(counts):
        edges = np.zeros(1)
    elif low == high:
        margin = 0.5 * abs(low) or 0.5
        edges = np.array([low - margin, low + margin]).clip(-_LARGEST_FLOAT, _LARGEST_FLOAT)
        counts = counts.sum(keepdims=True)
    else:
        edges = _compute_linear_edges(low, high, LINEAR_BINS)
    return Histogram("linear", edges, counts, _NO_COUNTS, *specials)


def make_linear_histograms(
    low: FloatArray, high: FloatArray, counts: Sequence[IntArray], specials: Sequence[Specials]
) -> list[Histogram]:
    """Make many linear histograms at once, all with ``LINEAR_BINS`` bins and low < high."""
    edges = _compute_linear_edges(low[:, None], high[:, None], LINEAR_BINS)
    # Together: a hundred small arrays that stay between tensors that go leave holes in the memory.
    together = np.concatenate(counts).reshape(len(counts), -1)  # np.stack takes twice as long
    return [
        Histogram("linear", edges[i], together[i], _NO_COUNTS, *special)
        for i, special in enumerate(specials)
    ]


def _compute_linear_edges(
    low: float | FloatArray, high: float | FloatArray, bins: int
) -> FloatArray:
    # As a weighted mean, because high - low may exceed the range of float64.
    falling, rising = _compute_edge_weights(bins)
    edges: FloatArray = low * falling + high * rising
    return edges


@lru_cache(maxsize=8)
def _compute_edge_weights(bins: int) -> tuple[FloatArray, FloatArray]:
    rising = np.arange(bins + 1) / max(bins, 1)
    return 1 - rising, rising


def is_point(histogram: Histogram) -> bool:
    """Whether all finite entries are equal; a linear histogram then has one bin."""
    return histogram.scale == "linear" and len(histogram.counts) == 1


def read_point(histogram: Histogram) -> float:
    """Read the value that all entries share, in a histogram that :func:`is_point`."""
    return float(histogram.edges[0] / 2 + histogram.edges[-1] / 2)


def drop_zeros(histogram: Histogram) -> IntArray:
    """Count the entries of a linear histogram without exact zeros, which are in one of its bins."""
    counts = histogram.counts.copy()
    if not histogram.zeros or not len(counts):
        return counts
    zero_bin = int(np.searchsorted(histogram.edges, 0.0, side="right")) - 1
    zero_bin = min(max(zero_bin, 0), len(counts) - 1)
    # Next to an edge, rounding may have put the zeros on either side of it.
    first = max(zero_bin - 1, 0)
    zero_bin = first + int(np.argmax(counts[first : zero_bin + 2]))
    counts[zero_bin] = max(int(counts[zero_bin]) - histogram.zeros, 0)
    return counts


def cumulate(counts: npt.NDArray[Any]) -> FloatArray:
    """Count the entries below each edge of the bins."""
    cumulated = np.zeros(len(counts) + 1)
    np.cumsum(counts, out=cumulated[1:])
    return cumulated


def _read_counts(data: Mapping[str, Any], name: str) -> IntArray:
    """Read counts from JSON, packed or as a list; their sum cannot overflow."""
    values = plain.read_field(data, name, lambda value: plain.check_type(value, list, str))
    if isinstance(values, str):
        with plain.name_field(name):
            return unpack_counts(values)
    if not all(type(value) is int and 0 <= value < _MOST for value in values):
        raise ValueError(f"{name}: there are entries that are no counts")
    return np.array(values, np.int64)


def pack_counts(counts: IntArray) -> str:
    """Pack counts into a text: their bytes, the high ones of all together, deflated, in base64."""
    plane = counts.astype("<u8").view(np.uint8).reshape(-1, 8).T
    return base64.b64encode(zlib.compress(plane.tobytes(), 6)).decode()


def unpack_counts(text: str) -> IntArray:
    """Unpack what ``pack_counts`` has packed; raises ``ValueError`` on anything else."""
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(base64.b64decode(text, validate=True), _LONGEST)
    except zlib.error as error:
        raise ValueError(f"not readable ({error})") from None
    if not unpacker.eof or len(content) % 8:
        raise ValueError("not readable (its end is missing)")
    counts = np.frombuffer(content, np.uint8).reshape(8, -1).T.copy().view("<u8").reshape(-1)
    if (counts >= _MOST).any():
        raise ValueError("there are entries that are no counts")
    return counts.astype(np.int64)


def _locate_edges(edges: FloatArray) -> dict[str, Any]:
    """Locate edges on the grid of a number format: which, and the number of the first one."""
    for name, grid in _GRIDS.items():
        first = int(np.searchsorted(grid.edges, edges[0])) if len(edges) else 0
        if np.array_equal(grid.edges[first : first + len(edges)], edges):
            return {"grid": name, "first": first}
    return {"edges": edges.tolist()}


def _read_log_edges(data: Mapping[str, Any], count: int) -> FloatArray:
    if "grid" not in data:
        return np.array(plain.read_field(data, "edges", _read_finite))
    grid = _GRIDS[plain.read_field(data, "grid", plain.read_text)]
    first = plain.read_field(data, "first", plain.read_whole)
    return grid.edges[first : first + count + 1]


def _read_finite(values: Any) -> list[float]:
    numbers = [plain.read_real(value) for value in plain.check_type(values, list)]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("there are entries that are not finite")
    return numbers


@dataclass(frozen=True)
class LogGrid:
    """The fixed grid of gradients for one number format, given by its bit layout.

    ``exponent_bits`` and ``mantissa_bits`` are those of the format that is binned: float64 for
    float64 tensors, float32 for all others (float16 and bfloat16 convert to it exactly).
    """

    exponent_bits: int
    mantissa_bits: int

    @property
    def shift(self) -> int:
        """Bits to drop so that sign, exponent and ``MANTISSA_BITS`` remain."""
        return self.mantissa_bits - MANTISSA_BITS

    @property
    def size(self) -> int:
        """Bins of one sign, those of zero and of non-finite numbers included."""
        return 1 << (self.exponent_bits + MANTISSA_BITS)

    @property
    def finite(self) -> int:
        """Bins of one sign that hold finite numbers; those above hold inf and NaN."""
        return self.size - (1 << MANTISSA_BITS)

    @property
    def edges(self) -> FloatArray:
        """log10 of the lower edges of the finite bins, and of the last upper edge."""
        return _compute_log_edges(self.exponent_bits, self.mantissa_bits)

    def make_histograms(
        self, by_sign: npt.NDArray[Any], specials: Sequence[Specials]
    ) -> list[Histogram]:
        """Make a histogram per row of ``by_sign``, counts over ``[negative bins, positive bins]``.

        Zeros must not be among the counts. All histograms share the bins that any of them uses,
        so that a heatmap can stack them.
        """
        used = by_sign.max(axis=0) > 0
        bins = np.flatnonzero(used[: self.finite] | used[self.size : self.size + self.finite])
        low, high = (int(bins[0]), int(bins[-1]) + 1) if len(bins) else (0, 0)
        negative = by_sign[:, low:high].astype(np.int64)
        counts = negative + by_sign[:, self.size + low : self.size + high]
        edges = self.edges[low : high + 1]
        return [
            Histogram("log10", edges, counts[i], negative[i], *special)
            for i, special in enumerate(specials)
        ]


@lru_cache
def _compute_log_edges(exponent_bits: int, mantissa_bits: int) -> FloatArray:
    grid = LogGrid(exponent_bits, mantissa_bits)
    bias = (1 << (exponent_bits - 1)) - 1
    index = np.arange(grid.finite + 1)
    exponent, fraction = index >> MANTISSA_BITS, (index & ((1 << MANTISSA_BITS) - 1)) / 4
    power = np.maximum(exponent, 1) - bias
    significand = np.where(exponent > 0, 1 + fraction, fraction)
    significand[0] = 2.0**-mantissa_bits  # the smallest subnormal number
    edges: FloatArray = np.log10(significand) + power * np.log10(2.0)
    return edges


FLOAT32_GRID = LogGrid(exponent_bits=8, mantissa_bits=23)
FLOAT64_GRID = LogGrid(exponent_bits=11, mantissa_bits=52)
_GRIDS = {"float32": FLOAT32_GRID, "float64": FLOAT64_GRID}
