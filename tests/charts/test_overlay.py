"""Lines and bands over a measurement lie where their numbers say, in every figure."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gradflow.charts import flow_figure, forward_statistics_figure, gradient_norms_figure
from gradflow.charts.overlay import Overlay, OverlayKind, Range, describe_overlays
from gradflow.charts.theme import PALETTES
from tests.charts.figures import decode, find_traces, to_browser
from tests.charts.reports import make_empty_report, make_report

LAYERS = 6
X = np.arange(1.0, LAYERS + 1)
NORM = 10.0 ** -np.linspace(2, 5, LAYERS)
UNKNOWN = np.full(LAYERS, math.nan)


def make_overlay(kind: OverlayKind = "theory", **columns: Range) -> Overlay:
    return Overlay(kind, f"the {kind}", X, columns)


def make_band(values: np.ndarray, factor: float = 2.0) -> Range:
    return Range(values / factor, values, values * factor)


def read_outline(trace: dict) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper edge of a band without gaps, in the order of x."""
    x, y = decode(trace["x"]), decode(trace["y"])
    assert_allclose(x[:LAYERS], X)
    assert_allclose(x[LAYERS : 2 * LAYERS], X[::-1])
    return y[LAYERS : 2 * LAYERS][::-1], y[:LAYERS]


def test_flow_draws_norms_as_rms_of_the_layers_own_size():
    report = make_report(LAYERS, 32)
    data = to_browser(flow_figure(report, over=(make_overlay(delta_norm=make_band(NORM)),)))
    (line,) = find_traces(data, name="theory on top")
    entries = np.array([report.histogram("delta", n).total for n in range(1, LAYERS + 1)])
    expected = np.log10(NORM / np.sqrt(entries))
    assert_allclose(decode(line["y"]), expected)
    assert "dash" in line["line"]
    low, high = read_outline(find_traces(data, name="theory band")[0])
    assert_allclose(low, expected - math.log10(2))
    assert_allclose(high, expected + math.log10(2))


def test_flow_shows_the_overlay_of_the_gradient_that_is_drawn():
    report = make_report(LAYERS, 32)
    over = (make_overlay(activation_grad_norm=make_band(NORM)),)
    assert not find_traces(
        to_browser(flow_figure(report, gradient="delta", over=over)), name="theory on top"
    )
    assert find_traces(
        to_browser(flow_figure(report, gradient="activation_grad", over=over)), name="theory on top"
    )


def test_the_axis_holds_a_prediction_far_from_the_measurement():
    report = make_report(LAYERS, 32)
    far = make_overlay(delta_norm=make_band(np.full(LAYERS, 1e-30)))
    low, high = to_browser(flow_figure(report, over=(far,)))["layout"]["yaxis2"]["range"]
    assert low < -32
    assert high > -5
    data = to_browser(gradient_norms_figure(report, overlays=(far,)))
    low, _high = data["layout"]["yaxis"]["range"]
    assert low < -30


def test_the_upper_band_shows_mean_plus_minus_std():
    report = make_report(LAYERS, 32)
    mean, std = np.linspace(0, 0.1, LAYERS), np.full(LAYERS, 0.3)
    columns = {
        "activation_mean": Range(UNKNOWN, mean, UNKNOWN),
        "activation_std": Range(UNKNOWN, std, UNKNOWN),
    }
    lines = find_traces(
        to_browser(flow_figure(report, over=(make_overlay(**columns),))), name="theory"
    )
    (line,) = lines
    assert line["yaxis"] == "y"
    assert_allclose(decode(line["y"]), [*(mean - std), np.nan, *(mean + std)])


def test_seeds_are_a_band_without_a_line():
    report = make_report(LAYERS, 32)
    data = to_browser(
        flow_figure(report, over=(make_overlay("seeds", delta_norm=make_band(NORM)),))
    )
    assert find_traces(data, name="seeds band")
    assert not find_traces(data, name="seeds")


def test_the_legend_of_flow_names_what_is_drawn():
    report = make_report(LAYERS, 32)
    over = (
        make_overlay(delta_norm=make_band(NORM)),
        make_overlay("seeds", delta_norm=make_band(NORM)),
    )
    plain, both = (to_browser(flow_figure(report, over=o)) for o in ((), over))
    texts = [note["text"] for note in both["layout"]["annotations"]]
    assert {"RMS, measured", "the theory", "the seeds"} <= set(texts)
    assert "the theory" not in [note["text"] for note in plain["layout"]["annotations"]]
    assert len(both["layout"]["shapes"]) == len(plain["layout"]["shapes"]) + 2


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_norms_draw_each_quantity_in_its_own_colour(mode):
    report = make_report(LAYERS, 32)
    over = make_overlay(delta_norm=make_band(NORM), activation_grad_norm=make_band(2 * NORM))
    data = to_browser(gradient_norms_figure(report, mode=mode, overlays=(over,)))
    lines = find_traces(data, name="theory")
    assert [line["line"]["color"] for line in lines] == list(PALETTES[mode].series[:2])
    assert_allclose(decode(lines[0]["y"]), np.log10(NORM))
    assert_allclose(decode(lines[1]["y"]), np.log10(2 * NORM))
    (entry,) = find_traces(data, name="the theory")
    assert entry["showlegend"]
    texts = find_traces(data, name="overlay")[0]["hovertext"]
    assert texts[0] == "the theory: ‖∂L/∂z‖ 0.01 (0.005 … 0.02)"


def test_forward_statistics_draw_theirs():
    report = make_report(LAYERS, 32)
    std = np.linspace(0.9, 0.4, LAYERS)
    over = make_overlay(
        "seeds", activation_std=make_band(std, 1.1), saturated=Range(0 * std, 0.1 * std, 0.2 * std)
    )
    data = to_browser(forward_statistics_figure(report, overlays=(over,)))
    upper, lower = find_traces(data, name="seeds band")
    assert (upper["yaxis"], lower["yaxis"]) == ("y", "y2")
    low, high = read_outline(upper)
    assert_allclose(low, std / 1.1)
    assert_allclose(high, std * 1.1)


def test_a_band_has_gaps_where_nothing_is_known():
    values = np.where(X == 3, math.nan, NORM)
    seeds = make_overlay("seeds", delta_norm=make_band(values))
    data = to_browser(gradient_norms_figure(make_report(LAYERS, 32), overlays=(seeds,)))
    x = decode(find_traces(data, name="seeds band")[0]["x"])
    assert np.isnan(x).sum() == 1
    assert 3 not in x


def test_a_band_that_reaches_zero_ends_at_the_floor_of_a_log_axis():
    report = make_report(LAYERS, 32)
    norms = Range(np.zeros(LAYERS), NORM, 2 * NORM)
    data = to_browser(
        gradient_norms_figure(report, overlays=(make_overlay("seeds", delta_norm=norms),))
    )
    low, _high = read_outline(find_traces(data, name="seeds band")[0])
    assert_allclose(low, data["layout"]["yaxis"]["range"][0])


def test_hover_says_the_numbers_and_nothing_where_nothing_is_known():
    values = np.where(X == 2, math.nan, 0.5)
    texts = describe_overlays(
        (make_overlay(delta_norm=make_band(values)),), "delta_norm", LAYERS, prefix="RMS"
    )
    assert texts[0] == "<br>the theory: RMS 0.5 (0.25 … 1)"
    assert texts[1] == ""
    assert describe_overlays((), "delta_norm", LAYERS) == [""] * LAYERS


def test_an_empty_report_stays_an_empty_figure():
    over = (make_overlay(delta_norm=make_band(NORM)),)
    assert to_browser(flow_figure(make_empty_report(), over=over))["data"] == []
    for figure in (gradient_norms_figure, forward_statistics_figure):
        assert to_browser(figure(make_empty_report(), overlays=over))["data"] == []


def test_the_axis_holds_the_whole_band_of_other_seeds():
    report = make_report(LAYERS, 32)
    over = make_overlay(
        "seeds", delta_norm=make_band(NORM, 1e6), activation_std=make_band(0 * X + 0.5, 9.0)
    )
    low, high = to_browser(gradient_norms_figure(report, overlays=(over,)))["layout"]["yaxis"][
        "range"
    ]
    assert low < np.log10(NORM.min()) - 6
    assert high > np.log10(NORM.max()) + 6
    data = to_browser(forward_statistics_figure(report, overlays=(over,)))
    assert data["layout"]["yaxis"]["range"][1] > 4.5
