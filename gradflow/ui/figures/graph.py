"""A figure in the page as a component of ours: one Plotly graph, changed in place.

Streamlit's own chart has the hash of its figure in its identity: every change removes the graph
from the page and draws another one, and zoom and hover are lost.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from gradflow.charts.describe import describe_lines
from gradflow.charts.encode import encode_figure
from gradflow.charts.figure import get_spec
from gradflow.charts.theme import Mode
from gradflow.core.text import _
from gradflow.ui.assets import find_address
from gradflow.ui.settings.state import read_widget

# The script goes with every figure and every change of it, so it is short: what it imports, a
# browser fetches once. `document.baseURI` is the page's address, one level below the app's root.
_SHIM = f"""
const find = (address) => new URL(address, document.baseURI).href;
const script = find("{find_address("figure.js")}");
const plotly = find("{find_address("plotly.min.js")}");
export default async (component) => (await import(script)).default(component, plotly);
"""
_mount = st.components.v2.component("gradflow_figure", js=_SHIM, isolate_styles=False)
_PLOTLY_HEIGHT = 450
"""Pixels; what Plotly takes for a figure that does not say."""


@dataclass(frozen=True)
class PackedFigure:
    """A figure as it is sent to browsers; the same for all who look at the same.

    Attributes:
        name: its key in the page.
        height: of the figure, in pixels.
        is_live: whether a line of words stands above the figure, which follows a toolbar with it.
        content: a line of JSON and, after it, the figure's own JSON. In the line: ``name``,
            ``alt``, ``mode``, ``version`` (a hash; the same version is not drawn again),
            ``height``, ``fullscreen`` (the text of the button), ``keys`` (how to choose by
            keyboard; empty if nothing can be chosen), ``peek`` (where the picture of a point is, up
            to its number; empty if there is none) and, of a live figure, ``address`` (where
            the server answers with this content, if it does), ``setting`` (what is shown; of
            Explore a browser keeps it for the next visit) and what its line says.
    """

    name: str
    height: int
    content: bytes
    is_live: bool = False


def pack_figure(
    figure: go.Figure,
    name: str,
    alt: str,
    mode: Mode,
    *,
    selectable: bool = False,
    peek: str = "",
    live: Mapping[str, Any] | None = None,
) -> PackedFigure:
    """Pack a figure for the browser.

    Args:
        figure: the figure.
        name: its key in the page.
        alt: says it in words; where its lines begin and end is added.
        mode: for which it was drawn.
        selectable: whether a point can be chosen.
        peek: where the picture of a hovered point is, up to its number.
        live: of a figure that follows a toolbar: its address, and what its line says.
    """
    body = encode_figure(figure)
    height = int(get_spec(figure)["layout"].get("height") or _PLOTLY_HEIGHT)
    lines = describe_lines(figure)
    head = {
        "name": name,
        "alt": f"{alt}. {lines}" if lines else alt,
        "mode": mode,
        "version": hashlib.blake2b(body, digest_size=8).hexdigest(),
        "height": height,
        "fullscreen": _("Fullscreen"),
        "keys": _("Arrow keys go from one to the next, Enter chooses.") if selectable else "",
        "peek": peek,
        **(live or {}),
    }
    line = json.dumps(head, ensure_ascii=False).encode()
    return PackedFigure(name, height, line + b"\n" + body, is_live=live is not None)


def draw_packed(
    packed: PackedFigure,
    on_select: Callable[[int], None] | None = None,
    on_action: Mapping[str, Callable[[], None]] | None = None,
) -> Any:
    """Draw a figure at this place of the page.

    Args:
        packed: the figure.
        on_select: called with the ``customdata`` of a point, a whole number, that was clicked or
            chosen by keyboard.
        on_action: of a live figure, called before the run when a button of its line asks for
            something of this kind.

    Returns:
        What was asked for by a button of a live figure's line, if this run is the answer to it;
        a browser may send anything.
    """
    widget = f"figure_{packed.name}"  # its key is a name in the session, where forms are, too
    callbacks: dict[str, Any] = {"on_mode_change": _do_nothing}  # the run itself is the answer
    if on_select is not None:
        callbacks["on_choice_change"] = lambda: _pass_choice(widget, on_select)
    if packed.is_live:
        callbacks["on_action_change"] = lambda: _pass_action(widget, on_action or {})
    result = _mount(
        key=widget,
        data=packed.content,
        # Keeps the room before the figure is drawn. The words above a live one take several lines
        # on a phone, so there ``style.css`` keeps it.
        height="content" if packed.is_live else packed.height,
        **callbacks,
    )
    return result.get("action")


def _pass_choice(widget: str, on_select: Callable[[int], None]) -> None:
    value = (read_widget(widget) or {}).get("choice")
    # What a browser sends may be anything.
    if isinstance(value, int) and not isinstance(value, bool):
        on_select(value)


def _pass_action(widget: str, on_action: Mapping[str, Callable[[], None]]) -> None:
    action = (read_widget(widget) or {}).get("action")
    kind = action.get("kind") if isinstance(action, Mapping) else None
    if isinstance(kind, str) and kind in on_action:
        on_action[kind]()


def _do_nothing() -> None:
    pass
