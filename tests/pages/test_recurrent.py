"""The page on gradients through time: controls, numbers, links, a short training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import gradflow as gf
from gradflow.charts.theme import number
from gradflow.core.recurrent.factors import FactorSettings, factor_curves
from gradflow.core.recurrent.settings import PRESETS, Pass
from gradflow.core.recurrent.training import ShortTraining
from gradflow.ui.recurrent.controls import TITLES
from gradflow.ui.recurrent.state import VIEWS, View
from tests.charts.figures import array, traces, words
from tests.pages.apptest import chart, sentences, url, working

KEYS = {Pass: "recurrent_Pass_{}", FactorSettings: "recurrent_FactorSettings_{}",
        ShortTraining: "recurrent_ShortTraining_{}"}  # fmt: skip
SMALL = {"hidden_size": "6", "batch_size": "3", "length": "12"}


def opened(app: AppTest, view: str = "time", **query: str) -> AppTest:
    app.run()
    app.switch_page("../../pages/recurrent.py")
    app.query_params.clear()
    for name, value in {"view": view, **query}.items():
        app.query_params[name] = value
    return working(app.run())


def moved(app: AppTest, kind: str, name: str, value: Any, spec: type = Pass) -> AppTest:
    """The app after a widget was moved."""
    key = KEYS[spec].format(name)
    if kind == "button_group":
        next(group for group in app.get(kind) if group.key == key).set_value(value)
    else:
        getattr(app, kind)(key=key).set_value(value)
    return working(app.run())


def said(app: AppTest) -> str:
    return "\n".join(text.value for text in app.markdown)


def latex(app: AppTest) -> str:
    return "\n".join(one.value for one in app.latex)


def recorded(**settings: Any) -> gf.TimeReport:
    return gf.through_time(Pass(**SMALL, **settings).experiment)


def test_every_view_has_a_title_and_a_spec() -> None:
    assert set(TITLES) == set(VIEWS.specs) == set(View)


def test_one_pass_says_what_was_measured(app: AppTest) -> None:
    opened(app, **SMALL)
    report = recorded()
    assert number(report.remaining(11), 2) in sentences(app)
    assert "^{11}" in latex(app)
    assert chart(app)["layout"]["yaxis2"]["title"]["text"] == "|∂L/∂h<sub>t</sub>|"
    (norms,) = traces(chart(app, 1), name="‖∂L/∂h<sub>t</sub>‖")
    np.testing.assert_allclose(
        array(norms["y"]), np.log10(report.column("hidden_grad_norm")), rtol=1e-6
    )
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Loss"] == number(report.loss, 4)


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
    opened(app, **SMALL)
    before = sentences(app), chart(app, 1)["data"]
    moved(app, kind, name, value)
    assert url(app)[name] == str(value)
    assert (sentences(app), chart(app, 1)["data"]) != before
    expected = gf.through_time(Pass(**SMALL | {name: value}).experiment)
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Loss"] == number(expected.loss, 4)


def test_overflow_is_said(app: AppTest) -> None:
    opened(app, recurrent_init="gaussian", recurrent_gain="10.0", dtype="float16", length="40",
           hidden_size="64", batch_size="3")  # fmt: skip
    assert "not a finite number: too large for float16" in app.error[0].value
    opened(app, loss_at="every", **SMALL)
    assert "A loss at every step" in sentences(app)


def test_the_spectral_radius_is_a_slider(app: AppTest) -> None:
    opened(app, **SMALL)
    moved(app, "selectbox", "recurrent_scale", "spectral_radius")
    moved(app, "select_slider", "spectral_radius", 0.9)
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Spectral radius ρ"] == "0.9"
    assert "0.9^{11}" in latex(app)


def test_state_layer_and_dashed_line(app: AppTest) -> None:
    opened(app, cell="lstm", layers="2", forget_bias="2.0", **SMALL)
    assert chart(app)["layout"]["yaxis2"]["title"]["text"] == "|∂L/∂c<sub>t</sub>|"
    assert "product of the gates (direct path only)" in words(chart(app))
    assert "one part of the whole" in " ".join(c.value for c in app.caption)
    first = sentences(app)
    moved(app, "slider", "layer", 2)
    assert sentences(app) != first
    report = recorded(cell="lstm", layers=2, forget_bias=2.0)
    assert number(report.remaining(11, "cell", 2), 2) in sentences(app)
    moved(app, "button_group", "state", "hidden")
    assert chart(app)["layout"]["yaxis2"]["title"]["text"] == "|∂L/∂h<sub>t</sub>|"
    assert not traces(chart(app), name="theory")
    assert len(traces(chart(app, 1), mode="lines+markers")) == 2


def test_pascanus_bound_and_none(app: AppTest) -> None:
    opened(app, **SMALL)
    group = next(g for g in app.get("button_group") if g.key == "recurrent_line_spectral")
    working(group.set_value("bound").run())
    assert r"s_{\max}" in latex(app)
    group = next(g for g in app.get("button_group") if g.key == "recurrent_line_spectral")
    working(group.set_value("none").run())
    assert "dashed" not in latex(app)
    assert not traces(chart(app), name="theory")


def test_a_preset_sets_everything(app: AppTest) -> None:
    opened(app, **SMALL)
    app.selectbox(key="recurrent_preset").set_value("highway")
    working(app.run())
    assert url(app)["forget_bias"] == "4.0"
    assert "Look for:" in " ".join(caption.value for caption in app.caption)
    preset = PRESETS["highway"].settings
    report = gf.through_time(preset.experiment)
    assert number(report.remaining(100, "cell"), 2) in sentences(app)


def test_forged_links_are_reported_and_the_rest_kept(app: AppTest) -> None:
    opened(app, cell="mamba", length="501", hidden_size="6", view="time")
    problems = " ".join(error.value for error in app.error)
    assert 'cell: "mamba" is not allowed' in problems
    assert "choose a whole number from 2 to 500" in problems
    assert url(app)["hidden_size"] == "6"
    assert len(app.get("plotly_chart")) == 2
    opened(app, view="nonsense")
    assert "view:" in " ".join(error.value for error in app.error)


def test_impossible_settings_are_said_and_can_be_mended(app: AppTest) -> None:
    opened(app, source="copy", hidden_size="6", batch_size="3", length="12")
    moved(app, "slider", "length", 5)
    assert "length: 5 is not allowed with recall=5" in app.error[0].value
    moved(app, "slider", "recall", 1)
    assert not app.error


def test_gates_follow_sequence_step_and_unit(app: AppTest) -> None:
    opened(app, "gates", cell="lstm", forget_bias="1.0", step="4", **SMALL)
    report = recorded(cell="lstm", forget_bias=1.0)
    heat = chart(app)["data"][0]
    np.testing.assert_allclose(
        array(heat["z"])[7, 3], report.sample.values["forget", 1][3, 0], rtol=1e-6
    )
    assert number(float(report.gate("forget").mean())) in said(app)
    before = latex(app)
    moved(app, "slider", "step", 9)
    assert "f_{9}" in latex(app)
    moved(app, "slider", "unit", 2)
    moved(app, "button_group", "gate", "output")
    assert r"o_t = \sigma\big(W_o\,[h_{t-1}, x_t] + b_o\big)" in latex(app)
    value = report.sample.values["output", 1][8, 1]
    assert number(float(value), 3)[:4] in latex(app)
    assert latex(app) != before
    moved(app, "slider", "sequence", 3)
    other = gf.through_time(report.experiment, sample=2)
    np.testing.assert_allclose(
        array(chart(app)["data"][0]["z"])[7, 3], other.sample.values["forget", 1][3, 0], rtol=1e-6
    )


def test_a_vanilla_network_offers_cells_with_gates(app: AppTest) -> None:
    opened(app, "gates", **SMALL)
    assert "no gates" in sentences(app)
    app.button(key="recurrent_show_gru").click()
    working(app.run())
    assert url(app)["cell"] == "gru"
    assert url(app)["gate"] == "update"
    assert "z_{12}" in latex(app)


def test_cells_side_by_side(app: AppTest) -> None:
    opened(app, "cells", **SMALL)
    reports = {cell: recorded(cell=cell) for cell in ("rnn_tanh", "rnn_relu", "gru")}
    reports["lstm"] = recorded(cell="lstm", forget_bias=3.0)
    curves = {"tanh RNN": ("rnn_tanh", "hidden"), "LSTM (c)": ("lstm", "cell")}
    for name, (cell, state) in curves.items():
        norms = reports[cell].column(f"{state}_grad_norm")
        (curve,) = traces(chart(app), name=name)
        np.testing.assert_allclose(
            array(curve["y"]), np.log10(norms[::-1] / norms[-1]), rtol=1e-5, atol=1e-6
        )
    assert "11 steps back" in said(app)
    moved(app, "slider", "compared_bias", -2.0)
    changed = recorded(cell="lstm", forget_bias=-2.0).column("cell_grad_norm")
    (curve,) = traces(chart(app), name="LSTM (c)")
    np.testing.assert_allclose(array(curve["y"])[-1], np.log10(changed[0] / changed[-1]), rtol=1e-5)


def test_factors_follow_their_settings(app: AppTest) -> None:
    opened(app, "factors", steps="10", hidden_size="16", batch_size="8")
    moved(app, "slider", "forget_bias", 1.0, FactorSettings)
    expected = factor_curves(FactorSettings(steps=10, hidden_size=16, batch_size=8, forget_bias=1))
    for curve, name in zip(
        expected,
        ("Residual blocks", "LSTM, cell state", "ReLU RNN, identity matrix",
         "tanh RNN, Gaussian matrix"),
        strict=True,
    ):  # fmt: skip
        (line,) = traces(chart(app), name=name)
        np.testing.assert_allclose(array(line["y"]), curve.total, rtol=1e-6)
        (product,) = traces(chart(app, 1), name=name)
        np.testing.assert_allclose(array(product["y"])[1:], np.log10(curve.remaining), atol=1e-6)
    before = said(app)
    moved(app, "slider", "branch_scale", 1.0, FactorSettings)
    moved(app, "select_slider", "gain", 2.0, FactorSettings)
    assert said(app) != before


def test_clipping_follows_its_thresholds(app: AppTest) -> None:
    opened(app, "clipping", **SMALL)
    moved(app, "select_slider", "clip_norm", 1e6)
    moved(app, "select_slider", "clip_value", 1e6)
    assert "short enough, nothing happens" in said(app)
    assert "no entry is large enough" in said(app)
    moved(app, "select_slider", "clip_value", 0.001)
    assert "the direction turns by" in said(app)
    assert url(app)["clip_value"] == "0.001"
    assert len(app.get("plotly_chart")) == 3


def test_a_short_training(app: AppTest) -> None:
    opened(app, "training", steps="12", length="8", hidden_size="6", batch_size="4",
           rnn_tanh="False", rnn_relu="False")  # fmt: skip
    assert not app.get("plotly_chart")
    app.button(key="recurrent_train").click()
    working(app.run())
    assert "**LSTM**" in said(app)
    assert "**GRU**" in said(app)
    assert [len(array(t["x"])) for t in traces(chart(app), mode="lines+markers")] == [13, 13]
    assert np.shape(array(chart(app, 1)["data"][0]["z"])) == (8, 13)
    moved(app, "number_input", "seed", 4, ShortTraining)
    assert not app.get("plotly_chart")  # the settings are no longer those that were trained
    moved(app, "number_input", "seed", 0, ShortTraining)
    assert len(app.get("plotly_chart")) == 2


def test_without_a_cell_nothing_is_trained(app: AppTest) -> None:
    opened(app, "training", gru="False", lstm="False", rnn_tanh="False", rnn_relu="False")
    assert app.button(key="recurrent_train").disabled
    moved(app, "toggle", "gru", True, ShortTraining)
    assert not app.button(key="recurrent_train").disabled
