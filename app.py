"""Entry point: ``streamlit run app.py``."""

from gradflow.core.errors import GradflowError
from gradflow.ui.environment import check_environment

try:
    check_environment()  # before modules that build experiments, for which the limits hold
except GradflowError as error:
    raise SystemExit(f"gradflow: {error}") from None

import streamlit as st
from starlette.middleware import Middleware

from gradflow.ui.compression import CompressScripts
from gradflow.ui.paths import FRAME
from gradflow.ui.routes import list_routes
from gradflow.ui.security.guard import answer_failure, make_guard
from gradflow.ui.server import warm_up

app = st.App(
    FRAME,
    lifespan=warm_up,
    routes=list_routes(),
    middleware=[make_guard(), Middleware(CompressScripts)],
    exception_handlers={Exception: answer_failure},
)
