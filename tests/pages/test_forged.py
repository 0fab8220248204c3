"""Whatever a browser says that widgets hold: nothing raises, and the settings stay as they are."""

import json
import logging
import math
from typing import Any

import pytest
from streamlit.elements.widgets.button_group import (
    _MultiSelectButtonGroupSerde,
    _SingleSelectButtonGroupSerde,
)
from streamlit.elements.widgets.slider import SliderSerde
from streamlit.proto.Slider_pb2 import Slider as SliderProto
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.runtime.state.session_state import SessionState
from streamlit.testing.v1 import AppTest

from gradflow.ui.security.widgets import is_possible
from tests.pages.apptest import check_works, open_link

TEXTS = ("", "x", "Infinity", "NaN", "-1", "https://evil.example", "9" * 400, "\0", "null", "[[[")
NUMBERS = (  # a number field may have no bounds: the first three alone are never possible
    *(math.nan, math.inf, -math.inf),
    *(1e300, -1e300, 2.0**63),
)
WHOLE = (2**62, -(2**63))
DEEP = "[" * 900 + "]" * 900
JSON = (
    "",
    "{",
    "null",
    "1",
    '"x"',
    "[1]",
    '{"change": 1}',
    '[{"event": ["x"]}]',
    DEEP,
    '{"a": NaN}',
)
VALUES: tuple[Any, ...] = (
    *(None, True, 10**30, math.nan, "x", [1], {"kind": ["x"]}, {"kind": 1, "nothing": 1}),
    *({"architecture": "x"}, {"architecture": 1}, {"depth": "x", "width": math.nan, "seed": None}),
    *({"depth": 10**30, "activation": 1, "widths": "9" * 400}, {"widths": "1-" * 3000}),
)
"""What a component's event may carry."""


def forge(metadata: WidgetMetadata[Any]) -> list[WidgetState]:
    """Forge values of every type for a widget; none of them is one that it can hold."""
    widget = metadata.id
    forged = [] if metadata.clearable else [WidgetState(id=widget)]
    forged += [WidgetState(id=widget, string_value=text) for text in TEXTS]
    forged += [WidgetState(id=widget, double_value=number) for number in NUMBERS[:3]]
    forged += [WidgetState(id=widget, int_value=number) for number in WHOLE]
    forged += [WidgetState(id=widget, bytes_value=b"\xff")]
    for text in JSON:
        forged.append(WidgetState(id=widget, json_value=text))
        forged.append(WidgetState(id=widget, json_trigger_value=text))
    for texts in (["x"], ["x", "x"], [""], list(TEXTS)):
        forged.append(WidgetState(id=widget))
        forged[-1].string_array_value.data.extend(texts)
        forged[-1].string_array_value.SetInParent()
    for numbers in ([], *([number] for number in NUMBERS), [1.0, 2.0], list(NUMBERS)):
        forged.append(WidgetState(id=widget))
        forged[-1].double_array_value.data.extend(numbers)
        forged[-1].double_array_value.SetInParent()
    forged.append(WidgetState(id=widget))
    forged[-1].int_array_value.data.extend(WHOLE)
    forged.append(WidgetState(id=widget))
    forged[-1].string_trigger_value.data = "x"
    forged.append(WidgetState(id=widget))
    forged[-1].arrow_value.SetInParent()
    return forged


def find_state(app: AppTest) -> SessionState:
    state = app.session_state._state
    return getattr(state, "_state", state)  # type: ignore[no-any-return]


def list_widgets(app: AppTest) -> dict[str, WidgetMetadata[Any]]:
    return dict(find_state(app)._new_widget_state.widget_metadata)


def send(app: AppTest, sent: list[WidgetState]) -> AppTest:
    """Let a browser say these values, with the next run."""
    states = app._tree.get_widget_states()
    states.widgets.extend(sent)
    app._tree.get_widget_states = lambda: states  # type: ignore[method-assign]
    return check_works(app.run())


def open_folds(app: AppTest) -> None:
    """Open all that is folded, until nothing new appears."""
    known: set[str] = set()
    while new := {
        widget
        for widget, metadata in list_widgets(app).items()
        if metadata.value_type == "bool_value" and widget not in known and metadata.callback is None
    }:
        known |= new
        send(app, [WidgetState(id=widget, bool_value=True) for widget in new])


def read_settings(app: AppTest) -> dict[str, str]:
    """Read all that the session keeps and no widget holds, as text: NaN equals NaN."""
    state = find_state(app)
    widgets = set(state._key_id_mapper._key_id_mapping)
    kept = {str(key) for key in state.filtered_state} - widgets - {"widgets_unsent"}
    return {key: repr(state[key]) for key in sorted(kept)}


def takes_any_text(metadata: WidgetMetadata[Any]) -> bool:
    return metadata.value_type == "string_value" and metadata.formatted_options is None


PAGES = [
    *(("explore", ""), ("compare", ""), ("training", ""), ("pretraining", ""), ("diagnoses", "")),
    *(("descent", ""), ("backprop", ""), ("activations", ""), ("normalization", "")),
    *(("degradation", "depth"), ("recurrent", ""), ("initialization", "variance")),
    *(("phase", ""), ("your_model", "")),
]


@pytest.mark.parametrize(("page", "view"), PAGES)
def test_forged_values_change_nothing(
    app: AppTest, page: str, view: str, caplog: pytest.LogCaptureFixture, stop_runs: None
) -> None:
    open_link(app, page, {"view": view} if view else {})
    open_folds(app)
    before, widgets = read_settings(app), list_widgets(app)
    assert len(widgets) > 10
    forged = [s for m in widgets.values() if not takes_any_text(m) for s in forge(m)]
    send(app, forged)
    assert read_settings(app) == before

    texts = [m.id for m in widgets.values() if takes_any_text(m)]
    send(app, [WidgetState(id=widget, string_value="[a](//evil.example) $x$") for widget in texts])
    for metadata in widgets.values():
        for name in (metadata.callbacks or {}).keys() - {"mode"}:  # which does nothing
            for value in VALUES[:5] if name == "choice" else VALUES:
                event = json.dumps([{"event": name, "value": value}])
                send(app, [WidgetState(id=metadata.id, json_trigger_value=event)])
    assert read_settings(app).keys() >= before.keys()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def make_metadata(widget: Any, **more: Any) -> WidgetMetadata[Any]:
    return WidgetMetadata("w", widget.deserialize, widget.serialize, **more)


def test_buttons_of_which_one_is_pressed_cannot_be_let_go() -> None:
    """And those of which several can, can."""
    options: dict[str, Any] = {
        "formatted_options": ["a", "b"],
        "formatted_option_to_option_index": {"a": 0, "b": 1},
    }
    several = {"value_type": "string_array_value", "formatted_options": ["a", "b"]}
    one = make_metadata(
        _SingleSelectButtonGroupSerde([1, 2], **options), **several, max_array_length=1
    )
    many = make_metadata(_MultiSelectButtonGroupSerde([1, 2], **options), **several)
    for texts, by_one, by_many in (
        (["a"], True, True),
        ([], False, True),
        (["a", "b"], False, True),
        (["a", "a"], False, False),
        (["c"], False, False),
    ):
        state = WidgetState(id="w")
        state.string_array_value.data.extend(texts)
        state.string_array_value.SetInParent()
        assert (is_possible(state, one), is_possible(state, many)) == (by_one, by_many), texts


def test_a_slider_takes_what_it_offers() -> None:
    widget = SliderSerde([5.0], SliderProto.INT, True, None, 1.0, 9.0)
    slider = make_metadata(widget, value_type="double_array_value")
    for numbers, possible in (([1.0], True), ([9.0], True), ([0.0], False), ([2.5], False)):
        state = WidgetState(id="w")
        state.double_array_value.data.extend(numbers)
        assert is_possible(state, slider) is possible, numbers
