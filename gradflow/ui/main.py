"""The app's frame: navigation over ``pages/``."""

from pathlib import Path

import streamlit as st

from gradflow.core.text import _

PAGES = Path(__file__).parents[2] / "pages"
ICON = Path(__file__).with_name("icon.svg")  # a Material icon would be fetched from the web

st.set_page_config(page_title="GradFlow", page_icon=str(ICON), layout="wide")
st.html(Path(__file__).with_name("style.css"))
page = st.navigation(
    {
        _("Laboratory"): [
            st.Page(
                PAGES / "explore.py", title=_("Explore"), icon=":material/insights:", default=True
            )
        ]
    }
)
page.run()
