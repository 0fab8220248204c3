"""Descent on a surface: several optimizers from one start, animated, every step in numbers."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui.descent.state import PAGE
from gradflow.ui.descent.view import show_descent
from gradflow.ui.fragments import make_fragment

PAGE.load()
st.header(_("Descent on a surface"))
make_fragment(show_descent)()
