"""Presenting a page: what arrows go through, and the address of each step, in full and short."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from gradflow.core import codec
from gradflow.core.presets import PRESET_GROUPS, PRESETS
from gradflow.core.sweep.phase_presets import PHASE_PRESETS
from gradflow.core.teaching.descent_presets import PRESETS as DESCENTS
from gradflow.core.teaching.initialization.presets import LAYER_PRESETS
from gradflow.core.training.presets import TRAINING_PRESETS
from gradflow.core.verdict import Verdict
from gradflow.ui.activations.views import VIEWS as ACTIVATIONS
from gradflow.ui.backprop.examples import EXAMPLES
from gradflow.ui.your_model.gallery import GALLERY
from tests.pages.apptest import check_works, list_charts, open_link, read_url
from tests.pages.training import find_session, press, wait_for_end

PRESENTED = {"present": "1"}
EXPLORED = [PRESETS[code].label for codes in PRESET_GROUPS.values() for code in codes]
PAGES = [
    ("explore", {}, EXPLORED, "Deep sigmoid network"),
    ("diagnoses", {"about": "dead"}, len(Verdict), "Dead units"),
    ("descent", {}, [preset.label for preset in DESCENTS.values()], "Vanishing: A to B"),
    (
        "backprop",
        {"part": "chain"},
        [example.label for example in EXAMPLES.values()],
        "Sigmoid: vanishes",
    ),
    ("backprop", {"part": "network", "step": "3"}, 20, "Forward: the pre-activations z of layer 2"),
    ("activations", {}, [row.title for row in ACTIVATIONS.values()], "Functions and slopes"),
    (
        "initialization",
        {},
        [preset.label for preset in LAYER_PRESETS.values()],
        "Ten tanh layers, σ = 0.01",
    ),
    ("initialization", {"view": "gains"}, 4, "Gains"),
    ("normalization", {"view": "batch"}, 9, "One batch"),
    ("degradation", {"view": "identity"}, 4, None),
    ("recurrent", {"view": "time"}, 7, "tanh RNN, PyTorch default"),
    ("compare", {}, 6, None),
    ("your_model", {}, [item.title for item in GALLERY.values()], "ResNet-34, shortcut forgotten"),
    (
        "phase",
        {},
        [preset.label for preset in PHASE_PRESETS.values()],
        "Tanh: weights against biases",
    ),
]


def read_lesson(app: AppTest) -> tuple[list[dict[str, Any]], int | None]:
    lessons = [
        json.loads(c.proto.json) for c in app.get("bidi_component") if c.key == "present_steps"
    ]
    assert len(lessons) == 1
    return lessons[0]["steps"], lessons[0]["current"]


@pytest.mark.parametrize(("page", "query", "titles", "current"), PAGES, ids=str)
def test_each_step_of_a_page_is_an_address(
    app: AppTest, page: str, query: dict[str, str], titles: list[str] | int, current: str | None
) -> None:
    open_link(app, page, query | PRESENTED)
    steps, at = read_lesson(app)
    if isinstance(titles, list):
        assert [step["title"] for step in steps] == titles
    assert len(steps) == (len(titles) if isinstance(titles, list) else titles)
    if current is not None:
        assert at is not None
        assert steps[at]["title"] == current
    last = steps[-1]
    open_link(app, page, last["query"] | PRESENTED)
    assert read_lesson(app) == (steps, len(steps) - 1)
    assert read_url(app) == last["query"] | PRESENTED
    # The link for phones leads to the same, without the presentation.
    assert len(last["short"]) <= len(last["query"])
    open_link(app, page, last["short"])
    assert read_url(app) == last["query"]


def test_links_of_explore_are_short_enough_for_a_camera(app: AppTest) -> None:
    open_link(app, "explore", PRESENTED)
    steps, _at = read_lesson(app)
    assert steps[0]["short"] == {"activation": "sigmoid", "depth": "24"}
    experiments = [PRESETS[code].experiment for codes in PRESET_GROUPS.values() for code in codes]
    for step, experiment in zip(steps, experiments, strict=True):
        assert step["query"] == codec.to_query(experiment)
        assert codec.from_query(step["short"]) == experiment
        assert len("&".join(map("=".join, step["short"].items()))) < 200


def test_training_goes_through_its_presets(app: AppTest) -> None:
    open_link(app, "training", {"preset": "sigmoid_twin"} | PRESENTED)
    steps, at = read_lesson(app)
    assert [step["query"]["preset"] for step in steps] == list(TRAINING_PRESETS)
    assert at == 0


@pytest.mark.usefixtures("stop_runs")
def test_a_preset_takes_the_place_of_other_runs(app: AppTest) -> None:
    open_link(app, "training", {"depth": "2", "width": "8", "batch_size": "16", "steps": "4"})
    press(app, "play")
    wait_for_end(app)
    assert "run" in read_url(app)
    open_link(app, "training", {"preset": "sigmoid_twin"} | PRESENTED)
    loss = next(chart for chart in list_charts(app) if chart.head["name"] == "training_learning")
    assert "Sigmoid" in json.dumps(loss.spec)
    assert find_session(app).earlier


def test_a_page_that_is_not_presented_has_no_steps(app: AppTest) -> None:
    check_works(app.run())
    assert [c.key for c in app.get("bidi_component") if "present" in str(c.key)] == ["present"]
    assert "present" not in read_url(app)
