"""The page on backpropagation: both parts, their controls, their addresses."""

import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn

from gradflow.core.numbers import format_number
from gradflow.core.teaching.chain import Chain, find_events, run_chain
from gradflow.core.teaching.fields import to_query
from gradflow.core.teaching.perceptron import Perceptron, draw_parameters, run_perceptron
from gradflow.ui.backprop import words as backprop_words
from gradflow.ui.backprop.examples import EXAMPLES
from gradflow.ui.boards.specs import describe_chain, describe_network
from tests.pages.apptest import (
    Board,
    check_works,
    open_link,
    read_boxes,
    read_markdown,
    read_url,
)


def open_page(app: AppTest, **query: str) -> AppTest:
    return open_link(app, "backprop", query)


def find_button(app: AppTest, label: str):
    return next(b for b in app.button if b.label == label)


def test_the_chain_vanishes_at_first_and_its_address_restores_it(app: AppTest) -> None:
    open_page(app)
    assert app.selectbox(key="chain_preset").value == "vanishing"
    assert read_url(app) == {"part": "chain", "layer": "8", **to_query(Chain())}
    app.slider(key="chain_length").set_value(3)
    app.slider(key="chain_weight").set_value(2.5)
    app.selectbox(key="chain_activation").set_value("linear")
    check_works(app.run())
    wanted = Chain(length=3, weights=(2.5,), activation="linear")
    assert read_url(app) == {"part": "chain", "layer": "3", **to_query(wanted)}
    assert Board(app).spec == describe_chain(wanted) | {"layer": 3}


def test_weights_one_by_one_start_from_the_common_one(app: AppTest) -> None:
    open_page(app, part="chain", length="3", weights="1.5", biases="0.5", activation="tanh")
    app.toggle(key="chain_each").set_value(True)
    check_works(app.run())
    assert read_url(app)["weights"] == "1.5_1.5_1.5"
    app.slider(key="chain_w2").set_value(-2.0)
    app.slider(key="chain_b3").set_value(1.0)
    check_works(app.run())
    assert (read_url(app)["weights"], read_url(app)["biases"]) == ("1.5_-2.0_1.5", "0.5_0.5_1.0")


def test_the_numbers_of_all_layers_stand_in_the_table(app: AppTest) -> None:
    open_page(
        app, part="chain", length="2", activation="linear", weights="3_2", layer="1", target="1"
    )
    # x = 1: z₁ = 3, h₃ = 6, ∂L/∂h = 5, g₂ = 5, g₁ = 5 · 2 · 1 = 10, ∂L/∂w₁ = 10 · 1.
    table = app.dataframe[0].value
    assert list(table["∂L/∂w = g·h"]) == ["10", "15"]


def test_what_a_hand_has_pulled_is_taken(app: AppTest) -> None:
    open_page(app, part="chain", length="3", weights="1.5")
    assert Board(app).spec == describe_chain(Chain(length=3, weights=(1.5,))) | {"layer": 3}
    Board(app).send(weights=[1.5, -0.25, 1.5], input=0.4, layer=2)
    wanted = Chain(length=3, weights=(1.5, -0.25, 1.5), biases=(0.0,) * 3, input=0.4)
    assert read_url(app) == {"part": "chain", "layer": "2", **to_query(wanted)}
    assert app.slider(key="chain_w2").value == -0.25
    for forged in ([99.0], "x", [None, 1.0], {"a": 1}, [], [True]):
        Board(app).send(weights=forged, input=forged, layer=forged, magic=1)
    assert read_url(app) == {"part": "chain", "layer": "2", **to_query(wanted)}


def test_overflow_is_shown_and_named(app: AppTest) -> None:
    open_page(app, part="chain", length="6", activation="relu", weights="10", dtype="float16")
    assert "Overflow" in app.error[0].value
    assert "z_{5}" in app.error[0].value
    assert "65,504" in app.error[0].value
    assert "∞" in list(app.dataframe[0].value["f(z)"])


@pytest.mark.parametrize(("name", "sentence"), [("off", "exactly 0"), ("overflow", "Overflow")])
def test_examples_show_what_they_promise(name: str, sentence: str) -> None:
    run = run_chain(EXAMPLES[name].chain)
    texts = [backprop_words.describe_event(run, event) for event in find_events(run)]
    assert sentence in " ".join(texts)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("vanishing", 0, 1e-4), ("exploding", 100, 1e3), ("slowly", 1e-2, 1), ("saturated", 0, 1e-2)],
)
def test_the_gradient_of_an_example_does_what_its_name_says(
    name: str, low: float, high: float
) -> None:
    run = run_chain(EXAMPLES[name].chain)
    assert low < abs(run.g[0] / run.error) < high


def test_one_unit_that_is_off_stops_the_gradient_alone() -> None:
    run = run_chain(EXAMPLES["off"].chain)
    assert [slope == 0 for slope in run.slope] == [i == 4 for i in range(1, 9)]
    assert [g == 0 for g in run.g] == [i <= 4 for i in range(1, 9)]


def test_an_example_moves_the_controls(app: AppTest) -> None:
    open_page(app)
    app.selectbox(key="chain_preset").set_value("off")
    check_works(app.run())
    assert read_url(app) == {"part": "chain", "layer": "8", **to_query(EXAMPLES["off"].chain)}
    assert "exactly 0" in read_boxes(app)
    Board(app).send(layer=2)
    assert app.selectbox(key="chain_preset").value == "off"
    assert EXAMPLES["off"].look_for in " ".join(c.value for c in app.caption)
    assert app.slider(key="chain_w4").value == -1.0


def test_a_step_is_taken_and_stays_in_the_address(app: AppTest) -> None:
    open_page(app, part="network")
    assert Board(app).spec == describe_network(Perceptron()) | {"step": 1}
    Board(app).send(step=20)
    assert read_url(app)["step"] == "20"
    assert "the new loss" in read_markdown(app)
    Board(app).send(step=99)
    assert read_url(app)["step"] == "20"  # the last one there is


def test_a_weight_that_was_pulled_is_taken(app: AppTest) -> None:
    open_page(app, part="network", updates="3")
    weights = describe_network(Perceptron(updates=3))["parameters"]
    flat = [round(x, 3) for w, b in weights for x in (*(v for row in w for v in row), *b)]
    flat[4] = 1.75
    Board(app).send(parameters=flat, inputs=[0.1, 0.2, 0.3], targets=[0.5, 0.5])
    wanted = Perceptron(parameters=tuple(flat), inputs=(0.1, 0.2, 0.3), targets=(0.5, 0.5))
    assert read_url(app) == {"part": "network", "step": "1", **to_query(wanted)}
    for forged in (flat[:-1], [*flat, 1.0], ["x"] * 39, [1e9] * 39):
        Board(app).send(parameters=forged)
        assert not app.error
        assert read_url(app)["parameters"] == to_query(wanted)["parameters"]
    app.slider(key="network_units1").set_value(2)
    check_works(app.run())
    assert "parameters" not in read_url(app)  # other sizes have weights of their own


def test_the_table_holds_autograds_numbers(app: AppTest) -> None:
    open_page(app, part="network", step="11")  # ∂E/∂W of the output layer
    spec = Perceptron()
    layers: list[nn.Module] = []
    for weight, bias in draw_parameters(spec):
        linear = nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
        linear.load_state_dict({"weight": weight, "bias": bias})
        layers += [linear, nn.Sigmoid()]
    model = nn.Sequential(*layers)
    output = model(torch.tensor(spec.inputs, dtype=torch.float64))
    loss = ((output - torch.tensor(spec.targets, dtype=torch.float64)) ** 2).sum() / 2
    (gradient,) = torch.autograd.grad(loss, [model[4].weight])
    table = app.dataframe[0].value
    assert list(table["number"])[:2] == ["∂E/∂w₁₁⁽³⁾", "∂E/∂w₁₂⁽³⁾"]
    for column in ("by the equation", "by autograd"):
        values = [float(text.replace("−", "-")) for text in table[column]]
        assert values == pytest.approx(gradient.flatten().tolist(), rel=1e-4)


def test_the_board_is_told_which_of_its_changes_is_answered(app: AppTest) -> None:
    open_page(app, part="network")
    assert Board(app).data["answered"] is None
    Board(app).send(step=3, count=7)
    assert (Board(app).spec["step"], Board(app).data["answered"]) == (3, 7)
    Board(app).send(step=4, count={"seven": 7})
    assert (Board(app).spec["step"], Board(app).data["answered"]) == (4, None)


def test_updates_repeat_and_are_taken_back(app: AppTest) -> None:
    open_page(app, part="network", step="20")
    for count in (1, 2):
        find_button(app, "Apply the update").click()
        check_works(app.run())
        assert read_url(app)["updates"] == str(count)
        assert read_url(app)["step"] == "20"
    before, after = (
        format_number(loss, 4) for loss in run_perceptron(Perceptron(updates=2)).losses[-2:]
    )
    assert f"**E = {before}**; one more gives {after} (" in read_markdown(app)
    app.number_input(key="network_x1").set_value(0.3)
    check_works(app.run())
    assert read_url(app)["updates"] == "0"
    find_button(app, "Apply the update").click()
    check_works(app.run())
    find_button(app, "Back to the first weights").click()
    check_works(app.run())
    assert read_url(app)["updates"] == "0"


def test_other_sizes_and_an_address_of_their_own(app: AppTest) -> None:
    open_page(app, part="network", hidden="5_2_3", targets="0.5", step="26")
    assert Board(app).spec["step"] == 26
    app.slider(key="network_layers").set_value(1)
    check_works(app.run())
    assert read_url(app)["hidden"] == "5"
    assert Board(app).spec["step"] == 14  # the last one there is
    assert app.slider(key="network_outputs").value == 1


def test_parameters_that_are_no_settings_are_ignored_without_a_word(app: AppTest) -> None:
    open_page(app, part="network", magic="1", fbclid="2")
    assert not app.error
    assert "magic" not in read_url(app)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"part": "nonsense"}, ("part", "nonsense", "chain, network")),
        ({"part": "chain", "length": "99"}, ("length", "99", "from 1 to 12")),
        ({"part": "chain", "weights": "1_2"}, ("weights", "2 values")),
        ({"part": "chain", "layer": "-1"}, ("layer", "-1", "from 1 to 8")),
        ({"part": "network", "step": "21"}, ("step", "21", "from 1 to 20")),
        ({"part": "network", "hidden": "9"}, ("hidden", "9", "from 1 to 5")),
    ],
)
def test_a_forged_address_is_explained_and_the_page_lives(app, query, words) -> None:
    open_page(app, **query)
    assert all(word in app.error[0].value.replace("\\", "") for word in words)
    assert Board(app).spec
    assert "nonsense" not in read_url(app).values()


def test_a_burst_network_says_what_burst(app: AppTest) -> None:
    open_page(
        app,
        part="network",
        activation="linear",
        learning_rate="100",
        updates="12",
        inputs="100_100_100",
    )
    assert "Overflow" in app.error[0].value
    assert Board(app).spec
