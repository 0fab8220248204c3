"""What arrows go through when a page is presented: its presets, or else its views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from gradflow.core.errors import InvalidExperiment
from gradflow.core.text import _
from gradflow.ui.blocks import Preset
from gradflow.ui.settings.codecs import Codec
from gradflow.ui.settings.page import Page

S = TypeVar("S")
Query = dict[str, str]


@dataclass(frozen=True)
class Step:
    """One of the things that a page has to show, in order.

    Attributes:
        title: its name.
        query: the parameters of its address, as the page writes them.
        short: fewer of them that lead to the same, so that a QR code can be read from afar.
        look_for: what there is to see, a sentence; may be empty.
    """

    title: str
    query: Query
    short: Query
    look_for: str = ""


@dataclass(frozen=True)
class StepList:
    """The steps of a page.

    Attributes:
        steps: all of them.
        current: the index of the one that is shown; ``None`` if something else is.
    """

    steps: Sequence[Step]
    current: int | None = None


def list_page_steps(
    page: Page, titles: Mapping[str, str], presets: Mapping[str, Preset] | None = None
) -> StepList:
    """List the presets of the view that is shown; of one without any, all views without.

    Args:
        page: its forms.
        titles: of its views.
        presets: names of the forms' presets, in order.
    """

    def list_codes(view: str) -> list[str]:
        return [code for code in presets or {} if code in page.forms[view].presets]

    form, codes = page.form, list_codes(page.view)
    if presets and codes:
        named = [(form.presets[code], presets[code]) for code in codes]
        steps = [
            make_step(page, page.view, settings, _(preset.label), _(preset.look_for))
            for settings, preset in named
        ]
        return StepList(steps, codes.index(form.preset) if form.preset in codes else None)
    views = [view for view in page.forms if not list_codes(view)]
    steps = [
        make_step(page, view, page.forms[view].read_possible()[0], _(titles[view]))
        for view in views
    ]
    return StepList(steps, views.index(page.view))


def make_step(page: Page, view: str, settings: Any, title: str, look_for: str = "") -> Step:
    """Make a step that shows settings in a view of a page."""
    codec, name = page.forms[view].codec, page.name_view(view)
    query = codec.to_query(settings)
    short = name | shorten_query(codec, query, settings)
    # Without any parameter, a page opens with what it likes.
    return Step(title, name | query, short or dict([*query.items()][:1]), look_for)


def shorten_query(codec: Codec[S], query: Query, settings: S) -> Query:
    """Leave out parameters that are as they would be without being named.

    What one names may change how others are, as an architecture does; so they are named one by one
    until the rest follows.
    """
    short: Query = {}
    usual: Query = {}
    while True:
        try:
            completed = codec.from_query(short)
        except InvalidExperiment:
            pass  # one that cannot be without another, which is named next
        else:
            if completed == settings:
                return short
            usual = codec.to_query(completed)
        name = next((n for n in query if n not in short and usual.get(n) != query[n]), None)
        if name is None:
            return query
        short[name] = query[name]
