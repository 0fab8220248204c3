"""Pretraining: a stack trained layer by layer, what it does for fine-tuning, reuse of layers."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui.pretraining import controls as pretraining_controls
from gradflow.ui.pretraining import state as pretraining_state
from gradflow.ui.pretraining import view as pretraining_view

pretraining_state.load()
st.header(_("Pretraining"))
pretraining_controls.choose_view()
with st.sidebar:
    pretraining_controls.draw()  # first: they can be used while a long computation runs
pretraining_view.show()
