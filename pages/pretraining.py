"""Pretraining: a stack trained layer by layer, what it does for fine-tuning, reuse of layers."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui.pretraining.state import PAGE
from gradflow.ui.pretraining.view import show_view

PAGE.load()
st.header(_("Pretraining"))
show_view()  # no fragment: a click on Stop ends a run of the whole page, and would wait for one
