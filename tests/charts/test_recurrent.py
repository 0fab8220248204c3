"""Figures over time: what is drawn where, and that the browser would accept it."""

import math

import numpy as np
import pytest

import gradflow as gf
from gradflow import charts
from gradflow.charts.recurrent.clipping import (
    cosine_figure,
    directions_figure,
    label_bar,
    parameters_figure,
    shape_arrows,
)
from gradflow.charts.recurrent.factors import FACTOR_LIMIT, factors_figure, make_factor_curves
from gradflow.charts.recurrent.gate_histograms import (
    BINS,
    average_gate_shares,
    gate_histograms_figure,
)
from gradflow.charts.recurrent.gates import GateRows, gates_figure, shape_gates
from gradflow.charts.recurrent.norms import (
    TheoryLine,
    fit_norms_scale,
    keep_nearby,
    time_norms_figure,
)
from gradflow.charts.recurrent.remaining import make_remaining_curves, remaining_figure
from gradflow.charts.recurrent.training import (
    shape_gradient,
    training_gradient_figure,
    training_loss_figure,
)
from gradflow.charts.theme import PALETTES, Mode
from gradflow.core.numbers import format_number
from gradflow.core.recurrent.clipping import ClippedGradient, ClippingCourse, ClippingReport
from tests.charts.figures import decode, find_traces, read_words, to_browser


@pytest.fixture(scope="module")
def report() -> gf.TimeReport:
    return gf.through_time(
        gf.SequenceExperiment(
            network=gf.Recurrent(cell="lstm", hidden_size=4),
            data=gf.Sequences(length=6, batch_size=3),
        )
    )


def test_flow_speaks_of_states(report: gf.TimeReport) -> None:
    for state, letter in (("hidden", "h"), ("cell", "c")):
        figure = to_browser(charts.flow_figure(report.as_report(state), gradient="activation_grad"))
        assert figure["layout"]["yaxis"]["title"]["text"] == f"state {letter}<sub>t</sub>"
        assert figure["layout"]["yaxis2"]["title"]["text"] == f"|∂L/∂{letter}<sub>t</sub>|"
        forward, backward = find_traces(figure, name="layers")
        assert forward["hovertext"][4].startswith(f"state {letter}<sub>5</sub><br>")
        norm = format_number(report.column(f"{state}_grad_norm")[4])
        assert f"‖∂L/∂{letter}<sub>5</sub>‖ {norm}" in backward["hovertext"][4]
        assert "of the step’s entries" in read_words(figure)


def test_norms_and_theory_are_where_they_belong() -> None:
    norms, line = np.array([1e-4, 0.0, 1.0]), np.array([1e-2, 1e-1, 1.0])
    figure = to_browser(time_norms_figure([("h", norms)], [TheoryLine("ρ", line)]))
    (measured,) = find_traces(figure, name="h")
    np.testing.assert_allclose(decode(measured["y"]), [-4, np.nan, 0])
    assert len(find_traces(figure, name="marks")[0]["x"]) == 1
    (theory,) = find_traces(figure, name="ρ")
    np.testing.assert_allclose(decode(theory["y"]), [-2, -1, 0])
    assert theory["line"]["dash"] != "solid"
    assert theory["hovertext"][0] == "ρ: 0.01"
    assert "▽ exactly 0" in read_words(figure)


def test_a_bound_far_away_leaves_the_figure() -> None:
    norms = np.geomspace(1e-4, 1, 5)
    scale = fit_norms_scale([norms], [TheoryLine("bound", np.geomspace(1e200, 1, 5))])
    assert 1 < scale.high < 10
    assert scale.low < -4
    near = fit_norms_scale([norms], [TheoryLine("ρ", np.geomspace(1e-6, 1, 5))])
    assert near.low <= -6


def test_of_a_line_what_is_near_is_kept() -> None:
    norms = np.geomspace(1e-4, 1, 5)
    kept = keep_nearby(norms, np.array([1e30, 1e-5, math.nan, 10.0, 1e-30]))
    np.testing.assert_array_equal(kept, [math.nan, 1e-5, math.nan, 10.0, math.nan])


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_without_numbers_there_is_a_title(mode: Mode) -> None:
    empty = [
        time_norms_figure([], [], mode=mode),
        remaining_figure([], mode=mode),
        factors_figure([], mode=mode),
        gates_figure([], step=1, unit=1, mode=mode),
        gate_histograms_figure({}, {}, mode=mode),
        training_loss_figure([], steps=5, mode=mode),
        training_gradient_figure(np.zeros(0), np.zeros((0, 0)), "h", mode=mode),
        directions_figure(make_clipping(0.0), mode=mode),
        parameters_figure(make_clipping(math.nan), mode=mode),
    ]
    for figure in empty:
        assert to_browser(figure)["data"] == []
        assert read_words(to_browser(figure))


def test_the_way_back_runs_to_the_left() -> None:
    (curve,) = make_remaining_curves([("tanh", np.array([1.0, 0.1, 0.01]))])
    np.testing.assert_array_equal(curve.x, [0, 1, 2])
    figure = to_browser(remaining_figure([("tanh", curve.values)], marked=1))
    low, high = figure["layout"]["xaxis"]["range"]
    assert low > high
    np.testing.assert_allclose(decode(find_traces(figure, name="tanh")[0]["y"]), [0, -1, -2])
    assert [s["x0"] for s in figure["layout"]["shapes"]] == [0, 1]


def test_a_factor_stands_at_its_distance() -> None:
    named = [
        ("lstm", np.array([0.9, 1.1]), np.array([0.8, 0.8])),
        ("tanh", np.array([0.5, 7.0]), np.full(2, np.nan)),
    ]
    np.testing.assert_array_equal(make_factor_curves(named)[0].x, [1, 2])
    figure = to_browser(factors_figure(named))
    (theory,) = find_traces(figure, name="theory")  # that of the LSTM only
    np.testing.assert_allclose(decode(theory["y"]), 0.8)
    np.testing.assert_allclose(decode(find_traces(figure, name="lstm")[0]["y"]), [0.9, 1.1])
    assert figure["layout"]["yaxis"]["range"][1] > 7.0
    assert not find_traces(figure, name="beyond")
    assert find_traces(figure, name="direct path alone (mean over units)")


def test_factors_beyond_the_axis_are_marked_with_their_value() -> None:
    total = np.array([0.5, 37.0, 0.0, np.nan])
    named = [("lstm", np.ones(4), np.ones(4)), ("tanh", total, np.full(4, np.nan))]
    figure = to_browser(factors_figure(named))
    assert figure["layout"]["yaxis"]["range"][1] == FACTOR_LIMIT
    (beyond,) = find_traces(figure, name="beyond")
    assert (beyond["x"], beyond["text"]) == ([2.0], ["37"])
    assert beyond["y"][0] < FACTOR_LIMIT
    assert beyond["marker"]["color"] == find_traces(figure, name="tanh")[0]["line"]["color"]
    assert "beyond the axis" in read_words(figure)
    assert make_factor_curves(named)[1].x.tolist() == [
        1,
        2,
        3,
    ]  # where nothing is left there is none


def test_of_many_values_beyond_the_largest_is_written() -> None:
    total = np.linspace(20.0, 31.0, 12)
    figure = to_browser(factors_figure([("tanh", total, np.full(12, np.nan))]))
    (beyond,) = find_traces(figure, name="beyond")
    assert beyond["text"] == [""] * 11 + ["31"]


def test_a_curve_ends_with_a_cross_where_it_breaks() -> None:
    named = [
        ("tanh", np.array([1.0, 1e20, math.inf, math.nan])),
        ("relu", np.full(4, math.nan)),
        ("gru", np.array([1.0, 0.1, 0.01, 0.001])),
    ]
    figure = to_browser(remaining_figure(named, broken=[("tanh", 2), ("relu", 3)]))
    (curve,) = find_traces(figure, name="tanh")
    np.testing.assert_allclose(decode(curve["y"]), [0, 20])
    (crosses,) = find_traces(figure, name="breaks")
    assert crosses["x"] == [2, 3]
    assert crosses["y"][0] == 20
    assert [text.strip() for text in crosses["text"]] == ["", "relu"]
    low, high = figure["layout"]["yaxis"]["range"]
    assert low < -3
    assert 20 < crosses["y"][1] < high
    assert not find_traces(figure, name="marks")  # no band of marks
    assert "not a finite number" in read_words(figure)


def test_of_many_zeros_the_first_is_marked() -> None:
    values = np.array([1.0, 0.0, 1e-8, *[0.0] * 100])
    named = [("tanh", np.ones(103)), ("gru", values)]
    figure = to_browser(remaining_figure(named))
    (curve,) = find_traces(figure, name="gru")
    np.testing.assert_allclose(decode(curve["y"]), [0, np.nan, -8])
    (zeros,) = find_traces(figure, name="zeros")
    assert zeros["x"] == [3]
    assert zeros["marker"]["color"] == [curve["line"]["color"]]
    assert figure["layout"]["yaxis"]["range"][0] < zeros["y"][0] < -8
    assert "▽ exactly 0 from here on" in read_words(figure)
    figure = to_browser(time_norms_figure([("h", values[::-1])], []))
    assert decode(find_traces(figure, name="h")[0]["x"]).tolist() == [101, 102, 103]
    assert find_traces(figure, name="zeros")[0]["x"] == [100]


def test_norms_end_with_a_cross_where_they_break() -> None:
    measured = [("h", np.array([math.nan, math.inf, 1e9, 1.0])), ("c", np.ones(4))]
    figure = to_browser(time_norms_figure(measured, [TheoryLine("ρ", np.geomspace(1e4, 1, 4))]))
    (curve,) = find_traces(figure, name="h")
    assert (decode(curve["x"]).tolist(), decode(curve["y"]).tolist()) == ([3, 4], [9, 0])
    (cross,) = find_traces(figure, name="breaks")
    assert (cross["x"], cross["y"]) == ([2], [9])
    assert not find_traces(figure, name="marks")
    assert "exactly 0" not in read_words(figure)
    broken = to_browser(time_norms_figure([("h", np.full(4, math.nan))], []))
    assert "No gradient is a finite number above 0" in read_words(broken)


def test_gates_are_stacked_the_first_on_top() -> None:
    first = np.arange(6.0).reshape(3, 2) / 10  # 3 steps, 2 units
    gates = [GateRows("i", first, np.ones(3)), GateRows("f", first + 0.4, np.ones(3))]
    picture = shape_gates(gates)
    assert picture.bottoms == (3, 0)
    assert picture.units.tolist() == [1, 2, 0, 1, 2]
    np.testing.assert_allclose(picture.values[:2], first.T + 0.4, rtol=1e-6)
    assert np.isnan(picture.values[2]).all()
    np.testing.assert_allclose(picture.values[3:], first.T, rtol=1e-6)
    figure = to_browser(gates_figure(gates, step=2, unit=2))
    lines = [s for s in figure["layout"]["shapes"] if s["type"] == "line"]
    frames = [s for s in figure["layout"]["shapes"] if s["type"] == "rect"]
    assert {s["x0"] for s in lines} == {2}
    assert [s["y0"] for s in frames] == [0.5, 3.5]


def test_of_many_units_some_are_shown() -> None:
    picture = shape_gates([GateRows("z", np.ones((2, 500)), np.ones(2))])
    assert (picture.rows, picture.units[0], picture.units[-1]) == (64, 1, 500)


def test_shares_of_gates_count_every_entry(report: gf.TimeReport) -> None:
    shares = average_gate_shares([report.histogram("forget", t) for t in range(1, 7)])
    assert len(shares) == BINS
    assert shares.sum() == pytest.approx(1)
    mean = (shares * (np.arange(BINS) + 0.5) / BINS).sum()
    assert mean == pytest.approx(report.gate("forget").mean(), abs=1 / BINS)
    figure = to_browser(gate_histograms_figure({"forget": shares}, {}))
    assert max(figure["data"][0]["y"]) == pytest.approx(1)
    assert not figure["layout"]["shapes"]


def test_a_mark_belongs_to_its_gate_alone() -> None:
    shares = {name: np.full(BINS, 1 / BINS) for name in ("i", "f", "o")}
    figure = to_browser(gate_histograms_figure(shares, {"f": ("σ(b)", 0.25)}))
    (line,) = figure["layout"]["shapes"]
    assert (line["x0"], line["x1"]) == (0.25, 0.25)
    floors = {bars["name"]: bars["base"] for bars in figure["data"]}
    assert line["y0"] == floors["f"]
    assert line["y1"] == floors["f"] + 1 < floors["i"]
    assert {"<b>f</b>", "┆ σ(b) = 0.25"} <= set(read_words(figure).split(" | "))


def make_clipping(norm: float = 2.0, cosine: float = 0.5) -> ClippingReport:
    before = np.array([norm, 0.0])
    by_norm = ClippedGradient(1.0, norm / 2, 1.0, 1.0, before / 2)
    by_value = ClippedGradient(0.1, norm / 4, cosine, 0.5, before / 4)
    return ClippingReport(["recurrent.w", "readout.b"], before, norm, norm, by_norm, by_value)


def test_arrows_keep_their_angle() -> None:
    report = make_clipping(cosine=math.cos(1.0))
    arrows = shape_arrows(report)
    assert arrows is not None
    assert arrows[:2] == [(1.0, 0.0), (0.5, 0.0)]
    assert math.atan2(arrows[2][1], arrows[2][0]) == pytest.approx(1.0)
    figure = to_browser(directions_figure(report))
    assert sum(a["showarrow"] for a in figure["layout"]["annotations"]) == 3
    assert "turned by 57.3°" in read_words(figure)


def test_bars_reach_up_to_their_logarithm() -> None:
    figure = to_browser(parameters_figure(make_clipping()))
    tops = [bar["base"] + decode(bar["y"])[0] for bar in figure["data"]]
    np.testing.assert_allclose(tops, np.log10([2, 1, 0.5]))
    assert [decode(bar["y"])[1] for bar in figure["data"]] == [0, 0, 0]
    assert figure["data"][0]["x"] == ["w", "readout.b"]
    assert figure["data"][0]["text"] == ["", "0"]
    assert [label_bar(value) for value in (math.nan, math.inf, 2.0)] == ["✕", "✕", ""]


def test_cosines_over_thresholds() -> None:
    course = ClippingCourse(np.array([0.01, 1.0]), np.ones(2), np.array([-0.2, 1.0]))
    figure = to_browser(cosine_figure(course, (1.0, 0.1)))
    (curve,) = find_traces(figure, name="clipped by value")
    np.testing.assert_allclose(decode(curve["x"]), [-2, 0])
    np.testing.assert_allclose(decode(curve["y"]), [-0.2, 1.0])
    assert figure["layout"]["yaxis"]["range"][0] <= -0.2
    assert [s["x0"] for s in figure["layout"]["shapes"]] == pytest.approx([0, -1])


def test_losses_and_their_level() -> None:
    learned = [("GRU", np.array([0.0, 10.0]), np.array([1.0, 0.01]))]
    figure = to_browser(training_loss_figure(learned, steps=20, baseline=("guess", 0.1)))
    np.testing.assert_allclose(decode(find_traces(figure, name="GRU")[0]["y"]), [0, -2])
    (level,) = find_traces(figure, name="guess")
    assert (level["y"], level["x"]) == ([-1, -1], [0, 20])


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_gradients_relative_to_the_last_step(mode: Mode) -> None:
    norms = np.array([[1e-9, 0.0, 2.0], [0.1, 0.1, np.nan], [1.0, 2.0, 4.0]])
    shades = shape_gradient(norms)
    np.testing.assert_allclose(shades[:, 0], [-9, -1, 0])
    figure = to_browser(training_gradient_figure(np.array([0.0, 5, 10]), norms, "h", mode=mode))
    (heat,) = figure["data"]
    assert decode(heat["z"]).min(initial=0, where=~np.isnan(decode(heat["z"]))) == -6
    assert heat["colorscale"][-1][1] == PALETTES[mode].backward_scale[-1][1]
    assert decode(heat["z"])[0, 2] == pytest.approx(math.log10(0.5))
