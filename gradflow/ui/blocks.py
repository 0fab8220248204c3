"""Pieces that every page uses: errors, figures, tables, explanations, downloads."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from gradflow.charts.theme import Mode
from gradflow.core.errors import GradflowError
from gradflow.core.numbers import format_number
from gradflow.core.text import LANGUAGE, _
from gradflow.ui.figures.graph import draw_packed, pack_figure
from gradflow.ui.fragments import make_fragment
from gradflow.ui.language import keep_language
from gradflow.ui.settings.form import Form
from gradflow.ui.terms import mark_terms

T = TypeVar("T")
_TEXTS = Path(__file__).parent / "text"
"""Long texts: a folder per language, a Markdown file per text."""
_PLAIN = re.compile(r"(?:(?!www\.|--)(?:[^\W_]|[ ,.·…()=%+−×√/⁻-]))*", re.IGNORECASE)
"""What names of ours are made of. It begins no line, so that a number is no list."""


def read_mode() -> Mode:
    """Read whether the browser shows the page ``light`` or ``dark``."""
    return "dark" if st.context.theme.type == "dark" else "light"


def show_error(error: GradflowError | str) -> None:
    """Show an error that a user can act on: its message, no traceback."""
    lines = filter(str.strip, str(error).splitlines())
    st.error("\n\n".join(map(quote_markdown, lines)), icon=":material/error:")


def quote_markdown(text: str) -> str:
    """Write a line that a stranger may have typed a part of, so that Markdown shows it as it is.

    As code: only there nothing at all has a meaning. Escaped, an address still becomes a link, and
    ``:x:`` a picture. In an error ``style.css`` lets it look like other text.
    """
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    # Streamlit replaces this in code, too; a word joiner between cannot be seen.
    shown = text.replace(":material/", ":\u2060material/")
    return f"{fence} {shown} {fence}"


def write_name(name: str) -> str:
    """Write a name as Markdown: as it is if nothing in it could have a meaning, else quoted."""
    return name if _PLAIN.fullmatch(name) else quote_markdown(name)


def show_figure(
    figure: go.Figure,
    key: str,
    alt: str,
    on_select: Callable[[int], None] | None = None,
    peek: str = "",
) -> None:
    """Show a chart; in a stage's picture its height follows the window.

    Args:
        figure: the chart.
        key: keeps its place on the page, and its zoom while it changes.
        alt: describes it in words.
        on_select: called with the ``customdata`` of a point, a whole number, that was clicked or
            chosen by keyboard.
        peek: where the picture of a hovered point is, up to its ``customdata``.
    """
    packed = pack_figure(figure, key, alt, read_mode(), selectable=on_select is not None, peek=peek)
    draw_packed(packed, on_select)


def choose_one(
    label: str,
    names: Mapping[T, str],
    key: str,
    default: T | None = None,
) -> T:
    """Draw the choice of what a figure shows, as a row of buttons.

    Args:
        label: says what is chosen; it is read aloud, not shown.
        names: the options, and what they are called.
        key: the widget's name in the session.
        default: the option chosen at first; the first one if left out.
    """
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


def draw_tabs(panels: Mapping[str, Callable[[], None]], key: str) -> None:
    """Draw tabs, of which only the open one is computed and sent.

    They are a fragment: what is chosen in them must not change anything outside.

    Args:
        panels: what draws each tab, by its title.
        key: the widget's name in the session.
    """
    make_fragment(draw_tabs_in_place)(panels, key)


def draw_tabs_in_place(panels: Mapping[str, Callable[[], None]], key: str) -> None:
    """Draw tabs as ``draw_tabs`` does, but as a part of what draws them."""
    tabs = st.tabs(list(panels), key=key, on_change="rerun")
    for tab, draw in zip(tabs, panels.values(), strict=True):
        if tab.open:
            with tab:
                draw()


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


def explain(*names: str) -> None:
    """Draw a closed box with the long explanations of a figure."""
    box = st.expander(
        _("What am I looking at?"),
        icon=":material/help:",
        key=f"explain_{names[0]}",
        on_change="rerun",
    )
    if box.open:
        with box:
            write_text("\n\n".join(map(read_text, names)))


def write_text(markdown: str) -> None:
    """Write a text of ours, which quotes nothing that a user typed; terms explain themselves."""
    st.markdown(mark_terms(markdown), unsafe_allow_html=True)


def read_text(name: str) -> str:
    """Read one of the long texts, as Markdown, in the reader's language or else in English."""
    return _read_file(name, LANGUAGE.get())


@cache
def _read_file(name: str, language: str) -> str:
    files = (_TEXTS / code / f"{name}.md" for code in (language, "en"))
    return next(file for file in files if file.exists()).read_text(encoding="utf-8")


def show_table(table: pd.DataFrame, key: str) -> None:
    """Show a table: numbers are written for people, and sorted and downloaded as numbers."""
    ways: dict[Any, Any] = dict.fromkeys(table.select_dtypes("float").columns, _write_cell)
    # A style costs the server 1.5 ms a column, so tables of texts go without.
    styled = table.style.format(ways, na_rep="–") if ways else table
    st.dataframe(styled, key=key, hide_index=True, width="stretch")


def _write_cell(value: Any) -> str:
    return format_number(value)


def write_table(table: pd.DataFrame) -> str:
    """Write a table of texts as Markdown, whose cells wrap."""
    rows = [list(table.columns), ["---"] * len(table.columns), *table.to_numpy()]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


def draw_download(label: str, make: Callable[[], str], file_name: str, mime: str) -> None:
    """Draw the button for a file that is made only when it is asked for."""
    st.download_button(
        label,
        keep_language(make),
        file_name,
        mime,
        key=f"download_{file_name}",
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
    )
