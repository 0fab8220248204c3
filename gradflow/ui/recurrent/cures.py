"""The cures of the way back through time, as panels above the figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import numpy as np

from gradflow.charts.flow.data import list_levels
from gradflow.charts.remedies import NormCourse
from gradflow.charts.series import Scale
from gradflow.core.numbers import format_number
from gradflow.core.recurrent.cure_table import ADAM_RATE, TIME_REMEDIES
from gradflow.core.recurrent.cures import TimeCure
from gradflow.core.recurrent.report import TimeReport
from gradflow.core.recurrent.settings import TimePass
from gradflow.core.recurrent.trial import (
    GUESS,
    TRIAL_LENGTH,
    TRIAL_STEPS,
    UNKNOWN_TIME_RANK,
    TrainedTimeCure,
)
from gradflow.core.remedies.parts import LEADERS
from gradflow.core.text import _, find_language
from gradflow.ui.cures.panels import (
    fit_scale,
    mount_panels,
    name_buttons,
    place_norms,
    round_place,
    write_levels,
)
from gradflow.ui.recurrent import compute
from gradflow.ui.recurrent.state import PAGE, PASS, RecurrentView, apply_cure, forget_cures
from gradflow.ui.settings.state import read_widget

FIGURE = "recurrent_flow"
"""The figure that the panels stand above."""
ROUTE = "remember"
"""The route of the training below ``gf/``."""
_KEY = "recurrent_cure_panels"
_SHOWN_IN = {"clip": RecurrentView.CLIPPING, "adam": RecurrentView.TRAINING}
"""The views of cures that change only the training."""


def name_experiment(spec: TimePass) -> str:
    """Name what the figure shows, whatever of it is looked at."""
    return spec.experiment.model_dump_json()


def show_cures(spec: TimePass) -> None:
    """Show what every cure that fits does to this network."""
    outcomes = compute.try_cures(spec)
    mount_panels(
        key=_KEY,
        data=_describe(spec, outcomes),
        on_apply_change=lambda: _apply((read_widget(_KEY) or {}).get("apply")),
        on_close_change=forget_cures,
    )


def _apply(code: object) -> None:
    """Take the settings that a cure made, in a callback; a browser may name anything."""
    spec, _problem = PASS.read_possible()
    for outcome in compute.try_cures(spec):
        if outcome.code == code and outcome.plan:
            PAGE.show(_SHOWN_IN[outcome.code])
            forget_cures()
        elif outcome.code == code:
            apply_cure(outcome.spec)


def _describe(spec: TimePass, outcomes: Sequence[TimeCure]) -> dict[str, Any]:
    report = compute.run_through_time(spec.experiment)
    before = _read_course(spec, report)
    courses = [before, *(_read_course(outcome.spec, outcome.report) for outcome in outcomes)]
    scale = fit_scale(courses)
    query = PASS.codec.to_query(spec) | {"language": find_language("")}
    return {
        "figure": FIGURE,
        "setting": name_experiment(spec),
        "title": _(
            "Dotted: the norm of the gradient over time before, strong: with the cure. Resting on "
            "a panel previews it, pressing applies it."
        )
        if outcomes
        else _("No cure applies to this network."),
        **name_buttons(),
        "training": {
            "address": f"gf/{ROUTE}?{urlencode(query)}",
            "codes": [outcome.code for outcome in outcomes],
            "order": [outcome.code for outcome in outcomes],
            "parts": {outcome.code: TIME_REMEDIES[outcome.code].part for outcome in outcomes},
            "leaders": LEADERS,
            "seeds": 1,
            "unknown": UNKNOWN_TIME_RANK,
            "waiting": _("Will be trained"),
            "running": _("Training …"),
            "progress": _("Ranked by the gradient at the start; training {n} of {all} …"),
            "done": _describe_trial(),
            "failed": _("Not trained: the server is busy, or not reached."),
            "large": _("Not trained here: too much arithmetic."),
        },
        "before": place_norms(before, scale),
        "level": round_place((0 - scale.low) / (scale.high - scale.low)),
        "cures": [
            _describe_cure(spec, outcome, course, scale)
            for outcome, course in zip(outcomes, courses[1:], strict=True)
        ],
        "fold": "",
        "reasons": [],
    }


def _describe_trial() -> str:
    return _(
        "Ranked by training: {steps} steps of Adam, rate {rate}, to repeat a symbol that stood "
        "{back} steps before; a guess costs {guess}."
    ).format(
        steps=TRIAL_STEPS,
        rate=format_number(ADAM_RATE),
        back=TRIAL_LENGTH - 1,
        guess=format_number(GUESS),
    )


def _read_course(spec: TimePass, report: TimeReport) -> NormCourse:
    """Read the norms of the gradient over time, relative to the last step that has one."""
    norms = report.column(f"{spec.shown_state}_grad_norm", spec.shown_layer)
    usable = norms[np.isfinite(norms) & (norms > 0)]
    steps = np.arange(1.0, len(norms) + 1)
    with np.errstate(over="ignore"):
        return NormCourse("", steps, norms, norms / usable[-1] if len(usable) else norms)


def _describe_cure(
    spec: TimePass, outcome: TimeCure, course: NormCourse, scale: Scale
) -> dict[str, Any]:
    remedy = TIME_REMEDIES[outcome.code]
    ratios = [format_number(r, 2) for r in (outcome.weight_ratio, outcome.work_ratio)]
    return {
        "code": outcome.code,
        "setting": name_experiment(outcome.spec),
        "label": _(remedy.label),
        "helped": outcome.helped,
        "word": _name_help(outcome),
        "course": _("{factor} per step").format(factor=_write_factor(outcome.course.factor)),
        "cost": _("Weights × {weights}, work × {work}").format(weights=ratios[0], work=ratios[1]),
        "apply": _("Press to see it at work") if outcome.plan else "",
        "text": _("Costs: {cost} {remark} {change}").format(
            cost=_(remedy.cost), remark=str(outcome.conclusion), change=_(remedy.change)
        ),
        "after": place_norms(course, scale),
        "levels": _list_levels(spec, outcome),
    }


def _name_help(outcome: TimeCure) -> str:
    if outcome.plan:
        return _("In training")
    return _("Helps") if outcome.helped else _("Does not help")


def _write_factor(factor: float) -> str:
    return f"×\u00a0{format_number(factor, 3)}" if math.isfinite(factor) else "–"


def _list_levels(spec: TimePass, outcome: TimeCure) -> list[float | None]:
    """List the levels of all columns of the figure; a shorter sequence ends where it ends."""
    changed = outcome.spec
    rms = outcome.report.column(f"{changed.shown_state}_grad_rms", changed.shown_layer)
    missing = spec.experiment.data.steps - len(rms)
    return [None] * missing + write_levels(list_levels(rms))


def describe_result(result: TrainedTimeCure) -> dict[str, Any]:
    """Describe what training came to for a panel; without it its word stays as it is."""
    word = _("Remembers") if result.has_learned else _("Not yet")
    return {
        "code": result.code,
        "rank": [min(value, 1e9) for value in result.rank],
        "trains": None if result.refusal else result.has_learned,
        "word": "" if result.refusal else word,
        "text": str(result.text),
    }
