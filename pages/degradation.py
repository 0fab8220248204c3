"""Degradation: plain against residual networks of the same depth, before any training."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.degradation import view as degradation_view
from gradflow.ui.degradation.state import VIEWS
from gradflow.ui.views import controls

VIEWS.load()
st.title(_("Degradation"))
st.markdown(_(degradation_view.CLAIM))
blocks.explain("degradation_claim")
view = controls.chosen_view(VIEWS, degradation_view.TITLES)
if VIEWS.problem():
    blocks.show_error(VIEWS.problem())
degradation_view.show(view)
