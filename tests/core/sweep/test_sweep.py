"""Sweeps: every network has the numbers of a run of its own, however many run as one."""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose

import gradflow as gf
from gradflow.core.codec import from_fields, to_fields
from gradflow.core.diagnosis import findings
from gradflow.core.networks.build import allocate_network, draw_weights
from gradflow.core.networks.shared_normals import SharedNormals
from gradflow.core.sweep import MEASURES, Grid, run_networks
from gradflow.core.sweep.jobs import make_jobs
from gradflow.core.sweep.table import shape_column

SMALL = {"depth": 6, "width": 8, "batch_size": 6, "device": "cpu", "dtype": "float64", "seed": 3}
MLPS = [
    {"activation": "tanh", "initialization": "normal", "init_std": 0.4},
    {"activation": "relu", "initialization": "kaiming_normal"},
    {"activation": "sigmoid", "initialization": "orthogonal", "normalization": "layer"},
    {"activation": "hardtanh", "initialization": "uniform", "init_limit": 2.0},
    {"normalization": "batch", "connection": "dense", "initialization": "lsuv"},
    {"activation": "rrelu", "loss": "mse", "readout": "relu"},
    {"connection": "residual", "normalization": "batch"},
    {
        "connection": "residual",
        "depth": 12,
        "block_size": 3,
        "branch_scale": 0.5,
        "zero_last": True,
    },
    {"connection": "residual", "widths": (8, 12, 6, 6, 10), "normalization": "layer"},
    {"connection": "residual", "depth": 4, "block_size": 2},
    {"connection": "preactivation", "depth": 9},
    {"connection": "preactivation", "normalization": "rms", "activation": "rrelu", "block_size": 1},
    {"depth": 1},
    {"depth": 2, "initialization": "zeros"},
]
OTHERS = [
    {"architecture": "conv", "depth": 5, "channels": 4},
    {"architecture": "transformer", "depth": 2, "width": 8, "heads": 2},
]


def make_base(**settings) -> gf.Experiment:
    chosen = SMALL | settings
    if "architecture" in settings:
        chosen.pop("width") if settings["architecture"] == "conv" else None
    return from_fields(chosen)


def judge_alone(report: gf.Report) -> dict:
    """Find the largest change and the factor of the gradient, along the stream if there is one."""
    norm = report.layers["delta_norm"].to_numpy()[:-1]
    if report.stream is not None:
        stream = report.stream.layers
        norm = stream["activation_grad_norm"].to_numpy()[stream["layer"] > 0]
    norm = norm[norm > 0]
    if len(norm) < 2:
        return {}
    slope = np.polyfit(np.arange(len(norm)), np.log(norm), 1)[0]
    return {"largest_change": norm.max() / norm.min(), "factor": math.exp(-slope)}


def measure_alone(experiment: gf.Experiment) -> dict:
    """Measure a report by its definitions in the documentation, without the sweep's own code."""
    report = gf.run(experiment)
    layers = report.layers
    hidden = layers.iloc[:-1] if len(layers) > 1 else layers
    return {
        "first_gradient": layers["delta_norm"].iloc[0] / layers["delta_norm"].iloc[-1],
        **judge_alone(report),
        "saturated": hidden["saturated"].mean(),
        "dead": (hidden["dead_units"] / hidden["fan_out"]).mean(),
        "similarity": hidden["similarity"].iloc[-1],
        "loss": report.loss,
        "profile": [math.log10(rms) if rms else -math.inf for rms in layers["delta_rms"]],
    }


@pytest.mark.parametrize("settings", [*MLPS, *OTHERS])
def test_every_network_is_a_run_of_its_own(settings):
    base = make_base(**settings)
    axes = {"scale": [0.5, 2.0], "learning_rate": [0.1]}
    table = gf.sweep(base, axes, seeds=3)
    assert table["scale"].tolist() == [0.5] * 3 + [2.0] * 3
    assert table["seed"].tolist() == [3, 4, 5] * 2
    for _, row in table.iterrows():
        own = {"scale": row["scale"], "learning_rate": 0.1, "seed": row["seed"]}
        expected = measure_alone(from_fields(to_fields(base) | own))
        for name, value in expected.items():
            assert_allclose(row[name], value, rtol=1e-9, atol=1e-4 * (name == "profile"))


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 1e-4), ("float16", 0.02), ("bfloat16", 0.1)]
)
@pytest.mark.parametrize("connection", ["plain", "residual", "preactivation", "dense"])
def test_every_format_has_the_numbers_of_a_run_of_its_own(dtype, tolerance, connection):
    base = make_base(dtype=dtype, connection=connection, normalization="layer")
    table = gf.sweep(base, {"scale": [0.5, 2.0]}, seeds=3)
    for _, row in table.iterrows():
        own = {"scale": row["scale"], "seed": row["seed"]}
        expected = measure_alone(from_fields(to_fields(base) | own))
        for name in ("first_gradient", "largest_change", "factor", "similarity", "loss"):
            assert_allclose(row[name], expected[name], rtol=tolerance, err_msg=name)


def test_the_verdict_is_that_of_the_page():
    base = make_base(depth=12, width=16, batch_size=20)
    axes = {"activation": ["sigmoid", "tanh", "linear"], "initialization": ["normal", "orthogonal"]}
    axes["init_std"] = [0.02, 1.0]
    table = gf.sweep(base, axes, seeds=1)
    assert set(table["verdict"]) >= {"vanishing", "healthy", "exploding"}
    for _, row in table.iterrows():
        own = {name: row[name] for name in axes}
        found = {f.verdict: f for f in findings(gf.run(from_fields(to_fields(base) | own)))}
        assert (row["verdict"] in found) or row["verdict"] == "healthy"


def test_settings_that_only_scale_run_as_one():
    base = make_base(initialization="normal", init_std=0.4, bias_std=0.1)
    grid = Grid(base, {"init_std": [0.1, 0.2, 0.3, 0.4], "bias_std": [0.0, 0.1, 0.2, 0.3]}, 3)
    assert [len(job) for job in make_jobs(grid.list_networks(), 2)] == [16, 16, 16]
    depths = Grid(base, {"depth": [4, 5], "init_std": [0.1, 0.2]}, 2)
    assert sorted(len(job) for job in make_jobs(depths.list_networks(), 2)) == [4, 4]


@pytest.mark.parametrize("width", [3, 8, 33])  # short tensors are drawn in another way
def test_shared_random_numbers_are_those_of_each_network(width):
    """To the last bit; a draw that was broken off is begun anew."""
    shared, fills = SharedNormals(), []

    def draw(experiment: gf.Experiment, advance=None) -> list[torch.Tensor]:
        model = allocate_network(experiment)
        draw_weights(model, experiment, torch.empty(0), advance)
        return list(model.parameters())

    def break_off() -> None:
        fills.append(1)
        if len(fills) == 3:
            raise KeyboardInterrupt

    for std in (0.3, 1.7, 0.01):
        experiment = make_base(width=width, initialization="normal", init_std=std, bias_std=2 * std)
        shared.share("seed 3")
        with contextlib.suppress(KeyboardInterrupt), shared:
            draw(experiment, break_off)
        shared.share("seed 3")
        with shared:
            together = draw(experiment)
        for own, other in zip(draw(experiment), together, strict=True):
            assert torch.equal(own, other)


def test_float32_is_not_trusted_where_it_is_wrong():
    """σ_w from 0.5 to 4: underflow on the left, chaos on the right; the middle is trusted."""
    settings = {"depth": 70, "width": 32, "batch_size": 12, "initialization": "kaiming_normal"}
    base = make_base(**settings, dtype="float32", gain="custom", activation="tanh")
    axes = {"gain_value": np.geomspace(0.2, 4, 24), "bias_std": [0.0, 0.2]}
    narrow = gf.sweep(base, axes, seeds=1)
    exact = gf.sweep(base.model_copy(update={"dtype": "float64"}), axes, seeds=1)
    assert exact["precise"].all()
    off = (narrow["first_gradient"] / exact["first_gradient"] - 1).abs() > 1e-2
    assert 5 < off.sum() < 43
    assert not (off & narrow["precise"]).any()
    assert narrow["precise"].sum() > 0.6 * (~off).sum()  # nor is all of it distrusted


def test_points_that_are_not_possible_have_a_row():
    base = make_base(normalization="group", groups=4)
    table = gf.sweep(base, {"groups": [2, 3, 4]}, seeds=2)
    assert table["groups"].tolist() == [2, 2, 3, 4, 4]
    impossible = table[table["verdict"] == "impossible"]
    assert impossible["groups"].tolist() == [3]
    assert impossible[list(MEASURES)].isna().all(axis=None)


@pytest.mark.parametrize(
    ("axes", "seeds", "message"),
    [
        ({}, 1, "axes: name at least one"),
        ({"deep": [1]}, 1, "deep: there is no such setting"),
        ({"depth": []}, 1, "depth: give at least one value"),
        ({"depth": 5}, 1, "depth: give a list of values"),
        ({"activation": "tanh"}, 1, "activation: give a list of values"),
        (["depth"], 1, "axes: give a mapping"),
        ({"seed": itertools.count()}, 1, "seed: more than 200,000 values"),
        ({"init_std": [0.1, 0.2], "gain_value": [1.0, 2.0]}, 1, "it has no effect"),
        ({"depth": [3, 3]}, 1, "depth: give at least one value, and each once"),
        ({"init_std": [0.1, 0.2]}, 1, "init_std: it has no effect"),
        ({"depth": [0, -1]}, 1, "depth: 0 is not allowed"),
        ({"activation": ["tahn"]}, 1, "activation: .*tahn.* one of"),
        ({"depth": [2]}, 0, "seeds: 0 is not allowed"),
        ({"depth": [2]}, 2.0, "seeds: 2.0 is not allowed"),
        ({"seed": [1, 2]}, 2, "seeds: 2 have no meaning"),
        ({"bias_std": np.linspace(0, 1, 999), "depth": range(1, 201)}, 2, "too many"),
    ],
)
def test_impossible_sweeps(axes, seeds, message):
    with pytest.raises(gf.InvalidExperiment, match=message):
        gf.sweep(make_base(), axes, seeds=seeds)


def test_what_is_not_possible_says_why():
    """Together, or on this machine: RReLU has no float16 on a CPU."""
    base = make_base(normalization="group", groups=4)
    table = gf.sweep(base, {"groups": [2, 3]}, seeds=1)
    assert table["problem"].iloc[0] == ""
    assert "groups" in table["problem"].iloc[1]
    axes = {"activation": ["tanh", "rrelu"], "dtype": ["float16", "float32"]}
    table = gf.sweep(make_base(), axes, seeds=2)
    refused = table[table["verdict"] == "impossible"]
    assert set(zip(refused["activation"], refused["dtype"], strict=True)) == {("rrelu", "float16")}
    assert refused["problem"].str.contains("choose another dtype").all()
    assert refused[list(MEASURES)].isna().all(axis=None)
    with pytest.raises(gf.InvalidExperiment, match="choose another dtype"):
        gf.sweep(make_base(activation="rrelu"), {"dtype": ["float16"]}, seeds=2)


def test_the_setting_and_the_measure_that_are_both_called_loss_have_columns_of_their_own():
    axes = {"loss": ["mse", "cross_entropy"], "zero_last": [True, False]}
    table = gf.sweep(make_base(connection="residual"), axes, seeds=1)
    assert table["experiment.loss"].tolist() == ["mse", "mse", "cross_entropy", "cross_entropy"]
    assert table["zero_last"].tolist() == [True, False, True, False]
    assert table["loss"].dtype == float


def test_whole_numbers_among_others_have_their_place():
    grid = Grid(make_base(), {"bias_std": [0, 0.1], "depth": [3, 4]})
    table = gf.sweep(make_base(), {"bias_std": [0, 0.1], "depth": [3, 4]}, seeds=1)
    assert np.isfinite(shape_column(grid, table, "loss")).all()


def test_a_gradient_that_is_exactly_0_is_no_rounding():
    """Weights of zero stop it at once; small weights lose it in the format's smallest numbers."""
    base = make_base(depth=40, dtype="float32")
    axes = {"initialization": ["zeros", "normal"], "init_std": [1e-4]}
    table = gf.sweep(base, axes, seeds=1).set_index("initialization")
    assert table["verdict"].tolist() == ["zero", "zero"]
    assert table["precise"].to_dict() == {"zeros": True, "normal": False}


def test_results_that_are_not_finite_are_named():
    settings = {"initialization": "normal", "activation": "relu", "dtype": "float16", "depth": 12}
    table = gf.sweep(make_base(**settings, width=32), {"init_std": [0.25, 10.0]}, seeds=1)
    assert table["verdict"].tolist() == ["healthy", "not_finite"]
    assert table["precise"].tolist() == [True, False]
    assert not math.isfinite(table["loss"].iloc[1])


def test_a_coarse_map_comes_first():
    grid = Grid(make_base(), {"bias_std": np.linspace(0, 1, 16), "scale": np.linspace(1, 2, 16)})
    cells = [network.cell for network in grid.list_networks()]
    assert sorted(cells) == list(range(256))
    assert {divmod(cell, 16) for cell in cells[:16]} == {
        (row, column) for row in range(0, 16, 4) for column in range(0, 16, 4)
    }


def test_an_interrupted_sweep_goes_on(tmp_path):
    base, axes = make_base(initialization="normal"), {"init_std": np.geomspace(0.1, 1, 20)}
    whole = gf.sweep(base, axes, seeds=2)
    file = tmp_path / "sweep.jsonl"

    def interrupt(done: int, total: int) -> None:
        if done >= 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gf.sweep(base, axes, seeds=2, progress=interrupt, file=file)
    with file.open("a") as text:
        text.write('[{"cell": 1')  # as a machine that lost power leaves it
    steps = []
    resumed = gf.sweep(base, axes, seeds=2, progress=lambda *n: steps.append(n), file=file)
    assert steps[0] == (16, 40)
    assert steps[-1] == (40, 40)
    pd.testing.assert_frame_equal(resumed, whole)
    again = gf.sweep(base, axes, seeds=2, progress=lambda *n: steps.append(n), file=file)
    assert steps[-1] == (40, 40)
    pd.testing.assert_frame_equal(again, whole)
    with pytest.raises(gf.GradflowError, match="not of this sweep"):
        gf.sweep(base, axes, seeds=3, file=file)
    with pytest.raises(gf.GradflowError, match="cannot be used"):
        gf.sweep(base, axes, seeds=2, file=tmp_path)


def test_a_sweep_that_is_left_ends_at_the_next_layer():
    base = make_base(depth=200, width=64, batch_size=64, initialization="normal")
    networks = list(Grid(base, {"init_std": np.geomspace(0.1, 1, 60)}, 4).list_networks())
    rows = run_networks(networks)
    first = next(rows)
    assert math.isfinite(first[0]["loss"])
    rows.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("sweep")]


def test_any_executor_will_do():
    base, axes = make_base(), {"depth": [2, 3, 4]}
    with ThreadPoolExecutor(2) as executor:
        table = gf.sweep(base, axes, seeds=2, executor=executor)
    pd.testing.assert_frame_equal(table, gf.sweep(base, axes, seeds=2))
