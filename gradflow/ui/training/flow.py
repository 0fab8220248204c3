"""The Flow figure at a step of the run, on a scrubber."""

from __future__ import annotations

import streamlit as st

from gradflow import charts
from gradflow.charts.compare import compare_flow_figure
from gradflow.charts.compare_data import Entry
from gradflow.charts.theme import number
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.report_view import GRADIENTS
from gradflow.ui.training import lanes, state
from gradflow.ui.training.lanes import Shown

_ALL = "all"


def show() -> None:
    """Scrubber and figure; without a kept report only what that takes."""
    session = state.session()
    found = lanes.shown(session)
    running = session.group is not None and session.group.running
    kept = {one.letter: sorted(one.run.reports) for one in found}
    reached = sorted({step for steps in kept.values() for step in steps})
    if not reached:
        if found and all(one.over for one in found):
            st.info(_("No histograms were kept: set *Flow figures* to 1 or more."))
        return
    st.subheader(_("The flow in one step"), anchor=False)
    step = _scrubber(found, reached, running)
    whole = _chosen(found)
    reports = {
        one.letter: (one, at, one.run.reports[at])
        for one in whole
        if (at := max((s for s in kept[one.letter] if s <= step), default=None)) is not None
    }
    _draw(list(reports.values()), step)


def _scrubber(found: list[Shown], reached: list[int], running: bool) -> int:
    """The latest step while the run is followed, else a slider over the steps with a report.

    The slider is not moved from here while a run goes on: the browser would take that for a move
    of its user's.
    """
    latest = reached[-1]
    planned = {step for one in found if not one.over for step in one.run.plan.reported_steps}
    if running and st.toggle(_("Follow the run"), value=True, key="training_follow"):
        if to_come := [step for step in planned if step > latest]:
            st.caption(_("The next one is kept in step {step}.").format(step=min(to_come)))
        return latest
    steps = sorted({*reached, *planned})
    if len(steps) == 1:
        return latest
    shown: int = st.select_slider(
        _("Step shown"),
        steps,
        key=state.step_key(state.shown_step(steps, latest)),
        on_change=state.step_chosen,
        help=_(
            "All histograms are kept of these steps only; their number is the setting Flow "
            "figures, under Steps and records."
        ),
    )
    if shown > latest:
        st.caption(_("Step {step} is still to come.").format(step=shown))
    return min(shown, latest)


def _chosen(found: list[Shown]) -> list[Shown]:
    """All runs, or one of them in full size."""
    if len(found) == 1:
        return found
    letters = [_ALL, *(one.letter for one in found)]
    names = {one.letter: f"{one.letter} {one.name}" for one in found} | {_ALL: _("Side by side")}
    chosen = st.segmented_control(
        _("Runs"),
        letters,
        default=_ALL,
        required=True,
        key=f"training_flow_of_{len(found)}",
        format_func=lambda code: names[code],
        label_visibility="collapsed",
    )
    return [one for one in found if chosen in (_ALL, one.letter)]


def _draw(reports: list[tuple[Shown, int, Report]], step: int) -> None:
    gradient = st.segmented_control(
        _("Gradient in the lower band"),
        list(GRADIENTS),
        default="delta",
        required=True,
        key="training_flow_gradient",
        format_func=lambda code: _(GRADIENTS[code]),
        label_visibility="collapsed",
    )
    if len(reports) == 1:
        ((_one, _at, report),) = reports
        figure = charts.flow_figure(report, mode=blocks.mode(), gradient=gradient)
    else:
        entries = [Entry(one.letter, one.name, report) for one, _at, report in reports]
        figure = compare_flow_figure(entries, mode=blocks.mode(), gradient=gradient)
    blocks.show_figure(
        figure, "training_flow", _("Distribution of activations and gradients, layer by layer")
    )
    st.caption(" ".join(_at_step(one, at, report, step) for one, at, report in reports))
    blocks.explain("training_flow")


def _at_step(one: Shown, at: int, report: Report, step: int) -> str:
    text = _("{letter}: step {at}, loss {loss}.") if at == step else _(
        "{letter}: step {at}, the last one before {step} that is kept, loss {loss}."
    )  # fmt: skip
    return text.format(letter=one.letter, at=at, step=step, loss=number(report.loss))
