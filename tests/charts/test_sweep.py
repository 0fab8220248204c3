"""Figures of sweeps: medians where they belong, honest about what is not known."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from gradflow.charts.encode import encode_figure
from gradflow.charts.sweep.curve import curve_figure
from gradflow.charts.sweep.data import (
    Axis,
    Mark,
    SweptMeasure,
    TheoryLines,
    compute_quantile,
    draw_profile,
    fill_gaps,
)
from gradflow.charts.sweep.phase import fit_range, phase_figure

LEVELS = {-6.0: "low", 6.0: "high"}
DEPTH, SIGMA = Axis("Depth", [2, 10, 50]), Axis("Weight σ", [0.1, 1.0])


def make_measure(values, *, logarithmic: bool = True) -> SweptMeasure:
    values = np.array(values, np.float64)
    return SweptMeasure("Gradient", logarithmic, values)


def test_axes_tell_even_steps_from_categories():
    assert Axis("a", [0, 1, 2]).kind == "linear"
    assert Axis("a", [0.01, 0.1, 1.0]).kind == "log"
    assert Axis("a", [-1.0, 0.1, 1.5]).kind == "category"
    assert Axis("a", [2, 10, 60]).kind == "category"
    assert Axis("a", [1, 2, 3], names=("x", "y", "z")).kind == "category"
    assert Axis("a", [True, False]).kind == "category"
    assert Axis("a", [2, 10, 60]).places.tolist() == [0, 1, 2]
    assert Axis("a", [1e-7, 1e-5]).list_names() == ["10⁻⁷", "10⁻⁵"]


def test_an_axis_reaches_to_the_edges_of_the_outer_cells():
    assert Axis("a", [0, 1, 2]).range == [-0.5, 2.5]
    assert Axis("a", [3, 2, 1]).range == [0.5, 3.5]
    assert Axis("a", [0.01, 0.1, 1.0]).range == pytest.approx([-2.5, 0.5])
    assert Axis("a", [2, 10, 60]).range == [-0.5, 2.5]
    assert Axis("a", [7]).range == [-0.5, 0.5]
    figure = phase_figure(DEPTH, SIGMA, make_measure(np.ones((2, 3, 1))))
    assert figure.layout.xaxis.range == tuple(DEPTH.range)
    assert figure.layout.yaxis.range == tuple(SIGMA.range)


def test_the_map_shows_medians_on_a_logarithmic_scale():
    values = [
        [[1, 10, 100], [1e-3, 1e-3, 1e3], [math.nan] * 3],
        [[0, 0, 0], [1, math.inf, 1], [4] * 3],
    ]
    doubtful = Mark("doubtful", "x-thin", np.array([[False] * 3, [False, False, True]]))
    remarks = [["It keeps its size.", "", "not <possible>"], [""] * 3]
    measure = replace(make_measure(values), marks=[doubtful], remarks=remarks)
    figure = phase_figure(DEPTH, SIGMA, measure)
    z = np.array(figure.data[0].z, np.float64)
    expected = [[1, -3, math.nan], [math.nan, 0, math.log10(4)]]
    np.testing.assert_allclose(z, expected, rtol=1e-6)
    doubt, cells = (trace for trace in figure.data if trace.type == "scatter")
    expected = "Weight σ: 0.1<br>Depth: 2<br><b>Gradient: 10</b><br>It keeps its size."
    assert cells.hovertext[0] == expected
    assert cells.hovertext[2] == "Weight σ: 0.1<br>Depth: 50<br>not &lt;possible&gt;"
    assert list(cells.customdata) == [0, 1, 2, 3, 4, 5]
    unknown = phase_figure(DEPTH, SIGMA, make_measure(values)).data[-1]
    assert list(unknown.customdata) == [0, 1, 3, 4, 5]  # not of the cell that is not known
    assert (list(doubt.x), list(doubt.y)) == ([50], [1.0])


def test_the_line_between_growing_and_shrinking():
    x, y = Axis("x", [1, 2, 3]), Axis("y", [1, 2])
    both = make_measure([[[0.1], [1], [10]], [[0.1], [1], [10]]])
    types = [t.type for t in phase_figure(x, y, both).data]
    assert types == ["heatmap", "contour", "contour", "scatter"]
    only = make_measure([[[0.1], [0.2], [0.3]]] * 2)
    assert [t.type for t in phase_figure(x, y, only).data] == ["heatmap", "scatter"]


def test_theory_takes_the_place_of_that_line():
    x, y = Axis("x", [1, 2, 3]), Axis("y", [1, 2])
    both = make_measure([[[0.1], [1], [10]], [[0.1], [1], [10]]])
    line = np.array([2.0, 1.8]), y.places
    field = TheoryLines(
        line, "critical", x.places, y.places, np.array([[-9.0, 0, 3], [-9, 1, 4]]), LEVELS
    )
    lines = phase_figure(x, y, both, theory=field).data[1:5]
    assert [t.name for t in lines] == ["critical"] * 2 + ["low"] * 2  # 6 is nowhere reached
    assert [t.name for t in lines if t.showlegend] == ["critical", "low"]
    assert list(lines[0].x) == [2.0, 1.8]
    assert lines[2].contours.start == -6


def test_numbers_between_the_values_have_a_place():
    assert Axis("x", [1, 2, 4]).locate(np.array([3.0])).tolist() == [3.0]
    uneven = Axis("x", [9, 2, 1])
    assert uneven.kind == "category"
    assert uneven.locate(np.array([1.5, 5.5, math.nan])).tolist()[:2] == [1.5, 0.5]


def test_without_any_number_there_are_no_lines():
    x, y = Axis("x", [1, 2, 3]), Axis("y", [1, 2])
    zeros = make_measure(np.zeros((2, 3, 1)))  # none has a logarithm
    nowhere = np.full(2, math.nan), y.places
    unknown = TheoryLines(
        nowhere, "critical", x.places, y.places, np.full((2, 3), math.nan), LEVELS
    )
    for theory in (None, unknown):
        types = [t.type for t in phase_figure(x, y, zeros, theory=theory).data]
        assert types == ["heatmap", "scatter"]


def test_the_course_of_a_gradient_in_one_line():
    assert draw_profile([-7, -6, -5, -4, -3, -2, -1, 0]) == "▁▂▃▄▅▆▇█"
    assert draw_profile([0.0, -0.2, -math.inf, math.nan]) == "▁▁  "  # less than a factor 10
    assert len(draw_profile(np.linspace(-9, 0, 200))) == 20


def test_a_few_values_far_off_do_not_take_all_colours():
    shades = np.concatenate([np.linspace(-3, 0, 1000), [250.0]])
    low, high = fit_range(shades)
    assert -3.1 < low < -2.9
    assert high < 1
    assert fit_range(np.full(3, 2.0)) == (1.5, 2.5)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_quantiles_leave_out_what_is_not_known(share):
    rows = np.array([[3, 1, 2], [math.nan, 5, math.nan], [math.nan] * 3, [1, math.inf, math.inf]])
    expected = {
        0.0: [1, 5, math.nan, 1],
        0.5: [2, 5, math.nan, math.inf],
        1.0: [3, 5, math.nan, math.inf],
    }
    np.testing.assert_array_equal(compute_quantile(rows, share), expected[share])


def test_ticks_of_the_scale_are_lists_that_a_phone_can_thin():
    for low in (1.0, 1e-6):  # less than two powers of ten, and more
        figure = phase_figure(DEPTH, SIGMA, make_measure([[[low], [2], [2]]] * 2))
        bar = json.loads(encode_figure(figure))["layout"]["coloraxis"]["colorbar"]
        assert len(bar["tickvals"]) == len(bar["ticktext"]) > 1


def test_nothing_to_draw_yet():
    empty = make_measure(np.full((2, 3, 2), math.nan))
    assert "Nothing" in phase_figure(DEPTH, SIGMA, empty).layout.annotations[0].text
    assert (
        "Nothing"
        in curve_figure(DEPTH, make_measure(np.full((3, 2), math.nan))).layout.annotations[0].text
    )


def test_the_curve_has_the_seeds_as_a_band():
    figure = curve_figure(SIGMA, make_measure([[1, 2, 9], [10, 20, 90]]))
    low, high, median = (list(trace.y) for trace in figure.data)
    assert (low, median, high) == ([1, 10], [2, 20], [9, 90])
    assert figure.layout.yaxis.type == "log"


def test_the_curve_has_the_signs_of_the_map():
    doubtful = Mark("doubtful", "x", np.array([True, False, True, False]))
    impossible = Mark("not possible", "line-ew", np.array([False, False, False, True]))
    values = make_measure([[1, 3], [5, 5], [0, 0], [math.nan, math.nan]])
    figure = curve_figure(
        Axis("Depth", [2, 4, 6, 8]), replace(values, marks=[doubtful, impossible])
    )
    signs = [(t.name, t.yaxis, list(t.x), list(t.y)) for t in figure.data[3:]]
    assert [t.showlegend for t in figure.data[3:]] == [True, False, True]
    edge = figure.data[4].y[0]
    assert signs == [
        ("doubtful", "y", [2], [1]),
        ("doubtful", "y2", [6], [edge]),  # 0 has no place on a logarithmic axis
        ("not possible", "y2", [8], [edge]),
    ]
    assert tuple(figure.layout.yaxis2.range) == (0, 1)
    assert 0 < edge < 0.1
    plain = curve_figure(Axis("Depth", [2, 4]), make_measure([[-1], [0]], logarithmic=False))
    assert len(plain.data) == 3


def test_gaps_look_like_neighbours_along_numbers_and_like_no_other_category():
    nan = math.nan
    coarse = np.array([[1.0, nan, 3.0], [nan, nan, nan], [nan, nan, 9.0]])
    assert fill_gaps(coarse).tolist() == [[1, 1, 3], [1, 1, 3], [1, 9, 9]]
    columns = fill_gaps(coarse, along=(True, False))  # categories stand beside each other
    np.testing.assert_array_equal(columns, [[1, nan, 3], [1, nan, 3], [1, nan, 9]])
    np.testing.assert_array_equal(fill_gaps(coarse, along=(False, False)), coarse)


def test_a_growing_map_leaves_categories_empty():
    values = np.full((2, 3, 1), math.nan)
    values[0, 0] = 10.0
    even, uneven = Axis("x", [1, 2, 3]), Axis("x", [1, 2, 30])
    names = Axis("x", ["a", "b", "c"], names=("A", "B", "C"))
    for axis, known in ((even, 6), (uneven, 2), (names, 2)):
        figure = phase_figure(axis, Axis("y", [1, 2]), make_measure(values), growing=True)
        assert np.isfinite(np.array(figure.data[0].z)).sum() == known
