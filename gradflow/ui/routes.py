"""What the app answers beside its pages: plain routes below ``gf/``."""

from __future__ import annotations

import streamlit as st
from starlette.routing import Mount

from gradflow.ui.assets import SCRIPTS
from gradflow.ui.classroom import route as class_route
from gradflow.ui.explore import route as flow_route
from gradflow.ui.phase import route as cell_route
from gradflow.ui.present import route as code_route
from gradflow.ui.recurrent import cure_route
from gradflow.ui.training import film_route
from gradflow.ui.welcome import route as thumbnail_route


def list_routes() -> list[Mount]:
    """List the routes; a mount answers unknown paths below it with 404, not with a page."""
    root = str(st.get_option("server.baseUrlPath") or "").strip("/")
    prefix = f"/{root}/gf" if root else "/gf"
    scripts = [script.make_route() for script in SCRIPTS.values()]
    figures = [*flow_route.make_routes(), thumbnail_route.make_route(), film_route.make_route()]
    figures += [cure_route.make_route(), cell_route.make_route()]
    shared = [code_route.make_route(), *class_route.make_routes()]
    return [Mount(prefix, routes=[*scripts, *figures, *shared])]
