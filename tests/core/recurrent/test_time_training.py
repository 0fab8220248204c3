"""A short training beside the same loop written with ``torch.optim``."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.catalog import Cell
from gradflow.core.recurrent.data import draw_sequences
from gradflow.core.recurrent.network import build_recurrent
from gradflow.core.recurrent.training import ShortTraining, TrainedCell, take_held_out, train_cell
from gradflow.core.training import make_task
from tests.core.recurrent.oracle import compute_gates, trace_pass


def take_unseen(spec: ShortTraining) -> tuple[torch.Tensor, torch.Tensor]:
    """Of 1280 sequences 1024 are trained on; the next ones are not."""
    data = spec.build_experiment(Cell.GRU).data.model_copy(update={"batch_size": 1280})
    inputs, targets = draw_sequences(data, spec.seed)
    behind = slice(1024, 1024 + spec.batch_size)
    return inputs[:, behind], targets[:, behind]


SMALL = {"length": 6, "hidden_size": 5, "batch_size": 4, "steps": 12, "clip_norm": 0.3}


@pytest.mark.parametrize("cell", list(Cell))
def test_it_is_adam_with_clipping(cell: Cell) -> None:
    spec = ShortTraining(**SMALL)
    moments = list(train_cell(spec, cell))
    experiment = spec.build_experiment(cell)
    model, batches = build_recurrent(experiment), make_task(experiment).batches
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    inputs, targets = take_unseen(spec)
    losses = []
    for step in range(13):
        losses.append(F.mse_loss(model(inputs)[-1, :, 0], targets[-1]).item())
        if step == 12:
            break
        x, y = next(batches)
        optimizer.zero_grad()
        F.mse_loss(model(x)[-1, :, 0], y[-1]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.3)
        optimizer.step()
    assert [moment.step for moment in moments] == list(range(13))
    np.testing.assert_allclose([moment.loss for moment in moments], losses, rtol=2e-4)


def test_the_first_moment_is_the_untrained_network() -> None:
    spec = ShortTraining(**SMALL)
    first = next(train_cell(spec, Cell.LSTM))
    experiment = spec.build_experiment(Cell.LSTM)
    network, inputs, targets = build_recurrent(experiment), *take_unseen(spec)
    trace = trace_pass(experiment, network, inputs, targets)
    for state, states in (("hidden", trace.hidden[0]), ("cell", trace.cell[0])):
        gradients = torch.autograd.grad(trace.loss, states, retain_graph=True)
        norms = [float(gradient.norm()) for gradient in gradients]
        np.testing.assert_allclose(first.norms[state], norms, rtol=1e-5)
    weights = [weight.detach().numpy() for weight in network.list_weights(0)]
    gates = [row["forget"] for row in compute_gates("lstm", weights, inputs.numpy())]
    assert first.forget == pytest.approx(np.mean(gates), rel=1e-5)
    assert first.step == 0


@pytest.mark.parametrize("source", ["adding", "digit_rows"])
def test_what_is_measured_is_never_trained_on(source: str) -> None:
    spec = ShortTraining(source=source, batch_size=8)
    task = make_task(spec.build_experiment(Cell.GRU))
    inputs, targets = take_held_out(task, spec.batch_size)
    assert inputs.shape[1] == targets.shape[1] == 8
    seen = torch.cat([next(task.batches)[0] for _ in range(200)], dim=1)  # more than an epoch
    for sequence in inputs.unbind(1):
        assert not (seen == sequence[:, None]).all(2).all(0).any()


def test_moments_are_spread_over_the_training() -> None:
    spec = ShortTraining(source="digit_rows", hidden_size=4, batch_size=4, steps=100)
    trained = TrainedCell(Cell.GRU, list(train_cell(spec, Cell.GRU)))
    assert trained.steps.tolist() == list(range(0, 101, 2))
    assert trained.stack_norms("hidden").shape == (8, 51)
    assert ((trained.accuracy >= 0) & (trained.accuracy <= 1)).all()
    assert trained.best == min(trained.loss)
    assert not trained.diverged


def test_guessing() -> None:
    spec = ShortTraining(**SMALL, seed=5)
    answers = take_unseen(spec)[1][-1].numpy()
    assert spec.guessing == pytest.approx(np.mean((answers - 1) ** 2))
    assert ShortTraining(source="digit_rows").guessing == pytest.approx(math.log(10))


def test_what_takes_too_long_is_refused() -> None:
    with pytest.raises(
        gf.InvalidExperiment, match="steps: 2,000 steps of this network need"
    ) as bad:
        ShortTraining(length=200, hidden_size=128, batch_size=256, steps=2000)
    assert "steps" in bad.value.fields
    with pytest.raises(gf.InvalidExperiment, match='source: "noise" cannot be learned'):
        ShortTraining(source="noise")


def test_only_the_chosen_cells() -> None:
    assert ShortTraining(lstm=False, gru=False).cells == (Cell.RNN_TANH, Cell.RNN_RELU)
