"""A page of two views, as ``test_form`` drives it."""

import streamlit as st

from gradflow.ui.settings.fields import draw_field, draw_view_choice
from tests.ui.settings.steps import FORM, PAGE, WATCHED

PAGE.load()
settings = PAGE.form.read()  # before the widgets are drawn
PAGE.sync_url(settings)
draw_view_choice(PAGE, {"first": "First", "second": "Second"})
draw_field(PAGE.form, "steps")
draw_field(PAGE.form, "every")
st.button("many", on_click=FORM.replace, args=(FORM.presets["many"],))
st.slider("Watched", 0, 9, **WATCHED.bind(WATCHED.get()))
st.button("watch 3", on_click=WATCHED.set, args=(3,))
st.text(f"{settings.steps} {settings.every} {FORM.preset} {WATCHED.get()}")
if PAGE.problem:
    st.error(PAGE.problem)
