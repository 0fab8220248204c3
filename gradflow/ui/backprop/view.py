"""The page on backpropagation: its two parts."""

from __future__ import annotations

import streamlit as st

from gradflow.core.text import N_, _
from gradflow.ui import blocks, state
from gradflow.ui.backprop import chain as backprop_chain
from gradflow.ui.backprop import network as backprop_network
from gradflow.ui.backprop import state as backprop_state
from gradflow.ui.backprop.state import CHAIN, NETWORK, Part

TITLES: dict[Part, str] = {
    Part.CHAIN: N_("A chain of single units"),
    Part.NETWORK: N_("A small network, step by step"),
}


def show() -> None:
    """The choice of a part, and the part."""
    st.segmented_control(
        _("Part"),
        list(Part),
        required=True,
        key=backprop_state.part_key(),
        on_change=backprop_state.part_chosen,
        format_func=lambda part: _(TITLES[part]),
        label_visibility="collapsed",
    )
    part = backprop_state.part()
    if problem := state.url_problem(CHAIN if part is Part.CHAIN else NETWORK):
        blocks.show_error(problem)
    (backprop_chain if part is Part.CHAIN else backprop_network).show()


def controls() -> None:
    """The controls of the part that is shown."""
    chain = backprop_state.part() is Part.CHAIN
    (backprop_chain if chain else backprop_network).controls()
