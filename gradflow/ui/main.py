"""The app's frame: navigation over ``pages/``."""

from pathlib import Path

import streamlit as st

from gradflow.core.text import _

PAGES = Path(__file__).parents[2] / "pages"

st.set_page_config(page_title="GradFlow", page_icon=":material/waterfall_chart:", layout="wide")
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
