"""Opening and reading the app in tests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.testing.v1 import AppTest


def check_works(app: AppTest) -> AppTest:
    assert not app.exception
    return app


def open_link(app: AppTest, page: str, query: dict[str, str]) -> AppTest:
    """Open a page by a link with this query."""
    app.run()
    app.switch_page(f"../../pages/{page}.py")
    app.query_params.clear()
    for name, text in query.items():
        app.query_params[name] = text
    return check_works(app.run())


def read_url(app: AppTest) -> dict[str, str]:
    """Read the query parameters, sorted by name."""
    texts = {n: t if isinstance(t, str) else t[0] for n, t in app.query_params.items()}
    return {name: texts[name] for name in sorted(texts)}


@dataclass(frozen=True)
class Chart:
    """A figure as the browser gets it.

    Attributes:
        key: its place on the page.
        head: the line about it: name, alt, version, height and what its buttons say.
        spec: ``data``, ``layout`` and, of an animation, ``frames``.
    """

    key: str
    head: dict[str, Any]
    spec: dict[str, Any]

    @property
    def alt(self) -> str:
        return str(self.head["alt"])


def list_charts(app: AppTest) -> list[Chart]:
    """List all figures, in the order of the page."""
    graphs = [c for c in app.get("bidi_component") if c.proto.component_name == "gradflow_figure"]
    return [_unpack_chart(graph) for graph in graphs]


def _unpack_chart(graph: Any) -> Chart:
    head, spec = graph.proto.bytes.split(b"\n", 1)
    return Chart(graph.key, json.loads(head), json.loads(spec))


def read_chart(app: AppTest, index: int = 0) -> dict[str, Any]:
    """Read the spec of a figure."""
    return list_charts(app)[index].spec


class Board:
    """A figure that computes in the browser, as the page describes it.

    Attributes:
        data: what it computes from (``spec``), its texts, and the rest.
    """

    def __init__(self, app: AppTest) -> None:
        self._app = app
        elements = [e.proto for e in app.get("bidi_component")]
        (self._proto,) = [e for e in elements if e.component_name == "gradflow_board"]
        self.data = dict(json.loads(self._proto.json))
        self.spec = self.data["spec"]

    def send(self, **changes: Any) -> AppTest:
        """Let the browser say what a hand has changed, or anything; the page runs."""
        return check_works(send_event(self._app, self._proto.id, "change", changes).run())


class Toolbar:
    """The controls of Explore, as a browser has them.

    Attributes:
        data: what the browser draws.
        controls: those of the row and of all panels, by name.
    """

    def __init__(self, app: AppTest) -> None:
        self._app = app
        elements = [e.proto for e in app.get("bidi_component")]
        (self._proto,) = [e for e in elements if e.component_name == "gradflow_toolbar"]
        self.data = dict(json.loads(self._proto.json))
        sections = [section for panel in self.data["panels"] for section in panel["sections"]]
        groups = [self.data["row"], *(section["controls"] for section in sections)]
        self.controls = {c["name"]: c for controls in groups for c in controls}

    def read(self, name: str) -> Any:
        """Read the value that a control shows."""
        return self.controls[name]["value"]

    def set(self, **values: Any) -> AppTest:
        """Change controls; the page runs."""
        return self.send("change", values)

    def send(self, event: str, value: Any) -> AppTest:
        """Let the browser say anything; the page runs."""
        return check_works(send_event(self._app, self._proto.id, event, value).run())


def read_panels(app: AppTest) -> dict[str, Any] | None:
    """Read the panels of cures, if they are shown."""
    shown = _find_panels(app)
    return dict(json.loads(shown.json)) if shown else None


def press_panel(app: AppTest, event: str, value: Any) -> AppTest:
    """Let the browser say something about the panels of cures; the page runs."""
    shown = _find_panels(app)
    assert shown is not None
    return check_works(send_event(app, shown.id, event, value).run())


def _find_panels(app: AppTest) -> Any:
    elements = [e.proto for e in app.get("bidi_component")]
    return next((e for e in elements if e.component_name == "gradflow_cures"), None)


def read_findings(app: AppTest) -> str:
    """Read what the line above the Flow figure says, and what it unfolds."""
    head = list_charts(app)[0].head
    texts = [f"{f['chip']} {f['text']} {f['cause']}" for f in head["findings"]]
    return "\n".join([f"{head['word']}: {head['headline']}", *texts])


def press_in_line(app: AppTest, forged: object = None, **action: str) -> AppTest:
    """Press a button of the line above the Flow figure, or let a browser say anything."""
    figure = next(e.proto for e in app.get("bidi_component") if "figure_flow" in e.proto.id)
    said = action or forged
    return check_works(send_event(app, figure.id, "action", said).run())


def send_event(app: AppTest, component: str, event: str, value: Any) -> AppTest:
    """Let the browser send an event of a component, by its id, with the next run."""
    states = app._tree.get_widget_states()
    state = states.widgets.add()
    state.id = _make_trigger_id(component, "events")
    state.json_trigger_value = json.dumps([{"event": event, "value": value}])
    app._tree.get_widget_states = lambda: states  # type: ignore[method-assign]
    return app


class Cards:
    """The networks to start from: ``intro`` on a first visit, ``start`` in "Start from"."""

    def __init__(self, app: AppTest, name: str = "intro") -> None:
        self._app = app
        (self._proto,) = [
            e.proto for e in app.get("bidi_component") if f"-welcome_{name}" in e.proto.id
        ]
        self.data = dict(json.loads(self._proto.json))

    def press(self, code: Any) -> AppTest:
        """Press the button of a preset."""
        return check_works(send_event(self._app, self._proto.id, "preset", code).run())

    def close(self) -> AppTest:
        """Close the introduction."""
        return check_works(send_event(self._app, self._proto.id, "close", True).run())


def shows_cards(app: AppTest, name: str = "intro") -> bool:
    """Whether these cards are on the page."""
    return any(f"-welcome_{name}" in e.proto.id for e in app.get("bidi_component"))


def read_boxes(app: AppTest) -> str:
    """Read all coloured boxes but errors."""
    return " ".join(box.value for kind in ("success", "info", "warning") for box in app.get(kind))


def read_markdown(app: AppTest) -> str:
    return "\n".join(text.value for text in app.markdown)
