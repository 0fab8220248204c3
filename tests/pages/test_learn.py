"""The lessons without a browser: predict, run, why, links, forged links and events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from gradflow.core import codec
from gradflow.core.lessons.schema import load_lessons
from gradflow.core.lessons.subjects import Measure
from tests.pages.apptest import (
    check_works,
    list_charts,
    open_link,
    read_boxes,
    read_markdown,
    read_url,
    send_event,
)

LESSONS = load_lessons()


def open_page(app: AppTest, **query: str) -> AppTest:
    return open_link(app, "learn", query)


def find_component(app: AppTest, name: str) -> Any:
    elements = [e.proto for e in app.get("bidi_component")]
    return next((e for e in elements if e.component_name == name), None)


def read_choices(app: AppTest) -> dict[str, Any]:
    return dict(json.loads(find_component(app, "gradflow_predict").json))


def predict(app: AppTest, value: object, event: str = "run") -> AppTest:
    component = find_component(app, "gradflow_predict").id
    return check_works(send_event(app, component, event, value).run())


def test_it_opens_with_a_question_and_no_answer(app: AppTest) -> None:
    open_page(app)
    assert read_url(app) == {"lesson": "slopes"}
    choices = read_choices(app)
    assert [choice["label"] for choice in choices["choices"]][2] == "×0.25"
    assert choices["chosen"] == ""
    assert not list_charts(app)
    assert "12 sigmoid layers" in read_markdown(app)


def test_a_prediction_is_made_then_run(app: AppTest) -> None:
    open_page(app)
    predict(app, "4", "choice")
    assert read_choices(app)["chosen"] == "4"
    assert not list_charts(app)
    predict(app, "4")
    assert read_url(app) == {"lesson": "slopes", "answers": "slopes.4"}
    assert "You predicted ×1; the run is nearest to ×0.25." in read_boxes(app)
    names = [trace["name"] for trace in list_charts(app)[0].spec["data"]]
    assert names == ["×0.25", "×1", "the run"]
    app.button("learn_again").click()
    check_works(app.run())
    assert read_url(app) == {"lesson": "slopes"}
    predict(app, "2")
    assert "You predicted ×0.25: that is right." in read_boxes(app)
    app.button("learn_next").click()
    check_works(app.run())
    assert read_url(app) == {"lesson": "weights", "answers": "slopes.2"}
    predict(app, "tanh")
    assert read_url(app)["answers"] == "slopes.2~weights.tanh"
    app.button("learn_draw").click()
    check_works(app.run())
    assert read_url(app)["seed"] == "2"


@pytest.mark.parametrize("code", ["weights", "relu", "time", "optimizers"])  # one per measure
def test_a_link_shows_the_run_over_the_prediction(app: AppTest, code: str) -> None:
    lesson = LESSONS[code]
    open_page(app, lesson=code, answers=f"{code}.{lesson.truth.code}")
    assert "that is right" in read_boxes(app)
    traces = [t for t in list_charts(app)[0].spec["data"] if t["name"] != "marks"]
    assert len(traces) == 1 + len(lesson.options)
    assert traces[-1]["name"] == "the run"
    links = [link.proto for link in app.get("page_link")]
    (own,) = [link for link in links if link.label.startswith("Try it")]
    assert own.page.endswith(
        {Measure.TIME: "recurrent", Measure.LOSS: "training", Measure.DEAD: "training"}.get(
            lesson.measure, ""
        )
    )


def test_try_it_opens_the_very_state(app: AppTest) -> None:
    open_page(app, lesson="weights", answers="weights.same")
    links = [link.proto for link in app.get("page_link")]
    (own,) = [link for link in links if link.label == "Try it in Explore"]
    query = dict(part.split("=") for part in own.query_string.split("&"))
    assert codec.from_query(query) == LESSONS["weights"].make_subject(1)


def test_a_sick_network_is_cured(app: AppTest) -> None:
    open_page(app, lesson="cure", seed="2")
    assert [trace["name"] for trace in list_charts(app)[0].spec["data"]] == ["as it is"]
    app.get("button_group")[0].set_value(["rate"])
    check_works(app.run())
    app.button("learn_train").click()
    check_works(app.run())
    assert "Not yet" in read_boxes(app)
    app.get("button_group")[0].set_value(["selu"])
    check_works(app.run())
    app.button("learn_train").click()
    check_works(app.run())
    assert "It trains: the loss falls" in read_boxes(app)
    assert read_url(app)["answers"] == "cure.selu"
    app.button("learn_other").click()
    check_works(app.run())
    assert "answers" not in read_url(app)
    assert app.get("button_group")[0].value == []
    app.button("learn_show").click()
    check_works(app.run())
    assert "cures make it train" in read_markdown(app)


def test_a_presenter_asks_again_and_shows_the_run_by_the_next_step(app: AppTest) -> None:
    open_page(app, lesson="weights", answers="weights.same", present="1")
    assert not list_charts(app)
    steps = [
        json.loads(e.proto.json) for e in app.get("bidi_component") if e.key == "present_steps"
    ]
    following = steps[0]["steps"][steps[0]["current"] + 1]
    assert following["short"] == {"lesson": "weights"}  # phones predict for themselves
    open_page(app, **following["query"], present="1")
    assert list_charts(app)
    assert "You predicted" not in read_boxes(app)


@pytest.mark.parametrize("value", [None, 7, "", "9", "same", ["2"], {"a": 1}, "<b>", "x" * 5000])
@pytest.mark.parametrize("event", ["choice", "run"])
def test_a_forged_prediction_counts_as_none(app: AppTest, value: object, event: str) -> None:
    open_page(app)
    predict(app, value, event)
    assert read_url(app) == {"lesson": "slopes"}
    assert read_choices(app)["chosen"] == ""


@pytest.mark.parametrize(
    "query", [{"lesson": "unheard"}, {"answers": "relu.9"}, {"lesson": "cure", "seed": "0"}]
)
def test_a_forged_link_says_what_is_wrong(app: AppTest, query: dict[str, str]) -> None:
    open_page(app, **query)
    assert "is not allowed" in app.error[0].value


def test_cures_of_a_link_that_do_not_apply_are_an_error(app: AppTest) -> None:
    open_page(app, lesson="cure", answers="cure.unheard")
    assert "unheard" in app.error[0].value
