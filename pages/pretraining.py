"""Pretraining: a stack trained layer by layer, what it does for fine-tuning, reuse of layers."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui.pretraining.controls import draw_controls
from gradflow.ui.pretraining.state import PAGE
from gradflow.ui.pretraining.view import TITLES, show_view
from gradflow.ui.settings.fields import draw_view_choice

PAGE.load()
st.header(_("Pretraining"))
draw_view_choice(PAGE, TITLES)
with st.sidebar:
    draw_controls()  # first: they can be used while a long computation runs
show_view()
