"""The page on training without a browser: maps, the scrubber, earlier runs, files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from gradflow.charts import flow_figure
from gradflow.core.training import Run, TrainingPlan
from gradflow.ui.training.sessions import EarlierRun
from tests.charts.figures import decode, find_traces
from tests.pages.apptest import check_works, read_chart, read_url
from tests.pages.training import (
    EXPERIMENT,
    TINY,
    find_control,
    find_group,
    find_session,
    open_page,
    press,
    read_errors,
    read_prose,
    wait_for_end,
)

pytestmark = pytest.mark.usefixtures("stop_runs")


# --- figures


def test_the_map_shows_what_is_chosen(app: AppTest) -> None:
    open_page(app, **TINY)
    press(app, "play")
    wait_for_end(app)
    run = find_group(app).lanes[0].run
    find_control(app, "selectbox", "What the map shows").set_value("update_ratio")
    check_works(app.run())
    (heat,) = find_traces(read_chart(app, 1), type="heatmap")
    np.testing.assert_allclose(
        decode(heat["z"]), np.log10(run.matrix("update_ratio")), rtol=1e-3, atol=1e-5
    )
    find_control(app, "selectbox", "Curve").set_value("loss")
    check_works(app.run())
    (line,) = [
        t
        for t in find_traces(read_chart(app), yaxis="y")
        if t["line"]["dash"] == "solid" and len(t["x"]) > 1
    ]
    np.testing.assert_allclose(decode(line["y"]), run.table()["loss"], rtol=1e-6)


def test_the_scrubber_moves_the_flow_figure_over_all_recorded_steps(app: AppTest) -> None:
    open_page(app, **TINY | {"reports": "3", "steps": "5"})
    press(app, "play")
    wait_for_end(app)
    run = find_group(app).lanes[0].run
    slider = find_control(app, "select_slider", "Step shown")
    assert slider.options == ["1", "2", "3", "4", "5"]
    assert slider.value == 5
    assert sorted(run.reports) == [1, 3, 5]
    assert f"A: step 5, loss {run.reports[5].loss:.3g}" in read_prose(app)
    last = read_chart(app, 2)
    slider.set_value(1)
    check_works(app.run())
    assert f"A: step 1, loss {run.reports[1].loss:.3g}" in read_prose(app)
    assert read_chart(app, 2)["data"] != last["data"]
    find_control(app, "select_slider", "Step shown").set_value(
        4
    )  # not kept, so it is computed again
    check_works(app.run())
    full = Run.collect(EXPERIMENT, TrainingPlan(steps=5, reports=5)).reports[4]
    expected = json.loads(flow_figure(full, gradient="delta", mode="light").to_json())
    assert read_chart(app, 2)["data"] == expected["data"]
    assert f"A: step 4, loss {full.loss:.3g}" in read_prose(app)
    press(app, "play")  # a new run begins at its latest step again
    wait_for_end(app)
    assert find_control(app, "select_slider", "Step shown").value == 5


def test_without_kept_reports_every_step_is_computed_again(app: AppTest) -> None:
    open_page(app, **TINY | {"reports": "0"})
    press(app, "play")
    wait_for_end(app)
    assert not find_group(app).lanes[0].run.reports
    assert f"A: step 6, loss {find_group(app).lanes[0].run.records[-1].loss:.3g}" in read_prose(app)


def test_while_a_run_goes_on_the_scrubber_has_the_kept_steps(app: AppTest) -> None:
    open_page(app, **TINY | {"reports": "3", "steps": "20000", "record_every": "20"})
    press(app, "play")
    while len(find_group(app).lanes[0].run.records) < 3:
        pass
    check_works(app.run())
    find_control(app, "toggle", "Follow the run").set_value(False)
    check_works(app.run())
    assert find_control(app, "select_slider", "Step shown").options == ["1", "10001", "20000"]
    press(app, "pause")
    options = find_control(app, "select_slider", "Step shown").options
    assert options == [str(record.step) for record in find_group(app).lanes[0].run.records]


def test_what_a_file_says_of_a_step_is_compared_with_what_is_computed(app: AppTest) -> None:
    run = Run.collect(EXPERIMENT, TrainingPlan(steps=6, reports=2))
    data = json.loads(run.to_json())
    data["loss"][2] += 0.5
    open_page(app, **TINY)
    (key,) = find_session(app).keep(EarlierRun("from afar", Run.from_json(json.dumps(data))))
    app.session_state["training_compared"] = [key]
    check_works(app.run())
    find_control(app, "select_slider", "Step shown").set_value(2)
    check_works(app.run())
    assert f"A: step 2, loss {run.records[1].loss:.3g}." in read_prose(app)
    assert "rounds differently" not in read_prose(app)
    find_control(app, "select_slider", "Step shown").set_value(3)
    check_works(app.run())
    assert f"A: step 3, loss {run.records[2].loss + 0.5:.3g}." in read_prose(app)
    assert f"rounds differently: step 3, loss {run.records[2].loss:.3g}" in read_prose(app)


# --- files


def test_an_earlier_run_is_shown_beside_the_current_one(app: AppTest) -> None:
    open_page(app, **TINY)
    press(app, "play")
    wait_for_end(app)
    press(app, "reset")
    (key,) = find_session(app).earlier
    app.session_state["training_details"] = "Compare"
    check_works(app.run())
    find_control(app, "multiselect", "Show beside").set_value([key])
    check_works(app.run())
    assert len(find_traces(read_chart(app, 1), type="heatmap")) == 1  # an earlier one alone
    find_control(app, "select_slider", "Learning rate η").set_value(0.5)
    check_works(app.run())
    press(app, "play")
    wait_for_end(app)
    assert len(find_traces(read_chart(app, 1), type="heatmap")) == 2
    press(app, f"take_{key}")
    assert read_url(app)["learning_rate"] == "0.1"


def test_uploads_become_runs_and_what_is_none_is_refused(app: AppTest) -> None:
    run = Run.collect(EXPERIMENT, TrainingPlan(steps=3, reports=1))
    open_page(app, **TINY)
    app.session_state["training_details"] = "Compare"
    check_works(app.run())
    texts = {
        "a.json": run.to_json(),
        "b.json": "{}",
        "c.json": run.to_json().replace('"version":1', '"version":9'),
        "d.json": run.to_json()[:-9],
    }
    app.file_uploader[0].set_value(
        [(name, text.encode(), "application/json") for name, text in texts.items()]
    )
    check_works(app.run())
    (kept,) = find_session(app).earlier.values()
    assert kept.file == "a.json"
    assert kept.run.table().equals(run.table())
    (heat,) = find_traces(read_chart(app, 1), type="heatmap")
    np.testing.assert_allclose(
        decode(heat["z"]), np.log10(run.matrix("weight_grad_norm")), rtol=1e-3, atol=1e-5
    )
    assert "b.json: run: this JSON is no training run" in read_errors(app)
    assert "c.json: run: format version 9" in read_errors(app)
    assert "d.json: run: this is not JSON" in read_errors(app)
