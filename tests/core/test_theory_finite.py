"""Medians of finite networks: closed forms of their moments, and products of random layers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import gradflow as gf
from gradflow.core.codec import from_fields
from gradflow.core.theory import finite_width
from gradflow.core.theory.finite_width import compute_pair_moments, find_median_factors
from gradflow.core.theory.moments import get_activation_law
from gradflow.core.theory.readout import ReadoutGradient
from gradflow.core.theory.structures import predict_flow


@pytest.mark.parametrize("cosine", [-0.4, 0.0, 0.5, 0.9, 1.0])
def test_moments_of_pairs(cosine):
    """ReLU: both are on with probability ½ − arccos(c)/2π; linear: E u²v² = 1 + 2c²."""
    relu = compute_pair_moments(get_activation_law(gf.MLP(activation="relu")), 3.0, cosine)
    both_on = 0.5 - math.acos(cosine) / (2 * math.pi)
    assert relu.alike == pytest.approx(2 * both_on, abs=0.02)
    assert relu.slopes == pytest.approx(4 * both_on, abs=0.04)
    linear = compute_pair_moments(get_activation_law(gf.MLP(activation="linear")), 3.0, cosine)
    assert linear.powers == pytest.approx(1 + 2 * cosine**2)
    assert (linear.slopes, linear.alike, linear.mixed) == pytest.approx((1, 1, 1))
    if cosine == 1:
        assert relu.powers == pytest.approx(6, rel=1e-3)
        assert relu.mixed == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("follows", [False, True])
@pytest.mark.parametrize("activation", ["relu", "tanh", "linear"])
def test_medians_of_a_thousand_networks(activation, follows, monkeypatch):
    """One sample; δ at the readout is drawn at random, or is the output (a squared error)."""
    units, outputs, networks = 48, 10, 1000
    fields = {"activation": activation, "depth": 9, "width": units, "batch_size": 1}
    relu = activation == "relu"
    fields["initialization"] = "kaiming_normal" if relu else "lecun_normal"
    flow, network = predict_flow(from_fields(fields))
    readout = ReadoutGradient(
        shared=0.0, along=1.0 if follows else 1 / outputs, alone=1.0, together=0.0
    )
    monkeypatch.setattr(finite_width, "predict_readout_gradient", lambda *_: readout)
    factors = find_median_factors(network, flow)

    generator = torch.Generator().manual_seed(0)
    x = torch.full((networks, units, 1), math.sqrt(network.input.mean_power))
    weights, slopes, powers = [], [], []
    for count in [units] * 8 + [outputs]:
        w = torch.randn(networks, count, units, generator=generator)
        weights.append(w * math.sqrt((2 if relu else 1) / units))
        z = (weights[-1] @ x).requires_grad_()
        a = torch.relu(z) if relu else torch.tanh(z) if activation == "tanh" else z * 1
        slopes.append(torch.autograd.grad(a.sum(), z)[0])
        x = a.detach()
        powers.append(x.square().mean((1, 2)))
    delta = z.detach() if follows else torch.randn(z.shape, generator=generator)
    squares = [delta.square().sum((1, 2))]
    for w, slope in zip(weights[:0:-1], slopes[-2::-1], strict=True):
        delta = slope * (w.mT @ delta)
        squares.append(delta.square().sum((1, 2)))
    measured = np.array([float((s / squares[0]).median()) for s in reversed(squares)])
    predicted = factors.delta * flow.delta
    np.testing.assert_allclose(measured[:-1] ** 0.5, predicted[:-1] ** 0.5, rtol=0.08)
    signal = [a.signal.mean_power for a in flow.after] * factors.activation
    rms = np.array([float(power.median()) for power in powers]) ** 0.5
    np.testing.assert_allclose(rms[:-1], signal[:-1] ** 0.5, rtol=0.08)
    if relu and not follows:  # Var ln ‖δ‖² grows by 5/n in each layer (Hanin 2018)
        assert math.log(factors.delta[0]) == pytest.approx(-5 / 2 * 8 / units, rel=0.03)
