"""Reports of models that GradFlow did not build."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor, nn

import gradflow as gf
from tests.core.recording.models import (
    MODELS,
    Shared,
    compute_loss,
    draw_floats,
    make_convolutional,
    make_frozen,
    make_mlp,
)


def make_targets() -> Tensor:
    return torch.arange(8) % 3


def probe_model(name: str) -> tuple[nn.Module, Any, gf.Report]:
    torch.manual_seed(0)
    make, inputs = MODELS[name]
    model, x = make(), inputs()
    return model, x, gf.probe(model, x, make_targets(), loss=compute_loss)


def list_modules(report: gf.Report) -> list[str]:
    return report.signals["module"].tolist()


def list_kinds(report: gf.Report) -> list[str]:
    return report.signals["kind"].tolist()


@pytest.mark.parametrize("name", ["mlp", "convolutional", "lstm", "embedding"])
def test_every_output_and_its_gradient(name):
    """Compared with tensors kept by the test's own hooks, and one call of autograd for all."""
    model, x, report = probe_model(name)
    kept: list[Tensor] = []
    if name == "convolutional":
        model[3].inplace = False
    for module in model.children():
        module.register_forward_hook(
            lambda module, args, out: kept.extend(
                [out] if isinstance(out, Tensor) else [out[0], *out[1]]
            )
        )
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    loss = compute_loss(model(x), make_targets())
    watched = [t for t in kept if t.requires_grad]
    by_id = dict(
        zip(map(id, watched), torch.autograd.grad(loss, watched, allow_unused=True), strict=True)
    )
    gradients = [by_id.get(id(t)) for t in kept]
    model.load_state_dict(state)
    table = report.signals
    assert len(table) == len(kept)
    for row, tensor, gradient in zip(table.itertuples(), kept, gradients, strict=True):
        values = tensor.detach().double().numpy()
        assert row.shape == "×".join(map(str, values.shape))
        assert_allclose([row.mean, row.std], [values.mean(), values.std()], rtol=1e-5, atol=1e-7)
        assert (row.min, row.max) == (values.min(), values.max())
        assert row.zero == np.mean(values == 0)
        if gradient is None:
            assert np.isnan(row.grad_norm)
            continue
        g = gradient.double().numpy()
        assert row.grad_norm == pytest.approx(np.linalg.norm(g), rel=1e-5)
        assert row.grad_rms == pytest.approx(np.sqrt(np.mean(g**2)), rel=1e-5)
        assert row.grad_max == pytest.approx(np.abs(g).max(), rel=1e-5)
        assert_allclose([row.grad_mean, row.grad_std], [g.mean(), g.std()], rtol=1e-4, atol=1e-8)
        assert row.grad_zero == np.mean(g == 0)


def test_order_and_layers():
    _, _, report = probe_model("mlp")
    assert report.signals["order"].tolist() == [1, 2, 3, 4, 5]
    assert report.signals["layer"].tolist() == [1, 1, 2, 2, 3]
    assert list_modules(report) == ["0", "1", "2", "3", "4"]
    assert list_kinds(report) == ["linear", "activation", "linear", "activation", "linear"]
    assert report.layers["module"].tolist() == ["0", "2", "4"]
    assert report.layers[["fan_in", "fan_out"]].values.tolist() == [[6, 5], [5, 4], [4, 3]]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("convolutional", "conv"),
        ("lstm", "recurrent"),
        ("gru", "recurrent"),
        ("batch norm and dropout", "norm"),
        ("transformer", "block"),
        ("attention", "block"),
        ("embedding", "other"),
    ],
)
def test_kinds(name, kind):
    _, _, report = probe_model(name)
    assert kind in list_kinds(report)
    known = {"linear", "conv", "norm", "activation", "block", "recurrent", "other"}
    assert set(list_kinds(report)) <= known


def test_a_reused_module_has_a_row_per_call():
    model, x, report = probe_model("reused")
    calls = [name for name in list_modules(report) if name.startswith("cell")]
    assert calls == ["cell", "cell#2", "cell#3"]
    # Written out with a copy of the weights for each call:
    z, a = [], [x]
    for _ in range(3):
        z.append(a[-1] @ model.cell.weight.T + model.cell.bias)
        a.append(z[-1].relu())
    out = a[-1] @ model.readout.weight.T + model.readout.bias
    gradients = torch.autograd.grad(
        compute_loss(out, make_targets()), [*z, out, *a[1:], model.cell.weight]
    )
    assert_allclose(
        report.layers["delta_norm"], [g.norm().item() for g in gradients[:4]], rtol=1e-5
    )
    assert_allclose(
        report.layers["activation_grad_norm"][:3],
        [g.norm().item() for g in gradients[4:7]],
        rtol=1e-5,
    )
    # One tensor, one gradient: the sum over the calls, shown at each of them.
    assert_allclose(report.layers["weight_grad_norm"][:3], gradients[7].norm().item(), rtol=1e-5)


def test_in_place_activations_do_not_spoil_preactivations():
    torch.manual_seed(0)
    model, x = make_mlp(), draw_floats()
    model[1], model[3] = nn.ReLU(), nn.ReLU()
    plain = gf.probe(model, x, make_targets())
    model[1], model[3] = nn.ReLU(inplace=True), nn.ReLU(inplace=True)
    in_place = gf.probe(model, x, make_targets())
    assert plain.layers.equals(in_place.layers)
    assert plain.signals.equals(in_place.signals)
    for layer in (1, 2, 3):
        assert in_place.histogram("preactivation", layer).edges[0] < 0


def test_tuples_and_dictionaries():
    _, _, report = probe_model("pieces")
    assert list_modules(report) == ["linear", "linear.tanh", "readout"]
    assert list_kinds(report) == ["linear", "activation", "linear"]
    _, _, report = probe_model("lstm")
    assert list_modules(report) == ["rnn[0]", "rnn[1]", "rnn[2]", "readout"]


def test_containers_that_hand_on_a_childs_output_have_no_row_of_their_own():
    _, _, report = probe_model("shared")
    assert list_modules(report) == ["first", "first.tanh", "second", "readout"]


def test_a_container_that_computes_has_a_row():
    exp = gf.Experiment(
        network=gf.MLP(depth=4, width=8, connection="residual", block_size=1), device="cpu"
    )
    names = list_modules(gf.run(exp))
    assert names.count("block2.tail.act2") == 1
    assert "block2" not in names


@pytest.mark.parametrize("names", [("0.",), ("0.", "2."), ("",)])
def test_frozen_parameters_do_not_hide_the_signal(names):
    torch.manual_seed(0)
    model, x = make_frozen(*names), draw_floats()
    report = gf.probe(model, x, make_targets())
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    free = gf.probe(model, x, make_targets())
    assert_allclose(report.layers["delta_norm"], free.layers["delta_norm"])
    assert report.signals.drop(columns="order").equals(free.signals.drop(columns="order"))
    for row in report.parameters.itertuples():
        assert np.isnan(row.grad_norm) == row.parameter.startswith(names)
        assert np.isnan(row.update_ratio) == row.parameter.startswith(names)


def test_shared_weights():
    torch.manual_seed(0)
    model, x = Shared(), draw_floats()
    report = gf.probe(model, x, make_targets())
    compute_loss(model(x), make_targets()).backward()
    assert report.parameters["parameter"].tolist() == [name for name, _ in model.named_parameters()]
    expected = model.first.weight.grad.norm().item()
    assert_allclose(report.layers["weight_grad_norm"][:2], expected, rtol=1e-5)


def test_unused_modules():
    model, _, report = probe_model("unused")
    assert list_modules(report) == ["used"]
    table = report.parameters.set_index("parameter")
    assert table.loc["unused.weight", "layer"] == 0
    assert np.isnan(table.loc["unused.weight", "grad_norm"])
    expected = model.unused.weight.detach().norm().item()
    assert table.loc["unused.weight", "norm"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_parameters_against_backward(name):
    model, x, report = probe_model(name)
    if name in ("writes", "spectral norm"):
        return  # a second forward pass of these is another one
    torch.manual_seed(0)
    make, inputs = MODELS[name]
    model, x = make(), inputs()
    compute_loss(
        model(**x) if isinstance(x, dict) else model(x) if isinstance(x, Tensor) else model(*x),
        make_targets(),
    ).backward() if any(p.requires_grad for p in model.parameters()) else None
    table = report.parameters
    assert table["parameter"].tolist() == [name for name, _ in model.named_parameters()]
    for row, parameter in zip(table.itertuples(), model.parameters(), strict=True):
        p = parameter.detach().double().numpy()
        assert row.norm == pytest.approx(np.linalg.norm(p), rel=1e-5)
        assert row.rms == pytest.approx(np.sqrt(np.mean(p**2)), rel=1e-5)
        if parameter.grad is None:
            assert np.isnan(row.grad_norm)
            continue
        g = parameter.grad.double().numpy()
        assert row.grad_norm == pytest.approx(np.linalg.norm(g), rel=1e-4, abs=1e-8)
        assert row.grad_max == pytest.approx(np.abs(g).max(), rel=1e-4, abs=1e-8)
        assert row.grad_zero == pytest.approx(np.mean(g == 0), abs=1e-12)
        if row.norm:
            assert row.update_ratio == pytest.approx(0.01 * row.grad_norm / row.norm)
        else:
            assert np.isnan(row.update_ratio)


def test_fans_of_convolutions():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(4, 6, (3, 2), groups=2, padding=1), nn.Flatten(), nn.LazyLinear(3)
    )
    x = torch.randn(8, 4, 5, 5)
    model(x)
    report = gf.probe(model, x, make_targets())
    # C_in·k²/groups numbers enter one output; C_out channels leave.
    assert report.layers[["fan_in", "fan_out"]].values.tolist()[0] == [4 * 3 * 2 / 2, 6]


def test_layers_of_a_convolutional_network():
    torch.manual_seed(0)
    report = gf.probe(make_convolutional(), draw_floats(), make_targets())
    assert report.layers["module"].tolist() == ["1", "6"]
    # All that runs after the convolution up to the next weight module, pooling included.
    assert report.signals["layer"].tolist() == [0, 1, 1, 1, 1, 1, 2]
    assert report.signals["shape"][1] == "8×4×2×3"


def test_parametrized_weights_are_no_parameters_of_their_own():
    _, _, report = probe_model("weight norm")
    assert len(report.layers) == 2
    assert np.isfinite(report.layers["delta_norm"]).all()
    assert np.isfinite(report.layers["bias_grad_norm"]).all()


def test_nonfinite_signals_are_counted():
    model, x = make_mlp(), draw_floats()
    x[2, 3] = torch.inf
    report = gf.probe(model, x, make_targets())
    assert report.signals["nonfinite"][0] == 5
    assert np.isinf(report.layers["preactivation_rms"][0])
    histogram = report.histogram("preactivation", 1)
    assert histogram.total == 40
    assert histogram.nonfinite == 5


def test_an_empty_model_has_empty_tables():
    report = gf.probe(nn.Identity(), draw_floats(), make_targets())
    assert report.layers.empty
    assert report.parameters.empty
    assert report.parameter_count == 0
