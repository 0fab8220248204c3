"""Small tasks in float64, and a network by hand, for the tests of training."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.training import Task


def make_data(seed: int = 0, samples: int = 12) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(samples, 5, generator=generator, dtype=torch.float64)
    return inputs, torch.randint(3, (samples,), generator=generator)


def make_network(seed: int = 1) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(5, 4), nn.Tanh(), nn.LayerNorm(4), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3)
        ).double()


def make_fixed_task(model: nn.Module | None = None, **settings: object) -> Task:
    """Always the same batch, so that every step can be done again by hand."""
    values = {
        "model": model or make_network(),
        "batches": itertools.repeat(make_data()),
        "loss": F.cross_entropy,
        "title": "by hand",
    }
    return Task(**values | settings)


def make_small_experiment(**settings: object) -> gf.Experiment:
    network = {"depth": 4, "width": 16} | settings
    return gf.Experiment(network=gf.MLP(**network), data=gf.Data(batch_size=32))
