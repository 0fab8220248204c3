"""Figures on depth, shattered gradients and blocks near the identity."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gradflow.charts.degradation.depth import depth_figure
from gradflow.charts.degradation.identity import identity_figure
from gradflow.charts.degradation.shattering import (
    LandscapeRow,
    autocorrelation_figure,
    landscapes_figure,
    pairs_figure,
)
from gradflow.charts.degradation.training import TrainedCurve, deeper_figure
from gradflow.core.teaching.degradation.depth import DepthSweep
from gradflow.core.teaching.degradation.identity import Nearness
from gradflow.core.teaching.degradation.pairs import Correlation
from gradflow.core.teaching.degradation.shattering import Landscape
from tests.charts.figures import decode, find_traces, read_words, to_browser

MODES = pytest.mark.parametrize("mode", ["light", "dark"])


def test_nothing_to_draw() -> None:
    for figure in (
        depth_figure([], [4, 100]),
        identity_figure([]),
        landscapes_figure(np.zeros(2), []),
        autocorrelation_figure(0.1, []),
        pairs_figure([]),
    ):
        assert len(read_words(to_browser(figure))) > 10
        assert not figure.data


@MODES
def test_depth(mode) -> None:
    depths = np.array([4, 10, 100])
    plain = DepthSweep(depths, np.array([1.0, 0.0, 1e8]), np.full(3, 2.0), np.ones(3), np.ones(3))
    other = DepthSweep(depths, np.ones(3), np.full(3, math.nan), np.ones(3), np.ones(3))
    data = to_browser(
        depth_figure([("plain", plain), ("other", other)], depths.tolist(), mode=mode)
    )
    assert data["layout"]["xaxis"]["type"] == "log"
    assert data["layout"]["xaxis"]["ticktext"] == ["4", "10", "100"]
    (line,) = find_traces(data, name="plain")
    assert_allclose(decode(line["y"]), [0, math.nan, 8])
    dashed = [t for t in find_traces(data, name="theory") if t["x"] != [None]]
    assert len(dashed) == 1
    assert_allclose(decode(dashed[0]["y"]), math.log10(2))


@MODES
def test_deeper_networks(mode) -> None:
    shallow = TrainedCurve("a", 0, False, np.array([2.0, 1.0]), np.array([10.0, 1.0]))
    deep = TrainedCurve("b", 0, True, np.array([2.5, math.nan]), np.array([0.0, 0.1, 1.0]))
    asked = to_browser(deeper_figure([shallow, deep], 5, with_norms=False, mode=mode))
    assert len(asked["data"]) == 2
    data = to_browser(deeper_figure([shallow, deep], 5, with_norms=True, mode=mode))
    first, norms = find_traces(data, name="a")
    assert_allclose(decode(norms["y"]), [1, 0])
    assert first["line"]["color"] == data["data"][2]["line"]["color"]
    assert first["line"]["dash"] != data["data"][2]["line"]["dash"]
    assert "before training" in read_words(data)
    assert "before training" not in read_words(asked)


@MODES
def test_landscapes_lie_in_rows(mode) -> None:
    x = np.linspace(-2, 2, 5)
    first = Landscape(np.array([0.0, 1.0, -2.0, 0.5, 2.0]), np.array([1.0, 0.5]))
    second = Landscape(np.zeros(5), np.array([1.0, 0.0]))
    rows = [LandscapeRow("net", first, False), LandscapeRow("noise", second, True)]
    data = to_browser(landscapes_figure(x, rows, mode=mode))
    (net,), (noise,) = find_traces(data, name="network"), find_traces(data, name="noise")
    values = decode(net["y"])[:5]
    assert_allclose(values / values.max(), first.gradient / 2, atol=1e-6)
    assert np.isnan(decode(net["y"])[5])
    assert_allclose(decode(noise["y"])[:5], -1.0)
    assert read_words(data) == "<b>net</b> | <b>noise</b>"
    data = to_browser(autocorrelation_figure(0.25, rows, mode=mode))
    (line,) = find_traces(data, name="net")
    assert_allclose(decode(line["x"]), [0, 0.25])
    assert_allclose(decode(line["y"]), [1, 0.5])


@MODES
def test_correlations_end_in_the_noise(mode) -> None:
    law = 2.0 ** -np.arange(1.0, 6.0)
    fading = Correlation(np.array([0.5, 0.25, 0.01, 0.2, -0.1]), law, 0.03)
    bare = Correlation(np.full(5, 0.9), np.zeros(0), 0.03)
    data = to_browser(pairs_figure([("plain", fading), ("residual", bare)], mode=mode))
    (line,) = find_traces(data, name="plain")
    assert decode(line["x"]).tolist() == [1, 2]
    assert len(decode(find_traces(data, name="residual")[0]["x"])) == 5
    (dashed,) = [t for t in find_traces(data, name="theory") if t["x"] != [None]]
    assert_allclose(decode(dashed["y"]), np.log10(law))
    assert find_traces(data, name="law of wide networks")


@MODES
def test_nearness(mode) -> None:
    near = Nearness(np.array([1.0, 0.1]), np.array([0.5, 0.99]))
    far = Nearness(np.array([1.2, 0.0]), np.array([-0.3, 1.0]))
    data = to_browser(identity_figure([("near", near), ("far", far)], mode=mode))
    branch, cosine = find_traces(data, name="near")
    assert_allclose(decode(branch["y"]), [0, -1])
    assert_allclose(decode(cosine["y"]), [0.5, 0.99])
    assert (branch["yaxis"], cosine["yaxis"]) == ("y", "y2")
    assert data["layout"]["yaxis2"]["range"][0] < -0.3
    assert find_traces(data, name="marks")  # a branch of exactly 0
