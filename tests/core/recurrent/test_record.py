"""What is recorded is what torch's own cells give, and everything that is set matters."""

from __future__ import annotations

import gc

import numpy as np
import pandas as pd
import pytest
import torch

import gradflow as gf
from gradflow.core.catalog import Cell
from gradflow.core.recording.device import DeviceSummarizer
from gradflow.core.recurrent.record import prepare_pass, record_pass
from tests.core.recurrent.oracle import ATTRIBUTES, compute_gates, make_experiment, trace_pass

ADDING = gf.Sequences(source="adding", length=8, batch_size=5)
COPY = gf.Sequences(source="copy", length=9, recall=2, batch_size=5)


@pytest.mark.parametrize("cell", Cell)
@pytest.mark.parametrize(
    ("loss_at", "layers", "data"),
    [("last", 1, None), ("every", 2, None), ("last", 2, COPY), ("every", 1, ADDING)],
)
def test_states_and_gradients(cell, loss_at, layers, data):
    spec = make_experiment(cell, loss_at=loss_at, layers=layers, data=data)
    report = gf.through_time(spec)
    network, inputs, targets = prepare_pass(spec)
    trace = trace_pass(spec, network, inputs, targets)
    assert report.loss == pytest.approx(trace.loss.item(), rel=1e-13)
    states = {"hidden": trace.hidden} | ({"cell": trace.cell} if cell == "lstm" else {})
    for state, by_layer in states.items():
        for layer, tensors in enumerate(by_layer, start=1):
            gradients = torch.autograd.grad(trace.loss, tensors, retain_graph=True)
            norms = [float(g.norm()) for g in gradients]
            np.testing.assert_allclose(
                report.column(f"{state}_grad_norm", layer), norms, rtol=1e-11
            )
            for name, of in (
                ("mean", lambda x: x.mean()),
                ("std", lambda x: x.std(correction=0)),
                ("min", torch.amin),
                ("max", torch.amax),
            ):
                np.testing.assert_allclose(
                    report.column(f"{state}_{name}", layer),
                    [float(of(x.detach())) for x in tensors],
                    rtol=1e-11,
                    atol=1e-15,
                )
            np.testing.assert_allclose(
                report.column(f"{state}_grad_max", layer), [float(g.abs().max()) for g in gradients]
            )
            for step, (x, g) in enumerate(zip(tensors, gradients, strict=True), start=1):
                histogram = report.histogram(state, step, layer)
                inside = x.detach().numpy().clip(histogram.edges[0], histogram.edges[-1])
                counts, _ = np.histogram(inside, histogram.edges)
                np.testing.assert_array_equal(histogram.counts, counts)
                gradient = report.histogram(f"{state}_grad", step, layer)
                assert gradient.zeros == int((g == 0).sum())
                assert gradient.total == g.numel()
                np.testing.assert_allclose(
                    report.sample.values[state, layer][step - 1], x[0].detach(), rtol=1e-12
                )
    if cell != "lstm":
        assert np.isnan(report.column("cell_grad_norm")).all()


@pytest.mark.parametrize("cell", Cell)
def test_parameter_gradients(cell):
    spec = make_experiment(cell, loss_at="every", layers=2)
    report = gf.through_time(spec)
    network, inputs, targets = prepare_pass(spec)
    trace = trace_pass(spec, network, inputs, targets)
    names = [name for name, _ in network.named_parameters()]
    gradients = torch.autograd.grad(trace.loss, list(network.parameters()))
    table = report.parameters.set_index("parameter")
    assert list(table.index) == names
    norms = np.array([float(g.norm()) for g in gradients])
    np.testing.assert_allclose(table["grad_norm"], norms, rtol=1e-11)
    sizes = np.array([float(p.detach().norm()) for p in network.parameters()])
    np.testing.assert_allclose(table["update_ratio"], 0.01 * norms / sizes, rtol=1e-11)
    assert report.grad_norm == pytest.approx(np.linalg.norm(norms), rel=1e-12)
    assert table["layer"].tolist() == [1] * 4 + [2] * 4 + [3] * 2


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gates_are_pytorchs_in_its_order_with_both_biases(cell):
    spec = make_experiment(cell, **({"forget_bias": 1.5} if cell == "lstm" else {}))
    report = gf.through_time(spec, sample=3)
    network, inputs, _ = prepare_pass(spec)
    weights = [w.detach().numpy() for w in network.list_weights(0)]
    expected = compute_gates(cell, weights, inputs.numpy())
    assert report.gate_codes == [n for n in expected[0] if n not in ("cell", "hidden")]
    for code in report.gate_codes:
        values = np.array([row[code] for row in expected])
        np.testing.assert_allclose(report.gate(code), values.mean((1, 2)), rtol=1e-12)
        np.testing.assert_allclose(report.gate(code, name="std"), values.std((1, 2)), rtol=1e-10)
        outside = (
            np.abs(values) > 0.97 if code == "candidate" else (values < 0.015) | (values > 0.985)
        )
        np.testing.assert_allclose(report.gate(code, name="saturated"), outside.mean((1, 2)))
        np.testing.assert_allclose(report.sample.values[code, 1], values[:, 3], rtol=1e-12)
        assert report.histogram(code, 4).total == values[3].size
    assert report.sample.index == 3
    np.testing.assert_array_equal(report.sample.inputs, inputs[:, 3])


@pytest.mark.parametrize(("cell", "code"), [("lstm", "forget"), ("gru", "update")])
def test_direct_path_is_the_last_gradient_times_the_gates(cell, code):
    spec = make_experiment(cell)
    report = gf.through_time(spec)
    network, inputs, targets = prepare_pass(spec)
    trace = trace_pass(spec, network, inputs, targets)
    state = (trace.cell if cell == "lstm" else trace.hidden)[0]
    last = torch.autograd.grad(trace.loss, state[-1])[0].numpy()
    weights = [w.detach().numpy() for w in network.list_weights(0)]
    gates = np.array([row[code] for row in compute_gates(cell, weights, inputs.numpy())])
    expected = [np.linalg.norm(last * gates[t + 1 :].prod(0)) for t in range(len(gates))]
    np.testing.assert_allclose(report.column("direct_grad_norm"), expected, rtol=1e-11)
    assert np.isnan(gf.through_time(make_experiment()).column("direct_grad_norm")).all()


def test_incoming_gradient_is_what_does_not_come_through_later_steps():
    spec = make_experiment("rnn_tanh", loss_at="every", layers=2)
    report = gf.through_time(spec)
    network, inputs, targets = prepare_pass(spec)
    trace = trace_pass(spec, network, inputs, targets)
    weight = network.recurrent.weight_hh_l1.detach()
    gradients = torch.autograd.grad(trace.loss, trace.hidden[1])
    hidden = [h.detach() for h in trace.hidden[1]]
    expected = []
    for t, g in enumerate(gradients):
        later = 0.0
        if t + 1 < len(hidden):
            later = (gradients[t + 1] * (1 - hidden[t + 1] ** 2)) @ weight
        expected.append(float((g - later).norm()))
    np.testing.assert_allclose(report.column("incoming_grad_norm", 2), expected, rtol=1e-10)
    # Into the layer below comes W_ih of the one above.
    z = [g * (1 - h**2) for g, h in zip(gradients, hidden, strict=True)]
    below = [float((d @ network.recurrent.weight_ih_l1.detach()).norm()) for d in z]
    np.testing.assert_allclose(report.column("incoming_grad_norm", 1), below, rtol=1e-10)


def test_relu_counts_dead_units_and_tanh_saturation():
    report = gf.through_time(make_experiment("rnn_relu"))
    network, inputs, targets = prepare_pass(report.experiment)
    hidden = trace_pass(report.experiment, network, inputs, targets).hidden[0]
    dead = [int((h == 0).all(0).sum()) for h in hidden]
    np.testing.assert_array_equal(report.column("hidden_dead_units"), dead)
    zero = [float((h == 0).double().mean()) for h in hidden]
    np.testing.assert_allclose(report.column("hidden_zero"), zero)
    spec = make_experiment("rnn_tanh", recurrent_init="gaussian", recurrent_gain=8.0)
    network, inputs, targets = prepare_pass(spec)
    hidden = trace_pass(spec, network, inputs, targets).hidden[0]
    saturated = [float((h.abs() > 0.97).double().mean()) for h in hidden]
    assert max(saturated) > 0.1
    np.testing.assert_allclose(gf.through_time(spec).column("hidden_saturated"), saturated)


BASE = make_experiment("lstm", layers=2, recurrent_init="gaussian", data=COPY, dtype="float32")
CHANGES = {
    "cell": {"network": {"cell": "gru"}},
    "layers": {"network": {"layers": 1}},
    "hidden_size": {"network": {"hidden_size": 5}},
    "forget_bias": {"network": {"forget_bias": 1.0}},
    "recurrent_init": {"network": {"recurrent_init": "orthogonal"}},
    "recurrent_gain": {"network": {"recurrent_gain": 0.5}},
    "recurrent_scale": {"network": {"recurrent_scale": "spectral_radius"}},
    "spectral_radius": {"network": {"recurrent_scale": "spectral_radius", "spectral_radius": 2.0}},
    "source": {"data": {"source": "adding"}},
    "batch_size": {"data": {"batch_size": 6}},
    "length": {"data": {"length": 10}},
    "recall": {"data": {"recall": 3}},
    "features": {"data": {"source": "noise", "features": 4}},
    "loss_at": {"loss_at": "every"},
    "dtype": {"dtype": "float64"},
    "seed": {"seed": 4},
}


def _change(change: dict) -> gf.SequenceExperiment:
    parts = dict(BASE)
    for name, kind in (("network", gf.Recurrent), ("data", gf.Sequences)):
        values = dict(parts[name]) | change.get(name, {})
        parts[name] = kind(**{n: values[n] for n in kind.list_applicable(values)})
    return gf.SequenceExperiment(
        **parts | {n: v for n, v in change.items() if n not in ("network", "data")}
    )


def test_every_setting_is_tried():
    settings = {
        name
        for kind in (gf.Recurrent, gf.Sequences, gf.SequenceExperiment)
        for name in kind.model_fields
    }
    assert settings - {"network", "data", "device", "learning_rate"} == set(CHANGES)


@pytest.mark.parametrize("name", CHANGES)
def test_every_setting_moves_the_gradient(name):
    before = gf.through_time(BASE).column("hidden_grad_norm")
    after = gf.through_time(_change(CHANGES[name])).column("hidden_grad_norm")
    assert len(before) != len(after) or not np.array_equal(before, after)


def test_learning_rate_scales_the_update_ratio_alone():
    a, b = (
        gf.through_time(gf.SequenceExperiment(**dict(BASE) | {"learning_rate": rate})).parameters
        for rate in (0.01, 0.02)
    )
    np.testing.assert_allclose(2 * a["update_ratio"], b["update_ratio"])
    np.testing.assert_array_equal(a["grad_norm"], b["grad_norm"])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_formats(dtype):
    spec = make_experiment("lstm", dtype=dtype)
    report = gf.through_time(spec)
    precise = gf.through_time(make_experiment("lstm"))
    assert report.dtype == dtype
    np.testing.assert_allclose(report.column("hidden_rms"), precise.column("hidden_rms"), rtol=0.05)
    ratio = report.column("hidden_grad_norm")[-3:] / precise.column("hidden_grad_norm")[-3:]
    np.testing.assert_allclose(ratio, 1, rtol=0.1)


def test_a_gradient_that_vanishes_completely_is_zero_and_not_an_error():
    report = gf.through_time(
        make_experiment("rnn_tanh", recurrent_init="gaussian", recurrent_gain=0.0)
    )
    norms = report.column("hidden_grad_norm")
    assert norms[-1] > 0
    assert (norms[:-1] == 0).all()
    assert report.histogram("hidden_grad", 1).zeros == 30
    assert report.remaining(1) == 0


def test_recording_leaves_network_and_random_state_alone():
    spec = make_experiment("lstm")
    network, inputs, targets = prepare_pass(spec)
    before = [p.detach().clone() for p in network.parameters()]
    state = torch.get_rng_state()
    report = record_pass(spec, network, inputs, targets)
    assert torch.equal(state, torch.get_rng_state())
    for parameter, value in zip(network.parameters(), before, strict=True):
        assert torch.equal(parameter, value)
        assert parameter.grad is None
    assert report.loss == pytest.approx(gf.through_time(spec).loss, rel=1e-14)


def test_nothing_of_the_graph_stays_behind():
    """Hooks hold the recorder, and the graph holds the hooks."""
    report = gf.through_time(make_experiment("lstm", layers=2))
    gc.collect()
    assert not [o for o in gc.get_objects() if type(o).__name__ == "_Recorder"]
    assert report.loss > 0


def test_a_trained_network_is_recorded_as_it_stands():
    spec = make_experiment("rnn_tanh")
    network, inputs, targets = prepare_pass(spec)
    with torch.no_grad():
        for name in ATTRIBUTES:
            getattr(network.recurrent, f"{name}_l0").mul_(1.5)
    trace = trace_pass(spec, network, inputs, targets)
    gradients = torch.autograd.grad(trace.loss, trace.hidden[0])
    np.testing.assert_allclose(
        record_pass(spec, network, inputs, targets).column("hidden_grad_norm"),
        [float(g.norm()) for g in gradients],
        rtol=1e-11,
    )


def test_the_summarizer_of_accelerators_gives_the_same_tables(monkeypatch):
    spec = make_experiment("lstm", layers=2, loss_at="every", dtype="float32")
    expected = gf.through_time(spec)
    monkeypatch.setattr("gradflow.core.recurrent.record.HostSummarizer", DeviceSummarizer)
    on_device = gf.through_time(spec)
    for name in ("steps", "gates"):
        pd.testing.assert_frame_equal(getattr(on_device, name), getattr(expected, name), rtol=1e-6)
