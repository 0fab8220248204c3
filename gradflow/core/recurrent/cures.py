"""Cures of the gradient's way back through time: what each changes, and how far it then reaches.

>>> spec = TimePass()
>>> for outcome in try_time_cures(spec, lambda s: through_time(s.experiment)):
...     print(TIME_REMEDIES[outcome.code].label, outcome.decades, outcome.conclusion)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gradflow.core.errors import GradflowError
from gradflow.core.frozen import freeze_mappings
from gradflow.core.numbers import format_number
from gradflow.core.recurrent.cure_table import TIME_REMEDIES
from gradflow.core.recurrent.findings import GradientCourse, TimeFate, follow_gradient
from gradflow.core.recurrent.report import TimeReport
from gradflow.core.recurrent.settings import TimePass
from gradflow.core.recurrent.spec import count_weights
from gradflow.core.remedies.parts import Part, count_doublings, lead_with_alternatives
from gradflow.core.text import EMPTY, Text, join_texts

MUCH_FARTHER_SHARE = 0.5
"""A cure helps if at most this share of the decades is left that the gradient changes by."""


@dataclass(frozen=True, eq=False)
class TimeCure:
    """The outcome of one cure.

    Attributes:
        code: the row of ``TIME_REMEDIES``.
        spec: the changed settings.
        report: their pass.
        course: the gradient's way back in it.
        helped: whether the gradient arrives, or changes by at most half as many decades.
        conclusion: what happened here, with the cure's limits where the gradient does not arrive.
        work_ratio: products of a weight and a signal in one pass, after / before.
        weight_ratio: number of weights, after / before.
        changes: number of settings that it changes.
        plan: the settings of training of a cure that changes only these; the network and its pass
            are those before.
    """

    code: str
    spec: TimePass
    report: TimeReport
    course: GradientCourse
    helped: bool
    conclusion: Text
    work_ratio: float
    weight_ratio: float
    changes: int
    plan: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        freeze_mappings(self, "plan")

    @property
    def decades(self) -> float:
        """Decades by which the gradient changes over the whole sequence."""
        return count_decades(self.course)

    @property
    def cost(self) -> tuple[int, int]:
        """What to choose by between cures that do the same: the work, then the changes."""
        return count_doublings(self.work_ratio), self.changes


def try_time_cures(
    spec: TimePass,
    run: Callable[[TimePass], TimeReport],
    progress: Callable[[int, int], None] | None = None,
) -> list[TimeCure]:
    """Run every cure that applies, and order them: the gradient that changes least comes first.

    The first that help change different parts. What changes only the training needs no run.

    Args:
        spec: the settings to cure.
        run: gives the pass of changed settings.
        progress: called with (cures done, cures in all), first with none done.
    """
    report = run(spec)
    before = _follow(spec, report)
    candidates = find_time_cures(spec, before)
    outcomes = [_offer_plan(code, plan, spec, report) for code, plan in find_plans(before).items()]
    for done, (code, changed) in enumerate(candidates.items()):
        if progress:
            progress(done, len(candidates))
        try:
            report = run(changed)
        except GradflowError:  # too large for this server
            continue
        outcomes.append(_judge(code, spec, before, changed, report))
    if progress and candidates:
        progress(len(candidates), len(candidates))
    ordered = sorted(outcomes, key=lambda outcome: (outcome.decades, outcome.cost))
    return lead_with_alternatives(ordered, find_time_part, lambda outcome: outcome.helped)


def find_time_cures(spec: TimePass, course: GradientCourse) -> dict[str, TimePass]:
    """Find the cures that apply: code → changed settings, no two of the same network."""
    cures: dict[str, TimePass] = {}
    known = [spec.experiment]
    for code, remedy in TIME_REMEDIES.items():
        settings = remedy.settings(spec, course)
        if not settings:
            continue
        try:
            changed = TimePass(**dict(spec) | dict(settings))
        except GradflowError:
            continue
        if changed.experiment not in known:
            known.append(changed.experiment)
            cures[code] = changed
    return cures


def find_plans(course: GradientCourse) -> dict[str, Mapping[str, Any]]:
    """Find the cures that change only the training, and what they set in its plan."""
    plans = {code: remedy.plan(course) for code, remedy in TIME_REMEDIES.items()}
    return {code: plan for code, plan in plans.items() if plan}


def _offer_plan(code: str, plan: Mapping[str, Any], spec: TimePass, report: TimeReport) -> TimeCure:
    return TimeCure(
        code=code,
        spec=spec,
        report=report,
        course=_follow(spec, report),
        helped=False,
        conclusion=Text("The gradient stays what it is; training shows whether that helps."),
        work_ratio=1.0,
        weight_ratio=1.0,
        changes=len(plan),
        plan=plan,
    )


def find_time_part(outcome: TimeCure) -> Part:
    """Find what a cure changes."""
    return TIME_REMEDIES[outcome.code].part


def count_decades(course: GradientCourse) -> float:
    """Count the decades by which a gradient changes over a sequence; infinite if it is lost."""
    known = course.remaining > 0 and math.isfinite(course.remaining)
    if not known or course.fate is TimeFate.BROKEN:
        return math.inf
    return abs(math.log10(course.remaining))


def _follow(spec: TimePass, report: TimeReport) -> GradientCourse:
    return follow_gradient(report, spec.shown_state, spec.shown_layer)


def _judge(
    code: str, spec: TimePass, before: GradientCourse, changed: TimePass, report: TimeReport
) -> TimeCure:
    course = _follow(changed, report)
    old, new = count_decades(before), count_decades(course)
    arrives = course.fate is TimeFate.KEPT
    helped = new < old and (arrives or new <= MUCH_FARTHER_SHARE * old < math.inf)
    weights = [count_weights(s.experiment) for s in (spec, changed)]
    steps = [s.experiment.data.steps for s in (spec, changed)]
    differing = dict(spec.experiment.network).items() ^ dict(changed.experiment.network).items()
    return TimeCure(
        code=code,
        spec=changed,
        report=report,
        course=course,
        helped=helped,
        conclusion=_conclude(code, course, helped),
        work_ratio=weights[1] * steps[1] / (weights[0] * steps[0]),
        weight_ratio=weights[1] / weights[0],
        changes=len({name for name, _value in differing}) + (steps[0] != steps[1]),
    )


def _conclude(code: str, course: GradientCourse, helped: bool) -> Text:
    arrives = course.fate is TimeFate.KEPT
    verdict = (
        (Text("It helps") if arrives else Text("It helps in part"))
        if helped
        else Text("It does not help here")
    )
    if course.fate is TimeFate.BROKEN:
        result = Text("{verdict}: the gradient is 0 or not finite.", verdict=verdict)
    else:
        result = Text(
            "{verdict}: of the gradient of the last step the first gets {left}.",
            verdict=verdict,
            left=format_number(course.remaining),
        )
    return join_texts(result, EMPTY if arrives else Text(TIME_REMEDIES[code].limits))
