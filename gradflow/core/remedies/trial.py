"""Trying the cures on the same data and seed, and ranking them by how flat the gradient gets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gradflow.core.codec import to_fields
from gradflow.core.decay import SEVERE_CHANGE
from gradflow.core.errors import GradflowError, InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.limits import count_products
from gradflow.core.remedies.conclusion import conclude
from gradflow.core.remedies.measure import (
    measure_factor,
    measure_trend,
    measure_unevenness,
)
from gradflow.core.remedies.parts import Part, count_doublings, lead_with_alternatives
from gradflow.core.remedies.remedy import Remedy, Situation
from gradflow.core.remedies.table import REMEDIES
from gradflow.core.report import Report
from gradflow.core.text import Text, join_texts

MUCH_FLATTER_SHARE = 0.5
"""A gradient is much flatter if at most this share of its decades is left."""


@dataclass(frozen=True, eq=False)
class CureOutcome:
    """The outcome of one cure.

    Attributes:
        code: the row of ``REMEDIES``.
        experiment: the changed experiment.
        unevenness: decades between the largest and the smallest ‖∂L/∂z_l‖ of the hidden layers;
            infinite if some are 0 or not finite.
        factor: change of ‖∂L/∂z‖ per layer on its way back (``core.decay``); NaN if unknown.
        report: the run of ``experiment``.
        parameter_ratio: number of parameters, after / before.
        arithmetic_ratio: products of a weight and a signal in one pass, after / before.
        helped: whether the gradient is steady now (``core.decay``), or at most half of its decades
            are left (at most 3 if it was 0 or not finite somewhere); or it mends data, loss or
            output. Never if the gradient was steady before and nothing is mended.
        conclusion: what happened here, with the cure's limits where the gradient is not steady now.
        changes: number of settings that it changes.
        plan: the settings of training (``TrainingPlan``) of a cure that changes only these; the
            experiment and its report are then those from before.
    """

    code: str
    experiment: Experiment
    unevenness: float
    factor: float
    report: Report
    parameter_ratio: float
    arithmetic_ratio: float
    helped: bool
    conclusion: Text
    changes: int
    plan: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cost(self) -> tuple[int, int]:
        """What to choose by between cures that do the same: the work of a pass, then the changes.

        The work counts in doublings of parameters times arithmetic.
        """
        return count_doublings(self.parameter_ratio * self.arithmetic_ratio), self.changes

    @property
    def remark(self) -> str:
        """The conclusion, in the reader's language."""
        return str(self.conclusion)


class Ranking(list[CureOutcome]):
    """Outcomes, the flattest gradient first, and the cures that could not be run.

    Args:
        outcomes: in their order.
        refusals: the reason for each cure (code) that could not be run.
    """

    def __init__(
        self, outcomes: Iterable[CureOutcome] = (), refusals: Mapping[str, Text | str] = {}
    ) -> None:
        super().__init__(outcomes)
        self.refusals = dict(refusals)

    @property
    def left_out(self) -> dict[str, str]:
        """The refusals, in the reader's language."""
        return {code: str(reason) for code, reason in self.refusals.items()}


def find_applicable(experiment: Experiment, report: Report) -> dict[str, Experiment]:
    """Find the cures that apply to ``experiment``, of which ``report`` is a run.

    Returns:
        Code → changed experiment: valid, never the experiment itself, no two equal. Cures that
        change only the plan of a training are not among them: ``find_plans``.
    """
    return _collect_candidates(Situation.of(experiment, report))[0]


def try_all(
    experiment: Experiment,
    before: Report,
    run: Callable[[Experiment], Report],
    progress: Callable[[int, int], None] | None = None,
) -> Ranking:
    """Run every cure that applies to ``experiment`` and rank them, flattest gradient first.

    Args:
        experiment: what to cure.
        before: a run of it.
        run: gives the report of a changed experiment (``gradflow.run`` or a cached one).
        progress: called with (cures done, cures in all), first with none done.

    Returns:
        The outcomes: what mends data, loss or output comes first, the others are sorted by
        ``unevenness``, then by how far ``factor`` is from 1; but the first that help are of
        different parts. Cures that are impossible here or whose run raises a ``GradflowError`` are
        in ``left_out``.
    """
    situation = Situation.of(experiment, before)
    candidates, refusals = _collect_candidates(situation)
    outcomes = [
        _offer_plan(code, plan, experiment, before) for code, plan in find_plans(situation).items()
    ]
    for done, (code, candidate) in enumerate(candidates.items()):
        if progress:
            progress(done, len(candidates))
        try:
            after = run(candidate)
        except GradflowError as error:
            refusals[code] = _get_message(error)
        else:
            outcomes.append(_judge_cure(REMEDIES[code], situation, candidate, before, after))
    if progress and candidates:
        progress(len(candidates), len(candidates))
    ordered = sorted(outcomes, key=_get_rank)
    return Ranking(lead_with_alternatives(ordered, find_part, lambda o: o.helped), refusals)


def find_part(outcome: CureOutcome) -> Part:
    """Find what a cure changes."""
    return REMEDIES[outcome.code].part


def try_one(
    code: str, experiment: Experiment, before: Report, run: Callable[[Experiment], Report]
) -> CureOutcome:
    """Run one cure; see ``try_all``.

    Raises:
        InvalidExperiment: there is no such cure, or it does not apply here.
    """
    situation = Situation.of(experiment, before)
    if plan := find_plans(situation).get(code):
        return _offer_plan(code, plan, experiment, before)
    changed = REMEDIES[code].apply(situation) if code in REMEDIES else None
    if changed is None:
        raise InvalidExperiment.for_value("code", code, Text("the code of a cure that applies"))
    return _judge_cure(REMEDIES[code], situation, changed, before, run(changed))


def find_plans(situation: Situation) -> dict[str, dict[str, Any]]:
    """Find the cures that change only the plan of a training, and the settings of each."""
    network = situation.experiment.network
    plans = {c: dict(r.plan(situation)) for c, r in REMEDIES.items() if r.fits(network)}
    return {code: plan for code, plan in plans.items() if plan}


def _collect_candidates(
    situation: Situation,
) -> tuple[dict[str, Experiment], dict[str, Text | str]]:
    """Collect the cures that apply, and why others that would apply are impossible."""
    candidates: dict[str, Experiment] = {}
    refusals: dict[str, Text | str] = {}
    for code, remedy in REMEDIES.items():
        try:
            changed = remedy.apply(situation)
        except InvalidExperiment as error:
            refusals[code] = _get_message(error)
            continue
        if changed is not None and changed not in candidates.values():
            candidates[code] = changed
    return candidates, refusals


def _get_message(error: GradflowError) -> Text | str:
    """Return an error's message without rendering it; the error itself would keep its frames."""
    message: Text | str = error.args[0] if error.args else ""
    return message


def _judge_cure(
    remedy: Remedy, situation: Situation, experiment: Experiment, before: Report, after: Report
) -> CureOutcome:
    helped = remedy.mends or _has_helped(situation, before, after)
    return CureOutcome(
        code=remedy.code,
        experiment=experiment,
        unevenness=measure_unevenness(after),
        factor=measure_factor(after),
        report=after,
        parameter_ratio=_divide(after.parameter_count, before.parameter_count),
        arithmetic_ratio=_divide(
            _count_products(experiment), _count_products(situation.experiment)
        ),
        helped=helped,
        conclusion=conclude(remedy, situation, before, after, helped),
        changes=_count_changes(situation.experiment, experiment),
    )


def _offer_plan(
    code: str, plan: Mapping[str, Any], experiment: Experiment, before: Report
) -> CureOutcome:
    """Offer a cure of the steps: the gradient at the start is what it was."""
    return CureOutcome(
        code=code,
        experiment=experiment,
        unevenness=measure_unevenness(before),
        factor=measure_factor(before),
        report=before,
        parameter_ratio=1.0,
        arithmetic_ratio=1.0,
        helped=False,
        conclusion=join_texts(
            Text("The gradient at the start stays as it is: only training shows what this does."),
            Text(REMEDIES[code].limits),
        ),
        changes=len(plan),
        plan=plan,
    )


def _count_changes(before: Experiment, after: Experiment) -> int:
    old, new = to_fields(before), to_fields(after)
    return sum(old.get(name) != value for name, value in new.items())


def _count_products(experiment: Experiment) -> int:
    return count_products(experiment.network.list_layers(experiment.data))


def _has_helped(situation: Situation, before: Report, after: Report) -> bool:
    if situation.factor == 1:
        return False
    old, new = measure_unevenness(before), measure_unevenness(after)
    enough = MUCH_FLATTER_SHARE * old if math.isfinite(old) else math.log10(SEVERE_CHANGE)
    return new <= enough or (measure_trend(after) == 1 and new < old)


def _divide(after: float, before: float) -> float:
    return after / before if before else math.nan


def _get_rank(outcome: CureOutcome) -> tuple[bool, float, float]:
    factor = outcome.factor
    steepness = abs(math.log(factor)) if factor > 0 else math.inf
    return not REMEDIES[outcome.code].mends, outcome.unevenness, steepness
