"""On a GPU: the same numbers as on the CPU, and nothing that waits for the device."""

from __future__ import annotations

import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import gradflow as gf
from gradflow.core.catalog import Activation
from gradflow.core.recording.device import DeviceSummarizer
from gradflow.core.recording.recorder import Recorder

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
@pytest.mark.parametrize("activation", [a for a in Activation if a != "rrelu"])  # draws on device
def test_same_numbers_as_on_the_cpu(activation, normalization):
    reports = [
        gf.run(
            gf.Experiment(
                network=gf.MLP(
                    depth=6, width=16, activation=activation, normalization=normalization
                ),
                dtype="float64",
                device=device,
            )
        )
        for device in ("cpu", "cuda")
    ]
    cpu, cuda = reports
    assert cuda.device.startswith("cuda")
    assert cuda.loss == pytest.approx(cpu.loss, rel=1e-10)
    for name in ("layers", "signals", "parameters"):
        a, b = getattr(cpu, name), getattr(cuda, name)
        numeric = a.select_dtypes("number").columns
        assert a.drop(columns=numeric).equals(b.drop(columns=numeric))
        assert_allclose(b[numeric], a[numeric], rtol=1e-8, atol=1e-12)
    for key, histogram in cpu.histograms.items():
        other = cuda.histograms[key]
        assert other.total == histogram.total
        # Rounding may move single entries across an edge.
        if len(other.counts) == len(histogram.counts):
            moved = abs(other.counts.cumsum() - histogram.counts.cumsum()).max()
            assert moved <= 0.001 * histogram.total + 2


def test_nothing_waits_for_the_device():
    """Everything between the first layer and ``collect`` runs ahead of the GPU."""
    model = nn.Sequential(
        nn.Linear(8, 16),
        nn.BatchNorm1d(16),
        nn.Tanh(),
        nn.Linear(16, 16),
        nn.ReLU(),
        nn.Linear(16, 4),
    ).cuda()
    x = torch.randn(32, 8, device="cuda")
    summarizer = DeviceSummarizer(1024.0)
    parameters = list(model.parameters())
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        with Recorder(model, summarizer):
            loss = model(x).square().mean()
        for parameter, gradient in zip(
            parameters, torch.autograd.grad(loss, parameters), strict=True
        ):
            summarizer.add_signal(parameter)
            summarizer.add_gradient(gradient)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    summaries = summarizer.collect()
    assert len(summaries.histograms) == 2 * 6 + 2 * len(parameters)


def test_the_random_state_of_the_device_is_left_alone():
    model = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.5), nn.Linear(16, 4)).cuda()
    before = torch.cuda.get_rng_state()
    gf.probe(model, torch.randn(4, 8).cuda(), torch.arange(4).cuda())
    assert torch.equal(torch.cuda.get_rng_state(), before)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_other_formats(dtype):
    exp = gf.Experiment(network=gf.MLP(depth=4, width=32), dtype=dtype, device="cuda")
    exact = gf.run(gf.Experiment(network=gf.MLP(depth=4, width=32), dtype="float64", device="cpu"))
    assert_allclose(gf.run(exp).layers["delta_norm"], exact.layers["delta_norm"], rtol=0.1)
