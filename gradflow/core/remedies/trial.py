"""Trying the cures on the same data and seed, and ranking them by what is left of the trouble."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from gradflow.core.diagnosis import SEVERE_RATIO
from gradflow.core.errors import GradflowError, InvalidExperiment
from gradflow.core.experiment import Experiment, LayerSettings
from gradflow.core.remedies import measure
from gradflow.core.remedies.remedy import Remedy, Situation
from gradflow.core.remedies.table import REMEDIES
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.core.verdict import digits

HALF, MARGIN = 0.5, 0.1
"""What counts as much flatter, and as flatter or less flat at all, in parts of the decades."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one cure did.

    Attributes:
        code: the row of ``REMEDIES``.
        experiment: the changed experiment.
        unevenness: decades between the largest and the smallest ‖∂L/∂z_l‖ of the hidden layers;
            infinite if some are 0 or not finite.
        factor: change of ‖∂L/∂z‖ per layer on its way back (``diagnosis.decay``); NaN if unknown.
        report: the run of ``experiment``.
        time_ratio: seconds of the recorded pass, after / before.
        parameter_ratio: number of parameters, after / before.
        helped: the gradient is steady now (``diagnosis``), or at most half of its decades are left
            (at most 4 if it was 0 or not finite somewhere). Never if it was steady before.
        remark: what happened here, with the cure's limits where the gradient is not steady now.
    """

    code: str
    experiment: Experiment
    unevenness: float
    factor: float
    report: Report
    time_ratio: float
    parameter_ratio: float
    helped: bool
    remark: str


class Ranking(list[Outcome]):
    """Outcomes, the flattest gradient first.

    ``left_out`` gives for each cure that could not be run (code) the reason.
    """

    def __init__(self, outcomes: Iterable[Outcome] = (), left_out: Mapping[str, str] = {}) -> None:
        super().__init__(outcomes)
        self.left_out = dict(left_out)


def applicable(experiment: Experiment, report: Report) -> dict[str, Experiment]:
    """The cures that apply to ``experiment``, of which ``report`` is a run.

    Code → changed experiment: valid, never the experiment itself, no two equal. Empty for a
    network with fewer than two hidden layers, where there is no course of the gradient to cure,
    and for a transformer, whose settings are others.
    """
    return _candidates(Situation.of(experiment, report))[0]


def _candidates(situation: Situation) -> tuple[dict[str, Experiment], dict[str, str]]:
    """The cures that apply, and why others that would apply are impossible."""
    found: dict[str, Experiment] = {}
    impossible: dict[str, str] = {}
    network = situation.experiment.network
    if not isinstance(network, LayerSettings) or len(network.hidden_widths) < 2:
        return found, impossible
    for code, remedy in REMEDIES.items():
        try:
            changed = remedy.apply(situation)
        except InvalidExperiment as error:
            impossible[code] = str(error)
            continue
        if changed is not None and changed not in found.values():
            found[code] = changed
    return found, impossible


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
        A list of outcomes, sorted by ``unevenness``, then by how far ``factor`` is from 1. Cures
        that are impossible here or whose run raises a ``GradflowError`` are in its ``left_out``.
    """
    situation = Situation.of(experiment, before)
    changed, left_out = _candidates(situation)
    outcomes = []
    for done, (code, candidate) in enumerate(changed.items()):
        if progress:
            progress(done, len(changed))
        try:
            outcomes.append(_outcome(REMEDIES[code], situation, candidate, before, run(candidate)))
        except GradflowError as error:
            left_out[code] = str(error)
    if progress and changed:
        progress(len(changed), len(changed))
    return Ranking(sorted(outcomes, key=_order), left_out)


def _order(outcome: Outcome) -> tuple[float, float]:
    factor = outcome.factor
    return outcome.unevenness, abs(math.log(factor)) if factor > 0 else math.inf


def _outcome(
    remedy: Remedy, situation: Situation, experiment: Experiment, before: Report, after: Report
) -> Outcome:
    helped = _helped(situation, before, after)
    return Outcome(
        code=remedy.code,
        experiment=experiment,
        unevenness=measure.unevenness(after),
        factor=measure.factor(after),
        report=after,
        time_ratio=_ratio(after.seconds, before.seconds),
        parameter_ratio=_ratio(after.parameter_count, before.parameter_count),
        helped=helped,
        remark=_remark(remedy, situation, before, after, helped),
    )


def _ratio(after: float, before: float) -> float:
    return after / before if before else math.nan


def _helped(situation: Situation, before: Report, after: Report) -> bool:
    if situation.factor == 1:
        return False
    old, new = measure.unevenness(before), measure.unevenness(after)
    enough = HALF * old if math.isfinite(old) else math.log10(SEVERE_RATIO)
    return new <= enough or (measure.trend(after) == 1 and new < old)


def _remark(
    remedy: Remedy, situation: Situation, before: Report, after: Report, helped: bool
) -> str:
    trend = measure.trend(after)
    old, new = measure.unevenness(before), measure.unevenness(after)
    if helped:
        verdict = _("It helps") if trend == 1 else _("It helps in part")
    elif situation.factor == 1 and trend == 1:
        verdict = _("There was little to cure, and it does no harm")
    elif new > (1 + MARGIN) * old:
        verdict = _("It makes things worse")
    elif new < (1 - MARGIN) * old:
        verdict = _("It helps too little")
    else:
        verdict = _("It does not help here")
    result = _(
        "{verdict}: {course}; {after} between its largest and smallest norm, {before} before."
    ).format(
        verdict=verdict,
        course=_course(after, trend),
        after=_decades(new),
        before=_decades(old),
    )
    why = "" if trend == 1 else remedy.reason(situation) or _(remedy.limits)
    return " ".join(filter(None, (remedy.comment(situation, after), result, why)))


def _course(report: Report, trend: float) -> str:
    if measure.lost(report):
        return _("the gradient is 0 or not finite in some layers")
    if trend == 1:
        return _("the gradient roughly keeps its size from layer to layer")
    if trend < 1:
        text = _("the gradient shrinks by a factor {factor} per layer on its way back")
    else:
        text = _("the gradient grows by a factor {factor} per layer on its way back")
    return text.format(factor=digits(trend))


def _decades(unevenness: float) -> str:
    if math.isinf(unevenness):
        return _("infinitely many decades")
    return _("{n} decades").format(n=f"{unevenness:.1f}")
