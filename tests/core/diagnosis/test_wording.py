"""A finding's sentence says what the figure shows, and of the tensor that it speaks of."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.decay import fit_judged_decay
from gradflow.core.verdict import Finding, Severity, Verdict

ORDER = [None, Severity.NOTE, Severity.WARNING, Severity.BAD]


def square(out: Tensor, _targets: object) -> Tensor:
    return out.square().sum()


def run(**network: object) -> gf.Report:
    network = {"depth": 8, "width": 48, **network}
    spec = gf.MLP(**network)
    return gf.run(gf.Experiment(network=spec, data=gf.Data(batch_size=64), device="cpu"))


def find(report: gf.Report, verdict: Verdict) -> Finding | None:
    return next((f for f in gf.findings(report) if f.verdict is verdict), None)


def test_a_healthy_gradient_that_shrinks_is_said_to_shrink() -> None:
    """Xavier weights lose half of the variance at every ReLU; ten layers of it still train."""
    report = run(depth=10, width=128, activation="relu", initialization="xavier_normal")
    finding = find(report, Verdict.HEALTHY)
    assert finding is not None
    norms = report.layers["delta_norm"].to_numpy()[:-1]
    assert norms[0] / norms[-1] < 0.1
    assert finding.headline.startswith("shrinks gently, × 0.7")
    assert "keeps its size" not in finding.text
    assert "With many more such layers it would vanish." in finding.text


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ([1.0] * 7, "at layer 1 (0) it is what it was at layer 7 (6)"),
        ([1, 1, 6, 1, 1 / 6, 1, 1], "Its largest change is by a factor 6"),
    ],
)
def test_equal_ends_are_not_one_times_each_other(factors: list[float], words: str) -> None:
    model = nn.Sequential(*(nn.Linear(5, 5, bias=False) for _ in [1, *factors]))
    for layer, factor in zip(model, [1, *factors], strict=True):
        layer.weight.data = factor * torch.eye(5)
    finding = find(gf.probe(model, torch.eye(5), loss=square), Verdict.HEALTHY)
    assert finding is not None
    assert words in finding.text
    assert "gets as much as" in finding.headline
    assert "1 times" not in finding.headline + finding.text


class Stack(nn.Module):
    """Six LSTM layers, each of which sees the one before."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList(nn.LSTM(16, 16, batch_first=True) for _ in range(6))
        self.fc = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x, _state = layer(x)
        return self.fc(x.mean(1))


def test_layers_of_lstm_on_each_other_are_a_profile() -> None:
    report = gf.probe(Stack(), torch.randn(32, 5, 16), torch.arange(32) % 3)
    decay = fit_judged_decay(report)
    norms = report.layers["delta_norm"].to_numpy()[:6]
    assert decay is not None
    assert (decay.first, decay.last) == (1, 6)
    assert decay.ratio == pytest.approx(norms[0] / norms[-1])
    assert find(report, Verdict.VANISHING) is not None


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        ({"connection": "preactivation", "block_size": 1}, "block7.tail"),
        ({"normalization": "layer", "norm_position": "before"}, "norm7"),
        ({}, "linear7"),
    ],
)
def test_saturation_is_explained_by_what_the_activation_sees(settings: dict, seen: str) -> None:
    report = run(activation="hardtanh", initialization="normal", init_std=0.4, **settings)
    finding = find(report, Verdict.SATURATED)
    assert finding is not None
    share = report.layers["saturated"].to_numpy()
    worst = int(np.nanargmax(share)) + 1
    signals = report.signals.set_index("module")
    std = signals["std"][seen.replace("7", str(worst))]
    assert f"spreads to a standard deviation of {std:.3g}".rstrip("0") in finding.cause


def test_behind_a_shortcut_no_number_is_claimed() -> None:
    report = run(activation="tanh", connection="residual", block_size=1, branch_scale=3.0)
    finding = find(report, Verdict.SATURATED)
    assert finding is not None
    assert "its shortcut add up" in finding.cause


def test_one_layer_is_named_once() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(*(m for _ in range(3) for m in (nn.Linear(8, 8), nn.Tanh())))
    model[2].weight.data *= 40
    finding = find(gf.probe(model, torch.randn(64, 8), loss=square), Verdict.SATURATED)
    assert finding is not None
    assert finding.text.count("layer 2") == 1


def test_samples_alike_in_the_first_layer_do_not_become_alike() -> None:
    torch.manual_seed(0)
    report = gf.probe(
        nn.Sequential(nn.Linear(8, 64), nn.Sigmoid(), nn.Linear(64, 3)),
        0.5 * torch.randn(64, 8),
        torch.arange(64) % 3,
    )
    first = report.layers["similarity"].iloc[0]
    assert 0.95 < first < 0.999
    finding = find(report, Verdict.COLLAPSED)
    assert finding is not None
    assert "alike from the start" in finding.text


def test_underflow_is_as_bad_as_what_it_loses() -> None:
    """The smaller the loss, the more of its gradient is lost in float16; never milder."""
    torch.manual_seed(0)
    layers = (m for _ in range(4) for m in (nn.Linear(32, 32), nn.Tanh()))
    model = nn.Sequential(*layers, nn.Linear(32, 4)).half()
    x, y = torch.randn(64, 32).half(), torch.arange(64) % 4
    ranks = []
    for factor in (1e4, 1.0, 0.1, 1e-3, 1e-5):
        report = gf.probe(model, x, y, loss=lambda out, y, f=factor: f * F.cross_entropy(out, y))
        found = find(report, Verdict.UNDERFLOW)
        ranks.append(ORDER.index(found and found.severity))
    assert ranks == sorted(ranks)
    assert ranks[0] == 0
    assert {1, 3} <= set(ranks)
