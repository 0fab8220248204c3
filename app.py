"""Entry point: ``streamlit run app.py``."""

import streamlit as st
from starlette.middleware import Middleware

from gradflow.ui.compression import CompressScripts
from gradflow.ui.paths import FRAME
from gradflow.ui.routes import list_routes
from gradflow.ui.server import warm_up

app = st.App(
    FRAME,
    lifespan=warm_up,
    routes=list_routes(),
    middleware=[Middleware(CompressScripts)],
)
