"""The page on activation functions: every view, its URL, forged links, its numbers."""

import math

import pytest
from streamlit.testing.v1 import AppTest

import gradflow as gf
from gradflow.core.catalog import Activation
from gradflow.core.teaching.dying import BiasedLayer
from gradflow.ui.activations.facts import SHORT_NAMES, tabulate_facts
from gradflow.ui.activations.state import PAGE, ActivationsView
from gradflow.ui.activations.views import VIEWS
from tests.charts.figures import decode
from tests.pages.apptest import (
    check_works,
    list_charts,
    open_link,
    read_chart,
    read_markdown,
    read_url,
)


def open_page(app: AppTest, **query: str) -> AppTest:
    return open_link(app, "activations", query)


def list_traces(app: AppTest, index: int = 0) -> list[str]:
    return [trace["name"] for trace in read_chart(app, index)["data"]]


def test_every_view_has_a_title_and_a_spec() -> None:
    assert set(VIEWS) == set(PAGE.forms) == set(ActivationsView)


def test_opens_with_four_functions_and_a_table_of_all(app: AppTest) -> None:
    open_page(app)
    assert list_traces(app) == [
        n for n in ("Sigmoid", "Tanh", "ReLU", "GELU") for _panel in range(2)
    ]
    table = read_markdown(app)
    assert "| **Sigmoid** | 0.25 (z = 0) | (0, 1) | both sides | no: 0.5 |" in table
    assert "none (0.75)" in table  # SELU's gain, which LeCun initialization does not take
    assert read_url(app) == {
        "view": "functions",
        "shown": "sigmoid-tanh-relu-gelu",
        "reach": "5",
    }


def test_the_table_has_every_function() -> None:
    table = tabulate_facts([gf.MLP(activation=a) for a in Activation])
    assert len(table) == len(Activation)
    assert not table.isna().any().any()
    assert set(table["Initialization, gain"].str.split(",").str[0]) == set(SHORT_NAMES.values())


def test_parameters_appear_with_their_function(app: AppTest) -> None:
    open_page(app, view="functions", shown="leaky_relu", negative_slope="0.2")
    assert [s.key for s in app.slider] == [
        "activations_functions_reach",
        "activations_functions_negative_slope",
    ]
    app.slider(key="activations_functions_negative_slope").set_value(0.5)
    check_works(app.run())
    assert math.isclose(decode(read_chart(app)["data"][0]["y"])[0], -2.5)
    assert read_url(app)["negative_slope"] == "0.5"


def test_functions_keep_the_order_of_choice(app: AppTest) -> None:
    open_page(app, view="functions", shown="tanh-elu")
    pills = app.get("button_group")[1]
    pills.set_value([Activation.SIGMOID, Activation.TANH, Activation.ELU])
    check_works(app.run())
    assert read_url(app)["shown"] == "tanh-elu-sigmoid"
    app.get("button_group")[1].set_value([])
    check_works(app.run())
    assert read_url(app)["shown"] == ""
    assert not read_chart(app)["data"]


def test_layers_of_sigmoids(app: AppTest) -> None:
    open_page(app, view="layers", layers="10")
    formulas = " ".join(formula.value for formula in app.latex)
    assert r"\tfrac14\right)^{10} = 9.537\cdot 10^{-7}" in formulas
    app.slider(key="activations_layers_layers").set_value(4)
    check_works(app.run())
    assert r"^{4} = 0.003906" in " ".join(formula.value for formula in app.latex)
    assert read_url(app)["layers"] == "4"


def test_overflow_over_layers_is_explained(app: AppTest) -> None:
    open_page(app, view="layers", activation="linear", weight_std="1000", layers="200")
    assert "1.8·10³⁰⁸" in read_markdown(app)
    assert r"\infty" in " ".join(formula.value for formula in app.latex)


def test_dying_relu(app: AppTest) -> None:
    open_page(app, view="dying", steps="60")
    assert "31 of 32 ReLU units are dead from the start" in read_markdown(app)
    assert list_traces(app, 1)[:5] == ["ReLU", "Leaky ReLU", "PReLU", "RReLU", "ELU"]
    app.slider(key="activations_dying_bias").set_value(0.0)
    check_works(app.run())
    assert "No ReLU unit dies here" in read_markdown(app)
    app.select_slider(key="activations_dying_learning_rate").set_value(10.0)
    check_works(app.run())
    assert "were at the start" in read_markdown(app)
    assert "PReLU: the loss exceeds" in app.warning[0].value
    assert read_url(app) == {
        "view": "dying",
        "bias": "0.0",
        "learning_rate": "10.0",
        "steps": "60",
        "negative_slope": str(BiasedLayer().negative_slope),
        "elu_alpha": "1.0",
        "seed": "0",
    }


def test_a_gaussian_through_a_function(app: AppTest) -> None:
    open_page(app, view="gaussian", activation="relu", width="2.5")  # beside the slider's marks
    table = app.dataframe[0].value
    assert table["mean, exact"].tolist()[1:] == [f"{2.5 / math.sqrt(2 * math.pi):.4g}", "0.5"]
    assert read_url(app)["width"] == "2.5"
    app.select_slider(key="activations_gaussian_width").set_value(1e39)
    check_works(app.run())
    assert "the largest number of float32" in app.warning[0].value
    assert "10³⁹" in app.dataframe[0].value["std, exact"].tolist()
    app.select_slider(key="activations_gaussian_width").set_value(1.0)
    check_works(app.run())
    assert not app.warning


def test_hyperbolic_and_circular(app: AppTest) -> None:
    open_page(app, view="hyperbolic", function="cosh", order="4", x="2")
    formulas = " ".join(formula.value for formula in app.latex)
    assert r"\cosh(2) = 3.762" in formulas
    assert r"\cos x \approx 1 -\frac{x^{2}}{2!} +\frac{x^{4}}{4!}" in formulas
    assert "14.15 - 13.15 = 1" in formulas
    assert "of the area |t|/2" not in formulas
    app.get("button_group")[1].set_value("tanh")
    check_works(app.run())
    assert list_traces(app)[0] == "tanh"
    assert read_url(app)["function"] == "tanh"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"view": "nonsense"}, ["view", "nonsense", "gaussian"]),
        ({"view": "functions", "shown": "relu-nonsense"}, ["shown", "nonsense", "softplus"]),
        ({"view": "layers", "layers": "999"}, ["layers", "999", "from 1 to 200"]),
        ({"view": "layers", "activation": "tanh", "negative_slope": "0.5"}, ["negative_slope"]),
        ({"view": "dying", "bias": "nan", "seed": "x"}, ["bias", "from −10 to 2", "seed"]),
        ({"view": "gaussian", "width": "0"}, ["width", "0.01"]),
        ({"view": "hyperbolic", "function": "sec"}, ["function", "sec", "tanh"]),
    ],
)
def test_a_forged_link_is_explained(app: AppTest, query: dict[str, str], words: list[str]) -> None:
    open_page(app, **query)
    message = app.error[0].value.replace("\\", "")
    for word in words:
        assert word in message
    assert list_charts(app)


def test_parameters_of_nobody_are_ignored(app: AppTest) -> None:
    open_page(app, view="functions", shown="tanh", utm_source="mail")
    assert not app.error
    assert read_url(app) == {"view": "functions", "shown": "tanh", "reach": "5"}


def test_views_keep_their_settings(app: AppTest) -> None:
    open_page(app, view="layers", layers="17", activation="tanh")
    app.get("button_group")[0].set_value(ActivationsView.HYPERBOLIC)
    check_works(app.run())
    assert read_url(app)["view"] == "hyperbolic"
    app.get("button_group")[0].set_value(ActivationsView.LAYERS)
    check_works(app.run())
    assert (read_url(app)["layers"], read_url(app)["activation"]) == ("17", "tanh")


def test_the_sigmoid_preset_opens_in_explore(app: AppTest) -> None:
    open_page(app, view="layers")
    next(b for b in app.button if "Explore" in b.label).click()
    check_works(app.run())
    assert (read_url(app)["activation"], read_url(app)["depth"]) == ("sigmoid", "24")
