import dataclasses
import math
import time

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gradflow.charts import flow_figure, forward_statistics_figure, gradient_norms_figure
from gradflow.charts.encode import encode_figure
from gradflow.charts.flow.arrange import arrange_flow, pool_levels
from gradflow.charts.flow.columns import make_columns
from gradflow.charts.flow.data import GRADIENTS, shape_flow
from gradflow.charts.flow.grids import choose_activation_grid
from gradflow.core.report import Report
from tests.charts.figures import decode, find_traces, read_words, to_browser
from tests.charts.reports import (
    add_nonfinite,
    drop_histograms,
    make_empty_report,
    make_linear_histogram,
    make_report,
    rename_module,
)


def he(fan_in, _fan_out):
    return math.sqrt(2 / fan_in)


REPORTS = {
    "tanh": lambda: make_report(6, 32),
    "relu": lambda: make_report(6, 32, "relu", he),
    "one": lambda: make_report(1),
    "deep": lambda: make_report(200, 16, batch=32),
    "widths": lambda: make_report(widths=[80, 20, 5]),
    "exploding": lambda: make_report(21, 32, "relu", lambda i, o: 10 * he(i, o)),
    "underflow": lambda: make_report(20, 32, "sigmoid", dtype="float16"),
    "bfloat16": lambda: make_report(6, 32, dtype="bfloat16"),
    "float64": lambda: make_report(6, 32, dtype="float64"),
    "all zero": lambda: make_report(4, 16, std=0.0),
    "nonfinite": lambda: add_nonfinite(make_report(6, 32)),
    "nonfinite, one": lambda: add_nonfinite(make_report(1)),
}


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_drawn(name, mode):
    report = REPORTS[name]()
    for gradient in GRADIENTS:
        data = to_browser(
            flow_figure(report, mode=mode, gradient=gradient, selected=1, title="<run>")
        )
        maps = find_traces(data, type="heatmap")
        assert [m["yaxis"] for m in maps] == ["y", "y2"]
        for heatmap in maps:
            z = decode(heatmap["z"])
            assert z.dtype == np.uint8
            assert z.shape[1] == len(report.layers)
            assert 85 <= z.shape[0] <= 120


def test_columns_hold_the_shares_of_each_layer():
    report = make_report(5, 64, "relu", he)
    flow = shape_flow(report, "delta")
    for band in (flow.forward, flow.backward):
        mass = band.share.sum(axis=0) + band.below + band.above + band.nonfinite
        if band is flow.backward:
            mass += band.zeros
        assert mass == pytest.approx(np.ones(5), abs=1e-5)
        assert ((band.shade > 0) == (band.share > 0)).all()
        assert (band.shade.max(axis=0) == 255).all()
    zeros = [
        report.histogram("delta", i).zeros / report.histogram("delta", i).total for i in range(1, 6)
    ]
    assert flow.backward.zeros == pytest.approx(zeros)
    assert 0.3 < zeros[0] < 0.7


def test_the_spike_of_zeros_does_not_wash_out_the_rest():
    flow = shape_flow(make_report(5, 64, "relu", he))
    zero_row = int(-flow.forward.grid.low / flow.forward.grid.step)
    assert flow.forward.share[zero_row, 0] > 0.4
    assert np.median(flow.forward.shade[zero_row + 1 : zero_row + 15, 0]) > 100


def test_the_line_is_the_log_of_the_rms():
    report = make_report(6, 32)
    data = to_browser(flow_figure(report, gradient="weight_grad"))
    line = find_traces(data, name="RMS")[0]
    assert decode(line["y"]) == pytest.approx(np.log10(report.layers["weight_grad_rms"]), rel=1e-6)
    assert list(decode(line["x"])) == [1, 2, 3, 4, 5, 6]
    low, high = data["layout"]["yaxis2"]["range"]
    assert low < decode(line["y"]).min() < decode(line["y"]).max() < high


def test_the_line_lies_on_a_casing_in_the_colour_of_the_page():
    for mode, page in (("light", "#ffffff"), ("dark", "#0e1117")):
        data = to_browser(flow_figure(make_report(6, 32), mode=mode))
        casing, line = find_traces(data, name="casing")[0], find_traces(data, name="RMS")[0]
        assert casing["line"]["color"] == page
        assert casing["line"]["width"] >= line["line"]["width"] + 4
        assert data["data"].index(casing) < data["data"].index(line)


def test_bounded_activations_keep_their_bounds_on_a_linear_axis():
    flow = shape_flow(make_report(20, 64, "tanh", 1.0))  # readout: about ±30
    assert flow.forward.grid.kind == "linear"
    assert flow.forward.grid.high < 1.1
    assert flow.forward.above[-1] > 0.2
    assert "▲▼" in read_words(to_browser(flow_figure(make_report(20, 64, "tanh", 1.0))))


def test_an_exploding_signal_gets_a_symlog_axis_that_says_so():
    report = REPORTS["exploding"]()
    flow = shape_flow(report)
    assert flow.forward.grid.kind == "symlog"
    data = to_browser(flow_figure(report))
    assert "logarithmic beyond" in read_words(data)
    texts = data["layout"]["yaxis"]["ticktext"]
    assert "0" in texts
    assert any("10<sup>1" in t for t in texts)
    # The last row of customdata is the value in the middle of the row, not its coordinate.
    assert decode(find_traces(data, type="heatmap")[0]["customdata"])[-1, 0, 1] > 1e18


def test_an_exploded_network_leaves_room_for_one_of_ordinary_size_beside_it():
    draw = np.random.default_rng(0).normal
    exploded = [make_linear_histogram(10.0**power * draw(size=200)) for power in (9, 15, 21, 27)]
    usual = [make_linear_histogram(draw(size=200)) for _layer in range(5)]
    grid = choose_activation_grid([*exploded, *usual])
    assert grid.kind == "symlog"
    assert grid.high > grid.to_axis(1e27)
    rows = (grid.to_axis(1.0) - grid.to_axis(-1.0)) / grid.step
    assert rows > 0.5
    alone = choose_activation_grid(exploded)
    assert (alone.to_axis(1.0) - alone.to_axis(-1.0)) / alone.step < 1e-6


def test_a_vanishing_signal_stays_on_a_linear_axis():
    flow = shape_flow(make_report(20, 64, "tanh", 0.01))
    assert flow.forward.grid.kind == "linear"
    zero_row = int(-flow.forward.grid.low / flow.forward.grid.step)
    assert flow.forward.share[zero_row, 10] == pytest.approx(1)


def test_activation_grid_without_any_finite_value():
    grid = choose_activation_grid([make_linear_histogram(np.full(4, np.nan))] * 3)
    assert (grid.kind, round(grid.low), round(grid.high)) == ("linear", -1, 1)


def test_underflow_is_shown_and_explained():
    report = REPORTS["underflow"]()
    flow = shape_flow(report)
    assert flow.backward.zeros[0] == 1
    assert flow.backward.zeros[-1] == 0
    assert math.isnan(flow.rms[0])
    data = to_browser(flow_figure(report))
    bars = find_traces(data, yaxis="y3")[0]
    assert decode(bars["y"])[0] == 100
    assert "underflow below 6·10⁻⁸" in read_words(data)
    assert "smallest normal number, 6.1·10⁻⁵" in read_words(data)
    dashed = [s for s in data["layout"]["shapes"] if s["line"].get("dash") == "dash"]
    assert [s["y0"] for s in dashed] == pytest.approx([math.log10(2**-14), math.log10(2**-24)])


def test_limits_of_the_number_format_out_of_sight_are_not_drawn():
    flow = shape_flow(make_report(6, 32))
    assert math.isnan(flow.smallest_normal)
    assert math.isnan(flow.smallest)
    assert "smallest" not in read_words(to_browser(flow_figure(make_report(6, 32))))


def test_a_level_river_looks_level():
    flow = shape_flow(make_report(3, 32, "linear"))
    assert flow.backward.grid.high - flow.backward.grid.low >= 5


def test_nonfinite_layers_are_crossed_and_explained():
    data = to_browser(flow_figure(REPORTS["nonfinite"]()))
    crosses = {}
    for trace in find_traces(data, name="marks"):
        symbols = trace["marker"]["symbol"]
        crosses[trace["yaxis"]] = [x for x, s in zip(trace["x"], symbols, strict=True) if s == "x"]
    assert crosses == {"y": [5], "y2": [1, 2]}
    assert "NaN or infinite" in read_words(data)
    hatched = find_traces(data, name="nothing finite")
    assert [list(decode(t["x"])) for t in hatched] == [[1]]


def test_hover_names_layer_module_and_numbers():
    report = make_report(4, 32, "relu", he)
    report = rename_module(report, 2, "<script>")
    upper, lower = find_traces(to_browser(flow_figure(report)), name="layers")
    assert "layer %{x}" in str(
        to_browser(flow_figure(report))["layout"]["xaxis"]["unifiedhovertitle"]
    )
    assert "&lt;script&gt;" in upper["hovertext"][1]
    for word in ("mean", "std", "RMS", "min 0", "max", "dead units", "exactly 0", "entries"):
        assert word in upper["hovertext"][0]
    assert "saturated" not in upper["hovertext"][0]
    for word in ("RMS", "norm ‖∂L/∂z‖", "largest entry", "exactly 0"):
        assert word in lower["hovertext"][0]


def test_a_click_finds_the_layer():
    """Plotly selects on the nearest scatter point; each must know its layer."""
    for trace in find_traces(to_browser(flow_figure(make_report(4, 32))), name="layers"):
        assert trace["type"] == "scatter"
        assert trace["mode"] == "lines"
        assert list(decode(trace["customdata"])) == [1, 2, 3, 4]
    layout = to_browser(flow_figure(make_report(4, 32)))["layout"]
    assert layout["hovermode"] == "x unified"
    assert layout["hoverdistance"] >= 1000


def test_the_selected_layer_is_outlined():
    def find_outlines(selected):
        layout = to_browser(flow_figure(make_report(4, 32), selected=selected))["layout"]
        return [s for s in layout["shapes"] if s["type"] == "rect"]

    assert [(s["x0"], s["x1"], s["yref"]) for s in find_outlines(3)] == [(2.5, 3.5, "paper")]
    assert find_outlines(None) == find_outlines(9) == []


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_nothing_recorded_is_a_titled_empty_figure(mode):
    for report in (make_empty_report(), drop_histograms(make_report(3))):
        data = to_browser(flow_figure(report, mode=mode))
        assert data["data"] == []
        assert "Nothing was recorded" in read_words(data)


def test_a_missing_quantity_is_no_error():
    report = make_report(3, 32)
    kept = {
        k: h for k, h in report.histograms.items() if k[0] != "delta" and k != ("activation", 2)
    }
    data = to_browser(flow_figure(dataclasses.replace(report, histograms=kept)))
    assert "no histogram was recorded" in find_traces(data, name="layers")[0]["hovertext"][1]
    table = report.layers[["layer"]]
    assert to_browser(flow_figure(dataclasses.replace(report, layers=table)))["data"]


def test_it_is_fast_and_small():
    report = make_report(20, 64)
    encode_figure(flow_figure(report))
    seconds = []
    for _ in range(10):
        start = time.thread_time()
        text = encode_figure(flow_figure(report))
        seconds.append(time.thread_time() - start)
    assert min(seconds) < 0.03  # 4 ms on an idle core
    assert len(text) < 80_000


def test_the_residual_stream_is_called_h():
    stream = dataclasses.replace(make_report(4, 32), rows="block")
    layout = to_browser(flow_figure(stream, gradient="activation_grad"))["layout"]
    assert layout["yaxis"]["title"]["text"] == "stream h"
    assert "∂L/∂h" in layout["yaxis2"]["title"]["text"]
    assert layout["xaxis"]["title"]["text"].startswith("branch")
    assert layout["xaxis"]["range"] == [0.5, 4.5]


def make_stream_with_start() -> Report:
    """Four rows, 0 to 3, of which the first is what enters branch 1."""
    report = make_report(4, 32)
    layers = report.layers.assign(layer=report.layers["layer"] - 1)
    histograms = {(what, n - 1): histogram for (what, n), histogram in report.histograms.items()}
    return dataclasses.replace(report, rows="block", layers=layers, histograms=histograms)


def test_the_start_of_the_stream_is_a_column_of_its_own():
    stream = make_stream_with_start()
    data = to_browser(flow_figure(stream, gradient="activation_grad"))
    axis = data["layout"]["xaxis"]
    assert axis["range"] == [-0.5, 3.5]
    assert axis["tickvals"] == [0, 1, 2, 3]
    assert axis["ticktext"] == ["start", "1", "2", "3"]
    for trace in find_traces(data, type="heatmap"):
        assert (trace["x0"], trace["dx"]) == (0, 1)
    points = find_traces(data, name="layers")[1]
    assert list(decode(points["x"])) == [0, 1, 2, 3]
    assert points["hovertext"][0].startswith("start, ")
    assert not points["hovertext"][1].startswith("start")
    line = find_traces(data, name="RMS")[0]
    rms = stream.layers["activation_grad_rms"]
    assert_allclose(decode(line["y"]), np.log10(rms), rtol=1e-6)
    for figure in (
        gradient_norms_figure(stream, quantities=("activation_grad",)),
        forward_statistics_figure(stream, statistics=("activation_rms",)),
    ):
        lines = to_browser(figure)
        assert lines["layout"]["xaxis"]["range"] == [-0.5, 3.5]
        names, line = lines["data"]
        assert list(decode(names["x"])) == list(decode(line["x"])) == [0, 1, 2, 3]
        assert line["name"] in ("‖∂L/∂h‖", "RMS of h")


def test_notes_leave_the_toolbar_its_place():
    """Plotly's toolbar appears at the right end of the top; no note stands there."""
    for mode, word in (("light", "darker"), ("dark", "brighter")):
        notes = to_browser(flow_figure(make_report(4, 32), mode=mode))["layout"]["annotations"]
        top = [note for note in notes if note["y"] == 1]
        assert word in " ".join(note["text"] for note in top)
        assert all((note["x"], note["xanchor"]) == (0, "left") for note in top)


def make_blocks(count=4):
    """Make a report of blocks of two layers, between a stem and a head."""
    report = make_report(2 * count + 2, 16, "relu", he)
    layers = report.layers
    inner = [f"net.{i}.{name}" for i in range(count) for name in ("up", "down")]
    return dataclasses.replace(report, layers=layers.assign(module=["stem", *inner, "head"]))


def test_a_folded_column_holds_all_entries_of_its_block():
    report = make_blocks()
    flow, columns = shape_flow(report), make_columns(report, "fold", opened=3)
    folded = arrange_flow(flow, columns, report)
    # The stem, block 0, the two layers of block 1, blocks 2 and 3, the head.
    members = [(1,), (2, 3), (4,), (5,), (6, 7), (8, 9), (10,)]
    assert folded.layers.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert folded.choices.tolist() == [1, -2, 4, 5, -4, -5, 10]
    for column, layers in enumerate(members):
        totals = [report.histogram("delta", n).total for n in layers]
        counts = sum(
            total * flow.backward.share[:, n - 1].astype(float)
            for total, n in zip(totals, layers, strict=True)
        )
        assert_allclose(folded.backward.share[:, column], counts / sum(totals), atol=1e-6)
        norms = report.layers["delta_norm"][[n - 1 for n in layers]]
        rms = math.sqrt((norms**2).sum() / sum(totals))
        assert folded.rms[column] == pytest.approx(math.log10(rms), abs=1e-6)
    for band in (folded.forward, folded.backward):
        mass = band.share.sum(axis=0) + band.below + band.above + band.nonfinite
        mass += band.zeros if band is folded.backward else 0
        assert mass == pytest.approx(np.ones(7), abs=1e-5)
        assert (band.shade.max(axis=0) == 255).all()


def test_layers_of_a_kind_stand_side_by_side_and_no_line_joins_two_kinds():
    report = make_blocks()
    data = to_browser(flow_figure(report, order="kind", selected=3))
    (targets, _below) = find_traces(data, name="layers")
    assert decode(targets["customdata"]).tolist() == [1, 2, 4, 6, 8, 3, 5, 7, 9, 10]
    (line,) = find_traces(data, name="RMS")
    x, y = decode(line["x"]), decode(line["y"])
    parts = np.split(x, np.flatnonzero(np.isnan(x)))
    drawn = [part[~np.isnan(part)].tolist() for part in parts]
    assert drawn == [[1], [2, 3, 4, 5], [6, 7, 8, 9], [10]]
    levels = np.log10(report.layers["delta_rms"].to_numpy())
    assert_allclose(y[~np.isnan(x)], levels[[0, 1, 3, 5, 7, 2, 4, 6, 8, 9]], rtol=1e-5)
    labels = data["layout"]["xaxis"]["ticktext"]
    assert labels == ["stem", "up<br>×4", "down<br>×4", "head"]
    outline = next(s for s in data["layout"]["shapes"] if s["type"] == "rect" and s["x0"] == 5.5)
    assert outline["x1"] == 6.5  # layer 3 is the first of its kind


def test_blocks_are_named_below_their_layers():
    data = to_browser(flow_figure(make_blocks()))
    axis = data["layout"]["xaxis"]
    assert axis["ticktext"] == [
        "\u00a0<br>stem",
        "0",
        "1",
        "\u00a0<br>net",
        "2",
        "3",
        "\u00a0<br>head",
    ]
    lines = next(s["path"] for s in data["layout"]["shapes"] if s["type"] == "path")
    assert lines == "".join(f"M{x},0V1" for x in (1.5, 3.5, 5.5, 7.5, 9.5))


def test_levels_are_pooled_far_below_what_can_be_squared():
    pooled = pool_levels(np.array([-300.0, -301.0, np.nan]), np.array([1.0, 3.0, 4.0]), np.zeros(3))
    exact = -300 + math.log10((1 + 3e-2) / 8) / 2
    assert pooled == pytest.approx(exact)
    assert math.isnan(pool_levels(np.array([0.0, np.nan]), np.ones(2), np.array([0.0, 0.5])))
