"""Which modules and which parameters make the layers of a training record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from gradflow.core.histogram import FloatArray
from gradflow.core.recording.modules import (
    LAYER_KINDS,
    find_kind,
    find_response,
    list_watched_modules,
)
from gradflow.core.recording.records import Record
from gradflow.core.recording.summary import NONE, Summaries


class LayerMap:
    """The weight modules of ``model`` and their parameters.

    These are linear, convolutional and recurrent modules, numbered as the layers of a report.

    Attributes:
        parameters: all parameters of the model.
        names: name of every weight module, by its ``id``.
        modules: the weight modules, by ``id``.
        weights: positions among ``parameters`` of the weights of each weight module, by ``id``.
        watched: the modules whose outputs count.
        responses: what to count in the output of an activation module, by ``id``.
    """

    def __init__(self, model: nn.Module) -> None:
        self.parameters = list(model.parameters())
        position = {id(parameter): i for i, parameter in enumerate(self.parameters)}
        self.names: dict[int, str] = {}
        self.modules: dict[int, nn.Module] = {}
        self.weights: dict[int, list[int]] = {}
        modules = dict(model.named_modules())
        watched = list_watched_modules(modules)
        self.watched = [module for _, module, _ in watched]
        self.responses = {
            id(module): find_response(module) for _, module, kind in watched if kind == "activation"
        }
        for name, module in modules.items():
            owned = [p for p in module.parameters(recurse=False) if p.dim() > 1]
            if owned and find_kind(module) in LAYER_KINDS:
                self.names[id(module)] = name or "model"
                self.modules[id(module)] = module
                self.weights[id(module)] = [position[id(p)] for p in owned]

    def group_weights(self, modules: Sequence[nn.Module]) -> list[list[int]]:
        """Group the weights by module: their positions among ``parameters``."""
        return [self.weights[id(module)] for module in modules]


@dataclass(slots=True)
class _Layer:
    """The records of a weight module's last call and of what runs after it."""

    first: Record
    last: Record
    signals: list[int]
    activation: Record | None = None


def summarize_layers(
    layers: LayerMap, records: Sequence[Record], summaries: Summaries
) -> tuple[list[nn.Module], dict[str, FloatArray]]:
    """Summarize a full recording per layer, as ``LightRecorder.collect_columns`` does.

    Returns:
        The layers' weight modules, and a value per layer for each of ``LIGHT_COLUMNS``.
    """
    by_module: dict[int, _Layer] = {}
    current: _Layer | None = None
    for record in records:
        key = id(record.module)
        if key in layers.weights:
            if record.name.endswith("]") and not record.name.endswith("[0]"):
                continue  # of several outputs of one call the first is the layer's
            by_module.pop(key, None)  # of a module called again the last call counts
            current = by_module[key] = _Layer(record, record, [record.signal])
        elif current is not None:
            current.last = record
            current.signals.append(record.signal)
            if record.kind == "activation":
                current.activation = record
    rows = list(by_module.values())
    first, last = [row.first.signal for row in rows], [row.last.signal for row in rows]
    activations = [NONE if row.activation is None else row.activation.signal for row in rows]
    units = [_count_layer_units(row) for row in rows]
    columns = {
        "preactivation_std": summaries.get_column("std", first),
        "activation_mean": summaries.get_column("mean", last),
        "activation_std": summaries.get_column("std", last),
        "activation_rms": summaries.get_column("rms", last),
        "nonfinite": np.array(
            [summaries.get_column("nonfinite", row.signals).sum() for row in rows]
        ),
        "saturated": summaries.get_column("saturated", activations),
        "dead": summaries.get_column("dead_units", activations) / units,
        "delta_norm": summaries.get_column("norm", [row.first.gradient for row in rows]),
    }
    return [row.first.module for row in rows], columns


def count_units(shape: Sequence[int], *, channels: bool) -> int:
    """Count the outputs of a layer of this shape: its last axis, or its channels."""
    if len(shape) < 2:
        return 1
    return shape[1] if channels and len(shape) > 2 else shape[-1]


def _count_layer_units(layer: _Layer) -> float:
    if layer.activation is None:
        return math.nan
    return count_units(layer.activation.shape, channels=layer.first.kind == "conv")
