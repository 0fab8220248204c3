"""The views of the page on backpropagation."""

from __future__ import annotations

from gradflow.core.text import N_
from gradflow.ui.backprop import chain, network
from gradflow.ui.backprop.state import Part
from gradflow.ui.settings.views import ViewRow

VIEWS: dict[str, ViewRow] = {
    Part.CHAIN: ViewRow(N_("A chain of single units"), chain.show_chain, chain.draw_controls),
    Part.NETWORK: ViewRow(
        N_("A small network, step by step"), network.show_network, network.draw_controls
    ),
}
