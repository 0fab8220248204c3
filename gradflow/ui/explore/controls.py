"""The controls of Explore."""

from __future__ import annotations

import streamlit as st

from gradflow.core.presets import PRESETS
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.explore.state import EXPLORE
from gradflow.ui.settings.experiments import GROUPS, draw_group


def draw_controls() -> None:
    """Draw all controls in the current container."""
    blocks.draw_presets(EXPLORE, PRESETS, _("a preset experiment …"))
    st.button(
        _("Reset all settings"),
        icon=":material/restart_alt:",
        on_click=EXPLORE.reset,
        width="stretch",
    )
    for group in GROUPS:
        draw_group(EXPLORE, group, key=f"group_{group.title}")
