"""The page: experiments, buttons, results of the runs, figures, numbers, files."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from gradflow.core.errors import InvalidExperiment
from gradflow.core.text import N_, _
from gradflow.core.training import RunState
from gradflow.core.training.cures import list_cures
from gradflow.core.training.presets import TRAINING_PRESETS
from gradflow.ui import blocks
from gradflow.ui.training import actions, claims, files, lanes, live, state, summary, words
from gradflow.ui.training.groups import RunGroup, Setup
from gradflow.ui.training.lanes import ShownRun


def show_training() -> None:
    """Show everything but the controls in the sidebar."""
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
    _draw_presets()
    for problem in filter(None, (state.FORM.problem, impossible)):
        blocks.show_error(problem)
    claim = state.read_claim()
    if claim is not None and (text := words.describe_claim(claim, group)):
        st.info(text, icon=":material/link:")
    _say_what_to_look_for(group, setup)
    _draw_buttons(group, setup, running=running)
    runs = lanes.list_shown(session)
    if group is not None:
        _show_breaks(group, runs)
        _show_results(group, runs)
    if runs:
        live.show_live(running=running)
    else:
        st.info(
            _("Press Play to train the network of the sidebar, or choose an experiment above.")
            if state.find_preset() is None
            else _("Press Play to train the runs of this experiment."),
            icon=":material/play_arrow:",
        )
    _show_details(runs, running=running)


def _draw_presets() -> None:
    st.pills(
        _("Experiments: one press trains the runs of a claim side by side"),
        list(TRAINING_PRESETS),
        format_func=lambda code: _(TRAINING_PRESETS[code].label),
        **actions.bind_preset(),
    )


def _say_what_to_look_for(group: RunGroup | None, setup: Setup | None) -> None:
    """Say what to look for in a preset, else write the formulas of a step."""
    current = setup if group is None else group.setup
    if current is not None and current.preset is not None:
        preset = TRAINING_PRESETS[current.preset]
        st.markdown(f"**{_('Look for:')}** {_(preset.look_for)}")
    elif current is not None:
        st.latex(words.write_rule(current.runs[0].plan))


def _draw_buttons(group: RunGroup | None, setup: Setup | None, *, running: bool) -> None:
    over = group is not None and group.over
    goes_on = group is not None and not over
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        stuck = running or (setup is None and not goes_on)
        buttons = (
            ("play", _("Play"), "play_arrow", actions.play, stuck),
            ("pause", _("Pause"), "pause", actions.pause, not running),
            ("step", _("Step"), "skip_next", actions.step, stuck),
            ("stop", _("Stop"), "stop", actions.stop, not goes_on),
            ("reset", _("Reset"), "restart_alt", actions.reset, group is None),
        )
        for code, label, icon, action, disabled in buttons:
            st.button(
                label,
                key=f"training_{code}",
                icon=f":material/{icon}:",
                type="primary" if code == "play" else "secondary",
                disabled=disabled,
                help=_(_HELP[code]),
                **actions.bind_press(action),
            )
    if setup is not None and not goes_on and (long := words.announce_duration(setup)):
        st.caption(long)
    if goes_on and setup is not None and group is not None and setup != group.setup:
        st.info(
            _(
                "The settings were changed after this run began. It goes on as it began; Reset, "
                "then Play, trains with the new ones."
            ),
            icon=":material/tune:",
        )


_HELP = {
    "play": N_("Train; after a pause, go on. A run that has ended begins anew."),
    "pause": N_("Stop after the step that is being computed; Play goes on."),
    "step": N_("Go on to the next record."),
    "stop": N_("End the run and free its memory; its records stay on the page."),
    "reset": N_("End the run and put it with the earlier ones, to be compared."),
}


def _show_breaks(group: RunGroup, runs: list[ShownRun]) -> None:
    """Show where runs broke, and what may keep them whole."""
    for lane, (shown_run, live_run) in enumerate(zip(runs, group.lanes, strict=False)):
        if live_run.state is RunState.FAILED:
            blocks.show_error(f"{shown_run.letter}: {live_run.error}")
        divergence = shown_run.run.divergence
        if divergence is None:
            continue
        setting = group.setup.runs[lane]
        letter = f"{shown_run.letter}: " if len(group.lanes) > 1 else ""
        blocks.show_error(letter + divergence.text)
        if words.is_break_hidden(shown_run.run):
            st.caption(
                _(
                    "There the activation function hides it: it turns −∞ into a finite value. "
                    "The activations drawn below are infinite or NaN only further on."
                )
            )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(_("Train again with:"), width="content")
            for cure in list_cures(setting.experiment, setting.plan):
                st.button(
                    str(cure.label),
                    key=f"training_cure_{lane}_{cure.code}",
                    icon=":material/healing:",
                    disabled=group.running,
                    **actions.bind_press(actions.try_cure, cure, lane),
                )


def _show_results(group: RunGroup, runs: list[ShownRun]) -> None:
    """Show the results of the runs, once none of them goes on."""
    if not group.over:
        return
    own = runs[: len(group.lanes)]
    if group.setup.preset is None:
        for shown_run in own:
            if text := words.describe_result(shown_run):
                st.markdown(text)
        return
    if any(lane.state is RunState.STOPPED for lane in group.lanes):
        st.info(_("Stopped before the end: what was claimed is not judged."))
        return
    judgement = claims.judge_preset(group.setup.preset, [shown_run.run for shown_run in own])
    if judgement is None:
        return
    lines, holds = judgement
    heading = (
        _("**Measured, and as claimed:**") if holds else _("**Measured, and not as claimed:**")
    )
    text = "\n".join([heading, "", *(f"- {line}" for line in lines)])
    (st.success if holds else st.warning)(text, icon=":material/straighten:")


def _show_details(runs: list[ShownRun], *, running: bool) -> None:
    panels: dict[str, Callable[[], None]] = {
        _("In numbers"): lambda: _show_numbers(runs, running=running),
        _("Compare"): files.draw_comparison,
        _("Save"): lambda: files.draw_downloads(runs),
    }
    tabs = st.tabs(list(panels), key="training_details", on_change="rerun")
    for tab, draw in zip(tabs, panels.values(), strict=True):
        if tab.open:
            with tab:
                draw()
    st.caption(words.explain_keeping())


def _show_numbers(runs: list[ShownRun], *, running: bool) -> None:
    if running:
        st.caption(_("The numbers stand here when no run advances: press Pause, or wait."))
        return
    if not any(shown_run.run.records for shown_run in runs):
        st.caption(_("Nothing was recorded yet."))
        return
    columns = [(f"{shown_run.letter} {shown_run.name}", shown_run.run) for shown_run in runs]
    blocks.show_table(summary.make_summary_table(columns), key="training_numbers")
    blocks.explain("training_numbers")
