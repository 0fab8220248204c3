"""Through time: how the gradient comes back through the steps of a recurrent network."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.recurrent import view as recurrent_view
from gradflow.ui.recurrent.controls import TITLES
from gradflow.ui.recurrent.state import VIEWS
from gradflow.ui.views import controls

VIEWS.load()
st.title(_("Through time"))
st.markdown(_(recurrent_view.CLAIM))
view = controls.chosen_view(VIEWS, TITLES)
if VIEWS.problem():
    blocks.show_error(VIEWS.problem())
recurrent_view.show(view)
