"""The training loop: one forward and one backward pass a step, whether it is recorded or not."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradflow.core.catalog.optimizers import PRECISIONS, Clip
from gradflow.core.errors import InvalidExperiment
from gradflow.core.training import noise_scale, optimizers
from gradflow.core.training.checkpoint import Checkpoint
from gradflow.core.training.divergence import Divergence, Origin
from gradflow.core.training.evaluation import evaluated
from gradflow.core.training.layers import FloatArray, LayerMap
from gradflow.core.training.norms import Norms
from gradflow.core.training.passes import Measured, RecordedPass, nearest_to_loss
from gradflow.core.training.plan import TrainingPlan
from gradflow.core.training.record import StepRecord
from gradflow.core.training.task import Batch, Task, task_of

Progress = Callable[[int, int], None]


def train(
    experiment: Any, plan: TrainingPlan | None = None, progress: Progress | None = None
) -> Iterator[StepRecord]:
    """Train what ``experiment`` describes and yield a record of every recorded step.

    The run stops after ``plan.steps`` steps, or at the first loss that is not finite; its last
    record then says where that began (``StepRecord.divergence``). Same experiment and plan, same
    numbers; recording does not change them. Whoever drops the iterator ends the run.

    Args:
        experiment: an ``Experiment``, any other kind with a registered task, or a ``Task``.
        plan: how to train; by default 200 steps of plain SGD.
        progress: called with (steps done, steps in all) after every step; may raise to stop.

    Raises:
        InvalidExperiment: experiment and plan do not go together, or PyTorch lacks an operation of
            the network in this precision on the device.
        DeviceUnavailable: the experiment asks for a GPU and there is none.
    """
    return _records(Trainer(task_of(experiment), plan or TrainingPlan()), progress)


def _records(trainer: Trainer, progress: Progress | None) -> Iterator[StepRecord]:
    while not trainer.finished:
        record = trainer.advance()
        if progress is not None:
            progress(trainer.step, trainer.plan.steps)
        if record is not None:
            yield record


class Trainer:
    """A run that is advanced step by step.

    Args:
        task: what is trained.
        plan: how.
        only: the one step to record, with its full report, instead of those of the plan.

    Attributes:
        task: what is trained.
        plan: how.
        step: steps done.
        finished: no step is left, or the loss was not finite.
    """

    def __init__(self, task: Task, plan: TrainingPlan, only: int | None = None) -> None:
        self.task = task
        self.plan = plan
        self.step = 0
        self.finished = False
        self._layers = LayerMap(task.model)
        self._parameters = self._layers.parameters
        trained = [parameter for parameter in self._parameters if parameter.requires_grad]
        if not trained:
            raise InvalidExperiment("model: it has no parameter to train", fields=("model",))
        optimizers.check_precision(trained, plan)
        self._trained = trained
        self._device = trained[0].device
        self._autocast = PRECISIONS[plan.precision].dtype
        self._optimizer = optimizers.build(trained, plan)
        self._scaler = optimizers.scaler(plan, self._device)
        self._norms = Norms(self._parameters)
        self._groups: list[list[int]] = []
        recorded = plan.recorded_steps if only is None else (only,)
        self._recorded = {step: index for index, step in enumerate(recorded)}
        self._reported = plan.reported_steps if only is None else frozenset(recorded)
        self._noise = noise_scale.NoiseScale()
        self._overflowed: tuple[int, int] | None = None

    def advance(self) -> StepRecord | None:
        """One step; its record, if it is a recorded one or its loss is not finite."""
        self.step += 1
        batch = next(self.task.batches)
        try:
            with torch.inference_mode(False), torch.enable_grad():
                record = self._stepped(batch)
        except NotImplementedError as error:  # RReLU in float16 on a CPU, in torch 2.13
            raise InvalidExperiment(
                f"precision: PyTorch {torch.__version__} cannot compute this network in "
                f"{self.plan.precision} on {self._device} ({error}); choose another precision or "
                "activation",
                fields=("precision", "activation"),
            ) from error
        self.finished = self.finished or self.step == self.plan.steps
        return record

    def checkpoint(self) -> Checkpoint:
        """The state between two steps."""
        return Checkpoint.taken(self.step, self.task.model, self._optimizer, self._scaler)

    def resume(self, point: Checkpoint) -> None:
        """Go on from a state of a run of the same experiment and plan; only before any step."""
        point.restore(self.task.model, self._optimizer, self._scaler)
        deque(islice(self.task.batches, point.step), maxlen=0)
        self.step = point.step

    def _stepped(self, batch: Batch) -> StepRecord | None:
        index = self._recorded.get(self.step)
        apart = {} if index is None else self._measured_apart(batch, index)
        self._optimizer.zero_grad()
        seen = None if index is None else self._recording(full=self.step in self._reported)
        outputs, loss = self._forward(batch, seen or nullcontext())
        value = float(loss.detach())
        if not math.isfinite(value):
            self.finished = True
            return self._diverged(batch, value)
        rate = self.plan.rate(self.step)
        optimizers.set_rate(self._optimizer, rate)
        scale = self._scaler.get_scale()
        torch.autograd.backward(self._scaler.scale(loss))
        if seen is None:
            self._update()
            return None
        measured = seen.measured(value)
        self._groups = measured.groups
        clipped = self._update(measured)
        after = self._norms.joined(self._parameters, 1)
        return measured.record(
            self.step,
            value,
            clipped,
            self._norms.distances(after, measured.values),
            accuracy=self._accuracy(outputs, batch),
            learning_rate=rate,
            loss_scale=scale,
            skipped=self._scaler.get_scale() < scale,
            **apart,
        )

    def _recording(self, *, full: bool) -> RecordedPass:
        return RecordedPass(
            self.task,
            self._layers,
            self._norms,
            full=full,
            loss_scale=self._scaler.get_scale(),
            dtype=self._autocast or self._trained[0].dtype,
        )

    def _forward(self, batch: Batch, around: AbstractContextManager[object]) -> tuple[Any, Tensor]:
        """The outputs, and the loss; ``around`` is entered for the model alone."""
        with around:
            outputs = self._outputs(batch[0])
        return outputs, self.task.loss(outputs, batch[1])

    def _outputs(self, inputs: Any) -> Any:
        if self._autocast is None:
            return self.task.model(inputs)
        with torch.autocast(self._device.type, dtype=self._autocast):
            return self.task.model(inputs)

    def _accuracy(self, outputs: Any, batch: Batch) -> float:
        if self.task.accuracy is None:
            return math.nan
        with torch.no_grad():
            return float(self.task.accuracy(outputs, batch[1]))

    def _measured_apart(self, batch: Batch, index: int) -> dict[str, float]:
        """What takes passes of its own: held-out data, and the noise of the gradient."""
        plan, found = self.plan, {}
        last = self.step == plan.steps
        if plan.evaluate_every and (index % plan.evaluate_every == 0 or last):
            found = evaluated(self.task, self._outputs)
        if plan.noise_every and index % plan.noise_every == 0:
            found["noise_scale"] = self._noise.add(
                *noise_scale.measured(
                    self.task.model, self._outputs, self.task.loss, *batch, self.task.batch_axis
                )
            )
        return found

    def _update(self, measured: Measured | None = None) -> FloatArray:
        """Clip, penalize and step; norms of the gradients after clipping if it is recorded."""
        scaler = self._scaler
        scaler.unscale_(self._optimizer)
        clipped = np.zeros(0) if measured is None else measured.gradients
        if measured is not None and measured.grad_nonfinite.any():
            self._note_overflow()
        if self.plan.clip is not Clip.NONE:
            optimizers.clip(self._trained, self.plan, self._note_overflow)
            if measured is not None:
                clipped, _ = self._gradient_norms()
        optimizers.penalize(self._trained, self.plan)
        scaler.step(self._optimizer)
        scaler.update()
        return clipped

    def _gradient_norms(self) -> tuple[FloatArray, FloatArray]:
        return self._norms.of(self._norms.joined([p.grad for p in self._parameters], 1))

    def _note_overflow(self) -> None:
        """Remember where the gradient overflowed first, unless loss scaling skips the update."""
        if self._overflowed is None and not self._scaler.is_enabled():
            _, nonfinite = self._gradient_norms()
            self._overflowed = self.step, nearest_to_loss(self._groups, nonfinite)

    def _diverged(self, batch: Batch, value: float) -> StepRecord:
        """The last record: the same pass again with everything recorded, and no update."""
        self._optimizer.zero_grad()
        seen = self._recording(full=True)
        _, loss = self._forward(batch, seen)
        torch.autograd.backward(self._scaler.scale(loss))
        measured = seen.measured(value)
        return measured.record(
            self.step,
            value,
            measured.gradients,
            np.zeros(len(self._parameters)),
            learning_rate=self.plan.rate(self.step),
            loss_scale=self._scaler.get_scale(),
            divergence=self._divergence(measured),
        )

    def _divergence(self, measured: Measured) -> Divergence:
        def found(origin: Origin, began: int, layer: int) -> Divergence:
            module = measured.names[layer - 1] if layer else ""
            return Divergence(self.step, origin, began, layer, module)

        if measured.weight_nonfinite.any():
            layer = nearest_to_loss(measured.groups, measured.weight_nonfinite)
            return found(Origin.WEIGHTS, *(self._overflowed or (self.step - 1, layer)))
        broken = np.flatnonzero(measured.columns["nonfinite"])
        if not len(broken):
            return found(Origin.LOSS, self.step, 0)
        return found(Origin.SIGNAL, self.step, int(broken[0]) + 1)
