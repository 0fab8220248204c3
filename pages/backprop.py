"""Backpropagation step by step: the product of factors, and the four equations with numbers."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui.backprop.state import PAGE
from gradflow.ui.backprop.view import draw_controls, show_part

PAGE.load()
st.header(_("Backpropagation step by step"))
show_part()
with st.sidebar:
    draw_controls()  # last, as in Explore: the figure shall not wait
