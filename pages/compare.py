"""Compare: two to four settings side by side, on the same data and seed."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui.compare.card_controls import draw_shared_controls
from gradflow.ui.compare.cards import draw_cards, run_cards, write_url
from gradflow.ui.compare.state import load_comparison
from gradflow.ui.compare.view import show_comparison

load_comparison()
with st.sidebar:
    with_controls = draw_shared_controls()

cards = draw_cards(with_controls=with_controls)
entries = run_cards(cards)
write_url(cards)

if entries:
    show_comparison(cards, entries)
else:
    st.info(_("None of the settings can be computed; the reasons stand above."))
