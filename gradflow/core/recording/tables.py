"""From records and parameter gradients to the three tables of a report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from gradflow.core.histogram import Histogram
from gradflow.core.recording.parameters import Parameters
from gradflow.core.recording.recorder import WEIGHT_KINDS, Record, Stream
from gradflow.core.recording.summary import NONE, FloatArray, Summaries
from gradflow.core.report import COLUMNS, Quantity, table


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

    @property
    def activation(self) -> int:
        """Ticket of the output of the layer's last activation module."""
        return next((r.signal for r in reversed(self.records) if r.kind == "activation"), NONE)


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
    records: Sequence[Record], layers: Sequence[Layer], summaries: Summaries
) -> pd.DataFrame:
    number = {id(record): layer.number for layer in layers for record in layer.records}
    signals, gradients = [r.signal for r in records], [r.gradient for r in records]
    return table("signals", {
        "order": range(1, len(records) + 1),
        "layer": [number.get(id(record), 0) for record in records],
        "module": [record.name for record in records],
        "kind": [record.kind for record in records],
        "shape": [shown(record.shape) for record in records],
        **_columns(summaries, signals, (
            "mean", "std", "rms", "low", "high", "saturated", "zero", "dead_units", "nonfinite",
            "similarity",
        ), {"low": "min", "high": "max"}),
        **_columns(summaries, gradients, (
            "mean", "std", "rms", "norm", "max_abs", "zero", "nonfinite",
        ), {"max_abs": "max"}, "grad_"),
    })  # fmt: skip


def layers_table(
    layers: Sequence[Layer],
    summaries: Summaries,
    parameters: Parameters,
    update_ratio: FloatArray,
) -> pd.DataFrame:
    first, last = [layer.first for layer in layers], [layer.last for layer in layers]
    modules = [record.module for record in first]
    weight, bias = parameters.rows(modules, "weight"), parameters.rows(modules, "bias")
    fan = [fans(module) for module in modules]
    return table("layers", {
        "layer": [layer.number for layer in layers],
        "module": [record.name for record in first],
        "fan_in": [fan_in for fan_in, _ in fan],
        "fan_out": [fan_out for _, fan_out in fan],
        **_columns(summaries, [r.signal for r in first], ("mean", "std", "rms"),
                   prefix="preactivation_"),
        **_columns(summaries, [r.signal for r in last], ("mean", "std", "rms"),
                   prefix="activation_"),
        "similarity": summaries.column("similarity", [r.signal for r in last]),
        **_columns(summaries, [layer.activation for layer in layers], ("saturated", "dead_units")),
        **_columns(summaries, [r.gradient for r in first], ("norm", "rms"), prefix="delta_"),
        **_columns(summaries, [r.gradient for r in last], ("norm", "rms"),
                   prefix="activation_grad_"),
        "weight_norm": parameters.numbers["norm"][weight],
        "weight_grad_norm": parameters.numbers["grad_norm"][weight],
        "weight_grad_rms": parameters.numbers["grad_rms"][weight],
        "bias_grad_norm": parameters.numbers["grad_norm"][bias],
        "update_ratio": update_ratio[weight],
    })  # fmt: skip


def parameters_table(
    parameters: Parameters, layer_of: Mapping[str, int], update_ratio: FloatArray
) -> pd.DataFrame:
    return table("parameters", {
        "layer": [layer_of.get(name, 0) for name in parameters.names],
        "parameter": parameters.names,
        "shape": [shown(shape) for shape in parameters.shapes],
        **{name: column[:-1] for name, column in parameters.numbers.items()},
        "update_ratio": update_ratio[:-1],
    })  # fmt: skip


def layer_of_parameters(
    parameters: Mapping[str, Tensor], layers: Sequence[Layer]
) -> dict[str, int]:
    """Parameter name → number of the layer whose modules first use it (0: none)."""
    names = {id(parameter): name for name, parameter in parameters.items()}
    found: dict[str, int] = {}
    for layer in layers:
        for record in layer.records:
            if record.kind == "block":
                continue
            module = record.module
            # A recursive search is slow, and rarely needed.
            used = module.parameters() if module._modules else module._parameters.values()
            for parameter in used:
                if id(parameter) in names:
                    found.setdefault(names[id(parameter)], layer.number)
    return found


def histograms(
    layers: Sequence[Layer], summaries: Summaries, parameters: Parameters
) -> dict[tuple[Quantity, int], Histogram]:
    found: dict[tuple[Quantity, int], Histogram] = {}
    for layer in layers:
        weight, weight_grad = parameters.tickets.get(id(layer.first.module.weight), (NONE, NONE))
        sources: dict[Quantity, int] = {
            "preactivation": layer.first.signal,
            "activation": layer.last.signal,
            "delta": layer.first.gradient,
            "activation_grad": layer.last.gradient,
            "weight": weight,
            "weight_grad": weight_grad,
        }
        for what, ticket in sources.items():
            if ticket != NONE:
                found[what, layer.number] = summaries.histograms[ticket]
    return found


def stream_table(
    stream: Stream, summaries: Summaries
) -> tuple[pd.DataFrame, dict[tuple[Quantity, int], Histogram]]:
    """What runs between blocks, as ``report.layers`` has it: signal, gradient, no weights.

    Block 1 is row 1; row 0, if there is one, is what enters it.
    """
    start = [] if stream.start is None else [(stream.start.name, stream.start)]
    points = [*start, *stream.points]
    signals, gradients = [r.signal for _, r in points], [r.gradient for _, r in points]
    unknown = np.full(len(points), math.nan)
    number = range(1 - len(start), len(stream.points) + 1)
    columns: dict[str, Any] = dict.fromkeys(COLUMNS["layers"], unknown)
    columns |= {
        "layer": number,
        "module": [name for name, _ in points],
        "fan_in": [0] * len(points),
        "fan_out": [0] * len(points),
        **_columns(summaries, signals, ("mean", "std", "rms"), prefix="activation_"),
        "similarity": summaries.column("similarity", signals),
        **_columns(summaries, gradients, ("norm", "rms"), prefix="activation_grad_"),
    }
    histograms: dict[tuple[Quantity, int], Histogram] = {}
    for layer, signal, gradient in zip(number, signals, gradients, strict=True):
        histograms["activation", layer] = summaries.histograms[signal]
        if gradient != NONE:
            histograms["activation_grad", layer] = summaries.histograms[gradient]
    return table("layers", columns), histograms


def fans(module: nn.Module) -> tuple[int, int]:
    """``(fan_in, fan_out)``: numbers that enter one output, and outputs (channels) of a layer."""
    if isinstance(module, _ConvNd):
        window = math.prod(module.kernel_size)
        return module.in_channels // module.groups * window, module.out_channels
    return int(module.in_features), int(module.out_features)  # type: ignore[arg-type]


def shown(shape: tuple[int, ...]) -> str:
    """A shape as a table shows it: ``256×128``."""
    return "×".join(map(str, shape)) or "scalar"


def _columns(
    summaries: Summaries,
    tickets: Sequence[int],
    names: Sequence[str],
    renamed: Mapping[str, str] | None = None,
    prefix: str = "",
) -> dict[str, FloatArray]:
    renamed = renamed or {}
    return {prefix + renamed.get(n, n): summaries.column(n, tickets) for n in names}
