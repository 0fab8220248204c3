"""Statistics per seed of a stacked network, taken while its one pass for all seeds runs.

Every signal and gradient is (seeds, batch, units); each is reduced on the spot to a few float64
numbers per seed, on its own device. No gradient is kept, and nothing waits for the device.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy.typing as npt
import torch
from torch import Tensor, nn

from gradflow.core.recording import seed_kernels
from gradflow.core.recording.summary import Response

COLUMNS = (
    "preactivation_std", "activation_mean", "activation_std", "activation_rms", "saturated",
    "dead_units", "delta_norm", "activation_grad_norm", "weight_grad_norm",
)  # fmt: skip
"""Columns of ``report.layers`` that are measured for every seed."""


class Statistics(Protocol):
    """Of each of the ``seeds`` parts of a tensor, accumulated in float64: tensors (seeds,)."""

    def norms(self, x: Tensor) -> Tensor:
        """Frobenius norm."""

    def moments(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mean, population standard deviation and root mean square."""

    def response(self, x: Tensor, response: Response) -> tuple[Tensor, Tensor]:
        """Share of saturated entries (NaN where none can be), and number of dead units."""


class SeedRecorder:
    """Hooks on a stacked network; use as a context manager around its forward pass.

    After the backward pass, ``numbers`` gives the columns. A layer is one weight module and all
    that runs after it up to the next, as in a report.

    Args:
        activation: the module class whose outputs ``saturated`` and ``dead_units`` are about, if
            there is one.
        response: what to count in them.
        loss_scale: gradients are divided by it.
    """

    def __init__(
        self,
        model: nn.Module,
        statistics: Statistics,
        activation: type[nn.Module] | None,
        response: Response,
        loss_scale: float,
    ) -> None:
        self._model = model
        self._statistics = statistics
        self._activation = activation
        self._response = response
        self._loss_scale = loss_scale
        self._layers: list[dict[str, Tensor]] = []
        self._last_output: Tensor | None = None
        self._handles: list[Any] = []

    def __enter__(self) -> SeedRecorder:
        for module in self._model.modules():
            hook = self._weighted if isinstance(module, nn.Linear) else self._followed
            self._handles.append(module.register_forward_hook(hook))
        return self

    def __exit__(self, error: object, *_: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        if error is None:
            self._close_layer()
        self._last_output = None

    def numbers(self) -> Tensor:
        """``(columns, layers, seeds)`` in float64, on the device."""
        nothing = torch.full_like(self._layers[0]["preactivation_std"], math.nan)
        return torch.stack([
            torch.stack([layer.get(column, nothing) for layer in self._layers])
            for column in COLUMNS
        ])  # fmt: skip

    def _weighted(self, _module: nn.Module, args: tuple[Tensor], z: Tensor) -> None:
        self._close_layer()
        layer: dict[str, Tensor] = {}
        self._layers.append(layer)
        self._last_output = z
        statistics, scale, inputs = self._statistics, self._loss_scale, args[0].detach()
        _, layer["preactivation_std"], _ = statistics.moments(z.detach())

        def watch(delta: Tensor) -> None:
            layer["delta_norm"] = statistics.norms(delta) / scale
            layer["weight_grad_norm"] = statistics.norms(delta.mT @ inputs) / scale

        z.register_hook(watch)  # type: ignore[no-untyped-call]

    def _followed(self, module: nn.Module, _args: Any, output: Tensor) -> None:
        self._last_output = output
        if self._activation is not None and isinstance(module, self._activation):
            layer = self._layers[-1]
            layer["saturated"], layer["dead_units"] = self._statistics.response(
                output.detach(), self._response
            )

    def _close_layer(self) -> None:
        """The last output before the next weight module is the layer's activation."""
        if self._last_output is None:
            return
        a, self._last_output = self._last_output, None
        layer, statistics, scale = self._layers[-1], self._statistics, self._loss_scale
        layer["activation_mean"], layer["activation_std"], layer["activation_rms"] = (
            statistics.moments(a.detach())
        )

        def watch(gradient: Tensor) -> None:
            layer["activation_grad_norm"] = statistics.norms(gradient) / scale

        a.register_hook(watch)  # type: ignore[no-untyped-call]


class HostStatistics:
    """On the CPU, with compiled loops."""

    def norms(self, x: Tensor) -> Tensor:
        _, _, rms = self.moments(x)
        return rms * math.sqrt(x[0].numel())

    def moments(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = seed_kernels.moments(_contiguous(x).reshape(len(x), -1))
        mean, std, rms = torch.from_numpy(found).unbind(1)
        return mean, std, rms

    def response(self, x: Tensor, response: Response) -> tuple[Tensor, Tensor]:
        everything = (-math.inf, math.inf)
        found = seed_kernels.responses(
            _contiguous(x), *(response.unsaturated or everything), *(response.alive or everything)
        )
        saturated, dead = torch.from_numpy(found).unbind(1)
        return (
            saturated if response.unsaturated else torch.full_like(saturated, math.nan),
            dead if response.alive else torch.zeros_like(dead),
        )


class DeviceStatistics:
    """On an accelerator (or anywhere), without synchronizing."""

    def norms(self, x: Tensor) -> Tensor:
        x, unit = _scaled(x)
        return unit * x.square().sum((1, 2)).sqrt()

    def moments(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, unit = _scaled(x)
        mean = x.mean((1, 2))
        std = (x - mean[:, None, None]).square().mean((1, 2)).sqrt()
        return unit * mean, unit * std, unit * x.square().mean((1, 2)).sqrt()

    def response(self, x: Tensor, response: Response) -> tuple[Tensor, Tensor]:
        x = _widened(x)
        saturated = dead = x.new_full((len(x),), math.nan, dtype=torch.float64)
        if response.unsaturated is not None:
            low, high = response.unsaturated
            outside = ~((x >= low) & (x <= high)) & ~x.isnan()
            saturated = outside.double().mean((1, 2))
        if response.alive is None:
            return saturated, torch.zeros_like(dead)
        flat = (x <= response.alive[0]) | (x >= response.alive[1])
        return saturated, flat.all(1).sum(1).double()


def _widened(x: Tensor) -> Tensor:
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def _scaled(x: Tensor) -> tuple[Tensor, Tensor]:
    """In float64, each seed's part divided by its largest entry, and that entry."""
    x = x.double()
    largest = x.abs().amax((1, 2))
    unit = largest.where((largest > 0) & largest.isfinite(), 1.0)
    return x / unit[:, None, None], unit


def _contiguous(x: Tensor) -> npt.NDArray[Any]:
    return _widened(x).contiguous().numpy()
