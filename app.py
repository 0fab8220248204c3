"""Entry point: ``streamlit run app.py``."""

import streamlit as st

from gradflow.ui.routes import list_routes
from gradflow.ui.server import warm_up

app = st.App("gradflow/ui/main.py", lifespan=warm_up, routes=list_routes())
