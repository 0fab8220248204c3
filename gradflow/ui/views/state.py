"""The part of the session that belongs to a page of several views; see ``gradflow.ui.state``.

Each view has a slot of flat settings, from which its spec is made; the URL carries the view and
those of its spec's fields that apply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from gradflow.core.errors import quote_value
from gradflow.core.spec import Spec
from gradflow.core.teaching.fields import to_query
from gradflow.ui import forged, state
from gradflow.ui.state import Slot


@dataclass(frozen=True)
class Views:
    """A page's views, in their order; it opens with the first.

    Attributes:
        page: the page's name in session keys.
        specs: a view's code → its spec.
        texts: a spec's fields as the URL has them.
    """

    page: str
    specs: Mapping[str, type[Spec]]
    texts: Callable[[Spec], Mapping[str, str]] = to_query

    def slot(self, view: str) -> Slot:
        """Where the settings of a view lie."""
        return Slot(f"{self.page}_{view}", f"{self.page}_{view}_")

    @property
    def _view(self) -> str:
        return f"{self.page}_view"

    @property
    def _url(self) -> str:
        return f"{self.page}_url"

    @property
    def _problem(self) -> str:
        return f"{self.page}_problem"

    def load(self) -> None:
        """Take the settings from the URL when the session starts and when the URL was changed."""
        query = st.query_params.to_dict()
        known = self._view in st.session_state
        if known and (not query or query == st.session_state.get(self._url)):
            return
        if not known:
            for view, kind in self.specs.items():
                self._put(view, kind())
        st.session_state[self._problem] = ""
        asked = query.pop("view", None)
        if asked is not None and asked not in self.specs:
            allowed = ", ".join(self.specs)
            self._complain(f"view: {quote_value(asked)} is not allowed; choose one of {allowed}")
        view = asked if asked is not None and asked in self.specs else next(iter(self.specs))
        st.session_state[self._view] = view
        if asked == view or (asked is None and query):
            kind = self.specs[view]
            spec, link = forged.made(lambda texts: kind(**texts), query, kind.model_fields)
            self._put(view, spec)
            for problem in link.problems:
                self._complain(problem)

    def _complain(self, text: str) -> None:
        st.session_state[self._problem] = "\n".join(filter(None, [self.problem(), text]))

    def _put(self, view: str, spec: Spec) -> None:
        st.session_state[self.slot(view).key] = dict(spec)
        for key in list(st.session_state):
            if str(key).startswith(self.slot(view).widgets):
                del st.session_state[key]

    def problem(self) -> str:
        """What was wrong with the URL, until the next setting is changed."""
        return str(st.session_state[self._problem])

    def view_key(self) -> str:
        """The key of the choice of a view, prepared to show the one in force."""
        st.session_state[f"{self._view}_widget"] = st.session_state[self._view]
        return f"{self._view}_widget"

    def view_chosen(self) -> None:
        """Callback of that choice."""
        st.session_state[self._view] = st.session_state[f"{self._view}_widget"]
        st.session_state[self._problem] = ""

    def values(self, view: str) -> dict[str, Any]:
        """All settings of a view as they stand."""
        return state.settings(self.slot(view))

    def widget_key(self, view: str, name: str) -> str:
        """The key of the widget of a field, prepared to show its value."""
        value = self.values(view)[name]
        shown = list(value) if isinstance(value, tuple) else value
        return state.widget_key(name, shown, self.slot(view))

    def store(self, view: str, name: str, new: Any) -> None:
        """Keep what a widget says."""
        if self.values(view)[name] != new:
            st.session_state[self._problem] = ""
        state.store(name, new, self.slot(view))

    def spec(self, view: str) -> Spec:
        """The spec of a view's settings, those that apply."""
        found, kind = self.values(view), self.specs[view]
        return kind(**{name: found[name] for name in kind.list_applicable(found)})

    def settled(self, view: str, shown: Spec) -> None:
        """Let the URL carry the view and its settings."""
        texts = self.texts(shown)
        applicable = type(shown).list_applicable(dict(shown))
        query = {"view": view} | {name: texts[name] for name in applicable}
        if st.query_params.to_dict() != query:
            st.query_params.from_dict(query)
        st.session_state[self._url] = query
