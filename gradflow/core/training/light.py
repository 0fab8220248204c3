"""The light recording: statistics of every layer without histograms, for every step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gradflow.core.histogram import FloatArray
from gradflow.core.recording.device import count_dead_units_on_device
from gradflow.core.recording.gradients import watch_result
from gradflow.core.recording.host import count_dead_units, flatten
from gradflow.core.recording.modules import find_kind, find_tensors
from gradflow.core.recording.summary import Response, to_full_precision
from gradflow.core.training import kernels
from gradflow.core.training.layers import LayerMap, count_units

LIGHT_COLUMNS = (
    "preactivation_std",
    "activation_mean",
    "activation_std",
    "activation_rms",
    "nonfinite",
    "saturated",
    "dead",
    "delta_norm",
)
"""The numbers of a layer that a light recording gives."""
_PREACTIVATION, _MEAN, _STD, _RMS, _NONFINITE, _SATURATED, _DEAD, _DELTA = range(len(LIGHT_COLUMNS))
_NO_INTERVAL = (math.inf, -math.inf)
SignalMoments = tuple[Any, Any, Any, Any, Any, Any]
"""Mean, population standard deviation, root mean square, number of non-finite entries, share of
saturated entries (NaN where none can be), share of dead units (NaN unless it is an activation)."""


class LightStatistics(Protocol):
    """Statistics of one tensor, on its device or as floats; accumulated in float64."""

    def measure_moments(self, x: Tensor, response: Response | None = None) -> SignalMoments:
        """Measure a signal; ``response`` says what to count in the output of an activation."""

    def measure_norm(self, x: Tensor) -> Any:
        """Measure the Frobenius norm."""

    def collect(self, rows: Sequence[Sequence[Any]]) -> FloatArray:
        """Collect all numbers of all layers, ``(layers, columns)``."""


class LightRecorder:
    """Hooks on the modules of a model, a context manager around its forward pass.

    It records the ``LIGHT_COLUMNS`` of every layer: a weight module and what runs after it.
    """

    def __init__(self, layers: LayerMap, loss_scale: float) -> None:
        self._layers = layers
        self._loss_scale = loss_scale
        on_host = layers.parameters[0].device.type == "cpu"
        self._statistics: LightStatistics = (
            LightHostStatistics() if on_host else LightDeviceStatistics()
        )
        self._rows: dict[int, list[Any]] = {}
        self._row: list[Any] | None = None
        self._last: Tensor | None = None
        self._channels = False
        self._responses = layers.responses
        self._handles: list[Any] = []

    def __enter__(self) -> LightRecorder:
        for module in self._layers.watched:
            has_weights = id(module) in self._layers.weights
            hook = self._record_weight_module if has_weights else self._record_other_module
            self._handles.append(module.register_forward_hook(hook))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._last = None

    def collect_columns(self) -> tuple[list[nn.Module], dict[str, FloatArray]]:
        """Collect the layers' weight modules, and a value per layer for each ``LIGHT_COLUMNS``."""
        numbers = self._statistics.collect(list(self._rows.values()))
        modules = [self._layers.modules[key] for key in self._rows]
        return modules, dict(zip(LIGHT_COLUMNS, numbers.T, strict=True))

    def _record_weight_module(self, module: nn.Module, _args: Any, output: Any) -> None:
        z = output if isinstance(output, Tensor) else next(find_tensors(output))
        self._rows.pop(id(module), None)  # of a module called again the last call counts
        mean, std, rms, nonfinite, _, _ = self._statistics.measure_moments(z.detach())
        row = [std, mean, std, rms, nonfinite, *[math.nan] * 3]
        self._rows[id(module)] = self._row = row
        self._last, self._channels = z, find_kind(module) == "conv"
        if z.requires_grad:
            norm, scale = self._statistics.measure_norm, self._loss_scale

            def watch(delta: Tensor) -> None:
                row[_DELTA] = norm(delta.detach()) / scale

            watch_result(z, watch)

    def _record_other_module(self, module: nn.Module, _args: Any, output: Any) -> None:
        """Record any other output: as long as none follows, it is the layer's activation."""
        row = self._row
        if output is self._last or row is None or not isinstance(output, Tensor):
            return
        self._last = output
        response = self._responses.get(id(module))
        if response is not None and self._channels:
            response = replace(response, channels=True)
        moments = self._statistics.measure_moments(output.detach(), response)
        row[_MEAN], row[_STD], row[_RMS] = moments[:3]
        row[_NONFINITE] = row[_NONFINITE] + moments[3]
        if response is not None:
            row[_SATURATED], row[_DEAD] = moments[4:]


class LightHostStatistics:
    """Statistics taken on the CPU, at once, by compiled loops."""

    def measure_moments(self, x: Tensor, response: Response | None = None) -> SignalMoments:
        """See ``LightStatistics``."""
        x = to_full_precision(x)
        flat = flatten(x)
        unsaturated = response and response.unsaturated
        mean, std, rms, nonfinite, saturated, low, high = kernels.summarize_signal(
            flat, view_as_integers(flat), *(unsaturated or _NO_INTERVAL)
        )
        dead = math.nan
        if response is not None:
            units = count_units(x.shape, channels=response.channels)
            dead = count_dead_units(x, low, high, response) / units
        return mean, std, rms, nonfinite, saturated if unsaturated else math.nan, dead

    def measure_norm(self, x: Tensor) -> float:
        """See ``LightStatistics``."""
        flat = flatten(to_full_precision(x))
        rms, _ = kernels.root_mean_square(flat, view_as_integers(flat))
        return float(rms * math.sqrt(flat.size))

    def collect(self, rows: Sequence[Sequence[Any]]) -> FloatArray:
        """See ``LightStatistics``."""
        return np.array(rows, np.float64).reshape(-1, len(LIGHT_COLUMNS))


class LightDeviceStatistics:
    """Statistics taken on any device, without waiting for it before ``collect``."""

    def measure_moments(self, x: Tensor, response: Response | None = None) -> SignalMoments:
        """See ``LightStatistics``."""
        wide, unit = divide_by_largest(x)
        mean = wide.mean()
        std = (wide - mean).square().mean().sqrt()
        rms = wide.square().mean().sqrt()
        saturated: Any = math.nan
        dead: Any = math.nan if response is None else 0.0
        if response is not None and response.unsaturated is not None:
            low, high = response.unsaturated
            saturated = (~((x >= low) & (x <= high)) & ~x.isnan()).double().mean()
        if response is not None and response.alive is not None:
            dead = count_dead_units_on_device(x, response) / count_units(
                x.shape, channels=response.channels
            )
        broken = (~x.isfinite()).sum().double()
        return unit * mean, unit * std, unit * rms, broken, saturated, dead

    def measure_norm(self, x: Tensor) -> Tensor:
        """See ``LightStatistics``."""
        wide, unit = divide_by_largest(x)
        return unit * wide.square().sum().sqrt()

    def collect(self, rows: Sequence[Sequence[Any]]) -> FloatArray:
        """See ``LightStatistics``."""
        numbers = np.array(
            [[math.nan if isinstance(value, Tensor) else value for value in row] for row in rows],
            np.float64,
        ).reshape(-1, len(LIGHT_COLUMNS))
        cells = [
            (i, j)
            for i, row in enumerate(rows)
            for j, value in enumerate(row)
            if isinstance(value, Tensor)
        ]
        if cells:
            numbers[tuple(zip(*cells, strict=True))] = (
                torch.stack([rows[i][j] for i, j in cells]).cpu().numpy()
            )
        return numbers


def view_as_integers(flat: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """View floating-point numbers as signed integers of the same width, without a copy."""
    return flat.view(np.int32 if flat.itemsize == 4 else np.int64)


def divide_by_largest(x: Tensor) -> tuple[Tensor, Tensor]:
    """Divide by the largest absolute entry, in float64; return that entry, too.

    It is taken as 1 if it is 0 or not finite.
    """
    x = x.double()
    largest = x.abs().amax()
    unit = largest.where((largest > 0) & largest.isfinite(), 1.0)
    return x / unit, unit
