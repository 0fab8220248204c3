"""The figure of a map: what it says of a cell fits the cell's numbers, its signs its measure."""

from __future__ import annotations

import html
import math

import numpy as np
import pytest

import gradflow as gf
from gradflow.core.numbers import format_number
from gradflow.core.sweep import MEASURES, Grid
from gradflow.core.sweep.table import make_table
from gradflow.ui.phase.figure import OF_GRADIENT, draw_sweep
from gradflow.ui.phase.view import _QUESTIONS

SMALL = gf.Data(source="gaussian", dimension=16, batch_size=8)
BASE = gf.Experiment(
    network=gf.MLP(depth=12, width=16, activation="tanh", initialization="normal"), data=SMALL
)
AXES = {"init_std": [0.1, 0.2, 0.25, 0.3, 0.6], "activation": ["tanh", "linear"]}


def find_words(figure) -> list[str]:
    return list(figure.data[-1].hovertext)


def read_legend(figure) -> set[str]:
    return {trace.name for trace in figure.data if trace.type == "scatter" and trace.showlegend}


@pytest.fixture(scope="module")
def swept():
    grid = Grid(BASE, AXES, 1)
    return grid, gf.sweep(BASE, AXES, seeds=1)


def test_a_cell_is_said_to_keep_its_size_within_what_it_does(swept):
    grid, table = swept
    words = find_words(draw_sweep(grid, table, "first_gradient"))
    said = set()
    for (_index, row), lines in zip(table.iterrows(), words, strict=True):
        change, text = format_number(row["largest_change"]), lines.replace("<br>", " ")
        if row["verdict"] != "healthy":
            assert "its size" not in text
        elif row["largest_change"] < 3:
            assert f"keeps its size, within a factor {change}." in text
            said.add("keeps")
        else:
            assert f"changes by a factor {change} in all; within 30 it counts as" in text
            said.add("gentle")
    assert said == {"keeps", "gentle"}


def test_the_bars_of_a_cell_have_their_range(swept):
    grid, table = swept
    words = find_words(draw_sweep(grid, table, "first_gradient"))
    network = BASE.network.model_copy(update={"init_std": 0.1})
    rms = gf.run(BASE.model_copy(update={"network": network})).layers["delta_rms"]
    low, high = (format_number(value, 2) for value in (rms.min(), rms.max()))
    assert f"{low} (lowest) to {high} (highest)" in words[0]


def test_signs_of_the_gradient_stand_on_maps_of_the_gradient(swept):
    grid, table = swept
    for measure in MEASURES:
        legend = read_legend(draw_sweep(grid, table, measure))
        circle = {"keeps its size, within a factor 30"}
        assert legend == (circle if measure in OF_GRADIENT else set())


def test_seeds_that_differ_are_counted():
    axes = {"depth": [2, 3], "bias_std": [0.0, 1.0]}
    grid = Grid(BASE, axes, 4)
    rows = [
        {"cell": cell, "seed": seed, "verdict": verdict, "precise": True, "profile": [0.0, -1.0]}
        | dict.fromkeys(MEASURES, value)
        | {"problem": ""}
        for cell in range(4)
        for seed, (verdict, value) in enumerate(
            [("vanishing", 99.0), ("healthy", 2.0), ("vanishing", 99.0), ("vanishing", 50.0)]
        )
    ]
    words = find_words(draw_sweep(grid, make_table(grid, rows), "loss"))
    assert all("The gradient vanishes. (3 of 4 seeds)" in html.unescape(text) for text in words)


def test_a_gradient_of_zeros_has_no_range():
    grid = Grid(BASE, {"depth": [2, 3], "bias_std": [0.0, 1.0]}, 1)
    rows = [
        {"cell": cell, "seed": 0, "verdict": "zero", "precise": True, "problem": ""}
        | dict.fromkeys(MEASURES, 0.0)
        | {"profile": np.array([-math.inf, -math.inf])}
        for cell in range(4)
    ]
    words = find_words(draw_sweep(grid, make_table(grid, rows), "first_gradient"))
    assert all("RMS" not in text for text in words)


def test_every_measure_has_its_question():
    assert list(_QUESTIONS) == list(MEASURES)
