"""Estimates of memory, beside the tensors that are alive when the same is really computed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

import gradflow as gf
from gradflow.core.ensemble import run_seeds
from gradflow.core.networks.memory import (
    BASE_BYTES,
    bound_pass,
    estimate_pass,
    estimate_seeds,
    weigh,
)
from gradflow.core.recurrent.memory import estimate_through_time
from gradflow.core.recurrent.record import through_time
from gradflow.core.recurrent.spec import Recurrent, SequenceExperiment, Sequences
from gradflow.core.tally import Tally
from gradflow.core.training.memory import estimate_training

NETWORKS = {
    "plain": gf.MLP(depth=8, width=64),
    "dense": gf.MLP(depth=8, width=32, connection="dense"),
    "residual": gf.MLP(
        depth=8, width=64, connection="residual", normalization="batch", activation="silu"
    ),
    "rrelu": gf.MLP(depth=5, width=64, activation="rrelu"),
    "lsuv": gf.MLP(depth=5, width=64, initialization="lsuv"),
    "convolutions": gf.ConvNet(depth=6, channels=8, image_size=16, padding="circular"),
    "transformer": gf.Transformer(depth=3, width=64),
}


COARSE = {("convolutions", "float64"), ("transformer", "bfloat16")}
"""Copies of windows are no tensors; attention of half formats has another kernel elsewhere."""


def measure_alive(compute: Callable[[], object]) -> int:
    """Measure the most memory of tensors that are alive at once, on the CPU and with numbers."""
    compute()  # what is made once only
    tally = Tally((), weigh)
    with tally:
        compute()
    return tally.peak


def make_experiment(network: object, batch_size: int = 512, **settings: object) -> gf.Experiment:
    return gf.Experiment(network=network, data=gf.Data(batch_size=batch_size), **settings)


def assert_close(estimate: int, alive: int, beside: int = BASE_BYTES) -> None:
    """The estimate holds all that is alive; what is beside it is bounded."""
    assert alive <= estimate <= 1.35 * alive + beside


def test_a_tally_counts_memory_once_and_as_long_as_it_is_alive() -> None:
    kept = torch.empty(1000, device="meta")
    tally = Tally([kept, kept.view(10, 100)])
    assert tally.bytes == 4000
    with tally:
        two = kept + 1
        alike = two[:10]
        del two
        assert tally.bytes == 8000
        del alike
        assert tally.bytes == 4000
        kept.double()
    assert (tally.bytes, tally.peak, tally.largest) == (4000, 12000, 8000)


def test_of_a_plain_network_the_inputs_of_all_layers_and_the_weights_count() -> None:
    """Without slack: tanh keeps its output, which is the next layer's input."""
    width, depth, batch = 200, 41, 1700
    estimate = estimate_pass(make_experiment(gf.MLP(depth=depth, width=width), batch))
    kept = 4 * batch * width * (depth - 1)
    weights = 4 * (64 * width + width**2 * (depth - 2) + 10 * width)
    assert kept + weights < estimate - BASE_BYTES < 1.4 * (kept + weights)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_a_pass(name: str, dtype: str) -> None:
    experiment = make_experiment(NETWORKS[name], dtype=dtype)
    estimate = estimate_pass(experiment)
    alive = measure_alive(lambda: gf.run(experiment))
    assert alive <= estimate
    assert estimate <= bound_pass(experiment)
    if (name, dtype) not in COARSE:
        assert_close(estimate, alive)


def test_many_seeds() -> None:
    experiment = make_experiment(gf.MLP(depth=6, width=64, activation="rrelu"))
    assert_close(estimate_seeds(experiment, 8), measure_alive(lambda: run_seeds(experiment, 8)))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_training(optimizer: str) -> None:
    experiment = make_experiment(gf.MLP(depth=4, width=512))
    plan = gf.TrainingPlan(steps=3, optimizer=optimizer)
    alive = measure_alive(lambda: gf.Run.collect(experiment, plan))
    assert_close(estimate_training(experiment, plan), alive, BASE_BYTES)


@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm", "gru"])
def test_through_time(cell: str) -> None:
    experiment = SequenceExperiment(
        network=Recurrent(cell=cell, hidden_size=64, layers=2),
        data=Sequences(source="adding", length=20, batch_size=128),
    )
    alive = measure_alive(lambda: through_time(experiment))
    assert_close(estimate_through_time(experiment), alive)
