"""Activation functions: curves and facts, slopes over layers, dying ReLU, Gaussians, sinh."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.activations import controls as activations_controls
from gradflow.ui.activations import state as activations_state
from gradflow.ui.activations import view as activations_view

activations_state.load()
st.title(_("Activation functions"))
view = activations_controls.chosen_view()
if activations_state.problem():
    blocks.show_error(activations_state.problem())
activations_view.show(view)
