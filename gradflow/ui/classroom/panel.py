"""The presenter's side of a class: what it is asked, and the panel with its votes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from gradflow.core.text import _
from gradflow.ui.assets import write_shim
from gradflow.ui.classroom import route
from gradflow.ui.classroom.ballots import BALLOTS
from gradflow.ui.learn import state
from gradflow.ui.present import route as code_route
from gradflow.ui.settings.state import read_widget

_mount = st.components.v2.component(
    "gradflow_class", js=write_shim("classroom.js"), isolate_styles=False
)
_KEY = "learn_class"


def find_class(code: str) -> str:
    """Return the code if this browser is the presenter's of that class; else nothing."""
    host = st.context.cookies.get(route.HOST_COOKIE, "")
    return code if code and host and BALLOTS.is_host(code, host) else ""


def ask_class(
    code: str, question: str, ballot: Mapping[str, Any], right: Sequence[str] | None, answer: str
) -> None:
    """Ask a class, or show it what the run gave; then draw the panel.

    Args:
        code: of the class; empty: there is none, and the panel offers to open one.
        question: a code of its own for each question.
        ballot: what phones are shown: ``title``, ``question``, ``kind``, ``choices`` with
            ``code`` and ``label``, and for curves ``points``, ``ends``, ``level``
            and ``axes``.
        right: the right choices once the run is shown, before that ``None``.
        answer: what the run gave, a sentence.
    """
    told = {"right": list(right), "answer": answer} if right is not None else {}
    choices = [{"code": c["code"], "label": c["label"]} for c in ballot["choices"]]
    if code:
        content = json.dumps({**ballot, "code": question, **told}, ensure_ascii=False)
        codes = tuple(choice["code"] for choice in choices)
        BALLOTS.ask(code, question, codes, content, is_open=right is None)
    _mount(
        key=_KEY,
        data={
            "code": code,
            "question": question,
            "choices": choices,
            "right": list(right or ()),
            "revealed": right is not None,
            "opener": f"gf/{route.CLASS}",
            "address": f"gf/{route.VOTES}?class={code}",
            "link": f"learn?class={code}",
            "picture": f"gf/{code_route.ROUTE}",
            "label": _("In class"),
            "start": _("Predict together in class"),
            "failed": _("That did not work. Try again."),
            "voted": _("Predictions: {count}"),
            "next": _("Show the run"),
            "back": _("End the class"),
            "scan": _("QR code: phones predict there"),
        },
        on_reveal_change=_reveal,
        on_close_change=_close,
    )


def _reveal() -> None:
    if (read_widget(_KEY) or {}).get("reveal"):
        state.show_run()


def _close() -> None:
    code = find_class(state.read_path().classroom)
    if (read_widget(_KEY) or {}).get("close") and code:
        BALLOTS.close_class(code)
        state.leave_class()
