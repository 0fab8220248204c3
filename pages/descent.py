"""Descent on a surface: several rules from one start, animated, with every step in numbers."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui import descent_controls, descent_state, descent_view

descent_state.load()
st.header(_("Descent on a surface"))
descent_view.show()
with st.sidebar:
    descent_controls.draw()  # last, as in Explore: the figure shall not wait
