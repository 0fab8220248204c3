"""Degradation: plain against residual networks of the same depth, before any training."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.degradation.state import PAGE
from gradflow.ui.degradation.views import CLAIM, VIEWS
from gradflow.ui.settings.views import show_views

PAGE.load()
st.title(_("Degradation"))
st.markdown(_(CLAIM))
blocks.explain("degradation_claim")
show_views(PAGE, VIEWS)
