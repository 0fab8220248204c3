"""Models as other people write them, against an oracle that adds zeros to each output."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.overrides import TorchFunctionMode

import gradflow as gf
from gradflow.core.errors import ProbeError
from tests.core.recording.test_any_model import check_coverage, compute_deltas, read_deltas
from tests.core.recording.test_preserve import read_state

Y = torch.arange(8) % 3


class Model(nn.Module):
    """Modules, and a function that runs them."""

    def __init__(self, run: Callable[..., Any], **parts: nn.Module | nn.Parameter) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)
        self._run = run

    def forward(self, *args: Any, **options: Any) -> Any:
        return self._run(self, *args, **options)


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


@dataclasses.dataclass
class Out:
    logits: Tensor
    hidden: Tensor


class Pair(NamedTuple):
    left: Tensor
    right: Tensor


def build(run: Callable[..., Any], **others: Any) -> Model:
    return Model(run, a=nn.Linear(6, 8), b=nn.Linear(8, 3), **others)


def change_views(m: Model, x: Tensor) -> Tensor:
    h = m.a(x).view(8, 2, 4)
    h[:, 0] += 1
    whole = h.view(8, 8)
    whole *= 2
    return m.b(torch.tanh(whole))


def insert_axis(m: Model, x: Tensor) -> Tensor:
    h = m.a(x).unsqueeze(1)
    h.add_(1.0)
    h.clamp_(min=0)
    return m.b(h.squeeze(1))


def gate_halves(m: Model, x: Tensor) -> Tensor:
    first = m.a(x)[:, :4]
    first.sigmoid_()
    return m.b(torch.cat([first, m.a(x)[:, 4:]], 1))


def route(m: Model, x: Tensor) -> Tensor:
    scores = torch.softmax(m.gate(x), -1)
    best = scores.argmax(1)
    out = x.new_zeros(len(x), 3)
    for index, expert in enumerate(m.experts):
        rows = (best == index).nonzero()[:, 0]
        out.index_add_(0, rows, expert(x[rows]) * scores[rows, index, None])
    return out


def follow_average(m: Model, x: Tensor) -> Tensor:
    with torch.no_grad():
        for mean, own in zip(m.average.parameters(), m.body.parameters(), strict=True):
            mean.lerp_(own, 0.1)
        teacher = m.average(x)
    return m.body(x) - 0.1 * teacher


def find_fixed_point(m: Model, x: Tensor) -> Tensor:
    z = torch.zeros(len(x), 8, dtype=x.dtype)
    with torch.no_grad():
        for _ in range(3):
            z = torch.tanh(m.a(x) + z)
    return m.b(torch.tanh(m.a(x) + z))


def pack(m: Model, x: Tensor) -> Tensor:
    packed = pack_padded_sequence(x, torch.tensor([5, 5, 4, 4, 3, 2, 2, 1]), batch_first=True)
    out, _ = pad_packed_sequence(m.rnn(packed)[0], batch_first=True)
    return m.head(out.sum(1))


def differentiate_inside(m: Model, x: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    out = m.b(torch.tanh(m.a(x)))
    (slope,) = torch.autograd.grad(out.sum(), x, create_graph=True)
    return out * slope.square().sum(1, keepdim=True)


def call_functional(m: Model, x: Tensor) -> Tensor:
    doubled = {name: 2 * p for name, p in m.body.named_parameters()}
    return torch.func.functional_call(m.body, doubled, (x,))


class Idle(TorchFunctionMode):
    def __torch_function__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


def run_in_mode(m: Model, x: Tensor) -> Tensor:
    with Idle(), torch.device("cpu"):
        return m.b(torch.tanh(m.a(x)))


def catch(m: Model, x: Tensor) -> Tensor:
    with contextlib.suppress(ValueError):
        m.broken(x)
    return m.b(torch.tanh(m.a(x)))


class Broken(nn.LayerNorm):
    def forward(self, x: Tensor) -> Tensor:
        super().forward(x)
        raise ValueError("broken")


class Modulated(nn.LayerNorm):
    """A normalization with a layer in it, whose scale and shift it computes."""

    def __init__(self) -> None:
        super().__init__(8, elementwise_affine=False)
        self.modulation = nn.Linear(8, 16)

    def forward(self, x: Tensor) -> Tensor:
        scale, shift = self.modulation(x).chunk(2, -1)
        return super().forward(x) * (1 + scale) + shift


class Gated(nn.ReLU):
    """An activation with a layer in it."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x) * torch.sigmoid(self.gate(x))


def make_body() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))


def make_averaged() -> Model:
    body = make_body()
    return Model(follow_average, body=body, average=copy.deepcopy(body).requires_grad_(False))


def make_vit_like() -> Model:
    layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)
    return Model(
        lambda m, x: m.head(m.body(x).mean(1)),
        body=nn.TransformerEncoder(layer, 2),
        head=nn.Linear(8, 3),
    )


def make_unet() -> Model:
    def run(m: Model, x: Tensor) -> Tensor:
        wide = F.relu(m.down(x))
        deep = F.relu(m.deep(F.max_pool2d(wide, 2)))
        return m.out(torch.cat([wide, m.up(deep)], 1)).mean((2, 3))

    return Model(
        run,
        down=nn.Conv2d(1, 4, 3, padding=1),
        deep=nn.Conv2d(4, 8, 3, padding=1),
        up=nn.ConvTranspose2d(8, 4, 2, 2),
        out=nn.Conv2d(8, 3, 3, padding=1),
    )


MODELS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Any]]] = {
    "views of views in place": (lambda: build(change_views), lambda: draw(8, 6)),
    "an axis more, in place": (lambda: build(insert_axis), lambda: draw(8, 6)),
    "a part in place": (lambda: build(gate_halves), lambda: draw(8, 6)),
    "routed experts": (
        lambda: Model(
            route,
            gate=nn.Linear(6, 4),
            experts=nn.ModuleList(nn.Linear(6, 3) for _ in range(4)),
        ),
        lambda: draw(8, 6),
    ),
    "averaged copy": (make_averaged, lambda: draw(8, 6)),
    "fixed point without gradients": (lambda: build(find_fixed_point), lambda: draw(8, 6)),
    "packed sequences": (
        lambda: Model(
            pack,
            rnn=nn.LSTM(6, 8, 2, batch_first=True, bidirectional=True),
            head=nn.Linear(16, 3),
        ),
        lambda: draw(8, 5, 6),
    ),
    "slopes inside": (lambda: build(differentiate_inside), lambda: draw(8, 6)),
    "functional_call": (lambda: Model(call_functional, body=make_body()), lambda: draw(8, 6)),
    "modes of others": (lambda: build(run_in_mode), lambda: draw(8, 6)),
    "a norm that raises": (lambda: build(catch, broken=Broken(6)), lambda: draw(8, 6)),
    "a norm with a layer": (
        lambda: build(lambda m, x: m.b(m.norm(torch.tanh(m.a(x)))), norm=Modulated()),
        lambda: draw(8, 6),
    ),
    "an activation with a layer": (
        lambda: build(lambda m, x: m.b(m.act(m.a(x))), act=Gated()),
        lambda: draw(8, 6),
    ),
    "fast path of attention": (lambda: make_vit_like().eval(), lambda: draw(8, 5, 8)),
    "channels last": (
        lambda: make_unet().to(memory_format=torch.channels_last),
        lambda: draw(8, 1, 8, 8),
    ),
    "a dataclass": (
        lambda: build(lambda m, x: Out(m.b(torch.tanh(m.a(x))), x)),
        lambda: draw(8, 6),
    ),
    "a tuple with names is one argument": (
        lambda: build(lambda m, pair: m.b(torch.tanh(m.a(pair.left) + m.a(pair.right)))),
        lambda: Pair(draw(8, 6), draw(8, 6)),
    ),
    "nothing of a batch": (
        lambda: build(
            lambda m, x: m.b(torch.tanh(torch.cat([m.b.weight.new_zeros(0, 8), m.a(x)])))
        ),
        lambda: draw(8, 6),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_of_others(name):
    torch.manual_seed(0)
    make, make_inputs = MODELS[name]
    model, inputs = make().double(), make_inputs()

    def run() -> Tensor:
        output = model(inputs)
        return F.cross_entropy(output.logits if isinstance(output, Out) else output, Y)

    state = copy.deepcopy(model.state_dict())
    expected = compute_deltas(model, run)
    loss = float(run().detach())
    model.load_state_dict(state)
    before = read_state(model)
    report = gf.probe(model, inputs, Y)
    assert read_state(model) == before
    found = read_deltas(report)
    for path, norms in expected.items():
        # Some run without gradients, and an expert on no samples: there is no gradient of that.
        known, others = ([n for n in each if n > 0] for each in (found[path], norms))
        assert known == pytest.approx(others, rel=1e-9), path
    assert isinstance(report.findings, (list, tuple))
    assert report.loss == pytest.approx(loss, rel=0.05 if name == "averaged copy" else 1e-12)
    if name not in ("a norm that raises", "averaged copy"):
        check_coverage(report, model)


class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return x @ weight.T

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        return gradient @ weight, gradient.T @ x


def test_a_function_with_a_backward_pass_of_its_own():
    def run(m: Model, x: Tensor, zero: Tensor | float = 0.0) -> Tensor:
        return m.head(torch.tanh(Product.apply(x, m.w) + zero))

    torch.manual_seed(0)
    model = Model(run, w=nn.Parameter(draw(8, 6)), head=nn.Linear(8, 3)).double()
    x, zero = draw(8, 6), torch.zeros(8, 8, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(F.cross_entropy(model(x, zero), Y), zero)
    apply = vars(torch.autograd.Function)["apply"]
    report = gf.probe(model, x, Y)
    assert vars(torch.autograd.Function)["apply"] is apply
    assert [*report.layers["module"]] == ["w", "head"]
    assert report.layers["delta_norm"][0] == pytest.approx(expected.norm().item(), rel=1e-12)
    assert report.layers["preactivation_rms"][0] == pytest.approx(
        (x @ model.w.T).square().mean().sqrt().item(), rel=1e-12
    )
    check_coverage(report, model)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_a_recurrent_module_of_which_only_the_last_state_is_used(kind, packed):
    def run(m: Model, x: Any, zero: Tensor | float = 0.0) -> Tensor:
        state = m.rnn(x)[1]
        return m.head(((state[0] if kind is nn.LSTM else state) + zero)[-1])

    torch.manual_seed(0)
    model = Model(run, rnn=kind(6, 8, batch_first=True), head=nn.Linear(8, 3)).double()
    x: Any = draw(8, 5, 6)
    if packed:
        x = pack_padded_sequence(x, torch.tensor([5, 5, 4, 4, 3, 2, 2, 1]), batch_first=True)
    zero = torch.zeros(1, 8, 8, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(F.cross_entropy(model(x, zero), Y), zero)
    report = gf.probe(model, x, Y)
    assert report.layers["delta_norm"][0] == pytest.approx(expected.norm().item(), rel=1e-12)
    assert report.histogram("delta", 1) is not None


def test_blocks_that_return_dataclasses_are_a_stream():
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(6, 6)

        def forward(self, out: Out) -> Out:
            return Out(out.logits + torch.tanh(self.linear(out.logits)), out.hidden)

    torch.manual_seed(0)
    blocks = nn.ModuleList(Block() for _ in range(3))

    def run(m: Model, x: Tensor) -> Tensor:
        out = Out(x, x)
        for block in m.blocks:
            out = block(out)
        return m.head(out.logits)

    model = Model(run, blocks=blocks, head=nn.Linear(6, 3)).double()
    x = draw(8, 6)
    report = gf.probe(model, x, Y)
    assert report.stream is not None
    stream = report.stream.layers[report.stream.layers["layer"] > 0]
    out, expected = Out(x, x), []
    for block in blocks:
        out = block(out)
        expected.append(out.logits.square().mean().sqrt().item())
    assert [*stream["activation_rms"]] == pytest.approx(expected, rel=1e-12)


class Late(nn.Module):
    """Makes a layer when it is called first."""

    def forward(self, x: Tensor) -> Tensor:
        if not hasattr(self, "late"):
            self.late = nn.Linear(6, 3)
        return self.late(x)


def test_a_layer_that_forward_makes_is_refused_until_it_is_there():
    model, x = Late(), torch.randn(8, 6)
    with pytest.raises(ProbeError, match=r"late\.weight was made in the forward pass"):
        gf.probe(model, x, Y)
    assert not hasattr(model, "late")
    model(x)
    check_coverage(gf.probe(model, x, Y), model)


def test_nested_tensors_are_refused_in_one_sentence():
    nested = torch.nested.nested_tensor([torch.randn(3, 6), torch.randn(5, 6)], layout=torch.jagged)
    model = build(lambda m, n: torch.stack([m.b(t.mean(0)) for t in torch.tanh(m.a(n)).unbind()]))
    with pytest.raises(ProbeError, match="nested tensors"):
        gf.probe(model, nested, torch.tensor([0, 1]))


def test_a_weight_of_one_dimension():
    torch.manual_seed(0)
    model = Model(
        lambda m, x: torch.stack([F.linear(x, m.w), m.b(x)[:, 0]], 1),
        w=nn.Parameter(draw(6)),
        b=nn.Linear(6, 2),
    ).double()
    report = gf.probe(model, draw(8, 6), Y % 2)
    assert report.layers["fan_in"].tolist() == [6, 6]
