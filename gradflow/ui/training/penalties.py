"""The loss with its L1 and L2 penalties written out, and its gradient in two parts."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from gradflow.charts.laws import LawCurve, laws_figure
from gradflow.core.text import _
from gradflow.core.training import TrainingPlan
from gradflow.core.training.penalties import PenalizedLoss, measure_course, measure_loss
from gradflow.ui import blocks
from gradflow.ui.latex import write_equations, write_number, write_summand
from gradflow.ui.training.lanes import ShownRun, find_known


def list_penalized(shown: Sequence[ShownRun]) -> list[ShownRun]:
    """List the runs of this page's settings that recorded anything and have a penalty."""
    return [
        one
        for one in shown
        if one.run.records and (one.run.plan.l1 or one.run.plan.l2) and find_known(one.run)
    ]


def show_penalties(shown: Sequence[ShownRun]) -> None:
    """Show, for every penalized run, the two parts of the gradient, and the loss in numbers."""
    st.latex(
        r"\tilde L = L + \lambda_1 \sum |w| + \tfrac{\lambda_2}{2} \sum w^2,\qquad "
        r"\frac{\partial \tilde L}{\partial w} = \frac{\partial L}{\partial w} "
        r"+ \lambda_1\,\mathrm{sign}(w) + \lambda_2\, w"
    )
    curves = []
    for one in shown:
        experiment = find_known(one.run)
        assert experiment is not None
        sizes = experiment.network.list_layers(experiment.data)
        weights = sum(size.fan_in * size.fan_out for size in sizes)
        course = measure_course(one.run.plan, tuple(one.run.records), weights)
        name = f"{one.letter} {one.name}"
        curves += [
            LawCurve(_("{run}: of the loss").format(run=name), course.steps, course.loss_gradient),
            LawCurve(
                _("{run}: of the penalty").format(run=name), course.steps, course.penalty_gradient
            ),
        ]
    blocks.show_figure(
        laws_figure(
            curves,
            x={"title": {"text": _("step")}},
            y_title=_("norm over all weights"),
            mode=blocks.read_mode(),
        ),
        "training_penalties",
        _("Norm of the loss’s and of the penalty’s part of the gradient"),
    )
    for one in shown:
        if equations := write_losses(one):
            st.markdown(f"**{one.letter}** {blocks.write_name(one.name)}")
            st.latex(equations)
    blocks.explain("training_penalties")


def write_losses(shown: ShownRun) -> str:
    """Write the penalized loss of the first and the last step that has a full report."""
    reported = [record for record in shown.run.records if record.report is not None]
    if not reported:
        return ""
    rows = []
    for record in dict.fromkeys((reported[0], reported[-1])):
        report = record.report
        assert report is not None
        rows.append(_write_row(shown.run.plan, measure_loss(record, report)))
    return write_equations(*rows)


def _write_row(plan: TrainingPlan, loss: PenalizedLoss) -> tuple[str, str, str]:
    terms, total = write_number(loss.loss), loss.loss
    if plan.l1:
        terms += rf"{write_summand(plan.l1)}\cdot {write_number(loss.absolute)}"
        total += plan.l1 * loss.absolute
    if plan.l2:
        terms += rf"{write_summand(plan.l2 / 2)}\cdot {write_number(loss.square)}"
        total += plan.l2 / 2 * loss.square
    return rf"\tilde L_{{{loss.step}}}", terms, write_number(total)
