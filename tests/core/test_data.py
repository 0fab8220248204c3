"""Batches: their statistics, labels and seeds."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.datasets import load_digits

import gradflow as gf
from gradflow.core.catalog import SOURCES, Source
from gradflow.core.data import draw_batch
from gradflow.core.networks.build import build_network
from tests.core.oracles import list_linears


@pytest.mark.parametrize("size", [1, 2, 3, 64])
@pytest.mark.parametrize("source", Source)
def test_shapes(source, size):
    spec = gf.Data(source=source, batch_size=size)
    x, y = draw_batch(spec, 0)
    assert (x.shape, x.dtype) == ((size, spec.features), torch.float32)
    assert (y.shape, y.dtype) == ((size,), torch.int64)
    assert x.isfinite().all()
    assert ((y >= 0) & (y < spec.classes)).all()


def test_digits_are_scikit_learns():
    x, y = draw_batch(gf.Data(batch_size=1797), 3)
    images, labels = load_digits(return_X_y=True)
    images = torch.tensor((images - images.mean()) / images.std(), dtype=torch.float32)
    rows = {tuple(row): label for row, label in zip(images.tolist(), labels.tolist(), strict=True)}
    assert all(rows[tuple(row)] == label for row, label in zip(x.tolist(), y.tolist(), strict=True))
    assert x.unique(dim=0).shape == images.unique(dim=0).shape  # each image once
    assert x.double().mean().item() == pytest.approx(0, abs=1e-6)
    assert x.double().std(correction=0).item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("scale", "correlation"), [(1, 0), (5, 0), (2, 0.5), (1, 0.9), (3, 1)])
def test_gaussian(scale, correlation):
    spec = gf.Data(
        source="gaussian", batch_size=100, dimension=4000, scale=scale, correlation=correlation
    )
    x, y = draw_batch(spec, 0)
    second_moments = x.double() @ x.double().T / spec.dimension
    error = 6 * math.sqrt(2 / spec.dimension)
    diagonal = second_moments.diagonal() / scale**2
    assert ((diagonal - 1).abs() < error).all()
    between = second_moments[~torch.eye(100, dtype=bool)] / scale**2
    assert ((between - correlation).abs() < error).all()
    assert set(y.tolist()) == set(range(10))


@pytest.mark.parametrize("noise", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("source", ["moons", "spirals"])
def test_two_dimensional_sets(source, noise):
    x, y = draw_batch(gf.Data(source=source, batch_size=1000, noise=noise), 0)
    assert torch.allclose(x.mean(0), torch.zeros(2), atol=1e-5)
    assert torch.allclose(x.std(0, correction=0), torch.ones(2), atol=1e-5)
    assert 400 < y.sum() < 600


def test_spirals_without_noise_are_spirals():
    x, y = draw_batch(gf.Data(source="spirals", batch_size=500, noise=0), 0)
    # Undo the standardization: a spiral r·(cos, sin)(3πr + kπ), with labels k.
    offset, unit = fitted = fit_spiral_frame(x, y)
    points = (x.double() - offset) / unit
    radius = points.norm(dim=1)
    angle = 3 * math.pi * radius + math.pi * y
    assert torch.allclose(
        points, radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1), atol=1e-3
    )
    assert fitted is not None


def fit_spiral_frame(x, y):
    """Find the offset and scale of the plane from the points before their standardization."""
    generator = torch.Generator().manual_seed(2**31)
    labels = torch.randint(2, (len(x),), generator=generator)
    assert torch.equal(labels, y)
    radius = torch.rand(len(x), generator=generator).sqrt().double()
    angle = 3 * math.pi * radius + math.pi * labels
    points = torch.stack([radius * angle.cos(), radius * angle.sin()], 1)
    unit = points.std(0, correction=0)
    return -points.mean(0) / unit, 1 / unit


@pytest.mark.parametrize("source", Source)
def test_seeds(source):
    spec = gf.Data(source=source, batch_size=50)
    (x, y), (again, labels), (other, _) = (draw_batch(spec, seed) for seed in (7, 7, 8))
    assert torch.equal(x, again)
    assert torch.equal(y, labels)
    assert not torch.equal(x, other)
    draw_batch(spec, 2**31 - 1)  # the largest seed


def test_data_and_weights_are_not_the_same_numbers():
    for seed in (0, 1, 2**31 - 1):
        exp = gf.Experiment(
            network=gf.MLP(widths=(50,), initialization="normal", init_std=1.0),
            data=gf.Data(source="gaussian", batch_size=50, dimension=50),
            seed=seed,
            device="cpu",
        )
        x, _ = draw_batch(exp.data, seed)
        w = list_linears(build_network(exp, x))[0].weight.detach()
        correlation = (x.flatten() @ w.flatten()).item() / 2500
        assert abs(correlation) < 6 / math.sqrt(2500)


def test_sources_tell_the_truth():
    assert {source: (row.features, row.classes) for source, row in SOURCES.items()} == {
        "digits": (64, 10),
        "gaussian": (None, 10),
        "teacher": (None, 10),
        "moons": (2, 2),
        "spirals": (2, 2),
    }
