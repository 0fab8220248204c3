"""The cures: tried with one button, ranked, drawn before and after, applied to the controls."""

from __future__ import annotations

import streamlit as st

from gradflow import charts
from gradflow.core.experiment import Experiment
from gradflow.core.numbers import format_number
from gradflow.core.remedies import REMEDIES, CureOutcome, Ranking
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.ui import blocks, compute
from gradflow.ui.explore.state import apply_cure, find_cures, forget_cures, keep_cures


def show_cures(experiment: Experiment, report: Report) -> None:
    """Show what every cure that fits does to this network, and apply one."""
    title, close = st.columns([10, 1], vertical_alignment="center")
    title.markdown(
        _("**Cures**, tried on the same data and seed; the one with the most level gradient first")
    )
    close.button(
        _("Close"),
        icon=":material/close:",
        key="close_cures",
        on_click=forget_cures,
        type="tertiary",
    )
    ranking = find_cures(experiment)
    if ranking is None:
        ranking = compute.try_cures(experiment)
        keep_cures(experiment, ranking)
    if not ranking:
        st.info(
            _(
                "No cure applies to this network. Cures change the weights, activation, "
                "normalization or connections of networks with two or more hidden layers. A "
                "transformer has settings of its own under “Network” and “Weights”."
            )
        )
        return
    figure = charts.remedies_figure(
        report,
        [(_(REMEDIES[outcome.code].label), outcome.report) for outcome in ranking],
        mode=blocks.read_mode(),
    )
    blocks.show_figure(figure, "cures", _("Gradient norms before and after each cure"))
    blocks.explain("cures")
    _choose_cure(ranking)
    _list_left_out(ranking)


def _choose_cure(ranking: Ranking) -> None:
    """Show one cure in words, and the button that applies it."""
    ranks = {outcome.code: rank for rank, outcome in enumerate(ranking, start=1)}
    code = st.selectbox(
        _("Cure"),
        list(ranks),
        key="cure",
        format_func=lambda code: f"{ranks[code]}. {_(REMEDIES[code].label)}",
    )
    outcome = ranking[ranks[code] - 1]
    with st.container(border=True):
        text, numbers = st.columns([3, 2], gap="large")
        with text:
            _describe_cure(outcome)
        with numbers:
            _show_numbers(outcome)
        st.button(
            _("Apply: {cure}").format(cure=_(REMEDIES[code].label)),
            icon=":material/check:",
            key="apply_cure",
            type="primary",
            on_click=apply_cure,
            args=(outcome.experiment,),
        )


def _describe_cure(outcome: CureOutcome) -> None:
    remedy = REMEDIES[outcome.code]
    box, icon = (
        (st.success, ":material/check_circle:")
        if outcome.helped
        else (st.warning, ":material/do_not_disturb_on:")
    )
    box(outcome.remark, icon=icon)
    st.markdown(
        "\n\n".join(
            (
                _(remedy.change),
                _("**Costs:** {cost}").format(cost=_(remedy.cost)),
                _("**Limits:** {limits}").format(limits=_(remedy.limits)),
            )
        )
    )


def _show_numbers(outcome: CureOutcome) -> None:
    left, right = st.columns(2)
    left.metric(
        _("Unevenness"),
        _("{n} decades").format(n=format_number(outcome.unevenness, 2)),
        help=_("Between the largest and the smallest ‖∂L/∂z‖ of the hidden layers; 0 is level."),
    )
    right.metric(
        _("Factor per layer"),
        format_number(outcome.factor, 2),
        help=_("What a layer multiplies ‖∂L/∂z‖ by, on the way back."),
    )
    left.metric(
        _("Parameters"),
        f"× {format_number(outcome.parameter_ratio, 3)}",
        help=_("Number of parameters, after / before."),
    )
    right.metric(
        _("Time, one pass"),
        f"× {format_number(outcome.time_ratio, 2)}",
        help=_("Seconds of one recorded pass, after / before; a single measurement."),
    )


def _list_left_out(ranking: Ranking) -> None:
    if ranking.left_out:
        with st.expander(_("Not tried: {n}").format(n=len(ranking.left_out))):
            for code, reason in ranking.left_out.items():
                st.markdown(f"**{_(REMEDIES[code].label)}:** {blocks.escape_markdown(reason)}")
