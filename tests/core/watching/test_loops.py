"""Loops of other kinds, watched: what they do to the model and to their losses meanwhile."""

from __future__ import annotations

import copy
import io
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import gradflow as gf
from tests.core.watching.test_watch import check_traces

X, Y = torch.randn(8, 6, generator=torch.Generator().manual_seed(3)), torch.arange(8) % 3


def make(outputs: int = 3, inputs: int = 6) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(inputs, 8), nn.Tanh(), nn.Linear(8, outputs))


def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    F.cross_entropy(model(X), Y).backward()
    optimizer.step()


def compute_delta(model: nn.Sequential, loss: Any, x: Tensor = X) -> float:
    """Compute ‖∂L/∂z‖ of the first layer."""
    zero = torch.zeros(len(x), 8, requires_grad=True)
    (delta,) = torch.autograd.grad(loss(model[2](torch.tanh(model[0](x) + zero))), zero)
    return delta.norm().item()


@pytest.mark.parametrize("every", [1, 50])
def test_a_model_is_copied_and_saved_while_it_is_watched(every):
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gf.watch(model, every=every) as watch:
        for _ in range(3):
            copied = copy.deepcopy(model)
            averaged = torch.optim.swa_utils.AveragedModel(model)
            file = io.BytesIO()
            torch.save(model, file)
            step(model, optimizer)
            averaged.update_parameters(model)
            copied(X), averaged(X)
    assert len(watch.reports) == len(range(0, 3, every))
    assert watch.problems == []
    assert len(watch.reports[-1].layers) == 2
    check_traces(model)
    loaded = torch.load(io.BytesIO(file.getvalue()), weights_only=False)
    torch.testing.assert_close(loaded(X), copied(X))
    step(loaded, torch.optim.SGD(loaded.parameters(), 0.1))
    assert len(watch.reports[-1].layers) == 2


def test_gradients_that_a_loop_computes_by_hand_are_said_to_be_missing():
    model = make()
    optimizer, parameters = torch.optim.SGD(model.parameters(), 0.1), [*model.parameters()]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with gf.watch(model, every=2) as watch:
            for _ in range(5):
                gradients = torch.autograd.grad(F.cross_entropy(model(X), Y), parameters)
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    parameter.grad = gradient
                optimizer.step()
                assert not model[0]._forward_hooks or watch.steps % 2 == 0
    assert watch.steps == 5
    (said,) = [str(w.message) for w in caught]
    assert "torch.autograd.grad" in said
    check_traces(model)


def test_the_loss_is_what_the_gradients_are_of():
    def run(backward: Any) -> gf.Report:
        model = make()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        with gf.watch(model, every=1) as watch:
            optimizer.zero_grad()
            backward(model(X))
            optimizer.step()
        assert watch.problems == []
        assert watch.troubles == []
        return watch.reports[0]

    def run_vector(out: Tensor) -> None:
        losses = F.cross_entropy(out, Y, reduction="none")
        losses.backward(torch.full_like(losses, 1 / 8))

    def run_several(out: Tensor) -> None:
        torch.autograd.backward([out.sum(), out.square().sum()])

    def run_one_after_another(out: Tensor) -> None:
        F.cross_entropy(out, Y).backward(retain_graph=True)
        out.square().sum().backward()

    model = make()
    out = model(X)
    mean, squares = F.cross_entropy(out, Y).item(), out.square().sum().item()
    report = run(run_vector)
    assert report.loss == pytest.approx(mean, rel=1e-5)
    delta = compute_delta(model, lambda out: F.cross_entropy(out, Y))
    assert report.layers["delta_norm"][0] == pytest.approx(delta, rel=1e-5)
    report = run(run_several)
    assert report.loss == pytest.approx(out.sum().item() + squares, rel=1e-5)
    both = compute_delta(model, lambda out: out.sum() + out.square().sum())
    assert report.layers["delta_norm"][0] == pytest.approx(both, rel=1e-5)
    report = run(run_one_after_another)
    assert report.loss == pytest.approx(mean + squares, rel=1e-5)
    assert report.layers["delta_norm"][0] == pytest.approx(delta, rel=1e-5)  # of the first pass


def test_what_a_loop_differentiates_itself_does_not_count():
    model = make(1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def penalize(out: Tensor, x: Tensor) -> Tensor:
        (slope,) = torch.autograd.grad(out.sum(), x, create_graph=True)
        return out.mean() + (slope.norm(2, 1) - 1).square().mean()

    x = X.clone().requires_grad_()
    expected = compute_delta(model, lambda out: penalize(out, x), x)
    with gf.watch(model, every=1) as watch:
        optimizer.zero_grad()
        penalize(model(x), x).backward()
        optimizer.step()
    assert watch.reports[0].layers["delta_norm"][0] == pytest.approx(expected, rel=1e-5)


def test_two_models_that_train_against_each_other():
    maker, judge = make(6, 4), make(1)
    optimizers = [torch.optim.SGD(m.parameters(), 0.1) for m in (maker, judge)]
    compare = F.binary_cross_entropy_with_logits
    generator = torch.Generator().manual_seed(1)
    losses: dict[str, list[float]] = {"maker": [], "judge": []}
    with gf.watch(maker, every=2) as made, gf.watch(judge, every=2) as judged:
        for _ in range(4):
            noise = torch.randn(8, 4, generator=generator)
            optimizers[1].zero_grad()
            real, false = judge(X), judge(maker(noise).detach())
            loss = compare(real, torch.ones(8, 1)) + compare(false, torch.zeros(8, 1))
            losses["judge"].append(loss.item())
            loss.backward()
            optimizers[1].step()
            optimizers[0].zero_grad()
            loss = compare(judge(maker(noise)), torch.ones(8, 1))
            losses["maker"].append(loss.item())
            loss.backward()
            optimizers[0].step()
    for watch, name in ((made, "maker"), (judged, "judge")):
        found = [report.loss for report in watch.reports]
        assert found == pytest.approx(losses[name][::2], rel=1e-5)
        assert watch.problems == []
    check_traces(maker)
    check_traces(judge)
