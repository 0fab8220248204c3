"""Statistics and histograms of single tensors against NumPy, for both summarizers."""

from __future__ import annotations

import math

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from gradflow.core.histogram import LINEAR_BINS
from gradflow.core.recording.device import DeviceSummarizer
from gradflow.core.recording.host import HostSummarizer
from gradflow.core.recording.summary import Summaries

both = pytest.mark.parametrize("summarizer", [HostSummarizer, DeviceSummarizer])


def draw_entries(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def draw_entries_with(*values: float) -> torch.Tensor:
    x = draw_entries(13, 7)
    for index, value in enumerate(values):
        x.view(-1)[5 * index + 3] = value
    return x


NAN, INF = math.nan, math.inf
SPECIAL = {
    "random": draw_entries(64, 33),
    "all equal": torch.full((9, 5), 0.3, dtype=torch.float64),
    "zeros": torch.zeros(4, 4, dtype=torch.float64),
    "negative zeros": -torch.zeros(4, 4, dtype=torch.float64),
    "both zeros": draw_entries_with(0.0, -0.0, 0.0),
    "nan": draw_entries_with(NAN),
    "inf": draw_entries_with(INF),
    "minus inf": draw_entries_with(-INF),
    "all kinds": draw_entries_with(NAN, INF, -INF, INF, 0.0, -0.0),
    "only nan": torch.full((5,), NAN, dtype=torch.float64),
    "only inf": torch.full((5,), INF, dtype=torch.float64),
    "one finite": torch.tensor([NAN, 2.0, INF], dtype=torch.float64),
    "mean far above std": 1000 + draw_entries(50, 20),
    "powers of two": torch.tensor([s * 2.0**e for s in (1, -1) for e in range(-14, 15)]).double(),
    "one entry": torch.tensor([-3.0], dtype=torch.float64),
    "0-d": torch.tensor(2.5, dtype=torch.float64),
}
FLOAT32 = {  # beyond float16
    "subnormal": 1e-40 * draw_entries(40, 5),
    "deep subnormal and both zeros": torch.tensor([1e-45, -1e-45, 3e-42, 0.0, -0.0, -0.0]).double(),
    "across the smallest normal": 2.0**-126 * draw_entries(40, 5),
    "tiny": 1e-30 * draw_entries(40, 5),
    "huge": 1e37 * draw_entries(40, 5),
    "whole range": torch.tensor([-3.4e38, 3.4e38, 1e-45, 1.0]).double(),
    "wide": 10 ** (12 * draw_entries(40, 50)),
    "mean far far above std": 1e6 + draw_entries(50, 20),
}
FLOAT64 = {
    "1e-320": 1e-320 * draw_entries(40, 5),
    "1e-300": 1e-300 * draw_entries(40, 5),
    "1e300": 1e300 * draw_entries(40, 5),
    "whole range": torch.tensor([-1.7e308, 1.7e308, 5e-324, 1.0], dtype=torch.float64),
    "wide": 10 ** (50 * draw_entries(40, 50)),
    "mean far far above std": 1e9 + draw_entries(50, 20),
    "one huge value": torch.full((3,), 1.7e308, dtype=torch.float64),
}
LAYOUT = {
    "transposed": draw_entries(6, 35).T,
    "strided": draw_entries(20, 30)[::3, 1::2],
    "expanded": draw_entries(1, 30).expand(7, 30),
    "broadcast scalar": torch.tensor(0.5, dtype=torch.float64).expand(4, 6),
    "channels last": draw_entries(2, 3, 4, 5).to(memory_format=torch.channels_last),
    "permuted 3-d": draw_entries(3, 4, 5).permute(2, 0, 1),
    "flipped": draw_entries(8, 9).flip(1),
}
SIZES = {f"{n} entries": draw_entries(n) for n in (1, 2, 3, 4, 5, 1023, 1024, 1025, 4095, 4097)}

CASES = [
    pytest.param(x.to(dtype), id=f"{name}-{str(dtype).removeprefix('torch.')}")
    for tables, dtypes in (
        ((SPECIAL, LAYOUT), (torch.float64, torch.float32, torch.float16, torch.bfloat16)),
        ((FLOAT32,), (torch.float32, torch.bfloat16)),
        ((FLOAT64,), (torch.float64,)),
        ((SIZES,), (torch.float32, torch.float64)),
    )
    for table in tables
    for name, x in table.items()
    for dtype in dtypes
]
each_tensor = pytest.mark.parametrize("x", CASES)


def to_array(x: torch.Tensor) -> np.ndarray:
    return x.double().numpy().reshape(-1)


class Row:
    """One tensor's statistics, by name."""

    def __init__(self, summaries: Summaries, ticket: int) -> None:
        self.summaries, self.ticket = summaries, ticket
        self.histogram = summaries.histograms[ticket]

    def __getattr__(self, name: str) -> float:
        return float(self.summaries.get_column(name, [self.ticket])[0])


def summarize(summarizer, x, *, gradient: bool, loss_scale: float = 1.0, response=None):
    instance = summarizer(loss_scale)
    ticket = instance.add_gradient(x) if gradient else instance.add_signal(x, response)
    return Row(instance.collect(), ticket)


def assert_moments(summary, x: np.ndarray) -> None:
    """Compare with NumPy in extended precision, whose range holds every square of a float64."""
    with np.errstate(all="ignore"):
        wide = x.astype(np.longdouble)
        mean = wide.mean()
        expected = {
            "mean": mean,
            "std": np.sqrt(((wide - mean) ** 2).mean()),
            "rms": np.sqrt((wide**2).mean()),
            "low": wide.min(),
            "high": wide.max(),
            "norm": np.sqrt((wide**2).sum()),
            "max_abs": np.abs(wide).max(),
        }
    expected = {name: float(value) for name, value in expected.items()}
    size = expected["rms"] if math.isfinite(expected["rms"]) else 0.0
    for name, value in expected.items():
        # Means cancel: the error is relative to the entries, as in NumPy's own float64 mean. A
        # subnormal result has an error of its own, and the norm is √n times the rms.
        near = {"mean": 1e-13 * size, "std": 1e-13 * size}.get(name, 0.0)
        near += 5e-324 * (2 + (math.sqrt(x.size) if name == "norm" else 0))
        rtol = 1e-9 if name == "std" else 1e-12
        assert getattr(summary, name) == pytest.approx(value, rel=rtol, abs=near, nan_ok=True), name
    assert summary.size == x.size
    assert summary.zero == np.mean(x == 0)
    specials = (np.isnan(x).sum(), (x == INF).sum(), (x == -INF).sum())
    assert (summary.nan, summary.posinf, summary.neginf) == specials
    assert summary.nonfinite == sum(specials)


def assert_linear(histogram, x: np.ndarray) -> None:
    """Every finite entry is in its bin, but for those within rounding of an edge."""
    finite = x[np.isfinite(x)]
    assert histogram.scale == "linear"
    assert histogram.total == x.size
    assert histogram.counts.sum() == finite.size
    assert (np.diff(histogram.edges) >= 0).all()  # equal where 256 edges do not fit in between
    assert np.isfinite(histogram.edges).all()
    if not finite.size:
        return
    low, high = finite.min(), finite.max()
    if low == high:
        assert histogram.counts.tolist() == [finite.size]
        assert histogram.edges[0] <= low <= histogram.edges[-1]
        return
    assert (histogram.edges[0], histogram.edges[-1]) == (low, high)
    assert len(histogram.counts) == LINEAR_BINS
    extent = np.longdouble(high) - np.longdouble(low)
    position = (finite.astype(np.longdouble) - low) / extent * LINEAR_BINS
    edges = np.arange(1, LINEAR_BINS)
    below = (position < edges[:, None]).sum(1)
    # (x − low)·scale in float32 is wrong by 3 roundings of at most 256·2⁻²⁴ bins each.
    uncertain = (np.abs(position - edges[:, None]) < 256 * 2.0**-22).sum(1)
    assert (np.abs(histogram.counts.cumsum()[:-1] - below) <= uncertain).all()


def compute_exact_edges(float64: bool) -> np.ndarray:
    """Lower edges of the log bins, as exact numbers: four per factor of two, fewer below normal."""
    lowest, bottom, top = (-1022, -1074, 1023) if float64 else (-126, -149, 127)
    powers = [np.ldexp(1 + quarter / 4, e) for e in range(lowest, top + 1) for quarter in range(4)]
    return np.array([np.ldexp(1.0, bottom), *(np.ldexp(k / 4, lowest) for k in (1, 2, 3)), *powers])


def assert_logarithmic(histogram, x: np.ndarray, *, float64: bool) -> None:
    """Exactly: no entry is ever in a neighbouring bin."""
    finite = x[np.isfinite(x) & (x != 0)]
    assert histogram.scale == "log10"
    assert histogram.total == x.size
    assert histogram.counts.sum() == finite.size
    assert len(histogram.edges) == len(histogram.counts) + 1
    edges = compute_exact_edges(float64)
    for counts, chosen in zip(histogram.signed, (finite < 0, finite > 0), strict=True):
        bins = np.searchsorted(edges, np.abs(finite[chosen]), side="right") - 1
        expected = np.bincount(bins, minlength=len(edges))
        if not finite.size:
            assert not counts.any()
            continue
        start = int(np.argmin(np.abs(np.log10(edges) - histogram.edges[0])))
        assert_allclose(
            histogram.edges[:-1], np.log10(edges[start : start + len(counts)]), atol=1e-12
        )
        assert counts.tolist() == expected[start : start + len(counts)].tolist()
        assert counts.sum() == expected.sum()


@each_tensor
@both
def test_signals(summarizer, x):
    summary = summarize(summarizer, x, gradient=False)
    assert_moments(summary, to_array(x))
    assert_linear(summary.histogram, to_array(x))
    assert summary.histogram.zeros == (to_array(x) == 0).sum()
    assert math.isnan(summary.saturated)
    assert math.isnan(summary.dead_units)


@pytest.mark.parametrize("loss_scale", [1.0, 1024.0, 3.0])
@each_tensor
@both
def test_gradients(summarizer, x, loss_scale):
    summary = summarize(summarizer, x, gradient=True, loss_scale=loss_scale)
    values = to_array(x) / loss_scale
    assert_moments(summary, values)
    assert_logarithmic(
        summary.histogram, values, float64=x.dtype == torch.float64 or loss_scale != 1
    )
    smallest = torch.finfo(x.dtype).tiny / loss_scale
    below = (values != 0) & (np.abs(values) < smallest)
    assert summary.subnormal == summary.histogram.subnormal == below.sum()
    assert summary.histogram.zeros == (values == 0).sum()


@both
def test_subnormal_is_a_matter_of_the_tensors_own_format(summarizer):
    """What float16 loses, float32 holds; and what float32 loses, float64."""
    for size, narrow, wide in (
        (1e-6, torch.half, torch.float32),
        (1e-40, torch.float32, torch.float64),
    ):
        x = size * draw_entries(9)
        assert summarize(summarizer, x.to(narrow), gradient=True).subnormal == x.numel()
        assert summarize(summarizer, x.to(wide), gradient=True).subnormal == 0


@both
def test_histograms_of_one_run_share_their_bins(summarizer):
    instance = summarizer(1.0)
    tensors = [1e-12 * draw_entries(50).float(), draw_entries(50).float(), torch.zeros(4)]
    tickets = [instance.add_gradient(x) for x in tensors]
    summaries = instance.collect()
    first, second, third = (summaries.histograms[ticket] for ticket in tickets)
    assert_allclose(first.edges, second.edges)
    assert_allclose(first.edges, third.edges)
    for x, histogram in zip(tensors, (first, second, third), strict=True):
        assert_logarithmic(histogram, to_array(x), float64=False)


float32s = hnp.arrays(
    np.float32,
    hnp.array_shapes(max_dims=2, max_side=40),
    elements=st.floats(width=32, allow_nan=True, allow_infinity=True),
)


@both
@given(array=float32s)
@settings(max_examples=150, deadline=None)
def test_any_float32_tensor(summarizer, array):
    x = torch.from_numpy(array)
    signal = summarize(summarizer, x, gradient=False)
    assert_moments(signal, to_array(x))
    assert_linear(signal.histogram, to_array(x))
    gradient = summarize(summarizer, x, gradient=True)
    assert_moments(gradient, to_array(x))
    assert_logarithmic(gradient.histogram, to_array(x), float64=False)


float64_values = st.floats(-1e306, 1e306) | st.sampled_from([NAN, INF, -INF])


@both
@given(array=hnp.arrays(np.float64, st.integers(1, 40), elements=float64_values))
@settings(max_examples=150, deadline=None)
def test_any_float64_tensor(summarizer, array):
    x = torch.from_numpy(array)
    signal = summarize(summarizer, x, gradient=False)
    assert_moments(signal, array)
    assert_linear(signal.histogram, array)
    gradient = summarize(summarizer, x, gradient=True)
    assert_moments(gradient, array)
    assert_logarithmic(gradient.histogram, array, float64=True)
