"""A page's forms by view, and the URL that carries what is set."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from gradflow.core.errors import InvalidExperiment
from gradflow.core.text import Text
from gradflow.ui.settings.form import Form
from gradflow.ui.settings.link import parse_link, select_known
from gradflow.ui.settings.state import SessionValue, read_widget, show_in_widget

PRESENT = "present"
"""A parameter that is no setting: whether the page is presented. It stays as it is."""


@dataclass(frozen=True)
class Address:
    """The URL of a page.

    Attributes:
        key: the page's name in the session.
    """

    key: str

    def read_change(self, names: Collection[str]) -> dict[str, str] | None:
        """Read the parameters with these names if somebody else has changed the URL.

        Returns:
            Nothing if the URL is as the page wrote it. Without any known parameter it is another
            page's link or a reset URL: then, too, the session keeps what is set.
        """
        query = select_known(st.query_params.to_dict(), names)
        if self._written.is_set() and (not query or query == self._written.get()):
            return None
        return query

    def write(self, query: dict[str, str]) -> None:
        """Make the URL carry these parameters."""
        before = st.query_params.to_dict()
        after = query | select_known(before, [PRESENT])
        if before != after:
            st.query_params.from_dict(after)
        self._written.set(query)

    @property
    def _written(self) -> SessionValue[dict[str, str]]:
        return SessionValue(f"{self.key}:url", dict)


@dataclass(frozen=True)
class Page:
    """A page's settings.

    Attributes:
        key: the page's name in the session.
        forms: its forms by the code of a view; the page opens with the first. Views may share a
            form. A page with one view has one form under the code "".
        parameter: the URL parameter that says which view is shown.
        opening: the view that the page opens with, if it is not the first.
    """

    key: str
    forms: Mapping[str, Form[Any]]
    parameter: str = "view"
    opening: str = ""

    def load(self, left: Mapping[str, str] | None = None) -> bool:
        """Take the settings from the URL when the session starts and when the URL was changed.

        Args:
            left: parameters of an earlier visit. They are taken as a link's, where neither a link
                nor another page has given this session any settings.

        Returns:
            Whether there was a link to take.
        """
        names = {self.parameter, *(n for f in self.forms.values() for n in f.codec.list_names())}
        query = self._address.read_change(names)
        if query is None:
            return False
        if not query and left and not any(form.is_set for form in self.forms.values()):
            query = select_known(left, names)
        asked = query.get(self.parameter)
        self._view.set(asked if asked and asked in self.forms else self._find_opening())
        if asked is not None and asked not in self.forms:
            error = InvalidExperiment.for_value(
                self.parameter, asked, Text("one of {codes}", codes=", ".join(self.forms))
            )
            self.form.complain(error.message)
        elif asked is not None and len(query) == 1:
            self.form.reset()  # as a new session opens the view
        elif query:
            self.form.load_link(parse_link(self.form.codec, query))
        return bool(query)

    @property
    def view(self) -> str:
        """The code of the view that is shown."""
        return self._view.get()

    @property
    def form(self) -> Form[Any]:
        """The form of the view that is shown."""
        return self.forms[self.view]

    @property
    def problem(self) -> str:
        """What was wrong with the link; empty once a setting or the view is changed."""
        return self.form.problem

    def show(self, view: str) -> None:
        """Show a view."""
        self._view.set(view)
        self.form.complain()

    def bind_view(self) -> dict[str, Any]:
        """Prepare the choice of a view: the arguments that connect its widget."""
        key = f"{self.key}:view_widget"
        show_in_widget(key, self.view)
        return {"key": key, "on_change": lambda: self.show(read_widget(key))}

    def sync_url(self, settings: Any) -> None:
        """Make the URL carry the view and its settings."""
        self._address.write(self.name_view(self.view) | self.form.codec.to_query(settings))

    def clear_url(self) -> None:
        """Make the URL carry nothing: what is shown has no address."""
        self._address.write({})

    def name_view(self, view: str) -> dict[str, str]:
        """Name a view as a URL does, where there are several."""
        return {self.parameter: view} if len(self.forms) > 1 else {}

    @property
    def _address(self) -> Address:
        return Address(self.key)

    @property
    def _view(self) -> SessionValue[str]:
        return SessionValue(f"{self.key}:view", self._find_opening)

    def _find_opening(self) -> str:
        return self.opening or next(iter(self.forms))
