"""What the runs did, in a line that opens, and where they broke."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from gradflow.charts.training.data import RECENT_RECORDS
from gradflow.core.numbers import format_number
from gradflow.core.text import _
from gradflow.core.training import RunState
from gradflow.core.training.cures import list_cures
from gradflow.core.training.presets import TRAINING_PRESETS
from gradflow.ui import blocks
from gradflow.ui.training import actions, claims, lanes, words
from gradflow.ui.training.groups import RunGroup, Setup
from gradflow.ui.training.lanes import ShownRun
from gradflow.ui.training.sessions import Session
from gradflow.ui.training.summary import summarize_run


@dataclass(frozen=True)
class Outcome:
    """What is said of runs, as Markdown: a line with a sign, and what stands behind it."""

    icon: str
    line: str
    more: str


def show_outcome(session: Session, runs: list[ShownRun]) -> None:
    """Show what the first runs on the page did, unless they are earlier ones."""
    setup, group = lanes.find_setup(session), session.group
    if setup is None:
        return
    own = runs[: len(setup.runs)]
    outcome = describe_outcome(setup, own)
    # As the expander's own icon, it would stand in place of the arrow that says that it opens.
    line = f":material/{outcome.icon}: {outcome.line}"
    with st.expander(line, key="training_outcome"):
        st.markdown(outcome.more)
        if setup.preset is None:
            st.latex(words.write_rule(setup.runs[0].plan))
    _show_breaks(setup, own, group)


def describe_outcome(setup: Setup, own: list[ShownRun]) -> Outcome:
    """Describe what runs did, or what to look for as long as they go on."""
    if setup.preset is None:
        return _describe_own(own)
    look_for = _(TRAINING_PRESETS[setup.preset].look_for)
    first, _dot, _rest = look_for.partition(". ")
    if not all(shown_run.over for shown_run in own):
        line = f"**{_('Look for:')}** {first.removesuffix('.')}."
        return Outcome("visibility", line, look_for)
    stopped = any(r.live is not None and r.live.state is RunState.STOPPED for r in own)
    judgement = claims.judge_preset(setup.preset, [shown_run.run for shown_run in own])
    if stopped or judgement is None:
        line = _("The run was stopped before its end, so the claim was not tested.")
        return Outcome("stop_circle", line, look_for)
    lines, holds = judgement
    head = _("Measured; the claim holds:") if holds else _("Measured; the claim does not hold:")
    claim = first.removesuffix(".").partition(":")[0]
    means = _("Losses are means of the last {n} records.").format(n=RECENT_RECORDS)
    losses = " · ".join(map(_describe_loss, own))
    measured = "\n".join(f"- {line}" for line in lines)
    icon = "check_circle" if holds else "warning"
    return Outcome(icon, f"**{head}** {claim}. {losses}", f"{look_for} {means}\n\n{measured}")


def _describe_loss(shown_run: ShownRun) -> str:
    summary = summarize_run(shown_run.run)
    if summary is None:
        return shown_run.label
    if summary.broke is not None:
        what = _("diverged in step {step}").format(step=summary.broke)
    else:
        what = _("loss {loss}").format(loss=format_number(summary.loss))
    return f"{shown_run.label}: {what}"


def _describe_own(own: list[ShownRun]) -> Outcome:
    """Describe runs that are no preset's."""
    if not all(shown_run.over for shown_run in own):
        names = " · ".join(shown_run.label for shown_run in own)
        return Outcome("fitness_center", names, _("One step of this training:"))
    sentences = [words.describe_result(shown_run) for shown_run in own]
    line = " · ".join(filter(None, (result for result, _speeds in sentences)))
    more = " ".join(filter(None, (speeds for _result, speeds in sentences)))
    icon = "warning" if any(r.run.divergence for r in own) else "straighten"
    return Outcome(icon, line or _("Nothing was recorded."), more)


def _show_breaks(setup: Setup, own: list[ShownRun], group: RunGroup | None) -> None:
    """Show where runs broke, and what may keep them whole."""
    for lane, (shown_run, setting) in enumerate(zip(own, setup.runs, strict=True)):
        if shown_run.live is not None and shown_run.live.state is RunState.FAILED:
            blocks.show_error(f"{shown_run.letter}: {shown_run.live.error}")
        divergence = shown_run.run.divergence
        if divergence is None:
            continue
        letter = f"{shown_run.letter}: " if len(own) > 1 else ""
        blocks.show_error(letter + divergence.text)
        if words.is_break_hidden(shown_run.run):
            st.caption(
                _(
                    "The activation function hides it there: it turns −∞ into a finite value. "
                    "So the activations below become infinite or NaN only in later layers."
                )
            )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(_("Train again with:"), width="content")
            for cure in list_cures(setting.experiment, setting.plan, divergence):
                st.button(
                    str(cure.label),
                    key=f"training_cure_{lane}_{cure.code}",
                    icon=":material/healing:",
                    disabled=group is not None and group.running,
                    **actions.bind_press(actions.try_cure, cure, lane),
                )
