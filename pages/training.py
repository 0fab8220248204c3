"""Training: a run as it learns, layer by layer; where it breaks; runs side by side."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui.training import state
from gradflow.ui.training.actions import carry_out_press
from gradflow.ui.training.controls import draw_controls
from gradflow.ui.training.view import show_training

state.load()
carry_out_press()
st.header(_("Training"))
with st.sidebar:
    draw_controls()  # first: nothing is computed until a button is pressed
show_training()
