"""How a setting is added on the Compare page: a copy, a preset's network, saved reports."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from gradflow.core.errors import GradflowError
from gradflow.core.presets import PRESETS
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.ui.compare import settings as compare_settings
from gradflow.ui.compare import state as compare_state
from gradflow.ui.compare.settings import REFERENCE, Column
from gradflow.ui.settings.state import read_widget, show_in_widget

UPLOAD_MEGABYTES = 20


def draw_add_controls() -> None:
    """Draw the buttons that add a setting, as long as there is room for one."""
    free = compare_state.list_free_letters()
    if not free:
        return
    st.button(
        _("Add a copy of A"),
        key="add_copy",
        icon=":material/add:",
        on_click=lambda: compare_state.put_column(
            free[0], Column(), compare_state.FORMS[REFERENCE].read_last_valid()
        ),
    )
    box = st.popover(
        _("Add a preset or a file"), icon=":material/add:", key="compare_add", on_change="rerun"
    )
    if box.open:
        with box:
            _draw_sources(free)


def _draw_sources(free: list[str]) -> None:
    key = "add_preset"
    show_in_widget(key, None)  # it always waits for a choice
    st.selectbox(
        _("Network of a preset"),
        compare_settings.list_network_presets(),
        index=None,
        key=key,
        format_func=lambda code: _(PRESETS[code].label),
        placeholder=_("a preset experiment …"),
        help=_("Only its network is copied; data, loss and seed stay those of A."),
        on_change=put_preset,
        args=(free[0], key),
    )
    files = st.file_uploader(
        _("Saved reports (gradflow-report.json)"),
        "json",
        accept_multiple_files=True,
        key=f"uploads_{compare_state.UPLOADS.get()}",
        max_upload_size=UPLOAD_MEGABYTES,
    )
    if files:
        compare_state.REFUSED_FILES.set([p for file in files if (p := _take_file(file))])
        compare_state.UPLOADS.set(compare_state.UPLOADS.get() + 1)
        st.rerun()


def put_preset(letter: str, key: str) -> None:
    """Put the preset that a widget says into a column."""
    if code := read_widget(key):
        compare_state.put_column(letter, Column(), PRESETS[code].experiment)


def _take_file(file: UploadedFile) -> str:
    """Give a saved report a column; else say why not."""
    letters = compare_state.list_free_letters()
    try:
        report = Report.from_json(file.getvalue())
    except GradflowError as error:
        return f"{file.name}: {error}"
    if not letters:
        return _("{file}: there is room for four settings; remove one first").format(file=file.name)
    compare_state.put_column(letters[0], Column(report=report, file=file.name), None)
    return ""
