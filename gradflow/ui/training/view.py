"""The page: buttons, controls, what the runs did, figures, numbers, files."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from gradflow.core.errors import GradflowError, InvalidExperiment
from gradflow.core.text import N_, _
from gradflow.ui import blocks, stage
from gradflow.ui.training import (
    actions,
    compute,
    files,
    lanes,
    live,
    outcome,
    state,
    summary,
    words,
)
from gradflow.ui.training.controls import draw_controls
from gradflow.ui.training.groups import RunGroup, Setup
from gradflow.ui.training.lanes import ShownRun
from gradflow.ui.training.sessions import Session


def show_training() -> None:
    """Show the whole page: buttons, controls, what the runs did, figures, numbers, files."""
    session = state.open_session()
    group = session.group
    # Asked once: a run that ends while the page is drawn shall be seen to have ended.
    running = group is not None and group.running
    try:
        setup: Setup | None = state.make_setup()
        impossible = ""
    except InvalidExperiment as error:
        setup, impossible = None, str(error)
    if setup is not None:
        state.sync_url(setup)
    with stage.draw_head(_("Training")):
        _draw_buttons(group, setup, running=running)
    parts = stage.make_stage(stage.Place.ABOVE)
    with parts.controls:
        draw_controls()  # first: they can be used while what the page opens with is computed
    with parts.picture:
        for problem in filter(None, (state.FORM.problem, impossible)):
            blocks.show_error(problem)
        _say_what_goes_on(group, setup)
        _open(session, setup)
        runs = lanes.list_shown(session)
        outcome.show_outcome(session, runs)
        live.show_live(len(runs), running=running)
    with parts.details:
        live.show_more(running=running)
        _show_details(runs, running=running)


def _open(session: Session, setup: Setup | None) -> None:
    """Find runs to look at as long as the page has none of its own."""
    if session.group is not None or state.OPENING.get() is not None:
        return
    try:
        state.OPENING.set(compute.open_with(setup))
    except GradflowError:  # said when it is tried
        state.OPENING.set(compute.open_with(None))


def _draw_buttons(group: RunGroup | None, setup: Setup | None, *, running: bool) -> None:
    """Draw the buttons that can be pressed now; the one to train stays in its place."""
    over = group is not None and group.over
    goes_on = group is not None and not over
    stuck = running or (setup is None and not goes_on)
    if goes_on:
        train = _("Go on")
    else:
        several = setup is not None and len(setup.runs) > 1
        train = _("Train these networks") if several else _("Train this network")
    buttons = (
        ("play", train, "play_arrow", actions.play, True),
        ("pause", _("Pause"), "pause", actions.pause, running),
        ("step", _("Step"), "skip_next", actions.step, not stuck),
        ("stop", _("Stop"), "stop", actions.stop, goes_on),
        ("reset", _("Reset"), "restart_alt", actions.reset, group is not None),
    )
    for code, label, icon, action, shown in buttons:
        if shown:
            st.button(
                label,
                key=f"training_{code}",
                icon=f":material/{icon}:",
                type="primary" if code == "play" else "secondary",
                disabled=code == "play" and stuck,
                help=_(_HELP[code]),
                **actions.bind_press(action),
            )


def _say_what_goes_on(group: RunGroup | None, setup: Setup | None) -> None:
    """Say what a reader should know before a press on a button."""
    goes_on = group is not None and not group.over
    claim = state.read_claim()
    if claim is not None and (text := words.describe_claim(claim, group)):
        st.info(text, icon=":material/link:")
    if group is not None and group.put_away:
        st.info(words.explain_put_away(), icon=":material/memory:")
        group.is_told = True
    if ended := state.open_session().ended:
        st.info(words.explain_ended_records(ended), icon=":material/memory:")
    if setup is not None and not goes_on and (long := words.announce_duration(setup)):
        st.caption(long)
    if goes_on and setup is not None and group is not None and setup != group.setup:
        st.info(
            _(
                "You changed the settings after this run began. The run keeps its own; press "
                "Reset, then Play, to train with the new ones."
            ),
            icon=":material/tune:",
        )


_HELP = {
    "play": N_("Train with the settings below, or continue after a pause."),
    "pause": N_("Pause after the current step; Play continues."),
    "step": N_("Advance to the next record."),
    "stop": N_("End the run and free its memory; its records stay on the page."),
    "reset": N_("End the run and keep it among the earlier ones, for comparison."),
}


def _show_details(runs: list[ShownRun], *, running: bool) -> None:
    panels: dict[str, Callable[[], None]] = {
        _("In numbers"): lambda: _show_numbers(runs, running=running),
        _("Compare"): files.draw_comparison,
        _("Save"): lambda: files.draw_downloads(runs),
        _("What am I looking at?"): _explain,
    }
    blocks.draw_tabs_in_place(panels, "training_details")
    st.caption(words.explain_keeping())


def _explain() -> None:
    for name in ("training_learning", "training_layers", "training_flow", "training_steps"):
        st.markdown(blocks.read_text(name))


def _show_numbers(runs: list[ShownRun], *, running: bool) -> None:
    if running:
        st.caption(_("The numbers appear when no run is advancing: press Pause, or wait."))
        return
    if not any(shown_run.run.records for shown_run in runs):
        st.caption(_("Nothing was recorded yet."))
        return
    columns = [(f"{shown_run.letter} {shown_run.name}", shown_run.run) for shown_run in runs]
    blocks.show_table(summary.make_summary_table(columns), key="training_numbers")
    blocks.explain("training_numbers")
