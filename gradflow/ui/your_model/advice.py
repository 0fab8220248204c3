"""What to change in a model that was brought: advice in words, each with its line of code."""

from __future__ import annotations

import streamlit as st

import gradflow as gf
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.ui import blocks


def show_advice(report: Report) -> None:
    """Show what answers the verdicts of a report; nothing of one that needs nothing."""
    advice = gf.advise(report)
    if not advice:
        return
    blocks.write_text(
        _("**What to change?** What answers the first verdict comes first: try one at a time.")
    )
    with st.container(key="your_model_advice"):
        for row, neighbour in zip(advice[::2], [*advice[1::2], None], strict=False):
            for column, item in zip(st.columns(2), (row, neighbour), strict=True):
                if item is not None:
                    with column:
                        blocks.write_text(f"**{item.title}.** {item.reason}")
                        st.code(item.line, language="python", wrap_lines=True)
