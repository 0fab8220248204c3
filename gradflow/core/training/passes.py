"""One recorded forward and backward pass of a training step."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradflow.core.histogram import FloatArray
from gradflow.core.recording.device import DeviceSummarizer
from gradflow.core.recording.host import HostSummarizer
from gradflow.core.recording.parameters import Parameters
from gradflow.core.recording.recorder import Recorder
from gradflow.core.recording.result import Recording, add_weights, find_single_tickets
from gradflow.core.recording.summary import Summarizer
from gradflow.core.training.layers import LayerMap, summarize_layers
from gradflow.core.training.light import LightRecorder
from gradflow.core.training.norms import Norms, combine_norms
from gradflow.core.training.record import StepRecord
from gradflow.core.training.snapshot import StepSnapshot
from gradflow.core.training.task import Task


@dataclass(frozen=True, eq=False)
class PassMeasurements:
    """The numbers that a recorded pass left behind.

    Attributes:
        names: names of the layers.
        groups: for each layer the positions of its weights among the parameters.
        columns: a value per layer.
        values: a copy of all parameters, flat.
        weights, gradients: a norm per parameter.
        weight_nonfinite, grad_nonfinite: non-finite entries per parameter.
        recording: the raw material of a report, after a full recording; else ``None``.
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

    def make_record(
        self, step: int, loss: float, clipped: FloatArray, moved: FloatArray, **numbers: Any
    ) -> StepRecord:
        """Make the record of the step.

        Args:
            step: number of the step.
            loss: its loss.
            clipped: norm of the gradient of each parameter after clipping.
            moved: norm of the update of each parameter.
            numbers: other fields of ``StepRecord``.
        """
        groups, everything = self.groups, [range(len(self.weights))]
        size = combine_norms(self.weights, groups)
        weight_grad = combine_norms(self.gradients, groups)
        grad_norm = float(combine_norms(self.gradients, everything)[0])
        same = clipped is self.gradients
        clipped_norm = grad_norm if same else float(combine_norms(clipped, everything)[0])
        factor = clipped_norm / grad_norm if grad_norm else 1.0
        snapshot = None
        if self.recording is not None:
            snapshot = StepSnapshot(self.recording, _divide_norms(moved, self.weights), factor)
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
                "clipped_grad_norm": weight_grad if same else combine_norms(clipped, groups),
                "grad_nonfinite": np.array([self.grad_nonfinite[g].sum() for g in groups]),
                "update_ratio": _divide_norms(combine_norms(moved, groups), size),
            },
            snapshot=snapshot,
            **numbers,
        )


class RecordedPass:
    """Hooks on a model for one forward and backward pass, a context manager around the forward one.

    Args:
        task: the task whose model runs.
        layers: its weight modules.
        norms: the norms of its parameters.
        full: whether to record all histograms, for a report, or the light statistics of a record.
        loss_scale: factor on the loss; gradients are divided by it.
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
            self._summarizer: Summarizer = make(loss_scale)
            self._recorder = Recorder(task.model, self._summarizer)
        else:
            self._recorder = LightRecorder(layers, loss_scale)

    def __enter__(self) -> RecordedPass:
        self._recorder.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._recorder.__exit__(*error)

    def measure(self, loss: float) -> PassMeasurements:
        """Measure after the backward pass, before parameters or their gradients change."""
        parameters, norms, recording = self._layers.parameters, self._norms, None
        if isinstance(self._recorder, LightRecorder):
            modules, columns = self._recorder.collect_columns()
        else:
            recording = self._build_recording(self._recorder, loss)
            records, summaries = recording.records, recording.summaries
            modules, columns = summarize_layers(self._layers, records, summaries)
        values = norms.join(parameters, 0)
        weights, weight_nonfinite = norms.measure(values)
        gradients, grad_nonfinite = norms.measure(norms.join([p.grad for p in parameters], 1))
        return PassMeasurements(
            names=tuple(self._layers.names[id(module)] for module in modules),
            groups=self._layers.group_weights(modules),
            columns=columns,
            values=values,
            weights=weights,
            gradients=gradients / self._loss_scale,
            weight_nonfinite=weight_nonfinite,
            grad_nonfinite=grad_nonfinite,
            recording=recording,
        )

    def _build_recording(self, recorder: Recorder, loss: float) -> Recording:
        task, summarizer = self._task, self._summarizer
        named = dict(task.model.named_parameters())
        gradients = {name: p.grad for name, p in named.items() if p.grad is not None}
        weights = add_weights(recorder.records, named, gradients, summarizer)
        summaries = summarizer.collect()
        tickets = find_single_tickets(weights)
        measured = Parameters.measure(named, gradients, tickets, summaries, self._loss_scale)
        return Recording.from_recorder(
            task.model,
            recorder,
            summaries,
            measured,
            weights,
            loss=loss,
            loss_scale=self._loss_scale,
            dtype=self._dtype,
            device=str(self._layers.parameters[0].device),
            seconds=time.perf_counter() - self._start,
            title=task.title,
            experiment=task.settings,
        )


def find_nearest_to_loss(groups: Sequence[Sequence[int]], nonfinite: FloatArray) -> int:
    """Find the last layer with a non-finite entry: its number from 1, or 0 if there is none."""
    return max((i for i, g in enumerate(groups, start=1) if nonfinite[list(g)].any()), default=0)


def _divide_norms(step: FloatArray, size: FloatArray) -> FloatArray:
    """Divide ‖ΔW‖ by ‖W‖: 0 for weights that stay, also at 0, and NaN for those that leave 0."""
    still = np.where(step == 0, 1.0, np.nan)
    with np.errstate(invalid="ignore", over="ignore"):
        return step / np.where(size, size, still)
