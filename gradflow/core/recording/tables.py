"""From records and parameter gradients to the three tables of a report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from gradflow.core.histogram import Histogram
from gradflow.core.recording.recorder import WEIGHT_KINDS, Record
from gradflow.core.recording.summary import Summary
from gradflow.core.report import Quantity, table

NAN = math.nan


@dataclass(slots=True)
class ParameterRecord:
    """One parameter tensor; histograms only where it is the weight of a layer."""

    name: str
    shape: tuple[int, ...]
    norm: float
    rms: float
    grad_norm: float = NAN
    grad_rms: float = NAN
    grad_max: float = NAN
    grad_zero: float = NAN
    grad_nonfinite: float = NAN
    value: Summary | None = None
    gradient: Summary | None = None


@dataclass(slots=True)
class Layer:
    """A weight module's call and the records that follow it up to the next one."""

    number: int
    records: list[Record]

    @property
    def first(self) -> Record:
        return self.records[0]

    @property
    def last(self) -> Record:
        return self.records[-1]


def grouped(records: Sequence[Record]) -> list[Layer]:
    """Layers in execution order; records before the first weight module belong to none."""
    layers: list[Layer] = []
    for record in records:
        if record.kind in WEIGHT_KINDS:
            layers.append(Layer(len(layers) + 1, []))
        if layers:
            layers[-1].records.append(record)
    return layers


def signals_table(
    records: Sequence[Record], layers: Sequence[Layer], summaries: Sequence[Summary]
) -> pd.DataFrame:
    number = {id(record): layer.number for layer in layers for record in layer.records}
    rows = []
    for order, record in enumerate(records, start=1):
        s, g = summaries[record.signal], _gradient(record, summaries)
        rows.append((
            order, number.get(id(record), 0), record.name, record.kind, shown(record.shape),
            s.mean, s.std, s.rms, s.low, s.high, s.saturated, s.zero_share, s.dead_units,
            s.nonfinite,
            *((g.mean, g.std, g.rms, g.norm, g.max_abs, g.zero_share, g.nonfinite)
              if g else (NAN,) * 7),
        ))  # fmt: skip
    return table("signals", rows)


def layers_table(
    layers: Sequence[Layer],
    summaries: Sequence[Summary],
    parameters: dict[int, ParameterRecord],
    learning_rate: float,
) -> pd.DataFrame:
    """``parameters`` finds the record of a parameter tensor by its ``id``."""
    rows = []
    for layer in layers:
        module = layer.first.module
        z, a = summaries[layer.first.signal], summaries[layer.last.signal]
        delta, grad = (_gradient(record, summaries) for record in (layer.first, layer.last))
        activations = [r for r in layer.records if r.kind == "activation"]
        phi = summaries[activations[-1].signal] if activations else None
        weight = parameters.get(id(module.weight))
        bias = parameters.get(id(module.bias))
        rows.append((
            layer.number, layer.first.name, *fans(module), z.mean, z.std, z.rms, a.mean, a.std,
            a.rms, phi.saturated if phi else NAN, phi.dead_units if phi else NAN,
            delta.norm if delta else NAN, delta.rms if delta else NAN,
            grad.norm if grad else NAN, grad.rms if grad else NAN,
            weight.norm if weight else NAN, weight.grad_norm if weight else NAN,
            weight.grad_rms if weight else NAN, bias.grad_norm if bias else NAN,
            _update_ratio(weight, learning_rate) if weight else NAN,
        ))  # fmt: skip
    return table("layers", rows)


def parameters_table(
    records: Sequence[ParameterRecord], layer_of: dict[str, int], learning_rate: float
) -> pd.DataFrame:
    rows = [
        (
            *(layer_of.get(r.name, 0), r.name, shown(r.shape), r.norm, r.rms),
            *(r.grad_norm, r.grad_rms, r.grad_max, r.grad_zero, r.grad_nonfinite),
            _update_ratio(r, learning_rate),
        )
        for r in records
    ]
    return table("parameters", rows)


def layer_of_parameters(model: nn.Module, layers: Sequence[Layer]) -> dict[str, int]:
    """Parameter name → number of the layer whose modules first use it (0: none)."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found: dict[str, int] = {}
    for layer in layers:
        for record in layer.records:
            if record.kind == "block":
                continue
            inner = bool(record.module._modules)  # a recursive search is slow, and rarely needed
            for parameter in record.module.parameters(recurse=inner):
                if id(parameter) in names:
                    found.setdefault(names[id(parameter)], layer.number)
    return found


def histograms(
    layers: Sequence[Layer], summaries: Sequence[Summary], parameters: dict[int, ParameterRecord]
) -> dict[tuple[Quantity, int], Histogram]:
    found: dict[tuple[Quantity, int], Histogram] = {}
    for layer in layers:
        weight = parameters.get(id(layer.first.module.weight))
        sources: dict[Quantity, Summary | None] = {
            "preactivation": summaries[layer.first.signal],
            "activation": summaries[layer.last.signal],
            "delta": _gradient(layer.first, summaries),
            "activation_grad": _gradient(layer.last, summaries),
            "weight": weight.value if weight else None,
            "weight_grad": weight.gradient if weight else None,
        }
        found.update({(what, layer.number): s.histogram for what, s in sources.items() if s})
    return found


def fans(module: nn.Module) -> tuple[int, int]:
    """``(fan_in, fan_out)``: numbers that enter one output, and outputs (channels) of a layer."""
    if isinstance(module, _ConvNd):
        window = math.prod(module.kernel_size)
        return module.in_channels // module.groups * window, module.out_channels
    return int(module.in_features), int(module.out_features)  # type: ignore[arg-type]


def shown(shape: tuple[int, ...]) -> str:
    """A shape as a table shows it: ``256×128``."""
    return "×".join(map(str, shape)) or "scalar"


def moments_of_small(tensors: list[Tensor]) -> list[tuple[float, float, float, int]]:
    """``(norm, max, zero share, non-finite)`` of many small tensors in one sweep, in float64."""
    if not tensors:
        return []
    flat = torch.cat([t.detach().reshape(-1) for t in tensors]).double().cpu().numpy()
    starts = np.cumsum([0, *(t.numel() for t in tensors[:-1])])
    size = np.array([t.numel() for t in tensors])
    magnitude = np.abs(flat)
    largest = np.maximum.reduceat(magnitude, starts)
    unit = np.where(np.isfinite(largest) & (largest > 0), largest, 1.0)
    with np.errstate(invalid="ignore"):
        square = np.add.reduceat((magnitude / np.repeat(unit, size)) ** 2, starts)
    zeros = np.add.reduceat(flat == 0, starts, dtype=np.int64) / size
    nonfinite = np.add.reduceat(~np.isfinite(flat), starts, dtype=np.int64)
    columns = (unit * np.sqrt(square), largest, zeros, nonfinite)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _gradient(record: Record, summaries: Sequence[Summary]) -> Summary | None:
    return None if record.gradient is None else summaries[record.gradient]


def _update_ratio(record: ParameterRecord, learning_rate: float) -> float:
    return learning_rate * record.grad_norm / record.norm if record.norm else NAN
