"""What was too large for a run that broke: its first steps again, with other targets and rates."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from torch import Tensor

from gradflow.core.catalog import Targets
from gradflow.core.codec import from_query
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.training import cost
from gradflow.core.training.divergence import Divergence
from gradflow.core.training.plan import TrainingPlan

STEPS = 100
"""Steps that are repeated, and the latest break that is looked into."""
GROWN = 2.0
"""A loss that has grown by that factor has diverged, though it may be finite."""
_DECADES = 9
"""Lower rates that are tried, each a tenth of the one before."""
_MOST_SECONDS = 0.5
"""The longest that ``STEPS`` steps may take: nothing else advances meanwhile."""

Lasts = Callable[[Experiment, TrainingPlan], bool]
"""Whether ``STEPS`` steps stay finite, and their loss does not grow."""


def blame_targets(
    divergence: Divergence,
    settings: Mapping[str, str],
    plan: TrainingPlan,
    targets: Tensor,
    lasts: Lasts,
) -> Divergence:
    """Say so if a run broke because its rate is too large for the size of its targets.

    That is measured: with targets of mean 0 and variance 1 the same steps last at the same rate.
    Then lower rates are tried with the targets as they are, by decades.

    Args:
        divergence: where the run broke.
        settings: the experiment as text fields; other tasks are not looked into.
        plan: how it was trained.
        targets: those of the step in which it broke.
        lasts: trains.
    """
    experiment = _parse(settings)
    scaled = None if experiment is None else scale_targets(experiment)
    if experiment is None or scaled is None or divergence.step > STEPS:
        return divergence
    size = float(targets.double().square().mean().sqrt())
    short = plan.replace_settings(steps=min(STEPS, plan.steps), reports=0, evaluate_every=0)
    seconds = cost.estimate_seconds(experiment, short)
    if size <= 1 or seconds is None or seconds > _MOST_SECONDS or not lasts(scaled, plan):
        return divergence
    lower = (float(f"{plan.learning_rate / 10**n:.3g}") for n in range(1, _DECADES + 1))
    rates = (r for r in lower if lasts(experiment, plan.replace_settings(learning_rate=r)))
    return dataclasses.replace(divergence, targets=size, rate=next(rates, 0.0))


def scale_targets(experiment: Experiment) -> Experiment | None:
    """Bring targets to mean 0 and variance 1; ``None`` where they have that, or are no numbers."""
    data = experiment.data
    if data.targets is not Targets.NUMBERS or (data.target_scale, data.target_offset) == (1, 0):
        return None
    usual = data.model_copy(update={"target_scale": 1.0, "target_offset": 0.0})
    return experiment.model_copy(update={"data": usual})


def _parse(settings: Mapping[str, str]) -> Experiment | None:
    try:
        return from_query(dict(settings))
    except InvalidExperiment:
        return None
