"""The Flow figure at a step of the run, on a scrubber."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from gradflow import charts
from gradflow.charts.compare.data import ComparedSetting
from gradflow.charts.compare.figures import compare_flow_figure
from gradflow.charts.theme import format_number
from gradflow.core.errors import GradflowError
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.core.training import StepRecord
from gradflow.ui import blocks
from gradflow.ui.explore.report import choose_gradient
from gradflow.ui.training import compute, lanes, state
from gradflow.ui.training.lanes import Shown

_ALL = "all"


@dataclass(frozen=True)
class _Found:
    """A run at a step: its record there, and one with its report, perhaps computed again."""

    one: Shown
    record: StepRecord
    reported: StepRecord

    @property
    def report(self) -> Report:
        report = self.reported.report
        assert report is not None
        return report

    def text(self, step: int) -> str:
        """What stands below the figure."""
        at, again = self.record.step, self.reported
        text = _("{letter}: step {at}, loss {loss}.") if at == step else _(
            "{letter}: step {at}, the last one up to {step} that is there, loss {loss}."
        )  # fmt: skip
        text = text.format(
            letter=self.one.letter, at=at, step=step, loss=format_number(self.record.loss)
        )
        if (again.step, again.loss) == (at, self.record.loss):
            return text
        differs = _(
            "Computed again here, where numbers are rounded otherwise: step {at}, loss {loss}."
        )
        return f"{text} {differs.format(at=again.step, loss=format_number(again.loss))}"


def show() -> None:
    """Scrubber and figure; without any record nothing."""
    session = state.session()
    running = session.group is not None and session.group.running
    found = lanes.shown(session)
    records = {one.letter: _records(one, kept=running) for one in found}
    reached = sorted({step for own in records.values() for step in own})
    if not reached:
        return
    st.subheader(_("The flow in one step"), anchor=False)
    step = _scrubber(found, reached, running)
    steps = [_at(one, records[one.letter], step) for one in _chosen(found)]
    _draw([one for one in steps if one is not None], step)


def _records(one: Shown, *, kept: bool) -> dict[int, StepRecord]:
    """The records of a run whose report is kept, or can be computed, by step."""
    only = kept or not lanes.can_replay(one.run)
    return {r.step: r for r in one.run.records if not only or r.snapshot is not None}


def _at(one: Shown, records: dict[int, StepRecord], step: int) -> _Found | None:
    """The last of a run's records up to a step."""
    record = records.get(max((at for at in records if at <= step), default=0))
    if record is None:
        return None
    if record.snapshot is not None:
        return _Found(one, record, record)
    try:
        again = compute.replayed(lanes.experiment_of(one.run), one.run, record.step)
    except GradflowError as error:  # a file from a machine with a GPU, say
        blocks.show_error(f"{one.letter}: {error}")
        return None
    return _Found(one, record, again)


def _scrubber(found: list[Shown], reached: list[int], running: bool) -> int:
    """The latest step while the run is followed, else a slider over the steps that can be shown.

    The slider is not moved from here while a run goes on: the browser would take that for a move
    of its user's.
    """
    latest = reached[-1]
    planned = {step for one in found if not one.over for step in one.run.plan.reported_steps}
    to_come = {step for step in planned if step > latest}
    if running and st.toggle(_("Follow the run"), value=True, key="training_follow"):
        if to_come:
            st.caption(_("The next one is kept in step {step}.").format(step=min(to_come)))
        return latest
    steps = sorted({*reached, *(to_come if running else ())})
    if len(steps) == 1:
        return latest
    shown: int = st.select_slider(
        _("Step shown"),
        steps,
        key=state.step_key(state.shown_step(steps, latest)),
        on_change=state.step_chosen,
        help=_(
            "While a run goes on, the steps whose histograms are kept (setting Flow figures). "
            "After Pause or Stop every recorded step: those that were not kept are computed again."
        ),
    )
    if shown > latest:
        st.caption(_("Step {step} is still to come.").format(step=shown))
    return min(shown, latest)


def _chosen(found: list[Shown]) -> list[Shown]:
    """All runs, or one of them in full size."""
    if len(found) == 1:
        return found
    names = {_ALL: _("Side by side")} | {one.letter: f"{one.letter} {one.name}" for one in found}
    chosen = blocks.one_of(_("Runs"), names, f"training_flow_of_{len(found)}")
    return [one for one in found if chosen in (_ALL, one.letter)]


def _draw(found: list[_Found], step: int) -> None:
    if not found:
        return
    gradient = choose_gradient("training_flow_gradient")
    if len(found) == 1:
        figure = charts.flow_figure(found[0].report, mode=blocks.mode(), gradient=gradient)
    else:
        entries = [ComparedSetting(at.one.letter, at.one.name, at.report) for at in found]
        figure = compare_flow_figure(entries, mode=blocks.mode(), gradient=gradient)
    blocks.show_figure(
        figure, "training_flow", _("Distribution of activations and gradients, layer by layer")
    )
    st.caption(" ".join(at.text(step) for at in found))
    blocks.explain("training_flow")
