"""Parts of a page that run again without the rest of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx

from gradflow.ui.language import keep_language
from gradflow.ui.settings.state import mark_widgets_sent

P = ParamSpec("P")


def make_fragment(
    draw: Callable[P, object], run_every: float | None = None, key: str | None = None
) -> Callable[P, object]:
    """Make a fragment, which reruns without the rest of the page, in the language of now.

    Args:
        draw: draws the fragment.
        run_every: seconds between two runs of its own.
        key: its name for callbacks of widgets, see ``rerun_fragments``.
    """

    @wraps(draw)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        draw(*args, **kwargs)
        context = get_script_run_ctx(suppress_warning=True)
        if context is not None and context.fragment_ids_this_run:  # not a part of a page's run
            mark_widgets_sent()

    return st.fragment(keep_language(run), run_every=run_every, key=key)


def rerun_fragments(*keys: str) -> None:
    """Let these fragments follow, in this order, and no other part of the page.

    Only in the callback of a widget, and the last thing there. Without it the fragment of the
    widget reruns, as it does for a late event of a page that is gone.
    """
    try:
        st.rerun(keys)
    except StreamlitAPIException:  # a fragment that this page does not have
        return
