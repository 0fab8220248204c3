"""The page on gradients through time: controls, numbers, links, a short training."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import gradflow as gf
from gradflow.core.numbers import format_number, format_share
from gradflow.core.recurrent.factors import FactorSettings, GradientPath, compute_factor_curve
from gradflow.core.recurrent.settings import TIME_PRESETS, TimePass
from gradflow.core.recurrent.training import ShortTraining
from gradflow.ui.latex import write_number
from gradflow.ui.recurrent.state import PAGE, RecurrentView
from gradflow.ui.recurrent.view import VIEWS
from tests.charts.figures import decode, find_traces, read_words
from tests.pages.apptest import (
    check_works,
    list_charts,
    open_link,
    read_boxes,
    read_chart,
    read_markdown,
    read_url,
)

KEYS = {
    TimePass: "recurrent_Pass_{}",
    FactorSettings: "recurrent_FactorSettings_{}",
    ShortTraining: "recurrent_ShortTraining_{}",
}
SMALL = {"hidden_size": "6", "batch_size": "3", "length": "12"}


def open_page(app: AppTest, view: str = "time", **query: str) -> AppTest:
    return open_link(app, "recurrent", {"view": view, **query})


def move_widget(app: AppTest, kind: str, name: str, value: Any, spec: type = TimePass) -> AppTest:
    """Move a widget, and run the app."""
    key = KEYS[spec].format(name)
    if kind == "button_group":
        next(group for group in app.get(kind) if group.key == key).set_value(value)
    else:
        getattr(app, kind)(key=key).set_value(value)
    return check_works(app.run())


def read_latex(app: AppTest) -> str:
    return "\n".join(equation.value for equation in app.latex)


def record_pass(**settings: Any) -> gf.TimeReport:
    return gf.through_time(TimePass(**SMALL, **settings).experiment)


def test_every_view_has_a_title_and_a_form() -> None:
    assert set(VIEWS) == set(PAGE.forms) == set(RecurrentView)


def test_one_pass_says_what_was_measured(app: AppTest) -> None:
    open_page(app, **SMALL)
    report = record_pass()
    assert format_number(report.remaining(11), 2) in read_boxes(app)
    assert "^{11}" in read_latex(app)
    assert read_chart(app)["layout"]["yaxis2"]["title"]["text"] == "|∂L/∂h<sub>t</sub>|"
    (norms,) = find_traces(read_chart(app, 1), name="‖∂L/∂h<sub>t</sub>‖")
    np.testing.assert_allclose(
        decode(norms["y"]), np.log10(report.column("hidden_grad_norm")), rtol=1e-6
    )
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Loss"] == format_number(report.loss, 4)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("selectbox", "cell", "gru"),
        ("slider", "layers", 2),
        ("select_slider", "hidden_size", 8),
        ("selectbox", "recurrent_init", "orthogonal"),
        ("select_slider", "recurrent_gain", 1.5),
        ("selectbox", "source", "adding"),
        ("slider", "length", 9),
        ("select_slider", "features", 2),
        ("select_slider", "batch_size", 4),
        ("selectbox", "loss_at", "every"),
        ("number_input", "seed", 7),
    ],
)
def test_every_setting_of_the_sidebar_counts(
    app: AppTest, kind: str, name: str, value: Any
) -> None:
    open_page(app, **SMALL)
    before = read_boxes(app), read_chart(app, 1)["data"]
    move_widget(app, kind, name, value)
    assert read_url(app)[name] == str(value)
    assert (read_boxes(app), read_chart(app, 1)["data"]) != before
    expected = gf.through_time(TimePass(**SMALL | {name: value}).experiment)
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Loss"] == format_number(expected.loss, 4)


def test_overflow_is_said(app: AppTest) -> None:
    open_page(
        app,
        recurrent_init="gaussian",
        recurrent_gain="10.0",
        dtype="float16",
        length="40",
        hidden_size="64",
        batch_size="3",
    )
    assert "not a finite number: too large for float16" in app.error[0].value
    open_page(app, loss_at="every", **SMALL)
    assert "A loss at every step" in read_boxes(app)


def test_the_spectral_radius_is_a_slider(app: AppTest) -> None:
    open_page(app, **SMALL)
    move_widget(app, "selectbox", "recurrent_scale", "spectral_radius")
    move_widget(app, "select_slider", "spectral_radius", 0.9)
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Spectral radius ρ"] == "0.9"
    assert "0.9^{11}" in read_latex(app)


def test_state_layer_and_dashed_line(app: AppTest) -> None:
    open_page(app, cell="lstm", layers="2", forget_bias="2.0", **SMALL)
    assert read_chart(app)["layout"]["yaxis2"]["title"]["text"] == "|∂L/∂c<sub>t</sub>|"
    assert "product of the gates (direct path only)" in read_words(read_chart(app))
    assert "one part of the whole" in " ".join(c.value for c in app.caption)
    first = read_boxes(app)
    move_widget(app, "slider", "layer", 2)
    assert read_boxes(app) != first
    report = record_pass(cell="lstm", layers=2, forget_bias=2.0)
    assert format_number(report.remaining(11, "cell", 2), 2) in read_boxes(app)
    move_widget(app, "button_group", "state", "hidden")
    assert read_chart(app)["layout"]["yaxis2"]["title"]["text"] == "|∂L/∂h<sub>t</sub>|"
    assert not find_traces(read_chart(app), name="theory")
    assert len(find_traces(read_chart(app, 1), mode="lines+markers")) == 2


def test_pascanus_bound_and_none(app: AppTest) -> None:
    open_page(app, **SMALL)
    check_works(app.selectbox(key="recurrent_line_spectral_3").set_value("bound").run())
    assert r"s_{\max}" in read_latex(app)
    check_works(app.selectbox(key="recurrent_line_spectral_3").set_value("none").run())
    assert "dashed" not in read_latex(app)
    assert not find_traces(read_chart(app), name="theory")


def test_the_identity_has_no_mean_field(app: AppTest) -> None:
    open_page(app, recurrent_init="identity", **SMALL)
    assert app.selectbox(key="recurrent_line_spectral_2").options == [
        "spectral radius ρ",
        "Pascanu’s bound",
        "none",
    ]
    move_widget(app, "selectbox", "recurrent_init", "gaussian")
    check_works(app.selectbox(key="recurrent_line_spectral_3").set_value("mean_field").run())
    move_widget(app, "selectbox", "recurrent_init", "identity")
    assert r"\rho(W_{hh})^{T-1}" in read_latex(app)


@pytest.mark.parametrize(("gain", "verb"), [("0.2", "fades"), ("5.0", "grows")])
def test_a_gradient_that_arrives_as_the_sequence_is_short(
    app: AppTest, gain: str, verb: str
) -> None:
    settings = {
        "recurrent_init": "orthogonal",
        "recurrent_gain": gain,
        "features": "1",
        "hidden_size": "16",
        "length": "4",
    }
    open_page(app, cell="rnn_relu", **settings)
    left = gf.through_time(TimePass(cell="rnn_relu", **settings).experiment).remaining(3)
    assert 1e-3 < left < 0.9**3 or 0.9**-3 < left < 1e3
    assert f"The gradient {verb} on its way back, but" in app.info[0].value
    assert not app.success


def test_the_shortest_sequence_reads_well(app: AppTest) -> None:
    open_page(app, hidden_size="6", batch_size="3", length="2")
    report = gf.through_time(TimePass(hidden_size=6, batch_size=3, length=2).experiment)
    assert f"by **{format_number(report.remaining(1), 4)}** on average." in read_boxes(app)
    assert "steps back" not in read_boxes(app)
    assert r"\approx" not in read_latex(app)


def test_gates_near_one_are_not_called_one(app: AppTest) -> None:
    open_page(app, "gates", cell="lstm", forget_bias="10.0", dtype="float64", **SMALL)
    report = record_pass(cell="lstm", forget_bias=10.0, dtype="float64")
    assert f"forget gate is **{report.gate('forget').mean():.5f}**" in read_markdown(app)
    value = 1 - report.sample.values["forget", 1][11, 0]
    assert f"= 1-{write_number(value)}" in read_latex(app)


def test_a_preset_sets_everything(app: AppTest) -> None:
    open_page(app, **SMALL)
    app.selectbox(key="recurrent_Pass_preset").set_value("highway")
    check_works(app.run())
    assert read_url(app)["forget_bias"] == "4.0"
    assert "Look for:" in " ".join(caption.value for caption in app.caption)
    preset = TIME_PRESETS["highway"].settings
    report = gf.through_time(preset.experiment)
    assert format_number(report.remaining(100, "cell"), 2) in read_boxes(app)


def test_forged_links_are_reported_and_the_rest_kept(app: AppTest) -> None:
    open_page(app, cell="mamba", length="501", hidden_size="6", view="time")
    problems = " ".join(error.value for error in app.error)
    assert 'cell: "mamba" is not allowed' in problems
    assert "choose a whole number from 2 to 500" in problems
    assert read_url(app)["hidden_size"] == "6"
    assert len(list_charts(app)) == 2
    open_page(app, view="nonsense")
    assert "view:" in " ".join(error.value for error in app.error)


def test_impossible_settings_are_said_and_can_be_mended(app: AppTest) -> None:
    open_page(app, source="copy", hidden_size="6", batch_size="3", length="12")
    move_widget(app, "slider", "length", 5)
    assert "length: 5 is not allowed with recall=5" in app.error[0].value
    move_widget(app, "slider", "recall", 1)
    assert not app.error


def test_gates_follow_sequence_step_and_unit(app: AppTest) -> None:
    open_page(app, "gates", cell="lstm", forget_bias="1.0", step="4", **SMALL)
    report = record_pass(cell="lstm", forget_bias=1.0)
    heat = read_chart(app)["data"][0]
    np.testing.assert_allclose(
        decode(heat["z"])[8, 3], report.sample.values["forget", 1][3, 0], rtol=1e-6
    )
    assert format_number(float(report.gate("forget").mean())) in read_markdown(app)
    before = read_latex(app)
    move_widget(app, "slider", "step", 9)
    assert "f_{9}" in read_latex(app)
    move_widget(app, "slider", "unit", 2)
    move_widget(app, "button_group", "gate", "output")
    assert r"o_t = \sigma\big(W_o\,[h_{t-1}, x_t] + b_o\big)" in read_latex(app)
    value = report.sample.values["output", 1][8, 1]
    assert format_number(float(value), 3)[:4] in read_latex(app)
    assert read_latex(app) != before
    move_widget(app, "slider", "sequence", 3)
    other = gf.through_time(report.experiment, sample=2)
    np.testing.assert_allclose(
        decode(read_chart(app)["data"][0]["z"])[8, 3],
        other.sample.values["forget", 1][3, 0],
        rtol=1e-6,
    )


def test_a_vanilla_network_offers_cells_with_gates(app: AppTest) -> None:
    open_page(app, "gates", **SMALL)
    assert "no gates" in read_boxes(app)
    report = record_pass(cell="lstm")
    values = decode(read_chart(app)["data"][0]["z"])
    np.testing.assert_allclose(values[8, 3], report.sample.values["forget", 1][3, 0], rtol=1e-6)
    assert "f_{12}" in read_latex(app)
    assert read_url(app)["cell"] == "rnn_tanh"
    app.button(key="recurrent_show_gru").click()
    check_works(app.run())
    assert read_url(app)["cell"] == "gru"
    assert read_url(app)["gate"] == "update"
    assert read_url(app)["step"] == "12"  # the last one, not the usual 60
    assert "z_{12}" in read_latex(app)
    assert r"\\[2pt]a &=" in read_latex(app)  # z is the gate, never the pre-activation
    assert not re.search(r"z\s*&=", read_latex(app).replace("z_{12} &=", "").replace("12} &=", ""))


def test_the_forget_bias_is_marked_in_its_own_gate(app: AppTest) -> None:
    open_page(app, "gates", cell="lstm", forget_bias="1.0", **SMALL)
    bars = {trace["name"]: trace["base"] for trace in read_chart(app, 1)["data"]}
    (line,) = read_chart(app, 1)["layout"]["shapes"]
    assert line["x0"] == pytest.approx(1 / (1 + math.exp(-1)))
    assert line["y0"] == bars["forget gate f"]
    move_widget(app, "slider", "forget_bias", -2.0)
    assert read_chart(app, 1)["layout"]["shapes"][0]["x0"] == pytest.approx(1 / (1 + math.exp(2)))
    move_widget(app, "selectbox", "cell", "gru")
    assert not read_chart(app, 1)["layout"]["shapes"]


def test_cells_side_by_side(app: AppTest) -> None:
    open_page(app, "cells", **SMALL)
    reports = {cell: record_pass(cell=cell) for cell in ("rnn_tanh", "rnn_relu", "gru")}
    reports["lstm"] = record_pass(cell="lstm", forget_bias=3.0)
    curves = {"tanh RNN": ("rnn_tanh", "hidden"), "LSTM (c)": ("lstm", "cell")}
    for name, (cell, state) in curves.items():
        norms = reports[cell].column(f"{state}_grad_norm")
        (curve,) = find_traces(read_chart(app), name=name)
        np.testing.assert_allclose(
            decode(curve["y"]), np.log10(norms[::-1] / norms[-1]), rtol=1e-5, atol=1e-6
        )
    assert "11 steps back" in read_markdown(app)
    move_widget(app, "slider", "compared_bias", -2.0)
    changed = record_pass(cell="lstm", forget_bias=-2.0).column("cell_grad_norm")
    (curve,) = find_traces(read_chart(app), name="LSTM (c)")
    np.testing.assert_allclose(
        decode(curve["y"])[-1], np.log10(changed[0] / changed[-1]), rtol=1e-5
    )


@pytest.mark.parametrize("loss_at", ["last", "every"])
def test_a_cell_that_breaks_is_named_and_marked(app: AppTest, loss_at: str) -> None:
    settings = {
        "recurrent_init": "gaussian",
        "recurrent_gain": "10.0",
        "dtype": "float16",
        "length": "40",
        "hidden_size": "16",
        "batch_size": "3",
    }
    open_page(app, "cells", loss_at=loss_at, **settings)
    report = gf.through_time(TimePass(cell="rnn_relu", loss_at=loss_at, **settings).experiment)
    first = 1 + int(np.argmax(report.column("hidden_nonfinite") > 0))
    assert f"**ReLU RNN** breaks on its way forward: from step {first} on" in read_markdown(app)
    crosses = find_traces(read_chart(app), name="breaks")[0]
    assert 40 - first in crosses["x"]
    assert not find_traces(read_chart(app), name="marks")
    (curve,) = find_traces(read_chart(app), name="GRU")
    assert np.isfinite(decode(curve["y"])).all()


def test_without_a_gradient_the_page_says_where_it_broke(app: AppTest) -> None:
    settings = {
        "recurrent_init": "gaussian",
        "recurrent_gain": "10.0",
        "dtype": "float16",
        "cell": "rnn_relu",
        "length": "40",
        "hidden_size": "16",
    }
    open_page(app, **settings)
    assert "There is no gradient:** from step" in app.error[0].value
    assert "No gradient is a finite number" in read_words(read_chart(app, 1))
    assert not find_traces(read_chart(app), name="theory")
    assert "Dashed" not in " ".join(caption.value for caption in app.caption)
    open_page(app, "clipping", **settings)
    assert "The gradient is not a finite number" in read_markdown(app)
    assert "nothing to clip" in read_words(read_chart(app))
    assert len(list_charts(app)) == 1
    open_page(app, "clipping", **settings | {"cell": "rnn_tanh"})
    assert [bar["text"] for bar in read_chart(app)["data"]][1] == ["✕"] * 6  # by norm


def test_factors_follow_their_settings(app: AppTest) -> None:
    open_page(app, "factors", steps="10", hidden_size="16", batch_size="8")
    move_widget(app, "slider", "forget_bias", 1.0, FactorSettings)
    spec = FactorSettings(steps=10, hidden_size=16, batch_size=8, forget_bias=1)
    expected = [compute_factor_curve(spec, path) for path in GradientPath]
    for curve, name in zip(
        expected,
        (
            "Residual blocks",
            "LSTM, cell state",
            "ReLU RNN, identity matrix",
            "tanh RNN, Gaussian matrix",
        ),
        strict=True,
    ):
        (line,) = find_traces(read_chart(app), name=name)
        np.testing.assert_allclose(decode(line["y"]), curve.total, rtol=1e-6)
        (product,) = find_traces(read_chart(app, 1), name=name)
        np.testing.assert_allclose(decode(product["y"])[1:], np.log10(curve.remaining), atol=1e-6)
    active = format_share(float(expected[2].direct.mean()))
    assert f"{active} are active" in read_markdown(app)
    assert "nothing at all is left" not in read_markdown(app)
    before = read_markdown(app)
    move_widget(app, "slider", "branch_scale", 1.0, FactorSettings)
    move_widget(app, "select_slider", "gain", 2.0, FactorSettings)
    assert read_markdown(app) != before


def test_factors_say_when_nothing_is_left(app: AppTest) -> None:
    open_page(app, "factors", steps="150", hidden_size="2", batch_size="2")
    spec = FactorSettings(steps=150, hidden_size=2, batch_size=2)
    curve = compute_factor_curve(spec, GradientPath.IRNN)
    left = int((curve.norms > 0).sum())
    assert left < 150
    assert f"but after {left} steps nothing at all is left" in read_markdown(app)


def test_clipping_follows_its_thresholds(app: AppTest) -> None:
    open_page(app, "clipping", **SMALL)
    move_widget(app, "select_slider", "clip_norm", 1e6)
    move_widget(app, "select_slider", "clip_value", 1e6)
    assert "short enough, nothing happens" in read_markdown(app)
    assert "no entry is large enough" in read_markdown(app)
    move_widget(app, "select_slider", "clip_value", 0.001)
    assert "the direction turns by" in read_markdown(app)
    assert read_url(app)["clip_value"] == "0.001"
    assert len(list_charts(app)) == 3


def test_a_short_training(app: AppTest) -> None:
    open_page(
        app,
        "training",
        steps="12",
        length="8",
        hidden_size="6",
        batch_size="4",
        rnn_tanh="False",
        rnn_relu="False",
    )
    # The first training begins by itself: the view does not open empty.
    assert "**LSTM**" in read_markdown(app)
    assert "**GRU**" in read_markdown(app)
    assert [len(decode(t["x"])) for t in find_traces(read_chart(app), mode="lines+markers")] == [
        13,
        13,
    ]
    assert np.shape(decode(read_chart(app, 1)["data"][0]["z"])) == (8, 13)
    assert "recurrent_train" not in [button.key for button in app.button]
    move_widget(app, "number_input", "seed", 4, ShortTraining)
    assert not list_charts(app)  # the settings are no longer those that were trained
    assert "settings have changed since the last training" in app.info[0].value
    move_widget(app, "number_input", "seed", 0, ShortTraining)
    assert len(list_charts(app)) == 2
    assert not app.info


def test_settings_that_are_put_back_do_not_train_by_themselves(app: AppTest) -> None:
    open_page(
        app,
        "training",
        steps="12",
        length="8",
        hidden_size="6",
        batch_size="4",
        rnn_tanh="False",
        rnn_relu="False",
    )
    move_widget(app, "number_input", "seed", 4, ShortTraining)
    del app.session_state["recurrent_trained"]["gru"]  # as if it had still been training
    move_widget(app, "number_input", "seed", 0, ShortTraining)
    assert "Stopped. What was trained so far:" in app.info[0].value
    assert "**LSTM**" in read_markdown(app)
    assert "**GRU**" not in read_markdown(app)
    assert app.button(key="recurrent_train").label == "Train again"


def test_without_a_cell_nothing_is_trained(app: AppTest) -> None:
    open_page(app, "training", gru="False", lstm="False", rnn_tanh="False", rnn_relu="False")
    assert app.button(key="recurrent_train").disabled
    move_widget(app, "toggle", "gru", True, ShortTraining)
    assert not app.button(key="recurrent_train").disabled
