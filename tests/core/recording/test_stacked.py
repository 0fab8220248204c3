"""Statistics per member of a stack: closed forms, on the CPU's path and on the accelerator's."""

from __future__ import annotations

import math

import pytest
import torch
from numpy.testing import assert_allclose

from gradflow.core.catalog import LOSSES
from gradflow.core.codec import from_fields
from gradflow.core.networks.build import allocate_network
from gradflow.core.networks.stacked import list_linears, load_weights, stack
from gradflow.core.recording.stacked import (
    COLUMNS,
    DeviceStackedStatistics,
    HostStackedStatistics,
    StackedRecorder,
)
from gradflow.core.recording.summary import Response

PARTS = {
    "ordinary": [1.0, -2.0, 3.0, 6.0],
    "tiny": [1e-200, -2e-200, 3e-200, 6e-200],
    "huge": [1e200, -2e200, 3e200, 6e200],
    "constant": [7.0, 7.0, 7.0, 7.0],
    "zero": [0.0, 0.0, 0.0, 0.0],
    "infinite": [1.0, math.inf, 2.0, 3.0],
    "unknown": [1.0, math.nan, 2.0, 3.0],
}


@pytest.mark.parametrize("statistics", [HostStackedStatistics(), DeviceStackedStatistics()])
def test_statistics_of_each_part(statistics):
    x = torch.tensor(list(PARTS.values()), dtype=torch.float64).reshape(-1, 2, 2)
    root = math.sqrt(50 / 4 - 2**2)  # of 1, −2, 3, 6: mean 2, squares 50
    expected = {
        "ordinary": (math.sqrt(50), 2, root, math.sqrt(12.5)),
        "tiny": (math.sqrt(50) * 1e-200, 2e-200, root * 1e-200, math.sqrt(12.5) * 1e-200),
        "huge": (math.sqrt(50) * 1e200, 2e200, root * 1e200, math.sqrt(12.5) * 1e200),
        "constant": (14, 7, 0, 7),
        "zero": (0, 0, 0, 0),
        "infinite": (math.inf, math.inf, math.nan, math.inf),
        "unknown": (math.nan,) * 4,
    }
    for given in (x, x.mT.contiguous().mT):  # also where memory is in another order
        measured = torch.stack(
            [statistics.measure_norms(given), *statistics.measure_moments(given)], dim=1
        )
        for row, (name, values) in zip(measured, expected.items(), strict=True):
            assert_allclose(row, values, rtol=1e-14, err_msg=name)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("statistics", [HostStackedStatistics(), DeviceStackedStatistics()])
def test_saturated_and_dead(statistics, dtype):
    x = torch.tensor(
        [
            [[1.0, 0.0, -1.0], [1.0, 0.5, 0.5]],  # unit 1 dead; 3 of 6 outside
            [[math.nan, 0.0, 0.0], [0.0, 0.0, 1.0]],  # NaN is not saturated
            [[1.0, 1.0, -1.0], [1.0, math.inf, -1.0]],
        ],
        dtype=dtype,
    )
    saturated, dead = statistics.measure_response(x, Response((-0.97, 0.97), (-1.0, 1.0)))
    assert_allclose(saturated, [3 / 6, 1 / 6, 1])
    assert dead.tolist() == [1, 0, 3]
    saturated, dead = statistics.measure_response(x, Response(None, None))
    assert saturated.isnan().all()
    assert dead.tolist() == [0, 0, 0]


@pytest.mark.parametrize("statistics", [HostStackedStatistics(), DeviceStackedStatistics()])
def test_similarity(statistics):
    x = torch.tensor([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 2.0], [3.0, 0.0]], [[1.0, 0.0], [1.0, 1.0]]])
    assert_allclose(statistics.measure_similarity(x), [1, 0, math.sqrt(0.5)], atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("normalization", ["batch", "group"])
def test_nothing_waits_for_the_device(normalization, loss):
    """On the meta device there are no values: code that read one would raise."""
    small = {"depth": 5, "width": 8, "connection": "residual", "groups": 2}
    readout = "sigmoid" if LOSSES[loss].probabilities else "none"
    exp = from_fields(small | {"normalization": normalization, "loss": loss, "readout": readout})
    model = allocate_network(exp)
    shapes = [(layer.weight.shape, layer.bias.shape) for layer in list_linears(model)]
    stack(model)
    model.to("meta")
    weights = [torch.empty(4, *weight, device="meta") for weight, _ in shapes]
    biases = [torch.empty(4, *bias, device="meta") for _, bias in shapes]
    load_weights(model, weights, biases, range(4))
    recorder = StackedRecorder(
        model,
        DeviceStackedStatistics(),
        COLUMNS,
        {torch.nn.Tanh: Response((-0.97, 0.97), (-1.0, 1.0))},
        2.0,
    )
    with recorder:
        outputs = model(torch.empty(4, 6, 64, device="meta"))
    targets = torch.empty(4, 6, dtype=torch.int64, device="meta")
    pairs = zip(outputs.unbind(), targets.unbind(), strict=True)
    losses = torch.stack([LOSSES[exp.loss].function(*pair) for pair in pairs])
    torch.autograd.grad(losses.sum(), list_linears(model)[0].bias)
    assert recorder.collect().shape == (len(COLUMNS), 5, 4)
