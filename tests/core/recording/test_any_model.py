"""Layers, gradients and coverage of models in which weights meet signals in every way.

The oracle adds a tensor of zeros to each output and takes the gradient of the loss by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor, nn
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.coverage import Place
from tests.core.recording import hugging_face
from tests.core.recording.test_preserve import read_state

WEIGHTED = ("Linear", "NonDynamicallyQuantizableLinear", "Conv1D", "Conv2d", "Conv1d", "Embedding")


def compute_deltas(model: nn.Module, run: Callable[[], Tensor]) -> dict[str, list[float]]:
    """Compute ‖∂L/∂z‖ of every call of a weight module, by its path."""
    zeros: list[tuple[str, Tensor]] = []

    def add_zeros(path: str) -> Any:
        def hook(_module: nn.Module, _args: Any, output: Tensor) -> Tensor:
            zeros.append((path, torch.zeros_like(output, requires_grad=True)))
            return output + zeros[-1][1]

        return hook

    handles = [
        module.register_forward_hook(add_zeros(path))
        for path, module in model.named_modules()
        if type(module).__name__ in WEIGHTED and module.weight.requires_grad
    ]
    loss = run()
    for handle in handles:
        handle.remove()
    gradients = torch.autograd.grad(loss, [z for _, z in zeros], allow_unused=True)
    deltas: dict[str, list[float]] = {}
    for (path, _), gradient in zip(zeros, gradients, strict=True):
        norm = np.nan if gradient is None else gradient.norm().item()
        deltas.setdefault(path, []).append(norm)
    return deltas


def read_deltas(report: gf.Report) -> dict[str, list[float]]:
    deltas: dict[str, list[float]] = {}
    for name, norm in zip(report.layers["module"], report.layers["delta_norm"], strict=True):
        deltas.setdefault(name.partition("#")[0], []).append(norm)
    return deltas


def check_coverage(report: gf.Report, model: nn.Module) -> None:
    coverage = report.coverage
    assert list(coverage.places) == [name for name, _ in model.named_parameters()]
    assert sum(map(coverage.count, Place)) == report.parameter_count
    assert coverage.count("layer") + coverage.count("elementwise") == report.parameter_count


@pytest.mark.parametrize("name", hugging_face.MODELS)
def test_models_of_transformers(name):
    model, inputs = hugging_face.make(name)
    expected = compute_deltas(model, lambda: model(**inputs).loss)
    before = read_state(model)
    report = gf.probe(model, inputs, loss=lambda output, _: output.loss)
    assert {key: before[key] == value for key, value in read_state(model).items()} == dict.fromkeys(
        before, True
    )
    found = read_deltas(report)
    assert set(found) >= set(expected)
    for path, norms in expected.items():
        assert_allclose(found[path], norms, rtol=1e-9, err_msg=path)
    check_coverage(report, model)
    assert report.loss == pytest.approx(model(**inputs).loss.item(), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "streams"),
    [
        ("GPT-2", {"transformer.h": 3}),
        ("BERT", {"bert.encoder.layer": 3}),
        ("T5", {"encoder.block": 3, "decoder.block": 2}),
        ("Whisper", {"model.encoder.layers": 3, "model.decoder.layers": 2}),
    ],
)
def test_an_encoder_and_a_decoder_have_a_stream_each(name, streams):
    model, inputs = hugging_face.make(name)
    report = gf.probe(model, inputs, loss=lambda output, _: output.loss)
    found = {path: (s.layers["layer"] > 0).sum() for path, s in report.streams.items()}
    assert found == streams
    assert report.stream is [*report.streams.values()][-1]
    loaded = gf.Report.from_json(report.to_json())
    assert list(loaded.streams) == list(streams)
    assert loaded.coverage.places == report.coverage.places


# --- what is changed in place -------------------------------------------------------------------


class Sliced(nn.Module):
    """Returns a view that it has changed through another view."""

    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        h = self.lin(x).clone().view(-1, 8)
        h[:, :4].add_(1)
        return h


class ThreeDimensional(nn.Module):
    """A linear layer whose output is a view, and something in place after it."""

    def __init__(self, change: str) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 3)
        self.relu = nn.ReLU(inplace=True)
        self.change = change

    def forward(self, x: Tensor) -> Tensor:
        z = self.first(x)
        match self.change:
            case "relu":
                z = self.relu(z)
            case "add":
                z += x
            case "mask":
                z[x > 0] = 0.5
            case "part":
                z[:, 0].mul_(2)
        return self.second(z).mean(1)


@pytest.mark.parametrize("change", ["relu", "add", "mask", "part"])
def test_gradients_survive_changes_in_place(change):
    torch.manual_seed(0)
    model, x, y = (
        ThreeDimensional(change).double(),
        torch.randn(5, 4, 6).double(),
        torch.arange(5) % 3,
    )
    expected = compute_deltas(model, lambda: F.cross_entropy(model(x), y))
    assert read_deltas(gf.probe(model, x, y)) == {
        name: pytest.approx(norms, rel=1e-12) for name, norms in expected.items()
    }


def test_a_view_that_was_changed_through_another_view():
    torch.manual_seed(0)
    model, x = Sliced().double(), torch.randn(2, 3, 8).double()
    report = gf.probe(model, x, loss=lambda out, _: out.square().sum())
    expected = compute_deltas(model, lambda: model(x).square().sum())
    assert_allclose(report.layers["delta_norm"], expected["lin"], rtol=1e-12)
    out = model(x)
    assert report.signals["grad_norm"].iloc[-1] == pytest.approx(2 * out.norm().item(), rel=1e-12)


class Returned(nn.Module):
    """A module returns a part of what it has computed, and its caller changes that part."""

    class Part(nn.Module):
        def forward(self, h: Tensor) -> Tensor:
            return h[:, :2]

    def __init__(self) -> None:
        super().__init__()
        self.part = self.Part()
        self.lin = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        part = self.part(2 * self.lin(x))
        part.mul_(3)
        return part


def test_a_part_that_is_changed_in_place():
    torch.manual_seed(0)
    model, x = Returned().double(), torch.randn(4, 6).double()
    report = gf.probe(model, x, loss=lambda out, _: out.square().sum())
    part = (2 * model.lin(x))[:, :2].detach().requires_grad_()
    (gradient,) = torch.autograd.grad((3 * part).square().sum(), part)
    row = report.signals.set_index("module").loc["part"]
    assert row.grad_norm == pytest.approx(gradient.norm().item(), rel=1e-12)
    assert row.rms == pytest.approx(part.square().mean().sqrt().item(), rel=1e-12)


class Residual(nn.Module):
    def __init__(self, in_place: bool) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv1d(3, 3, 3, padding=1), nn.Conv1d(3, 3, 3, padding=1)
        self.in_place = in_place

    def forward(self, x: Tensor) -> Tensor:
        o = self.conv2(torch.tanh(self.conv1(x)))
        if self.in_place:
            o += x
            return o
        return o + x


def test_an_addition_in_place_is_the_sum_in_the_stream():
    rows = []
    for in_place in (False, True):
        torch.manual_seed(0)
        blocks = [Residual(in_place) for _ in range(3)]
        model = nn.Sequential(nn.Conv1d(3, 3, 1), *blocks, nn.Flatten(), nn.LazyLinear(3))
        x = torch.randn(6, 3, 5)
        model(x)
        rows.append(gf.probe(model, x, torch.arange(6) % 3).stream.layers)
    assert len(rows[0]) == 4
    assert rows[0].select_dtypes("number").equals(rows[1].select_dtypes("number"))


# --- layers that are no modules -----------------------------------------------------------------


class Functional(nn.Module):
    """The same network by modules, or by functions and parameters of its own."""

    def __init__(self, plain: nn.Sequential) -> None:
        super().__init__()
        self.w1, self.b1 = plain[0].weight, plain[0].bias
        self.w2 = nn.Parameter(plain[2].weight.detach().T.clone())
        self.b2 = plain[2].bias
        self.w3 = plain[4].weight

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(F.linear(x, self.w1, self.b1))
        h = torch.tanh(h @ self.w2 + self.b2)
        return torch.einsum("bi,oi->bo", h, self.w3)


def test_functions_are_layers_as_modules_are():
    torch.manual_seed(0)
    plain = nn.Sequential(
        *(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 5), nn.Tanh(), nn.Linear(5, 3, bias=False))
    )
    plain[2].bias.data.zero_()
    plain[0].bias.data[:2] = -100.0  # two dead units
    x, y = torch.randn(8, 6), torch.arange(8) % 3
    modules, functions = gf.probe(plain, x, y).layers, gf.probe(Functional(plain), x, y)
    assert functions.layers["module"].tolist() == ["w1", "w2", "w3"]
    assert functions.layers["dead_units"].tolist()[0] == 2
    # The bias of the second layer is added on its own: elementwise.
    same = [c for c in modules if c not in ("module", "bias_grad_norm")]
    for column in same:
        assert_allclose(
            functions.layers[column].astype(float),
            modules[column].astype(float),
            rtol=1e-5,
            err_msg=column,
        )
    assert functions.coverage.list_parameters("elementwise") == ["b2"]
    assert functions.histogram("activation", 1).zeros == modules_zeros(plain, x, y)


def modules_zeros(plain: nn.Module, x: Tensor, y: Tensor) -> int:
    return gf.probe(plain, x, y).histogram("activation", 1).zeros


class SwishByHand(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        z = self.a(x)
        return self.b(z * torch.sigmoid(z))


class Where(SwishByHand):
    def forward(self, x: Tensor) -> Tensor:
        z = self.a(x)
        return self.b(torch.where(z > 0, z, 0.0))


class SideBySide(SwishByHand):
    """Two branches, whose activations run in the other order."""

    def __init__(self) -> None:
        super().__init__()
        self.c = nn.Linear(6, 8)

    def forward(self, x: Tensor) -> Tensor:
        za, zc = self.a(x), self.c(x)
        return self.b(F.relu(zc) + torch.tanh(za))


def test_activations_belong_to_the_layer_whose_signal_they_meet():
    torch.manual_seed(0)
    x, y = torch.randn(8, 6), torch.arange(8) % 3
    model = SwishByHand()
    report = gf.probe(model, x, y)
    a = F.silu(model.a(x))
    assert report.layers["activation_rms"][0] == pytest.approx(a.square().mean().sqrt().item())
    assert np.isnan(report.layers["dead_units"][0])
    report = gf.probe(Where(), x, y)
    assert np.isnan(report.layers["dead_units"]).all()  # not recognized, and never "0 dead"
    model = SideBySide()
    report = gf.probe(model, x, y)
    table = report.layers.set_index("module")
    assert table.loc["a", "activation_rms"] == pytest.approx(
        torch.tanh(model.a(x)).square().mean().sqrt().item()
    )
    assert table.loc["c", "activation_rms"] == pytest.approx(
        F.relu(model.c(x)).square().mean().sqrt().item()
    )


class Experts(nn.Module):
    """Stacked experts, an embedding by indexing, attention's projections, and positions."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(10, 8))
        self.positions = nn.Parameter(torch.randn(5, 8))
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.experts = nn.Parameter(torch.randn(2, 8, 8) / 3)
        self.norm = nn.LayerNorm(8)

    def forward(self, tokens: Tensor, zeros: dict[str, Tensor] | None = None) -> Tensor:
        add = (lambda name, z: z) if zeros is None else (lambda name, z: z + zeros[name])
        h = add("table", self.table[tokens]) + self.positions
        h = self.attention(h, h, h)[0]
        h = sum(add(f"experts{i}", h @ self.experts[i]) for i in range(2))
        return add("head", self.norm(h).mean(1) @ self.table.t())


def test_parameters_of_ones_own():
    torch.manual_seed(0)
    model, x, y = Experts().double(), torch.randint(10, (4, 5)), torch.arange(4)
    report = gf.probe(model, x, y)
    assert report.layers["module"].tolist() == [
        *("table", "attention.in_proj", "attention.out_proj", "experts", "experts#2", "table#2")
    ]
    shapes = {"table": (4, 5, 8), "experts0": (4, 5, 8), "experts1": (4, 5, 8), "head": (4, 10)}
    zeros = {k: torch.zeros(s, dtype=torch.float64, requires_grad=True) for k, s in shapes.items()}
    loss = F.cross_entropy(model(x, zeros), y)
    expected = [g.norm().item() for g in torch.autograd.grad(loss, [*zeros.values()])]
    assert_allclose(report.layers["delta_norm"].iloc[[0, 3, 4, 5]], expected, rtol=1e-12)
    assert report.layers["fan_in"].tolist() == [1, 8, 8, 8, 8, 8]
    assert report.coverage.list_parameters("elementwise") == [
        *("positions", "norm.weight", "norm.bias")
    ]
    check_coverage(report, model)


def test_every_parameter_is_in_one_place():
    class Partly(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.cut, self.unused = nn.Linear(6, 3), nn.Linear(6, 3), nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.used(x) + self.cut(x).detach()

    coverage = gf.probe(Partly(), torch.randn(8, 6), torch.arange(8) % 3).coverage
    for place, name in (("layer", "used"), ("unreached", "cut"), ("unused", "unused")):
        assert coverage.list_parameters(place) == [f"{name}.weight", f"{name}.bias"]
        assert coverage.count(place) == 21
        assert coverage.get_share(place) == pytest.approx(1 / 3)
    assert "Of 63 parameters 21 are in layers" in str(coverage.text)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers(kind):
    class Through(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = kind(4, 5, num_layers=2, batch_first=True)
            self.head = nn.Linear(5, 3)

        def forward(self, x: Tensor, zero: Tensor | float = 0.0) -> Tensor:
            return self.head((self.rnn(x)[0] + zero)[:, -1])

    torch.manual_seed(0)
    model, x, y = Through().double(), torch.randn(6, 7, 4).double(), torch.arange(6) % 3
    report = gf.probe(model, x, y)
    zero = torch.zeros(6, 7, 5, dtype=torch.float64, requires_grad=True)
    loss = F.cross_entropy(model(x, zero), y)
    expected = torch.autograd.grad(loss, [zero, *model.rnn.parameters()])
    row = report.layers.iloc[0]
    assert row["module"] == "rnn"
    assert row.delta_norm == pytest.approx(expected[0].norm().item(), rel=1e-12)
    weights = torch.cat([g.flatten() for g in expected[1:] if g.dim() > 1])
    assert row.weight_grad_norm == pytest.approx(weights.norm().item(), rel=1e-12)
    check_coverage(report, model)


@pytest.mark.parametrize("inside", [False, True])
def test_the_similarity_of_sequences_is_that_of_samples(inside):
    """Time steps come first in the input, or only in the module."""

    class TimeFirst(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.rnn, self.head = nn.Linear(4, 5), nn.GRU(5, 6), nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            z = self.embedding(x)
            return self.head(self.rnn(z.transpose(0, 1) if inside else z)[0][-1])

    torch.manual_seed(0)
    model, x = TimeFirst().double(), torch.randn(7, 9, 4).double()
    report = gf.probe(model, x.transpose(0, 1) if inside else x, torch.arange(9) % 3)
    z = model.embedding(x)
    found_first = [report.facts.inputs.similarity, *report.layers["similarity"]]
    for found, signal in zip(found_first, (x, z, model.rnn(z)[0]), strict=False):
        rows = F.normalize(signal.transpose(0, 1).flatten(1), dim=1)
        cosines = (rows @ rows.T)[~torch.eye(9, dtype=torch.bool)]
        assert found == pytest.approx(cosines.mean().item(), rel=1e-6)


def test_complex_parameters_keep_their_imaginary_part():
    class Spectral(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(4, 3, dtype=torch.complex128))
            self.scale = nn.Parameter(torch.randn(4, dtype=torch.complex128))

        def forward(self, x: Tensor, zero: Tensor | float = 0.0) -> Tensor:
            return ((torch.fft.fft(x) * self.scale) @ self.weight + zero).abs()

    torch.manual_seed(0)
    model, x, y = Spectral(), torch.randn(6, 4, dtype=torch.float64), torch.arange(6) % 3
    report = gf.probe(model, x, y)
    zero = torch.zeros(6, 3, dtype=torch.complex128, requires_grad=True)
    loss = F.cross_entropy(model(x, zero), y)
    delta, *gradients = torch.autograd.grad(loss, [zero, *model.parameters()])
    assert report.layers["delta_norm"][0] == pytest.approx(delta.norm().item(), rel=1e-12)
    for row, p, g in zip(
        report.parameters.itertuples(), model.parameters(), gradients, strict=True
    ):
        assert row.norm == pytest.approx(p.norm().item(), rel=1e-12)
        assert row.grad_norm == pytest.approx(g.norm().item(), rel=1e-12)
        assert row.grad_max == pytest.approx(g.abs().max().item(), rel=1e-12)
    assert report.layers["weight_norm"][0] == pytest.approx(model.weight.norm().item(), rel=1e-12)
