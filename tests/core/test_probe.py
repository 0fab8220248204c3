"""The numbers of a report against ``torch.autograd.grad`` and against NumPy."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import gradflow as gf
from gradflow.core.catalog import Activation, Connection
from gradflow.core.codec import from_query
from gradflow.core.data import draw_batch
from gradflow.core.networks.build import build_network
from tests.core.oracles import (
    NORMALIZATIONS,
    backpropagate,
    compute_loss,
    list_linears,
    trace_signals,
)


def make_experiment(**settings) -> gf.Experiment:
    network = {"depth": 5, "width": 8} | settings
    if network.get("normalization") == "group":
        network.setdefault("groups", 2)
    if network.get("widths"):
        del network["depth"], network["width"]
    return gf.Experiment(
        network=gf.MLP(**network), data=gf.Data(batch_size=6), dtype="float64", device="cpu"
    )


def make_float64_network(exp: gf.Experiment):
    inputs, targets = draw_batch(exp.data, exp.seed)
    return build_network(exp, inputs).double(), inputs.double(), targets


def check_against_autograd(exp: gf.Experiment) -> None:
    model, inputs, targets = make_float64_network(exp)
    layers = list_linears(model)
    torch.manual_seed(exp.seed)  # the slopes of RReLU
    trace = trace_signals(exp.network, layers, inputs)
    loss = compute_loss(exp.loss, trace.a[-1], targets)
    n = len(layers)
    wanted = [*trace.z, *trace.a, *(p for layer in layers for p in (layer.weight, layer.bias))]
    gradients = torch.autograd.grad(loss, wanted)

    report = gf.run(exp)

    def norms(tensors):
        return [t.norm().item() for t in tensors]

    expected = {
        "delta_norm": norms(gradients[:n]),
        "activation_grad_norm": norms(gradients[n : 2 * n]),
        "weight_grad_norm": norms(gradients[2 * n :: 2]),
        "bias_grad_norm": norms(gradients[2 * n + 1 :: 2]),
        "weight_norm": norms(layer.weight for layer in layers),
    }
    for name, tensors in (("preactivation", trace.z), ("activation", trace.a)):
        expected[f"{name}_mean"] = [t.mean().item() for t in tensors]
        expected[f"{name}_std"] = [t.std(correction=0).item() for t in tensors]
        expected[f"{name}_rms"] = [t.square().mean().sqrt().item() for t in tensors]
    for name, values in expected.items():
        # A bias before batch norm has the gradient 0, and rounding errors of both sides remain.
        assert_allclose(report.layers[name], values, rtol=1e-9, atol=1e-15, err_msg=name)
    assert report.loss == pytest.approx(loss.item(), rel=1e-12)


@pytest.mark.parametrize("connection", Connection)
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("activation", Activation)
def test_gradients_are_those_of_autograd(activation, normalization, connection):
    check_against_autograd(
        make_experiment(activation=activation, normalization=normalization, connection=connection)
    )


@pytest.mark.parametrize("connection", Connection)
@pytest.mark.parametrize("normalization", ["batch", "layer", "rms", "group"])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_gradients_with_the_norm_after_the_activation(activation, normalization, connection):
    check_against_autograd(
        make_experiment(
            activation=activation,
            normalization=normalization,
            norm_position="after",
            connection=connection,
        )
    )


@pytest.mark.parametrize("position", ["before", "after"])
@pytest.mark.parametrize("connection", Connection)
def test_gradients_in_evaluation_mode(connection, position):
    check_against_autograd(
        make_experiment(
            normalization="batch",
            norm_mode="evaluation",
            norm_position=position,
            connection=connection,
        )
    )


@pytest.mark.parametrize("connection", Connection)
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_gradients_of_shallow_networks(depth, connection):
    check_against_autograd(make_experiment(depth=depth, connection=connection))


@pytest.mark.parametrize("widths", [(9, 7, 5, 6), (4, 8, 8, 12, 3), (16,)])
@pytest.mark.parametrize("connection", Connection)
def test_gradients_with_varying_widths(connection, widths):
    check_against_autograd(make_experiment(widths=widths, connection=connection))


@pytest.mark.parametrize("connection", ["residual", "preactivation"])
@pytest.mark.parametrize("block_size", [1, 2, 3, 10])
@pytest.mark.parametrize("scale", [0.0, 0.5])
def test_gradients_of_blocks(connection, block_size, scale):
    check_against_autograd(
        make_experiment(
            depth=7, connection=connection, block_size=block_size, branch_scale=scale, bias_std=0.3
        )
    )


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
@pytest.mark.parametrize("norm_axis", [None, 0, 1])
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_gradients_are_those_of_backpropagation_by_hand(activation, norm_axis, loss):
    normalization = {None: "none", 0: "batch", 1: "layer"}[norm_axis]
    exp = make_experiment(activation=activation, normalization=normalization, bias_std=0.2)
    exp = gf.Experiment(**dict(exp) | {"loss": loss})
    model, inputs, targets = make_float64_network(exp)
    weights = [layer.weight.detach().numpy() for layer in list_linears(model)]
    biases = [layer.bias.detach().numpy() for layer in list_linears(model)]
    expected = backpropagate(
        weights, biases, inputs.numpy(), targets.numpy(), activation, loss, norm_axis
    )
    report = gf.run(exp)
    assert report.loss == pytest.approx(float(expected.pop("loss")[0]), rel=1e-12)
    for name, arrays in expected.items():
        norms = [np.linalg.norm(array) for array in arrays]
        assert_allclose(report.layers[name], norms, rtol=1e-9, atol=1e-15, err_msg=name)


def test_norms_do_not_underflow():
    exp = gf.Experiment(
        network=gf.MLP(depth=45, width=64, activation="sigmoid", initialization="xavier_normal"),
        device="cpu",
    )
    inputs, targets = draw_batch(exp.data, exp.seed)
    model = build_network(exp, inputs)
    trace = trace_signals(exp.network, list_linears(model), inputs)
    (delta,) = torch.autograd.grad(compute_loss(exp.loss, trace.a[-1], targets), trace.z[0])
    assert delta.count_nonzero() > 0.99 * delta.numel()
    assert delta.abs().max() > 100 * torch.finfo(torch.float32).tiny
    assert torch.linalg.vector_norm(delta) == 0  # the trap
    expected = torch.linalg.vector_norm(delta.double()).item()
    assert 0 < expected < 1e-20
    # Two float32 passes agree to rounding errors that grow through 45 layers.
    assert gf.run(exp).layers["delta_norm"][0] == pytest.approx(expected, rel=1e-3)


def test_norms_do_not_overflow():
    class Huge(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 4)

        def forward(self, x):
            return 1e25 * self.linear(x)

    report = gf.probe(Huge(), torch.ones(2, 3), loss=lambda out, _: out.sum())
    assert report.layers["delta_norm"][0] == pytest.approx(1e25 * math.sqrt(8), rel=1e-6)


def test_update_ratio_is_the_step_of_plain_sgd():
    exp = gf.Experiment(
        network=gf.MLP(depth=3, width=8),
        data=gf.Data(batch_size=6),
        learning_rate=0.5,
        device="cpu",
    )
    table = gf.run(exp).layers
    assert_allclose(table["update_ratio"], 0.5 * table["weight_grad_norm"] / table["weight_norm"])


def test_clipping_scales_the_step_as_torch_clips_it():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    x, y = 5 * torch.randn(9, 4), torch.arange(9) % 3
    free, clipped = gf.probe(model, x, y), gf.probe(model, x, y, clip_norm=0.05)
    nn.functional.cross_entropy(model(x), y).backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), 0.05)
    assert free.grad_norm == pytest.approx(norm.item(), rel=1e-6)
    assert norm > 0.05
    for row, parameter in zip(clipped.parameters.itertuples(), model.parameters(), strict=True):
        step = 0.01 * parameter.grad.norm() / parameter.norm()
        assert row.update_ratio == pytest.approx(step.item(), rel=1e-5)
    assert clipped.parameters["grad_norm"].equals(free.parameters["grad_norm"])


def test_the_total_norm_survives_extreme_and_broken_gradients():
    class Power(nn.Module):
        def __init__(self, power):
            super().__init__()
            self.weight, self.power = nn.Parameter(torch.ones(4, dtype=torch.float64)), power

        def forward(self, x):
            return 10.0**self.power * self.weight * x

    ones = torch.ones(2, 4, dtype=torch.float64)
    for power in (-200, 200):
        report = gf.probe(Power(power), ones, loss=lambda out, _: out.sum())
        assert report.grad_norm == pytest.approx(4 * 10.0**power)
    report = gf.probe(Power(0), ones, loss=lambda out, _: out.sum() * math.inf, clip_norm=1.0)
    assert report.grad_norm == math.inf
    assert report.clip_factor == 0.0


def test_a_loss_scale_leaves_reported_gradients_alone():
    model, x, y = nn.Linear(4, 3), torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1])
    plain, scaled = gf.probe(model, x, y), gf.probe(model, x, y, loss_scale=1024.0)
    assert scaled.loss == plain.loss
    for name in ("delta_norm", "weight_grad_norm", "bias_grad_norm"):
        assert_allclose(scaled.layers[name], plain.layers[name], rtol=1e-6)


def test_the_report_says_what_ran():
    exp = make_experiment(activation="relu")
    report = gf.run(exp)
    model, _, _ = make_float64_network(exp)
    assert report.parameter_count == sum(p.numel() for p in model.parameters())
    assert (report.device, report.dtype, report.loss_scale) == ("cpu", "float64", 1.0)
    assert "relu" in report.title
    assert report.seconds > 0
    assert from_query(report.experiment) == exp


def test_same_experiment_same_numbers():
    exp = make_experiment(activation="rrelu")
    first, second = gf.run(exp), gf.run(exp)
    assert first.layers.equals(second.layers)


@pytest.mark.parametrize("initialization", ["kaiming_normal", "lsuv"])
def test_random_slopes_do_not_depend_on_who_else_computes(initialization):
    """The global generator is shared by all threads; a run draws from its own."""
    exp = make_experiment(activation="rrelu", initialization=initialization)
    alone = gf.run(exp).layers
    state = torch.get_rng_state()
    stop = threading.Event()

    def disturb():
        while not stop.is_set():
            torch.rand(10)
            torch.manual_seed(1)

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        for _ in range(5):
            assert gf.run(exp).layers.equals(alone)
    finally:
        stop.set()
        thread.join()
        torch.set_rng_state(state)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_other_dtypes_approximate_float64(dtype):
    settings = {"network": gf.MLP(depth=3, width=32), "device": "cpu"}
    exact = gf.run(gf.Experiment(**settings, dtype="float64")).layers
    rough = gf.run(gf.Experiment(**settings, dtype=dtype)).layers
    rtol = {"float32": 1e-5, "bfloat16": 0.05, "float16": 0.01}[dtype]
    for name in ("delta_norm", "weight_grad_norm", "activation_std"):
        assert_allclose(rough[name], exact[name], rtol=rtol)


def test_what_a_device_cannot_do_is_a_gradflow_error():
    exp = gf.Experiment(
        network=gf.MLP(depth=3, width=8, activation="rrelu"), dtype="float16", device="cpu"
    )
    try:
        assert np.isfinite(gf.run(exp).layers["delta_norm"]).all()
    except gf.GradflowError as error:
        assert "float16" in str(error)  # noqa: PT017 - depends on the torch release


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_missing_gpu_is_named():
    with pytest.raises(gf.DeviceUnavailable, match=r"device: .*cuda.*choose auto or cpu"):
        gf.run(gf.Experiment(device="cuda"))
