"""Depth sweeps, shattered gradients, and how near blocks are to the identity."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import gradflow as gf
from gradflow.core.catalog import Connection
from gradflow.core.data import draw_batch
from gradflow.core.networks.build import build_network
from gradflow.core.networks.stacked import list_linears
from gradflow.core.teaching.degradation import depth, identity, pairs, shattering, training
from gradflow.core.teaching.degradation.shattering import Shattering
from gradflow.core.teaching.degradation.tangents import propagate_tangents
from tests.core.oracles import compute_loss, trace_signals

PLAIN, RESIDUAL, PREACTIVATION = depth.KINDS


@pytest.mark.parametrize("connection", depth.SWEPT)
@pytest.mark.parametrize("normalization", ["none", "batch"])
def test_depth_sweep_against_autograd(connection: Connection, normalization: str) -> None:
    spec = depth.BlockNetworks(width=16, normalization=normalization, branch_scale=0.5, seed=1)
    sweep = depth.join_depths(depth.sweep_depths(spec, connection, (n,)) for n in (4, 9))
    assert sweep.depths.tolist() == [4, 9]
    for index, layers in enumerate((4, 9)):
        experiment = spec.make_experiment(connection, layers)
        inputs, targets = draw_batch(experiment.data, experiment.seed)
        weights = list_linears(build_network(experiment, inputs).double())
        trace = trace_signals(experiment.network, weights, inputs.double())
        loss = compute_loss("cross_entropy", trace.a[-1], targets)
        norms = [g.norm().item() for g in torch.autograd.grad(loss, trace.z)]
        assert_allclose(sweep.ratio[index], norms[0] / norms[-1], rtol=1e-3)  # float32 inside
        assert_allclose(sweep.first[index], norms[0], rtol=1e-3)
        assert_allclose(sweep.loss[index], loss.item(), rtol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_56_plain_layers_learn_worse_than_20_and_residual_ones_do_not(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "STEPS", 60)
    names = training.NETWORKS[:4]
    (plain_20, plain_56), (residual_20, residual_56) = names[:2], names[2:]
    looks: list[training.DeeperTraining] = []
    spec = training.DeeperNetworks(seed=seed)
    trained = training.train_deeper(spec, names=names, show=looks.append)
    known = looks[7]  # in the midst of the first
    assert list(known.losses) == list(known.norms) == [names[0]]
    assert_array_equal(known.losses[names[0]], trained.losses[names[0]][:40])
    assert_array_equal(known.norms[names[0]], trained.norms[names[0]])
    assert {name: len(losses) for name, losses in looks[-1].losses.items()} == dict.fromkeys(
        names, 60
    )
    ends = {name: losses[-1] for name, losses in trained.losses.items()}
    assert ends[plain_56] > ends[plain_20] + 0.5
    assert ends[plain_56] > 2  # guessing is 2.3
    assert ends[residual_56] < ends[residual_20] + 0.25
    assert ends[residual_56] < ends[plain_20] - 0.5
    # Behind batch norm the plain gradient grows by √(π/(π − 1)) per layer, and is not the reason:
    factor = trained.norms[plain_56][0] ** (1 / 55)
    assert math.isclose(factor, math.sqrt(math.pi / (math.pi - 1)), rel_tol=0.02)
    assert trained.norms[residual_56][0] < 10


def test_a_level_gradient_does_not_mend_56_plain_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "STEPS", 60)
    (shallow, deep) = training.NETWORKS[:2]
    for normalization in ("layer", "none"):
        spec = training.DeeperNetworks(normalization=normalization)
        trained = training.train_deeper(spec, names=(shallow, deep))
        assert 0.1 < trained.norms[deep][0] < 10
        assert trained.losses[deep][-1] > trained.losses[shallow][-1] + 0.3


def test_smoothing_by_hand() -> None:
    losses = np.arange(40.0) ** 2
    smoothed = training.smooth(losses)
    expected = [losses[max(0, i - 14) : i + 1].mean() for i in range(40)]
    assert_allclose(smoothed, expected)


def test_a_zero_branch_keeps_the_gradient_at_any_depth() -> None:
    """Identity blocks: ∂L/∂z_1 does not depend on the depth but through the readout's draw."""
    spec = depth.BlockNetworks(width=32, normalization="none", zero_last=True)
    sweep = depth.sweep_depths(spec, PREACTIVATION)
    # ‖∂L/∂z_1‖² = ‖δ_L‖²·n Var(W)·E φ'² = ‖δ_L‖² for ReLU with He weights; fan_in n, 10 outputs.
    assert_allclose(sweep.ratio, 1.0, rtol=0.25)
    assert_allclose(sweep.law, sweep.law[0])


def _forward(
    experiment: gf.Experiment, inputs: torch.Tensor, connection: Connection, beta: float
) -> list[torch.Tensor]:
    """Every layer's output of a normalized ReLU network, by hand; differentiable."""
    layers = list_linears(build_network(experiment, inputs.float()).double())

    def standardize(z: torch.Tensor) -> torch.Tensor:
        mean, var = z.mean(0).detach(), z.var(0, correction=0).detach()
        return (z - mean) / (var + 1e-5).sqrt()

    def linear(index: int, a: torch.Tensor) -> torch.Tensor:
        return a @ layers[index].weight.T + layers[index].bias

    if connection is PLAIN:
        h, signals = inputs, []
        for index in range(len(layers) - 1):
            h = torch.relu(standardize(linear(index, h)))
            signals.append(h)
        return signals
    h = linear(0, inputs)
    signals = [h]
    for index in range(1, len(layers) - 1):
        h = h + beta * linear(index, torch.relu(standardize(h)))
        signals.append(h)
    return signals


@pytest.mark.parametrize("connection", [PLAIN, PREACTIVATION])
def test_tangents_against_autograd(connection: Connection) -> None:
    """Statistics held fixed, so that a unit's sum over the samples has one term per sample."""
    spec = Shattering(width=32, branch_scale=0.5)
    experiment = spec.make_experiment(connection, layers=4)
    x = torch.linspace(-2, 2, 60, dtype=torch.float64)[:, None]
    tangents = propagate_tangents(experiment, x, torch.ones_like(x))
    assert [tuple(t.shape) for t in tangents] == [(60, 32)] * 4
    leaf = x.clone().requires_grad_()
    outputs = _forward(experiment, leaf, connection, 0.5)
    for layer, output in enumerate(outputs):
        for unit in (0, 13):
            (slope,) = torch.autograd.grad(output[:, unit].sum(), leaf, retain_graph=True)
            assert_allclose(tangents[layer][:, unit], slope[:, 0], atol=1e-11)


def test_tangents_of_a_network_without_normalization_are_exact() -> None:
    spec = Shattering(width=32, normalized=False)
    experiment = spec.make_experiment(RESIDUAL, layers=5)
    x = torch.linspace(-2, 2, 50, dtype=torch.float64)[:, None].requires_grad_()
    layers = list_linears(build_network(experiment, x.detach().float()).double())
    h = torch.relu(x @ layers[0].weight.T + layers[0].bias)
    for layer in layers[1:-1]:
        h = torch.relu(h + 0.1 * (h @ layer.weight.T + layer.bias))
    tangents = propagate_tangents(experiment, x.detach(), torch.ones_like(x))
    assert len(tangents) == 5
    for unit in range(0, 32, 7):
        (slope,) = torch.autograd.grad(h[:, unit].sum(), x, retain_graph=True)
        assert_allclose(tangents[-1][:, unit], slope[:, 0], atol=1e-12)


@pytest.mark.parametrize("cosine", [0.0, 0.3, 0.9, 0.9999])
def test_kappas_against_sampling(cosine: float) -> None:
    random = np.random.default_rng(1)
    u, own = random.standard_normal((2, 400_000))
    v = cosine * u + math.sqrt(1 - cosine**2) * own
    assert_allclose(pairs.kappa_0(cosine), 2 * np.mean((u > 0) & (v > 0)), atol=0.005)
    both = 2 * np.mean(np.maximum(u, 0) * np.maximum(v, 0))
    assert_allclose(pairs.kappa_1(cosine), both, atol=0.01)


def test_plain_laws() -> None:
    layers = np.arange(1, 101)
    unrelated = pairs.predict_correlation(PLAIN, Shattering(cosine=0))
    assert_allclose(unrelated, 2.0**-layers, rtol=1e-9)
    # Without normalization inputs become alike, and the correlation falls as L⁻³: κ₀ → 1 − 3/L.
    together = pairs.predict_correlation(PLAIN, Shattering(cosine=0, normalized=False))
    slope = np.polyfit(np.log(layers[60:]), np.log(together[60:]), 1)[0]
    assert -3.2 < slope < -2.5
    near = pairs.predict_correlation(PLAIN, Shattering(cosine=0.9999))
    assert near[4] > 0.9  # a plateau,
    assert_allclose(near[60:] / near[59:-1], 0.5, rtol=0.01)  # then half per layer


def test_residual_laws() -> None:
    whole = pairs.predict_correlation(
        PREACTIVATION, Shattering(cosine=0, branch_scale=1, normalized=False)
    )
    assert_allclose(whole[1], 3 / 4)
    nothing = pairs.predict_correlation(PREACTIVATION, Shattering(cosine=0.5, branch_scale=0))
    assert_allclose(nothing, 1.0)
    # With batch norm: 1 + β²/v against 1 + β²/2v, v growing by β²(1 − 1/π) from 2.
    variance, expected = 2.0, [1.0]
    for _ in range(99):
        expected.append(expected[-1] * (1 + 0.5 / variance) / (1 + 1 / variance))
        variance += 1 - 1 / math.pi
    law = pairs.predict_correlation(PREACTIVATION, Shattering(cosine=0, branch_scale=1))
    assert_allclose(law, expected, rtol=1e-9)
    assert not len(pairs.predict_correlation(RESIDUAL, Shattering()))


def test_measured_correlations_follow_the_laws() -> None:
    """One network of width 256; the tolerance is a few times the noise 1/√(128·256) = .006."""
    spec = Shattering(width=256, cosine=0, branch_scale=1)
    plain = pairs.measure_correlation(spec, PLAIN)
    assert len(plain.measured) == len(plain.law) == 100
    assert_allclose(plain.measured, plain.law, atol=0.03)
    slope = np.polyfit(np.arange(1, 6), np.log2(plain.measured[:5]), 1)[0]
    assert -1.15 < slope < -0.85  # 2⁻ᴸ
    residual = pairs.measure_correlation(spec, PREACTIVATION)
    assert_allclose(residual.measured, residual.law, atol=0.06)
    assert residual.measured[49] > 0.1


def test_landscapes_lie_between_the_noises() -> None:
    landscapes = shattering.compute_landscapes(Shattering(width=64))
    shallow, plain, residual, brown, white = (
        getattr(landscapes, n).correlation
        for n in ("shallow", "plain", "residual", "brown", "white")
    )
    assert abs(plain[1:]).max() < 0.2
    assert residual[1] > 0.9
    assert shallow[1] > 0.98
    assert white.tolist() == [1.0] + [0.0] * 128
    # A random walk of 256 steps: E B_i B_j / √(E B_i² E B_j²) = √(i/j), i < j.
    walks = np.random.default_rng(0).standard_normal((20_000, 256)).cumsum(1)
    product = (walks[:, :-5] * walks[:, 5:]).mean(0)
    sizes = np.sqrt((walks[:, :-5] ** 2).mean(0) * (walks[:, 5:] ** 2).mean(0))
    assert_allclose(brown[5], (product / sizes).mean(), atol=0.005)
    for name in ("shallow", "plain", "residual", "brown", "white"):
        gradient = getattr(landscapes, name).gradient
        assert len(gradient) == len(landscapes.x) == 256
        assert_allclose(np.mean(gradient**2), 1.0)


def test_autocorrelation_by_hand() -> None:
    rows = torch.randn(256, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rows[7] = 0.0
    autocorrelation = shattering.measure_autocorrelation(rows)
    values = rows.numpy()
    cosines = [
        values[i] @ values[i + 40] / np.linalg.norm(values[i]) / np.linalg.norm(values[i + 40])
        for i in range(216)
        if i != 7
    ]
    assert_allclose(autocorrelation[40], sum(cosines) / 216)


@pytest.mark.parametrize("connection", depth.KINDS)
@pytest.mark.parametrize(("layers", "size"), [(8, 2), (9, 4)])
def test_nearness_by_hand(connection: Connection, layers: int, size: int) -> None:
    spec = identity.Blocks(
        depth=layers,
        width=16,
        activation="tanh",
        normalization="none",
        block_size=size,
        branch_scale=0.5,
        seed=4,
    )
    nearness = identity.measure_nearness(spec, connection)
    experiment = spec.make_experiment(connection, layers)
    inputs, _targets = draw_batch(experiment.data, experiment.seed)
    weights = [
        w.weight.detach().numpy() for w in list_linears(build_network(experiment, inputs).double())
    ]
    inner = weights[1:-1]
    blocks = [inner[i : i + size] for i in range(0, len(inner), size)]
    h = inputs.double().numpy() @ weights[0].T
    h = h if connection is PREACTIVATION else np.tanh(h)
    assert len(nearness.branch) == len(nearness.cosine) == len(blocks)
    for block, branch, cosine in zip(blocks, nearness.branch, nearness.cosine, strict=True):
        f = h
        for index, weight in enumerate(block):
            if connection is PREACTIVATION:
                f = np.tanh(f) @ weight.T
            else:
                f = f @ weight.T
                last = index == len(block) - 1
                f = f if last and connection is RESIDUAL else np.tanh(f)
        added = f - h if connection is PLAIN else 0.5 * f
        after = {PLAIN: f, RESIDUAL: np.tanh(h + added), PREACTIVATION: h + added}[connection]
        assert_allclose(branch, np.linalg.norm(added) / np.linalg.norm(h), rtol=1e-6)
        norms = np.linalg.norm(h, axis=1) * np.linalg.norm(after, axis=1)
        assert_allclose(cosine, np.mean((h * after).sum(1) / norms), rtol=1e-6)
        h = after


@pytest.mark.parametrize("connection", depth.KINDS)
def test_convolutional_blocks_by_hand(connection: Connection) -> None:
    spec = identity.Blocks(
        depth=5,
        architecture="conv",
        channels=4,
        normalization="none",
        block_size=1,
        branch_scale=0.5,
    )
    nearness = identity.measure_nearness(spec, connection)
    experiment = spec.make_experiment(connection, 5)
    inputs, _targets = draw_batch(experiment.data, experiment.seed)
    model = build_network(experiment, inputs).double()
    first, *inner = [m for m in model.modules() if isinstance(m, torch.nn.Conv2d)]
    h = first(inputs.double().reshape(-1, 1, 8, 8))
    h = h if connection is PREACTIVATION else h.relu()
    assert len(nearness.branch) == len(inner) == 3
    for convolution, branch, cosine in zip(inner, nearness.branch, nearness.cosine, strict=True):
        f = convolution(h.relu() if connection is PREACTIVATION else h)
        added = f.relu() - h if connection is PLAIN else 0.5 * f
        after = h + added
        after = after.relu() if connection is RESIDUAL else after
        assert_allclose(branch, (added.norm() / h.norm()).item())
        cosines = torch.cosine_similarity(h.flatten(1), after.flatten(1), dim=1)
        assert_allclose(cosine, cosines.mean().item())
        h = after.detach()


def test_convolutional_sweep() -> None:
    """∂L/∂z of the first convolution and of the readout, by autograd from the built module."""
    spec = depth.BlockNetworks(architecture="conv", channels=4, seed=3)
    sweep = depth.sweep_depths(spec, RESIDUAL, (4,))
    experiment = spec.make_experiment(RESIDUAL, 4)
    inputs, targets = draw_batch(experiment.data, experiment.seed)
    model = build_network(experiment, inputs)
    seen: list[torch.Tensor] = []
    layers = [m for m in model.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    for layer in (layers[0], layers[-1]):
        layer.register_forward_hook(lambda module, args, output: seen.append(output))
    loss = compute_loss("cross_entropy", model(inputs), targets)
    first, last = (g.norm().item() for g in torch.autograd.grad(loss, seen))
    assert_allclose(sweep.ratio, first / last, rtol=1e-4)
    assert np.isnan(sweep.law).all()


def test_identity_blocks() -> None:
    spec = identity.Blocks(depth=10, width=16, zero_last=True)
    nearness = identity.measure_nearness(spec, PREACTIVATION)
    assert_allclose(nearness.branch, 0.0)
    assert_allclose(nearness.cosine, 1.0)
