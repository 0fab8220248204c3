"""Replays: any step of a run once more, with everything recorded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gradflow.core.errors import InvalidExperiment
from gradflow.core.text import Text
from gradflow.core.training.checkpoint import Checkpoint, find_latest
from gradflow.core.training.engine import Progress, Trainer
from gradflow.core.training.plan import TrainingPlan
from gradflow.core.training.record import StepRecord
from gradflow.core.training.task import Task, make_task


def replay(
    experiment: Any,
    plan: TrainingPlan,
    step: int,
    checkpoints: Iterable[Checkpoint] = (),
    progress: Progress | None = None,
) -> StepRecord:
    """Compute a step again, from the nearest state before it, with its full report.

    On a CPU the numbers are those of the run itself, since they follow from experiment and plan.
    A GPU may add up in another order, and so may another machine: compare ``loss``, and ``step``,
    which is an earlier one if the run breaks there this time. Held-out data and noise scale are
    not measured again.

    Args:
        experiment: what was trained.
        plan: how.
        step: a step of the run, from 1.
        checkpoints: states of the run; without one that helps, it begins at its start.
        progress: called with (steps done, steps to do) after every step; may raise to stop.

    Raises:
        InvalidExperiment: as ``train`` does; a ``Task`` cannot give its batches twice; the run
            has no such step.
        DeviceUnavailable: the experiment asks for a GPU and there is none.
    """
    if isinstance(experiment, Task):
        raise InvalidExperiment(
            Text("experiment: a Task cannot give its batches twice; replay what it was made from"),
            fields=("experiment",),
        )
    if not 1 <= step <= plan.steps:
        raise InvalidExperiment(
            Text(
                "step: {step} is no step of this run; choose a whole number from 1 to {steps}",
                step=step,
                steps=plan.steps,
            ),
            fields=("step",),
        )
    start = find_latest(checkpoints, step)
    unmeasured = {"evaluate_every": 0, "noise_every": 0}
    trainer = Trainer(make_task(experiment), plan.model_copy(update=unmeasured), only=step)
    if start is not None:
        trainer.resume(start)
    first, record = trainer.step, None
    while record is None:
        record = trainer.advance()
        if progress is not None:
            progress(trainer.step - first, step - first)
    return record
