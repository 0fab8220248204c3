"""The controls of Explore."""

from __future__ import annotations

from typing import Any

import streamlit as st

from gradflow.core.text import _
from gradflow.ui.explore.state import EXPLORE, reset_settings
from gradflow.ui.numbers.number import draw_number, is_number
from gradflow.ui.settings.experiments import GROUPS, draw_group
from gradflow.ui.settings.fields import draw_field
from gradflow.ui.settings.form import Form
from gradflow.ui.welcome.cards import draw_start


def draw_controls() -> None:
    """Draw all controls in the current container."""
    start = st.popover(
        _("Start from"),
        icon=":material/rocket_launch:",
        width="stretch",
        key="start_from",
        on_change="rerun",
    )
    if start.open:
        with start:
            draw_start()
    st.button(
        _("Reset all settings"),
        icon=":material/restart_alt:",
        on_click=reset_settings,
        width="stretch",
    )
    for group in GROUPS:
        draw_group(EXPLORE, group, key=f"group_{group.title}", draw=_draw_field)


def _draw_field(form: Form[Any], name: str) -> None:
    """Draw a number as a slider that the Flow figure follows, anything else as everywhere."""
    if is_number(form, name):
        draw_number(form, name, figure="flow")
    else:
        draw_field(form, name)
