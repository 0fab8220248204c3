"""The views of a page: their table, and how the chosen one is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st

from gradflow.core.errors import GradflowError
from gradflow.ui import blocks
from gradflow.ui.fragments import make_fragment
from gradflow.ui.settings.fields import draw_view_choice
from gradflow.ui.settings.page import Page


@dataclass(frozen=True)
class ViewRow:
    """One view of a page.

    Attributes:
        title: its title, marked for translation.
        show: draws its figures, and those of its controls that stand above them.
        draw_controls: draws its controls in the sidebar.
        is_long: whether it may compute for seconds; then its controls are drawn first, so that
            they can be used meanwhile, and otherwise last, so that the figure need not wait.
    """

    title: str
    show: Callable[[], None]
    draw_controls: Callable[[], None] | None = None
    is_long: bool = False


def show_views(page: Page, views: Mapping[str, ViewRow]) -> None:
    """Draw the choice of a view, what was wrong with the link, and the chosen view.

    The URL then carries the settings of the view. All of it is a fragment: another view, or a
    change of a setting, does not run the page's frame and navigation again.
    """
    make_fragment(_draw_views)(page, views)


def _draw_views(page: Page, views: Mapping[str, ViewRow]) -> None:
    draw_view_choice(page, {code: row.title for code, row in views.items()})
    if page.problem:
        blocks.show_error(page.problem)
    view = views[page.view]
    if view.is_long:
        _draw_sidebar(view)
    try:
        view.show()
        page.sync_url(page.form.read())
    except GradflowError as error:
        blocks.show_error(error)
    if not view.is_long:
        _draw_sidebar(view)


def _draw_sidebar(view: ViewRow) -> None:
    if view.draw_controls is not None:
        with st.sidebar:
            view.draw_controls()
