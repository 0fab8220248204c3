"""The page on backpropagation: its two parts."""

from __future__ import annotations

from gradflow.core.text import N_
from gradflow.ui import blocks
from gradflow.ui.backprop import chain, network
from gradflow.ui.backprop.state import PAGE, Part
from gradflow.ui.settings.fields import draw_view_choice

TITLES: dict[str, str] = {
    Part.CHAIN: N_("A chain of single units"),
    Part.NETWORK: N_("A small network, step by step"),
}


def show_part() -> None:
    """Show the choice of a part, and the part."""
    draw_view_choice(PAGE, TITLES)
    if PAGE.problem:
        blocks.show_error(PAGE.problem)
    if PAGE.view == Part.CHAIN:
        chain.show_chain()
    else:
        network.show_network()


def draw_controls() -> None:
    """Draw the controls of the part that is shown."""
    (chain if PAGE.view == Part.CHAIN else network).draw_controls()
