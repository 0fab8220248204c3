"""The views of the page on normalization that train, or look at a whole network."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from gradflow.core.catalog import Activation, Initialization, NormPosition
from gradflow.core.teaching.normalization_effects.flow import COMPARED
from gradflow.core.teaching.normalization_effects.rates import LearningRates, RateSweep
from gradflow.ui.normalization.effects.rates import explain_failures
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
    return open_link(app, "normalization", query)


def read_curve(app: AppTest, name: str, index: int = 0) -> list[float]:
    curve = next(t for t in read_chart(app, index)["data"] if t["name"] == name)
    return [float(y) for y in decode(curve["y"])]


def test_gradient_flow(app: AppTest) -> None:
    open_page(app, view="flow", depth="12", width="32", batch_size="64")
    assert "measured" in app.latex[0].value
    assert r"\to \frac" in app.latex[0].value
    assert "= 1.467" in app.latex[0].value
    table = app.dataframe[0].value
    assert table["Normalization"].tolist() == [
        "None",
        "BatchNorm",
        "LayerNorm",
        "GroupNorm",
        "RMSNorm",
    ]
    assert table["theory, wide and large"].tolist() == ["1", "1.467", "1", "1", "1"]
    assert read_curve(app, "BatchNorm")[0] > read_curve(app, "LayerNorm")[0]
    assert len(read_curve(app, "None")) == 12
    app.slider(key="normalization_flow_depth").set_value(8)
    app.selectbox(key="normalization_flow_activation").set_value(Activation.SIGMOID)
    app.selectbox(key="normalization_flow_initialization").set_value(Initialization.XAVIER_NORMAL)
    check_works(app.run())
    assert len(read_curve(app, "None")) == 8
    assert app.dataframe[0].value["theory, wide and large"].tolist()[1:3] == ["1.034", "0.1528"]
    assert read_curve(app, "LayerNorm")[0] < read_curve(app, "BatchNorm")[0] - 1
    assert read_url(app)["depth"] == "8"


def test_position_and_gradient(app: AppTest) -> None:
    open_page(app, view="flow", depth="10", width="32", placed="layer")
    before, after = (
        read_curve(app, name, 1)
        for name in (
            "Before the activation",
            "After the activation",
        )
    )
    assert after[0] > before[0] + 0.3  # LayerNorm behind ReLU subtracts its mean
    app.selectbox(key="normalization_flow_norm_position").set_value(NormPosition.AFTER)
    check_works(app.run())
    assert read_curve(app, "LayerNorm") == after
    assert "N(0,\\sigma_w^2)" in app.latex[0].value
    app.segmented_control(key="normalization_gradient").set_value("delta")
    check_works(app.run())
    assert "∂L/∂z" in read_chart(app)["layout"]["yaxis"]["title"]["text"]
    app.get("button_group")[3].set_value("rms")
    check_works(app.run())
    assert read_url(app)["placed"] == "rms"


def test_the_flow_figures_side_by_side(app: AppTest) -> None:
    """One panel per normalization, with theory's RMS where there is a law."""
    open_page(app, view="flow", depth="8", width="32", batch_size="64")
    norms = {name: read_curve(app, name) for name in ("None", "BatchNorm", "LayerNorm")}
    app.segmented_control(key="normalization_look").set_value("flow")
    check_works(app.run())
    layout = read_chart(app)["layout"]
    titles = [a["text"] for a in layout["annotations"]]
    assert [t for t in titles if "Norm" in t or t == "None"] == [
        "None",
        "BatchNorm",
        "LayerNorm",
        "GroupNorm",
        "RMSNorm",
    ]
    measured = [t for t in read_chart(app)["data"] if t.get("name") == "RMS"]
    assert [t["xaxis"] for t in measured] == ["x", "x2", "x3", "x4", "x5"]
    for trace, name in zip(measured, ("None", "BatchNorm", "LayerNorm"), strict=False):
        # RMS = norm/√(entries) of 64 samples and 32 units
        hidden = np.array([float(y) for y in decode(trace["y"])])[:-1]
        expected = np.array(norms[name])[:-1] - np.log10(64 * 32) / 2
        np.testing.assert_allclose(hidden, expected, atol=1e-5)
    theory = [t for t in read_chart(app)["data"] if t.get("name") == "theory on top"]
    assert {t["xaxis"] for t in theory} == {"x", "x2", "x3", "x4", "x5"}
    batch = next(t for t in theory if t["xaxis"] == "x2")
    law = np.array([float(y) for y in decode(batch["y"])])[:-1]
    # π/(π − 1) per layer for the square; the batch of 64 adds a little.
    slope = np.diff(law).mean()
    assert -0.1 < slope < -np.log10(np.pi / (np.pi - 1)) / 2


def test_groups_follow_the_width(app: AppTest) -> None:
    open_page(app, view="flow", depth="5", width="64", groups="64", batch_size="16")
    assert not app.error
    app.select_slider(key="normalization_flow_width").set_value(16)
    check_works(app.run())
    assert read_url(app)["groups"] == "16"


def test_bad_initialization(app: AppTest) -> None:
    open_page(app, view="scales", depth="8", width="16")
    none, batch = read_curve(app, "None"), read_curve(app, "BatchNorm")
    assert none[-1] - none[0] > 30  # decades
    assert max(batch[8:]) - min(batch[8:]) < 0.1
    assert batch[0] < batch[-1] - 1  # ε
    app.select_slider(key="normalization_scales_epsilon").set_value(0.0)
    check_works(app.run())
    flat = read_curve(app, "BatchNorm")
    assert max(flat) - min(flat) < 1e-6
    table = app.dataframe[0].value
    assert all("10⁻¹" in text for text in table["BatchNorm"])  # rounding errors
    assert table["LayerNorm"].iloc[4] != "0"
    app.select_slider(key="normalization_scales_scale").set_value(1000.0)
    app.slider(key="normalization_scales_depth").set_value(4)
    check_works(app.run())
    expected = {"scale": "1000.0", "epsilon": "0.0", "depth": "4"}
    assert expected.items() <= read_url(app).items()


def test_learning_rates(app: AppTest) -> None:
    open_page(app, view="rates", depth="6", width="16", steps="10")
    rows = app.dataframe[0].value.set_index("Normalization")
    assert rows.index.tolist() == ["None", "BatchNorm", "LayerNorm", "GroupNorm", "RMSNorm"]
    assert rows.loc["None", "over that without a norm"] == "1"
    rings = [t for t in read_chart(app)["data"] if t["name"] == "largest"]
    trained = (rows["largest η that trains"] != "none").sum()
    assert len(rings) == trained >= 4
    said = next(m.value for m in app.markdown if "over 5 seeds" in m.value)
    assert f"**BatchNorm {rows.loc['BatchNorm', 'over that without a norm']}**" in said
    app.select_slider(key="normalization_rates_weight_scale").set_value(0.1)
    check_works(app.run())
    rows = app.dataframe[0].value.set_index("Normalization")
    assert rows.loc["None", "largest η that trains"] == "none"
    assert rows.loc["BatchNorm", "largest η that trains"] != "none"
    assert read_url(app)["weight_scale"] == "0.1"
    assert "**None" in app.info[0].value
    assert "no learning rate brings the loss below the dotted line within 10" in app.info[0].value
    assert "“Weight scale k” nearer to 1" in app.info[0].value
    app.select_slider(key="normalization_rates_weight_scale").set_value(10.0)
    app.slider(key="normalization_rates_depth").set_value(16)
    check_works(app.run())
    assert app.info[0].value.startswith("**None**: at every learning rate the loss ends infinite")
    assert "Lower “Weight scale k” (now 10) or “Depth” (now 16)" in app.info[0].value
    rows = app.dataframe[0].value.set_index("Normalization")
    assert rows.loc["None", "loss before"] in app.info[0].value
    assert rows.loc["None", ["lowest loss", "at η"]].tolist() == ["–", "–"]


def test_covariate_shift(app: AppTest) -> None:
    open_page(app, view="shift", layer="2")
    assert "what arrives at layer 2 moves" in read_markdown(app)
    before = read_curve(app, "median")
    app.slider(key="normalization_shift_layer").set_value(5)
    check_works(app.run())
    assert "at layer 5" in read_markdown(app)
    assert read_curve(app, "median") != before
    app.selectbox(key="normalization_shift_activation").set_value(Activation.SIGMOID)
    check_works(app.run())
    assert read_url(app)["activation"] == "sigmoid"


def test_the_noise_of_batch_norm(app: AppTest) -> None:
    open_page(app, view="noise", images="64")
    assert "A mild regularizer" in read_markdown(app)
    assert app.dataframe[0].value["Images per group"].tolist() == ["no norm", "64", "16", "8", "4"]
    assert len(read_curve(app, "their middle")) == 5
    app.select_slider(key="normalization_noise_images").set_value(128)
    check_works(app.run())
    assert read_url(app)["images"] == "128"


def test_nothing_is_said_of_failures_where_there_are_none() -> None:
    trains = RateSweep(np.full(5, 2.5), np.ones((5, 25)))
    assert explain_failures(LearningRates(), dict.fromkeys(COMPARED, trains)) == []
    sentences = explain_failures(
        LearningRates(),
        {COMPARED[0]: RateSweep(np.full(5, 1e9), np.full((5, 25), np.nan)), COMPARED[1]: trains},
    )
    assert len(sentences) == 1
    assert "BatchNorm" not in sentences[0]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"view": "flow", "groups": "7", "depth": "5"}, ["groups", "7 does not divide"]),
        ({"view": "flow", "placed": "none", "depth": "5"}, ["placed", "none", "rms"]),
        ({"view": "scales", "epsilon": "-1", "depth": "3"}, ["epsilon", "-1", "from 0 to 0.1"]),
        ({"view": "rates", "steps": "1000", "depth": "3"}, ["steps", "1000", "from 5 to 40"]),
    ],
)
def test_a_forged_link_is_explained(app: AppTest, query: dict[str, str], words: list[str]) -> None:
    open_page(app, **query)
    message = app.error[0].value.replace("\\", "")
    for word in words:
        assert word in message
    assert list_charts(app)
