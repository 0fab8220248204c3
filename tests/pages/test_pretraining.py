"""The page on pretraining without a browser: settings, address, sentences, stopping."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from gradflow.core.pretraining.digits import split_digits
from gradflow.core.pretraining.finetune import fine_tune
from gradflow.core.pretraining.greedy import pretrain
from gradflow.core.pretraining.presets import PRETRAINING_PRESETS
from gradflow.core.pretraining.spec import FineTuning, Stack, Transfer
from gradflow.core.pretraining.transfer import PER_CLASS, transfer_layers
from gradflow.ui import blocks
from gradflow.ui.pretraining.words import describe_stack, describe_tuning
from tests.charts.figures import decode
from tests.pages.apptest import (
    check_works,
    list_charts,
    open_link,
    read_chart,
    read_markdown,
    read_url,
)

WIDGET = "pretraining_set_"
TRANSFER_WIDGET = "pretraining_transfer_"
STACK = {"layers": "2", "width": "8", "epochs": "2", "batch_size": "200"}
TUNING = STACK | {"view": "tuning", "seeds": "1", "steps": "50"}
TRANSFER = {
    "view": "transfer",
    "layers": "2",
    "reused": "2",
    "width": "8",
    "seeds": "1",
    "steps": "50",
}


def open_page(app: AppTest, **query: str) -> AppTest:
    return open_link(app, "pretraining", query)


def find_group(app: AppTest, key: str) -> Any:
    return next(group for group in app.get("button_group") if group.key == key)


def show_view(app: AppTest, view: str) -> AppTest:
    find_group(app, "pretraining:view_widget").set_value(view)
    return check_works(app.run())


def check_stack(app: AppTest, stack: Stack) -> None:
    assert describe_stack(stack, pretrain(stack)) in read_markdown(app)
    assert {n: t for n, t in read_url(app).items() if n != "view"} == {
        name: str(dict(stack)[name]) for name in stack.list_applicable(dict(stack))
    }


def test_it_opens_with_a_stack_and_draws_its_features(app: AppTest) -> None:
    open_page(app)
    check_stack(app, Stack())
    assert app.selectbox(WIDGET + "preset").value == "hinton"
    assert "without a label" in " ".join(text.value for text in app.caption)
    z = decode(read_chart(app)["data"][0]["z"])
    expected = pretrain(Stack()).layers[0].layer.weight[0].reshape(8, 8).numpy()
    assert z[:8, :8] == pytest.approx(expected, abs=1e-6)
    assert not app.get("progress")  # it is gone when the work is done


def test_controls_of_the_stack_reach_the_numbers_and_the_address(app: AppTest) -> None:
    open_page(app, **STACK)
    app.slider(WIDGET + "k").set_value(3)
    app.slider(WIDGET + "epochs").set_value(3)
    app.toggle(WIDGET + "sampled").set_value(True)
    check_works(app.run())
    small = {"layers": 2, "width": 8, "batch_size": 200}
    check_stack(app, Stack(**small, epochs=3, k=3, sampled=True))
    find_group(app, WIDGET + "method").set_value("autoencoder")
    check_works(app.run())
    check_stack(app, Stack(**small, epochs=3, method="autoencoder"))
    find_group(app, WIDGET + "activation").set_value("relu")
    check_works(app.run())
    app.slider(WIDGET + "layers").set_value(3)
    app.slider(WIDGET + "seed").set_value(7)
    app.select_slider(WIDGET + "width").set_value(16)
    check_works(app.run())
    expected = Stack(
        method="autoencoder",
        activation="relu",
        learning_rate=0.01,
        layers=3,
        seed=7,
        width=16,
        epochs=3,
        batch_size=200,
    )
    check_stack(app, expected)


def test_layer_and_epoch_choose_the_features(app: AppTest) -> None:
    open_page(app, **STACK)
    pretrained = pretrain(Stack(layers=2, width=8, epochs=2, batch_size=200))
    find_group(app, "pretraining_layer_2").set_value(2)
    app.slider("pretraining_epoch_2").set_value(1)
    check_works(app.run())
    z = decode(read_chart(app)["data"][0]["z"])
    expected = pretrained.layers[1].features[1][3].reshape(8, 8)
    assert z[:8, 27:35] == pytest.approx(expected, abs=1e-6)


def test_tabs_hold_errors_reconstructions_and_numbers(app: AppTest) -> None:
    open_page(app, **STACK)
    pretrained = pretrain(Stack(layers=2, width=8, epochs=2, batch_size=200))
    errors = 10 ** decode(read_chart(app, 1)["data"][0]["y"])
    assert errors[:3] == pytest.approx(pretrained.layers[0].error, rel=1e-5)
    app.session_state["pretraining_details"] = "Reconstructions"
    z = decode(read_chart(check_works(app.run()), 1)["data"][0]["z"])
    original = split_digits(0).held_out_images[0].reshape(8, 8).numpy()
    assert z[:8, :8] == pytest.approx(original)
    assert z[18:26, :8] == pytest.approx(pretrained.reconstructions[1, 0].reshape(8, 8), abs=1e-6)
    app.session_state["pretraining_details"] = "Layers in numbers"
    table = check_works(app.run()).dataframe[0].value
    assert table["Layer"].tolist() == ["1", "2"]
    assert any("Free energy" in name for name in table.columns)


def test_fine_tuning_says_what_each_start_came_to(app: AppTest) -> None:
    open_page(app, **TUNING)
    small = {"layers": 2, "width": 8, "epochs": 2, "batch_size": 200}
    spec = FineTuning(**small, seeds=1, steps=50)
    courses = fine_tune(spec)
    for course in courses:
        assert describe_tuning(course) in read_markdown(app)
    assert [len(t["x"]) for t in read_chart(app)["data"]] == [26] * 8
    assert len(read_chart(app, 1)["data"]) >= 4  # the gradients
    find_group(app, WIDGET + "starts").set_value(["xavier", "pretrained"])
    app.select_slider(WIDGET + "labelled").set_value(50)
    app.select_slider(WIDGET + "tuning_rate").set_value(0.2)
    check_works(app.run())
    changed = FineTuning(
        **small, seeds=1, steps=50, starts="pretrained_xavier", labelled=50, tuning_rate=0.2
    )
    for course in fine_tune(changed):
        assert describe_tuning(course) in read_markdown(app)
    assert read_url(app)["starts"] == "pretrained_xavier"
    assert read_url(app)["labelled"] == "50"
    find_group(app, WIDGET + "starts").set_value([])  # one start there must be
    assert read_url(check_works(app.run()))["starts"] == "pretrained_xavier"
    find_group(app, "pretraining_gradients_as").set_value("distributions")
    assert any(t["type"] == "heatmap" for t in read_chart(check_works(app.run()), 1)["data"])
    assert app.dataframe[0].value["Start"].tolist() == ["Pretrained", "Xavier"]


def test_reusing_layers_draws_the_accuracies(app: AppTest) -> None:
    open_page(app, **TRANSFER)
    small = {"layers": 2, "width": 8, "seeds": 1, "steps": 50, "reused": 2}
    reuse = transfer_layers(Transfer(**small))
    tuned = read_chart(app)["data"][2]
    assert decode(tuned["y"]) == pytest.approx(reuse.accuracy[2, 0], abs=1e-6)
    assert decode(tuned["x"]).tolist() == list(PER_CLASS)
    assert "of each class" in read_markdown(app)
    find_group(app, TRANSFER_WIDGET + "task").set_value("others")
    check_works(app.run())
    assert (read_url(app)["task"], read_url(app)["first"]) == ("others", "01234567")
    find_group(app, TRANSFER_WIDGET + "first").set_value(["4", "1", "7"])
    app.slider(TRANSFER_WIDGET + "layers").set_value(1)
    check_works(app.run())
    assert read_url(app)["first"] == "147"
    assert (read_url(app)["layers"], read_url(app)["reused"]) == ("1", "1")
    assert "On the first task (1, 4, 7)" in read_markdown(app)
    find_group(app, TRANSFER_WIDGET + "first").set_value(["1"])  # two there must be
    assert read_url(check_works(app.run()))["first"] == "147"


def test_views_keep_their_settings_and_share_the_stack(app: AppTest) -> None:
    open_page(app, **STACK)
    show_view(app, "tuning")
    assert read_url(app)["view"] == "tuning"
    assert read_url(app)["width"] == "8"
    app.session_state["pretraining_stack_box"] = True
    assert check_works(app.run()).slider(WIDGET + "epochs").value == 2


def test_a_preset_is_chosen(app: AppTest) -> None:
    open_page(app, **STACK)
    app.selectbox(WIDGET + "preset").set_value("bottleneck")
    check_works(app.run())
    check_stack(app, PRETRAINING_PRESETS["bottleneck"].spec)
    app.slider(WIDGET + "epochs").set_value(2)
    assert check_works(app.run()).selectbox(WIDGET + "preset").value is None


def test_a_preset_of_the_stack_leaves_its_fine_tuning_as_it_is(app: AppTest) -> None:
    open_page(app, **TUNING)
    show_view(app, "layers")
    app.selectbox(WIDGET + "preset").set_value("bottleneck")
    check_works(app.run())
    assert "steps" not in read_url(app)
    show_view(app, "tuning")
    assert (read_url(app)["epochs"], read_url(app)["layers"]) == ("30", "1")
    assert (read_url(app)["steps"], read_url(app)["seeds"]) == ("50", "1")


def test_stopping_leaves_a_page_that_can_begin_again(app: AppTest) -> None:
    open_page(app, **STACK)
    stack = Stack(layers=2, width=8, epochs=2, batch_size=200)
    app.session_state["pretraining_stopped"] = stack  # what the button's callback does
    check_works(app.run())
    assert "Stopped" in app.info[0].value
    assert not list_charts(app)
    next(b for b in app.button if b.label == "Begin again").click()
    check_works(app.run())
    assert list_charts(app)
    app.session_state["pretraining_stopped"] = stack
    check_works(app.run())
    app.slider(WIDGET + "k").set_value(2)  # so does any other setting
    assert list_charts(check_works(app.run()))
    app.slider(WIDGET + "k").set_value(1)  # and the first one when it comes back
    assert list_charts(check_works(app.run()))


def test_parameters_that_are_no_settings_are_ignored_without_a_word(app: AppTest) -> None:
    open_page(app, **STACK, colour="red")
    assert not app.error
    check_stack(app, Stack(layers=2, width=8, epochs=2, batch_size=200))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"view": "moon"}, ("view", "moon", "layers, tuning, transfer")),
        ({**STACK, "k": "77"}, ("k", "77", "1 to 10")),
        ({**STACK, "method": "svm"}, ("method", "svm", "rbm, autoencoder")),
        ({**STACK, "activation": "tanh"}, ("activation", "tanh", "no effect")),
        ({**TUNING, "starts": "<b>", "seeds": "1"}, ("starts", "pretrained, small")),
        ({**TRANSFER, "first": "1", "reused": "6"}, ("first", "two to ten", "reused", "1 to 2")),
    ],
)
def test_forged_links_name_field_value_and_range(
    app: AppTest, query: dict[str, str], words: tuple[str, ...]
) -> None:
    open_page(app, **query)
    for word in words:
        assert word in app.error[0].value
    assert list_charts(app)
    app.session_state["pretraining_stack_box"] = True
    app.run()
    form = TRANSFER_WIDGET if query.get("view") == "transfer" else WIDGET
    app.slider(form + "seed").set_value(1)
    assert not check_works(app.run()).error


def test_overflow_is_said(app: AppTest) -> None:
    wild = {"method": "autoencoder", "activation": "tanh", "learning_rate": "1.0", "width": "128"}
    open_page(app, **STACK | wild | {"steps": "50", "seeds": "1"})
    assert "Pretraining overflowed" in read_markdown(app)
    app.session_state["pretraining_details"] = "Reconstructions"
    check_works(app.run())
    show_view(app, "tuning")
    assert "overflowed:** the loss is not a finite number" in read_markdown(app)
    assert list_charts(app)


def test_explanations_exist() -> None:
    names = ("features", "errors", "reconstructions", "numbers", "tuning", "gradients", "reuse")
    for name in names:
        assert len(blocks.read_text(f"pretraining_{name}")) > 400


def test_every_preset_is_what_it_says() -> None:
    assert len({str(preset.spec) for preset in PRETRAINING_PRESETS.values()}) == len(
        PRETRAINING_PRESETS
    )
    few = fine_tune(PRETRAINING_PRESETS["few_labels"].spec)
    accuracy = {course.start: np.median(course.held_out_accuracy[:, -1]) for course in few}
    assert accuracy["pretrained"] > accuracy["relu"] + 0.05
