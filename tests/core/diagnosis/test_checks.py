"""Checks on what is not the gradient's fate: each with what must be said, and what must not."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.facts import Facts
from gradflow.core.verdict import Finding, Severity, Verdict

V, S = Verdict, Severity
X = torch.randn(64, 20, generator=torch.Generator().manual_seed(0))
Y = torch.arange(64) % 10


def build(*last: nn.Module, outputs: int = 10, activation: type[nn.Module] = nn.ReLU) -> nn.Module:
    torch.manual_seed(0)
    hidden = [m for i in (20, 32, 32) for m in (nn.Linear(i, 32), activation())]
    for module in hidden[::2]:
        nn.init.kaiming_normal_(module.weight)
    return nn.Sequential(*hidden, nn.Linear(32, outputs), *last)


def find(report: gf.Report, verdict: Verdict) -> Finding | None:
    return next((f for f in gf.findings(report) if f.verdict is verdict), None)


def get_severity(report: gf.Report, verdict: Verdict) -> Severity | None:
    found = find(report, verdict)
    return None if found is None else found.severity


# --- what entered and what left -------------------------------------------------------------------


def test_the_facts_are_those_of_the_tensors() -> None:
    model = build()
    report = gf.probe(model, 3 * X + 1, Y)
    facts = report.facts
    expected = (3 * X + 1).double()
    assert facts.inputs is not None
    assert facts.outputs is not None
    assert facts.inputs.mean == pytest.approx(expected.mean().item())
    assert facts.inputs.std == pytest.approx(expected.std(correction=0).item())
    assert facts.inputs.largest == pytest.approx(expected.abs().max().item())
    output = model(3 * X + 1).detach().double()
    assert facts.outputs.rms == pytest.approx(output.square().mean().sqrt().item(), rel=1e-5)
    spread = (output - output.mean(0)).square().mean().sqrt().item()
    assert facts.output_spread == pytest.approx(spread, rel=1e-5)
    assert (facts.samples, facts.classes, facts.target_shape) == (64, 10, "64")
    assert gf.Report.from_json(report.to_json()).facts == facts


def test_a_report_of_an_older_file_knows_no_facts() -> None:
    text = gf.probe(build(), X, Y).to_json()
    old = text[: text.index('"facts":{')] + text[text.index('"signals":{') :]
    assert gf.Report.from_json(old).facts == Facts()
    gf.findings(gf.Report.from_json(old))


LOSSES = {
    "cross_entropy": (F.cross_entropy, Y, "cross_entropy", False),
    "a lambda": (lambda o, t: 2 * F.cross_entropy(o, t), Y, "cross_entropy", True),
    "module": (nn.CrossEntropyLoss(), Y, "cross_entropy", False),
    "nll": (lambda o, t: F.nll_loss(o.log_softmax(1), t), Y, "cross_entropy", False),
    "mse": (F.mse_loss, X[:, :10], "mse", False),
    "mse by hand": (lambda o, t: ((o - t) ** 2).mean(), X[:, :10], "mse", False),
    "smooth l1": (F.smooth_l1_loss, X[:, :10], "l1", False),
    "bce": (F.binary_cross_entropy_with_logits, X[:, :10].sigmoid(), "bce_with_logits", False),
    "other": (lambda o, _: o.logsumexp(1).mean(), Y, "", False),
}


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_is_recognized_by_its_graph(name: str) -> None:
    loss, targets, code, rescaled = LOSSES[name]
    facts = gf.probe(build(), X, targets, loss=loss).facts
    assert (facts.loss, facts.rescaled) == (code, rescaled)


STEPS = {
    "softmax": nn.Softmax(1),
    "log_softmax": nn.LogSoftmax(1),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "relu": nn.ReLU(),
    "": nn.Identity(),
}


@pytest.mark.parametrize("step", STEPS)
def test_the_last_step_is_recognized_by_the_graph(step: str) -> None:
    model = build(STEPS[step], nn.Unflatten(1, (2, 5)))
    report = gf.probe(model, X, loss=lambda o, _: o.square().mean())
    assert report.facts.last_step == step


# --- scale ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "severity"),
    [
        (X, None),
        (8 * X, S.NOTE),
        (100 * X, S.WARNING),
        (0.05 * X, S.NOTE),
        (0.005 * X, S.WARNING),
        (1e-6 * X, S.BAD),
        (X + 5, S.NOTE),
        (X + 15, S.WARNING),
        (X + 100, S.BAD),
    ],
)
def test_the_scale_of_the_inputs(x: Tensor, severity: Severity | None) -> None:
    assert get_severity(gf.probe(build(), x, Y), V.INPUTS) is severity


def test_a_normalization_at_the_start_makes_up_for_the_inputs() -> None:
    model = nn.Sequential(nn.BatchNorm1d(20), *build())
    report = gf.probe(model, 300 * X, Y)
    assert find(report, V.INPUTS) is None
    assert gf.findings(report)[0].verdict is V.HEALTHY


@pytest.mark.parametrize(
    ("scale", "severity"), [(1, None), (30, S.NOTE), (300, S.WARNING), (1e8, S.BAD)]
)
def test_the_scale_of_the_targets(scale: float, severity: Severity | None) -> None:
    report = gf.probe(build(outputs=1), X, scale * X[:, :1], loss=F.mse_loss)
    assert get_severity(report, V.TARGETS) is severity


def test_a_step_that_is_too_large_joins_the_evidence() -> None:
    report = gf.probe(build(outputs=1), X, 1e8 * X[:, :1], loss=F.mse_loss)
    found = find(report, V.TARGETS)
    assert found is not None
    assert "of their size, where 0.001 is usual" in found.text


@pytest.mark.parametrize(
    ("factor", "severity"), [(1, None), (12, S.NOTE), (60, S.WARNING), (1000, S.WARNING)]
)
def test_logits_that_are_sure_and_wrong(factor: float, severity: Severity | None) -> None:
    model = build()
    model[-1].weight.data *= factor
    report = gf.probe(model, X, Y)
    assert get_severity(report, V.LOGITS) is severity
    right = model(X).argmax(1)
    assert get_severity(gf.probe(model, X, right), V.LOGITS) is None  # sure, and right


# --- gradients that are 0, or missing -------------------------------------------------------------


def zero(model: nn.Module, *names: str) -> nn.Module:
    for name in names:
        nn.init.zeros_(model.get_parameter(name))
    return model


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.branch = nn.Sequential(nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 20))
        self.scale = nn.LayerNorm(20)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.scale(self.branch(x))


def build_blocks() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(*(Block() for _ in range(4)), nn.Linear(20, 10))


CLOSED = {
    "readout": (build, ["6.weight"]),
    "last branch weights": (build_blocks, [f"{i}.branch.2.weight" for i in range(4)]),
    "norm scales": (build_blocks, [f"{i}.scale.weight" for i in range(4)]),
}


@pytest.mark.parametrize("name", CLOSED)
def test_what_opens_with_the_first_step_is_no_trouble(name: str) -> None:
    make, weights = CLOSED[name]
    found = gf.findings(gf.probe(zero(make(), *weights), X, Y))
    assert {f.severity for f in found} <= {S.GOOD, S.NOTE}
    closed = next(f for f in found if f.verdict is V.CLOSED)
    assert weights[0] in closed.text
    assert "first step opens" in closed.text


def test_two_zeros_in_a_row_never_open() -> None:
    model = zero(build(), "4.weight", "6.weight")
    for name in ("0.bias", "2.bias", "4.bias"):
        nn.init.zeros_(model.get_parameter(name))
    report = gf.probe(model, X, Y)
    assert find(report, V.CLOSED) is None
    assert gf.findings(report)[0].severity is S.BAD


class Sampled(nn.Module):
    """Decides by argmax, which has no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(20, 8), nn.Linear(8, 10)
        self.spare = nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(F.one_hot(self.inner(x).argmax(1), 8).float())


def test_a_cut_graph_is_named_with_the_parameter_and_what_is_unused_apart() -> None:
    found = [f for f in gf.findings(gf.probe(Sampled(), X, Y)) if f.verdict is V.CUT]
    assert [f.severity for f in found] == [S.WARNING, S.NOTE]
    assert "inner.bias" in found[0].text
    assert found[0].layer == 1
    assert "spare.weight, spare.bias" in found[1].text


def test_no_green_verdict_beside_a_cut() -> None:
    found = gf.findings(gf.probe(Sampled(), X, Y))
    assert S.GOOD not in {f.severity for f in found}


# --- number formats -------------------------------------------------------------------------------


def test_a_sure_softmax_is_no_underflow() -> None:
    network = gf.MLP(depth=15, activation="relu", initialization="normal", init_std=0.2)
    report = gf.run(gf.Experiment(network=network, data=gf.Data(batch_size=128), device="cpu"))
    assert report.histogram("delta", 7).subnormal > 0  # of samples that the network is sure of
    assert find(report, V.UNDERFLOW) is None
    assert find(report, V.EXPLODING) is not None


def test_under_autocast_the_format_that_ran_is_judged() -> None:
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = build()

        def forward(self, x: Tensor) -> Tensor:
            with torch.autocast("cpu", torch.float16):
                return self.body(x)

    model = Half()
    for name in ("2.weight", "4.weight"):
        model.body.get_parameter(name).data.mul_(0.02)
    report = gf.probe(model, X, Y, loss=lambda o, t: F.cross_entropy(o.float(), t))
    assert report.dtype == "float16"
    assert report.smallest_normal == torch.finfo(torch.float16).tiny
    found = find(report, V.UNDERFLOW)
    assert found is not None
    assert "float16" in found.text
    assert find(gf.probe(model.body, X, Y), V.UNDERFLOW) is None


class Masked(nn.Module):
    """A softmax over a row that is masked as a whole."""

    def forward(self, x: Tensor) -> Tensor:
        return x + x.masked_fill(torch.arange(64)[:, None] == 3, -math.inf).softmax(1)


def test_nan_is_told_from_overflow() -> None:
    model = build()
    model.insert(3, Masked())
    report = gf.probe(model, X, Y)
    found = find(report, V.NAN)
    assert found is not None
    assert "forward pass, first in the output of 3" in found.text
    assert find(report, V.OVERFLOW) is None
    large = gf.probe(build(), 1e30 * X, Y, loss=lambda o, _: o.square().square().mean())
    assert find(large, V.OVERFLOW) is not None
    assert find(large, V.NAN) is None


@pytest.mark.parametrize(("size", "verdict"), [(1.0, V.NAN), (1e25, V.OVERFLOW)])
def test_a_loss_that_breaks_alone(size: float, verdict: Verdict) -> None:
    def loss(output: Tensor, _targets: Tensor) -> Tensor:
        broken = torch.log(-output.square().detach() - 1) if size == 1 else output.square()
        return (size * output).square().mean() + broken.mean()

    assert gf.findings(gf.probe(build(), X, loss=loss))[0].verdict is verdict


def test_dead_units_are_counted_beside_a_nan() -> None:
    model = build()
    model[0].bias.data[:10] = -1e3
    x = X.clone()
    report = gf.probe(model, x, Y)
    assert report.layers["dead_units"][0] == 10
    x[5, 3] = math.nan
    assert gf.probe(model, x, Y).layers["dead_units"][0] == 10


# --- units ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda m: m[2].bias.data.fill_(-30), "lie below 0"),
        (lambda m: zero(m, "2.weight", "2.bias"), "weights are all 0"),
    ],
)
def test_the_cause_of_death_is_measured(prepare, words: str) -> None:
    model = build()
    prepare(model)
    found = find(gf.probe(model, X, Y), V.DEAD)
    assert found is not None
    assert words in found.cause


def test_saturation_by_spread_and_by_a_mean_far_out() -> None:
    wide, far = build(activation=nn.Tanh), build(activation=nn.Tanh)
    wide[2].weight.data *= 20
    far[2].bias.data.fill_(6)
    for model, words in ((wide, "spreads to a standard deviation"), (far, "lies far out, around")):
        found = find(gf.probe(model, X, Y), V.SATURATED)
        assert found is not None
        assert words in found.cause


def test_a_hidden_layer_of_one_unit_has_not_collapsed() -> None:
    model = nn.Sequential(nn.Linear(20, 1), nn.ReLU(), nn.Linear(1, 10))
    assert find(gf.probe(model, X.abs(), Y), V.COLLAPSED) is None


@pytest.mark.parametrize(("samples", "words"), [(1, "instance"), (2, "71%"), (8, "35%"), (9, "")])
def test_what_a_small_batch_does_to_batch_norm(samples: int, words: str) -> None:
    network = gf.ConvNet(depth=4, channels=4, normalization="batch")
    data = gf.Data(batch_size=samples)
    report = gf.run(gf.Experiment(network=network, data=data, device="cpu"))
    found = find(report, V.SMALL_BATCH)
    assert (words in found.text) if words else found is None
    assert np.isfinite(report.loss)
