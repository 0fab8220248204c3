"""The views of a page: their table, and how the chosen one is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gradflow.ui import blocks
from gradflow.ui.settings.fields import draw_view_choice
from gradflow.ui.settings.page import Page


@dataclass(frozen=True)
class ViewRow:
    """One view of a page.

    Attributes:
        title: its title, marked for translation.
        show: draws its controls and figures.
    """

    title: str
    show: Callable[[], None]


def show_views(page: Page, views: Mapping[str, ViewRow]) -> None:
    """Draw the choice of a view, what was wrong with the link, and the chosen view.

    The URL then carries the settings of the view.
    """
    draw_view_choice(page, {code: row.title for code, row in views.items()})
    if page.problem:
        blocks.show_error(page.problem)
    views[page.view].show()
    page.sync_url(page.form.read())
