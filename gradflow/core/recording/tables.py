"""The three tables and the histograms of a report, from records and summaries."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradflow.core.frozen import Table
from gradflow.core.histogram import Histogram
from gradflow.core.recording.parameters import Parameters
from gradflow.core.recording.records import Record, Stream, WeightTickets
from gradflow.core.recording.summary import NONE, FloatArray, Summaries
from gradflow.core.report import TABLE_COLUMNS, Quantity, make_table
from gradflow.core.units import Units

_SIGNAL_COLUMNS = (
    *("mean", "std", "rms", "low", "high"),
    *("saturated", "zero", "dead_units", "nonfinite", "similarity"),
)
_GRADIENT_COLUMNS = ("mean", "std", "rms", "norm", "max_abs", "zero", "nonfinite")
_TABLE_NAMES = {"low": "min", "high": "max", "max_abs": "max"}
"""Names of summary columns in a table, where they differ."""


@dataclass(slots=True)
class Layer:
    """One call of a weight, and the records that follow it up to the next one.

    Attributes:
        number: from 1.
        records: the first is the weight's own output.
        last: the layer's activation a: of the records that act on its signal, the last.
        activation: ticket of the output of its activation function.
    """

    number: int
    records: list[Record]
    last: Record
    activation: int = NONE

    @property
    def first(self) -> Record:
        return self.records[0]

    def find_activation(self, acting: Sequence[Record]) -> None:
        """Find ``last`` and ``activation`` among the records and those known to act on it.

        An activation function that runs next may act on another layer (two side by side, say);
        then neither it nor what follows is of this one.
        """
        reach = []
        for record in self.records:
            if record.acts_on is not None and record not in acting:
                break
            if record.is_layer or record.kind != "recurrent":  # else a state that is handed on
                reach.append(record)
        activations = [record for record in reach if record.kind == "activation"]
        if acting and acting[0] not in reach:
            self.last, self.activation = acting[0], acting[0].signal
        else:
            self.last = reach[-1]
            self.activation = activations[-1].signal if activations else NONE


def group_layers(records: Sequence[Record]) -> list[Layer]:
    """Group records into layers in execution order; those before the first weight are left out."""
    layers: list[Layer] = []
    acting: dict[int, list[Record]] = {}
    for record in records:
        if record.is_layer:
            layers.append(Layer(len(layers) + 1, [], record))
        if layers:
            layers[-1].records.append(record)
        for layer in record.acts_on or ():
            acting.setdefault(id(layer), []).append(record)
    for group in layers:
        group.find_activation(acting.get(id(group.first), ()))
    return layers


def make_signals_table(
    records: Sequence[Record], layers: Sequence[Layer], summaries: Summaries
) -> Table:
    """Make the table of all recorded outputs; of some layers only the gradient is known."""
    number = {id(record): layer.number for layer in layers for record in layer.records}
    records = [record for record in records if record.signal != NONE]
    signals, gradients = [r.signal for r in records], [r.gradient for r in records]
    columns: dict[str, Any] = {
        "order": range(1, len(records) + 1),
        "layer": [number.get(id(record), 0) for record in records],
        "module": [record.name for record in records],
        "kind": [record.kind for record in records],
        "shape": [format_shape(record.shape) for record in records],
        **_read_columns(summaries, signals, _SIGNAL_COLUMNS),
        **_read_columns(summaries, gradients, _GRADIENT_COLUMNS, prefix="grad_"),
    }
    return make_table("signals", columns)


def make_layers_table(
    layers: Sequence[Layer],
    summaries: Summaries,
    parameters: Parameters,
    update_ratio: FloatArray,
) -> Table:
    """Make the table of layers."""
    first, last = [layer.first for layer in layers], [layer.last for layer in layers]
    z, a = [record.signal for record in first], [record.signal for record in last]
    z_grad, a_grad = [record.delta for record in first], [record.delta for record in last]
    activations = [layer.activation for layer in layers]
    weights = [record.weights for record in first]
    # A weight that is computed of several parameters is none of them.
    weights = [
        names if len(names) == 1 or record.kind == "recurrent" else ()
        for names, record in zip(weights, first, strict=True)
    ]
    biases = [record.biases for record in first]
    moments = ("mean", "std", "rms")
    columns: dict[str, Any] = {
        "layer": [layer.number for layer in layers],
        "module": [record.name.removesuffix("[0]") for record in first],
        "fan_in": [record.fans[0] for record in first],
        "fan_out": [record.fans[1] for record in first],
        **_read_columns(summaries, z, moments, prefix="preactivation_"),
        **_read_columns(summaries, a, moments, prefix="activation_"),
        "similarity": summaries.get_column("similarity", a),
        **_read_columns(summaries, activations, ("saturated", "dead_units")),
        **_read_columns(summaries, z_grad, ("norm", "rms"), prefix="delta_"),
        **_read_columns(summaries, a_grad, ("norm", "rms"), prefix="activation_grad_"),
        **parameters.describe_weights(weights, update_ratio),
        "bias_grad_norm": parameters.combine("grad_norm", biases),
    }
    return make_table("layers", columns)


def make_parameters_table(
    parameters: Parameters, layer_of: Mapping[str, int], update_ratio: FloatArray
) -> Table:
    """Make the table of parameters; ``layer_of`` gives their layers by name."""
    columns: dict[str, Any] = {
        "layer": [layer_of.get(name, 0) for name in parameters.names],
        "parameter": parameters.names,
        "shape": [format_shape(shape) for shape in parameters.shapes],
        **{name: column[:-1] for name, column in parameters.numbers.items()},
        "update_ratio": update_ratio[:-1],
    }
    return make_table("parameters", columns)


def collect_histograms(
    layers: Sequence[Layer], summaries: Summaries, weights: WeightTickets
) -> dict[tuple[Quantity, int], Histogram]:
    """Collect the recorded histograms of every layer and quantity."""
    histograms: dict[tuple[Quantity, int], Histogram] = {}
    for layer in layers:
        weight, weight_grad = weights.get(layer.first.weights, (NONE, NONE))
        sources: dict[Quantity, int] = {
            "preactivation": layer.first.signal,
            "activation": layer.last.signal,
            "delta": layer.first.delta,
            "activation_grad": layer.last.delta,
            "weight": weight,
            "weight_grad": weight_grad,
        }
        for what, ticket in sources.items():
            if ticket != NONE:
                histograms[what, layer.number] = summaries.histograms[ticket]
    return histograms


def collect_units(layers: Sequence[Layer], summaries: Summaries) -> dict[int, Units]:
    """Collect the recorded units of each layer, by its number."""
    tickets = {
        layer.number: layer.first.signal if layer.activation == NONE else layer.activation
        for layer in layers
    }
    return {
        n: summaries.units[ticket] for n, ticket in tickets.items() if ticket in summaries.units
    }


def make_stream_table(
    stream: Stream, summaries: Summaries
) -> tuple[Table, dict[tuple[Quantity, int], Histogram]]:
    """Make the table of the residual stream and its histograms, in the form of ``report.layers``.

    Signals and gradients are known, weights are not. Row 1 is the output of the first block; row
    0, if there is one, its input.
    """
    start = [] if stream.start is None else [(stream.start.name, stream.start)]
    points = [*start, *stream.points]
    signals, gradients = [r.signal for _, r in points], [r.gradient for _, r in points]
    unknown = np.full(len(points), math.nan)
    number = range(1 - len(start), len(stream.points) + 1)
    columns: dict[str, Any] = dict.fromkeys(TABLE_COLUMNS["layers"], unknown)
    columns |= {
        "layer": number,
        "module": [name for name, _ in points],
        "fan_in": [0] * len(points),
        "fan_out": [0] * len(points),
        **_read_columns(summaries, signals, ("mean", "std", "rms"), prefix="activation_"),
        "similarity": summaries.get_column("similarity", signals),
        **_read_columns(summaries, gradients, ("norm", "rms"), prefix="activation_grad_"),
    }
    histograms: dict[tuple[Quantity, int], Histogram] = {}
    for layer, signal, gradient in zip(number, signals, gradients, strict=True):
        histograms["activation", layer] = summaries.histograms[signal]
        if gradient != NONE:
            histograms["activation_grad", layer] = summaries.histograms[gradient]
    return make_table("layers", columns), histograms


def format_shape(shape: tuple[int, ...]) -> str:
    """Format a shape for a table: ``256×128``."""
    return "×".join(map(str, shape)) or "scalar"


def _read_columns(
    summaries: Summaries, tickets: Sequence[int], names: Sequence[str], *, prefix: str = ""
) -> dict[str, FloatArray]:
    """Read columns of summaries under the names that they have in a table."""
    return {
        prefix + _TABLE_NAMES.get(name, name): summaries.get_column(name, tickets) for name in names
    }
