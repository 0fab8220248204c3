"""Admission of work that may be large: its memory is reserved, and its turn can be taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gradflow.core.errors import GradflowError
from gradflow.core.experiment import Experiment
from gradflow.core.limits import GIB
from gradflow.core.networks.memory import bound_pass, estimate_pass, estimate_seeds, fit_stack
from gradflow.core.recurrent.memory import estimate_through_time
from gradflow.core.recurrent.spec import SequenceExperiment, estimate_pass_cost
from gradflow.core.stacked_pass import MOST_AT_ONCE, can_stack
from gradflow.core.text import Text
from gradflow.core.training.memory import estimate_training
from gradflow.core.training.plan import TrainingPlan
from gradflow.ui.room import ROOM, Refuse
from gradflow.ui.turns import ADMISSION

_FLOP_PER_SECOND = 8e10
"""Speed of one core in float32, within a factor 2."""


@contextmanager
def admit(
    bound: int, count: Callable[[], int], tflop: float, refuse: Refuse
) -> Iterator[Callable[[], None]]:
    """Let a computation in once there is memory for it; to be called within a turn.

    Args:
        bound: bytes that it is sure not to exceed.
        count: counts its bytes well, where that matters.
        tflop: its arithmetic.
        refuse: makes the error for one that does not fit.

    Returns:
        What the computation is to call between its parts: others may go first, and it ends there
        if nobody wants its result any more.
    """
    with ROOM.hold(bound, count, refuse), ADMISSION.expect(tflop * 1e12 / _FLOP_PER_SECOND):
        yield ADMISSION.give_way


@contextmanager
def admit_pass(experiment: Experiment) -> Iterator[Callable[[], None]]:
    """Let one recorded pass of an experiment in; see ``admit``."""
    with admit(
        bound_pass(experiment),
        lambda: estimate_pass(experiment),
        experiment.need[1],
        experiment.size.refuse,
    ) as give_way:
        yield give_way


@contextmanager
def admit_stack(experiment: Experiment, count: int) -> Iterator[tuple[int, Callable[[], None]]]:
    """Let networks of one structure in; see ``admit``. Also tells how many of them may run as one.

    Args:
        experiment: one of them.
        count: how many there are.
    """
    most = min(count, MOST_AT_ONCE) if can_stack(experiment) else 1
    at_once = fit_stack(experiment, most, ROOM.count_free() / ROOM.spread)

    def count_bytes() -> int:
        return estimate_pass(experiment) if at_once == 1 else estimate_seeds(experiment, at_once)

    bound = at_once * bound_pass(experiment)
    tflop = count * experiment.need[1]
    with admit(bound, count_bytes, tflop, experiment.size.refuse) as give_way:
        yield at_once, give_way


@contextmanager
def admit_training(
    experiment: Experiment, plan: TrainingPlan, tflop: float
) -> Iterator[Callable[[], None]]:
    """Let short runs of a training in, one after the other; see ``admit``."""
    needed = estimate_training(experiment, plan)
    with admit(needed, lambda: needed, tflop, experiment.size.refuse) as give_way:
        yield give_way


@contextmanager
def admit_long(size: int) -> Iterator[Callable[[], None]]:
    """Let work in that stops for others again and again, so that a little memory counts, too.

    Args:
        size: bytes that it takes at most.
    """
    with ROOM.hold(size, lambda: size, _refuse_work, small=0):
        yield ADMISSION.give_way


def _refuse_work(needed: Text, left: Text) -> GradflowError:
    message = Text(
        "This computation needs {needed}, {left}; choose smaller settings, or try again when those "
        "of others have ended",
        needed=needed,
        left=left,
    )
    return GradflowError(message)


@contextmanager
def admit_sequences(
    experiment: SequenceExperiment, passes: int = 1
) -> Iterator[Callable[[], None]]:
    """Let passes through time in, one after the other; see ``admit``."""
    gib, tflop = estimate_pass_cost(experiment)
    with admit(
        int(gib * GIB),
        lambda: estimate_through_time(experiment),
        passes * tflop,
        experiment.refuse,
    ) as give_way:
        yield give_way
