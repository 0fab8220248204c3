"""Pieces that every page uses: errors, figures, tables, explanations, downloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from gradflow.charts.theme import Mode
from gradflow.core.errors import GradflowError
from gradflow.core.text import _
from gradflow.core.verdict import Finding, Severity
from gradflow.ui.figures.graph import draw_graph
from gradflow.ui.settings.form import Form

T = TypeVar("T")
_TEXTS = Path(__file__).parent / "text" / "en"


def mode() -> Mode:
    """``light`` or ``dark``, as the viewer's browser shows the page."""
    return "dark" if st.context.theme.type == "dark" else "light"


def show_error(error: GradflowError | str) -> None:
    """An error that a user can act on: its message, no traceback."""
    st.error(escaped("\n\n".join(str(error).splitlines())), icon=":material/error:")


def show_finding(finding: Finding, *, brief: bool = False) -> None:
    """A finding in the colour of its severity; ``brief``: without icon and cause."""
    show, icon = _BOXES[finding.severity]
    if brief:
        show(finding.text)
    else:
        cause = finding.cause and f" {finding.cause}"
        show(f"**{finding.text}**{cause}" if cause else finding.text, icon=icon)


_BOXES = {
    Severity.GOOD: (st.success, ":material/check_circle:"),
    Severity.NOTE: (st.info, ":material/trending_flat:"),
    Severity.BAD: (st.warning, ":material/warning:"),
}


def escaped(text: str) -> str:
    """Text that may quote what a user typed, as Markdown that shows it literally."""
    for character in "*_$[]<>":
        text = text.replace(character, f"\\{character}")
    return text


def show_figure(
    figure: go.Figure, key: str, alt: str, on_select: Callable[[int], None] | None = None
) -> None:
    """Show a chart.

    Args:
        figure: the chart.
        key: keeps its place on the page, and its zoom while it changes.
        alt: says it in words.
        on_select: called with the ``customdata`` of a point, a whole number, that was clicked or
            chosen by keyboard.
    """
    draw_graph(figure, key, alt, mode(), on_select)


def one_of(label: str, names: Mapping[T, str], key: str, default: T | None = None) -> T:
    """A choice of what a figure shows, as a row of buttons; at first ``default``, or the first."""
    chosen: T = st.segmented_control(
        label,
        list(names),
        default=next(iter(names)) if default is None else default,
        required=True,
        key=key,
        format_func=lambda code: names[code],
        label_visibility="collapsed",
    )
    return chosen


class Preset(Protocol):
    """Settings with a name; ``look_for`` says what there is to see."""

    @property
    def label(self) -> str:
        """Its name."""

    @property
    def look_for(self) -> str:
        """A sentence."""


def draw_presets(form: Form[Any], presets: Mapping[str, Preset], placeholder: str) -> None:
    """Draw the choice of a preset of a form, and what to look for in the one in force."""
    code = st.selectbox(
        _("Start from"),
        list(presets),
        index=None,
        format_func=lambda code: _(presets[code].label),
        placeholder=placeholder,
        **form.bind_preset(),
    )
    if code:
        st.caption(_("Look for: ") + _(presets[code].look_for))


def explain(name: str) -> None:
    """A closed box with the long explanation of a figure."""
    box = st.expander(
        _("What am I looking at?"), icon=":material/help:", key=f"explain_{name}", on_change="rerun"
    )
    if box.open:
        box.markdown(text(name))


@cache
def text(name: str) -> str:
    """One of the long texts, as Markdown."""
    return (_TEXTS / f"{name}.md").read_text(encoding="utf-8")


def show_table(table: pd.DataFrame, key: str) -> None:
    """A sortable table; numbers of very different size stay readable."""
    numbers = {
        name: st.column_config.NumberColumn(format="%.3g")
        for name in table.select_dtypes("float").columns
    }
    st.dataframe(table, key=key, hide_index=True, column_config=numbers, width="stretch")


def write_table(table: pd.DataFrame) -> str:
    """Write a table of texts as Markdown, whose cells wrap."""
    rows = [list(table.columns), ["---"] * len(table.columns), *table.to_numpy()]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


def download(label: str, make: Callable[[], str], file_name: str, mime: str) -> None:
    """A button for a file that is made only when it is asked for."""
    st.download_button(
        label, make, file_name, mime,
        key=f"download_{file_name}", on_click="ignore", icon=":material/download:",
        width="stretch",
    )  # fmt: skip
