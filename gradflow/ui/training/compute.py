"""Steps of runs computed again: kept, admitted, with a progress bar."""

from __future__ import annotations

from gradflow.core.experiment import Experiment
from gradflow.core.text import _
from gradflow.core.training import Run, StepRecord, replay
from gradflow.ui.long_work import Progress, compute_with_progress


def replay_step(experiment: Experiment, run: Run, step: int) -> StepRecord:
    """Compute a step of a run again, with its full report; a newer run of the page ends it."""

    def work(progress: Progress) -> StepRecord:
        def advance(done: int, steps: int) -> None:
            what = _("step {step}, computed again: {done} of {steps} steps")
            progress(done / steps, what.format(step=step, done=done, steps=steps))

        return replay(experiment, run.plan, step, run.checkpoints, advance)

    key = (experiment, run.plan, step)
    return compute_with_progress(key, work, lambda place: place.progress(0.0))
