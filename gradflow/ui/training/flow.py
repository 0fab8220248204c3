"""The Flow figure at a step of the run, on a scrubber."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from gradflow import charts
from gradflow.charts.compare.data import ComparedSetting
from gradflow.charts.compare.flow import compare_flow_figure
from gradflow.charts.figure import resize_figure
from gradflow.charts.flow.data import GRADIENTS, Gradient
from gradflow.charts.flow.text import SYMBOLS
from gradflow.core.errors import GradflowError
from gradflow.core.numbers import format_number
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.core.training import StepRecord
from gradflow.ui import blocks
from gradflow.ui.fragments import rerun_fragments
from gradflow.ui.training import compute, lanes, state
from gradflow.ui.training.lanes import ShownRun

CURVES, FLOW = "training_curves", "training_river"
"""The fragments that follow a run."""
_ALL_RUNS = "all"
_MOST_SIDE_BY_SIDE = 2
"""So many runs are shown side by side at first; of more one is."""
_HEIGHT, _LOWER_HEIGHT = 400, 350
"""Of the figure in pixels, so that all of a run fits a projector; the controls of more runs than
that take a line more."""


@dataclass(frozen=True)
class _ShownStep:
    """A run at a step: its record there, and one with its report, perhaps computed again."""

    shown_run: ShownRun
    record: StepRecord
    reported: StepRecord

    @property
    def report(self) -> Report:
        report = self.reported.report
        assert report is not None
        return report

    def describe(self, step: int) -> str:
        """Describe the step for the line below the figure."""
        at, again = self.record.step, self.reported
        if at == step:
            text = _("{letter}: step {at}, loss {loss}.")
        else:
            text = _("{letter}: step {at}, its last record up to step {step}, loss {loss}.")
        loss = format_number(self.record.loss)
        text = text.format(letter=self.shown_run.letter, at=at, step=step, loss=loss)
        if (again.step, again.loss) == (at, self.record.loss):
            return text
        differs = _(
            "Computed again on this machine, which rounds differently: step {at}, loss {loss}."
        )
        return f"{text} {differs.format(at=again.step, loss=format_number(again.loss))}"


def show_step_flow() -> None:
    """Show scrubber and figure; without any record nothing."""
    session = state.open_session()
    running = session.group is not None and session.group.running
    runs = lanes.list_shown(session)
    records = {shown_run.letter: _list_records(shown_run, only_kept=running) for shown_run in runs}
    reached = sorted({step for own in records.values() for step in own})
    if not reached:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        gradient = _choose_gradient()
        chosen = _choose_runs(runs)
        step = _choose_step(runs, reached, running)
    steps = [_find_step(shown_run, records[shown_run.letter], step) for shown_run in chosen]
    height = _HEIGHT if len(runs) <= _MOST_SIDE_BY_SIDE else _LOWER_HEIGHT
    _draw_steps([at for at in steps if at is not None], step, gradient, height)


def _list_records(shown_run: ShownRun, *, only_kept: bool) -> dict[int, StepRecord]:
    """List the records of a run whose report is kept, or can be computed, by step."""
    only = only_kept or not lanes.can_replay(shown_run.run)
    return {r.step: r for r in shown_run.run.records if not only or r.snapshot is not None}


def _find_step(shown_run: ShownRun, records: dict[int, StepRecord], step: int) -> _ShownStep | None:
    """Find the last of a run's records up to a step."""
    record = records.get(max((at for at in records if at <= step), default=0))
    if record is None:
        return None
    if record.snapshot is not None:
        return _ShownStep(shown_run, record, record)
    try:
        experiment = lanes.find_experiment(shown_run.run)
        again = compute.replay_step(experiment, shown_run.run, record.step)
    except GradflowError as error:  # a file from a machine with a GPU, say
        blocks.show_error(f"{shown_run.letter}: {error}")
        return None
    return _ShownStep(shown_run, record, again)


def _choose_step(runs: list[ShownRun], reached: list[int], running: bool) -> int:
    """Take the latest step while the run is followed, else draw a slider over those to show.

    The slider is not moved from here while a run goes on: the browser would take that for a move
    of its user's.
    """
    latest = reached[-1]
    planned = {
        step
        for shown_run in runs
        if not shown_run.over
        for step in shown_run.run.plan.reported_steps
    }
    to_come = {step for step in planned if step > latest}
    if running and st.toggle(_("Follow the run"), value=True, key="training_follow"):
        if to_come:
            st.caption(_("The next figure comes at step {step}.").format(step=min(to_come)))
        return latest
    steps = sorted({*reached, *(to_come if running else ())})
    if len(steps) == 1:
        return latest
    step: int = st.select_slider(
        _("Step shown"),
        steps,
        **state.STEP.bind(state.find_step(steps, latest), _follow_step),
        help=_(
            "While a run goes on, you can choose the steps whose histograms are kept (setting "
            "Flow figures). After Pause or Stop you can choose every recorded step: the "
            "others are computed again."
        ),
    )
    if step > latest:
        st.caption(_("The run has not reached step {step} yet.").format(step=step))
    return min(step, latest)


def _follow_step() -> None:
    """Let the curves mark the step that was chosen."""
    rerun_fragments(CURVES, FLOW)


def _choose_gradient() -> Gradient:
    symbols = {code: SYMBOLS[code] for code in GRADIENTS}
    return blocks.choose_one(_("Gradient"), symbols, "training_flow_gradient", "delta")


def _choose_runs(runs: list[ShownRun]) -> list[ShownRun]:
    """Draw the choice of all runs, or one of them in full size."""
    if len(runs) == 1:
        return runs
    names = {_ALL_RUNS: _("Side by side")} | {run.letter: run.letter for run in runs}
    first = _ALL_RUNS if len(runs) <= _MOST_SIDE_BY_SIDE else runs[0].letter
    chosen = blocks.choose_one(_("Runs"), names, f"training_flow_of_{len(runs)}", first)
    return [run for run in runs if chosen in (_ALL_RUNS, run.letter)]


def _draw_steps(steps: list[_ShownStep], step: int, gradient: Gradient, height: int) -> None:
    if not steps:
        return
    mode = blocks.read_mode()
    if len(steps) == 1:
        figure = charts.flow_figure(steps[0].report, mode=mode, gradient=gradient)
    else:
        entries = [
            ComparedSetting(at.shown_run.letter, at.shown_run.name, at.report) for at in steps
        ]
        figure = compare_flow_figure(entries, mode=mode, gradient=gradient)
    blocks.show_figure(
        resize_figure(figure, height),
        "training_flow",
        _("Distribution of activations and gradients, layer by layer"),
    )
    st.caption(" ".join(at.describe(step) for at in steps))
