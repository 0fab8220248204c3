"""The views of a page: their table, and how the chosen one is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gradflow.core.errors import GradflowError
from gradflow.ui import blocks
from gradflow.ui.fragments import make_fragment
from gradflow.ui.present.present import draw_steps
from gradflow.ui.present.steps import StepList, list_page_steps
from gradflow.ui.settings.fields import draw_view_choice
from gradflow.ui.settings.page import Page
from gradflow.ui.stage import Place, Stage, draw_head, make_stage


@dataclass(frozen=True)
class ViewRow:
    """One view of a page.

    Attributes:
        title: its title, marked for translation.
        show: draws the picture where it is called, and the details of the stage.
        draw_controls: draws the controls.
        place: where the controls stand.
        is_long: whether it may compute for seconds; then its controls are drawn first, so that
            they can be used meanwhile, and otherwise last, so that the figure need not wait.
    """

    title: str
    show: Callable[[Stage], None]
    draw_controls: Callable[[], None] | None = None
    place: Place = Place.BESIDE
    is_long: bool = False


def show_views(
    page: Page,
    views: Mapping[str, ViewRow],
    title: str,
    list_steps: Callable[[], StepList] | None = None,
) -> None:
    """Draw the page's title, the choice of a view, what was wrong with the link, and the view.

    The URL then carries the settings of the view. All of it is a fragment: another view, or a
    change of a setting, does not run the page's frame and navigation again.

    Args:
        page: the settings of the views.
        views: the views by their codes.
        title: the page's name.
        list_steps: lists what a presentation goes through, if not the views.
    """
    titles = {code: row.title for code, row in views.items()}
    draw_steps(list_steps or (lambda: list_page_steps(page, titles)))
    make_fragment(_draw_views)(page, views, title)


def _draw_views(page: Page, views: Mapping[str, ViewRow], title: str) -> None:
    with draw_head(title):
        draw_view_choice(page, {code: row.title for code, row in views.items()})
    if page.problem:
        blocks.show_error(page.problem)
    view = views[page.view]
    stage = make_stage(view.place)
    if view.is_long:
        _draw_controls(view, stage)
    try:
        with stage.picture:
            view.show(stage)
        page.sync_url(page.form.read())
    except GradflowError as error:
        with stage.picture:
            blocks.show_error(error)
    if not view.is_long:
        _draw_controls(view, stage)


def _draw_controls(view: ViewRow, stage: Stage) -> None:
    if view.draw_controls is not None:
        with stage.controls:
            view.draw_controls()
