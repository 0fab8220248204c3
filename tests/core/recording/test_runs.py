"""What others do with their models: it runs, or one sentence says the way out."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import gradflow as gf
from tests.core.recording import hugging_face
from tests.core.recording.models import draw_floats, make_mlp
from tests.core.recording.test_preserve import make_targets, read_state


def make_pair() -> tuple[nn.Sequential, Tensor, Tensor]:
    torch.manual_seed(0)
    return make_mlp(), draw_floats(), make_targets()


class Checkpointed(nn.Module):
    def __init__(self, plain: nn.Module, reentrant: bool) -> None:
        super().__init__()
        self.plain, self.reentrant = plain, reentrant

    def forward(self, x: Tensor) -> Tensor:
        x = x.clone().requires_grad_()
        return checkpoint(self.plain, x, use_reentrant=self.reentrant)


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpoints(reentrant):
    plain, x, y = make_pair()
    expected = gf.probe(plain, x, y)
    report = gf.probe(Checkpointed(plain, reentrant), x, y)
    for table in ("layers", "parameters"):
        numbers = getattr(report, table).select_dtypes("number")
        assert numbers.equals(getattr(expected, table).select_dtypes("number"))
    assert torch.utils.checkpoint.CheckpointFunction.__name__ == "CheckpointFunction"


@pytest.mark.parametrize("where", ["whole", "part", "in place"])
def test_compiled_models(where):
    plain, x, y = make_pair()
    expected = gf.probe(plain, x, y)
    if where == "whole":
        model: nn.Module = torch.compile(plain, backend="aot_eager")
    elif where == "part":
        model = nn.Sequential(torch.compile(plain[:4], backend="aot_eager"), plain[4])
    else:
        plain.compile(backend="aot_eager")
        model = plain
    model(x)  # warm: compiled code ignores hooks
    report = gf.probe(model, x, y)
    assert_allclose(report.layers["delta_norm"], expected.layers["delta_norm"], rtol=1e-6)
    assert not report.layers["module"].str.contains("_orig_mod").any()
    assert report.coverage.compiled
    assert "torch.compile" in str(report.coverage.text)
    assert not expected.coverage.compiled


def test_a_loss_that_differentiates_by_the_inputs():
    """u'' = −u: the loss has the gradient of the output by the tensor that the user holds."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    t = torch.linspace(0, 1, 6, dtype=torch.float64)[:, None].requires_grad_()

    def loss(u: Tensor, _: Any) -> Tensor:
        (slope,) = torch.autograd.grad(u.sum(), t, create_graph=True)
        (curve,) = torch.autograd.grad(slope.sum(), t, create_graph=True)
        return (curve + u).square().mean()

    report = gf.probe(model, t, loss=loss)
    assert t.grad is None
    zero = torch.zeros(6, 8, dtype=torch.float64, requires_grad=True)
    out = model[2](torch.tanh(model[0](t) + zero))
    parameters = [*model.parameters()]
    expected = torch.autograd.grad(loss(out, None), [zero, *parameters], allow_unused=True)
    assert report.layers["delta_norm"][0] == pytest.approx(expected[0].norm().item(), rel=1e-12)
    known = [0.0 if g is None else g.norm().item() for g in expected[1:]]
    assert_allclose(report.parameters["grad_norm"].fillna(0), known, rtol=1e-12)


def test_sparse_gradients_and_buffers():
    class Sparse(nn.Module):
        def __init__(self, sparse: bool) -> None:
            super().__init__()
            self.table = nn.Embedding(10, 4, sparse=sparse)
            self.head = nn.Linear(4, 3)
            self.register_buffer("mixing", torch.eye(4).to_sparse())

        def forward(self, tokens: Tensor) -> Tensor:
            return self.head(torch.sparse.mm(self.mixing, self.table(tokens).mean(1).T).T)

    rows = []
    for sparse in (False, True):
        torch.manual_seed(0)
        model = Sparse(sparse)
        rows.append(gf.probe(model, torch.randint(10, (8, 5)), make_targets()).parameters)
    assert rows[0].equals(rows[1])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_models_in_the_compiler_of_before_have_their_gradients():
    plain, x, y = make_pair()
    expected = gf.probe(plain, x, y)
    traced = torch.jit.trace(plain, x)
    report = gf.probe(traced, x, y)
    assert_allclose(report.layers["delta_norm"], expected.layers["delta_norm"], rtol=1e-5)
    assert report.layers["preactivation_std"].isna().all()
    assert report.signals.empty
    scripted = torch.jit.script(plain)
    for _ in range(3):  # then it is optimized, and one node of the graph
        scripted(x)
    for model in (scripted, nn.Sequential(scripted, nn.Linear(3, 3))):
        report = gf.probe(model, x, y)
        assert report.coverage.get_share("layer") + report.coverage.get_share("elementwise") == 1
        assert report.layers["delta_norm"].notna().all()
        assert_allclose(report.loss, F.cross_entropy(model(x), y).item(), rtol=1e-6)


def make_inference_model() -> nn.Module:
    with torch.inference_mode():
        return make_mlp()


def make_quantized() -> nn.Module:
    return torch.ao.quantization.quantize_dynamic(make_mlp(), {nn.Linear})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_mlp().to("meta"), r"0\.weight is on the meta device.*to_empty"),
        (make_inference_model, r"0\.weight was made in torch\.inference_mode.*outside"),
        (make_quantized, r"0 is quantized.*the model it was made from"),
        (lambda: nn.LazyLinear(3), "weight is not materialized yet"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_what_cannot_run_says_the_way_out(make, message):
    with pytest.raises(gf.ProbeError, match=message):
        gf.probe(make(), draw_floats(), make_targets())


class Steps(nn.Module):
    """Hands its outputs on one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Iterator[Tensor]:
        for row in x.split(4):
            yield self.linear(row)


class Sum(nn.Module):
    """Takes one list, or containers of containers, and changes what is in them."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 3)

    def forward(self, parts: list[Any]) -> Tensor:
        total = 0
        for part in parts:
            tensor = part["x"] if isinstance(part, dict) else part
            tensor.mul_(2)
            total = total + self.linear(tensor)
        return total


def test_containers_and_generators():
    x, y = draw_floats(), make_targets()
    report = gf.probe(Steps(), x, y, loss=lambda out, y: F.cross_entropy(torch.cat([*out]), y))
    assert report.layers["module"].tolist() == ["linear", "linear#2"]
    before = x.clone()
    for inputs in ([x, x], ([x, {"x": x}],)):
        assert len(gf.probe(Sum(), inputs, y).layers) == 2
        assert torch.equal(x, before)


def test_the_default_loss_takes_the_outputs_of_transformers():
    model, inputs = hugging_face.make("BERT")
    labels = inputs.pop("labels")
    expected = F.cross_entropy(model(**inputs).logits, labels)
    assert gf.probe(model, inputs, labels).loss == pytest.approx(expected.item(), rel=1e-12)
    model, inputs = hugging_face.make("GPT-2")
    loss = model(**inputs).loss.item()
    assert gf.probe(model, inputs).loss == pytest.approx(loss, rel=1e-12)
    labels = inputs.pop("labels")
    logits = model(**inputs).logits.flatten(0, 1)
    expected = F.cross_entropy(logits, labels.flatten())
    assert gf.probe(model, inputs, labels).loss == pytest.approx(expected.item(), rel=1e-12)
    with pytest.raises(gf.ProbeError, match=r"targets: .* needs them"):
        gf.probe(make_mlp(), draw_floats())


def test_the_default_loss_finds_the_classes_of_a_sequence():
    x = torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(0))
    model, labels = nn.Linear(6, 3), torch.arange(10).view(2, 5) % 3
    expected = F.cross_entropy(model(x).flatten(0, 1), labels.flatten()).item()
    assert gf.probe(model, x, labels).loss == pytest.approx(expected, rel=1e-6)
    turned = nn.Sequential(model, Turn())
    assert gf.probe(turned, x, labels).loss == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (torch.zeros(7, dtype=torch.long), r"shape \(7,\) \(int64\) .* output of shape \(4, 3\)"),
        (torch.full((4,), 3), r"Target 3 is out of bounds\. Give others, or loss="),
    ],
)
def test_targets_that_do_not_fit_the_default_loss(targets, message):
    with pytest.raises(gf.ProbeError, match=message):
        gf.probe(nn.Linear(6, 3), torch.randn(4, 6), targets)


class Turn(nn.Module):
    """Puts the classes where PyTorch wants them."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mT


class Untidy(nn.Module):
    """Gives a buffer another shape, writes a gradient, and draws from a generator of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 3)
        self.register_buffer("seen", torch.zeros(2))
        self.register_buffer("moved", torch.ones(3))
        self.generator = torch.Generator().manual_seed(1)

    def forward(self, x: Tensor) -> Tensor:
        self.seen.set_(torch.full((5,), 7.0))
        self.moved.data = torch.zeros(9)
        if self.linear.weight.grad is not None:
            self.linear.weight.grad.add_(1)
        torch.rand(2, generator=self.generator)
        return self.linear(x)


def test_more_is_restored():
    model = Untidy()
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    judge = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 3))

    def loss(output: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(judge(output), y)

    state, drawn = model.generator.get_state(), [read_state(model), read_state(judge)]
    for function in (loss, functools.partial(lambda m, out, y: F.cross_entropy(m(out), y), judge)):
        gf.probe(model, draw_floats(), make_targets(), loss=function)
        assert [read_state(model), read_state(judge)] == drawn
        assert torch.equal(model.generator.get_state(), state)


def test_layers_that_a_loss_calls():
    torch.manual_seed(0)
    body, head = nn.Linear(6, 5), nn.Linear(5, 3)
    model = nn.ModuleDict({"body": body, "head": head})
    model.forward = lambda x: torch.tanh(body(x))
    report = gf.probe(
        model, draw_floats(), make_targets(), loss=lambda h, y: F.cross_entropy(head(h), y)
    )
    assert report.layers["module"].tolist() == ["body", "head"]
    assert report.coverage.get_share("layer") == 1
