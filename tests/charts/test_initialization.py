"""Figures of the page on initialization, and the Flow figure's band of factors."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gradflow.charts import flow_figure
from gradflow.charts.flow.factors import describe_factors
from gradflow.charts.initialization.gains import GainMark, gains_figure
from gradflow.charts.initialization.shapes import shapes_figure
from gradflow.charts.initialization.variance import variance_figure
from gradflow.charts.pretraining.images import unit_rows_figure
from gradflow.core.histogram import Histogram
from gradflow.core.teaching.initialization.factors import Factors
from gradflow.core.teaching.initialization.gains import GainCurve
from gradflow.core.teaching.initialization.shapes import ShapeNumbers
from gradflow.core.teaching.initialization.variance import LayerNumbers
from tests.charts.figures import decode, find_traces, read_words, to_browser
from tests.charts.reports import make_report

MODES = pytest.mark.parametrize("mode", ["light", "dark"])


def make_factors(*law: float) -> Factors:
    values = np.array(law)
    ones = np.ones(len(law))
    return Factors(100 * ones, 0.01 * ones, values, values, 1.1 * values)


@MODES
def test_the_factors_stand_under_the_river(mode) -> None:
    report = make_report(4)
    plain = to_browser(flow_figure(report, mode=mode))
    data = to_browser(flow_figure(report, mode=mode, factors=make_factors(0.5, 2.0, 0.001)))
    (bars,) = find_traces(data, name="n·Var(W)·E φ′²")
    assert_allclose(decode(bars["y"])[:2], np.log10([0.5, 2.0]), rtol=1e-6)
    assert decode(bars["y"])[2] > np.log10(0.001)  # the last is cut off: it would hide the others
    (numbers,) = find_traces(data, name="numbers")
    assert list(numbers["text"]) == ["0.5", "2", "0.001"]
    ends = [data["layout"][axis]["domain"] for axis in ("yaxis4", "yaxis2", "yaxis")]
    assert ends[0][0] == 0 < ends[0][1] < ends[1][0] < ends[1][1] < ends[2][0]
    assert "yaxis4" not in plain["layout"]
    assert "= 0.5; measured 0.55" in describe_factors(make_factors(0.5))[0]


def test_factors_of_nothing() -> None:
    data = to_browser(flow_figure(make_report(3), factors=make_factors(0.0, np.nan)))
    (bars,) = find_traces(data, name="n·Var(W)·E φ′²")
    assert decode(bars["y"])[0] == -0.25
    (numbers,) = find_traces(data, name="numbers")
    assert numbers["text"][0] == "0"
    assert np.isnan(decode(numbers["y"])[1])


@MODES
def test_both_lines_cross_one_at_their_law(mode) -> None:
    numbers = LayerNumbers(0.01, 0.5, 0.5, 0.5, 1.0, 0.52, 0.97, {})
    laws = {"a": ("A", 0.01), "b": ("B", 0.02)}
    forward = to_browser(variance_figure(numbers, (100, 200), laws, "a", backward=False, mode=mode))
    data = to_browser(variance_figure(numbers, (100, 200), laws, "a", backward=True, mode=mode))
    assert len(data["data"]) == 2 * len(forward["data"])
    signal, measured, gradient, _point = data["data"]
    for line, law in ((signal, 0.02), (gradient, 0.01)):
        height = np.interp(np.log10(law), decode(line["x"]), decode(line["y"]))
        assert abs(height) < 1e-9
    assert_allclose(decode(measured["y"]), np.log10(0.52))
    assert "<b>A</b>" in read_words(data)


@MODES
def test_shapes(mode) -> None:
    counts = np.arange(256)
    histograms = tuple(
        Histogram(scale, np.linspace(-1, 1, 257), counts) for scale in ("linear", "linear", "log10")
    )
    numbers = ShapeNumbers(histograms, (1.0, 2.0, 3.0), np.array([1e-3, 1e-2]))
    data = to_browser(shapes_figure([("normal", numbers), ("uniform", numbers)], 2, mode=mode))
    assert len(find_traces(data, name="normal")) == 4
    outline = data["data"][0]
    # The area under the outline is 1, however it is binned.
    assert_allclose(decode(outline["y"]).sum() * 2 / 64, 1, rtol=1e-6)
    assert_allclose(decode(data["data"][3]["y"]), [-3, -2])


@MODES
def test_gains(mode) -> None:
    ones = np.ones(3)
    curve = GainCurve(np.array([0.5, 1.0, 2.0]), ones, ones, ones)
    marks = [GainMark("us", "diamond", 2.0, 0), GainMark("us", "diamond", 4.0, 1)]
    data = to_browser(
        gains_figure(
            [("A", curve), ("B", curve)],
            np.array([1.0, 2.0, 4.0]),
            marks,
            {"A × 2": np.array([1e-2, 1e-1])},
            mode=mode,
        )
    )
    first, second = find_traces(data, name="us")
    assert (first["x"], first["y"]) == ([1.0], [0.0])
    assert second["text"] == ["× 2"]
    assert [first["showlegend"], second["showlegend"]] == [True, False]


@MODES
def test_rows_of_units(mode) -> None:
    rows = np.zeros((2, 3, 64), np.float32)
    rows[1] = np.linspace(-2, 2, 64)
    data = to_browser(unit_rows_figure(rows, ["zeros", "others"], mode=mode))
    z = decode(data["data"][0]["z"])
    assert z.shape == (17, 26)
    assert np.nanmax(np.abs(z[:8])) == 0
    assert 1 <= np.nanmax(z[9:]) < 1.1
