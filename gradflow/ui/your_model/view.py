"""What Your model shows: a report on Explore's stage, two beside each other, or a timeline."""

from __future__ import annotations

import html

import streamlit as st

from gradflow.core.diagnosis.case import parse_experiment
from gradflow.core.experiment import Experiment
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.core.timeline import Timeline
from gradflow.ui import blocks, paths
from gradflow.ui.explore import report as explore_report
from gradflow.ui.explore.flow import FlowView
from gradflow.ui.explore.look import find_rows, make_view
from gradflow.ui.explore.state import EXPLORE, find_layer
from gradflow.ui.explore.subject import SavedReport
from gradflow.ui.stage import Place, draw_spoken_head, make_stage
from gradflow.ui.turns import ADMISSION
from gradflow.ui.your_model.advice import show_advice
from gradflow.ui.your_model.compare import show_comparison
from gradflow.ui.your_model.controls import draw_controls
from gradflow.ui.your_model.gallery import GALLERY
from gradflow.ui.your_model.look import read_look
from gradflow.ui.your_model.state import (
    LEFT,
    MOST_FILES,
    PAGE,
    REFUSED,
    Brought,
    change_look,
    choose_column,
    compare_with,
    find_beside,
    find_shown,
    sync_url,
)
from gradflow.ui.your_model.timeline import show_timeline


def show_page() -> None:
    """Show the page."""
    stage = make_stage(Place.ABOVE)
    with stage.controls:
        draw_controls()
    shown, beside = find_shown(), find_beside()
    with ADMISSION, stage.picture:
        _draw_head(shown if beside is None else None)
        _show_problems()
        if beside is not None:
            show_comparison(shown, beside, stage.details)
        elif isinstance(shown.content, Timeline):
            show_timeline(shown.content, stage.details)
        elif shown.saved is not None:
            view = _find_view(shown.saved, shown.content)
            explore_report.show_flow(shown.saved, view, _try_nothing, choose_column)
            with stage.details:
                _show_details(shown, shown.saved, shown.content)
    is_linked = sync_url()
    with stage.details:
        st.caption(_say_how_to_share(is_linked))


def _say_how_to_share(is_linked: bool) -> str:
    if is_linked:
        return _("The address of this page leads to what you see: copy it to share it.")
    return _(
        "A file that you dropped stays until you reload the page or drop {count} newer ones, and "
        "the address of this page does not lead to it: to share what you see, send the file."
    ).format(count=MOST_FILES)


def _draw_head(shown: Brought | None) -> None:
    """Draw the heading, and what to look for in a report of the gallery."""
    with st.container(key="your_model_says", gap=None):
        draw_spoken_head(_("Your model"))
        if shown is not None and shown.code in GALLERY:
            words = _("An example. Look for: {what}")
            st.markdown(words.format(what=_(GALLERY[shown.code].look_for)))


def _show_problems() -> None:
    for message in REFUSED.get():
        blocks.show_error(message)
    REFUSED.set([])
    if LEFT.get():
        names = ", ".join(LEFT.get())
        text = _("A session keeps {count} files: {names} left.").format(
            count=MOST_FILES, names=names
        )
        st.html(f'<p class="gf-says" role="status">{html.escape(text)}</p>')
        LEFT.set([])
    if PAGE.problem:
        blocks.show_error(PAGE.problem)


def _find_view(saved: SavedReport, report: Report) -> FlowView:
    look = read_look()
    rows = find_rows(look, saved, report)
    if rows == "block":
        return make_view({"rows": rows})
    return make_view(look | {"rows": rows}, find_layer(len(report.get_table("layers"))) or 0)


def _try_nothing(_experiment: Experiment) -> None:
    """Leave cures out: nothing of a report can be set."""


def _show_details(shown: Brought, saved: SavedReport, report: Report) -> None:
    view, item = _find_view(saved, report), GALLERY.get(shown.code)
    if view.rows == "fold" and view.opened:
        st.button(
            _("Fold all blocks"),
            key="your_model_fold",
            on_click=change_look,
            args=({"opened": 0},),
        )
    if item is not None and item.cause:
        blocks.write_text(f"**{_('Why?')}** {_(item.cause)}")
    if item is not None and item.cure:
        st.code(item.cure, language="python")
    experiment = parse_experiment(report)
    if experiment is None:
        show_advice(report)
    if item is not None:
        st.button(
            _("Compare with: {title}").format(title=_(GALLERY[item.rival].title)),
            key="your_model_rival",
            icon=":material/compare_arrows:",
            on_click=compare_with,
            args=(item.rival,),
        )
    if experiment is not None and st.button(
        _("Open this network in Explore"), icon=":material/insights:", key="your_model_explore"
    ):
        EXPLORE.replace(experiment)
        st.switch_page(paths.EXPLORE)
    explore_report.show_numbers(report)
    if report.coverage.places:
        st.caption(str(report.coverage.text))
    explore_report.explain_flow(saved, view)
    explore_report.show_details(saved, report, view)
