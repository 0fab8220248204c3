"""The cures as panels to press: tried with one button, ranked, previewed over the figure."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from gradflow.charts.flow.data import list_levels
from gradflow.charts.remedies import read_norm_course
from gradflow.core import codec
from gradflow.core.experiment import Experiment
from gradflow.core.numbers import format_number
from gradflow.core.remedies import REMEDIES, CureOutcome, Ranking
from gradflow.core.remedies.measure import measure_factor
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.core.training import TrainingPlan
from gradflow.ui import compute, paths
from gradflow.ui.cures.panels import (
    fit_scale,
    mount_panels,
    name_buttons,
    place_norms,
    round_place,
    write_levels,
)
from gradflow.ui.explore.compute import find_shown_rows
from gradflow.ui.explore.cure_training import describe_training
from gradflow.ui.explore.flow import FlowView
from gradflow.ui.explore.state import (
    EXPLORE,
    apply_cure,
    find_cures,
    forget_cures,
    keep_cures,
)
from gradflow.ui.settings.state import SessionValue, read_widget
from gradflow.ui.training.state import prepare_run

_KEY = "cure_panels"
_PLANNED: SessionValue[bool] = SessionValue("cure_planned", bool)
"""Whether a run was prepared that the page on training is to show now."""


def show_cures(experiment: Experiment, report: Report, view: FlowView) -> None:
    """Show what every cure that fits does to this network; one that is pressed is applied.

    The panels put themselves between the figure's line and the figure (``cures.js``).
    """
    if _PLANNED.get():
        _PLANNED.set(False)
        st.switch_page(paths.TRAINING)
    ranking = find_cures(experiment)
    if ranking is None:
        ranking = compute.try_cures(experiment)
        keep_cures(experiment, ranking)
    mount_panels(
        key=_KEY,
        data=_describe(experiment, report, view, ranking),
        on_apply_change=lambda: _apply((read_widget(_KEY) or {}).get("apply")),
        on_close_change=forget_cures,
    )


def _apply(code: object) -> None:
    """Take a cure, in a callback: one that changes only the plan of a training prepares a run."""
    experiment, _problem = EXPLORE.read_possible()
    for outcome in find_cures(experiment) or ():
        if outcome.code == code and outcome.plan:
            rate = {"learning_rate": experiment.learning_rate}
            prepare_run(experiment, TrainingPlan(**rate | dict(outcome.plan)))
            _PLANNED.set(True)
            return
    apply_cure(code)


def _describe(
    experiment: Experiment, report: Report, view: FlowView, ranking: Ranking
) -> dict[str, Any]:
    before = read_norm_course(report, "")
    courses = [before, *(read_norm_course(outcome.report, "") for outcome in ranking)]
    scale = fit_scale(courses)
    left_out = [f"{_(REMEDIES[code].label)}: {why}" for code, why in ranking.left_out.items()]
    return {
        "figure": "flow",
        "setting": urlencode(codec.to_query(experiment)),
        "title": _describe_all(ranking),
        **name_buttons(),
        "training": describe_training(experiment, view, ranking),
        "before": place_norms(before, scale),
        "level": round_place((0 - scale.low) / (scale.high - scale.low)),
        "cures": [
            _describe_cure(outcome, place_norms(course, scale), measure_factor(report), view)
            for outcome, course in zip(ranking, courses[1:], strict=True)
        ],
        "fold": _("Not tried: {n}").format(n=len(left_out)),
        "reasons": left_out,
    }


def _describe_all(ranking: Ranking) -> str:
    if ranking:
        return _(
            "Dotted: ‖∂L/∂z‖ of the hidden layers before, strong: with the cure, on the same data "
            "and seed."
        )
    return _("No cure applies to this network.")


def _describe_cure(
    outcome: CureOutcome, heights: list[float], factor: float, view: FlowView
) -> dict[str, Any]:
    remedy = REMEDIES[outcome.code]
    ratios = [format_number(r, 2) for r in (outcome.parameter_ratio, outcome.arithmetic_ratio)]
    return {
        "code": outcome.code,
        "setting": urlencode(codec.to_query(outcome.experiment)),
        "label": _(remedy.label),
        "helped": outcome.helped,
        "word": _("Helps") if outcome.helped else _("Does not help"),
        "course": _("{before} → {after} per layer").format(
            before=_write_factor(factor), after=_write_factor(outcome.factor)
        ),
        "cost": _("Parameters × {parameters}, work × {work}").format(
            parameters=ratios[0], work=ratios[1]
        ),
        "apply": _("Press to train with it") if outcome.plan else "",
        "text": _("Costs: {cost} {remark} {change}").format(
            cost=_(remedy.cost), remark=outcome.remark, change=_(remedy.change)
        ),
        "after": heights,
        "levels": _list_levels(outcome.report, view),
    }


def _write_factor(factor: float) -> str:
    return f"×\u00a0{format_number(factor, 2)}" if math.isfinite(factor) else "–"


def _list_levels(report: Report, view: FlowView) -> list[float | None]:
    """List log10 of the RMS gradient per column of the figure; ``None`` where there is none."""
    rows = find_shown_rows(report, view)
    if rows is report and view.rows != "layer":
        return []  # a cure may leave no stream, and other columns have no such line
    gradient = view.gradient if rows is report else "activation_grad"
    levels = list_levels(rows.get_table("layers").get_numbers(f"{gradient}_rms"))
    return write_levels(levels)
