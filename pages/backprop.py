"""Backpropagation step by step: the product of factors, and the four equations with numbers."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui.backprop import state as backprop_state
from gradflow.ui.backprop import view as backprop_view

backprop_state.load()
st.header(_("Backpropagation step by step"))
backprop_view.show()
with st.sidebar:
    backprop_view.controls()  # last, as in Explore: the figure shall not wait
