"""Comparison figures: every line is a report's column, every axis is shared."""

import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest

from gradflow.charts import (
    compare_flow_figure,
    compare_forward_figure,
    compare_gradients_figure,
)
from gradflow.charts.compare.data import (
    ComparedSetting,
    compute_relative_depth,
    merge_axes,
    shape_flows,
)
from gradflow.charts.theme import list_styles
from tests.charts.figures import decode, find_traces, read_words, to_browser
from tests.charts.reports import add_nonfinite, drop_histograms, make_empty_report, make_report

FIGURES = [compare_gradients_figure, compare_forward_figure, compare_flow_figure]
TANH = make_report(6, 32)
SIGMOID = make_report(6, 32, "sigmoid")
DEEP_RELU = make_report(11, 32, "relu", lambda fan_in, fan_out: math.sqrt(2 / fan_in))
EXPLODING = make_report(6, 32, "relu", 2.0)


def make_settings(**reports):
    return [
        ComparedSetting(letter, f"name of {letter}", report) for letter, report in reports.items()
    ]


def find_line(data, letter):
    return next(t for t in data["data"] if t["name"].startswith(f"<b>{letter}</b>"))


@pytest.mark.parametrize(
    ("gradient", "column"),
    [
        ("delta", "delta_norm"),
        ("activation_grad", "activation_grad_norm"),
        ("weight_grad", "weight_grad_norm"),
    ],
)
def test_each_line_is_the_column_of_its_report(gradient, column):
    data = to_browser(
        compare_gradients_figure(make_settings(A=TANH, B=DEEP_RELU), gradient=gradient)
    )
    assert len(data["data"]) == 2
    for letter, report in (("A", TANH), ("B", DEEP_RELU)):
        drawn = find_line(data, letter)
        assert decode(drawn["x"]).tolist() == report.layers["layer"].tolist()
        assert 10 ** decode(drawn["y"]) == pytest.approx(report.layers[column].to_numpy())
        assert f"layer {len(report.layers)} of {len(report.layers)}" in drawn["hovertext"][-1]
        assert f"name of {letter}" in drawn["hovertext"][0]
    low, high = data["layout"]["yaxis"]["range"]
    norms = np.log10([*TANH.layers[column], *DEEP_RELU.layers[column]])
    assert low < norms.min()
    assert high > norms.max()
    assert data["layout"]["xaxis"]["range"] == [0.5, 11.5]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_letter_keeps_its_style_and_styles_differ_three_ways(mode):
    data = to_browser(
        compare_gradients_figure(make_settings(A=TANH, C=SIGMOID, D=DEEP_RELU), mode=mode)
    )
    drawn = [find_line(data, letter) for letter in "ACD"]
    looks = [list_styles(mode)[i] for i in (0, 2, 3)]
    assert [t["line"]["color"] for t in drawn] == [s.colour for s in looks]
    assert len({t["line"]["dash"] for t in drawn}) == 3
    assert len({t["marker"]["symbol"] for t in drawn}) == 3
    assert len(data["data"]) == 3  # nothing is drawn for the letter in between


def test_relative_depth_lets_networks_begin_and_end_together():
    data = to_browser(compare_gradients_figure(make_settings(A=TANH, B=DEEP_RELU), relative=True))
    short, deep = decode(find_line(data, "A")["x"]), decode(find_line(data, "B")["x"])
    assert (short[0], short[-1]) == (deep[0], deep[-1])
    axis = data["layout"]["xaxis"]
    at = dict(zip(axis["ticktext"], axis["tickvals"], strict=True))
    for x, layers in ((short, 6), (deep, 11)):
        share = (x - at["0%"]) / (at["100%"] - at["0%"])
        assert share == pytest.approx((np.arange(1, layers + 1) - 1) / (layers - 1))
    assert "layer 3 of 6" in find_line(data, "A")["hovertext"][2]


def test_positions_of_one_layer():
    assert compute_relative_depth(np.array([1.0]), 1, 7).tolist() == [7.0]
    assert compute_relative_depth(np.array([1.0]), 1, 1).tolist() == [1.0]


def test_zero_and_non_finite_norms_are_marked():
    dead = make_report(4, 16, std=0.0)
    data = to_browser(compare_gradients_figure(make_settings(A=dead, B=add_nonfinite(TANH))))
    marks = find_traces(data, name="marks")
    symbols = {symbol for trace in marks for symbol in trace["marker"]["symbol"]}
    assert symbols == {"triangle-down-open", "x"}
    hidden = next(t for t in marks if "triangle-down-open" in t["marker"]["symbol"])
    zero = dead.layers["layer"][dead.layers["delta_norm"] == 0]
    assert hidden["customdata"] == zero.tolist()
    assert "▽ exactly 0" in read_words(data)
    assert "✕ NaN or infinite" in read_words(data)


@pytest.mark.parametrize("statistic", ["activation_std", "preactivation_rms"])
def test_forward_lines(statistic):
    data = to_browser(compare_forward_figure(make_settings(A=TANH, B=SIGMOID), statistic=statistic))
    log = "tickprefix" in data["layout"]["yaxis"]
    values = [TANH.layers[statistic], SIGMOID.layers[statistic]]
    everything = np.concatenate(values)
    assert log == (everything.max() > 100 * everything.min())
    for letter, expected in zip("AB", values, strict=True):
        drawn = decode(find_line(data, letter)["y"])
        assert (10**drawn if log else drawn) == pytest.approx(expected.to_numpy())


def test_signals_that_spread_over_decades_get_a_log_axis():
    data = to_browser(compare_forward_figure(make_settings(A=TANH, B=EXPLODING)))
    assert data["layout"]["yaxis"]["tickprefix"] == "10<sup>"
    drawn = 10 ** decode(find_line(data, "B")["y"])
    assert drawn == pytest.approx(EXPLODING.layers["activation_std"].to_numpy())


def test_a_negative_similarity_is_in_sight():
    alike = dataclasses.replace(
        TANH, layers=TANH.layers.assign(similarity=[-0.4, 0.1, 0.2, 0.5, 0.9, 1.0])
    )
    data = to_browser(compare_forward_figure(make_settings(A=alike), statistic="similarity"))
    assert decode(find_line(data, "A")["y"]) == pytest.approx(alike.layers["similarity"].to_numpy())
    low, high = data["layout"]["yaxis"]["range"]
    assert low < -0.4
    assert high > 1.0


def test_shares_and_settings_to_which_they_do_not_apply():
    data = to_browser(
        compare_forward_figure(make_settings(A=TANH, B=DEEP_RELU), statistic="saturated")
    )
    assert decode(find_line(data, "A")["y"]) == pytest.approx(
        TANH.layers["saturated"].dropna().to_numpy()
    )
    assert "B: does not apply" in read_words(data)
    nothing = to_browser(compare_forward_figure(make_settings(B=DEEP_RELU), statistic="saturated"))
    assert nothing["data"] == []
    assert "saturated share" in read_words(nothing)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("figure", FIGURES)
def test_nothing_recorded_is_a_titled_empty_figure(figure, mode):
    for given in ([], make_settings(A=make_empty_report())):
        data = to_browser(figure(given, mode=mode))
        assert data["data"] == []
        assert "Nothing" in read_words(data)


def test_a_report_without_numbers_leaves_the_others_alone():
    given = make_settings(A=TANH, B=make_empty_report(), C=drop_histograms(SIGMOID))
    assert {t["name"][3] for t in to_browser(compare_gradients_figure(given))["data"]} == {"A", "C"}
    data = to_browser(compare_flow_figure(given))
    assert len(find_traces(data, type="heatmap")) == 2  # the two bands of A
    assert "name of A" in read_words(data)
    assert "name of C" not in read_words(data)


GROUPS = {
    "alike": {"A": TANH, "B": SIGMOID},
    "symlog": {"A": TANH, "B": EXPLODING, "C": DEEP_RELU},
    "symlog, the other way": {"A": EXPLODING, "B": TANH},
    "four": {"A": TANH, "B": SIGMOID, "C": DEEP_RELU, "D": add_nonfinite(TANH)},
    "one layer": {"A": make_report(1), "B": make_report(2, 16)},
    "underflow": {"A": make_report(20, 16, "sigmoid", dtype="float16"), "B": TANH},
}


@pytest.mark.parametrize("name", GROUPS)
def test_panels_share_both_axes_and_these_hold_everything(name):
    reports = GROUPS[name]
    data = to_browser(compare_flow_figure(make_settings(**reports)))
    heatmaps = find_traces(data, type="heatmap")
    panels = [f"x{i + 1}" if i else "x" for i in range(len(reports))]
    for axis in ("y", "y2"):
        band = [t for t in heatmaps if t.get("yaxis") == axis]
        assert [t["xaxis"] for t in band] == panels
        low, high = data["layout"][f"yaxis{axis[1:]}"]["range"]
        for trace, report in zip(band, reports.values(), strict=True):
            rows, columns = decode(trace["z"]).shape
            assert columns == len(report.layers)
            assert low <= trace["y0"] - trace["dy"] / 2 + 1e-9
            assert trace["y0"] + (rows - 0.5) * trace["dy"] <= high + 1e-9
    ends = [tuple(data["layout"][f"xaxis{p[1:]}"]["domain"]) for p in panels]
    assert all(a[1] < b[0] for a, b in pairwise(ends))
    assert all(data["layout"][f"xaxis{p[1:]}"]["anchor"].startswith("y") for p in panels)


@pytest.mark.parametrize("name", GROUPS)
def test_panels_hold_the_distributions_of_their_reports(name):
    reports = list(GROUPS[name].values())
    flows = shape_flows(reports, "delta")
    kinds = {(f.forward.grid.kind, f.forward.grid.threshold) for f in flows}
    assert len(kinds) == 1
    assert name.startswith("symlog") == (kinds.pop()[0] == "symlog")
    for flow, report in zip(flows, reports, strict=True):
        assert flow.layers.tolist() == report.layers["layer"].tolist()
        forward, backward = flow.forward, flow.backward
        inside = forward.share.sum(axis=0)
        whole = inside + forward.below + forward.above + forward.nonfinite
        assert whole == pytest.approx(1, abs=1e-5)
        whole = backward.share.sum(axis=0) + backward.below + backward.above
        assert whole + backward.zeros + backward.nonfinite == pytest.approx(1, abs=1e-5)
        zeros = [report.histogram("delta", n).zeros for n in flow.layers]
        totals = [report.histogram("delta", n).total for n in flow.layers]
        assert backward.zeros == pytest.approx(np.array(zeros) / totals)
        with np.errstate(divide="ignore", invalid="ignore"):
            level = np.log10(report.layers["delta_rms"].to_numpy())
        known = np.isfinite(level)
        assert flow.rms[known] == pytest.approx(level[known])
        if forward.grid.kind == "linear" and np.all(inside > 1 - 1e-6):
            centres = forward.grid.edges[:-1] + forward.grid.step / 2
            mean = centres @ forward.share
            assert mean == pytest.approx(
                report.layers["activation_mean"].to_numpy(), abs=forward.grid.step
            )


def test_the_frame_shows_the_limits_of_the_number_format_if_any_panel_does():
    half = make_report(20, 16, "sigmoid", dtype="float16")
    flows = shape_flows([TANH, half], "delta")
    assert merge_axes(flows).smallest_normal == pytest.approx(math.log10(2.0**-14))
    assert to_browser(compare_flow_figure(make_settings(A=TANH, B=half)))["layout"]["shapes"]


def test_names_are_shown_literally():
    evil = dataclasses.replace(make_settings(A=TANH)[0], name="<a href='x'>click</a>")
    for figure in FIGURES:
        text = figure([evil]).to_json()
        assert "<a href" not in text
        assert "&lt;a" in text
