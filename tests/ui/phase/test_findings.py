"""What the page says that a map has found: numbers of its table, for every kind of axes."""

from __future__ import annotations

import numpy as np
import pytest

import gradflow as gf
from gradflow.core.numbers import format_share
from gradflow.core.sweep import Grid
from gradflow.core.sweep.critical import Growth, predict_growth
from gradflow.core.sweep.table import make_table
from gradflow.ui.phase.findings import write_findings

SMALL = gf.Data(source="gaussian", dimension=16, batch_size=8)
NONE = Growth([], [], np.empty((0, 0)))


def make_base(**network) -> gf.Experiment:
    return gf.Experiment(network=gf.MLP(**{"depth": 10, "width": 16} | network), data=SMALL)


def write(base: gf.Experiment, axes: dict, seeds: int = 1) -> tuple[str, object]:
    grid = Grid(base, axes, seeds)
    table = gf.sweep(grid.base, grid.axes, seeds=seeds)
    return write_findings(grid, table, predict_growth(grid)), table


def test_shares_are_those_of_the_networks():
    axes = {"init_std": [0.05, 0.25, 0.8], "depth": [6, 12]}
    text, table = write(make_base(initialization="normal"), axes, seeds=2)
    assert text.startswith("Of 12 networks, the gradient ")
    for fate, said in (("vanishing", "vanishes in"), ("exploding", "explodes in")):
        share = format_share((table["verdict"] == fate).mean())
        assert (f"{said} {share}" in text) == (share != "0%")
    assert "within a factor 30, in" in text


def test_every_option_says_where_the_gradient_keeps_its_size():
    base = make_base(activation="relu", initialization="normal", init_std=0.05)
    text, table = write(base, {"normalization": ["none", "layer"], "depth": [2, 4, 20]})
    kept = table[table["verdict"] == "healthy"].groupby("normalization")["depth"].agg(list)
    assert kept["layer"] == [2, 4, 20]
    assert kept["none"] == [2]
    assert "with no normalization for Depth 2; LayerNorm everywhere." in text


def test_pairs_name_the_best_and_those_that_never_work():
    axes = {"activation": ["tanh", "sigmoid"], "initialization": ["zeros", "orthogonal"]}
    text, table = write(make_base(depth=12), axes)
    kept = table[table["verdict"] == "healthy"]
    assert kept[["activation", "initialization"]].to_numpy().tolist() == [["tanh", "orthogonal"]]
    assert "Initialization: most often Orthogonal, for 1 of 2 (activation); never Zeros." in text
    assert "Activation: most often Tanh, for 1 of 2 (initialization); never Sigmoid." in text


def test_seeds_as_an_axis_are_told_as_scatter():
    text, table = write(make_base(activation="relu"), {"width": [4, 32], "seed": range(12)})
    for width in (4, 32):
        logs = np.log10(table[table["width"] == width]["first_gradient"].where(lambda x: x > 0))
        assert f"{10 ** logs.std():.2g} at Width {width}" in text


def test_where_theory_has_no_line_the_extremes_are_told():
    base = make_base(activation="relu", connection="residual")
    text, table = write(base, {"batch_size": [4, 8], "depth": [5, 9]})
    row = table.loc[table["first_gradient"].idxmax()]
    assert f"at Batch size {row['batch_size']}, Depth {row['depth']}" in text
    assert "theory" not in text


@pytest.mark.parametrize(
    "axes",
    [
        {"init_std": [0.1], "depth": [5]},
        {"zero_last": [True, False], "depth": [5, 7]},
        {"init_std": [0.1, 0.2], "dtype": ["float32", "float64"]},
        {"seed": [0, 1], "activation": ["relu", "tanh"]},
        {"loss": ["cross_entropy", "mse"], "batch_size": [2, 10**6]},
    ],
)
def test_any_axes_make_sentences(axes: dict):
    base = make_base(connection="residual", initialization="normal")
    text, _table = write(base, axes)
    assert text.startswith("Of ")
    assert text.endswith(".")
    assert "nan" not in text.lower()
    assert "{" not in text


def test_nothing_ran():
    grid = Grid(make_base(initialization="normal"), {"init_std": [0.1, 0.2], "depth": [2, 3]})
    assert write_findings(grid, make_table(grid, []), NONE) == ""
