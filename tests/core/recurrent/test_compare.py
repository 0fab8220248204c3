"""All cells on the same data, and the equation of a gate."""

from __future__ import annotations

import numpy as np
import pytest

import gradflow as gf
from gradflow.core.catalog import Cell
from gradflow.core.recurrent.compare import compare_cells, replace_cell
from gradflow.core.recurrent.equation import build_gate_equation
from gradflow.core.recurrent.record import prepare_pass
from tests.core.recurrent.oracle import compute_gates, make_experiment


def test_cells_see_the_same_data_and_settings():
    seen = []
    base = make_experiment("lstm", forget_bias=2.0, recurrent_init="orthogonal")
    reports = compare_cells(base, progress=lambda done, of: seen.append((done, of)))
    assert list(reports) == list(Cell)
    assert seen == [(k, 4) for k in range(5)]
    for cell, report in reports.items():
        assert report.experiment.network.cell is cell
        assert report.experiment.network.recurrent_init == "orthogonal"
        assert report.experiment.data == base.data
        np.testing.assert_array_equal(report.sample.inputs, reports[Cell.LSTM].sample.inputs)
    assert reports[Cell.LSTM].loss == gf.through_time(base).loss
    assert reports[Cell.GRU].experiment.network.forget_bias == 0


def test_settings_reach_the_cells_that_have_them():
    reports = compare_cells(make_experiment(), [Cell.RNN_TANH, Cell.LSTM], forget_bias=4.0)
    assert reports[Cell.LSTM].gate("forget").min() > 0.95
    assert replace_cell(make_experiment("lstm", forget_bias=1.0), Cell.GRU) == make_experiment(
        "gru"
    )


def test_a_forget_bias_keeps_gradient_for_100_steps():
    base = make_experiment(hidden_size=32, data=gf.Sequences(length=101, batch_size=8))
    left = {cell: r.remaining(100) for cell, r in compare_cells(base, forget_bias=4.0).items()}
    assert left[Cell.LSTM] > 0.01
    assert max(left[cell] for cell in (Cell.RNN_TANH, Cell.RNN_RELU, Cell.GRU)) < 1e-12


def test_comparison_can_be_stopped():
    def stop(done: int, _of: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare_cells(make_experiment(), progress=stop)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("layer", [1, 2])
def test_gate_equation(cell, layer):
    spec = make_experiment(cell, layers=2)
    report = gf.through_time(spec, sample=2)
    network, inputs, _ = prepare_pass(spec)
    below = inputs.numpy()
    for index in range(layer):
        weights = [w.detach().numpy() for w in network.list_weights(index)]
        rows = compute_gates(cell, weights, below)
        entering, below = below, np.array([row["hidden"] for row in rows])
    for code in report.gate_codes:
        for step in (1, 4):
            equation = build_gate_equation(report, code, step=step, unit=5, layer=layer)
            assert equation.value == pytest.approx(rows[step - 1][code][2, 4], rel=1e-12)
            assert equation.gate.code == code
            np.testing.assert_allclose(equation.inputs, entering[step - 1, 2], rtol=1e-12)
            total = equation.from_input + equation.bias_input
            total += equation.reset * (equation.from_hidden + equation.bias_hidden)
            assert equation.preactivation == pytest.approx(total, rel=1e-12)
            assert equation.from_hidden == pytest.approx(equation.hidden_weights @ equation.hidden)
            before = rows[step - 2]["hidden"][2] if step > 1 else np.zeros(6)
            np.testing.assert_allclose(equation.hidden, before, rtol=1e-12)


@pytest.mark.parametrize(
    ("code", "where", "message"),
    [
        ("forget", {"step": 0}, "step: 0 is not allowed; choose one from 1 to 9"),
        ("forget", {"step": 1, "unit": 7}, "unit: 7 .* from 1 to 6"),
        ("reset", {"step": 1}, "no gate 'reset'"),
        ("forget", {"step": 1, "layer": 3}, "layers run from 1 to 1"),
    ],
)
def test_equations_that_are_not_there(code, where, message):
    with pytest.raises(gf.GradflowError, match=message):
        build_gate_equation(gf.through_time(make_experiment("lstm")), code, **where)
