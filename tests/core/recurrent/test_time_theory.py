"""Factors per step against THEORY: spectral radius, slopes, forget gates, Pascanu's bound."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import gradflow as gf
from gradflow.core.recurrent.factors import (
    FactorCurve,
    FactorSettings,
    GradientPath,
    compute_factor_curve,
)
from gradflow.core.recurrent.record import prepare_pass, record_pass
from gradflow.core.recurrent.theory import TIME_LINES, TimeLine, predict_through_time
from tests.core.recurrent.oracle import compute_gates, make_experiment, trace_pass


def compute_factor_curves(settings: FactorSettings) -> list[FactorCurve]:
    return [compute_factor_curve(settings, path) for path in GradientPath]


def _record(spec: gf.SequenceExperiment, input_scale: float) -> gf.TimeReport:
    """With input weights so small that tanh is linear."""
    network, inputs, targets = prepare_pass(spec)
    with torch.no_grad():
        network.recurrent.weight_ih_l0.mul_(input_scale)
    return record_pass(spec, network, inputs, targets)


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.05])
def test_orthogonal_factor_is_the_gain_in_the_linear_regime(gain):
    spec = make_experiment(
        recurrent_init="orthogonal",
        recurrent_gain=gain,
        hidden_size=32,
        data=gf.Sequences(length=60, batch_size=4),
    )
    np.testing.assert_allclose(_record(spec, 1e-9).factors(), gain, rtol=1e-6)


def test_gaussian_factor_is_about_the_gain():
    """The gradient is Wᵏ applied to one vector: gᵏ for k small beside H."""
    spec = make_experiment(
        recurrent_init="gaussian",
        recurrent_gain=0.9,
        hidden_size=256,
        data=gf.Sequences(length=21, batch_size=32),
    )
    report = _record(spec, 1e-9)
    assert report.factors() == pytest.approx(0.9, rel=0.06)
    assert report.remaining(20) ** (1 / 20) == pytest.approx(0.9, rel=0.03)
    theory = predict_through_time(report)
    assert theory.spectral_radius["state"] == pytest.approx(0.9, rel=0.1)
    assert theory.largest_singular_value["state"] == pytest.approx(1.8, rel=0.05)


def test_pytorch_default_shrinks_by_a_root_of_three():
    spec = make_experiment(hidden_size=256, data=gf.Sequences(length=12, batch_size=32))
    assert _record(spec, 1e-9).remaining(10) ** 0.1 == pytest.approx(3**-0.5, rel=0.03)


@pytest.mark.parametrize("bias", [-1.0, 1.0, 3.0])
def test_forget_bias_is_the_factor_of_the_direct_path(bias):
    """With W_hh = 0 and next to no input, f = σ(b) and nothing runs through h."""
    spec = make_experiment(
        "lstm", forget_bias=bias, recurrent_init="gaussian", recurrent_gain=0.0, hidden_size=8
    )
    report = _record(spec, 1e-9)
    forget = 1 / (1 + np.exp(-bias))
    np.testing.assert_allclose(report.gate("forget"), forget, rtol=1e-6)
    np.testing.assert_allclose(report.factors("cell"), forget, rtol=1e-6)
    theory = predict_through_time(report)
    for line in (TimeLine.GATES, TimeLine.FORGET_BIAS):
        np.testing.assert_allclose(theory.factors[line], forget, rtol=1e-6)
        np.testing.assert_allclose(theory.lines[line], report.column("cell_grad_norm"), rtol=1e-5)


def test_the_true_gradient_of_an_lstm_is_larger_than_its_direct_path():
    spec = make_experiment(
        "lstm", forget_bias=1.0, hidden_size=64, data=gf.Sequences(length=60, batch_size=16)
    )
    report = gf.through_time(spec)
    lines = predict_through_time(report).lines
    assert report.column("cell_grad_norm")[0] > 3 * lines[TimeLine.GATES][0]


@pytest.mark.parametrize("cell", ["rnn_tanh", "rnn_relu"])
@pytest.mark.parametrize("loss_at", ["last", "every"])
@pytest.mark.parametrize("layer", [1, 2])
def test_the_bound_is_never_exceeded(cell, loss_at, layer):
    spec = make_experiment(
        cell, loss_at=loss_at, layers=2, recurrent_init="gaussian", hidden_size=10
    )
    report = gf.through_time(spec)
    theory = predict_through_time(report, layer)
    weight = getattr(prepare_pass(spec)[0].recurrent, f"weight_hh_l{layer - 1}").detach().numpy()
    s_max = np.linalg.svd(weight)[1][0]
    assert theory.largest_singular_value["state"] == pytest.approx(s_max, rel=1e-6)
    incoming = report.column("incoming_grad_norm", layer)
    powers = s_max ** np.arange(len(incoming))
    expected = [incoming[t:] @ powers[: len(incoming) - t] for t in range(len(incoming))]
    np.testing.assert_allclose(theory.lines[TimeLine.BOUND], expected, rtol=1e-6)
    measured = report.column("hidden_grad_norm", layer)
    assert (measured <= np.array(expected) * (1 + 1e-9)).all()


@pytest.mark.parametrize("init", ["gaussian", "orthogonal", "pytorch"])
@pytest.mark.parametrize("loss_at", ["last", "every"])
def test_mean_field_at_width_256(init, loss_at):
    spec = make_experiment(
        recurrent_init=init,
        hidden_size=256,
        loss_at=loss_at,
        data=gf.Sequences(length=20, features=16, batch_size=32),
    )
    report = gf.through_time(spec)
    line = predict_through_time(report).lines[TimeLine.MEAN_FIELD]
    np.testing.assert_allclose(line, report.column("hidden_grad_norm"), rtol=0.25)


def test_mean_field_recursion_by_quadrature():
    """Rows of digits differ much, so that the steps do."""
    spec = make_experiment(hidden_size=24, data=gf.Sequences(source="digit_rows", batch_size=6))
    network, inputs, _ = prepare_pass(spec)
    w_x, w_h, *biases = (w.detach().numpy() for w in network.list_weights(0))
    variance = 24 * np.mean(w_h**2)
    z, weight = np.polynomial.hermite_e.hermegauss(120)
    weight = weight / weight.sum()
    power, slopes = np.zeros(6), []
    for x in inputs.numpy():
        q = variance * power + np.mean(w_x**2) * (x**2).sum(1) + sum(np.mean(b**2) for b in biases)
        h = np.tanh(np.sqrt(q)[:, None] * z)
        power = h**2 @ weight
        slopes.append(((1 - h**2) ** 2 @ weight).mean())
    factors = predict_through_time(gf.through_time(spec)).factors[TimeLine.MEAN_FIELD]
    assert np.ptp(slopes) > 0.05
    np.testing.assert_allclose(factors, np.sqrt(variance * np.array(slopes[1:])), rtol=1e-5)


def test_mean_field_of_two_layers():
    spec = make_experiment(
        recurrent_init="orthogonal",
        hidden_size=256,
        layers=2,
        data=gf.Sequences(length=16, features=64, batch_size=16),
    )
    report = gf.through_time(spec)
    for layer in (1, 2):
        line = predict_through_time(report, layer).lines[TimeLine.MEAN_FIELD]
        np.testing.assert_allclose(line, report.column("hidden_grad_norm", layer), rtol=0.25)


def test_which_lines_apply():
    def lines(**settings: object) -> set[TimeLine]:
        return set(predict_through_time(gf.through_time(make_experiment(**settings))).lines)

    vanilla = {TimeLine.SPECTRAL, TimeLine.MEAN_FIELD, TimeLine.BOUND}
    assert lines() == vanilla
    assert lines(cell="rnn_relu", recurrent_init="identity") == vanilla - {TimeLine.MEAN_FIELD}
    assert lines(cell="lstm") == lines(cell="gru") == {TimeLine.GATES, TimeLine.FORGET_BIAS}
    assert set(TIME_LINES) == set(TimeLine)


def test_spectral_line_of_a_loss_at_every_step():
    spec = make_experiment(loss_at="every", recurrent_init="orthogonal", recurrent_gain=0.8)
    report = gf.through_time(spec)
    incoming = report.column("incoming_grad_norm")
    steps = np.arange(len(incoming))
    expected = [np.sqrt(sum((0.8 ** (k - t) * incoming[k]) ** 2 for k in steps[t:])) for t in steps]
    np.testing.assert_allclose(
        predict_through_time(report).lines[TimeLine.SPECTRAL], expected, rtol=1e-6
    )


def test_three_paths_keep_a_factor_of_one_and_tanh_does_not():
    settings = FactorSettings(steps=30, hidden_size=32, batch_size=16)
    curves = {curve.path: curve for curve in compute_factor_curves(settings)}
    assert set(curves) == set(GradientPath)
    for curve in curves.values():
        assert curve.total.shape == curve.direct.shape == (30,)
        np.testing.assert_allclose(curve.remaining[-1], curve.total.prod())
    for path in (GradientPath.RESIDUAL, GradientPath.LSTM_CELL, GradientPath.IRNN):
        assert np.median(curves[path].total) == pytest.approx(1, abs=0.1)
        assert curves[path].remaining[-1] > 0.3
    assert curves[GradientPath.TANH_RNN].remaining[-1] < 0.03
    assert (curves[GradientPath.RESIDUAL].direct == 1).all()
    assert np.isnan(curves[GradientPath.TANH_RNN].direct).all()
    sigma = 1 / (1 + np.exp(-settings.forget_bias))
    np.testing.assert_allclose(curves[GradientPath.LSTM_CELL].direct, sigma, rtol=0.02)
    assert (curves[GradientPath.IRNN].total <= 1 + 1e-12).all()


def test_direct_paths_of_irnn_and_lstm_by_hand():
    """The share of active units by torch's own cell, the mean forget gate by NumPy."""
    settings = FactorSettings(steps=12, hidden_size=8, batch_size=4, forget_bias=1.5, seed=2)
    curves = {curve.path: curve for curve in compute_factor_curves(settings)}
    noise = gf.Sequences(length=13, batch_size=4)
    kept = {"hidden_size": 8, "data": noise, "seed": 2}

    spec = make_experiment("rnn_relu", recurrent_init="identity", **kept)
    network, inputs, targets = prepare_pass(spec)
    trace = trace_pass(spec, network, inputs, targets)
    (gradient,) = torch.autograd.grad(trace.loss, trace.hidden[0][-1:])
    total, active = [], []
    for hidden in trace.hidden[0][:0:-1]:
        active.append(float((hidden > 0).double().mean()))
        before, gradient = gradient.norm(), gradient * (hidden > 0)  # its only path
        total.append(float(gradient.norm() / before))
    np.testing.assert_allclose(curves[GradientPath.IRNN].direct, active)
    np.testing.assert_allclose(curves[GradientPath.IRNN].total, total)
    assert min(active) < 0.9

    network, inputs, _targets = prepare_pass(make_experiment("lstm", forget_bias=1.5, **kept))
    weights = [w.detach().numpy() for w in network.list_weights(0)]
    gates = [row["forget"].mean() for row in compute_gates("lstm", weights, inputs.numpy())]
    np.testing.assert_allclose(curves[GradientPath.LSTM_CELL].direct, gates[:0:-1])


def test_where_nothing_is_left_there_is_no_factor():
    curve = FactorCurve(GradientPath.IRNN, np.array([2.0, 1.0, 0.0, 0.0]), np.ones(3))
    np.testing.assert_array_equal(curve.total, [0.5, 0.0, np.nan])
    np.testing.assert_array_equal(curve.remaining, [0.5, 0.0, 0.0])


def test_the_factor_of_a_residual_stack_by_hand():
    """A branch of weight 0 leaves exactly the identity; else autograd of the same stack."""
    assert compute_factor_curves(FactorSettings(steps=5, branch_scale=0.0, hidden_size=8))[
        0
    ].total == (pytest.approx(1, abs=1e-12))
    torch.manual_seed(0)
    h = torch.randn(64, 256, dtype=torch.float64, requires_grad=True)
    stream = [h]
    for _ in range(20):
        branch = nn.Linear(256, 256, bias=False, dtype=torch.float64)
        nn.init.xavier_normal_(branch.weight)
        stream.append(stream[-1] + 0.5 * branch(torch.tanh(stream[-1])))
    loss = (torch.tanh(stream[-1]) @ torch.randn(256, dtype=torch.float64)).mean()
    norms = [float(g.norm()) for g in torch.autograd.grad(loss, stream)]
    curve = compute_factor_curves(
        FactorSettings(steps=20, hidden_size=256, branch_scale=0.5, batch_size=64)
    )[0]
    assert curve.remaining[-1] == pytest.approx(norms[0] / norms[-1], rel=0.2)


def test_factors_that_take_too_much_are_refused_before_they_are_measured():
    with pytest.raises(
        gf.InvalidExperiment, match="GiB of memory, allowed are at most 2"
    ) as caught:
        FactorSettings(steps=150, hidden_size=512, batch_size=512)
    assert {"hidden_size", "batch_size"} <= set(caught.value.fields)
