"""What a map has found, against the table itself and against maps that are made up."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gradflow as gf
from gradflow.core.decay import NOTICEABLE_CHANGE
from gradflow.core.sweep import Fate, Grid
from gradflow.core.sweep.critical import Growth, Line, find_crossing, predict_growth
from gradflow.core.sweep.findings import (
    choose_lines,
    compare_with_theory,
    count_fates,
    find_band,
    find_extremes,
    find_kept,
    measure_scatter,
)
from gradflow.core.sweep.jobs import make_impossible_row
from gradflow.core.sweep.measures import MEASURES
from gradflow.core.sweep.table import make_table

DATA = gf.Data(source="gaussian", dimension=64, batch_size=32)
TANH = gf.Experiment(
    network=gf.MLP(depth=24, width=64, initialization="kaiming_normal", gain="custom"), data=DATA
)
PAIR = {"init_std": [0.1, 0.2, 0.3], "bias_std": [0.0, 0.5]}
NORMAL = gf.Experiment(network=gf.MLP(depth=4, width=8, initialization="normal"))


def make_rows(grid: Grid, **columns) -> list[dict]:
    """Make rows of numbers that are made up; a column has a value per point."""
    usual = dict.fromkeys(MEASURES, 1.0) | {
        "verdict": "healthy", "precise": True, "profile": [], "problem": "", "seed": 0
    }  # fmt: skip
    return [
        usual | {"cell": cell} | {name: values[cell] for name, values in columns.items()}
        for cell in range(math.prod(grid.shape))
    ]


def test_what_is_kept_is_what_changes_little_and_can_be_trusted():
    axes = {"gain_value": [0.5, 1.0, 1.5, 2.5], "bias_std": [0.0, 0.3]}
    table = gf.sweep(TANH, axes, seeds=3)
    grid = Grid(TANH, axes, 3)
    kept = find_kept(grid, table)
    groups = table.assign(own=(table["largest_change"] <= NOTICEABLE_CHANGE) & table["precise"])
    expected = groups.groupby(["gain_value", "bias_std"])["own"].all()
    assert kept.ravel().tolist() == expected.tolist()
    assert kept.any()
    assert not kept.all()
    fates = count_fates(table)
    assert sum(fates.values()) == len(table) == 24
    assert fates == table["verdict"].value_counts().to_dict()
    (most, largest), (least, smallest) = find_extremes(grid, table)
    median = table.groupby(["gain_value", "bias_std"])["first_gradient"].median()
    assert (largest, smallest) == pytest.approx((median.max(), median.min()))
    assert (most, least) == (median.argmax(), median.argmin())


def test_spoilt_and_impossible_points_do_not_count():
    grid = Grid(NORMAL, PAIR)
    rows = make_rows(grid, precise=[True] * 5 + [False], first_gradient=[1, 2, 3, 4, 5, 1e9])
    rows[0] |= make_impossible_row("too large")
    table = make_table(grid, rows)
    assert find_kept(grid, table).tolist() == [[False, True], [True, True], [True, False]]
    assert count_fates(table) == {Fate.HEALTHY: 5}
    assert find_extremes(grid, table) == [(4, 5.0), (1, 2.0)]
    nothing = make_table(grid, make_rows(grid, precise=[False] * 6))
    assert find_extremes(grid, nothing) == []


def test_bands():
    assert find_band(np.array([False, True, True])) == ([1, 2], 3)
    assert find_band(np.array([True, True])).is_whole
    assert find_band(np.array([False, True, True, False])).is_connected
    assert not find_band(np.array([True, False, True])).is_connected
    assert not find_band(np.array([False])).is_connected


def test_lines_without_anything_to_judge_are_not_chosen():
    grid = Grid(NORMAL, PAIR)
    fates = ["unknown", "unknown", "vanishing", "healthy", "impossible", "healthy"]
    table = make_table(grid, make_rows(grid, verdict=fates))
    assert choose_lines(grid, table, 0) == (1, 2)
    assert choose_lines(grid, table, 1) == (0, 1)
    assert choose_lines(grid, make_table(grid, []), 0) is None


def test_crossings():
    places = np.array([0.0, 1.0, 3.0])
    assert find_crossing(places, np.array([-1.0, 1.0, 2.0])) == 0.5
    assert find_crossing(places, np.array([1.0, 0.0, -2.0])) == 1.0
    assert find_crossing(places, np.array([-1.0, math.nan, 2.0])) == 1.0
    for none in ([1.0, 2.0, 3.0], [-1.0, 1.0, -1.0], [math.nan] * 3):
        assert math.isnan(find_crossing(places, np.array(none)))


def test_the_distance_from_theory_is_in_the_unit_of_its_axis():
    grid = Grid(NORMAL, {"init_std": [0.1, 0.2, 0.3], "bias_std": [0.0, 0.5]})
    # Measured: the factor is 1 at 0.15 without biases, and at 0.25 with them.
    factor = np.exp([-1.0, -3.0, 1.0, -1.0, 2.0, 1.0])
    table = make_table(grid, make_rows(grid, factor=factor.tolist()))
    line = Line(0, np.array([0.2, 0.2]))
    growth = Growth([0, 2], [0, 1], np.array([[-1.0, -1.0], [1.0, 1.0]]), line)
    axis, lines, median, largest = compare_with_theory(grid, table, growth)
    assert (axis, lines) == ("init_std", 2)
    assert (median, largest) == pytest.approx((0.05, 0.05))
    assert compare_with_theory(grid, table, Growth([], [], np.empty((0, 0)))) is None


def test_tanh_is_close_to_theory_and_a_wrong_line_is_far():
    axes = {"gain_value": np.linspace(0.6, 2.4, 10).tolist(), "bias_std": [0.0, 0.2, 0.4]}
    table = gf.sweep(TANH, axes, seeds=1)
    grid = Grid(TANH, axes)
    growth = predict_growth(grid)
    distance = compare_with_theory(grid, table, growth)
    assert distance.axis == "gain_value"
    assert distance.lines == 3
    assert distance.median < 0.1  # half a step
    line = Line(0, growth.critical.values + 0.5)
    moved = growth._replace(critical=line)
    assert compare_with_theory(grid, table, moved).median > 3 * distance.median


def test_scatter():
    draws = np.random.default_rng(0).lognormal(2.0, 0.7, 20_000)
    assert measure_scatter(draws) == pytest.approx(math.exp(0.7), rel=0.02)
    assert measure_scatter([1.0, 1.0, 1.0, 0.0, math.inf, math.nan]) == 1.0
    assert math.isnan(measure_scatter([1.0, 2.0, math.nan]))
