"""Single units of a layer against plain torch, for both summarizers, and in reports."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import gradflow as gf
from gradflow.core.data import draw_batch
from gradflow.core.errors import InvalidReport
from gradflow.core.networks.build import build_network
from gradflow.core.recording.summary import Response
from gradflow.core.units import MOST_UNITS, Units
from tests.core.recording.test_summaries import both, draw_entries

RELU = Response(alive=(0.0, math.inf))
TANH = Response(unsaturated=(-0.97, 0.97), alive=(-1.0, 1.0))
ROWS = {
    "a layer": (draw_entries(20, 30), -1),
    "tokens": (draw_entries(4, 6, 30), -1),
    "channels": (draw_entries(5, 7, 3, 4), 1),
    "channels last": (draw_entries(5, 7, 3, 4).to(memory_format=torch.channels_last), 1),
    "behind flatten": (draw_entries(20, 9), 1),
    "transposed": (draw_entries(30, 20).T, -1),
    "one unit": (draw_entries(12), -1),
}


def summarize_units(summarizer, x: Tensor, unit_axis: int, response: Response) -> Units:
    instance = summarizer(1.0)
    ticket = instance.add_signal(x, response, units=True, channels=unit_axis == 1)
    units: Units = instance.collect().units[ticket]
    return units


def list_units(x: Tensor, unit_axis: int) -> Tensor:
    """List all entries of each unit."""
    if x.dim() < 2:
        return x.reshape(1, -1)
    return x.movedim(1 if unit_axis == 1 and x.dim() > 2 else -1, 0).flatten(1)


@both
@pytest.mark.parametrize("name", ROWS)
def test_units_are_those_of_plain_torch(summarizer, name: str) -> None:
    x, unit_axis = ROWS[name]
    for module, response in ((nn.ReLU(), RELU), (nn.Tanh(), TANH)):
        a = module(3 * x.float())
        first = a if a.dim() < 2 else a.select(1 if unit_axis == 1 else -1, 0)
        first.fill_(0.0 if isinstance(module, nn.ReLU) else 1.0)
        rows = list_units(a, unit_axis)
        channels = Response(response.unsaturated, response.alive, channels=unit_axis == 1)
        units = summarize_units(summarizer, a, unit_axis, channels)
        shown = rows[:MOST_UNITS].double()
        assert units.count == len(rows)
        assert units.mean_abs == pytest.approx(shown.abs().mean(1).tolist(), rel=1e-6)
        flat = shown == 0 if isinstance(module, nn.ReLU) else shown.abs() == 1
        assert list(units.dead) == flat.all(1).tolist()
        assert units.dead[0]
        if response is TANH:
            expected = (shown.abs() > 0.97).double().mean(1).tolist()
            assert units.saturated == pytest.approx(expected, abs=1e-12)
        else:
            assert all(map(math.isnan, units.saturated))


@both
@pytest.mark.parametrize("shape", [(3000, 30), (40, 8, 20, 20), (5, 30, 64, 64)])
def test_of_many_rows_some_stand_for_all(summarizer, shape: tuple[int, ...]) -> None:
    x = draw_entries(*shape).float().relu_()
    unit_axis = -1 if x.dim() == 2 else 1
    rows = list_units(x, unit_axis)
    x.select(unit_axis, 2).zero_()
    x.select(unit_axis, 5).zero_()[(-1,) * (x.dim() - 1)] = 1.0  # alive in one place alone
    response = Response(alive=(0.0, math.inf), channels=unit_axis == 1)
    units = summarize_units(summarizer, x, unit_axis, response)
    assert [i for i, dead in enumerate(units.dead) if dead] == [2]
    others = [i for i in range(len(units.dead)) if i not in (2, 5)]
    # 250 rows and more: five standard errors of E|x|₊ = 0.4, whose standard deviation is 0.58.
    assert np.array(units.mean_abs)[others] == pytest.approx(
        rows.mean(1).numpy()[others], abs=5 * 0.58 / math.sqrt(250)
    )


@pytest.mark.parametrize(
    "network",
    [
        gf.MLP(depth=4, width=40, activation="relu", initialization="normal", init_std=0.3),
        gf.MLP(depth=3, width=9, activation="tanh", normalization="layer", norm_position="after"),
        gf.ConvNet(depth=4, channels=5, activation="tanh", initialization="normal", init_std=0.5),
    ],
    ids=["relu", "norm-after", "conv"],
)
def test_a_report_has_the_units_of_each_layer(network) -> None:
    experiment = gf.Experiment(network=network, data=gf.Data(batch_size=4), device="cpu")
    x, _y = draw_batch(experiment.data, experiment.seed)
    model = build_network(experiment, x)
    outputs: list[Tensor] = []
    kind = nn.ReLU if network.activation == "relu" else nn.Tanh
    for module in model.modules():
        if isinstance(module, kind):
            module.register_forward_hook(lambda _m, _x, output: outputs.append(output.clone()))
    outputs.append(model(x))  # of the readout, the outputs themselves
    report = gf.run(experiment)
    assert list(report.units) == list(report.layers["layer"])
    for units, output in zip(report.units.values(), outputs, strict=True):
        rows = list_units(output.detach(), 1)
        assert units.count == len(rows)
        mean = rows.double().abs().mean(1)[:MOST_UNITS]
        assert units.mean_abs == pytest.approx(mean.tolist(), rel=1e-5, abs=1e-9)


def test_units_are_saved_and_older_files_have_none() -> None:
    network = gf.MLP(depth=3, width=6, activation="tanh")
    report = gf.run(gf.Experiment(network=network, data=gf.Data(batch_size=5), device="cpu"))
    loaded = gf.Report.from_json(report.to_json())
    for layer, units in report.units.items():
        again = loaded.units[layer]
        assert again.count == units.count
        for name in ("mean_abs", "dead", "saturated"):
            np.testing.assert_array_equal(getattr(again, name), getattr(units, name))
    data = json.loads(report.to_json())
    older = {name: value for name, value in data.items() if name != "units"}
    assert not gf.Report.from_json(json.dumps(older)).units
    for damage in ({"layer": 9}, {"count": 2}, {"dead": [1] * 6}, {"mean_abs": [-1.0] * 6}):
        units = [data["units"][0] | damage]
        with pytest.raises(InvalidReport, match="damaged"):
            gf.Report.from_json(json.dumps(data | {"units": units}))
