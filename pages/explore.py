"""Explore: set a network, run one backward pass, see the gradient flow."""

import streamlit as st

from gradflow.ui.explore.controls import draw_controls
from gradflow.ui.explore.state import CONTROLS, INTRO, RESULT
from gradflow.ui.explore.view import show_result
from gradflow.ui.fragments import make_fragment
from gradflow.ui.welcome.cards import draw_intro
from gradflow.ui.welcome.state import open_explore

open_explore()
make_fragment(draw_intro, key=INTRO)()
# Above the figure; on a phone below it (toolbar.css).
toolbar = st.container(key="stage_toolbar")
with st.container(key="stage_picture"):
    make_fragment(show_result, key=RESULT)()
with toolbar:
    # Last, because a browser draws in this order, and the figure shall not wait.
    make_fragment(draw_controls, key=CONTROLS)()
