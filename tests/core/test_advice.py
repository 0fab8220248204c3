"""Advice for models that people bring: it names their parts, contradicts nothing, and helps."""

import pytest
import torch
from torch import Tensor, nn

import gradflow as gf
from gradflow.core.verdict import Severity, Verdict


class Reader(nn.Module):
    """The last state of stacked recurrent layers, whose weights are far too large."""

    def __init__(self, kind: type[nn.RNNBase], *, both_ways: bool, std: float = 4.0) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 16)
        self.memory = kind(16, 32, 2, batch_first=True, bidirectional=both_ways)
        self.last = nn.Linear(32, 4)
        for name, p in self.memory.named_parameters():
            nn.init.normal_(p, std=std) if "weight" in name else nn.init.zeros_(p)

    def forward(self, x: Tensor) -> Tensor:
        state = self.memory(self.table(x))[1]
        return self.last((state[0] if isinstance(state, tuple) else state)[-1])


def probe_reader(model: nn.Module) -> gf.Report:
    torch.manual_seed(1)
    return gf.probe(model, torch.randint(50, (32, 40)), torch.arange(32) % 4)


@pytest.mark.parametrize("both_ways", [False, True], ids=["one way", "both ways"])
def test_the_lines_make_a_stacked_lstm_healthy(*, both_ways: bool) -> None:
    torch.manual_seed(0)
    model = Reader(nn.LSTM, both_ways=both_ways)
    report = probe_reader(model)
    assert report.findings[0].severity is Severity.BAD
    advice = {item.code: item for item in gf.advise(report)}
    assert "forget_bias" not in advice  # an open gate adds to what explodes
    before = {name: p.clone() for name, p in model.memory.named_parameters()}
    for item in advice.values():
        exec(item.line, {"model": model, "nn": nn})
    changed = {n for n, p in model.memory.named_parameters() if not torch.equal(p, before[n])}
    assert changed == {name for name in before if "weight_hh" in name}
    assert [f.verdict for f in probe_reader(model).findings] == [Verdict.HEALTHY]


def test_forget_gates_of_all_layers_open_where_the_gradient_vanishes() -> None:
    torch.manual_seed(0)
    model = Reader(nn.LSTM, both_ways=True, std=0.02)
    advice = {item.code: item for item in gf.advise(probe_reader(model))}
    exec(advice["forget_bias"].line, {"model": model, "nn": nn})
    for name, bias in model.memory.named_parameters():
        if "bias_hh" in name:
            assert torch.equal(bias, torch.eye(4)[1].repeat_interleave(32)), name


class Step(torch.autograd.Function):
    """Rounds, and passes nothing on."""

    @staticmethod
    def forward(_ctx: object, x: Tensor) -> Tensor:
        return x.round()

    @staticmethod
    def backward(_ctx: object, grad: Tensor) -> Tensor:  # type: ignore[override]
        return torch.zeros_like(grad)


class Faulty(torch.autograd.Function):
    """The identity, whose backward pass has a factor too much."""

    factor = 0.01

    @staticmethod
    def forward(_ctx: object, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(_ctx: object, grad: Tensor) -> Tensor:  # type: ignore[override]
        return Faulty.factor * grad


class Call(nn.Module):
    def __init__(self, function: type[torch.autograd.Function]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function.apply(x)


def probe_chain(*between: nn.Module) -> gf.Report:
    torch.manual_seed(0)
    layers = [part for step in between for part in (nn.Linear(16, 16), step)]
    return gf.probe(
        nn.Sequential(*layers, nn.Linear(16, 16), nn.Linear(16, 4)),
        torch.randn(32, 16),
        torch.arange(32) % 4,
    )


def test_a_step_of_ones_own_is_named_like_that_of_pytorch() -> None:
    report = probe_chain(nn.Identity(), Call(Step))
    assert report.facts.own_steps == (("Step", 0.0),)
    (finding,) = [f for f in report.findings if f.severity is Severity.WARNING]
    assert finding.verdict is Verdict.CUT
    assert "the slope of Step is 0" in str(finding.text)
    assert [(a.code, a.line) for a in gf.advise(report)] == [
        ("straight_through", "h = h + (Step.apply(h) - h).detach()")
    ]


def test_a_faulty_backward_pass_is_to_be_checked_first() -> None:
    report = probe_chain(*(Call(Faulty) for _ in range(4)))
    ((name, share),) = report.facts.own_steps
    assert name == "Faulty"
    assert share == pytest.approx(Faulty.factor, rel=1e-5)
    assert gf.Report.from_json(report.to_json()).facts.own_steps == report.facts.own_steps
    first = gf.advise(report)[0]
    assert first.code == "gradcheck"
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        exec(first.line, {"torch": torch, "Faulty": Faulty})


def test_no_cure_contradicts_its_verdict() -> None:
    for depth in (3, 4, 6, 10):
        report = probe_chain(*(Call(Faulty) for _ in range(depth)))
        hopeless = any("nor Adam trains" in str(f.text) for f in report.findings)
        assert ("adam" in {a.code for a in gf.advise(report)}) != hopeless
    assert hopeless


def test_what_is_exactly_zero_gets_no_scale_and_no_optimizer() -> None:
    class Closed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 0 * x

    report = probe_chain(nn.Identity(), Closed())
    assert report.findings[0].severity is Severity.BAD
    codes = {a.code for a in gf.advise(report) if a.verdict is Verdict.VANISHING}
    assert codes == {"preactivation"}
