"""Runs that are computed for all who look at them, with a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from gradflow.core.errors import DeviceUnavailable
from gradflow.core.text import _
from gradflow.core.training import Run, cost
from gradflow.core.training.memory import estimate_training
from gradflow.core.training.presets import TRAINING_PRESETS
from gradflow.ui.long_work import Progress, compute_with_progress, prepare
from gradflow.ui.training.groups import Opening, Setup
from gradflow.ui.training.kept import measure_setup

EXAMPLE = "sigmoid_twin"
"""The preset that the page opens with if there is nothing better."""
_SHORT_SECONDS = 1.5
"""Runs that take no longer are trained without being asked for."""
_STEPS_BETWEEN = 10
"""Between two looks at whether the page still wants a run."""


def open_with(setup: Setup | None) -> Opening:
    """Train what the page opens with: a preset's runs or short ones, else those of the example.

    Args:
        setup: what the settings describe, if they are possible.
    """
    if setup is None or not (setup.preset or _is_short(setup)):
        setup = _make_example()
    key, work, size = _plan_work(setup)
    runs = compute_with_progress(key, work, lambda place: place.progress(0.0), size)
    return Opening(setup, runs)


def prepare_opening() -> None:
    """Train the runs of the example before anybody opens the page."""
    prepare(*_plan_work(_make_example()))


def _make_example() -> Setup:
    return Setup(EXAMPLE, TRAINING_PRESETS[EXAMPLE].runs)


def _plan_work(setup: Setup) -> tuple[Hashable, Callable[[Progress], tuple[Run, ...]], int]:
    """Plan the training of all runs of a setup, one after the other.

    Returns:
        The key of the result, what computes it, and the bytes that this takes at most.
    """
    runs = setup.runs

    def work(progress: Progress) -> tuple[Run, ...]:
        def train(i: int) -> Run:
            def advance(done: int, steps: int) -> None:
                if done % _STEPS_BETWEEN == 0:
                    what = _("training run {n} of {all}").format(n=i + 1, all=len(runs))
                    progress((i + done / steps) / len(runs), what)

            frames = cost.choose_frames(runs[i].experiment)
            return Run.collect(runs[i].experiment, runs[i].plan, advance, frames)

        return tuple(map(train, range(len(runs))))

    size = max(estimate_training(run.experiment, run.plan) for run in runs)
    return ("opening", setup), work, size + measure_setup(setup)


def _is_short(setup: Setup) -> bool:
    try:
        estimates = [cost.estimate_seconds(run.experiment, run.plan) for run in setup.runs]
    except DeviceUnavailable:
        return False
    return all(seconds is not None for seconds in estimates) and (
        sum(seconds or 0.0 for seconds in estimates) < _SHORT_SECONDS
    )
