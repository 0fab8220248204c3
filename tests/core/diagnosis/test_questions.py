"""What people ask about networks that do not train: a row each, with the accepted cause.

Add a row: what is set or built, the verdict that is to be said first, and the codes of the cures
that are right.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.numbers import format_number
from gradflow.core.verdict import Finding, Severity, Verdict

X = torch.randn(64, 20, generator=torch.Generator().manual_seed(0))
Y = torch.arange(64) % 10
YES = (X[:, :1] > 0).float()


def run(**settings: object) -> gf.Report:
    """Run a fully connected network of the catalog on 64 digits."""
    data = settings.pop("data", gf.Data(batch_size=64))
    return gf.run(gf.Experiment(network=gf.MLP(**settings), data=data, device="cpu"))


def build(*parts: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    for part in parts:
        if isinstance(part, nn.Linear) and part.weight.norm() > 0:
            nn.init.kaiming_normal_(part.weight)
    return nn.Sequential(*parts)


def build_relu(outputs: int = 10, *last: nn.Module) -> nn.Sequential:
    hidden = [m for i in (20, 32, 32) for m in (nn.Linear(i, 32), nn.ReLU())]
    return build(*hidden, nn.Linear(32, outputs), *last)


def probe(model: nn.Module, x: Tensor = X, y: Tensor = Y, **options: object) -> gf.Report:
    return gf.probe(model, x, y, **options)


class Cut(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.detach()


class Listed(nn.Module):
    """Hidden layers in a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = [nn.Linear(20, 20) for _ in range(3)]
        self.readout = nn.Linear(20, 10)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.hidden:
            x = layer(x).relu()
        return self.readout(x)


class LowRank(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.base = nn.Linear(20, 20).requires_grad_(False)
        self.a, self.b = nn.Linear(20, 4, bias=False), nn.Linear(4, 20, bias=False)
        nn.init.zeros_(self.b.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + self.b(self.a(x))


class Bare(nn.Module):
    """LoRA as people write it: two parameters that belong to no layer."""

    def __init__(self) -> None:
        super().__init__()
        self.base = nn.Linear(20, 20).requires_grad_(False)
        self.lora_a = nn.Parameter(torch.randn(4, 20) / 5)
        self.lora_b = nn.Parameter(torch.zeros(20, 4))

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + x @ self.lora_a.T @ self.lora_b.T


class Skip(nn.Module):
    """A residual branch that is multiplied by a number that starts at 0 (SkipInit, ReZero)."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = nn.Sequential(nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 20))
        self.alpha = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.alpha * self.branch(x)


class Nested(nn.Module):
    """Hidden layers in lists of lists."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = [[nn.Linear(20, 20), nn.Linear(20, 20)] for _ in range(2)]
        self.readout = nn.Linear(20, 10)

    def forward(self, x: Tensor) -> Tensor:
        for first, second in self.blocks:
            x = second(first(x).relu()).relu()
        return self.readout(x)


class Rounded(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.round()


class Loop(nn.Module):
    """A recurrent network as a loop over a cell."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.readout = nn.RNNCell(20, 32), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(len(x), 32)
        for _ in range(60):
            state = self.cell(x, state)
        return self.readout(state)


class LongLoop(nn.Module):
    """An LSTM as a loop over a cell, whose forget gates start half open."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.readout = nn.LSTMCell(20, 32), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        states = (torch.zeros(len(x), 32), torch.zeros(len(x), 32))
        for _ in range(80):
            states = self.cell(x, states)
        return self.readout(states[0])


class OwnLoop(nn.Module):
    """A recurrent network of two layers that are called once per step."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.go_on = nn.Linear(20, 32), nn.Linear(32, 32)
        self.readout = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(len(x), 32)
        for _ in range(60):
            state = torch.tanh(self.enter(x) + self.go_on(state))
        return self.readout(state)


class JoinedLoop(nn.Module):
    """A recurrent network of one layer that sees inputs and state side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.readout = nn.Linear(52, 32), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(len(x), 32)
        for _ in range(60):
            state = torch.tanh(self.cell(torch.cat([x, state], 1)))
        return self.readout(state)


class ListedParameters(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weights = [nn.Parameter(torch.randn(20, 20) / 5) for _ in range(2)]
        self.readout = nn.Linear(20, 10)

    def forward(self, x: Tensor) -> Tensor:
        for weight in self.weights:
            x = (x @ weight).relu()
        return self.readout(x)


class Scaled(nn.Module):
    """A learned temperature that is detached."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.readout = nn.Linear(20, 20), nn.Linear(20, 10)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.readout(self.hidden(x).relu()) * self.scale.detach()


class Modulated(nn.Module):
    """A residual block whose scale, shift and gate come of a layer of zeros (adaLN-Zero)."""

    def __init__(self) -> None:
        super().__init__()
        self.modulation, self.branch = nn.Linear(20, 60), nn.Linear(20, 20)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor) -> Tensor:
        shift, scale, gate = self.modulation(x).chunk(3, -1)
        return x + gate * self.branch(x * (1 + scale) + shift).relu()


class ZeroQueries(nn.Module):
    """Attention whose queries start at 0: no key gets a gradient, and every value the same."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(4, 16, bias=False) for _ in range(3))
        self.readout = nn.Linear(16, 10)
        nn.init.zeros_(self.query.weight)

    def forward(self, x: Tensor) -> Tensor:
        weights = (self.query(x) @ self.key(x).transpose(1, 2)).softmax(-1)
        return self.readout((weights @ self.value(x)).mean(1))


class Log(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.relu().log()


class RootOfZero(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + (x - x).abs().sqrt()


class LastState(nn.Module):
    """A ReLU network through time whose recurrent weights are too large."""

    def __init__(self, steps: int, gain: float) -> None:
        super().__init__()
        self.rnn = nn.RNN(4, 32, nonlinearity="relu", batch_first=True)
        nn.init.orthogonal_(self.rnn.weight_hh_l0, gain)
        self.readout = nn.Linear(32, 10)
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.rnn(x[:, :4, None].transpose(1, 2).repeat(1, self.steps, 1))
        return self.readout(states[:, -1])


def square(output: Tensor, target: Tensor) -> Tensor:
    return F.mse_loss(output, target)


def make_zero_readout() -> gf.Report:
    model = build_relu()
    nn.init.zeros_(model[-1].weight)
    return probe(model)


def make_shifted_readout(step: nn.Module, loss: Callable) -> gf.Report:
    model = build_relu(1, step)
    model[-2].bias.data.fill_(-200)
    return probe(model, X, YES, loss=loss)


def make_wide_readout(step: nn.Module) -> gf.Report:
    model = build_relu(1, step)
    model[-2].weight.data *= 1000
    return probe(model, X, YES, loss=square)


def make_zero_layer() -> gf.Report:
    model = build_relu()
    for parameter in model[2].parameters():
        nn.init.zeros_(parameter)
    return probe(model)


def make_tiny_loss(output: Tensor, target: Tensor) -> Tensor:
    return 1e-6 * F.cross_entropy(output.float(), target)


def make_wide_logits() -> gf.Report:
    model = build_relu()
    model[-1].weight.data *= 40
    return probe(model)


def make_negative_biases() -> gf.Report:
    model = build_relu()
    for linear in model[:-1:2]:
        linear.bias.data.fill_(-20)
    return probe(model)


def make_frozen() -> gf.Report:
    model = build_relu()
    model[0].requires_grad_(False)
    return probe(model)


def make_large_answers() -> gf.Report:
    model = build_relu(1)
    model[-1].weight.data *= 40
    return probe(model, X, YES, loss=F.binary_cross_entropy_with_logits)


def make_all_frozen() -> gf.Report:
    return probe(build_relu().requires_grad_(False))


@dataclass(frozen=True)
class Question:
    """A network that does not train, the cause that is said first, and cures that are right."""

    make: Callable[[], gf.Report]
    cause: Verdict
    cures: tuple[str, ...] = ()
    words: str = ""


V = Verdict
UNEVEN_WIDTHS = {"widths": (16,) * 10 + (800,) * 18, "activation": "leaky_relu"}
QUESTIONS: dict[str, Question] = {
    "deep sigmoid": Question(
        lambda: run(depth=12, activation="sigmoid"), V.VANISHING, ("relu", "batch_norm")
    ),
    "tiny weights": Question(
        lambda: run(depth=10, initialization="normal", init_std=0.01), V.VANISHING, ("xavier",)
    ),
    "huge weights": Question(
        lambda: run(depth=15, activation="relu", initialization="normal", init_std=0.2, width=128),
        V.EXPLODING,
        ("he",),
    ),
    "widths that jump": Question(
        lambda: run(initialization="normal", init_std=0.1, **UNEVEN_WIDTHS),
        V.UNEVEN,
        ("he",),
    ),
    "one hidden layer of zeros": Question(
        lambda: run(depth=2, initialization="zeros"), V.SYMMETRIC, ("xavier",)
    ),
    "batch norm, very deep": Question(
        lambda: run(depth=60, activation="relu", normalization="batch", width=32),
        V.EXPLODING,
        ("residual",),
    ),
    "pixels from 0 to 255": Question(
        lambda: probe(build_relu(), 255 * torch.rand(64, 20)), V.INPUTS, ("standardize",)
    ),
    "inputs of 10⁻³": Question(lambda: probe(build_relu(), 1e-3 * X), V.INPUTS, ("standardize",)),
    "a large mean": Question(lambda: probe(build_relu(), X + 50), V.INPUTS, ("standardize",)),
    "targets of 10⁸": Question(
        lambda: probe(build_relu(1), X, 1e8 * X[:, :1], loss=square),
        V.TARGETS,
        ("scale_targets",),
    ),
    "targets of 10⁸ under an absolute loss": Question(
        lambda: probe(build_relu(1), X, 1e8 * X[:, :1], loss=F.l1_loss),
        V.TARGETS,
        ("scale_targets",),
    ),
    "targets of 10⁻⁶": Question(
        lambda: probe(build_relu(1), X, 1e-6 * X[:, :1], loss=square),
        V.TARGETS,
        ("scale_targets",),
    ),
    "NaN among the targets": Question(
        lambda: probe(build_relu(1), X, torch.where(X > 2, math.nan, X)[:, 5:6], loss=square),
        V.NAN,
        ("data",),
        "targets",
    ),
    "inputs of 0": Question(lambda: probe(build_relu(), 0 * X), V.INPUTS, ("data",)),
    "sure of yes or no": Question(make_large_answers, V.LOGITS, ("small_readout",), "ln 2"),
    "logits of 50": Question(make_wide_logits, V.LOGITS, ("small_readout",)),
    "softmax before the cross-entropy": Question(
        lambda: probe(build_relu(10, nn.Softmax(1))), V.READOUT, ("logits",), "1.46"
    ),
    "sigmoid before BCE with logits": Question(
        lambda: probe(
            build_relu(1, nn.Sigmoid()),
            X,
            YES,
            loss=F.binary_cross_entropy_with_logits,
        ),
        V.READOUT,
        ("logits",),
    ),
    "softmax inside the loss function": Question(
        lambda: probe(build_relu(), loss=lambda o, t: F.cross_entropy(o.softmax(1), t)),
        V.READOUT,
        ("logits",),
        "1.46",
    ),
    "NLL of logits": Question(
        lambda: probe(build_relu(), loss=F.nll_loss), V.READOUT, ("right_loss",)
    ),
    "cross-entropy over one output": Question(
        lambda: probe(build_relu(1), X, 0 * Y), V.READOUT, ("binary_loss",), "always 0"
    ),
    "softmax over one output": Question(
        lambda: probe(build_relu(1, nn.Softmax(1)), X, X[:, :1], loss=square),
        V.READOUT,
        ("sigmoid",),
        "cannot vary",
    ),
    "ReLU on the readout": Question(
        lambda: probe(build_relu(10, nn.ReLU())), V.READOUT, ("logits",)
    ),
    "tanh before the cross-entropy": Question(
        lambda: probe(build_relu(10, nn.Tanh())), V.READOUT, ("logits",), "0.797"
    ),
    "softmax over the samples": Question(
        lambda: probe(build_relu(10, nn.LogSoftmax(0)), loss=F.nll_loss),
        V.READOUT,
        ("dimension",),
        "dim is 0",
    ),
    "ReLU before the sigmoid": Question(
        lambda: probe(build_relu(1, nn.ReLU(), nn.Sigmoid()), X, YES, loss=F.binary_cross_entropy),
        V.READOUT,
        ("logits",),
    ),
    "classes −1 and 1 for BCE": Question(
        lambda: probe(build_relu(1), X, 2 * YES - 1, loss=F.binary_cross_entropy_with_logits),
        V.READOUT,
        ("binary_targets",),
    ),
    "a minus before the loss": Question(
        lambda: probe(build_relu(), loss=lambda o, t: -F.cross_entropy(o, t)),
        V.READOUT,
        ("sign",),
    ),
    "a sigmoid that is far out": Question(
        lambda: make_shifted_readout(nn.Sigmoid(), F.binary_cross_entropy),
        V.READOUT,
        ("small_readout",),
        "flat for every output",
    ),
    "a saturated tanh on the readout": Question(
        lambda: make_wide_readout(nn.Tanh()), V.READOUT, ("small_readout",), "saturated"
    ),
    "a loss that is clamped": Question(
        lambda: probe(build_relu(), loss=lambda o, t: F.cross_entropy(o, t).clamp(max=1)),
        V.READOUT,
        ("slope",),
        "No gradient enters",
    ),
    "N×1×1 against N×1": Question(
        lambda: probe(build_relu(1, nn.Unflatten(1, (1, 1))), X, X[:, :1], loss=square),
        V.READOUT,
        ("shapes",),
        "64×64×1",
    ),
    "one sample again and again": Question(
        lambda: probe(build_relu(), X[:1].expand(64, -1)), V.INPUTS, ("data",), "the same"
    ),
    "pixels from 0 to 255 before batch norm": Question(
        lambda: probe(
            build(nn.Linear(20, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10)),
            255 * torch.rand(64, 20),
        ),
        V.INPUTS,
        ("standardize",),
        "takes their scale",
    ),
    "targets of 10⁴ under a loss of one's own": Question(
        lambda: probe(
            build_relu(1), X, 1e4 * X[:, :1], loss=lambda o, t: (o - t).square().add(1).log().mean()
        ),
        V.TARGETS,
        ("scale_targets",),
    ),
    "targets that are all alike": Question(
        lambda: probe(build_relu(1), X, 0 * X[:, :1] + 5, loss=square),
        V.TARGETS,
        ("data",),
    ),
    "N×1 against N": Question(
        lambda: probe(build_relu(1), X, X[:, 0], loss=lambda o, t: ((o - t) ** 2).mean()),
        V.READOUT,
        ("shapes",),
        "64×64",
    ),
    "detach": Question(lambda: probe(build_relu().insert(4, Cut())), V.CUT, ("attach",), "2.bias"),
    "layers in a list": Question(lambda: probe(Listed()), V.CUT, ("module_list",), "hidden"),
    "layers in lists of lists": Question(
        lambda: probe(Nested()), V.CUT, ("module_list",), "blocks"
    ),
    "parameters in a list": Question(
        lambda: probe(ListedParameters()), V.CUT, ("module_list",), "weights"
    ),
    "a scale that is detached": Question(
        lambda: probe(Scaled()), V.CUT, ("attach",), "reaches scale"
    ),
    "round": Question(
        lambda: probe(build_relu().insert(4, Rounded())), V.CUT, ("straight_through",), "round()"
    ),
    "all frozen": Question(make_all_frozen, V.CUT, ("thaw",), "nothing will learn"),
    "LoRA of bare parameters": Question(
        lambda: probe(nn.Sequential(Bare(), nn.ReLU(), nn.Linear(20, 10))), V.CLOSED, (), "lora_b"
    ),
    "branches times 0": Question(
        lambda: probe(nn.Sequential(Skip(), Skip(), nn.Linear(20, 10))), V.CLOSED, (), "0.alpha"
    ),
    "adaLN-Zero": Question(
        lambda: probe(nn.Sequential(Modulated(), Modulated(), nn.Linear(20, 10))),
        V.CLOSED,
        (),
        "0.modulation",
    ),
    "queries that start at 0": Question(
        lambda: probe(ZeroQueries(), X.view(64, 5, 4)), V.CLOSED, (), "query"
    ),
    "a layer of zeros behind a ReLU": Question(
        make_zero_layer, V.DEAD, ("he",), "weights are all 0"
    ),
    "zero readout": Question(make_zero_readout, V.CLOSED, (), "6.weight"),
    "LoRA": Question(
        lambda: probe(nn.Sequential(LowRank(), nn.ReLU(), nn.Linear(20, 10))), V.CLOSED, (), "0.b"
    ),
    "large negative biases": Question(make_negative_biases, V.DEAD, ("zero_bias",), "below 0"),
    "root of 0": Question(
        lambda: probe(build_relu().insert(2, RootOfZero())), V.NAN, ("epsilon",), "backward"
    ),
    "logarithm of 0": Question(
        lambda: probe(build_relu().insert(4, Log())), V.NAN, ("epsilon",), "Infinity"
    ),
    "a loss of log 0": Question(
        lambda: probe(build_relu(10, nn.Softmax(1)), loss=lambda o, _: -(0 * o).log().mean()),
        V.NAN,
        ("epsilon",),
        "loss is not finite",
    ),
    "a loss that float16 cannot hold": Question(
        lambda: probe(build_relu().half(), X.half(), loss=make_tiny_loss),
        V.UNDERFLOW,
        ("loss_scale",),
        "before it reaches",
    ),
    "NaN in the data": Question(
        lambda: probe(build_relu(), torch.where(X > 2, math.nan, X)), V.NAN, ("data",), "inputs"
    ),
    "a loop over a cell": Question(
        lambda: probe(Loop()), V.VANISHING, ("lstm", "orthogonal_states"), "60 steps of cell"
    ),
    "a loop over layers of one's own": Question(
        lambda: probe(OwnLoop()), V.VANISHING, ("lstm",), "60 steps of"
    ),
    "a loop over one layer of one's own": Question(
        lambda: probe(JoinedLoop()), V.VANISHING, ("lstm",), "60 steps of cell"
    ),
    "a loop over an LSTM cell": Question(
        lambda: probe(LongLoop()), V.VANISHING, ("forget_bias",), "80 steps of cell"
    ),
    "states that explode": Question(
        lambda: probe(LastState(40, 3.0)), V.EXPLODING, ("clip", "lstm"), "step to step"
    ),
}


def list_said(found: list[Finding]) -> list[str]:
    return [f"{f.verdict}: {f.text}" for f in found]


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("name", QUESTIONS)
def test_the_accepted_cause_is_said_first(name: str) -> None:
    question = QUESTIONS[name]
    found = gf.findings(question.make())
    # What opens by itself is no trouble, so it stands after the fate of the gradient.
    first = [f for f in found if f.verdict is not V.HEALTHY]
    assert first[0].verdict is question.cause, list_said(found)
    assert question.words in first[0].text + first[0].cause


def test_a_frozen_layer_is_named() -> None:
    said = {f.verdict: f.text for f in gf.findings(make_frozen())}
    assert "0.weight, 0.bias" in said[V.CUT]
    assert V.HEALTHY in said


@pytest.mark.parametrize("loss", [nn.NLLLoss(), lambda o, t: F.nll_loss(o.exp().log(), t)])
def test_logarithms_of_probabilities_are_what_the_nll_loss_takes(loss: Callable) -> None:
    said = [f.verdict for f in gf.findings(probe(build_relu(10, nn.LogSoftmax(1)), loss=loss))]
    assert V.READOUT not in said


def test_a_readout_that_sees_the_inputs_learns_without_the_layers() -> None:
    """Concatenation with constant weights, or with none at all: trained, both reach 97 %."""
    for weights in (
        {"initialization": "constant", "init_value": 0.02},
        {"initialization": "zeros"},
    ):
        found = gf.findings(run(depth=8, width=16, connection="dense", **weights))
        assert {f.severity for f in found} <= {Severity.WARNING, Severity.NOTE}, list_said(found)
        plain = gf.findings(run(depth=8, width=16, **weights))
        assert plain[0].severity is Severity.BAD


def test_the_number_that_is_drawn_is_said_where_widths_differ() -> None:
    report = run(initialization="normal", init_std=0.1, **UNEVEN_WIDTHS)
    rms = report.layers["delta_rms"].to_numpy()
    drawn = format_number(rms[0] / rms[-2])
    assert f"(× {drawn} by the RMS, as drawn)" in gf.findings(report)[0].text
    even = gf.findings(run(depth=12, activation="sigmoid"))[0]
    assert "as drawn" not in even.text + even.headline


def test_a_step_that_is_far_too_long_is_said_of_a_healthy_network() -> None:
    model = build_relu()
    assert not gf.findings(probe(model))[0].cause
    summed = gf.findings(probe(model, loss=lambda o, t: 1e4 * F.cross_entropy(o, t)))[0]
    assert summed.verdict is V.HEALTHY
    assert "where 0.001 is usual" in summed.cause


def test_a_valley_is_a_warning_and_a_hill_is_bad() -> None:
    """He weights × 4, then ÷ 4, train to 93 %; the other way round they stay at 10 %."""

    def judge(first: float) -> Finding:
        torch.manual_seed(0)
        parts: list[nn.Module] = []
        for i in range(14):
            linear = nn.Linear(20, 20 if i < 13 else 10)
            scale = first if i < 7 else 1 / first if i < 13 else 1
            nn.init.normal_(linear.weight, std=scale * (2 / 20) ** 0.5)
            parts += [linear, nn.ReLU()]
        return gf.findings(probe(nn.Sequential(*parts[:-1])))[0]

    for scale in (4, 10):
        valley, hill = judge(scale), judge(1 / scale)
        assert (valley.verdict, valley.severity) == (V.UNEVEN, Severity.WARNING), valley.text
        assert (hill.verdict, hill.severity) == (V.UNEVEN, Severity.BAD), hill.text


SOUND: dict[str, Callable[[], gf.Report]] = {
    "a loss that gives both the same shape": lambda: probe(
        build_relu(1), X, X[:, 0], loss=lambda o, t: F.mse_loss(o.squeeze(1), t)
    ),
    "a curve over one number": lambda: probe(
        build(nn.Linear(1, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1)),
        torch.linspace(0, 1, 64)[:, None],
        torch.linspace(0, 6, 64)[:, None].sin(),
        loss=square,
    ),
    "a bottleneck of one unit": lambda: probe(
        build(nn.Linear(20, 1), nn.ReLU(), nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 10))
    ),
    "classes −1 and 1 for the soft margin": lambda: probe(
        build_relu(1), X, 2 * YES - 1, loss=F.soft_margin_loss
    ),
    "large inputs before batch norm": lambda: probe(
        build(
            nn.Linear(20, 32),
            nn.BatchNorm1d(32),
            nn.ReLU(),
            nn.Linear(32, 32),
            nn.ReLU(),
            nn.Linear(32, 10),
        ),
        1e5 * X,
    ),
    "one layer": lambda: probe(nn.Linear(20, 10)),
}
"""What trains well, and looked sick."""


@pytest.mark.parametrize("name", SOUND)
def test_what_trains_is_not_warned_of(name: str) -> None:
    found = gf.findings(SOUND[name]())
    assert {f.severity for f in found} <= {Severity.GOOD, Severity.NOTE}, list_said(found)


@pytest.mark.parametrize("std", [0, 1e-6])
def test_a_small_embedding_is_no_lost_signal(std: float) -> None:
    """Trained by SGD, tables that start at 0 and at 10⁻⁶ reach a loss of 0.005 as large ones do."""
    torch.manual_seed(0)
    table = nn.Embedding(50, 16)
    nn.init.normal_(table.weight, std=std)
    model = nn.Sequential(table, nn.Linear(16, 16), nn.Tanh(), nn.Flatten(), nn.Linear(80, 10))
    found = gf.findings(probe(model, torch.randint(50, (64, 5))))
    assert Severity.BAD not in {f.severity for f in found}, list_said(found)


def test_a_change_between_the_ends_is_said_once() -> None:
    found = gf.findings(
        run(depth=60, activation="relu", normalization="batch", connection="residual", width=64)
    )[0]
    assert found.verdict is V.EXPLODING
    assert found.text.count("branch 29") == 1
    assert found.headline.count("branch 29") == 1
