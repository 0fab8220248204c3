"""Counts beside the moments: saturation, dead units, and the similarity of the samples."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from gradflow.core.catalog import ACTIVATIONS, Activation
from gradflow.core.experiment import MLP
from gradflow.core.recording.summary import NONE, Response
from tests.core.recording.test_summaries import (
    INF,
    NAN,
    both,
    draw_entries,
    draw_entries_with,
    summarize,
)


def compute_slopes(module: torch.nn.Module, z: torch.Tensor) -> torch.Tensor:
    z = z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(module(z).sum(), z)
    return slope


def make_response(activation: Activation) -> tuple[Response, torch.nn.Module]:
    row = ACTIVATIONS[activation]
    spec = MLP(activation=activation, **({"elu_alpha": 1.5} if activation == "elu" else {}))
    module = row.module(spec)
    return Response(row.unsaturated and row.unsaturated(module), row.alive), module


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("activation", [a for a in Activation if ACTIVATIONS[a].unsaturated])
@both
def test_saturated_where_the_slope_is_below_6_percent_of_its_largest(summarizer, activation, dtype):
    response, module = make_response(activation)
    z = (4 * draw_entries(300, 40)).to(dtype)
    slope = compute_slopes(module, z)
    largest = compute_slopes(module, torch.tensor([-1e-9, 0.0, 1e-9, 1.0], dtype=dtype)).max()
    flat = slope < (1 - 0.97**2) * largest
    if activation == "relu6":
        flat &= z > 0  # its zero side is ReLU's: counted by ``zero`` and ``dead_units``
    expected = flat.double().mean().item()
    assert 0.001 < expected < 0.9
    summary = summarize(summarizer, module(z).detach(), gradient=False, response=response)
    assert summary.saturated == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("activation", [a for a in Activation if ACTIVATIONS[a].alive])
@both
def test_dead_where_the_slope_is_zero_for_every_sample(summarizer, activation):
    response, module = make_response(activation)
    z = draw_entries(20, 30).float()
    z[:, 3:6] = -200 - z[:, 3:6].abs()
    z[:, 8] = 200 + z[:, 8].abs()
    z[1:, 11] = -300.0
    z[0, 11] = 0.5  # alive for one sample
    z[:, 13] = torch.where(torch.arange(20) % 2 == 0, 400.0, -400.0)
    expected = (compute_slopes(module, z) == 0).all(0).sum().item()
    assert expected >= 3
    out = module(z).detach()
    assert summarize(summarizer, out, gradient=False, response=response).dead_units == expected
    transposed = out.T.contiguous().T
    assert (
        summarize(summarizer, transposed, gradient=False, response=response).dead_units == expected
    )


@pytest.mark.parametrize("activation", [a for a in Activation if not ACTIVATIONS[a].unsaturated])
@both
def test_no_saturation_where_there_is_no_bound(summarizer, activation):
    response, module = make_response(activation)
    out = module(draw_entries(20, 30).float()).detach()
    assert math.isnan(summarize(summarizer, out, gradient=False, response=response).saturated)


@both
def test_nan_is_not_saturated(summarizer):
    response, _ = make_response(Activation.TANH)
    x = torch.tensor([0.99, NAN, 0.0, -1.0])
    assert summarize(summarizer, x, gradient=False, response=response).saturated == 0.5


@both
def test_units_are_the_outputs_of_a_layer_wherever_it_is_applied(summarizer):
    response, _ = make_response(Activation.RELU)
    tokens = torch.rand(4, 5, 3) + 0.1
    tokens[..., 1] = 0.0
    tokens[:, 2] = 0.0  # a token, not a unit
    assert summarize(summarizer, tokens, gradient=False, response=response).dead_units == 1
    images = torch.rand(4, 6, 3, 3) + 0.1
    images[:, 1:3] = 0.0
    images[:, 4, 0] = 0.0  # pixels, not a channel
    channels = replace(response, channels=True)
    assert summarize(summarizer, images, gradient=False, response=channels).dead_units == 2
    flat = images.flatten(1)
    assert summarize(summarizer, flat, gradient=False, response=channels).dead_units == 21


@both
def test_nothing_recorded(summarizer):
    summaries = summarizer(1.0).collect()
    assert not summaries.histograms
    assert np.isnan(summaries.get_column("rms", [NONE, NONE])).all()


def compute_mean_cosine(x: np.ndarray) -> float:
    """Over all pairs of different rows, one after the other."""
    rows = x.reshape(len(x), -1).astype(np.longdouble)
    rows = rows / (np.abs(rows).max() or 1.0)
    rows = rows[(rows != 0).any(1)]
    cosines = [
        a @ b / np.sqrt((a @ a) * (b @ b))
        for i, a in enumerate(rows)
        for j, b in enumerate(rows)
        if i != j
    ]
    return float(np.mean(cosines)) if cosines else NAN


SAMPLES = {
    "random": draw_entries(12, 7),
    "alike": 3.0 + draw_entries(12, 7),
    "images": 0.5 + draw_entries(5, 2, 3, 3),
    "channels last": (0.5 + draw_entries(5, 2, 3, 3)).to(memory_format=torch.channels_last),
    "some rows zero": draw_entries(6, 5) * torch.tensor([1.0, 0, 1, 1, 0, 1]).double()[:, None],
    "one row left": draw_entries(3, 5) * torch.tensor([0.0, 0, 1]).double()[:, None],
    "all zero": torch.zeros(4, 3, dtype=torch.float64),
    "one sample": draw_entries(1, 5),
    "tiny": 1e-300 * draw_entries(6, 4),
    "subnormal": 1e-318 * (1 + draw_entries(6, 4).abs()),
    "huge": 1e300 * draw_entries(6, 4),
}


@pytest.mark.parametrize("name", SAMPLES)
@both
def test_similarity_is_the_mean_cosine_of_two_samples(summarizer, name):
    x = SAMPLES[name]
    similarity = summarize(summarizer, x, gradient=False).similarity
    tolerance = 1e-2 if name == "subnormal" else 1e-12
    assert similarity == pytest.approx(compute_mean_cosine(x.numpy()), abs=tolerance, nan_ok=True)


@both
def test_similarity_of_non_finite_or_flat_tensors_is_unknown(summarizer):
    for x in (draw_entries_with(NAN), draw_entries_with(INF), draw_entries(9), torch.tensor(2.0)):
        assert math.isnan(summarize(summarizer, x, gradient=False).similarity)
