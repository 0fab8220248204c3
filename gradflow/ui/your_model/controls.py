"""The controls of Your model: what is shown, the lines to run at home, the files."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from gradflow.charts.flow.data import Gradient
from gradflow.core.errors import GradflowError
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.ui.explore.flow import FlowView, Rows
from gradflow.ui.explore.look import GRADIENTS, find_rows, list_rows
from gradflow.ui.explore.subject import SavedReport
from gradflow.ui.settings.state import read_widget, show_in_widget
from gradflow.ui.turns import ADMISSION
from gradflow.ui.your_model.gallery import GALLERY
from gradflow.ui.your_model.look import read_look
from gradflow.ui.your_model.state import (
    MOST_FILES,
    REFUSED,
    UPLOAD_MEGABYTES,
    UPLOADS,
    bind_beside,
    bind_shown,
    change_look,
    find_beside,
    find_shown,
    list_codes,
    list_rivals,
    take_file,
)

SNIPPET = """\
import gradflow as gf  # 1. beside your own code
report = gf.probe(model, inputs, targets)
report.save("model.json")"""


def draw_controls() -> None:
    """Draw the row of controls."""
    with st.container(key="your_model_bar"):
        shown, snippet, files = st.columns([5, 6, 5], vertical_alignment="top")
    with shown:
        st.selectbox(
            _("Show"),
            list_codes(),
            format_func=name_shown,
            label_visibility="collapsed",
            **bind_shown(),
        )
        with st.container(horizontal=True):
            _draw_ways_to_look()
    with snippet:
        st.code(SNIPPET, language=None, wrap_lines=True)
    with files:
        _draw_upload()


def _draw_ways_to_look() -> None:
    """Draw what a report is compared with, and how it is looked at."""
    shown = find_shown()
    if shown.report is None:
        return
    st.selectbox(
        _("Compare with"),
        list_rivals(),
        index=None,
        format_func=lambda code: _("beside: {name}").format(name=name_shown(code)),
        placeholder=_("Compare with …"),
        label_visibility="collapsed",
        **bind_beside(),
    )
    if shown.saved is not None and find_beside() is None:
        _draw_look(shown.saved, shown.report)


def name_shown(code: str) -> str:
    """Name what a code stands for: a report of the gallery, or a file."""
    return _(GALLERY[code].title) if code in GALLERY else code.partition(": ")[2]


def _draw_upload() -> None:
    files = st.file_uploader(
        _("2. Drop model.json, or a watch's timeline"),
        "json",
        accept_multiple_files=True,
        key=f"your_model_uploads_{UPLOADS.get()}",
        max_upload_size=UPLOAD_MEGABYTES,
        help=_(
            "A report shows one pass. To see a whole training, put "
            "`with gf.watch(model, every=50) as watch:` around your loop, and drop what "
            '`watch.save("watch.json")` writes.\n\nThe last {count} files stay, until you '
            "reload the page."
        ).format(count=MOST_FILES),
    )
    if files:
        REFUSED.set([problem for file in files if (problem := _take_file(file))])
        UPLOADS.set(UPLOADS.get() + 1)
        st.rerun()


def _take_file(file: UploadedFile) -> str:
    """Keep a file; else say why not."""
    try:
        with ADMISSION:
            take_file(file.name, file.getvalue())
    except GradflowError as error:
        return f"{file.name}: {error}"
    return ""


def _draw_look(saved: SavedReport, report: Report) -> None:
    """Draw how the figure is looked at: its columns and its gradient."""
    box = st.popover(_("View"), key="your_model_view", on_change="rerun")
    if not box.open:
        return
    rows, look = find_rows(read_look(), saved, report), FlowView(**read_look())
    with box:
        names: dict[Rows, str] = list_rows(report)
        key = "your_model_rows"
        show_in_widget(key, rows)
        if len(names) > 1:
            st.radio(
                _("Columns of the figure"),
                list(names),
                format_func=lambda code: names[code],
                key=key,
                on_change=lambda: change_look({"rows": read_widget(key), "opened": 0}),
            )
        if rows == "block":
            return
        gradients: list[Gradient] = list(GRADIENTS)
        gradient_key = "your_model_gradient"
        show_in_widget(gradient_key, look.gradient)
        st.radio(
            _("Gradient in the lower band"),
            gradients,
            format_func=lambda code: _(GRADIENTS[code]),
            key=gradient_key,
            on_change=lambda: change_look({"gradient": read_widget(gradient_key)}),
        )
