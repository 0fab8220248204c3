"""Sentences about reports: right numbers, and none that a rescaled loss would flip."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

import gradflow as gf
from gradflow.core.diagnosis import Severity, decay, findings
from gradflow.core.presets import PRESETS


def chain(depth: int, factor: float) -> tuple[nn.Module, torch.Tensor]:
    """A linear network whose error signal is multiplied by exactly ``factor`` per layer."""
    model = nn.Sequential(*(nn.Linear(4, 4, bias=False) for _ in range(depth))).double()
    for layer in model:
        layer.weight.data = factor * torch.eye(4, dtype=torch.float64)
    return model, torch.ones(3, 4, dtype=torch.float64)


@pytest.mark.parametrize("factor", [1e-3, 0.24, 1.0, 3.0])
@pytest.mark.parametrize("loss_factor", [1.0, 1e6])
def test_factor_and_ratio_of_a_known_chain(factor: float, loss_factor: float) -> None:
    model, inputs = chain(8, factor)
    report = gf.probe(model, inputs, loss=lambda out, _: loss_factor * out.square().mean())
    found = decay(report)
    assert found is not None
    assert found.factor == pytest.approx(factor, rel=1e-9)
    assert (found.first, found.last) == (1, 7)
    assert found.ratio == pytest.approx(factor**6, rel=1e-9)


@pytest.mark.parametrize(
    ("factor", "words", "severity"),
    [
        (0.1, "shrinks by a factor 0.1 per layer", Severity.BAD),
        (0.7, "shrinks by a factor 0.7 per layer", Severity.NOTE),
        (1.0, "keeps its size", Severity.GOOD),
        (10.0, "grows by a factor 10 per layer", Severity.BAD),
    ],
)
def test_the_fate_in_words(factor: float, words: str, severity: Severity) -> None:
    model, inputs = chain(8, factor)
    fate = findings(gf.probe(model, inputs, loss=lambda out, _: out.square().mean()))[0]
    assert words in fate.text
    assert fate.severity is severity


def test_underflow_is_told_from_flat_slopes() -> None:
    small = findings(gf.run(PRESETS["float16_underflow"].experiment))
    assert any("Underflow" in f.text and "layers 1 to" in f.text for f in small)
    saturated = findings(gf.run(PRESETS["tanh_large"].experiment))
    assert not any("Underflow" in f.text for f in saturated)
    zero = findings(gf.run(gf.Experiment(network=gf.MLP(depth=5, initialization="zeros"))))
    assert any("layers 1 to 4, without underflow" in f.text for f in zero)


def test_float32_underflow_of_a_deep_sigmoid_net_is_said() -> None:
    spec = gf.MLP(depth=100, activation="sigmoid", initialization="normal", init_std=0.01)
    texts = [f.text for f in findings(gf.run(gf.Experiment(network=spec)))]
    assert any("Underflow" in text and "float32" in text for text in texts)


def test_overflow_is_said_forward_and_backward() -> None:
    spec = gf.MLP(depth=60, activation="relu", initialization="normal", init_std=10.0)
    report = gf.run(gf.Experiment(network=spec))
    first = int(report.signals.query("nonfinite > 0")["layer"].iloc[0])
    texts = [f.text for f in findings(report)]
    assert any(f"first in layer {first}" in text for text in texts)
    assert any("The gradient overflows" in text for text in texts)


def test_one_layer_and_no_layer() -> None:
    assert decay(gf.run(gf.Experiment(network=gf.MLP(depth=1)))) is None
    scale = nn.Parameter(torch.ones(()))

    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = scale

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.scale * x

    report = gf.probe(Scale(), torch.ones(2, 3), loss=lambda out, _: out.sum())
    assert "No layer" in findings(report)[0].text


def test_ratio_survives_extreme_norms() -> None:
    """Norms of 1e-300 and 1e300: the ratio is taken of logarithms."""
    report = gf.run(gf.Experiment(network=gf.MLP(depth=4)))
    layers = report.layers.assign(delta_norm=[1e-300, 1e-100, 1e200, 1.0])
    found = decay(dataclasses.replace(report, layers=layers))
    assert found is not None
    assert np.isfinite(found.factor)
