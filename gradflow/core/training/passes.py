"""One recorded forward and backward pass of a training step."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradflow.core.recording.device import DeviceSummarizer
from gradflow.core.recording.host import HostSummarizer
from gradflow.core.recording.parameters import Parameters
from gradflow.core.recording.recorder import Recorder
from gradflow.core.recording.result import Recording, add_weights
from gradflow.core.recording.summary import Summarizer
from gradflow.core.training.layers import FloatArray, LayerMap, full_columns
from gradflow.core.training.light import LightRecorder
from gradflow.core.training.norms import Norms, combined
from gradflow.core.training.record import StepRecord
from gradflow.core.training.snapshot import Snapshot
from gradflow.core.training.task import Task


@dataclass(frozen=True, eq=False)
class Measured:
    """What a pass left behind, as plain numbers.

    Attributes:
        names: of the layers.
        groups: for each layer the positions of its weights among the parameters.
        columns: a value per layer.
        values: a copy of all parameters, flat.
        weights, gradients: a norm per parameter.
        weight_nonfinite, grad_nonfinite: non-finite entries per parameter.
        recording: what a report is made of, after a full recording.
    """

    names: tuple[str, ...]
    groups: list[list[int]]
    columns: Mapping[str, FloatArray]
    values: Tensor
    weights: FloatArray
    gradients: FloatArray
    weight_nonfinite: FloatArray
    grad_nonfinite: FloatArray
    recording: Recording | None

    def record(
        self, step: int, loss: float, clipped: FloatArray, moved: FloatArray, **numbers: Any
    ) -> StepRecord:
        """The record of the step, from the norms of gradients after clipping and of updates."""
        groups, everything = self.groups, [range(len(self.weights))]
        size = combined(self.weights, groups)
        weight_grad = combined(self.gradients, groups)
        grad_norm = float(combined(self.gradients, everything)[0])
        same = clipped is self.gradients
        clipped_norm = grad_norm if same else float(combined(clipped, everything)[0])
        factor = clipped_norm / grad_norm if grad_norm else 1.0
        snapshot = None
        if self.recording is not None:
            snapshot = Snapshot(self.recording, _ratio(moved, self.weights), factor)
        return StepRecord(
            step=step,
            loss=loss,
            grad_norm=grad_norm,
            clipped_grad_norm=clipped_norm,
            nonfinite=float(self.columns["nonfinite"].sum()),
            grad_nonfinite=float(self.grad_nonfinite.sum()),
            modules=self.names,
            layers={
                **self.columns,
                "weight_norm": size,
                "weight_grad_norm": weight_grad,
                "clipped_grad_norm": weight_grad if same else combined(clipped, groups),
                "grad_nonfinite": np.array([self.grad_nonfinite[g].sum() for g in groups]),
                "update_ratio": _ratio(combined(moved, groups), size),
            },
            snapshot=snapshot,
            **numbers,
        )


class RecordedPass:
    """Hooks on the model for one forward and backward pass, a context manager around the first.

    Args:
        task: whose model runs.
        layers: its weight modules.
        norms: of its parameters.
        full: with all histograms, for a report; otherwise the light statistics of a record.
        loss_scale: what the loss is multiplied by; gradients are divided by it.
        dtype: the number format of the signals.
    """

    def __init__(
        self,
        task: Task,
        layers: LayerMap,
        norms: Norms,
        *,
        full: bool,
        loss_scale: float,
        dtype: torch.dtype,
    ) -> None:
        self._task, self._layers, self._norms = task, layers, norms
        self._loss_scale, self._dtype = loss_scale, dtype
        self._start = time.perf_counter()
        self._recorder: Recorder | LightRecorder
        if full:
            on_host = layers.parameters[0].device.type == "cpu"
            make = HostSummarizer if on_host else DeviceSummarizer
            self._summarizer: Summarizer = make(loss_scale, torch.finfo(dtype).tiny / loss_scale)
            self._recorder = Recorder(task.model, self._summarizer)
        else:
            self._recorder = LightRecorder(layers, loss_scale)

    def __enter__(self) -> RecordedPass:
        self._recorder.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._recorder.__exit__(*error)

    def measured(self, loss: float) -> Measured:
        """After the backward pass, before anything changes parameters or their gradients."""
        parameters, norms, recording = self._layers.parameters, self._norms, None
        if isinstance(self._recorder, LightRecorder):
            modules, columns = self._recorder.columns()
        else:
            recording = self._recording(self._recorder, loss)
            modules, columns = full_columns(self._layers, recording.records, recording.summaries)
        values = norms.joined(parameters, 0)
        weights, weight_nonfinite = norms.of(values)
        gradients, grad_nonfinite = norms.of(norms.joined([p.grad for p in parameters], 1))
        return Measured(
            names=tuple(self._layers.names[id(module)] for module in modules),
            groups=self._layers.groups(modules),
            columns=columns,
            values=values,
            weights=weights,
            gradients=gradients / self._loss_scale,
            weight_nonfinite=weight_nonfinite,
            grad_nonfinite=grad_nonfinite,
            recording=recording,
        )

    def _recording(self, recorder: Recorder, loss: float) -> Recording:
        task, summarizer = self._task, self._summarizer
        named = dict(task.model.named_parameters())
        gradients = {id(p): p.grad for p in named.values() if p.grad is not None}
        tickets = add_weights(recorder.records, named, gradients, summarizer)
        summaries = summarizer.collect()
        measured = Parameters.measure(named, gradients, tickets, summaries, self._loss_scale)
        return Recording.from_recorder(
            task.model,
            recorder,
            summaries,
            measured,
            loss=loss,
            loss_scale=self._loss_scale,
            dtype=self._dtype,
            device=str(self._layers.parameters[0].device),
            seconds=time.perf_counter() - self._start,
            title=task.title,
            experiment=task.settings,
        )


def nearest_to_loss(groups: Sequence[Sequence[int]], nonfinite: FloatArray) -> int:
    """Number of the last layer with a non-finite entry, from 1; 0 if none has."""
    return max((i for i, g in enumerate(groups, start=1) if nonfinite[list(g)].any()), default=0)


def _ratio(step: FloatArray, size: FloatArray) -> FloatArray:
    """‖ΔW‖/‖W‖; 0 for what stays where it is, also at 0, and NaN for what leaves 0."""
    still = np.where(step == 0, 1.0, np.nan)
    with np.errstate(invalid="ignore", over="ignore"):
        return step / np.where(size, size, still)
