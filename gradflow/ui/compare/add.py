"""How a setting is added on the Compare page: a copy, or a preset's network."""

from __future__ import annotations

import streamlit as st

from gradflow.core.presets import PRESETS
from gradflow.core.text import _
from gradflow.ui import paths
from gradflow.ui.compare import settings as compare_settings
from gradflow.ui.compare import state as compare_state
from gradflow.ui.compare.settings import REFERENCE, Column
from gradflow.ui.settings.state import read_widget, show_in_widget


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
    box = st.popover(_("Add a preset"), icon=":material/add:", key="compare_add", on_change="rerun")
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
    st.page_link(
        paths.YOUR_MODEL,
        label=_("Saved reports, of any model: on Your model"),
        icon=":material/arrow_forward:",
    )


def put_preset(letter: str, key: str) -> None:
    """Put the preset that a widget says into a column."""
    if code := read_widget(key):
        compare_state.put_column(letter, Column(), PRESETS[code].experiment)
