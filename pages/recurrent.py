"""Through time: how the gradient comes back through the steps of a recurrent network."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui.recurrent.state import PAGE
from gradflow.ui.recurrent.view import QUESTION, VIEWS
from gradflow.ui.settings.views import show_views

PAGE.load()
st.title(_("Through time"))
st.markdown(_(QUESTION))
show_views(PAGE, VIEWS)
