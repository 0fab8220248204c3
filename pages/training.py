"""Training: a run as it learns, layer by layer; where it breaks; runs side by side."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui.training import controls as training_controls
from gradflow.ui.training import state as training_state
from gradflow.ui.training import view as training_view

training_state.load()
st.header(_("Training"))
with st.sidebar:
    training_controls.draw()  # first: nothing is computed until a button is pressed
training_view.show()
