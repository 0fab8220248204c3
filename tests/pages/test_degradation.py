"""The page on degradation: every view, its controls, its URL, forged links."""

import math

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from gradflow.core.catalog import Activation, Architecture, Normalization
from gradflow.core.teaching.degradation.training import NETWORKS, STEPS, DeeperTraining
from gradflow.ui.degradation.deeper import write_ends
from gradflow.ui.degradation.state import PAGE, DegradationView
from gradflow.ui.degradation.views import VIEWS
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
    return open_link(app, "degradation", {"view": "depth"} | query)


def read_curve(app: AppTest, name: str, index: int = 0) -> list[float]:
    curve = next(t for t in read_chart(app, index)["data"] if t["name"] == name)
    return [float(y) for y in decode(curve["y"])]


def test_every_view_has_a_title_and_a_spec() -> None:
    assert set(VIEWS) == set(PAGE.forms) == set(DegradationView)


def test_deeper_is_worse(app: AppTest) -> None:
    open_link(app, "degradation", {})
    assert read_url(app)["view"] == "deeper"
    assert "does the gradient of the 56 do" in read_markdown(app)
    names = ["plain 20", "plain 56", "residual 20", "residual 56", "dense 56"]
    assert [t["name"] for t in read_chart(app)["data"]] == names
    guess = next(g for g in app.get("button_group") if g.key == "degradation_deeper_guess")
    guess.set_value("vanishing")
    check_works(app.run())
    assert read_url(app)["guess"] == "vanishing"
    assert "Not quite. **Before the first step it explodes**" in read_markdown(app)
    assert len(read_chart(app)["data"]) == 2 * len(names)  # the answer: the gradients
    app.selectbox(key="degradation_deeper_normalization").set_value(Normalization.LAYER)
    check_works(app.run())
    assert "Not quite. **Neither**" in read_markdown(app)
    guess = next(g for g in app.get("button_group") if g.key == "degradation_deeper_guess")
    guess.set_value("neither")
    check_works(app.run())
    assert "Right. **Neither**" in read_markdown(app)


def test_a_loss_at_the_end_is_said_only_of_networks_that_are_done() -> None:
    first, second, *_others = NETWORKS
    known = DeeperTraining({first: np.linspace(2, 0.5, STEPS), second: np.linspace(3, 2, 7)}, {})
    assert write_ends(known) == "Training loss at the end: plain 20: **0.5**"


def test_depth(app: AppTest) -> None:
    open_page(app, width="16")
    assert read_url(app) == {
        "view": "depth",
        "architecture": "mlp",
        "width": "16",
        "activation": "relu",
        "normalization": "batch",
        "block_size": "2",
        "branch_scale": "1.0",
        "zero_last": "False",
        "seed": "0",
    }
    plain, residual = read_curve(app, "Plain"), read_curve(app, "Residual")
    assert len(plain) == 8
    assert plain[-1] > residual[-1] + 2  # decades
    assert "At depth 100" in read_markdown(app)
    table = app.dataframe[0].value
    assert table["Depth"].tolist() == [4, 6, 10, 16, 26, 42, 66, 100]
    assert [float(text) < 10 for text in table["Plain: loss"]] == [True] * 8
    app.selectbox(key="degradation_depth_normalization").set_value(Normalization.NONE)
    check_works(app.run())
    assert read_curve(app, "Residual")[-1] > read_curve(app, "Plain")[-1] + 3
    assert read_url(app)["normalization"] == "none"
    app.toggle(key="degradation_depth_zero_last").set_value(True)
    check_works(app.run())
    assert max(read_curve(app, "Residual, pre-activation")) < 0.5
    app.selectbox(key="degradation_depth_activation").set_value(Activation.LEAKY_RELU)
    check_works(app.run())
    assert read_url(app)["negative_slope"] == "0.01"


def test_a_convolutional_network(app: AppTest) -> None:
    open_page(app, view="identity", depth="8", channels="4", architecture="conv")
    assert "width" not in read_url(app)
    assert len(read_curve(app, "Residual")) == 3
    app.select_slider(key="degradation_identity_channels").set_value(8)
    check_works(app.run())
    assert read_url(app)["channels"] == "8"
    app.selectbox(key="degradation_identity_architecture").set_value(Architecture.MLP)
    check_works(app.run())
    assert read_url(app)["width"] == "64"
    assert "channels" not in read_url(app)


def test_shattering(app: AppTest) -> None:
    open_page(app, view="shattering", width="32", layers="10")
    titles = [a["text"] for a in read_chart(app, 0)["layout"]["annotations"]]
    assert titles[1] == "<b>10 layers, plain</b>"
    before = read_curve(app, "10 layers, plain", 1)
    app.slider(key="degradation_shattering_layers").set_value(24)
    check_works(app.run())
    after = read_curve(app, "24 layers, plain", 1)
    assert after[1] < before[1] - 0.2  # the deeper, the more it shatters
    assert read_curve(app, "50 layers, residual", 1)[1] > 0.8
    pairs = len(read_curve(app, "Plain", 2))
    app.select_slider(key="degradation_shattering_cosine").set_value(0.9999)
    check_works(app.run())
    assert len(read_curve(app, "Plain", 2)) > pairs
    app.slider(key="degradation_shattering_branch_scale").set_value(1.0)
    check_works(app.run())
    assert read_curve(app, "50 layers, residual", 1)[1] < 0.95
    app.toggle(key="degradation_shattering_normalized").set_value(False)
    check_works(app.run())
    assert len(read_curve(app, "Plain", 2)) == 100  # no shattering: never lost in the noise
    assert read_url(app)["normalized"] == "False"
    assert read_url(app)["cosine"] == "0.9999"
    assert any(r"\kappa_0" in formula.value for formula in app.latex)


def test_near_the_identity(app: AppTest) -> None:
    open_page(app, view="identity", width="16", depth="20")
    branch = read_curve(app, "Residual, pre-activation")
    assert len(branch) == 9
    assert branch[-1] < branch[0] - 0.2
    app.slider(key="degradation_identity_depth").set_value(30)
    app.slider(key="degradation_identity_branch_scale").set_value(0.1)
    check_works(app.run())
    smaller = read_curve(app, "Residual, pre-activation")
    assert len(smaller) == 14
    assert math.isclose(smaller[0], branch[0] - 1, abs_tol=0.1)
    app.toggle(key="degradation_identity_zero_last").set_value(True)
    check_works(app.run())
    assert r"\cos &= 1" in app.latex[-1].value
    assert read_url(app)["depth"] == "30"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"view": "nonsense"}, ["view", "nonsense", "shattering"]),
        ({"view": "identity", "depth": "999", "width": "16"}, ["depth", "999", "from 4 to 100"]),
        ({"view": "identity", "branch_scale": "nan", "seed": "x"}, ["branch_scale", "seed"]),
        ({"architecture": "transformer", "width": "16"}, ["architecture", "transformer", "conv"]),
        (
            {"normalization": "instance", "width": "16"},
            ['normalization: "instance" is not possible here', "none, batch, layer, rms"],
        ),
        (
            {"view": "identity", "normalization": "group", "architecture": "conv"},
            ['normalization: "group" is not possible here', "none, batch, layer, rms"],
        ),
    ],
)
def test_a_forged_link_is_explained(app: AppTest, query: dict[str, str], words: list[str]) -> None:
    open_page(app, **query)
    message = app.error[0].value.replace("\\", "")
    for word in words:
        assert word in message
    assert list_charts(app)
    kept = {name: text for name, text in query.items() if name in ("width", "architecture")}
    assert kept.items() <= read_url(app).items() or "transformer" in kept.values()


def test_parameters_of_nobody_are_ignored(app: AppTest) -> None:
    open_page(app, view="identity", depth="8", width="16", fbclid="x")
    assert not app.error
    assert read_url(app)["depth"] == "8"
    assert "fbclid" not in read_url(app)


def test_views_keep_their_settings(app: AppTest) -> None:
    open_page(app, view="identity", depth="17", width="32")
    app.get("button_group")[0].set_value(DegradationView.SHATTERING)
    check_works(app.run())
    assert read_url(app)["view"] == "shattering"
    app.get("button_group")[0].set_value(DegradationView.IDENTITY)
    check_works(app.run())
    assert (read_url(app)["depth"], read_url(app)["width"]) == ("17", "32")
