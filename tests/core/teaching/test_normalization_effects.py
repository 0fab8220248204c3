"""Normalization's effects: growth rates, exact identities, weight scales, learning rates."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.catalog import Normalization, NormPosition
from gradflow.core.data import draw_batch
from gradflow.core.errors import InvalidExperiment
from gradflow.core.networks.build import build_network
from gradflow.core.networks.stacked import list_linears
from gradflow.core.teaching.normalization_effects import flow, identities, rates, scales
from gradflow.core.teaching.normalization_effects.flow import NormalizedFlow
from gradflow.core.teaching.normalization_effects.scales import WeightScales
from gradflow.core.theory import predict
from gradflow.core.theory.moments import FloatArray
from tests.core.oracles import trace_signals

# THEORY.md: E φ'²/Var φ (batch norm) and E φ'²/E φ² (layer norm) at q = 1.
BATCH_NORM = {
    "relu": math.pi / (math.pi - 1),
    "tanh": 1.178,
    "sigmoid": 1.034,
    "selu": 1.072,
    "elu": 1.079,
    "gelu": 1.319,
    "silu": 1.212,
    "linear": 1.0,
}
LAYER_NORM = {"relu": 1.0, "tanh": 1.178, "gelu": 1.072, "sigmoid": 0.153}


@pytest.mark.parametrize("activation", BATCH_NORM)
def test_limits_of_batch_norm(activation: str) -> None:
    spec = NormalizedFlow(activation=activation).make_network(Normalization.BATCH)
    assert_allclose(flow.compute_limit(spec), BATCH_NORM[activation], atol=6e-4)


@pytest.mark.parametrize("norm", [Normalization.LAYER, Normalization.RMS, Normalization.GROUP])
@pytest.mark.parametrize("activation", LAYER_NORM)
def test_limits_of_layer_norm(activation: str, norm: Normalization) -> None:
    spec = NormalizedFlow(activation=activation).make_network(norm)
    assert_allclose(flow.compute_limit(spec), LAYER_NORM[activation], atol=6e-4)


@pytest.mark.parametrize(
    ("norm", "activation", "init_std"),
    [("batch", "tanh", 0.3), ("layer", "relu", 0.1), ("rms", "relu", 0.1), ("rms", "gelu", 0.05)],
)
def test_limits_behind_the_activation_against_sampling(
    norm: str, activation: str, init_std: float
) -> None:
    spec = NormalizedFlow(
        activation=activation, initialization="normal", init_std=init_std, width=100, groups=4
    )
    growth = flow.compute_limit(spec.make_network(Normalization(norm), NormPosition.AFTER))
    random = np.random.default_rng(0)
    q = 100 * init_std**2
    z = torch.tensor(math.sqrt(q) * random.standard_normal(400_000), requires_grad=True)
    a = {"tanh": torch.tanh, "relu": torch.relu, "gelu": F.gelu}[activation](z)
    (slope,) = torch.autograd.grad(a.sum(), z)
    statistic = a.square().mean() if norm == "rms" else a.var()
    expected = float(q * slope.square().mean() / statistic.detach())
    assert_allclose(growth, expected, rtol=0.01)  # the sample's own error is about 0.3 %


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_growth_at_width_512(activation: str) -> None:
    """One draw, batch 256: the law, with ReLU's own correction for the batch, within 2.5 %."""
    experiment = gf.Experiment(
        network=gf.MLP(
            depth=10,
            width=512,
            activation=activation,
            normalization="batch",
            initialization="kaiming_normal",
        ),
        data=gf.Data(source="gaussian", dimension=512, batch_size=256),
    )
    report = gf.run(experiment)
    growth = flow.measure_growth(experiment.network, report, predict(experiment, report))
    assert_allclose(growth.measured, BATCH_NORM[activation], rtol=0.025)
    assert_allclose(growth.predicted, growth.measured, rtol=0.02)
    norms = report.layers["activation_grad_norm"]
    assert_allclose(growth.ratio, norms.iloc[0] / norms.iloc[-2])


def test_factor_of_a_geometric_sequence() -> None:
    assert_allclose(flow.fit_growth(7.0 * 1.3 ** -np.arange(9.0)), 1.3**2)
    assert_allclose(flow.fit_growth([4.0, 0.0, 1.0, math.nan, 0.25]), 4.0)
    assert math.isnan(flow.fit_growth([0.0, 1.0]))


def test_networks_differ_in_nothing_but_the_norm() -> None:
    spec = NormalizedFlow(depth=6, width=32, groups=4, initialization="normal", init_std=0.3)
    networks = [dict(spec.make_network(norm)) for norm in flow.COMPARED]
    changing = {"normalization", "groups", "norm_position"}
    for network in networks[1:]:
        assert {k for k in network if network[k] != networks[0][k]} <= changing
    assert networks[3]["groups"] == 4
    with pytest.raises(InvalidExperiment, match="groups: 5 does not divide"):
        NormalizedFlow(groups=5)
    with pytest.raises(InvalidExperiment, match=r"placed: .*none.*batch, layer, group, rms"):
        NormalizedFlow(placed="none")


def _compute_by_hand(spec: WeightScales, norm: Normalization, k: float) -> dict[str, Any]:
    """Gradients at one scale, from the network written with functions, by autograd."""
    experiment = spec.make_experiment(norm)
    inputs, targets = draw_batch(experiment.data, experiment.seed)
    layers = list_linears(build_network(experiment, inputs).double())
    for layer in layers[:-1]:
        layer.weight.data *= k
    trace = trace_signals(experiment.network, layers, inputs.double())
    loss = F.cross_entropy(trace.a[-1], targets)
    gradients = torch.autograd.grad(loss, [trace.a[0], trace.a[-2], layers[0].weight])
    first, last, weight = (gradient.norm().item() for gradient in gradients)
    return {"ratio": first / last, "weight_grad": weight}


@pytest.mark.parametrize("norm", scales.RIVALS)
def test_sweep_against_autograd(norm: Normalization) -> None:
    spec = WeightScales(depth=6, width=16, activation="tanh", seed=3)
    sweep = scales.sweep_scales(spec, norm)
    for index in (0, 9, 24):
        expected = _compute_by_hand(spec, norm, float(scales.list_scales()[index]))
        for name, value in expected.items():
            assert_allclose(getattr(sweep, name)[index], value, rtol=1e-8)


@pytest.mark.parametrize("norm", [Normalization.BATCH, Normalization.LAYER])
def test_scale_of_the_weights_is_divided_out(norm: Normalization) -> None:
    """ε = 0: the ratio does not change over six decades, and ∂L/∂W is exactly ∝ 1/k."""
    sweep = scales.sweep_scales(WeightScales(depth=8, width=24, epsilon=0), norm)
    assert_allclose(sweep.ratio, sweep.ratio[12], rtol=1e-9)
    assert_allclose(sweep.weight_grad * scales.list_scales(), sweep.weight_grad[12], rtol=1e-9)


def test_epsilon_breaks_it_at_small_scales_only() -> None:
    sweep = scales.sweep_scales(WeightScales(depth=8, width=24, epsilon=1e-5), Normalization.BATCH)
    assert_allclose(sweep.ratio[14:], sweep.ratio[-1], rtol=0.02)
    assert sweep.ratio[0] < 1e-3 * sweep.ratio[-1]


def test_without_a_norm_every_relu_layer_multiplies() -> None:
    """Biases are 0 and ReLU is homogeneous: ∂L/∂a_1 over ∂L/∂a_{L−1} is ∝ k^(L−2).

    Exactly so while the outputs are too small to tell samples apart; beyond, the loss weighs the
    samples in another way.
    """
    sweep = scales.sweep_scales(WeightScales(depth=8, width=24), Normalization.NONE)
    law = (scales.list_scales() / scales.list_scales()[0]) ** 6
    assert_allclose(sweep.ratio[:9] / sweep.ratio[0], law[:9], rtol=1e-6)
    assert_allclose(sweep.ratio / sweep.ratio[0], law, rtol=0.1)


def test_identities_of_batch_norm_are_exact() -> None:
    distances = identities.measure_identities(
        WeightScales(epsilon=0, scale=100), Normalization.BATCH
    )
    assert (
        max(distances.loss, distances.gradient, distances.unit, distances.layer, distances.bias)
        < 1e-11
    )


def test_layer_norm_keeps_the_scale_but_not_the_rest() -> None:
    spec = WeightScales(depth=6, width=24, epsilon=0, scale=0.01)
    distances = identities.measure_identities(spec, Normalization.LAYER)
    assert max(distances.loss, distances.gradient, distances.layer) < 1e-11
    assert min(distances.unit, distances.bias) > 0.01
    plain = identities.measure_identities(spec, Normalization.NONE)
    assert min(plain.loss, plain.gradient, plain.unit, plain.layer, plain.bias) > 0.001


@pytest.mark.parametrize("norm", [Normalization.NONE, Normalization.BATCH, Normalization.GROUP])
def test_stacked_training_is_that_of_one_network(norm: Normalization) -> None:
    """Three steps of torch.optim.SGD on one network, in float32 as well."""
    spec = rates.LearningRates(depth=4, width=16, steps=5, weight_scale=0.7, seed=2)
    sweep = rates.train_at_rates(spec, norm)
    other = rates.train_at_rates(spec.list_seeds()[1], norm)
    joined = rates.join_seeds([other, sweep])
    assert_array_equal(joined.losses, [*other.losses, *sweep.losses])
    assert_array_equal(joined.initial, [*other.initial, *sweep.initial])
    assert joined.losses.shape == (2, len(rates.list_learning_rates()))
    index = 9
    experiment = spec.make_experiment(norm)
    inputs, targets = draw_batch(experiment.data, experiment.seed)
    model = build_network(experiment, inputs)
    trained = list_linears(model)
    for layer in trained[:-1]:
        layer.weight.data *= 0.7
    assert_allclose(sweep.initial[0], F.cross_entropy(model(inputs), targets).item(), rtol=1e-5)
    optimizer = torch.optim.SGD(
        [p for layer in trained for p in (layer.weight, layer.bias)],
        lr=float(rates.list_learning_rates()[index]),
    )
    random = torch.Generator().manual_seed(spec.seed + rates.DATA_SEED_OFFSET)
    for _ in range(spec.steps):
        batch = torch.randint(rates.SAMPLES, (rates.BATCH,), generator=random)
        optimizer.zero_grad()
        F.cross_entropy(model(inputs[batch]), targets[batch]).backward()
        optimizer.step()
    after = F.cross_entropy(model(inputs), targets).item()
    assert after < sweep.initial[0]
    assert_allclose(sweep.losses[0, index], after, rtol=1e-4)


def test_the_largest_rate_that_trains() -> None:
    def find_largest(initial: float, *losses: FloatArray) -> FloatArray:
        return rates.RateSweep(np.full(len(losses), initial), np.array(losses)).largest

    losses = np.full(25, 2.4)
    assert find_largest(2.5, losses) == 0
    losses[[5, 12]] = 1.0, 2.0
    losses[20:] = math.nan
    assert_allclose(find_largest(2.5, losses), rates.list_learning_rates()[12])
    assert find_largest(1.1, losses) == 0  # 90 % of the first loss is 0.99
    losses[13] = 0.9 * math.log(10) + 1e-9  # a dead network guesses: that is not training
    other = np.where(np.arange(25) == 5, 1.0, math.inf)
    assert_allclose(find_largest(9.0, losses, other), [0.1, rates.list_learning_rates()[5]])


def test_batch_norm_survives_a_bad_scale_and_a_plain_network_does_not() -> None:
    spec = rates.LearningRates(depth=8, width=24, weight_scale=0.1, steps=15)
    assert not rates.train_at_rates(spec, Normalization.NONE).largest.any()
    assert rates.train_at_rates(spec, Normalization.BATCH).largest.all()


def test_nan_is_no_small_loss_in_a_median() -> None:
    losses = np.array([[1.0, math.nan], [3.0, 5.0], [2.0, math.nan]])
    assert rates.RateSweep(np.ones(3), losses).median.tolist() == [2.0, math.inf]
