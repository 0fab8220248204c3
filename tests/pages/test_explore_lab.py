"""Explore explains and cures: theory, seeds, causes, remedies."""

from urllib.parse import parse_qsl

import numpy as np
import pytest
from numpy.testing import assert_allclose
from streamlit.testing.v1 import AppTest

import gradflow as gf
from gradflow.core import codec
from gradflow.core.ensemble import run_seeds
from gradflow.core.theory import predict
from tests.charts.figures import decode, find_traces
from tests.pages.apptest import (
    Toolbar,
    check_works,
    list_charts,
    press_in_line,
    press_panel,
    read_chart,
    read_findings,
    read_panels,
    read_url,
)

SMALL = gf.Experiment(network=gf.MLP(depth=6, width=64), data=gf.Data(batch_size=64))
SIGMOID = gf.Experiment(
    network=gf.MLP(depth=12, width=64, activation="sigmoid"), data=gf.Data(batch_size=64)
)


def open_page(app: AppTest, experiment: gf.Experiment) -> AppTest:
    for name, value in codec.to_query(experiment).items():
        app.query_params[name] = value
    return check_works(app.run())


def test_theory_is_drawn_until_it_is_switched_off(app: AppTest) -> None:
    open_page(app, SMALL)
    report = gf.run(SMALL)
    (line,) = find_traces(read_chart(app), name="theory on top")
    expected = predict(SMALL, report).delta_norm / np.sqrt(
        [report.histogram("delta", n).total for n in report.layers["layer"]]
    )
    assert_allclose(decode(line["y"]), np.log10(expected), rtol=1e-6)
    assert any("χ₁" in text.value for text in app.markdown)
    Toolbar(app).set(theory=False)
    assert not find_traces(read_chart(app), name="theory on top")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"initialization": "constant"}, "No theory"),
        ({"width": 16}, "wide layers"),
    ],
)
def test_where_theory_does_not_hold_the_page_says_why(app: AppTest, settings, words) -> None:
    open_page(app, gf.Experiment(network=gf.MLP(**{"depth": 6, "width": 64} | settings)))
    assert any(words in text.value for text in app.markdown)


def test_seeds_give_a_band(app: AppTest) -> None:
    open_page(app, SMALL)
    assert not find_traces(read_chart(app), name="seeds band")
    Toolbar(app).set(seeds=8)
    (band,) = find_traces(read_chart(app), name="seeds band")
    low, _middle, high = run_seeds(SMALL, 8).band("delta_norm")
    size = np.sqrt([64 * 64] * 5 + [64 * 10])
    upper = decode(band["y"])[:6]
    assert_allclose(upper, np.log10(high / size), rtol=1e-5)
    assert_allclose(decode(band["y"])[6:12][::-1], np.log10(low / size), rtol=1e-5)


def test_causes_and_lessons(app: AppTest) -> None:
    open_page(app, SIGMOID)
    assert "at most 1/4" in read_findings(app)
    finding = list_charts(app)[0].head["findings"][0]
    assert finding["lesson"] == "Learn why: Vanishing"
    press_in_line(app, kind="lesson", verdict=finding["verdict"])
    assert "vanishing" in str(app.query_params)


def test_cures_are_tried_applied_and_undone(app: AppTest) -> None:
    open_page(app, SIGMOID)
    before = read_url(app)
    assert read_panels(app) is None
    press_in_line(app, kind="cures")
    data = read_panels(app)
    assert data is not None
    first = data["cures"][0]
    assert first["helped"]
    assert first["cost"]
    press_panel(app, "apply", first["code"])
    assert read_url(app) == dict(parse_qsl(first["setting"])) != before
    after = gf.run(codec.from_query(read_url(app)))
    norm = after.layers["delta_norm"][:-1]
    assert norm.max() / norm.min() < 10
    # What is drawn over the figure in advance is what is measured then.
    assert 10 ** np.array(first["levels"]) == pytest.approx(after.layers["delta_rms"], rel=1e-3)
    assert read_panels(app) is None  # those cures were for the old setting
    press_in_line(app, kind="undo")
    assert read_url(app) == before
    assert read_panels(app) == data
    press_in_line(app, kind="undo")
    assert read_url(app) == before


def test_a_change_after_a_cure_is_not_undone_with_it(app: AppTest) -> None:
    open_page(app, SIGMOID)
    press_in_line(app, kind="cures")
    data = read_panels(app)
    assert data is not None
    press_panel(app, "apply", data["cures"][0]["code"])
    Toolbar(app).set(depth=5)
    changed = read_url(app)
    press_in_line(app, kind="undo")
    assert read_url(app) == changed


@pytest.mark.parametrize("code", ["../x", None, 7, [], {}])
def test_a_forged_cure_is_not_applied(app: AppTest, code: object) -> None:
    open_page(app, SIGMOID)
    press_in_line(app, kind="cures")
    before = read_url(app)
    press_panel(app, "apply", code)
    assert read_url(app) == before


def test_a_cure_of_the_steps_opens_a_training_with_it(app: AppTest) -> None:
    open_page(app, SIGMOID)
    press_in_line(app, kind="cures")
    press_panel(app, "apply", "adam")
    assert read_url(app)["optimizer"] == "adam"
    assert read_url(app)["activation"] == "sigmoid"


def test_cures_are_closed_again(app: AppTest) -> None:
    open_page(app, SIGMOID)
    press_in_line(app, kind="cures")
    press_panel(app, "close", True)
    assert read_panels(app) is None


@pytest.mark.parametrize("action", [{"kind": "lesson", "verdict": "../x"}, {"kind": 3}, [], "x", 7])
def test_a_forged_press_does_nothing(app: AppTest, action: object) -> None:
    open_page(app, SMALL)
    before = read_url(app)
    press_in_line(app, action)
    assert read_url(app) == before
    assert not app.error


def test_clipping_is_said_where_the_norm_stands(app: AppTest) -> None:
    open_page(app, gf.Experiment(network=SMALL.network, data=SMALL.data, clip_norm=1e-3))
    line = next(text for text in app.markdown if "gf-numbers" in text.value)
    assert "clipped" in line.proto.help
