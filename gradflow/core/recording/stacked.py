"""Statistics per member of a stacked network, taken while its one pass for all of them runs.

Every signal and gradient is (members, batch, units); each is reduced at once to a few float64
numbers per member, on its own device. No gradient is kept, and nothing waits for the device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

import numpy.typing as npt
import torch
from torch import Tensor, nn

from gradflow.core.recording import stacked_kernels
from gradflow.core.recording.device import compute_similarity
from gradflow.core.recording.gradients import watch_node
from gradflow.core.recording.summary import Response, to_full_precision

COLUMNS = (
    "preactivation_std",
    "activation_mean",
    "activation_std",
    "activation_rms",
    "similarity",
    "saturated",
    "dead_units",
    "delta_norm",
    "activation_grad_norm",
    "weight_grad_norm",
)
"""Columns of ``report.layers`` that can be measured for every member."""


class StackedStatistics(Protocol):
    """Statistics of each member's part of a tensor, accumulated in float64: tensors (members,)."""

    def measure_norms(self, x: Tensor) -> Tensor:
        """Measure the Frobenius norm."""

    def measure_moments(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Measure mean, population standard deviation and root mean square."""

    def measure_response(self, x: Tensor, response: Response) -> tuple[Tensor, Tensor]:
        """Measure the share of saturated entries (NaN where none can be), and count dead units."""

    def measure_similarity(self, x: Tensor) -> Tensor:
        """Measure the mean cosine between two samples; all-zero samples are left out."""


class StackedRecorder:
    """Hooks on a stacked network; use as a context manager around its forward pass.

    After the backward pass, ``collect`` gives the columns. A layer is one weight module and all
    that runs after it up to the next, as in a report.

    Args:
        model: the stacked network.
        statistics: of the device on which it runs.
        columns: which of ``COLUMNS`` to measure; the others cost nothing.
        responses: what to count in the outputs of activation modules, by their class.
        loss_scale: gradients are divided by it.
        blocks: modules whose outputs are the residual stream, one after another.
        advance: called between layers, forward and backward; what it raises ends the pass.
    """

    def __init__(
        self,
        model: nn.Module,
        statistics: StackedStatistics,
        columns: Collection[str],
        responses: Mapping[type[nn.Module], Response],
        loss_scale: float,
        blocks: Collection[nn.Module] = (),
        advance: Callable[[], None] = lambda: None,
    ) -> None:
        self._model = model
        self._advance = advance
        self._statistics = statistics
        self._columns = columns
        self._responses = responses if "saturated" in columns or "dead_units" in columns else {}
        self._loss_scale = loss_scale
        self._blocks = blocks
        self._layers: list[dict[str, Tensor]] = []
        self._stream: list[dict[str, Tensor]] = []
        self._last_output: Tensor | None = None
        self._handles: list[Any] = []

    def __enter__(self) -> StackedRecorder:
        for module in self._model.modules():
            hook = self._start_layer if isinstance(module, nn.Linear) else self._continue_layer
            self._handles.append(module.register_forward_hook(hook))
        for block in self._blocks:
            self._handles.append(block.register_forward_hook(self._extend_stream))
        return self

    def __exit__(self, error: object, *_: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        if error is None:
            self._close_layer()
        self._last_output = None

    def collect(self) -> Tensor:
        """Stack all columns: ``(columns, layers, members)`` in float64, on the device."""
        known = next(iter(self._layers[-1].values()))
        unknown = torch.full_like(known, math.nan)
        columns = [
            torch.stack([layer.get(column, unknown) for layer in self._layers])
            for column in self._columns
        ]
        return torch.stack(columns)

    def collect_stream(self) -> Tensor:
        """Stack ‖∂L/∂h‖ and RMS(∂L/∂h) behind each block: ``(2, blocks, members)``, as above."""
        if not self._stream:
            return self.collect().new_empty(2, 0, len(self._layers[-1]["delta_norm"]))
        names = ("norm", "rms")
        return torch.stack([torch.stack([point[name] for point in self._stream]) for name in names])

    def _extend_stream(self, _module: nn.Module, _args: Any, h: Tensor) -> None:
        point: dict[str, Tensor] = {}
        self._stream.append(point)
        statistics, scale, size = self._statistics, self._loss_scale, math.sqrt(h[0].numel())

        def watch(gradient: Tensor) -> None:
            point["norm"] = statistics.measure_norms(gradient) / scale
            point["rms"] = point["norm"] / size

        watch_node(h.grad_fn, h.output_nr, watch)

    def _start_layer(self, _module: nn.Module, args: tuple[Tensor], z: Tensor) -> None:
        self._close_layer()
        self._advance()
        layer: dict[str, Tensor] = {}
        self._layers.append(layer)
        self._last_output = z
        statistics, scale, advance = self._statistics, self._loss_scale, self._advance
        if "preactivation_std" in self._columns:
            _, layer["preactivation_std"], _ = statistics.measure_moments(z.detach())
        inputs = args[0].detach() if "weight_grad_norm" in self._columns else None

        def watch(delta: Tensor) -> None:
            advance()
            layer["delta_norm"] = statistics.measure_norms(delta) / scale
            if inputs is not None:
                layer["weight_grad_norm"] = statistics.measure_norms(delta.mT @ inputs) / scale

        watch_node(z.grad_fn, z.output_nr, watch)

    def _continue_layer(self, module: nn.Module, _args: Any, output: Tensor) -> None:
        self._last_output = output
        for kind, response in self._responses.items():
            if isinstance(module, kind):
                layer = self._layers[-1]
                layer["saturated"], layer["dead_units"] = self._statistics.measure_response(
                    output.detach(), response
                )

    def _close_layer(self) -> None:
        """Measure the last output before the next weight module, which is the activation."""
        if self._last_output is None:
            return
        a, self._last_output = self._last_output, None
        layer, statistics, scale = self._layers[-1], self._statistics, self._loss_scale
        layer["activation_mean"], layer["activation_std"], layer["activation_rms"] = (
            statistics.measure_moments(a.detach())
        )
        if "similarity" in self._columns:
            layer["similarity"] = statistics.measure_similarity(a.detach())

        def watch(gradient: Tensor) -> None:
            layer["activation_grad_norm"] = statistics.measure_norms(gradient) / scale

        if "activation_grad_norm" in self._columns:
            watch_node(a.grad_fn, a.output_nr, watch)


class HostStackedStatistics:
    """Statistics on the CPU, with compiled loops."""

    def measure_norms(self, x: Tensor) -> Tensor:
        _, _, rms = self.measure_moments(x)
        return rms * math.sqrt(x[0].numel())

    def measure_moments(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        moments = stacked_kernels.compute_stacked_moments(
            _to_contiguous_array(x).reshape(len(x), -1)
        )
        mean, std, rms = torch.from_numpy(moments).unbind(1)
        return mean, std, rms

    def measure_response(self, x: Tensor, response: Response) -> tuple[Tensor, Tensor]:
        all_numbers = (-math.inf, math.inf)
        responses = stacked_kernels.measure_stacked_responses(
            _to_contiguous_array(x),
            *(response.unsaturated or all_numbers),
            *(response.alive or all_numbers),
        )
        saturated, dead = torch.from_numpy(responses).unbind(1)
        return (
            saturated if response.unsaturated else torch.full_like(saturated, math.nan),
            dead if response.alive else torch.zeros_like(dead),
        )

    def measure_similarity(self, x: Tensor) -> Tensor:
        return torch.from_numpy(stacked_kernels.compute_similarities(_to_contiguous_array(x)))


class DeviceStackedStatistics:
    """Statistics on an accelerator (or anywhere), without synchronizing."""

    def measure_norms(self, x: Tensor) -> Tensor:
        x, unit = _scale_by_largest(x)
        return unit * x.square().sum((1, 2)).sqrt()

    def measure_moments(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, unit = _scale_by_largest(x)
        mean = x.mean((1, 2))
        std = (x - mean[:, None, None]).square().mean((1, 2)).sqrt()
        return unit * mean, unit * std, unit * x.square().mean((1, 2)).sqrt()

    def measure_response(self, x: Tensor, response: Response) -> tuple[Tensor, Tensor]:
        x = to_full_precision(x)
        saturated = dead = x.new_full((len(x),), math.nan, dtype=torch.float64)
        if response.unsaturated is not None:
            low, high = response.unsaturated
            outside = ~((x >= low) & (x <= high)) & ~x.isnan()
            saturated = outside.double().mean((1, 2))
        if response.alive is None:
            return saturated, torch.zeros_like(dead)
        flat = (x <= response.alive[0]) | (x >= response.alive[1])
        return saturated, flat.all(1).sum(1).double()

    def measure_similarity(self, x: Tensor) -> Tensor:
        return torch.stack([compute_similarity(part) for part in x])


def _scale_by_largest(x: Tensor) -> tuple[Tensor, Tensor]:
    """Divide each member's part by its largest entry, in float64; return also that entry."""
    x = x.double()
    largest = x.abs().amax((1, 2))
    unit = largest.where((largest > 0) & largest.isfinite(), 1.0)
    return x / unit[:, None, None], unit


def _to_contiguous_array(x: Tensor) -> npt.NDArray[Any]:
    return to_full_precision(x).contiguous().numpy()
