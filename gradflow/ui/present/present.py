"""The button that presents a page, and what the browser needs for it.

What a presentation looks like, its keys and its bar are the browser's (``present.js``). It goes to
a step as to any link: the address changes, and the page takes its settings from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from gradflow.core.text import _
from gradflow.ui.assets import write_shim
from gradflow.ui.present import route
from gradflow.ui.present.steps import StepList
from gradflow.ui.settings.page import PRESENT

_mount = st.components.v2.component(
    "gradflow_present", js=write_shim("present.js"), isolate_styles=False
)


def draw_button() -> None:
    """Draw the button in the frame of all pages, and the bar of a presentation."""
    words = {
        "start": _("Present"),
        "about": _("Show the picture alone, for a projector"),
        "back": _("Back (← or Page Up)"),
        "next": _("Next (→ or Page Down)"),
        "play": _("Play (P or space)"),
        "full": _("Fullscreen (F)"),
        "code": _("QR code of this page (Q)"),
        "leave": _("Leave (Esc)"),
        "close": _("Close"),
        "link": _("Scan to open this page on a phone"),
        "local": _(
            "Phones cannot reach {host}: open this page by this computer’s address in the network, "
            "as in http://192.168.0.5:{port}. The server must not listen on {host} alone "
            "(--server.address=0.0.0.0)."
        ),
        "failed": _("The QR code could not be made; the link works all the same."),
    }
    _draw("present", {"words": words, "code": f"gf/{route.ROUTE}"})


def is_presenting() -> bool:
    """Whether this page is presented."""
    return PRESENT in st.query_params


def draw_steps(list_steps: Callable[[], StepList]) -> None:
    """Tell the browser what arrow keys go through, if this page is presented.

    Args:
        list_steps: lists the page's steps; called only if they are needed.
    """
    if not is_presenting():
        return
    lesson = list_steps()
    steps = [
        {"title": step.title, "look": step.look_for, "query": step.query, "short": step.short}
        for step in lesson.steps
    ]
    _draw("present_steps", {"steps": steps, "current": lesson.current})


def _draw(key: str, data: dict[str, Any]) -> None:
    with st.container(key=f"{key}_place"):
        _mount(key=key, data=data)
