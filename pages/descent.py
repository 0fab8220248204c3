"""Descent on a surface: several rules from one start, animated, with every step in numbers."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui.descent import controls as descent_controls
from gradflow.ui.descent import state as descent_state
from gradflow.ui.descent import view as descent_view

descent_state.load()
st.header(_("Descent on a surface"))
descent_view.show()
with st.sidebar:
    descent_controls.draw()  # last, as in Explore: the figure shall not wait
