"""The Compare page, run without a browser: columns, URL, files, errors."""

import dataclasses
from urllib.parse import parse_qsl, urlencode

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import gradflow as gf
from gradflow.core import codec
from gradflow.core.presets import PRESETS
from tests.charts.figures import decode
from tests.pages.apptest import chart, charts, url, working
from tests.pages.conftest import MAIN

PAGE = "../../pages/compare.py"
SMALL = gf.Experiment(network=gf.MLP(depth=5, width=16), data=gf.Data(batch_size=32))


def text(experiment: gf.Experiment) -> str:
    return urlencode(codec.to_query(experiment))


def opened(app: AppTest, **query: str) -> AppTest:
    """The page as a link opens it."""
    app.run()
    app.switch_page(PAGE)
    app.query_params.clear()
    for name, value in query.items():
        app.query_params[name] = value
    return working(app.run())


def of(app: AppTest, letter: str) -> dict[str, str]:
    return dict(parse_qsl(url(app)[letter]))


def widget(app: AppTest, kind: str, letter: str, name: str):
    return getattr(app, kind)(key=f"compare_{letter}_{name}")


def lines(app: AppTest) -> dict[str, np.ndarray]:
    """The gradient norms that the figure shows, by letter."""
    figure = chart(app)
    return {
        t["name"][3]: 10 ** decode(t["y"]) for t in figure["data"] if t["name"].startswith("<b>")
    }


def norms(experiment: gf.Experiment) -> np.ndarray:
    return gf.run(experiment).layers["delta_norm"].to_numpy()


def with_network(**network) -> gf.Experiment:
    return SMALL.model_copy(update={"network": gf.MLP(**network)})


def upload(app: AppTest, *files: tuple[str, str | bytes]) -> AppTest:
    sent = [
        (name, body if isinstance(body, bytes) else body.encode(), "application/json")
        for name, body in files
    ]
    app.file_uploader[0].set_value(sent)
    return working(app.run())


def messages(app: AppTest) -> str:
    return " ".join(
        box.value.replace("\\", "") for kind in ("error", "info") for box in app.get(kind)
    )


def test_starts_from_the_setting_of_explore(app: AppTest) -> None:
    for name, value in codec.to_query(SMALL).items():
        app.query_params[name] = value
    app.run()
    app.selectbox(key="setting_activation").set_value("sigmoid").run()
    app.query_params.clear()  # as a click on the page's link does
    app.switch_page(PAGE).run()
    expected = with_network(depth=5, width=16, activation="sigmoid")
    assert url(working(app)) == {"a": text(expected)}
    assert lines(app).keys() == {"A"}
    assert lines(app)["A"] == pytest.approx(norms(expected))


def test_a_copy_is_changed_and_only_it_moves(app: AppTest) -> None:
    opened(app, a=text(SMALL))
    app.button(key="add_copy").click().run()
    before = lines(working(app))
    assert before["B"] == pytest.approx(before["A"])
    widget(app, "selectbox", "b", "activation").set_value("relu").run()
    after = lines(working(app))
    assert after["A"] == pytest.approx(before["A"], rel=1e-6)
    assert after["B"] == pytest.approx(norms(with_network(depth=5, width=16, activation="relu")))
    assert of(app, "b")["activation"] == "relu"
    assert of(app, "a") == codec.to_query(SMALL)
    assert "seed" not in of(app, "b")  # it is A's
    placeholders = [field.placeholder for field in app.text_input]
    assert "ReLU" in placeholders
    numbers = app.dataframe[0].value
    assert list(numbers.columns) == ["Measure", "A", "B"]
    assert app.dataframe[1].value["B"].tolist() == ["ReLU"]


def test_data_and_seed_of_a_are_those_of_all(app: AppTest) -> None:
    opened(app, a=text(SMALL), b="depth=3&width=16")
    app.number_input(key="compare_a_seed").set_value(7).run()
    other = SMALL.model_copy(update={"seed": 7})
    assert lines(working(app))["A"] == pytest.approx(norms(other))
    assert lines(app)["B"] == pytest.approx(
        norms(other.model_copy(update={"network": gf.MLP(depth=3, width=16)}))
    )
    assert of(app, "a")["seed"] == "7"


def test_presets_give_their_network(app: AppTest) -> None:
    opened(app, a=text(SMALL))
    assert "float16_underflow" not in app.selectbox(key="add_preset").options
    app.selectbox(key="add_preset").set_value("deep_sigmoid").run()
    network = PRESETS["deep_sigmoid"].experiment.network
    assert lines(working(app))["B"] == pytest.approx(
        norms(SMALL.model_copy(update={"network": network}))
    )
    widget(app, "selectbox", "a", "preset").set_value("float16_underflow").run()
    assert of(working(app), "a") == codec.to_query(PRESETS["float16_underflow"].experiment)
    assert app.selectbox(key="compare_a_dtype").value == "float16"


def test_two_to_four_and_removing_one(app: AppTest) -> None:
    opened(app, a=text(SMALL))
    for _letter in "bcd":
        app.button(key="add_copy").click().run()
    assert list(url(working(app))) == ["a", "b", "c", "d"]
    assert not app.file_uploader  # four is enough
    widget(app, "number_input", "c", "depth").set_value(3).run()
    app.button(key="remove_b").click().run()
    assert list(url(working(app))) == ["a", "c", "d"]
    assert len(lines(app)["C"]) == 3  # it keeps its letter and its setting
    app.button(key="add_copy").click().run()
    assert len(lines(working(app))["B"]) == 5


def test_url_restores_all(app: AppTest) -> None:
    relu = with_network(depth=9, width=16, activation="leaky_relu", negative_slope=0.3)
    widths = with_network(widths=(20, 30))
    alone = gf.Experiment(network=gf.MLP(depth=4, width=16), seed=5)
    query = {"a": text(SMALL), "b": text(relu), "c": text(widths), "d": text(alone)}
    opened(app, **query, c_name="<b>mine</b>")
    drawn = lines(app)
    for letter, experiment in zip("ABCD", (SMALL, relu, widths, alone), strict=True):
        assert drawn[letter] == pytest.approx(norms(experiment))
    assert "Seed 5 instead of 0" in messages(app)
    assert not app.error
    again = opened(AppTest.from_file(MAIN, default_timeout=60), **url(app))
    assert url(again) == url(app)
    assert lines(again).keys() == set("ABCD")
    assert widget(again, "text_input", "c", "name").value == "<b>mine</b>"
    again.button(key="share_d").click().run()
    assert lines(working(again))["D"] == pytest.approx(
        norms(SMALL.model_copy(update={"network": alone.network}))
    )


def test_another_link_in_the_same_session_is_followed(app: AppTest) -> None:
    opened(app, a=text(SMALL), b="depth=3&width=16", b_name="old")
    app.query_params["b"] = "depth=2&width=16"
    del app.query_params["b_name"]
    assert len(lines(working(app.run()))["B"]) == 2
    assert widget(app, "text_input", "b", "name").value == ""
    app.query_params.clear()  # back from another page
    assert lines(working(app.run())).keys() == set("AB")
    assert list(url(app)) == ["a", "b"]


def test_a_name_of_its_own_and_back(app: AppTest) -> None:
    opened(app, a=text(SMALL))
    widget(app, "text_input", "a", "name").set_value("teacher").run()
    assert url(working(app))["a_name"] == "teacher"
    widget(app, "text_input", "a", "name").set_value("").run()
    assert "a_name" not in url(working(app))


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
    opened(app, a=text(SMALL), b=bad, c="depth=3&width=16")
    assert all(word in messages(app) for word in words), messages(app)
    assert "Traceback" not in messages(app)
    drawn = lines(app)
    assert drawn["A"] == pytest.approx(norms(SMALL))
    assert len(drawn["C"]) == 3
    assert "B" in drawn
    widget(app, "number_input", "b", "depth").set_value(4).run()
    assert not working(app).error


def test_a_setting_that_becomes_impossible_keeps_its_last_picture(app: AppTest) -> None:
    opened(app, a=text(SMALL), b="depth=3&width=16&normalization=batch")
    before = lines(app)
    widget(app, "text_input", "b", "widths").set_value("9-0").run()
    assert "widths" in messages(working(app))
    assert lines(app)["B"] == pytest.approx(before["B"])
    widget(app, "text_input", "b", "widths").set_value("").run()
    assert not working(app).error
    app.number_input(key="compare_a_batch_size").set_value(1).run()  # too few for B alone
    assert "batch_size" in messages(working(app))
    assert lines(app).keys() == {"A"}
    assert of(app, "b")["normalization"] == "batch"
    app.number_input(key="compare_a_batch_size").set_value(32).run()
    assert lines(working(app))["B"] == pytest.approx(before["B"])


def test_a_saved_report_is_shown_as_saved_and_can_become_a_setting(app: AppTest) -> None:
    saved = gf.Experiment(network=gf.MLP(depth=6, width=8), data=gf.Data(batch_size=20), seed=3)
    report = gf.run(saved)
    marked = report.layers.assign(delta_norm=report.layers["delta_norm"] * 1.5)
    report = dataclasses.replace(report, layers=marked)
    upload(opened(app, a=text(SMALL)), ("run.json", report.to_json()))
    assert lines(app)["B"] == pytest.approx(1.5 * norms(saved))  # the file's, not computed
    assert "Batch size 20 instead of 32" in messages(app)
    assert of(app, "b") == codec.to_query(saved)
    assert app.file_uploader[0].value == []
    app.button(key="edit_b").click().run()
    assert lines(working(app))["B"] == pytest.approx(norms(saved))
    widget(app, "number_input", "b", "depth").set_value(2).run()
    assert len(lines(working(app))["B"]) == 2


def test_damaged_files_are_refused_and_lose_nothing(app: AppTest) -> None:
    opened(app, a=text(SMALL), b="depth=3&width=16")
    good = dataclasses.replace(gf.run(SMALL), experiment=None, title="a model of mine")
    cut = good.to_json()[:-200]
    upload(
        app, ("cut.json", cut), ("a_*b*.json", "{}"), ("x.json", b"\xff\x00"),
        ("good.json", good.to_json()), ("more.json", good.to_json()), ("full.json", good.to_json()),
    )  # fmt: skip
    words = messages(app)
    assert all(name in words for name in ("cut.json", "a_*b*.json", "x.json", "full.json"))
    assert "not JSON" in words
    assert "room for four" in words
    assert "Traceback" not in words
    assert lines(app).keys() == set("ABCD")
    assert len(lines(app)["B"]) == 3
    assert "not in the address" in words
    assert list(url(app)) == ["a", "b"]
    assert "a model of mine" in [field.placeholder for field in app.text_input]


def test_missing_gpu_is_explained(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    opened(app, a=text(SMALL.model_copy(update={"device": "cuda", "seed": 78})))
    assert "cuda" in messages(app)
    assert "None of the settings" in messages(app)


@pytest.mark.parametrize("tab", ["Distributions", "Forward signal", "Export"])
def test_each_tab(app: AppTest, tab: str) -> None:
    opened(app, a=text(SMALL), b="depth=3&width=16&activation=relu")
    app.session_state["compare_details"] = tab
    working(app.run())
    if tab == "Export":
        assert len(app.get("download_button")) == 4
    else:
        assert len(charts(app)) == 2


def test_without_controls_nothing_else_changes(app: AppTest) -> None:
    opened(app, a=text(SMALL), b="depth=3&width=16")
    before, address = lines(app), url(app)
    app.toggle(key="compare_controls").set_value(False).run()
    assert not [w for w in working(app).selectbox if w.key == "compare_b_activation"]
    assert url(app) == address
    assert lines(app)["B"] == pytest.approx(before["B"])
