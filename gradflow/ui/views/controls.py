"""Widgets of a page of several views, made from the fields of its specs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from gradflow.charts.theme import format_number
from gradflow.core.spec import find_bounds, find_enum
from gradflow.core.text import _
from gradflow.ui.views.state import Views


def chosen_view(views: Views, titles: Mapping[str, str]) -> str:
    """Draw the choice of what the page shows; the URL carries it."""
    view = st.segmented_control(
        _("What to look at"),
        list(views.specs),
        required=True,
        key=views.view_key(),
        on_change=views.view_chosen,
        format_func=lambda view: _(titles[view]),
        label_visibility="collapsed",
    )
    assert view is not None  # it is required
    return str(view)


@dataclass(frozen=True)
class Controls:
    """The widgets of one view; a field that does not apply has none."""

    views: Views
    view: str

    def slider(self, name: str, step: float | None = None) -> None:
        """Over the whole range of a field; ``step``: for fractions."""
        if not self._applies(name):
            return
        field = self.views.specs[self.view].model_fields[name]
        low, high, _excluded = find_bounds(field)
        assert low is not None
        assert high is not None
        if field.annotation is int:
            new: Any = st.slider(min_value=int(low), max_value=int(high), **self._place(name))
        else:
            decimals = 2 if (step or 1) < 0.1 else 1
            new = st.slider(
                min_value=low, max_value=high, step=step, format=f"%.{decimals}f",
                **self._place(name),
            )  # fmt: skip
        self.views.store(self.view, name, new)

    def marks(self, name: str, options: Sequence[Any]) -> None:
        """Over ``options``; a link's value lies among them."""
        if self._applies(name):
            found = sorted({*options, self.views.values(self.view)[name]})
            new = st.select_slider(options=found, format_func=format_number, **self._place(name))
            self.views.store(self.view, name, new)

    def select(self, name: str, labels: Mapping[Any, str]) -> None:
        """One of many options."""
        if self._applies(name):
            enum = find_enum(self.views.specs[self.view].model_fields[name])
            new = st.selectbox(
                options=list(labels), format_func=lambda code: _(labels[code]), **self._place(name)
            )
            self.views.store(self.view, name, new if enum is None else enum(new))

    def toggle(self, name: str) -> None:
        """On or off."""
        if self._applies(name):
            self.views.store(self.view, name, st.toggle(**self._place(name)))

    def _applies(self, name: str) -> bool:
        return self.views.specs[self.view].applies(name, self.views.values(self.view))

    def _place(self, name: str) -> dict[str, Any]:
        field = self.views.specs[self.view].model_fields[name]
        return {
            "label": _(field.title or name),
            "help": _(field.description or ""),
            "key": self.views.widget_key(self.view, name),
        }
