"""A probe changes nothing, whatever the model does and wherever it raises."""

from __future__ import annotations

import gc
import random
import weakref
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import gradflow as gf
from tests.core.recording.models import MODELS, Writes, compute_loss, draw_floats, make_mlp


def read_bits(tensor: Tensor) -> bytes:
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def list_hooks(module: nn.Module) -> list[Any]:
    return [dict(value) for name, value in vars(module).items() if "hooks" in name and value]


def read_state(model: nn.Module) -> dict[str, Any]:
    """Everything of a model that a probe could change, as plain values."""
    tensors = [*model.named_parameters(remove_duplicate=False), *model.named_buffers()]
    return {
        "identities": [(name, id(tensor)) for name, tensor in tensors],
        "storages": [(name, tensor.data_ptr()) for name, tensor in tensors],
        "values": [(name, read_bits(tensor)) for name, tensor in tensors],
        "state dict": [(name, read_bits(tensor)) for name, tensor in model.state_dict().items()],
        "requires_grad": [tensor.requires_grad for _, tensor in tensors],
        "grad": [None if t.grad is None else (id(t.grad), read_bits(t.grad)) for _, t in tensors],
        "training": [module.training for module in model.modules()],
        "hooks": [list_hooks(module) for module in model.modules()],
        "tensor hooks": [len(t._backward_hooks or ()) for _, t in tensors],
        "modules": [(name, id(module)) for name, module in model.named_modules()],
        "attributes": [sorted(vars(module)) for module in model.modules()],
    }


def read_random_state() -> tuple[Any, ...]:
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002 - what other people's models use
    return read_bits(torch.get_rng_state()), kind, keys.tobytes(), tuple(rest), random.getstate()


def list_tensors(inputs: Any) -> list[Tensor]:
    values = inputs.values() if isinstance(inputs, dict) else inputs
    values = [inputs] if isinstance(inputs, Tensor) else values
    return [value for value in values if isinstance(value, Tensor)]


def make_targets() -> Tensor:
    return torch.arange(8) % 3


def check_unchanged(model: nn.Module, inputs: Any, **options: Any) -> gf.Report | Exception:
    for parameter in list(model.parameters())[::2]:
        parameter.grad = torch.full_like(parameter, 0.25)
    before, randomness = read_state(model), read_random_state()
    flags = [t.requires_grad for t in list_tensors(inputs)]
    global_modes = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
    result: gf.Report | Exception
    try:
        result = gf.probe(model, inputs, make_targets(), **{"loss": compute_loss} | options)
    except Exception as error:
        result = error
    after = read_state(model)
    for name, value in before.items():
        assert after[name] == value, name
    assert read_random_state() == randomness
    assert [t.requires_grad for t in list_tensors(inputs)] == flags
    assert all(t.grad is None for t in list_tensors(inputs))
    assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == global_modes
    return result


@pytest.mark.parametrize("name", MODELS)
def test_nothing_changes(name):
    make, inputs = MODELS[name]
    result = check_unchanged(make(), inputs())
    assert isinstance(result, gf.Report), result
    assert np.isfinite(result.loss)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("name", MODELS)
def test_the_callers_grad_mode_does_not_matter(name, mode):
    make, inputs = MODELS[name]
    model, x = make(), inputs()
    with mode():
        result = check_unchanged(model, x)
        assert isinstance(result, gf.Report), result
        made_here = check_unchanged(model, inputs())
    assert isinstance(made_here, gf.Report), made_here


class WritesMuch(nn.Module):
    """Writes large parameters in different ways; they are copied only when that happens."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.table = nn.Embedding(2**17, 8, max_norm=1e-3 if how == "max_norm" else None)
        self.head = nn.Linear(48, 3)
        self.how = how

    def forward(self, tokens: Tensor) -> Tensor:
        weight = self.table.weight
        match self.how:
            case "data":
                weight.data.mul_(2)
            case "item":
                with torch.no_grad():
                    weight[0] = 5.0
            case "out":
                torch.mul(weight.detach(), 2, out=weight.data)
            case "list":
                torch._foreach_mul_([weight.data], 3.0)
            case "init":
                nn.init.normal_(weight)
            case "new":
                weight.data = torch.zeros(3, 2)
                weight.data = torch.zeros(2**17, 8)
        return self.head(self.table(tokens).flatten(1))


@pytest.mark.parametrize("how", ["data", "item", "out", "list", "init", "new", "max_norm"])
def test_large_parameters_keep_their_values(how):
    assert isinstance(check_unchanged(WritesMuch(how), torch.randint(9, (8, 6))), gf.Report)


def test_inputs_keep_their_values():
    x = draw_floats()
    copy = x.clone()
    gf.probe(MODELS["in place"][0](), x, make_targets())
    assert torch.equal(x, copy)


class Raises(nn.Module):
    """Draws random numbers, changes everything, and raises where it is told to."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), Writes())
        self.where = where

    def forward(self, x: Tensor) -> Tensor:
        torch.rand(3)
        random.random()
        np.random.rand()  # noqa: NPY002 - the global state is what is tested
        out = self.body(x)
        if self.where == "forward":
            raise KeyError("forward")
        return _Backward.apply(out) if self.where == "backward" else out


class _Backward(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(_ctx: Any, _grad: Tensor) -> Tensor:
        raise KeyError("backward")


@pytest.mark.parametrize("where", ["forward", "backward", "loss"])
def test_nothing_changes_when_something_raises(where):
    def loss(output: Tensor, labels: Tensor) -> Tensor:
        random.random()
        if where == "loss":
            raise KeyError("loss")
        return compute_loss(output, labels)

    result = check_unchanged(Raises(where), draw_floats(), loss=loss)
    assert isinstance(result, KeyError)
    assert result.args == (where,)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda out, y: out, r"loss: returned \(8, 3\).*one number.*mean"),
        (lambda out, y: out.sum().item(), "loss: returned float.*one number"),
        (lambda out, y: None, "loss: returned NoneType.*one number"),
        (lambda out, y: out.detach().sum(), r"loss: does not depend.*detach\(\)"),
    ],
)
def test_unusable_losses_say_what_to_do(loss, message):
    with pytest.raises(gf.ProbeError, match=message):
        gf.probe(make_mlp(), draw_floats(), make_targets(), loss=loss)
    check_unchanged(make_mlp(), draw_floats(), loss=loss)


def test_a_detached_output_says_what_to_do():
    class Detached(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x).detach()

    with pytest.raises(gf.ProbeError, match=r"detach\(\)"):
        gf.probe(Detached(), draw_floats(), make_targets())


def test_lazy_parameters_say_what_to_do():
    model = nn.Sequential(nn.LazyLinear(3))
    with pytest.raises(gf.ProbeError, match=r"0\.weight is not materialized"):
        gf.probe(model, draw_floats(), make_targets())


def test_hooks_of_the_caller_still_run():
    model, seen = make_mlp(), []
    model[0].register_forward_hook(lambda *_: seen.append("forward"))
    model[2].weight.register_hook(lambda g: seen.append("backward"))
    gf.probe(model, draw_floats(), make_targets())
    assert seen == ["forward", "backward"]


def test_a_graph_of_the_caller_survives():
    model, x = MODELS["batch norm and dropout"][0](), draw_floats()
    loss = compute_loss(model(x), make_targets())
    gf.probe(model, x, make_targets())
    loss.backward()  # would raise if a saved tensor had been changed in place
    assert model[0].weight.grad is not None


@pytest.mark.parametrize("name", ["reused", "writes", "lstm", "all frozen", "attention"])
def test_no_tensor_stays_alive(name):
    make, inputs = MODELS[name]
    model, x = make(), inputs()

    def probe() -> None:
        gf.probe(model, x, make_targets(), loss=compute_loss)

    def alive() -> int:
        return sum(issubclass(type(obj), Tensor) for obj in gc.get_objects())

    probe()
    gc.collect()
    gc.disable()
    try:
        before = alive()
        for _ in range(5):
            probe()
        assert alive() == before  # without the collector: not even a cycle was left
    finally:
        gc.enable()


def test_a_report_holds_no_tensors_and_no_model():
    model = make_mlp()
    gone = weakref.ref(model)
    report = gf.probe(model, draw_floats(), make_targets())
    del model
    gc.collect()
    assert gone() is None
    assert report.loss > 0
