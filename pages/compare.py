"""Compare: two to four settings side by side, on the same data and seed."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui.compare import cards as compare_cards
from gradflow.ui.compare import state as compare_state
from gradflow.ui.compare import view as compare_view

compare_state.load_comparison()
with st.sidebar:
    with_controls = compare_cards.shared_controls()

cards = compare_cards.cards(with_controls=with_controls)
entries = compare_cards.computed(cards)
compare_state.settled_comparison(compare_cards.query(cards))

if entries:
    compare_view.show(cards, entries)
else:
    st.info(_("None of the settings can be computed; the reasons stand above."))
