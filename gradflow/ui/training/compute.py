"""Steps of runs computed again: cached, admitted, with a progress bar."""

from __future__ import annotations

import streamlit as st

from gradflow.core.experiment import Experiment
from gradflow.core.text import _
from gradflow.core.training import Run, StepRecord, replay
from gradflow.ui.long_work import Progress, ResultCache, compute_with_progress

MAX_STEPS = 64
"""Cached steps of all users; a report of a deep network takes a megabyte."""


@st.cache_resource(show_spinner=False)
def _get_cache() -> ResultCache:
    return ResultCache(MAX_STEPS)


def replay_step(experiment: Experiment, run: Run, step: int) -> StepRecord:
    """Compute a step of a run again, with its full report; a newer run of the page ends it."""

    def work(progress: Progress) -> StepRecord:
        def advance(done: int, steps: int) -> None:
            what = _("step {step}, computed again: {done} of {steps} steps")
            progress(done / steps, what.format(step=step, done=done, steps=steps))

        return replay(experiment, run.plan, step, run.checkpoints, advance)

    key = (experiment.model_dump_json(), run.plan.model_dump_json(), step)
    return compute_with_progress(_get_cache(), key, work, lambda place: place.progress(0.0))
