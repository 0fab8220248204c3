"""Activation functions: curves and facts, slopes over layers, dying ReLU, Gaussians, sinh."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui.activations.state import PAGE
from gradflow.ui.activations.views import VIEWS
from gradflow.ui.settings.views import show_views

PAGE.load()
st.title(_("Activation functions"))
show_views(PAGE, VIEWS)
