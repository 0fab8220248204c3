"""The training loop: one forward and one backward pass a step, whether it is recorded or not."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradflow.core.catalog.optimizers import PRECISIONS, Clip
from gradflow.core.errors import InvalidExperiment
from gradflow.core.histogram import FloatArray
from gradflow.core.refusals import refuse_missing_operations
from gradflow.core.text import Text
from gradflow.core.training import noise_scale, optimizers
from gradflow.core.training.divergence import Divergence, Origin
from gradflow.core.training.evaluation import evaluate_held_out
from gradflow.core.training.frame import Frame
from gradflow.core.training.layers import LayerMap
from gradflow.core.training.norms import Norms
from gradflow.core.training.passes import PassMeasurements, RecordedPass, find_nearest_to_loss
from gradflow.core.training.plan import TrainingPlan
from gradflow.core.training.record import StepRecord
from gradflow.core.training.rehearsal import GROWN, STEPS, blame_targets
from gradflow.core.training.task import Batch, Task, make_task

Progress = Callable[[int, int], None]


def train(
    experiment: Any,
    plan: TrainingPlan | None = None,
    progress: Progress | None = None,
    frames: int = 0,
) -> Iterator[StepRecord]:
    """Train what ``experiment`` describes and yield a record of every recorded step.

    The run stops after ``plan.steps`` steps, or at the first loss that is not finite; its last
    record then says where that began (``StepRecord.divergence``). Same experiment and plan, same
    numbers; recording does not change them. Whoever drops the iterator ends the run.

    Args:
        experiment: an ``Experiment``, any other kind with a registered task, or a ``Task``.
        plan: how to train; by default 200 steps of plain SGD.
        progress: called with (steps done, steps in all) after every step; may raise to stop.
        frames: at most about so many recorded steps keep their distributions in short, for a film.

    Raises:
        InvalidExperiment: experiment and plan do not go together, or PyTorch lacks an operation of
            the network in this precision on the device.
        DeviceUnavailable: the experiment asks for a GPU and there is none.
    """
    trainer = Trainer(make_task(experiment), plan or TrainingPlan(), frames=frames)
    return _yield_records(trainer, progress)


def _yield_records(trainer: Trainer, progress: Progress | None) -> Iterator[StepRecord]:
    while not trainer.finished:
        record = trainer.advance()
        if progress is not None:
            progress(trainer.step, trainer.plan.steps)
        if record is not None:
            yield record


class Trainer:
    """A run that is advanced step by step.

    Args:
        task: the model with its data and loss.
        plan: the settings of the training.
        frames: at most about so many recorded steps keep their distributions in short.
        looks_into: whether a run that breaks is looked into by training it again.

    Attributes:
        task: the model with its data and loss.
        plan: the settings of the training.
        step: steps done.
        loss: the loss of the last step; NaN before the first.
        finished: whether no step is left, or the loss was not finite.
    """

    def __init__(
        self, task: Task, plan: TrainingPlan, frames: int = 0, *, looks_into: bool = True
    ) -> None:
        self.task = task
        self.plan = plan
        self.step = 0
        self.loss = math.nan
        self.finished = False
        self._layers = LayerMap(task.model)
        self._parameters = self._layers.parameters
        trained = [parameter for parameter in self._parameters if parameter.requires_grad]
        if not trained:
            raise InvalidExperiment(Text("model: it has no parameter to train"), fields=("model",))
        optimizers.check_precision(trained, plan)
        self._trained = trained
        self._device = trained[0].device
        self._autocast = PRECISIONS[plan.precision].dtype
        self._optimizer = optimizers.build_optimizer(trained, plan)
        self._scaler = optimizers.build_scaler(plan, self._device)
        self._norms = Norms(self._parameters)
        self._groups: list[list[int]] = []
        self._recorded = {step: index for index, step in enumerate(plan.recorded_steps)}
        self._reported = plan.reported_steps
        self._framed = plan.list_framed_steps(frames)
        self._noise = noise_scale.NoiseScale()
        self._overflowed: tuple[int, int] | None = None
        self._looks_into = looks_into

    def advance(self) -> StepRecord | None:
        """Compute one step; return its record if it is to be recorded or its loss is not finite."""
        self.step += 1
        batch = next(self.task.batches)
        with (
            refuse_missing_operations("precision", self.plan.precision, self._device),
            torch.inference_mode(False),
            torch.enable_grad(),
        ):
            record = self._compute_step(batch)
        self.finished = self.finished or self.step == self.plan.steps
        return record

    def _compute_step(self, batch: Batch) -> StepRecord | None:
        index = self._recorded.get(self.step)
        extras = {} if index is None else self._measure_extras(batch, index)
        self._optimizer.zero_grad()
        recorded = (
            None
            if index is None
            else self._prepare_recording(full=self.step in self._reported | self._framed)
        )
        outputs, loss = self._run_forward(batch, recorded or nullcontext())
        value = self.loss = float(loss.detach())
        if not math.isfinite(value):
            self.finished = True
            return self._record_divergence(batch, value)
        rate = self.plan.compute_rate(self.step)
        optimizers.set_rate(self._optimizer, rate)
        scale = self._scaler.get_scale()
        torch.autograd.backward(self._scaler.scale(loss))
        if recorded is None:
            self._update()
            return None
        measured = recorded.measure(value)
        self._groups = measured.groups
        clipped = self._update(measured)
        after = self._norms.join(self._parameters, 1)
        record = measured.make_record(
            self.step,
            value,
            clipped,
            self._norms.measure_distances(after, measured.values),
            accuracy=self._measure_accuracy(outputs, batch),
            learning_rate=rate,
            loss_scale=scale,
            skipped=self._scaler.get_scale() < scale,
            **extras,
        )
        return self._shorten_record(record)

    def _shorten_record(self, record: StepRecord) -> StepRecord:
        """Keep of a step's distributions what is asked for."""
        if record.snapshot is None:
            return record
        frame = Frame.take(record.snapshot.make_report()) if self.step in self._framed else None
        snapshot = record.snapshot if self.step in self._reported else None
        return dataclasses.replace(record, snapshot=snapshot, frame=frame)

    def _prepare_recording(self, *, full: bool) -> RecordedPass:
        return RecordedPass(
            self.task,
            self._layers,
            self._norms,
            full=full,
            loss_scale=self._scaler.get_scale(),
            dtype=self._autocast or self._trained[0].dtype,
        )

    def _run_forward(
        self, batch: Batch, recording: AbstractContextManager[object]
    ) -> tuple[Any, Tensor]:
        """Compute outputs and loss; ``recording`` is entered for the model alone."""
        with recording:
            outputs = self._compute_outputs(batch[0])
        return outputs, self.task.loss(outputs, batch[1])

    def _compute_outputs(self, inputs: Any) -> Any:
        if self._autocast is None:
            return self.task.model(inputs)
        with torch.autocast(self._device.type, dtype=self._autocast):
            return self.task.model(inputs)

    def _measure_accuracy(self, outputs: Any, batch: Batch) -> float:
        if self.task.accuracy is None:
            return math.nan
        with torch.no_grad():
            return float(self.task.accuracy(outputs, batch[1]))

    def _measure_extras(self, batch: Batch, index: int) -> dict[str, float]:
        """Measure what takes passes of its own: held-out data, and the noise of the gradient."""
        plan, task = self.plan, self.task
        numbers: dict[str, float] = {}
        last = self.step == plan.steps
        if plan.evaluate_every and (index % plan.evaluate_every == 0 or last):
            numbers = evaluate_held_out(task, self._compute_outputs)
        if plan.noise_every and index % plan.noise_every == 0:
            trace, square = noise_scale.measure_noise(
                task.model, self._compute_outputs, task.loss, *batch, task.batch_axis
            )
            numbers["noise_scale"] = self._noise.add(trace, square)
        return numbers

    def _update(self, measured: PassMeasurements | None = None) -> FloatArray:
        """Clip, penalize and step.

        Returns:
            Norms of the gradients after clipping if the step is recorded, else an empty array.
        """
        scaler = self._scaler
        scaler.unscale_(self._optimizer)
        clipped = np.zeros(0) if measured is None else measured.gradients
        if measured is not None and measured.grad_nonfinite.any():
            self._note_overflow()
        if self.plan.clip is not Clip.NONE:
            optimizers.clip_gradients(self._trained, self.plan, self._note_overflow)
            if measured is not None:
                clipped, _ = self._measure_gradient_norms()
        optimizers.penalize(self._trained, self.plan)
        scaler.step(self._optimizer)
        scaler.update()
        return clipped

    def _measure_gradient_norms(self) -> tuple[FloatArray, FloatArray]:
        return self._norms.measure(self._norms.join([p.grad for p in self._parameters], 1))

    def _note_overflow(self) -> None:
        """Remember where the gradient overflowed first, unless loss scaling skips the update."""
        if self._overflowed is None and not self._scaler.is_enabled():
            _, nonfinite = self._measure_gradient_norms()
            self._overflowed = self.step, find_nearest_to_loss(self._groups, nonfinite)

    def _record_divergence(self, batch: Batch, value: float) -> StepRecord:
        """Make the last record: the same pass again with everything recorded, and no update."""
        self._optimizer.zero_grad()
        recorded = self._prepare_recording(full=True)
        _, loss = self._run_forward(batch, recorded)
        torch.autograd.backward(self._scaler.scale(loss))
        measured = recorded.measure(value)
        return measured.make_record(
            self.step,
            value,
            measured.gradients,
            np.zeros(len(self._parameters)),
            learning_rate=self.plan.compute_rate(self.step),
            loss_scale=self._scaler.get_scale(),
            divergence=self._explain_divergence(measured, batch),
        )

    def _explain_divergence(self, measured: PassMeasurements, batch: Batch) -> Divergence:
        divergence, settings = self._locate_divergence(measured), self.task.settings
        if settings is None or not self._looks_into:
            return divergence
        return blame_targets(divergence, settings, self.plan, batch[1], _lasts)

    def _locate_divergence(self, measured: PassMeasurements) -> Divergence:
        def build(origin: Origin, began: int, layer: int) -> Divergence:
            module = measured.names[layer - 1] if layer else ""
            return Divergence(self.step, origin, began, layer, module)

        if measured.weight_nonfinite.any():
            layer = find_nearest_to_loss(measured.groups, measured.weight_nonfinite)
            return build(Origin.WEIGHTS, *(self._overflowed or (self.step - 1, layer)))
        broken = np.flatnonzero(measured.columns["nonfinite"])
        if not len(broken):
            # Squares of numbers beyond the root of the largest one overflow.
            limit = math.sqrt(torch.finfo(self._parameters[0].dtype).max) / 8
            large = measured.columns["activation_rms"][-1] > limit
            return build(Origin.OUTPUTS if large else Origin.LOSS, self.step, 0)
        return build(Origin.SIGNAL, self.step, int(broken[0]) + 1)


def _lasts(experiment: Any, plan: TrainingPlan) -> bool:
    """Train the first steps once more, and tell whether the loss stays finite and does not grow."""
    plan = plan.replace_settings(reports=0, evaluate_every=0, noise_every=0)
    trainer = Trainer(make_task(experiment), plan, looks_into=False)
    trainer.advance()
    first = trainer.loss
    while not trainer.finished and trainer.step < STEPS:
        trainer.advance()
    return trainer.loss <= GROWN * first  # not if it is NaN
