"""The page: experiments, buttons, what became of the runs, figures, numbers, files."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from gradflow.core.errors import InvalidExperiment
from gradflow.core.text import _
from gradflow.core.training import Run, RunState
from gradflow.core.training.cures import list_cures
from gradflow.core.training.presets import TRAINING_PRESETS
from gradflow.ui import blocks
from gradflow.ui.training import actions, claims, files, lanes, live, state, summary, words
from gradflow.ui.training.lanes import Shown
from gradflow.ui.training.runs import Group, Setup


def show() -> None:
    """Everything but the controls in the sidebar."""
    session = state.session()
    group = session.group
    # Asked once: a run that ends while the page is drawn shall be seen to have ended.
    running = group is not None and group.running
    try:
        setup: Setup | None = state.setup()
        impossible = ""
    except InvalidExperiment as error:
        setup, impossible = None, str(error)
    if setup is not None:
        state.settled(setup)
    _presets()
    for problem in filter(None, (state.problem(), impossible)):
        blocks.show_error(problem)
    if (claim := state.claimed()) is not None and (text := words.claimed(claim, group)):
        st.info(text, icon=":material/link:")
    _look_for(group, setup)
    _buttons(group, setup, running=running)
    found = lanes.shown(session)
    if group is not None:
        _failures(group, found)
        _verdict(group, found)
    if found:
        live.show(running=running)
    else:
        st.info(
            _("Press Play to train the network of the sidebar, or choose an experiment above.")
            if state.preset() is None
            else _("Press Play to train the runs of this experiment."),
            icon=":material/play_arrow:",
        )
    _details(found, running=running)


def _presets() -> None:
    st.pills(
        _("Experiments: one press trains the runs of a claim side by side"),
        list(TRAINING_PRESETS),
        key=state.preset_key(),
        on_change=actions.preset_pressed,
        format_func=lambda code: _(TRAINING_PRESETS[code].label),
    )


def _look_for(group: Group | None, setup: Setup | None) -> None:
    """What to look for in a preset, else the formulas of a step."""
    current = setup if group is None else group.setup
    if current is not None and current.preset is not None:
        preset = TRAINING_PRESETS[current.preset]
        st.markdown(f"**{_('Look for:')}** {_(preset.look_for)}")
    elif current is not None:
        st.latex(words.rule(current.runs[0].plan))


def _buttons(group: Group | None, setup: Setup | None, *, running: bool) -> None:
    over = group is not None and group.over
    goes_on = group is not None and not over
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        buttons = (
            ("play", _("Play"), "play_arrow", actions.play,
             running or (setup is None and not goes_on)),
            ("pause", _("Pause"), "pause", actions.pause, not running),
            ("step", _("Step"), "skip_next", actions.step,
             running or (setup is None and not goes_on)),
            ("stop", _("Stop"), "stop", actions.stop, not goes_on),
            ("reset", _("Reset"), "restart_alt", actions.reset, group is None),
        )  # fmt: skip
        for code, label, icon, action, disabled in buttons:
            st.button(
                label,
                key=f"training_{code}",
                icon=f":material/{icon}:",
                type="primary" if code == "play" else "secondary",
                on_click=action,
                disabled=disabled,
                help=_HELP[code](),
            )
    if setup is not None and not goes_on and (long := words.estimate(setup)):
        st.caption(long)
    if goes_on and setup is not None and group is not None and setup != group.setup:
        st.info(
            _("The settings were changed after this run began. It goes on as it began; Reset, then "
              "Play, trains with the new ones."),
            icon=":material/tune:",
        )  # fmt: skip


_HELP: dict[str, Callable[[], str]] = {
    "play": lambda: _("Train; after a pause, go on. A run that has ended begins anew."),
    "pause": lambda: _("Stop after the step that is being computed; Play goes on."),
    "step": lambda: _("Go on to the next record."),
    "stop": lambda: _("End the run and free its memory; its records stay on the page."),
    "reset": lambda: _("End the run and put it with the earlier ones, to be compared."),
}


def _failures(group: Group, found: list[Shown]) -> None:
    """Where runs broke, and what may keep them whole."""
    for place, (one, live_run) in enumerate(zip(found, group.lanes, strict=False)):
        if live_run.state is RunState.FAILED:
            blocks.show_error(f"{one.letter}: {live_run.error}")
        divergence = one.run.divergence
        if divergence is None:
            continue
        setting = group.setup.runs[place]
        several = f"{one.letter}: " if len(group.lanes) > 1 else ""
        blocks.show_error(several + divergence.text)
        if words.hidden(one.run):
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
                    key=f"training_cure_{place}_{cure.code}",
                    icon=":material/healing:",
                    on_click=actions.try_cure,
                    args=(cure, place),
                    disabled=group.running,
                )


def _verdict(group: Group, found: list[Shown]) -> None:
    """What the runs came to, once none of them goes on."""
    if not group.over:
        return
    own = found[: len(group.lanes)]
    if group.setup.preset is None:
        for one in own:
            if text := words.outcome(one):
                st.markdown(text)
        return
    if any(lane.state is RunState.STOPPED for lane in group.lanes):
        st.info(_("Stopped before the end: what was claimed is not judged."))
        return
    judged = claims.judged(group.setup.preset, [one.run for one in own])
    if judged is None:
        return
    lines, holds = judged
    said = _("**Measured, and as claimed:**") if holds else _("**Measured, and not as claimed:**")
    text = "\n".join([said, "", *(f"- {line}" for line in lines)])
    (st.success if holds else st.warning)(text, icon=":material/straighten:")


def _details(found: list[Shown], *, running: bool) -> None:
    panels: dict[str, Callable[[], None]] = {
        _("In numbers"): lambda: _numbers(found, running=running),
        _("Compare"): files.compare,
        _("Save"): lambda: files.save(found),
    }
    tabs = st.tabs(list(panels), key="training_details", on_change="rerun")
    for tab, draw in zip(tabs, panels.values(), strict=True):
        if tab.open:
            with tab:
                draw()
    st.caption(words.kept())


def _numbers(found: list[Shown], *, running: bool) -> None:
    if running:
        st.caption(_("The numbers stand here when no run advances: press Pause, or wait."))
        return
    if not any(one.run.records for one in found):
        st.caption(_("Nothing was recorded yet."))
        return
    runs: list[tuple[str, Run]] = [(f"{one.letter} {one.name}", one.run) for one in found]
    blocks.show_table(summary.table(runs), key="training_numbers")
    blocks.explain("training_numbers")
