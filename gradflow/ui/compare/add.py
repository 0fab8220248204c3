"""The card of the Compare page that adds settings: a copy, a preset's network, saved reports."""

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

UPLOAD_MEGABYTES = 20


def add_card(free: list[str]) -> None:
    """Draw the card; ``free`` are the letters that can be given away."""
    st.markdown(_("**Add a setting**"))
    st.button(
        _("Copy of A"),
        key="add_copy",
        icon=":material/content_copy:",
        on_click=lambda: compare_state.put_column(
            free[0], Column(), compare_state.valid(REFERENCE)
        ),
        width="stretch",
    )
    st.selectbox(
        _("Network of a preset"),
        compare_settings.network_presets(),
        index=None,
        key=compare_state.add_preset_key(),
        format_func=lambda code: _(PRESETS[code].label),
        placeholder=_("a preset experiment …"),
        help=_("Only its network is taken; data, loss and seed are those of A."),
        on_change=compare_state.add_preset,
    )
    files = st.file_uploader(
        _("Saved reports (gradflow-report.json)"),
        "json",
        accept_multiple_files=True,
        key=compare_state.uploads_key(),
        max_upload_size=UPLOAD_MEGABYTES,
    )
    if files:
        compare_state.uploads_taken([problem for file in files if (problem := _take(file))])
        st.rerun()


def _take(file: UploadedFile) -> str:
    """Give a saved report a column; else say why not."""
    letters = compare_state.free_letters()
    try:
        report = Report.from_json(file.getvalue())
    except GradflowError as error:
        return f"{file.name}: {error}"
    if not letters:
        return _("{file}: there is room for four settings; remove one first").format(file=file.name)
    compare_state.put_column(letters[0], Column(report=report, file=file.name), None)
    return ""
