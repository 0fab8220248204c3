"""The app on a crowded server: a test says for how long others compute, and what is left.

``/test/hold?seconds=3`` computes for two others in turn; ``/test/memory?mib=900`` leaves so much.
"""

import threading
import time

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gradflow.core.machine import MemoryLimit
from gradflow.ui.compression import CompressScripts
from gradflow.ui.paths import FRAME
from gradflow.ui.room import KEPT_BYTES, ROOM
from gradflow.ui.routes import list_routes
from gradflow.ui.security.guard import make_guard
from gradflow.ui.server import warm_up
from gradflow.ui.turns import ADMISSION
from gradflow.ui.wanted import CLIENT, WANTED

GIB = 2**30
ADMISSION._may_take = lambda work, owner: False  # what is held is not given away


def hold(request: Request) -> PlainTextResponse:
    seconds = float(request.query_params["seconds"])

    def compute(name: str) -> None:
        CLIENT.set(name)
        WANTED.set(lambda: None)
        with ADMISSION:
            begun.set()
            time.sleep(seconds)

    for name in ("first", "second"):
        begun = threading.Event()
        threading.Thread(target=compute, args=(name,), daemon=True).start()
        begun.wait(0.1)
    return PlainTextResponse("ok")


def limit_memory(request: Request) -> PlainTextResponse:
    left = KEPT_BYTES + int(request.query_params["mib"]) * 2**20
    ROOM._read = lambda: MemoryLimit(2 * GIB, left, contained=True)
    return PlainTextResponse("ok")


app = st.App(
    FRAME,
    lifespan=warm_up,
    routes=[*list_routes(), Route("/test/hold", hold), Route("/test/memory", limit_memory)],
    middleware=[make_guard(), Middleware(CompressScripts)],
)
