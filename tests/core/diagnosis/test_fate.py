"""Sentences about reports: right numbers, and none that a rescaled loss would flip."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import nn

import gradflow as gf
from gradflow.core.codec import to_query
from gradflow.core.data import draw_batch
from gradflow.core.decay import fit_decay, fit_judged_decay
from gradflow.core.diagnosis import findings
from gradflow.core.networks.build import build_network
from gradflow.core.presets import PRESETS
from gradflow.core.verdict import Finding, Severity, Verdict


def build_chain(depth: int, factor: float) -> tuple[nn.Module, torch.Tensor]:
    """A linear network whose error signal is multiplied by exactly ``factor`` per layer."""
    model = nn.Sequential(*(nn.Linear(4, 4, bias=False) for _ in range(depth))).double()
    for layer in model:
        layer.weight.data = factor * torch.eye(4, dtype=torch.float64)
    return model, torch.eye(4, dtype=torch.float64)


FATES = (Verdict.HEALTHY, Verdict.VANISHING, Verdict.EXPLODING, Verdict.UNEVEN)


def find_fate(report: gf.Report) -> Finding:
    return next(f for f in findings(report) if f.verdict in FATES)


@pytest.mark.parametrize("factor", [1e-3, 0.24, 1.0, 3.0])
@pytest.mark.parametrize("loss_factor", [1.0, 1e6])
def test_factor_and_ratio_of_a_known_chain(factor: float, loss_factor: float) -> None:
    model, inputs = build_chain(8, factor)
    report = gf.probe(model, inputs, loss=lambda out, _: loss_factor * out.square().mean())
    decay = fit_decay(report)
    assert decay is not None
    assert decay.factor == pytest.approx(factor, rel=1e-9)
    assert (decay.first, decay.last) == (1, 7)
    assert decay.ratio == pytest.approx(factor**6, rel=1e-9)


@pytest.mark.parametrize(
    ("factor", "words", "severity"),
    [
        (0.1, "shrinks by a factor 0.1 per layer", Severity.BAD),
        (0.5, "shrinks by a factor 0.5 per layer", Severity.NOTE),
        (0.35, "shrinks by a factor 0.35 per layer", Severity.WARNING),
        (0.6, "shrinks gently on its way back (factor 0.6 per layer)", Severity.GOOD),
        (1.6, "grows gently on its way back (factor 1.6 per layer)", Severity.GOOD),
        (1.0, "keeps its size", Severity.GOOD),
        (10.0, "grows by a factor 10 per layer", Severity.BAD),
    ],
)
def test_the_fate_in_words(factor: float, words: str, severity: Severity) -> None:
    model, inputs = build_chain(8, factor)
    fate = find_fate(gf.probe(model, inputs, loss=lambda out, _: out.square().mean()))
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
    assert fit_decay(gf.run(gf.Experiment(network=gf.MLP(depth=1)))) is None
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
    decay = fit_decay(dataclasses.replace(report, layers=layers))
    assert decay is not None
    assert np.isfinite(decay.factor)


NETWORKS: dict[str, tuple[dict[str, object], set[str]]] = {
    "xavier tanh": ({}, {"healthy"}),
    "sigmoid": ({"activation": "sigmoid"}, {"vanishing", "collapsed"}),
    "small weights": ({"initialization": "normal", "init_std": 0.02}, {"vanishing"}),
    "large weights": ({"initialization": "normal", "init_std": 0.5}, {"exploding", "saturated"}),
    "zeros": ({"initialization": "zeros"}, {"vanishing", "symmetric"}),
    "constant": ({"initialization": "constant", "depth": 6}, {"symmetric"}),
    "deep relu": (
        {"activation": "relu", "initialization": "kaiming_normal", "depth": 60},
        {"dead", "collapsed"},
    ),
    "batch norm": (
        {
            "activation": "relu",
            "initialization": "kaiming_normal",
            "normalization": "batch",
            "depth": 40,
        },
        {"exploding"},
    ),
    "identity blocks": (
        {"connection": "residual", "zero_last": True},
        {"healthy", "closed"},
    ),
}


def make_experiment(name: str) -> gf.Experiment:
    settings = {"depth": 24, "width": 64, **NETWORKS[name][0]}
    return gf.Experiment(network=gf.MLP(**settings), data=gf.Data(batch_size=64), device="cpu")


def list_verdicts(report: gf.Report) -> set[str]:
    return {str(finding.verdict) for finding in findings(report)}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_verdicts_of_known_cases(name: str) -> None:
    verdicts = list_verdicts(gf.run(make_experiment(name)))
    assert verdicts >= NETWORKS[name][1]
    if "healthy" in NETWORKS[name][1]:
        assert verdicts <= {"healthy", "closed"}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("factor", [1e6, 1e-6])
def test_a_rescaled_loss_changes_no_verdict(name: str, factor: float) -> None:
    exp = make_experiment(name)
    inputs, targets = draw_batch(exp.data, exp.seed)

    def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return factor * nn.functional.cross_entropy(output, target)

    model = build_network(exp, inputs).double()
    asked = {"experiment": to_query(exp)}
    before = gf.probe(model, inputs.double(), targets, **asked)
    after = gf.probe(model, inputs.double(), targets, loss=loss, **asked)
    assert [f.verdict for f in findings(after)] == [f.verdict for f in findings(before)]
    assert [f.severity for f in findings(after)] == [f.severity for f in findings(before)]


def test_the_evidence_is_measured() -> None:
    """Saturated and dead shares and the first layer beyond the limit, from the tables."""
    report = gf.run(make_experiment("large weights"))
    finding = next(f for f in findings(report) if f.verdict is Verdict.SATURATED)
    share = report.layers["saturated"]
    assert f"Up to {100 * share.max():.1f}%" in finding.text
    assert finding.layer == report.layers["layer"][share > 0.3].iloc[0]
    report = gf.run(make_experiment("deep relu"))
    finding = next(f for f in findings(report) if f.verdict is Verdict.DEAD)
    dead = report.layers["dead_units"] / 64
    assert f"Up to {100 * dead.max():.1f}%" in finding.text
    assert finding.layer == report.layers["layer"][dead > 0.1].iloc[0]


def test_the_first_bad_layer_of_a_known_chain() -> None:
    model, inputs = build_chain(12, 0.1)
    finding = find_fate(gf.probe(model, inputs, loss=lambda out, _: out.square().mean()))
    assert finding.verdict is Verdict.VANISHING
    assert finding.layer == 9  # δ₁₁ is the reference; δ₁₀ is at 1/10 of it, δ₉ at 1/100


def test_the_cause_names_what_each_layer_multiplies_by() -> None:
    """A chain whose weights multiply by 0.5 and whose activation's slope is 0.2."""
    layers: list[nn.Module] = []
    for _ in range(9):
        linear = nn.Linear(4, 4, bias=False)
        linear.weight.data = 0.5 * torch.eye(4)
        layers += [linear, nn.LeakyReLU(0.2)]
    model = nn.Sequential(*layers, nn.Linear(4, 4, bias=False)).double()
    report = gf.probe(model, -torch.eye(4).double(), loss=lambda out, _: out.square().mean())
    cause = find_fate(report).cause
    assert "weights multiply it by 0.5, the slopes of the activation by 0.2" in cause


def test_causes_are_tied_to_the_setting() -> None:
    said = {
        name: " ".join(f.cause for f in findings(gf.run(make_experiment(name))))
        for name in NETWORKS
    }
    assert "at most 1/4" in said["sigmoid"]
    assert "too small for Tanh" in said["small weights"]
    assert "outweighs the small slopes" in said["large weights"]
    assert "start at zero" in said["zeros"]
    assert "Batch normalization makes gradients grow" in said["batch norm"]
    correlated = gf.Experiment(data=gf.Data(source="gaussian", correlation=0.99), device="cpu")
    collapsed = [f for f in findings(gf.run(correlated)) if f.verdict is Verdict.COLLAPSED]
    assert "inputs themselves" in collapsed[0].cause


def test_no_chain_no_claim_about_a_layers_factors() -> None:
    settings = {"connection": "residual", "activation": "relu", "depth": 30}
    exp = gf.Experiment(network=gf.MLP(initialization="kaiming_normal", **settings), device="cpu")
    fate = find_fate(gf.run(exp))
    assert fate.verdict is Verdict.EXPLODING
    assert "multiply" not in fate.cause
    assert "branch scale" in fate.cause


def test_a_few_samples_kill_no_unit() -> None:
    exp = gf.Experiment(
        network=gf.MLP(depth=6, activation="relu", initialization="kaiming_normal"),
        data=gf.Data(batch_size=2),
        device="cpu",
    )
    assert "dead" not in list_verdicts(gf.run(exp))


def test_a_residual_stream_is_judged_from_branch_to_branch() -> None:
    """Layers of a transformer differ in kind; what passes its blocks hardly changes."""
    network = gf.Transformer(depth=8, width=32, norm_placement="post")
    report = gf.run(gf.Experiment(network=network, data=gf.Data(batch_size=32)))
    norms = report.stream.layers["activation_grad_norm"].to_numpy()[1:]
    decay = fit_judged_decay(report)
    assert decay.rows == "branch"
    assert (decay.first, decay.last) == (1, 16)
    assert decay.ratio == pytest.approx(norms[0] / norms[-1])
    slope = np.polyfit(np.arange(16), np.log(norms), 1)[0]
    assert decay.factor == pytest.approx(math.exp(-slope))
    verdict = findings(report)[0]
    assert verdict.verdict == "healthy"
    assert "per branch" in verdict.text
    plain = gf.run(gf.Experiment(network=gf.MLP(depth=5)))
    assert fit_judged_decay(plain) == fit_decay(plain)


def test_a_threefold_change_is_not_called_keeping_its_size() -> None:
    for factor, words in ((0.97, "shrinks gently"), (0.99, "keeps its size")):
        model, x = build_chain(41, factor)
        verdict = find_fate(gf.probe(model, x, loss=lambda out, _: out.square().sum()))
        assert verdict.verdict == "healthy"
        assert words in verdict.text
        assert f"factor {factor} per layer" in verdict.text


@pytest.mark.parametrize(
    ("settings", "away"),
    [
        ({}, True),
        ({"normalization": "group", "groups": 6}, True),
        ({"connection": "residual"}, True),
        ({"connection": "preactivation"}, True),
        ({"connection": "dense", "growth_rate": 6}, True),
        ({"connection": "dense", "growth_rate": 6, "downsampling": "max_pool"}, False),
        ({"norm_position": "before"}, False),
        ({"normalization": "group", "groups": 3}, False),
        ({"normalization": "batch"}, False),
    ],
)
def test_instance_norm_right_before_the_mean_leaves_nothing(settings, away: bool) -> None:
    """Every channel's mean is 0 then: all samples have the same output."""
    given = {"normalization": "instance", "norm_position": "after", "activation": "tanh"}
    network = gf.ConvNet(depth=5, channels=6, **(given | settings))
    exp = gf.Experiment(network=network, data=gf.Data(batch_size=8), dtype="float64", device="cpu")
    inputs, _targets = draw_batch(exp.data, exp.seed)
    output = build_network(exp, inputs).double()(inputs.double())
    assert (output.std(0).max().item() < 1e-12) is away
    assert ("No gradient arrives" in findings(gf.run(exp))[0].text) is away


def test_a_dead_layer_is_why_no_gradient_comes_back() -> None:
    """Negative biases switch layer 3 off; the gradient ends there, and the verdict names it."""
    torch.manual_seed(0)
    model = nn.Sequential(*(m for _ in range(5) for m in (nn.Linear(6, 6), nn.ReLU())))
    model.append(nn.Linear(6, 3))
    model[4].bias.data.fill_(-100)
    report = gf.probe(model, torch.rand(32, 6), loss=lambda out, _: out.square().mean())
    (dead,) = [f for f in findings(report) if f.verdict is Verdict.DEAD]
    assert (dead.severity, dead.layer) == (Severity.BAD, 3)
    assert "All units of layer 3 (4) are dead" in dead.text  # the fifth module
    assert "layers 1 (0) to 3 (4)" in dead.text
    assert "without underflow" not in " ".join(f.text for f in findings(report))
    assert findings(gf.run(PRESETS["narrow_relu"].experiment))[0].verdict is Verdict.DEAD
