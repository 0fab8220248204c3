"""The Compare page, run without a browser: columns, URL, files, errors."""

import re
from urllib.parse import parse_qsl, urlencode

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import gradflow as gf
from gradflow.core import codec
from gradflow.core.presets import PRESETS
from gradflow.ui.compare.rival import find_rival
from tests.charts.figures import decode
from tests.pages.apptest import Toolbar, check_works, list_charts, open_link, read_chart, read_url
from tests.pages.conftest import MAIN

PAGE = "../../pages/compare.py"
SMALL = gf.Experiment(network=gf.MLP(depth=5, width=16), data=gf.Data(batch_size=32))


def write_link(experiment: gf.Experiment) -> str:
    return urlencode(codec.to_query(experiment))


def open_page(app: AppTest, **query: str) -> AppTest:
    return open_link(app, "compare", query)


def read_column(app: AppTest, letter: str) -> dict[str, str]:
    return dict(parse_qsl(read_url(app)[letter]))


def find_widget(app: AppTest, kind: str, letter: str, name: str):
    """Find a widget among the controls of a setting, which are opened for it."""
    return getattr(edit(app, letter), kind)(key=f"compare_{letter}_{name}")


def edit(app: AppTest, letter: str) -> AppTest:
    """Show the controls of a setting, those that are folded, too."""
    app.session_state["compare_edited"] = letter
    return open_box(app, f"compare_{letter}_more")


def open_box(app: AppTest, key: str) -> AppTest:
    app.session_state[key] = True
    return check_works(app.run())


def read_row(app: AppTest) -> str:
    """The row of cards as HTML."""
    (row,) = [h.proto.body for h in app.get("html") if 'class="gf-settings"' in h.proto.body]
    return str(row)


def read_cards(app: AppTest) -> list[str]:
    """The words of every card."""
    row = read_row(app)
    return [re.sub(r"<[^>]*>", " ", card) for card in row.split('role="listitem"')[1:]]


def read_lines(app: AppTest) -> dict[str, np.ndarray]:
    """The gradient norms that the figure shows, by letter."""
    figure = read_chart(app)
    return {
        t["name"][3]: 10 ** decode(t["y"]) for t in figure["data"] if t["name"].startswith("<b>")
    }


def compute_norms(experiment: gf.Experiment) -> np.ndarray:
    return gf.run(experiment).layers["delta_norm"].to_numpy()


def replace_network(**network) -> gf.Experiment:
    return SMALL.model_copy(update={"network": gf.MLP(**network)})


def read_messages(app: AppTest) -> str:
    boxes = [box.value.replace("\\", "") for kind in ("error", "info") for box in app.get(kind)]
    return " ".join([*boxes, *read_cards(app)])


def test_starts_from_the_setting_of_explore(app: AppTest) -> None:
    for name, value in codec.to_query(SMALL).items():
        app.query_params[name] = value
    app.run()
    Toolbar(app).set(activation="sigmoid")
    app.query_params.clear()  # as a click on the page's link does
    app.switch_page(PAGE).run()
    expected = replace_network(depth=5, width=16, activation="sigmoid")
    assert read_url(check_works(app))["a"] == write_link(expected)
    assert read_lines(app)["A"] == pytest.approx(compute_norms(expected))


def test_a_copy_is_changed_and_only_it_moves(app: AppTest) -> None:
    open_page(app, a=write_link(SMALL))
    app.button(key="add_copy").click().run()
    before = read_lines(check_works(app))
    assert before["B"] == pytest.approx(before["A"])
    find_widget(app, "selectbox", "b", "activation").set_value("relu").run()
    after = read_lines(check_works(app))
    assert after["A"] == pytest.approx(before["A"], rel=1e-6)
    assert after["B"] == pytest.approx(
        compute_norms(replace_network(depth=5, width=16, activation="relu"))
    )
    assert read_column(app, "b")["activation"] == "relu"
    assert read_column(app, "a") == codec.to_query(SMALL)
    assert "seed" not in read_column(app, "b")  # it is A's
    assert " ReLU" in read_cards(app)[1]
    numbers = app.dataframe[0].value
    assert list(numbers.columns) == ["Measure", "A", "B"]
    assert app.dataframe[1].value["B"].tolist() == ["ReLU"]


def test_data_and_seed_of_a_are_those_of_all(app: AppTest) -> None:
    open_page(app, a=write_link(SMALL), b="depth=3&width=16")
    open_box(app, "compare_shared")
    app.number_input(key="compare_a_seed").set_value(7).run()
    other = SMALL.model_copy(update={"seed": 7})
    assert read_lines(check_works(app))["A"] == pytest.approx(compute_norms(other))
    assert read_lines(app)["B"] == pytest.approx(
        compute_norms(other.model_copy(update={"network": gf.MLP(depth=3, width=16)}))
    )
    assert read_column(app, "a")["seed"] == "7"


def test_presets_give_their_network(app: AppTest) -> None:
    open_page(app, a=write_link(SMALL))
    open_box(app, "compare_add")
    assert "float16_underflow" not in app.selectbox(key="add_preset").options
    app.selectbox(key="add_preset").set_value("deep_sigmoid").run()
    network = PRESETS["deep_sigmoid"].experiment.network
    assert read_lines(check_works(app))["B"] == pytest.approx(
        compute_norms(SMALL.model_copy(update={"network": network}))
    )
    find_widget(app, "selectbox", "a", "preset").set_value("float16_underflow").run()
    assert read_column(check_works(app), "a") == codec.to_query(
        PRESETS["float16_underflow"].experiment
    )
    open_box(app, "compare_shared")
    assert app.selectbox(key="compare_a_dtype").value == "float16"


def test_two_to_four_and_removing_one(app: AppTest) -> None:
    open_page(app, a=write_link(SMALL))
    for _letter in "bcd":
        app.button(key="add_copy").click().run()
    assert list(read_url(check_works(app))) == ["a", "b", "c", "d"]
    assert "add_copy" not in [button.key for button in app.button]  # four is enough
    find_widget(app, "number_input", "c", "depth").set_value(3).run()
    edit(app, "b").button(key="remove_b").click().run()
    assert list(read_url(check_works(app))) == ["a", "c", "d"]
    assert len(read_lines(app)["C"]) == 3  # it keeps its letter and its setting
    app.button(key="add_copy").click().run()
    assert len(read_lines(check_works(app))["B"]) == 5


def test_url_restores_all(app: AppTest) -> None:
    relu = replace_network(depth=9, width=16, activation="leaky_relu", negative_slope=0.3)
    widths = replace_network(widths=(20, 30))
    alone = gf.Experiment(network=gf.MLP(depth=4, width=16), seed=5)
    query = {
        "a": write_link(SMALL),
        "b": write_link(relu),
        "c": write_link(widths),
        "d": write_link(alone),
    }
    open_page(app, **query, c_name="<b>mine</b>")
    drawn = read_lines(app)
    for letter, experiment in zip("ABCD", (SMALL, relu, widths, alone), strict=True):
        assert drawn[letter] == pytest.approx(compute_norms(experiment))
    assert "Seed 5 instead of 0" in read_messages(app)
    assert not app.error
    again = open_page(AppTest.from_file(MAIN, default_timeout=60), **read_url(app))
    assert read_url(again) == read_url(app)
    assert read_lines(again).keys() == set("ABCD")
    assert find_widget(again, "text_input", "c", "name").value == "<b>mine</b>"
    edit(again, "d").button(key="share_d").click().run()
    assert read_lines(check_works(again))["D"] == pytest.approx(
        compute_norms(SMALL.model_copy(update={"network": alone.network}))
    )


def test_another_link_in_the_same_session_is_followed(app: AppTest) -> None:
    open_page(app, a=write_link(SMALL), b="depth=3&width=16", b_name="old")
    app.query_params["b"] = "depth=2&width=16"
    del app.query_params["b_name"]
    assert len(read_lines(check_works(app.run()))["B"]) == 2
    assert find_widget(app, "text_input", "b", "name").value == ""
    app.query_params.clear()  # back from another page
    assert read_lines(check_works(app.run())).keys() == set("AB")
    assert list(read_url(app)) == ["a", "b"]


def test_a_name_of_its_own_and_back(app: AppTest) -> None:
    open_page(app, a=write_link(SMALL))
    find_widget(app, "text_input", "a", "name").set_value("teacher").run()
    assert read_url(check_works(app))["a_name"] == "teacher"
    find_widget(app, "text_input", "a", "name").set_value("").run()
    assert "a_name" not in read_url(check_works(app))


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("depth=0&width=16", ["depth", '"0"', "1 to 200"]),
        ("activation=swosh", ["activation", "swosh", "one of"]),
        ("garbage", ["garbage", "no such setting"]),
        ("depth=<script>alert(1)</script>", ["depth", "script"]),
        ("%FF=%00&&&=", ["no such setting"]),
        ("depth=200&width=4096&batch_size=1797", ["GiB"]),
    ],
)
def test_a_forged_column_is_explained_and_the_others_live(
    app: AppTest, bad: str, words: list[str]
) -> None:
    open_page(app, a=write_link(SMALL), b=bad, c="depth=3&width=16")
    assert all(word in read_messages(app) for word in words), read_messages(app)
    assert "Traceback" not in read_messages(app)
    drawn = read_lines(app)
    assert drawn["A"] == pytest.approx(compute_norms(SMALL))
    assert len(drawn["C"]) == 3
    assert "B" in drawn
    find_widget(app, "number_input", "b", "depth").set_value(4).run()
    assert not check_works(app).error


def test_a_setting_that_becomes_impossible_keeps_its_last_picture(app: AppTest) -> None:
    open_page(app, a=write_link(SMALL), b="depth=3&width=16&normalization=batch")
    before = read_lines(app)
    find_widget(app, "text_input", "b", "widths").set_value("9-0").run()
    assert "widths" in read_messages(check_works(app))
    assert read_lines(app)["B"] == pytest.approx(before["B"])
    find_widget(app, "text_input", "b", "widths").set_value("").run()
    assert not check_works(app).error
    open_box(app, "compare_shared")
    app.number_input(key="compare_a_batch_size").set_value(1).run()  # too few for B alone
    assert "batch_size" in read_messages(check_works(app))
    assert read_lines(app).keys() == {"A"}
    assert read_column(app, "b")["normalization"] == "batch"
    app.number_input(key="compare_a_batch_size").set_value(32).run()
    assert read_lines(check_works(app))["B"] == pytest.approx(before["B"])


def test_missing_gpu_is_explained(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    open_page(app, a=write_link(SMALL.model_copy(update={"device": "cuda", "seed": 78})))
    assert "cuda" in read_messages(app)
    assert "None of the settings" in read_messages(app)


@pytest.mark.parametrize("tab", ["Distributions", "Forward signal", "Export"])
def test_each_tab(app: AppTest, tab: str) -> None:
    open_page(app, a=write_link(SMALL), b="depth=3&width=16&activation=relu")
    app.session_state["compare_details"] = tab
    check_works(app.run())
    if tab == "Export":
        assert len(app.get("download_button")) == 4
    else:
        assert len(list_charts(app)) == 2


def test_controls_of_one_setting_at_a_time_and_the_others_stay(app: AppTest) -> None:
    open_page(app, a=write_link(SMALL), b="depth=3&width=16")
    before, address = read_lines(app), read_url(app)
    keys = [widget.key for widget in app.selectbox]
    assert "compare_b_activation" in keys  # the one that came last
    assert "compare_a_activation" not in keys
    edit(app, "a")
    keys = [widget.key for widget in app.selectbox]
    assert "compare_a_activation" in keys
    assert "compare_b_activation" not in keys
    assert read_url(app) == address
    assert read_lines(app)["B"] == pytest.approx(before["B"])


def test_cards_have_names_of_presets_until_the_network_changes(app: AppTest) -> None:
    open_page(app, a=write_link(SMALL))
    open_box(app, "compare_add")
    app.selectbox(key="add_preset").set_value("deep_sigmoid").run()
    label = PRESETS["deep_sigmoid"].label
    assert label in read_cards(check_works(app))[1]
    again = open_page(AppTest.from_file(MAIN, default_timeout=60), **read_url(app))
    assert label in read_cards(again)[1]  # a link says it, too
    find_widget(app, "number_input", "b", "depth").set_value(7).run()
    assert label not in read_cards(check_works(app))[1]


def test_a_card_says_what_became_of_the_gradient(app: AppTest) -> None:
    growing = PRESETS["deep_relu_batchnorm"].experiment
    open_page(app, a=write_link(growing), b="depth=5&width=16")
    norms = compute_norms(growing)[:-1]
    assert norms[0] / norms[-1] > 1000
    exploding, healthy = read_cards(app)
    assert "↗ Exploding" in exploding
    assert "→ Healthy" in healthy
    assert re.findall(r'data-severity="(\w+)"', read_row(app)) == ["bad", "good"]


def test_without_a_link_a_cured_network_stands_beside_that_of_explore(app: AppTest) -> None:
    cards = read_cards(check_works(app.switch_page(PAGE).run()))
    assert len(cards) == 2
    assert "↘ Vanishing" in cards[0]
    assert "→ Healthy" in cards[1]
    shared = {"source", "batch_size", "loss", "seed"}
    assert not shared & set(read_column(app, "b"))  # on the data of A
    opened = read_url(app)
    app.button(key="add_copy").click().run()
    assert len(read_cards(app)) == 3
    alone = open_page(AppTest.from_file(MAIN, default_timeout=60), a=opened["a"])
    assert len(read_cards(alone)) == 1  # what a link says is not added to


@pytest.mark.parametrize(
    ("preset", "rival"),
    [
        ("residual_sigmoid", "deep_sigmoid"),
        ("conv_residual", "conv_plain"),
        ("transformer_pre_norm", "transformer_bare"),
    ],
)
def test_the_rival_of_a_network_without_a_cure_is_a_preset(preset: str, rival: str) -> None:
    own = PRESETS[preset].experiment
    found = find_rival(own)
    assert found is not None
    assert found.network == PRESETS[rival].experiment.network
    assert found.data == own.data
