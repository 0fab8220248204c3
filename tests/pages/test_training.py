"""The page on training without a browser: buttons, settings, address, presets, files."""

from __future__ import annotations

import json
import threading
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from gradflow.core import codec
from gradflow.core.experiment import Experiment
from gradflow.core.training import Run, RunState, TrainingPlan
from gradflow.core.training.presets import TRAINING_PRESETS
from gradflow.ui.training.codec import UNUSED
from gradflow.ui.training.compute import EXAMPLE
from tests.charts.figures import decode, find_traces
from tests.pages.apptest import check_works, list_charts, read_boxes, read_chart, read_url
from tests.pages.training import (
    EXPERIMENT,
    TINY,
    find_control,
    find_group,
    find_presets,
    find_session,
    list_buttons,
    open_page,
    press,
    read_errors,
    read_prose,
    wait_for_end,
)

pytestmark = pytest.mark.usefixtures("stop_runs")


# --- buttons


def test_it_opens_on_a_run_and_trains_what_the_controls_say(app: AppTest) -> None:
    open_page(app, **TINY)
    assert find_session(app).group is None
    opening = read_chart(app)["data"]
    assert list_buttons(app) == ["play", "step"]
    press(app, "play")
    wait_for_end(app)
    assert [lane.state for lane in find_group(app).lanes] == [RunState.FINISHED]
    expected = Run.collect(EXPERIMENT, TrainingPlan(steps=6))
    (line,) = [
        t
        for t in find_traces(read_chart(app), yaxis="y")
        if t["line"]["dash"] == "solid" and len(t["x"]) > 1
    ]
    np.testing.assert_allclose(
        decode(line["y"]), np.log10(expected.table()["loss"]), rtol=1e-4, atol=1e-6
    )
    (heat,) = find_traces(read_chart(app, 1), type="heatmap")
    np.testing.assert_allclose(
        decode(heat["z"]), np.log10(expected.matrix("weight_grad_norm")), rtol=1e-3, atol=1e-5
    )
    assert "in 6 steps" in read_prose(app)
    assert "step 6 of 6 · ended" in read_prose(app)
    assert read_chart(app)["data"] == opening  # the same settings, trained for all beforehand


def test_without_a_network_of_ones_own_it_opens_on_the_example(app: AppTest) -> None:
    open_page(app)
    assert read_url(app) == {"preset": EXAMPLE}
    assert find_session(app).group is None
    example = TRAINING_PRESETS[EXAMPLE]
    assert example.look_for in read_prose(app)
    assert "Measured; the claim holds" in read_prose(app)
    assert len(find_traces(read_chart(app, 1), type="heatmap")) == len(example.runs)


def test_what_takes_long_is_not_trained_unasked(app: AppTest) -> None:
    open_page(app, depth="20", width="128", steps="20000", record_every="20")
    assert TRAINING_PRESETS[EXAMPLE].look_for in read_prose(app)
    assert read_url(app)["steps"] == "20000"  # the controls are those of the link
    assert app.button("training_play").label == "Train this network"


def test_step_pause_play_stop_reset(app: AppTest) -> None:
    open_page(app, **TINY | {"steps": "2000"})
    press(app, "step")
    wait_for_end(app)
    assert find_group(app).steps == (1, 2000)
    assert "paused" in read_prose(app)
    assert list_buttons(app) == ["play", "step", "stop", "reset"]
    press(app, "play")
    assert list_buttons(app) == ["pause", "stop", "reset"]
    press(app, "pause")
    assert not find_group(app).running
    reached = find_group(app).steps[0]
    press(app, "step")
    wait_for_end(app)
    assert find_group(app).steps[0] == reached + 1
    press(app, "stop")
    assert [lane.state for lane in find_group(app).lanes] == [RunState.STOPPED]
    assert "stopped by hand" in read_prose(app)
    assert len(list_charts(app)) >= 2  # what was recorded stays
    press(app, "reset")
    assert find_session(app).group is None
    assert [len(kept.run.records) for kept in find_session(app).earlier.values()] == [reached + 1]


def test_a_run_goes_on_on_other_pages_and_is_found_again(app: AppTest) -> None:
    open_page(app, **TINY | {"steps": "20000", "record_every": "1000"})
    press(app, "play")
    first = find_group(app)
    app.switch_page("../../pages/descent.py")
    app.query_params.clear()
    check_works(app.run())
    reached = first.steps[0]
    while first.steps[0] < reached + 3:
        threading.Event().wait(0.01)
    app.switch_page("../../pages/training.py")
    app.query_params.clear()
    check_works(app.run())
    assert find_group(app) is first
    assert "of 20000" in read_prose(app)
    assert read_url(app)["depth"] == "3"


def test_settings_changed_meanwhile_wait_for_the_next_run(app: AppTest) -> None:
    open_page(app, **TINY)
    press(app, "step")
    wait_for_end(app)
    assert "You changed the settings" not in read_boxes(app)
    find_control(app, "select_slider", "Learning rate η").set_value(0.5)
    check_works(app.run())
    assert read_url(app)["learning_rate"] == "0.5"
    assert "You changed the settings" in read_boxes(app)
    press(app, "reset")
    press(app, "step")
    wait_for_end(app)
    assert find_group(app).lanes[0].plan.learning_rate == 0.5
    assert "You changed the settings" not in read_boxes(app)


# --- settings and address


def test_the_address_restores_network_and_plan(app: AppTest) -> None:
    query = TINY | {
        "optimizer": "adam",
        "beta1": "0.8",
        "clip": "norm",
        "threshold": "0.3",
        "schedule": "cosine",
        "warmup_steps": "2",
        "seed": "7",
    }
    open_page(app, **query)
    assert not read_errors(app)
    assert {name: read_url(app)[name] for name in query} == query
    assert "momentum" not in read_url(app)
    assert "clip_norm" not in read_url(app)
    press(app, "step")
    wait_for_end(app)
    plan = find_group(app).lanes[0].plan
    assert (plan.optimizer, plan.beta1, plan.threshold, plan.warmup_steps) == ("adam", 0.8, 0.3, 2)
    experiment = find_group(app).setup.runs[0].experiment
    assert (experiment.seed, experiment.network.depth) == (7, 3)


def test_names_of_experiment_and_plan_do_not_clash() -> None:
    assert set(codec.list_field_names()) & set(TrainingPlan.model_fields) <= UNUSED
    assert set(Experiment.model_fields) >= UNUSED


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"optimizer": "magic"}, 'optimizer: "magic" is not allowed; choose one of sgd, momentum'),
        ({"steps": "0"}, 'steps: "0" is not allowed; choose a whole number from 1 to 20,000'),
        ({"learning_rate": "nan"}, "learning_rate"),
        ({"depth": "-1"}, 'depth: "-1" is not allowed'),
        ({"preset": "x"}, 'preset: "x" is not allowed; choose one of sigmoid_twin, clipping'),
        ({"preset": "clipping", "depth": "3"}, "depth: no effect beside preset"),
        ({"threshold": "2"}, "threshold"),
        ({"steps": "20000", "record_every": "1"}, "record_every: 1 would make 20,000 records"),
        ({"channels": "16"}, "Left out of this link: channels=16 (no effect with architecture="),
    ],
)
def test_forged_values_are_named_and_the_rest_stays_alive(
    app: AppTest, query: dict[str, str], message: str
) -> None:
    open_page(app, **query)
    assert message.replace("\\", "") in read_errors(app).replace("\\", "")
    assert not app.button("training_play").disabled


def test_what_cannot_be_trained_is_said_when_it_is_tried(app: AppTest) -> None:
    open_page(app, **TINY | {"dtype": "float16"})
    press(app, "play")
    assert "weights in float16 cannot be trained" in read_errors(app)
    assert find_session(app).group is None


def test_impossible_combinations_of_controls_name_the_field(app: AppTest) -> None:
    open_page(app, **TINY | {"schedule": "cosine", "warmup_steps": "5"})
    find_control(app, "number_input", "Steps").set_value(3)
    check_works(app.run())
    assert "warmup" in read_errors(app)
    assert app.button("training_play").disabled
    find_control(app, "number_input", "Steps").set_value(30)
    check_works(app.run())
    assert not read_errors(app)


@pytest.mark.parametrize(
    ("kind", "label", "new", "name", "text"),
    [
        ("selectbox", "Optimizer", "rmsprop", "optimizer", "rmsprop"),
        ("selectbox", "Schedule", "step", "schedule", "step"),
        ("selectbox", "Clipping", "value", "clip", "value"),
        ("select_slider", "L1 penalty λ₁", 0.001, "l1", "0.001"),
        ("select_slider", "L2 penalty λ₂", 0.02, "l2", "0.02"),
        ("number_input", "Steps", 12, "steps", "12"),
        ("number_input", "Record every", 2, "record_every", "2"),
        ("number_input", "Full reports", 3, "reports", "3"),
        ("number_input", "Evaluate every", 0, "evaluate_every", "0"),
        ("number_input", "Depth", 5, "depth", "5"),
    ],
)
def test_every_control_changes_the_next_run(
    app: AppTest, kind: str, label: str, new: Any, name: str, text: str
) -> None:
    open_page(app, **TINY)
    find_control(app, kind, label).set_value(new)
    check_works(app.run())
    assert read_url(app)[name] == text
    assert not read_errors(app)
    press(app, "step")
    wait_for_end(app)
    run = find_group(app).setup.runs[0]
    settings = codec.to_query(run.experiment) | {n: str(v) for n, v in dict(run.plan).items()}
    assert settings[name] == text


def test_fields_that_an_option_brings_can_be_set(app: AppTest) -> None:
    open_page(app, **TINY)
    find_control(app, "selectbox", "Optimizer").set_value("adamw")
    check_works(app.run())
    find_control(app, "select_slider", "Weight decay λ").set_value(0.2)
    find_control(app, "number_input", "β₁").set_value(0.5)
    check_works(app.run())
    assert (read_url(app)["weight_decay"], read_url(app)["beta1"]) == ("0.2", "0.5")


def test_the_network_of_explore_can_be_taken(app: AppTest) -> None:
    app.query_params["depth"] = "4"
    app.query_params["activation"] = "relu"
    app.run()
    app.switch_page("../../pages/training.py")
    app.query_params.clear()
    app.session_state["training_more"] = True
    check_works(app.run())
    assert (read_url(app)["depth"], read_url(app)["activation"]) == (
        "4",
        "relu",
    )  # it begins with it
    find_control(app, "number_input", "Depth").set_value(9)
    check_works(app.run())
    assert read_url(app)["depth"] == "9"
    press(app, "explore")
    assert read_url(app)["depth"] == "4"


# --- presets


def test_a_preset_trains_its_runs_at_one_press_and_says_what_was_measured(app: AppTest) -> None:
    open_page(app)
    find_presets(app).set_value("zero_initialization")
    check_works(app.run())
    preset = TRAINING_PRESETS["zero_initialization"]
    assert read_url(app) == {
        "preset": "zero_initialization",
        "run": app.session_state["training_token"],
    }
    assert preset.look_for in read_prose(app)
    wait_for_end(app)
    assert [lane.state for lane in find_group(app).lanes] == [RunState.FINISHED] * 2
    zeros, xavier = (lane.run.table()["loss"].iloc[-10:].mean() for lane in find_group(app).lanes)
    assert "Measured; the claim holds" in read_prose(app)
    assert f"**A** loss {zeros:.3g}".rstrip("0") in read_prose(app)
    assert f"**B** loss {xavier:.3g}" in read_prose(app)
    assert "4 of 4 layers did not move" in read_prose(app)
    heats = find_traces(read_chart(app, 1), type="heatmap")
    assert len(heats) == 2
    assert "exactly 0" in json.dumps(read_chart(app, 1), ensure_ascii=False)


def test_a_link_prepares_a_preset_and_a_change_makes_it_a_run_of_its_own(app: AppTest) -> None:
    open_page(app, preset="batch_norm")
    assert find_session(app).group is None
    assert read_url(app) == {"preset": "batch_norm"}
    find_control(app, "button_group", "Settings of").set_value(1)
    check_works(app.run())
    assert find_control(app, "selectbox", "Optimizer").value == "sgd"
    assert read_url(app) == {"preset": "batch_norm"}
    find_control(app, "number_input", "Steps").set_value(5)
    check_works(app.run())
    assert (read_url(app)["normalization"], read_url(app)["steps"]) == ("batch", "5")
    assert find_presets(app).value is None
    press(app, "play")
    wait_for_end(app)
    assert len(find_group(app).lanes) == 1


def test_a_run_that_breaks_is_named_and_its_cure_trains_beside_it(app: AppTest) -> None:
    open_page(
        app,
        depth="12",
        width="16",
        activation="relu",
        initialization="normal",
        init_std="0.5",
        learning_rate="0.5",
        batch_size="16",
        steps="20",
    )
    press(app, "play")
    wait_for_end(app)
    (lane,) = find_group(app).lanes
    divergence = lane.run.divergence
    assert divergence is not None
    assert divergence.text in read_errors(app).replace("\\", "")
    assert f"step {divergence.step}" in read_errors(app)
    labels = [button.label for button in app.button if "training_cure" in str(button.key)]
    assert any("Clip" in label for label in labels)
    assert any("rate 0.05" in label for label in labels)
    press(app, "cure_0_clipping")
    wait_for_end(app)
    assert read_url(app)["clip"] == "norm"
    assert find_control(app, "selectbox", "Clipping").value == "norm"
    assert find_group(app).lanes[0].run.divergence is None
    maps = find_traces(read_chart(app, 1), type="heatmap")
    assert len([trace for trace in maps if trace["name"] != "broken"]) == 2  # the broken run's, too
    assert [kept.run.divergence for kept in find_session(app).earlier.values()] == [divergence]
