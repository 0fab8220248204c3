"""Runs as tables and as files."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest

import gradflow as gf
from gradflow.core.training import LAYER_COLUMNS, NUMBERS
from tests.core.training.tasks import make_small_experiment


@pytest.fixture(scope="module")
def run():
    plan = gf.TrainingPlan(steps=5, record_every=2, reports=2, optimizer="momentum", momentum=0.5)
    return gf.Run.collect(make_small_experiment(), plan)


@pytest.fixture(scope="module")
def broken():
    network = gf.MLP(depth=6, width=16, activation="relu", initialization="normal", init_std=0.6)
    experiment = gf.Experiment(network=network, data=gf.Data(batch_size=32))
    return gf.Run.collect(experiment, gf.TrainingPlan(learning_rate=10.0))


def test_tables(run):
    table = run.table()
    assert list(table) == ["step", *NUMBERS, "skipped"]
    assert table["step"].tolist() == [1, 3, 5]
    assert table["loss"].tolist() == [record.loss for record in run.records]
    layers = run.layers()
    assert list(layers) == ["step", "layer", "module", *LAYER_COLUMNS]
    assert len(layers) == 3 * 4
    second = layers[(layers["step"] == 3) & (layers["layer"] == 2)].iloc[0]
    assert second["module"] == "linear2"
    assert second["weight_norm"] == run.records[1].layers["weight_norm"][1]
    assert run.matrix("weight_norm")[1, 1] == second["weight_norm"]
    assert list(run.reports) == [1, 5]


def test_csv_has_every_number(run):
    read = pd.read_csv(io.StringIO(run.to_csv()))
    pd.testing.assert_frame_equal(read, run.table(), check_exact=True)


@pytest.mark.parametrize("which", ["run", "broken"])
def test_files_read_back(which, request, tmp_path):
    original = request.getfixturevalue(which)
    original.save(tmp_path / "run.json")
    read = gf.Run.load(tmp_path / "run.json")
    assert (read.title, read.settings, read.plan) == (
        original.title,
        original.settings,
        original.plan,
    )
    pd.testing.assert_frame_equal(read.table(), original.table())
    pd.testing.assert_frame_equal(read.layers(), original.layers())
    assert read.divergence == original.divergence
    assert read.divergence is None or which == "broken"
    for step, report in original.reports.items():
        assert read.reports[step].to_json() == report.to_json()
    assert read.to_json() == original.to_json()


def test_an_empty_run_is_a_run():
    empty = gf.Run("nothing yet", None, gf.TrainingPlan(), ())
    assert len(empty.table()) == len(empty.layers()) == 0
    assert empty.matrix("delta_norm").size == 0
    assert gf.Run.from_json(empty.to_json()).title == "nothing yet"


DAMAGES = {
    "format": lambda d: d.pop("format"),
    "version": lambda d: d.update(version=1),
    "plan": lambda d: d["plan"].update(steps=-1),
    "unknown setting": lambda d: d["plan"].update(code="import os"),
    "column": lambda d: d["loss"].pop(),
    "text": lambda d: d["loss"].__setitem__(0, "much"),
    "layers": lambda d: d["layers"]["dead"][0].append(1.0),
    "steps": lambda d: d["step"].reverse(),
    "report": lambda d: d["reports"]["1"].pop("layers"),
    "report's step": lambda d: d["reports"].update({"2": d["reports"]["1"]}),
    "divergence": lambda d: d.update(divergence={"step": 1}),
    "settings": lambda d: d.update(settings={"depth": 3}),
    "missing": lambda d: d.pop("layers"),
    "accuracy: 1.5": lambda d: d["accuracy"].__setitem__(0, 1.5),
    "grad_norm: -1": lambda d: d["grad_norm"].__setitem__(0, -1),
    "nonfinite: 0.5": lambda d: d["nonfinite"].__setitem__(0, 0.5),
    'layers: dead: "Infinity"': lambda d: d["layers"]["dead"][0].__setitem__(0, "Infinity"),
    "layers: weight_norm: -1": lambda d: d["layers"]["weight_norm"][0].__setitem__(0, -1),
    "step: ": lambda d: d["step"].__setitem__(0, 0),
    "divergence: layer": lambda d: d.update(
        divergence={"origin": "signal", "step": 1, "began": 1, "layer": 9, "module": "x"}
    ),
    "reports: ": lambda d: d["reports"]["1"].update(loss="x"),
}


@pytest.mark.parametrize("code", DAMAGES)
def test_damaged_files_are_refused(run, code):
    data = json.loads(run.to_json())
    DAMAGES[code](data)
    named = code if ":" in code else ""
    with pytest.raises(gf.InvalidReport, match=f"run:.*{named}"):
        gf.Run.from_json(json.dumps(data))


def test_what_is_no_run_is_refused(run):
    for text in ("", "[]", "{}", "nonsense", run.records[0].report.to_json()):
        with pytest.raises(gf.InvalidReport):
            gf.Run.from_json(text)


def test_records_hold_no_tensor_but_the_arrays_of_their_layers(run):
    record = run.records[0]
    assert all(isinstance(column, np.ndarray) for column in record.layers.values())
    assert {len(column) for column in record.layers.values()} == {4}
    assert set(record.layers) == set(LAYER_COLUMNS)
