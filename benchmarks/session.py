"""One person's session with the app over Streamlit's own websocket protocol, without a browser."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.BidiComponent_pb2 import BidiComponent
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.state.session_state import STREAMLIT_INTERNAL_KEY_PREFIX
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

FLOW = "flow"
"""Key of the Flow figure in the page."""
FIGURE_COMPONENT = "gradflow_figure"
"""Name of the app's own component around a Plotly graph."""
TOOLBAR_COMPONENT = "gradflow_toolbar"
"""Name of the app's own row of controls."""
_LAYER_AXIS = re.compile(rb'"range":\s*\[\s*0\.5,\s*(\d+)\.5\s*\]')
_OPEN_SECONDS = 120
_CACHE_RUNS = 2
"""Runs that Streamlit's browser side keeps a message for (global.maxCachedMessageAge)."""


class Figure(NamedTuple):
    """A figure: the line about it, and its JSON."""

    head: dict[str, Any]
    spec: bytes


@dataclass(frozen=True)
class Slider:
    """A number of the toolbar: its component's id and fragment, its field, range and value."""

    id: str
    fragment: str
    name: str
    low: int
    high: int
    value: int


@dataclass
class Change:
    """One change of a setting.

    Attributes:
        value: what it was set to.
        sent: when, in seconds of ``time.perf_counter``.
        shown: when a figure of that value or of a later change of the same person had arrived.
        overtaken: whether that figure was of a later change.
        finished: when the page around that figure was complete.
    """

    value: int
    sent: float
    shown: float | None = None
    overtaken: bool = False
    finished: float | None = None


def find_figure(message: ForwardMsg) -> Figure | None:
    """Find the figure that a message brings."""
    component = find_component(message)
    if component is None or component.component_name != FIGURE_COMPONENT:
        return None
    return split_figure(component.bytes)


def split_figure(content: bytes) -> Figure:
    """Split what the server sends of a figure."""
    head, _line_feed, spec = content.partition(b"\n")
    return Figure(json.loads(head), spec)


def find_component(message: ForwardMsg) -> BidiComponent | None:
    """Find the component of ours that a message brings."""
    if message.WhichOneof("type") != "delta" or message.delta.WhichOneof("type") != "new_element":
        return None
    element = message.delta.new_element
    return element.bidi_component if element.WhichOneof("type") == "bidi_component" else None


def count_layers(spec: bytes) -> int | None:
    """Count the layers of a Flow figure by its layer axis, without parsing the whole JSON."""
    match = _LAYER_AXIS.search(spec)
    return int(match[1]) if match else None


def find_slider(message: ForwardMsg, label: str) -> Slider | None:
    """Find the number with this label, if a message brings the toolbar that has it."""
    component = find_component(message)
    if component is None or component.component_name != TOOLBAR_COMPONENT:
        return None
    row = json.loads(component.json)["row"]
    data = next((control for control in row if control["label"] == label), None)
    if data is None:
        return None
    low, high, value = (int(data[name]) for name in ("low", "high", "value"))
    return Slider(component.id, message.delta.fragment_id, data["name"], low, high, value)


def mark_shown(changes: list[Change], value: int, now: float) -> None:
    """Mark the changes that are answered by the arrival of a figure of ``value``.

    The newest open change to that value is answered, and with it all before it: what their
    person sees is as new as they asked for, or newer. A figure of none of the open changes
    answers nothing.
    """
    still_open = [change for change in changes if change.shown is None]
    last = max((i for i, change in enumerate(still_open) if change.value == value), default=-1)
    for change in still_open[: last + 1]:
        change.shown = now
        change.overtaken = change is not still_open[last]


def write_rerun(
    query: str,
    page_hash: str,
    *,
    page: str = "",
    fragment: str = "",
    changes: Mapping[str, Mapping[str, float]] | None = None,
    cached: Mapping[str, object] | None = None,
) -> BackMsg:
    """Write the message by which a browser asks for a run of the page.

    Args:
        query: the page's query string.
        page_hash: which page, as the server calls it; empty before the first run.
        page: which page, by its path; only needed before the first run.
        fragment: the fragment to run, instead of the whole page.
        changes: values by their field's name, by the id of the toolbar.
        cached: hashes of messages that need not be sent again.
    """
    message = BackMsg()
    state = message.rerun_script
    state.query_string = query
    state.page_script_hash = page_hash
    state.page_name = "" if page_hash else page
    state.fragment_id = fragment
    state.cached_message_hashes.extend(cached or ())
    state.context_info.timezone = "UTC"
    state.context_info.locale = "en-US"
    state.context_info.url = "http://127.0.0.1/"
    state.context_info.color_scheme = "light"
    for component, values in (changes or {}).items():
        widget = state.widget_states.widgets.add()
        widget.id = f"{STREAMLIT_INTERNAL_KEY_PREFIX}_{component}__events"
        widget.json_trigger_value = json.dumps([{"event": "change", "value": values}])
    return message


@dataclass
class Session:
    """A person with a page open.

    Attributes:
        url: the app's address.
        query: the page's query string; follows what the server writes into the address.
        page: the page's path; empty for the first page.
        cookie: sent with the websocket's request.
        changes: what the person changed so far, in order.
        errors: exceptions on the page and closed connections.
    """

    url: str
    query: str = ""
    page: str = ""
    cookie: str = ""
    changes: list[Change] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    received_bytes: int = 0
    slider: Slider | None = None
    layers: int | None = None
    """Layers of the newest Flow figure."""
    address: str = ""
    """Where the server answers with it."""
    _extra_layers: int = 0
    _page_hash: str = ""
    _figures: dict[str, int] = field(default_factory=dict)
    _cached: dict[str, int] = field(default_factory=dict)
    _runs: int = 0
    _finished: asyncio.Event = field(default_factory=asyncio.Event)
    _socket: ClientConnection | None = None
    _reader: asyncio.Task[None] | None = None

    async def open(self, label: str) -> float:
        """Connect and run the page once.

        Args:
            label: of the slider that is going to be changed.

        Returns:
            Seconds until the page was complete.
        """
        where = urlsplit(self.url)
        address = f"ws://{where.netloc}{where.path}/_stcore/stream"
        begin = time.perf_counter()
        self._socket = await connect(
            address,
            subprotocols=["streamlit"],
            additional_headers={"Cookie": self.cookie} if self.cookie else None,
            compression=None,
            max_size=None,
            ping_interval=None,
            open_timeout=_OPEN_SECONDS,
            proxy=None,
        )
        self._reader = asyncio.create_task(self._read(label))
        await self._send(write_rerun(self.query, "", page=self.page))
        await self.wait_until_finished(_OPEN_SECONDS)
        if self.slider is not None and self.layers is not None:
            self._extra_layers = self.layers - self.slider.value
        return time.perf_counter() - begin

    def begin_change(self, value: int) -> Change:
        """Note that the person moves the slider now."""
        change = Change(value, time.perf_counter())
        self.changes.append(change)
        return change

    async def commit(self, value: int) -> None:
        """Tell the page what the slider says, without waiting for the answer."""
        assert self.slider is not None
        await self._send(
            write_rerun(
                self.query,
                self._page_hash,
                fragment=self.slider.fragment,
                changes={self.slider.id: {self.slider.name: value}},
                cached=self._cached,
            )
        )

    def write_address(self, value: int) -> str:
        """Write the address of the figure with another value of the slider, as a browser does."""
        assert self.slider is not None
        path, _mark, query = self.address.partition("?")
        texts = dict(parse_qsl(query)) | {self.slider.name: str(value)}
        return f"/{path}?{urlencode(texts)}"

    def take_figure(self, figure: Figure) -> int | None:
        """Take a Flow figure that has arrived; return how many layers it shows."""
        layers = count_layers(figure.spec)
        self.address = figure.head["address"]
        self._take_layers(layers)
        return layers

    async def wait_until_finished(self, seconds: float) -> None:
        """Wait until the run that was asked for last is over."""
        await asyncio.wait_for(self._finished.wait(), seconds)

    async def close(self) -> None:
        """Leave."""
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader

    async def _send(self, message: BackMsg) -> None:
        assert self._socket is not None
        self._finished.clear()
        await self._socket.send(message.SerializeToString())

    async def _read(self, label: str) -> None:
        assert self._socket is not None
        try:
            async for data in self._socket:
                self.received_bytes += len(data)
                message = ForwardMsg.FromString(data)
                self._take(message, label)
        except ConnectionClosed as error:
            self.errors.append(f"closed: {error}")

    def _take(self, message: ForwardMsg, label: str) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._page_hash = message.new_session.page_script_hash
        elif kind == "navigation":  # what is shown, which a session begins without knowing
            self._page_hash = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "script_finished":
            self._take_end(message.script_finished)
        elif kind == "ref_hash":
            self._cached[message.ref_hash] = self._runs
            self._take_layers(self._figures.get(message.ref_hash))
        elif kind == "page_not_found":
            self.errors.append(f"no page {self.page}")
        elif kind == "delta":
            self._take_element(message, label)

    def _take_element(self, message: ForwardMsg, label: str) -> None:
        if message.metadata.cacheable:
            self._cached[message.hash] = self._runs
        if slider := find_slider(message, label):
            self.slider = slider
        elif (figure := find_figure(message)) and figure.head["name"] == FLOW:
            layers = self.take_figure(figure)
            if layers is not None:
                self._figures[message.hash] = layers
        elif message.delta.new_element.WhichOneof("type") == "exception":
            self.errors.append(message.delta.new_element.exception.message[:200])

    def _take_layers(self, layers: int | None) -> None:
        if layers is not None:
            self.layers = layers
            mark_shown(self.changes, layers - self._extra_layers, time.perf_counter())

    def _take_end(self, status: int) -> None:
        self._runs += 1
        self._cached = {h: run for h, run in self._cached.items() if self._runs - run < _CACHE_RUNS}
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return  # its answer is the run that stopped it
        now = time.perf_counter()
        for change in self.changes:
            if change.shown is not None and change.finished is None:
                change.finished = now
        self._finished.set()
