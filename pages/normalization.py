"""Normalization: what shares a mean, one batch, both modes, small batches, the gradient's flow."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.normalization import controls as normalization_controls
from gradflow.ui.normalization import state as normalization_state
from gradflow.ui.normalization import view as normalization_view

normalization_state.load()
st.title(_("Normalization"))
view = normalization_controls.chosen_view()
if normalization_state.problem():
    blocks.show_error(normalization_state.problem())
normalization_view.show(view)
