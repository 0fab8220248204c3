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

from gradflow.core.recording.device import count_dead_units_on_device
from gradflow.core.recording.host import count_dead_units, flatten
from gradflow.core.recording.recorder import find_kind, find_tensors
from gradflow.core.recording.summary import Response, to_full_precision
from gradflow.core.training import kernels
from gradflow.core.training.layers import FloatArray, LayerMap, units

COLUMNS = (
    "preactivation_std", "activation_mean", "activation_std", "activation_rms", "nonfinite",
    "saturated", "dead", "delta_norm",
)  # fmt: skip
_PREACTIVATION, _MEAN, _STD, _RMS, _NONFINITE, _SATURATED, _DEAD, _DELTA = range(len(COLUMNS))


_NO_INTERVAL = (math.inf, -math.inf)
Moments = tuple[Any, Any, Any, Any, Any, Any]
"""Mean, population standard deviation, root mean square, number of non-finite entries, share of
saturated entries (NaN where none can be), share of dead units (NaN of what is no activation)."""


class Statistics(Protocol):
    """Numbers of one tensor, on its device or as floats; accumulated in float64."""

    def moments(self, x: Tensor, response: Response | None = None) -> Moments:
        """Of a signal; ``response`` says what to count in that of an activation."""

    def norm(self, x: Tensor) -> Any:
        """Frobenius norm."""

    def collect(self, rows: Sequence[Sequence[Any]]) -> FloatArray:
        """All numbers of all layers."""


class LightRecorder:
    """Hooks on the modules of a model, a context manager around its forward pass.

    What it finds are the ``COLUMNS`` of every layer, a weight module and what runs after it.
    """

    def __init__(self, layers: LayerMap, loss_scale: float) -> None:
        self._layers = layers
        self._loss_scale = loss_scale
        on_host = layers.parameters[0].device.type == "cpu"
        self._statistics: Statistics = HostStatistics() if on_host else DeviceStatistics()
        self._rows: dict[int, list[Any]] = {}
        self._row: list[Any] | None = None
        self._last: Tensor | None = None
        self._channels = False
        self._responses = layers.responses
        self._handles: list[Any] = []

    def __enter__(self) -> LightRecorder:
        for module in self._layers.watched:
            hook = self._weight if id(module) in self._layers.weights else self._other
            self._handles.append(module.register_forward_hook(hook))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._last = None

    def columns(self) -> tuple[list[nn.Module], dict[str, FloatArray]]:
        """The layers' weight modules, and a value per layer for each of ``COLUMNS``."""
        numbers = self._statistics.collect(list(self._rows.values()))
        modules = [self._layers.modules[key] for key in self._rows]
        return modules, dict(zip(COLUMNS, numbers.T, strict=True))

    def _weight(self, module: nn.Module, _args: Any, output: Any) -> None:
        z = output if isinstance(output, Tensor) else next(find_tensors(output))
        self._rows.pop(id(module), None)  # of a module called again the last call counts
        mean, std, rms, nonfinite, _, _ = self._statistics.moments(z.detach())
        self._rows[id(module)] = self._row = row = [
            std, mean, std, rms, nonfinite, math.nan, math.nan, math.nan
        ]  # fmt: skip
        self._last, self._channels = z, find_kind(module) == "conv"
        if z.requires_grad:
            norm, scale = self._statistics.norm, self._loss_scale

            def watch(delta: Tensor) -> None:
                row[_DELTA] = norm(delta.detach()) / scale

            z.register_hook(watch)  # type: ignore[no-untyped-call]

    def _other(self, module: nn.Module, _args: Any, output: Any) -> None:
        """Any other output: as long as none follows, it is the layer's activation."""
        row = self._row
        if output is self._last or row is None or not isinstance(output, Tensor):
            return
        self._last = output
        response = self._responses.get(id(module))
        if response is not None and self._channels:
            response = replace(response, channels=True)
        found = self._statistics.moments(output.detach(), response)
        row[_MEAN], row[_STD], row[_RMS] = found[:3]
        row[_NONFINITE] = row[_NONFINITE] + found[3]
        if response is not None:
            row[_SATURATED], row[_DEAD] = found[4:]


class HostStatistics:
    """On the CPU, at once, by compiled loops."""

    def moments(self, x: Tensor, response: Response | None = None) -> Moments:
        """See ``Statistics``."""
        x = to_full_precision(x)
        flat = flatten(x)
        unsaturated = response and response.unsaturated
        mean, std, rms, nonfinite, saturated, low, high = kernels.signal(
            flat, signed(flat), *(unsaturated or _NO_INTERVAL)
        )
        dead = math.nan
        if response is not None:
            dead = count_dead_units(x, low, high, response) / units(
                x.shape, channels=response.channels
            )
        return mean, std, rms, nonfinite, saturated if unsaturated else math.nan, dead

    def norm(self, x: Tensor) -> float:
        """See ``Statistics``."""
        flat = flatten(to_full_precision(x))
        rms, _ = kernels.root_mean_square(flat, signed(flat))
        return float(rms * math.sqrt(flat.size))

    def collect(self, rows: Sequence[Sequence[Any]]) -> FloatArray:
        """See ``Statistics``."""
        return np.array(rows, np.float64).reshape(-1, len(COLUMNS))


class DeviceStatistics:
    """On an accelerator (or anywhere), without waiting for it before ``collect``."""

    def moments(self, x: Tensor, response: Response | None = None) -> Moments:
        """See ``Statistics``."""
        wide, unit = scaled(x)
        mean = wide.mean()
        std = (wide - mean).square().mean().sqrt()
        rms = wide.square().mean().sqrt()
        saturated: Any = math.nan
        dead: Any = math.nan if response is None else 0.0
        if response is not None and response.unsaturated is not None:
            low, high = response.unsaturated
            saturated = (~((x >= low) & (x <= high)) & ~x.isnan()).double().mean()
        if response is not None and response.alive is not None:
            dead = count_dead_units_on_device(x, response) / units(
                x.shape, channels=response.channels
            )
        broken = (~x.isfinite()).sum().double()
        return unit * mean, unit * std, unit * rms, broken, saturated, dead

    def norm(self, x: Tensor) -> Tensor:
        """See ``Statistics``."""
        wide, unit = scaled(x)
        return unit * wide.square().sum().sqrt()

    def collect(self, rows: Sequence[Sequence[Any]]) -> FloatArray:
        """See ``Statistics``."""
        found = np.array(
            [[math.nan if isinstance(value, Tensor) else value for value in row] for row in rows],
            np.float64,
        ).reshape(-1, len(COLUMNS))
        places = [
            (i, j)
            for i, row in enumerate(rows)
            for j, value in enumerate(row)
            if isinstance(value, Tensor)
        ]
        if places:
            found[tuple(zip(*places, strict=True))] = (
                torch.stack([rows[i][j] for i, j in places]).cpu().numpy()
            )
        return found


def signed(flat: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same memory as signed integers of the same width."""
    return flat.view(np.int32 if flat.itemsize == 4 else np.int64)


def scaled(x: Tensor) -> tuple[Tensor, Tensor]:
    """In float64, divided by the largest absolute entry, and that entry (1 if 0 or not finite)."""
    x = x.double()
    largest = x.abs().amax()
    unit = largest.where((largest > 0) & largest.isfinite(), 1.0)
    return x / unit, unit
