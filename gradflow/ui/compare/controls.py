"""The controls of the Compare page: those of one setting at a time, and those that all share."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from gradflow.core.presets import PRESETS
from gradflow.core.text import _
from gradflow.ui.compare import add
from gradflow.ui.compare import settings as compare_settings
from gradflow.ui.compare import state as compare_state
from gradflow.ui.compare.cards import Card
from gradflow.ui.compare.settings import REFERENCE, SHARED, Column
from gradflow.ui.explore.state import EXPLORE
from gradflow.ui.settings.experiments import GROUPS
from gradflow.ui.settings.fields import draw_compact_field, draw_dependents, draw_fields
from gradflow.ui.settings.state import show_in_widget

_MAIN_FIELDS = (
    "activation",
    "initialization",
    "normalization",
    "connection",
    "depth",
    "width",
    "channels",
)
"""Settings that are always in sight; the others are a click away."""


def draw_controls(cards: Sequence[Card]) -> None:
    """Draw the choice of a setting, and the controls of that one."""
    chosen = compare_state.find_edited()
    card = next(card for card in cards if card.letter == chosen)
    form = compare_state.FORMS[chosen]
    with st.container(key="compare_row"):
        _draw_choice(cards)
        for name in _MAIN_FIELDS:
            draw_compact_field(form, name)
        _draw_more(card)


def _draw_choice(cards: Sequence[Card]) -> None:
    """Draw the choice of the setting whose controls are shown."""
    st.segmented_control(
        _("Change"),
        [card.letter for card in cards],
        required=True,
        format_func=str.upper,
        **compare_state.bind_edited(),
    )


def _draw_more(card: Card) -> None:
    """Draw the settings that are seldom changed, and what else can be done with a setting."""
    form, letter = compare_state.FORMS[card.letter], card.letter
    box = st.popover(_("More"), key=f"compare_{letter}_more", on_change="rerun", width="stretch")
    if not box.open:  # in a closed one widgets come up with their smallest values
        return
    with box:
        _draw_name(card)
        draw_compact_field(form, "architecture")
        for name in ("architecture", *_MAIN_FIELDS):
            draw_dependents(form, name, draw=draw_compact_field)
        draw_compact_field(form, "widths")
        draw_compact_field(form, "readout")
        preset_key = f"compare_{letter}_preset"
        show_in_widget(preset_key, None)  # it always waits for a choice
        st.selectbox(
            _("Replace with a preset"),
            list(PRESETS) if letter == REFERENCE else compare_settings.list_network_presets(),
            index=None,
            key=preset_key,
            format_func=lambda code: _(PRESETS[code].label),
            placeholder=_("a preset experiment …"),
            on_change=add.put_preset,
            args=(letter, preset_key),
        )
        if EXPLORE.read_last_valid() != form.read_last_valid():
            st.button(
                _("Use the network from Explore"),
                key=f"explore_{letter}",
                icon=":material/insights:",
                on_click=compare_state.put_column,
                args=(letter, Column(), EXPLORE.read_last_valid()),
                width="stretch",
            )
        if card.column.alone and card.conditions:
            st.button(
                _("Use data and seed of A"),
                key=f"share_{letter}",
                on_click=lambda: compare_state.change_column(letter, alone=False),
                width="stretch",
            )


def _draw_name(card: Card) -> None:
    name_key = f"compare_{card.letter}_name"
    show_in_widget(name_key, card.column.name)
    st.text_input(
        _("Name of {letter}").format(letter=card.letter.upper()),
        key=name_key,
        placeholder=card.name,
        max_chars=compare_state.MAX_NAME,
        on_change=compare_state.rename_column,
        args=(card.letter, name_key),
    )


def draw_removal() -> None:
    """Draw the button that removes the setting whose controls are shown; A stays."""
    letter = compare_state.find_edited()
    if letter != REFERENCE:
        st.button(
            _("Remove {letter}").format(letter=letter.upper()),
            key=f"remove_{letter}",
            icon=":material/close:",
            on_click=compare_state.remove_column,
            args=(letter,),
        )


def draw_shared_controls() -> None:
    """Draw the controls that all settings share: data, loss, seed and number format of A."""
    box = st.popover(_("Data, loss, seed"), key="compare_shared", on_change="rerun")
    if not box.open:
        return
    with box:
        st.caption(_("These apply to all settings."))
        for group in GROUPS:
            if set(group.names) <= SHARED:
                draw_fields(compare_state.FORMS[REFERENCE], group.names, draw=draw_compact_field)
