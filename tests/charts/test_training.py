"""Figures of training runs, from numbers made by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from gradflow.charts.training.data import (
    QUANTITIES,
    Lane,
    find_horizon,
    thin_line,
    thin_map,
)
from gradflow.charts.training.layers import layers_figure, speeds_figure
from gradflow.charts.training.learning import fit_loss_scale, learning_figure
from gradflow.charts.training.maps import fit_shades, shape_map, smooth
from gradflow.charts.training.marks import find_stretches
from gradflow.charts.training.steps import steps_figure
from tests.charts.figures import decode, find_traces, read_words, to_browser

LAYERS, RECORDS = 3, 20
NUMBERS = (
    "loss",
    "accuracy",
    "held_out_loss",
    "held_out_accuracy",
    "grad_norm",
    "clipped_grad_norm",
    "learning_rate",
)


def make_lane(
    letter: str = "A", records: int = RECORDS, layers: int = LAYERS, seed: int = 0
) -> Lane:
    draw = np.random.default_rng(seed)
    numbers = {name: draw.uniform(0.1, 1.0, records) for name in NUMBERS}
    numbers["held_out_loss"][1::2] = np.nan  # not looked at
    numbers["held_out_accuracy"][1::2] = np.nan
    return Lane(
        letter=letter,
        name=f"run <{letter}>",
        planned=2 * records,
        steps=np.arange(1.0, records + 1),
        numbers=numbers,
        modules=[f"linear{i}" for i in range(1, layers + 1)],
        layers={name: 10 ** draw.uniform(-6, 0, (layers, records)) for name in QUANTITIES},
    )


def replace_layers(lane: Lane, **columns: np.ndarray) -> Lane:
    return replace(lane, layers={**lane.layers, **columns})


def replace_numbers(lane: Lane, **columns: np.ndarray) -> Lane:
    return replace(lane, numbers={**lane.numbers, **columns})


# --- thinning


def test_a_short_line_stays_as_it_is():
    x, y = np.arange(5.0), np.array([1.0, np.nan, 3.0, np.inf, 5.0])
    thinned_x, thinned_y = thin_line(x, y, 5)
    np.testing.assert_array_equal(thinned_x, x)
    np.testing.assert_array_equal(thinned_y, y)


def test_a_long_line_keeps_every_spike_and_what_is_not_finite():
    draw = np.random.default_rng(1)
    values = draw.normal(size=5003)
    values[[17, 2500, 5002]] = 100.0, -100.0, 50.0
    values[3000] = np.inf
    x, y = thin_line(np.arange(5003.0), values, 400)
    assert len(x) <= 401
    assert (np.diff(x) > 0).all()
    np.testing.assert_array_equal(y, values[x.astype(int)])
    assert {17.0, 2500.0, 3000.0, 5002.0} <= set(x.tolist())


def test_a_long_map_shows_the_largest_value_of_each_stretch():
    values = np.random.default_rng(2).uniform(size=(2, 1000))
    values[1, 555] = np.nan
    steps, largest = thin_map(np.arange(1.0, 1001), values, 100)
    expected = values.reshape(2, 100, 10).max(axis=2)  # max of NaN is NaN
    np.testing.assert_array_equal(largest, expected)
    np.testing.assert_array_equal(steps, np.arange(10.0, 1001, 10))


@pytest.mark.parametrize(
    ("done", "planned", "last"),
    [
        (0, 200, 12.5),
        (1, 20_000, 20_000 / 1024),
        (60, 200, 100),
        (101, 200, 200),
        (200, 200, 200),
        (3, 5, 5),
    ],
)
def test_what_is_done_fills_at_least_half_of_the_axis(done, planned, last):
    lane = replace(make_lane(records=done), planned=planned)
    assert find_horizon([lane]) == last
    assert find_horizon([lane, replace(make_lane(records=planned), planned=planned)]) == planned


# --- loss, accuracy, gradient, rate


def find_line(data, axis, dash):
    """The y of the line of a plot."""
    (trace,) = [
        t for t in find_traces(data, yaxis=axis) if t["line"]["dash"] == dash and len(t["x"])
    ]
    return decode(trace["x"]), decode(trace["y"]), trace


@pytest.mark.parametrize("curve", ["log_loss", "loss", "accuracy"])
def test_losses_and_accuracies_are_drawn_with_held_out_dashed(curve):
    lane = make_lane()
    data = to_browser(learning_figure([lane], curve=curve))
    draw = np.log10 if curve == "log_loss" else np.asarray
    column = "accuracy" if curve == "accuracy" else "loss"
    x, y, trace = find_line(data, "y", "solid")
    np.testing.assert_allclose(x, lane.steps)
    np.testing.assert_allclose(y, draw(lane.numbers[column]), rtol=1e-5, atol=1e-7)
    assert len(trace["hovertext"]) == RECORDS
    x, y, _trace = find_line(data, "y", "dash")
    np.testing.assert_allclose(x, lane.steps[::2])
    held_out = lane.numbers[f"held_out_{column}"][::2]
    np.testing.assert_allclose(y, draw(held_out), rtol=1e-5, atol=1e-7)
    assert data["layout"]["xaxis"]["range"] == [0, 20]
    names = [t["name"] for t in data["data"] if t.get("showlegend") is not False]
    assert names == ["<b>A</b> run &lt;A&gt;", "held-out"]


def test_long_names_are_cut_so_that_all_fit():
    lanes = [replace(make_lane(letter), name="n" * 70) for letter in "ABCD"]
    expected = [f"<b>{letter}</b> {'n' * 11}…" for letter in "ABCD"]
    legend = to_browser(learning_figure(lanes))["data"]
    assert [t["name"] for t in legend if t.get("showlegend") is not False][:4] == expected
    titles = to_browser(layers_figure(lanes))["layout"]["annotations"]
    assert [title["text"] for title in titles] == expected


def test_a_loss_that_is_not_finite_is_a_cross_at_the_top():
    lane = make_lane()
    loss = lane.numbers["loss"].copy()
    loss[-1] = np.nan
    data = to_browser(learning_figure([replace_numbers(lane, loss=loss)]))
    (marks,) = find_traces(data, name="marks")
    assert decode(marks["x"]).tolist() == [20.0]
    low, high = data["layout"]["yaxis"]["range"]
    assert 0.8 * (high - low) < decode(marks["y"])[0] - low < high - low
    assert marks["hovertext"] == ["A NaN"]
    assert "NaN or infinite" in read_words(data)
    assert "NaN" not in read_words(to_browser(learning_figure([lane])))


def test_a_run_that_explodes_does_not_flatten_another():
    calm, wild = make_lane("A"), make_lane("B", records=3)
    wild = replace_numbers(wild, loss=np.array([1.0, 1e12, np.inf]))
    together = fit_loss_scale([calm, wild], log=True)
    assert 10**together.high < 100
    assert "leave the figure" in read_words(to_browser(learning_figure([calm, wild])))
    alone = fit_loss_scale([wild], log=True)
    assert 10**alone.high > 1e12
    data = to_browser(learning_figure([wild]))
    assert "leave the figure" not in read_words(data)


def test_short_log_axes_have_readable_ticks():
    data = to_browser(learning_figure([make_lane()]))
    axis = data["layout"]["yaxis"]
    texts = dict(zip(axis["ticktext"], axis["tickvals"], strict=True))
    assert texts["0.3"] == pytest.approx(math.log10(0.3))
    assert texts["1"] == 0


def test_gradient_norms_stand_before_and_after_clipping_with_the_threshold():
    lane = replace(make_lane(), threshold=0.25)
    data = to_browser(steps_figure([lane, make_lane("B", seed=1)]))
    before, after = (
        decode(t["y"]) for t in find_traces(data, yaxis="y", legendgroup="A") if len(t["x"]) > 1
    )
    np.testing.assert_allclose(before, np.log10(lane.numbers["grad_norm"]), rtol=1e-5)
    np.testing.assert_allclose(after, np.log10(lane.numbers["clipped_grad_norm"]), rtol=1e-5)
    (rate,) = [t for t in find_traces(data, yaxis="y2", legendgroup="A") if len(t["x"]) > 1]
    np.testing.assert_allclose(decode(rate["y"]), lane.numbers["learning_rate"], rtol=1e-5)
    assert data["layout"]["yaxis2"]["range"][0] <= 0
    (shape,) = data["layout"]["shapes"]
    assert shape["y0"] == shape["y1"] == pytest.approx(math.log10(0.25))
    assert "threshold of clipping 0.25" in read_words(data)


def test_without_clipping_and_held_out_data_there_are_no_dashes_in_line_and_legend():
    lane = make_lane()
    unclipped = replace_numbers(lane, clipped_grad_norm=lane.numbers["grad_norm"])
    data = to_browser(steps_figure([unclipped]))
    assert len([t for t in find_traces(data, yaxis="y") if len(t["x"]) > 1]) == 1
    assert not find_traces(data, name="after clipping")
    assert find_traces(to_browser(steps_figure([unclipped, make_lane("B")])), name="after clipping")
    assert find_traces(to_browser(learning_figure([lane])), name="held-out")
    unseen = replace_numbers(lane, held_out_loss=np.full(RECORDS, np.nan))
    assert not find_traces(to_browser(learning_figure([unseen])), name="held-out")


# --- layers over steps


def test_a_map_is_the_logarithm_with_zeros_and_broken_values_apart():
    values = np.array([[1.0, 0.0, 0.0], [np.nan, np.inf, 1e-300]])
    shaped = shape_map(
        replace_layers(make_lane(records=3), weight_grad_norm=values), "weight_grad_norm"
    )
    np.testing.assert_allclose(shaped.shade, [[0, np.nan, np.nan], [np.nan, np.nan, -300]])
    np.testing.assert_array_equal(shaped.zero, [[False, True, True], [False] * 3])
    np.testing.assert_array_equal(shaped.broken, [[False] * 3, [True, True, False]])


def test_a_share_that_is_not_defined_is_blank_and_not_broken():
    values = np.array([[0.0, 0.5, np.nan]])
    shaped = shape_map(replace_layers(make_lane(records=3), dead=values), "dead")
    np.testing.assert_array_equal(shaped.shade, values)
    assert not shaped.zero.any()
    assert not shaped.broken.any()


def test_stretches_have_two_ends():
    cells = np.array([[1, 1, 1, 0, 1], [0, 0, 0, 0, 0], [0, 1, 1, 1, 1]], bool)
    assert find_stretches(cells) == [(0, 0, 2), (0, 4, 4), (2, 1, 4)]


def test_a_cross_stands_where_values_cease_to_be_finite_and_the_stretch_is_tinted():
    values = np.full((2, 6), 0.1)
    values[0, 2:] = np.nan
    lane = replace_layers(make_lane(records=6, layers=2), weight_grad_norm=values)
    data = to_browser(layers_figure([replace(lane, steps=lane.steps * 10)]))
    (marks,) = find_traces(data, name="marks")
    assert (marks["x"], marks["y"]) == ([30], [1])
    assert "NaN or ∞ from step 30 to 60" in marks["hovertext"][0]
    (tint,) = find_traces(data, name="broken")
    np.testing.assert_array_equal(decode(tint["z"]) == 1, np.isnan(values))


def test_a_layer_without_a_gradient_is_blank_and_not_broken():
    """Of two layers one is frozen; in step 3 the loss is not finite, in step 4 layer 2 not run."""
    values = np.array([[np.nan] * 4, [0.1, 0.2, np.nan, np.nan]])
    lane = replace_layers(make_lane(records=4, layers=2), weight_grad_norm=values)
    zeros = np.zeros(4)
    lane = replace_numbers(
        lane,
        loss=np.array([1, 1, np.nan, 1]),
        nonfinite=zeros,
        grad_nonfinite=np.array([0, 0, 5, 0.0]),
    )
    broken = shape_map(lane, "weight_grad_norm").broken
    np.testing.assert_array_equal(broken, [[False] * 4, [False, False, True, False]])
    # Of many columns drawn as few, one that is broken stays so.
    thinned = shape_map(lane, "weight_grad_norm", columns=2)
    np.testing.assert_array_equal(thinned.broken, [[False] * 2, [False, True]])


def test_shades_span_two_decades_and_pass_over_rare_values():
    what = QUANTITIES["weight_grad_norm"]
    assert fit_shades([np.full((2, 3), -1.0)], what) == (-3.0, -1.0)
    assert fit_shades([np.full((2, 3), np.nan)], what) == (-2.0, 0.0)
    wild = np.linspace(-5, 0, 1000)
    wild[500] = 30.0
    low, high = fit_shades([wild], what)
    assert -5 <= low < -4.8
    assert -0.2 < high <= 0
    assert fit_shades([wild], QUANTITIES["dead"]) == (0.0, 1.0)


def test_means_over_a_window_of_a_tenth():
    rows = np.random.default_rng(3).normal(size=(2, 40))
    expected = [[row[max(i - 2, 0) : i + 3].mean() for i in range(40)] for row in rows]
    np.testing.assert_allclose(smooth(rows), expected)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_quantity_has_a_map_per_run_on_one_scale(quantity, mode):
    lanes = [make_lane("A"), make_lane("B", layers=5, seed=1)]
    data = to_browser(layers_figure(lanes, quantity=quantity, mode=mode))
    maps = find_traces(data, type="heatmap")
    assert [m["xaxis"] for m in maps] == ["x", "x2"]
    assert {m["coloraxis"] for m in maps} == {"coloraxis"}
    share = QUANTITIES[quantity].share
    for lane, drawn in zip(lanes, maps, strict=True):
        values = lane.layers[quantity]
        np.testing.assert_allclose(
            decode(drawn["z"]), values if share else np.log10(values), rtol=1e-5
        )
        np.testing.assert_allclose(decode(drawn["x"]), lane.steps)
        assert (drawn["y0"], drawn["dy"]) == (1, 1)  # layer 1 at the bottom
    assert data["layout"]["yaxis"]["range"] == [0.5, 5.5]
    assert bool(find_traces(data, type="contour")) == (quantity == "update_ratio")
    stops = [stop for stop, _colour in data["layout"]["coloraxis"]["colorscale"]]
    assert (stops[0], stops[-1]) == (0, 1)
    assert all("rgba" not in colour for _s, colour in data["layout"]["coloraxis"]["colorscale"])


def test_zeros_and_broken_values_carry_marks():
    values = make_lane().layers["weight_grad_norm"].copy()
    values[0, :10] = 0
    values[2, -1] = np.nan
    data = to_browser(layers_figure([replace_layers(make_lane(), weight_grad_norm=values)]))
    (marks,) = [t for t in find_traces(data, name="marks") if t["xaxis"] == "x"]
    assert marks["y"] == [1, 3]
    assert marks["x"] == [5, 20]
    assert marks["marker"]["symbol"] == ["circle-open", "x-thin"]
    assert "exactly 0" in read_words(data)
    assert "NaN or infinite" in read_words(data)


def test_a_blank_map_says_why():
    undefined = replace_layers(make_lane("B"), saturated=np.full((LAYERS, RECORDS), np.nan))
    data = to_browser(layers_figure([make_lane(), undefined], quantity="saturated"))
    assert "blank: not defined for this activation function" in read_words(data)
    assert "blank" not in read_words(to_browser(layers_figure([make_lane()], quantity="saturated")))


def test_speeds_are_medians_of_the_last_ten_records_beside_one_thousandth():
    lane = make_lane()
    ratios = lane.layers["update_ratio"].copy()
    ratios[1, -10:] = 0
    ratios[2, -3] = np.nan
    data = to_browser(speeds_figure([replace_layers(lane, update_ratio=ratios)]))
    (drawn,) = [t for t in find_traces(data, xaxis="x") if "lines" in t["mode"]]
    expected = [math.log10(np.median(ratios[0, -10:])), math.nan, math.nan]
    np.testing.assert_allclose(decode(drawn["x"]).astype(float), expected)
    assert decode(drawn["y"]).tolist() == [1, 2, 3]
    (still,) = find_traces(data, xaxis="x", mode="markers")
    assert decode(still["y"]).tolist() == [2]
    (usual,) = data["layout"]["shapes"]
    assert (usual["name"], usual["showlegend"]) == ("usual: 0.001", True)
    assert (usual["xref"], usual["x0"], usual["x1"]) == ("x", -3, -3)
    low, high = data["layout"]["xaxis"]["range"]
    assert low < -3 < high


def test_a_run_without_records_does_not_hide_the_others():
    empty = replace(
        make_lane("B", records=0),
        modules=(),
        layers={name: np.zeros((0, 0)) for name in QUANTITIES},
    )
    data = to_browser(layers_figure([make_lane("A"), empty], quantity="update_ratio"))
    assert len(find_traces(data, type="heatmap")) == 1
    assert to_browser(learning_figure([make_lane("A"), empty]))["data"]
    for figure in (layers_figure, learning_figure, steps_figure, speeds_figure):
        assert "No step was recorded yet" in read_words(to_browser(figure([empty])))
        assert "No step was recorded yet" in read_words(to_browser(figure([])))
