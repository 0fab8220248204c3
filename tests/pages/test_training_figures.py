"""The page on training without a browser: maps, the film, earlier runs, files."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from gradflow.charts.rebin import Grid, rebin
from gradflow.core.training import Run, TrainingPlan
from tests.charts.figures import decode, find_traces
from tests.charts.test_film import check_rows
from tests.pages.apptest import check_works, list_charts, open_link, read_chart, read_url
from tests.pages.training import (
    EXPERIMENT,
    TINY,
    find_control,
    find_group,
    find_session,
    open_page,
    press,
    read_errors,
    wait_for_end,
)
from tests.ui.ask import ask

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


def read_player(app: AppTest) -> dict[str, Any]:
    """Read what the browser is told of the film."""
    (player,) = [
        c.proto for c in app.get("bidi_component") if c.proto.component_name == "gradflow_player"
    ]
    return dict(json.loads(player.json))


def fetch_frames(run: dict[str, Any], gradient: str = "delta") -> dict[str, Any]:
    answer = ask(f"/{run['address']}&gradient={gradient}&first=0")
    assert answer.status == 200
    return dict(json.loads(answer.body.split(b"\n", 1)[0]))


def test_the_page_opens_on_a_film_of_both_runs(app: AppTest) -> None:
    open_page(app)
    film = read_player(app)
    assert [run["letter"] for run in film["runs"]] == ["A", "B"]
    assert not film["isLive"]
    assert film["figures"] == {
        "flow": "training_flow",
        "steps": ["training_learning", "training_layers", "training_history"],
    }
    names = {chart.key.removeprefix("figure_") for chart in list_charts(app)}
    assert {film["figures"]["flow"], *film["figures"]["steps"][:2]} <= names
    for run in film["runs"]:
        frames = fetch_frames(run)
        assert len(frames["steps"]) == run["count"] > 50
        assert (frames["steps"][0], frames["steps"][-1]) == (1, film["planned"])


def test_a_film_has_the_steps_of_the_run_and_the_figure_its_first(app: AppTest) -> None:
    open_page(app, **TINY)
    press(app, "play")
    wait_for_end(app)
    shown = find_group(app).lanes[0].run
    film = read_player(app)
    assert (film["isLive"], film["planned"]) == (False, 6)
    frames = fetch_frames(film["runs"][0])
    assert frames["steps"] == [record.step for record in shown.records]
    assert frames["losses"] == [record.loss for record in shown.records]
    full = Run.collect(EXPERIMENT, TrainingPlan(steps=6, reports=1)).reports[1]
    (line,) = find_traces(read_chart(app, 2), meta={"spoken": True})
    assert decode(line["y"]) == pytest.approx(np.log10(full.layers["delta_rms"]), abs=1e-5)
    find_control(app, "button_group", "Gradient").set_value("weight_grad")
    check_works(app.run())
    assert read_chart(app, 2)["layout"]["meta"]["film"]["gradient"] == "weight_grad"
    (line,) = find_traces(read_chart(app, 2), meta={"spoken": True})
    assert decode(line["y"]) == pytest.approx(np.log10(full.layers["weight_grad_rms"]), abs=1e-5)


def test_the_film_of_a_run_that_goes_on_grows(app: AppTest) -> None:
    open_page(app, **TINY | {"steps": "20000", "record_every": "20"})
    press(app, "play")
    while len(find_group(app).lanes[0].run.records) < 23:
        pass
    check_works(app.run())
    film = read_player(app)
    assert (film["isLive"], film["planned"]) == (True, 20000)
    first = fetch_frames(film["runs"][0])["steps"]
    assert first[:3] == [1, 221, 441]  # every tenth of 1,001 records and the last, so 11 apart
    press(app, "stop")
    film = read_player(app)
    assert not film["isLive"]
    assert film["planned"] == find_group(app).lanes[0].run.records[-1].step


def test_the_histograms_of_a_layer_take_the_place_of_the_map(app: AppTest) -> None:
    open_page(app, **TINY)
    find_control(app, "selectbox", "What the map shows").set_value("activation")
    check_works(app.run())
    assert find_control(app, "selectbox", "Layer").options == [f"layer {n}" for n in (1, 2, 3)]
    find_control(app, "selectbox", "Layer").set_value(2)
    check_works(app.run())
    run = Run.collect(EXPERIMENT, TrainingPlan(steps=6, reports=6))
    (heat,) = find_traces(read_chart(app, 1), type="heatmap")
    assert decode(heat["x"]).tolist() == [1, 2, 3, 4, 5, 6]
    share, low = decode(heat["customdata"]), heat["y0"] - heat["dy"] / 2
    for step, report in run.reports.items():
        shares = rebin(
            report.histogram("activation", 2), Grid("linear", low, heat["dy"], len(share))
        )
        check_rows(share[:, step - 1], shares.rows)


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
        "c.json": re.sub(r'"version":\d', '"version":9', run.to_json(), count=1),
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


def test_a_penalized_loss_is_written_out(app: AppTest) -> None:
    app.session_state["training_panels"] = "L1 and L2"
    query = {"depth": "3", "width": "16", "batch_size": "16", "steps": "10", "l1": "0.01"}
    check_works(open_link(app, "training", query))
    formulas = [formula.value for formula in app.latex]
    assert any(r"\lambda_1\,\mathrm{sign}(w)" in text for text in formulas)
    assert any(r"\tilde L_{1} &= " in text and r"+0.01\cdot" in text for text in formulas)
    names = [str(trace.get("name")) for chart in list_charts(app) for trace in chart.spec["data"]]
    assert any(name.endswith("of the penalty") for name in names)
