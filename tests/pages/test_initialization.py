"""The page on initialization: every view, its controls, its URL, and the way to Explore."""

import pytest
from streamlit.testing.v1 import AppTest

from gradflow.core.catalog import Activation
from gradflow.core.teaching.initialization.presets import LAYER_PRESETS
from gradflow.ui.initialization.state import PAGE, InitializationView
from gradflow.ui.initialization.views import VIEWS
from tests.charts.figures import decode, find_traces, read_words
from tests.pages.apptest import (
    check_works,
    open_link,
    read_chart,
    read_findings,
    read_markdown,
    read_url,
    send_event,
)


def open_page(app: AppTest, **query: str) -> AppTest:
    return check_works(open_link(app, "initialization", query))


def change_in_toolbar(app: AppTest, **changes: object) -> None:
    toolbar = next(
        e.proto for e in app.get("bidi_component") if "initialization_toolbar" in e.proto.id
    )
    check_works(send_event(app, toolbar.id, "change", changes).run())


def test_every_view_has_a_title_and_a_form() -> None:
    assert set(VIEWS) == set(PAGE.forms) == set(InitializationView)


def test_ten_layers(app: AppTest) -> None:
    open_page(app)
    assert (read_url(app)["view"], read_url(app)["init_std"]) == ("layers", "0.01")
    assert "Look for" in read_markdown(app)
    assert "Vanishing" in read_findings(app)
    (bars,) = find_traces(read_chart(app), name="n·Var(W)·E φ′²")
    assert (decode(bars["y"]) < -1).all()
    change_in_toolbar(app, init_std=1.0)
    (bars,) = find_traces(read_chart(app), name="n·Var(W)·E φ′²")
    assert (decode(bars["y"])[:-1] > 0.5).all()
    assert "Exploding" in read_findings(app)
    assert app.selectbox(key="initialization_preset").value == "tanh_large"
    change_in_toolbar(app, initialization="xavier_normal")
    assert read_url(app)["initialization"] == "xavier_normal"
    app.selectbox(key="initialization_preset").set_value("relu_he")
    check_works(app.run())
    assert read_url(app)["activation"] == "relu"
    next(b for b in app.button if "Explore" in b.label).click()
    check_works(app.run())
    assert app.session_state["setting"]["initialization"] == "kaiming_normal"
    assert app.session_state["setting"]["widths"] == LAYER_PRESETS["relu_he"].experiment.mlp.widths


def test_a_view_without_settings_opens_as_a_new_session(app: AppTest) -> None:
    open_page(app, view="layers")
    assert read_url(app)["init_std"] == "0.01"
    assert not app.error


def test_the_derivation(app: AppTest) -> None:
    open_page(app, view="variance")
    assert "One product" in read_markdown(app)
    assert "0.00125" in app.latex[0].value
    lines = len(read_chart(app)["data"])
    app.slider(key="initialization_variance_step").set_value(6)
    app.selectbox(key="initialization_variance_law").set_value("xavier")
    check_works(app.run())
    assert r"\frac{2}{800+300} = 0.001818" in app.latex[0].value
    assert len(read_chart(app)["data"]) == 2 * lines
    assert "<b>Xavier" in read_words(read_chart(app))
    assert read_url(app)["step"] == "6"
    assert "0.727" in read_markdown(app)  # 800 · 2/1100 · ½


def test_copies(app: AppTest) -> None:
    open_page(app, view="copies")
    assert "how many kinds" in read_markdown(app)  # asked before it is answered
    app.select_slider(key="initialization_copies_step").set_value(300)
    check_works(app.run())
    assert "After 300 steps" in read_markdown(app)
    names = read_chart(app)["layout"]["yaxis"]["ticktext"]
    assert ["1 kind" in name for name in names] == [True, True, False]
    app.selectbox(key="initialization_copies_activation").set_value(Activation.RELU)
    check_works(app.run())
    assert read_url(app)["activation"] == "relu"


def test_shapes_and_gains(app: AppTest) -> None:
    open_page(app, view="shapes")
    app.slider(key="initialization_shapes_layer").set_value(9)
    check_works(app.run())
    assert "weights of layer 9" in read_words(read_chart(app))
    assert read_url(app)["layer"] == "9"
    app.get("button_group")[0].set_value(InitializationView.GAINS)
    check_works(app.run())
    (four,) = find_traces(read_chart(app), name="Tanh × 4")
    height = decode(four["y"])
    assert height[0] > height[-2] + 1  # decades
    assert "4: × 1.53 per layer" in read_markdown(app)
    app.select_slider(key="initialization_gains_gain").set_value(1.0)
    check_works(app.run())
    (one,) = find_traces(read_chart(app), name="Tanh × 1")
    assert decode(one["y"])[0] < decode(one["y"])[-2]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"view": "variance", "fan_in": "5"}, ["fan_in", "from 10 to 1,000"]),
        ({"view": "variance", "law": "x"}, ["law", "lecun, xavier"]),
        ({"view": "layers", "activation": "x"}, ["activation"]),
    ],
)
def test_a_forged_link_is_explained(app: AppTest, query: dict[str, str], words: list[str]) -> None:
    open_link(app, "initialization", query)
    message = app.error[0].value.replace("\\", "")
    assert all(word in message for word in words)
