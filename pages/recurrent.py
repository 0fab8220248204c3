"""Through time: how the gradient comes back through the steps of a recurrent network."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.recurrent.state import PAGE
from gradflow.ui.recurrent.view import QUESTION, TITLES, show_view
from gradflow.ui.settings.fields import draw_view_choice

PAGE.load()
st.title(_("Through time"))
st.markdown(_(QUESTION))
draw_view_choice(PAGE, TITLES)
if PAGE.problem:
    blocks.show_error(PAGE.problem)
show_view()
