"""The Boltzmann machine and the autoencoder against NumPy, enumeration and autograd."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn import functional as F

from gradflow.core.pretraining.autoencoder import PHI, Autoencoder
from gradflow.core.pretraining.rbm import RBM, Uniforms, contrastive_divergence

VISIBLE, HIDDEN = 4, 3


def make_machine(visible=VISIBLE, hidden=HIDDEN, seed=0, scale=1.0):
    random = np.random.default_rng(seed)
    w, a, b = (scale * random.normal(size=shape) for shape in ((hidden, visible), visible, hidden))
    return RBM(*(torch.tensor(one) for one in (w, a, b))), (w, a, b)


def sigma(z):
    return 1 / (1 + np.exp(-z))


def list_states(count):
    return np.array(list(itertools.product([0.0, 1.0], repeat=count)))


def enumerate_joint(w, a, b):
    """p(v, h) of all states by enumeration, ``(2^visible, 2^hidden)``."""

    def compute_energy(v, h):
        pairs = itertools.product(range(len(b)), range(len(a)))
        return -sum(a * v) - sum(b * h) - sum(h[j] * w[j, i] * v[i] for j, i in pairs)

    energy = np.array(
        [[compute_energy(v, h) for h in list_states(len(b))] for v in list_states(len(a))]
    )
    weight = np.exp(-energy)
    return weight / weight.sum(), energy


def estimate_by_hand(w, a, b, v, hidden, visible):
    """CD-k in float64 with the given uniform numbers, entry by entry of the definition."""
    start = p = sigma(v @ w.T + b)
    chain = v
    for step, numbers in enumerate(hidden):
        h = np.where(numbers < p, 1.0, 0.0)
        chain = sigma(h @ w + a)
        if visible is not None:
            chain = np.where(visible[step] < chain, 1.0, 0.0)
        p = sigma(chain @ w.T + b)
    n = len(v)
    return (
        np.einsum("nj,ni->ji", start, v) / n - np.einsum("nj,ni->ji", p, chain) / n,
        v.mean(0) - chain.mean(0),
        start.mean(0) - p.mean(0),
    )


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("sampled", [False, True])
def test_cd_statistics_are_those_of_numpy(k, sampled):
    rbm, (w, a, b) = make_machine(6, 5)
    random = np.random.default_rng(1)
    v = random.uniform(size=(7, 6))
    hidden = random.uniform(size=(k, 7, 5))
    visible = random.uniform(size=(k, 7, 6)) if sampled else None
    uniforms = Uniforms(
        [torch.tensor(u) for u in hidden],
        None if visible is None else [torch.tensor(u) for u in visible],
    )
    statistics = contrastive_divergence(rbm, torch.tensor(v), uniforms)
    for one, expected in zip(
        statistics, estimate_by_hand(w, a, b, v, hidden, visible), strict=True
    ):
        assert_allclose(one.numpy(), expected, rtol=1e-12, atol=1e-14)


def test_conditionals_and_energies_are_those_of_enumeration():
    rbm, (w, a, b) = make_machine()
    p, energy = enumerate_joint(w, a, b)
    every_v, every_h = list_states(VISIBLE), list_states(HIDDEN)
    v, h = torch.tensor(every_v), torch.tensor(every_h)
    hidden = p @ every_h / p.sum(1, keepdims=True)
    visible = p.T @ every_v / p.sum(0)[:, None]
    assert_allclose(rbm.encode(v).numpy(), hidden, rtol=1e-12)
    assert_allclose(rbm.decode(h).numpy(), visible, rtol=1e-12)
    for i, one in enumerate(every_v):
        repeated = torch.tensor(one).expand(len(every_h), -1)
        assert_allclose(rbm.energy(repeated, h).numpy(), energy[i], rtol=1e-12)
    assert_allclose(rbm.free_energy(v).numpy(), -np.log(np.exp(-energy).sum(1)), rtol=1e-12)


def compute_expected_cd(w, a, b, v, k):
    """E of CD-k over all its random numbers, from the exact transition matrix v → h → v."""
    every_v, every_h = list_states(len(a)), list_states(len(b))
    p, _energy = enumerate_joint(w, a, b)
    up = p / p.sum(1, keepdims=True)
    down = (p / p.sum(0)).T
    step = up @ down
    # A real-valued v draws h from σ(Wv + b) too.
    q = sigma(v @ w.T + b)
    first = np.array([np.prod(np.where(every_h == 1, one, 1 - one), axis=1) for one in q])
    after = (first @ down @ np.linalg.matrix_power(step, k - 1)).mean(0)
    product = np.einsum("sj,si->sji", sigma(every_v @ w.T + b), every_v)
    return q.T @ v / len(v) - np.einsum("s,sji->ji", after, product)


def compute_likelihood_gradient(w, a, b, v):
    """∂/∂W of the mean log p(v) by autograd, with Z by enumeration; v binary."""
    weight = torch.tensor(w, requires_grad=True)
    every_v, every_h = torch.tensor(list_states(len(a))), torch.tensor(list_states(len(b)))

    def unnormalized(x):
        energy = x @ torch.tensor(a)
        return (energy[:, None] + every_h @ torch.tensor(b) + x @ weight.T @ every_h.T).logsumexp(1)

    log_p = unnormalized(torch.tensor(v)).mean() - unnormalized(every_v).logsumexp(0)
    return torch.autograd.grad(log_p, weight)[0].numpy()


def average_cd(rbm, v, k, chains):
    generator = torch.Generator().manual_seed(0)
    data = torch.tensor(v).repeat(chains, 1)
    uniforms = Uniforms.draw(rbm, len(data), k, generator, sampled=True)
    return contrastive_divergence(rbm, data, uniforms)[0].numpy()


@pytest.mark.parametrize("k", [1, 2])
def test_the_mean_of_cd_is_that_of_the_exact_chain(k):
    rbm, (w, a, b) = make_machine()
    v = np.random.default_rng(2).uniform(size=(3, VISIBLE))
    mean = average_cd(rbm, v, k, 40_000)
    # 120 000 chains of entries in 0 … 1: the standard error is at most 0.5/√120000 = 0.0015.
    assert_allclose(mean, compute_expected_cd(w, a, b, v, k), atol=0.006)


def test_cd_becomes_the_gradient_of_the_likelihood_as_k_grows():
    rbm, (w, a, b) = make_machine(scale=1.5)
    v = np.array([[1.0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 0, 0]])
    exact = compute_likelihood_gradient(w, a, b, v)
    assert_allclose(average_cd(rbm, v, 40, 20_000), exact, atol=0.008)
    assert (
        np.abs(compute_expected_cd(w, a, b, v, 1) - exact).max() > 0.05
    )  # CD-1 is not that gradient


def test_a_new_machine_reconstructs_the_mean():
    inputs = torch.rand(50, 9, generator=torch.Generator().manual_seed(0))
    rbm = RBM.draw(inputs, 20, torch.Generator().manual_seed(1))
    rbm = RBM(rbm.weight * 0, rbm.visible, rbm.hidden)
    assert_allclose(rbm.decode(rbm.encode(inputs))[0], inputs.mean(0), rtol=1e-5)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("bounded", [True, False])
def test_the_gradient_of_an_autoencoder_is_autograds(activation, bounded):
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(5, 6, generator=generator, dtype=torch.float64)
    w, a, b = (
        torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()
        for shape in ((4, 6), (6,), (4,))
    )
    out = PHI[activation](x @ w.T + b) @ w + a
    loss = (
        F.binary_cross_entropy(torch.sigmoid(out), x, reduction="sum")
        if bounded
        else ((out - x) ** 2).sum() / 2
    ) / len(x)
    expected = torch.autograd.grad(loss, (w, a, b))
    layer = Autoencoder(w.detach(), a.detach(), b.detach(), activation, bounded)
    for gradient, one in zip(layer.compute_gradient(x), expected, strict=True):
        assert_allclose(gradient, one, rtol=1e-9, atol=1e-12)
