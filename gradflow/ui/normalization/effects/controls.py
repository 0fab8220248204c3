"""A widget that only these views have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from gradflow.core.catalog import ACTIVATIONS
from gradflow.core.text import _
from gradflow.ui.normalization import state
from gradflow.ui.normalization.state import SPECS, View


def select(view: View, name: str, labels: Mapping[Any, str]) -> None:
    """The choice of one of many options, if the field applies."""
    if not SPECS[view].applies(name, state.values(view)):
        return
    field = SPECS[view].model_fields[name]
    new = st.selectbox(
        _(field.title or name),
        list(labels),
        key=state.prepared(view, name, lambda value: value),
        help=_(field.description or ""),
        format_func=lambda code: _(labels[code]),
    )
    state.store(view, name, new)


def activation(view: View) -> None:
    """The choice of the activation function."""
    select(view, "activation", {code: row.label for code, row in ACTIVATIONS.items()})
