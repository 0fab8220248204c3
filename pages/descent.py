"""Descent on a surface: several optimizers from one start, animated, every step in numbers."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui.descent.controls import draw_controls
from gradflow.ui.descent.state import PAGE
from gradflow.ui.descent.view import show_descent

PAGE.load()
st.header(_("Descent on a surface"))
show_descent()
with st.sidebar:
    draw_controls()  # last, as in Explore: the figure shall not wait
