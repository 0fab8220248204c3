"""What a page says while its computation waits for its turn."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx

from gradflow.core.text import _
from gradflow.ui.wanted import CLIENT


def tell_place(before: int) -> None:
    """Say on a page how many computations of others come first.

    It is a toast, which moves nothing on the page; elsewhere nothing happens.
    """
    if CLIENT.get() is None and get_script_run_ctx(suppress_warning=True) is not None:
        if before == 1:
            text = _("Waiting for a turn: one other before you.")
        else:
            text = _("Waiting for a turn: {n} others before you.").format(n=before)
        st.toast(text, icon=":material/hourglass_top:", duration="short")
