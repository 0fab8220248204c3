"""The Explore page, run without a browser: controls, errors, URL, figures."""

import pytest
from streamlit.testing.v1 import AppTest

import gradflow as gf
from gradflow.core import codec
from gradflow.core.catalog import (
    TABLES,
    Activation,
    Architecture,
    Connection,
    Downsampling,
    Initialization,
    Normalization,
    NormPlacement,
    Padding,
)
from gradflow.core.presets import PRESETS
from gradflow.core.spec import find_enum, list_options
from gradflow.ui.settings.experiments import GROUPS
from tests.pages.apptest import chart, charts, sentences, url, working


def opened(app: AppTest, **query: str) -> AppTest:
    """The page as a link opens it, with all groups of controls unfolded."""
    for group in GROUPS:
        app.session_state[f"group_{group.title}"] = True
    for name, value in query.items():
        app.query_params[name] = value
    return working(app.run())


def widget(app: AppTest, kind: str, name: str):
    return getattr(app, kind)(key=f"setting_{name}")


def test_opens_with_the_default_experiment(app: AppTest) -> None:
    opened(app)
    assert url(app) == codec.to_query(gf.Experiment())
    assert "gradient" in sentences(app).lower()
    assert app.metric[2].value == "306,826"
    assert not app.error


def test_folded_groups_cost_nothing_and_forget_nothing(app: AppTest) -> None:
    """Their widgets are not sent; their settings stay."""
    exp = gf.Experiment(data=gf.Data(source="gaussian", dimension=7), seed=3)
    for name, value in codec.to_query(exp).items():
        app.query_params[name] = value
    working(app.run())
    assert not [w for w in app.number_input if w.key == "setting_dimension"]
    widget(app, "slider", "depth").set_value(7).run()
    assert url(app)["dimension"] == "7"
    app.session_state["group_Data and loss"] = True
    working(app.run())
    assert widget(app, "number_input", "dimension").value == 7
    widget(app, "number_input", "dimension").set_value(9).run()
    app.session_state["group_Data and loss"] = False
    working(app.run())
    widget(app, "slider", "depth").set_value(8).run()
    assert (url(app)["dimension"], url(app)["seed"]) == ("9", "3")


def test_every_setting_has_a_widget_where_it_applies(app: AppTest) -> None:
    """Each field of the specs is drawn by some choice of the options that use it."""
    opened(app)
    seen = set()

    def look() -> None:
        working(app)
        for kind in ("selectbox", "slider", "number_input", "toggle", "text_input"):
            seen.update(w.key.removeprefix("setting_") for w in app.get(kind) if w.key)

    look()
    of_layers = ("initialization", "normalization", "activation", "connection")
    for architecture, owners in (
        ("mlp", (*of_layers, "source", "dtype", "gain")),
        ("conv", ("connection", "downsampling")),
        ("transformer", ("activation",)),
    ):
        widget(app, "selectbox", "architecture").set_value(architecture).run()
        look()
        for owner in owners:
            if owner == "gain":
                widget(app, "selectbox", "initialization").set_value("kaiming_normal").run()
            enum = find_enum(_field(owner))
            for code in list_options(enum, architecture):
                if TABLES[enum][code].parameters:
                    widget(app, "selectbox", owner).set_value(str(code)).run()
                    look()
    assert set(codec.list_field_names()) <= seen


def _field(name: str):
    return next(part.model_fields[name] for part in codec.PARTS if name in part.model_fields)


@pytest.mark.parametrize("enum", [Activation, Connection, Initialization, Normalization])
def test_every_option_runs(app: AppTest, enum: type) -> None:
    opened(app, depth="4", width="16", batch_size="32")
    for member in list_options(enum, "mlp"):
        widget(app, "selectbox", enum.__name__.lower()).set_value(str(member)).run()
        assert not working(app).error, member
        assert url(app)[enum.__name__.lower()] == member


@pytest.mark.parametrize(
    ("name", "enum"),
    [("normalization", Normalization), ("connection", Connection), ("padding", Padding),
     ("downsampling", Downsampling)],
)  # fmt: skip
def test_every_option_of_a_convnet_runs(app: AppTest, name: str, enum: type) -> None:
    opened(app, architecture="conv", depth="6", channels="8", batch_size="16")
    for member in list_options(enum, "conv"):
        widget(app, "selectbox", name).set_value(str(member)).run()
        assert not working(app).error, member
        assert url(app)[name] == member


def test_every_placement_of_a_transformers_norm_runs(app: AppTest) -> None:
    opened(app, architecture="transformer", depth="2", width="16", batch_size="16")
    figures = set()
    for member in NormPlacement:
        widget(app, "selectbox", "norm_placement").set_value(str(member)).run()
        assert not working(app).error, member
        figures.add(str(chart(app)))
    assert len(figures) == 3


def test_another_architecture_keeps_what_it_can(app: AppTest) -> None:
    opened(app, depth="150", activation="relu", source="moons", seed="7")
    for architecture in (Architecture.CONV, Architecture.TRANSFORMER, Architecture.MLP):
        widget(app, "selectbox", "architecture").set_value(str(architecture)).run()
        assert not working(app).error, architecture
        assert url(app)["architecture"] == architecture
        assert url(app)["seed"] == "7"
        if architecture is Architecture.CONV:
            assert url(app)["activation"] == "relu"
            assert url(app)["source"] == "digits"  # it cannot see points in the plane
    # Back again, all is as it was.
    assert [url(app)[n] for n in ("depth", "activation", "source")] == ["150", "relu", "moons"]


def test_cures_of_a_transformer_say_that_there_are_none(app: AppTest) -> None:
    opened(app, architecture="transformer", depth="2", width="16", batch_size="16")
    app.session_state["details"] = "Cures"
    working(app.run())
    next(b for b in app.button if b.label == "Try all cures").click().run()
    assert "No cure applies" in working(app).info[0].value


def test_the_residual_stream_is_a_click_away(app: AppTest) -> None:
    opened(app, architecture="transformer", depth="3", width="16", batch_size="16")
    stream = chart(app)
    app.segmented_control(key="flow_rows_transformer").set_value("layer").run()
    assert chart(working(app)) != stream
    assert "branch" in stream["layout"]["xaxis"]["title"]["text"]


def test_the_streams_numbers_are_in_the_tabs_too(app: AppTest) -> None:
    settings = {"architecture": "transformer", "depth": "2", "width": "16", "batch_size": "16"}
    stream = gf.run(codec.from_query(settings)).stream.layers
    opened(app, **settings)
    app.session_state["details"] = "Gradient norms"
    working(app.run())
    line = chart(app, 1)["data"][0]
    assert line["name"] == "‖∂L/∂h‖"
    assert [10**y for y in line["y"]] == pytest.approx(
        stream["activation_grad_norm"].tolist(), rel=1e-5
    )
    app.segmented_control(key="norm_rows_transformer").set_value("layer").run()
    assert chart(working(app), 1)["data"][0]["name"] == "‖∂L/∂z‖"
    app.session_state["details"] = "Forward signal"
    assert chart(working(app.run()), 1)["data"][0]["name"] == "std of h"
    app.session_state["details"] = "Table"
    working(app.run())
    app.segmented_control(key="table_of_stream").set_value("stream").run()
    table = working(app).dataframe[0].value
    assert table["branch"].tolist() == [0, 1, 2, 3, 4]
    assert table["module"].tolist()[:2] == ["positions", "attention1"]
    assert table["grad_norm"].tolist() == stream["activation_grad_norm"].tolist()
    app.session_state["details"] = "Export"
    working(app.run())
    assert "Residual stream, CSV" in [b.proto.label for b in app.get("download_button")]


def test_moving_the_depth_moves_figure_url_and_metrics(app: AppTest) -> None:
    opened(app)
    before = chart(app)
    widget(app, "slider", "depth").set_value(7).run()
    assert working(app).metric[2].value == f"{64 * 128 + 128 + 5 * (128**2 + 128) + 1290:,}"
    assert url(app)["depth"] == "7"
    assert chart(app) != before


def test_url_restores_every_setting(app: AppTest) -> None:
    experiment = gf.Experiment(
        network=gf.MLP(
            widths=(30, 40), connection="residual", block_size=3, branch_scale=0.25,
            activation="leaky_relu", negative_slope=0.3, initialization="kaiming_uniform",
            fan_mode="fan_out", gain="custom", gain_value=1.25, normalization="group", groups=5,
            norm_position="after",
        ),
        data=gf.Data(source="gaussian", dimension=9, scale=2.5, correlation=0.5, batch_size=33),
        loss="mse", dtype="float16", loss_scale=128.0, device="cpu", seed=5, learning_rate=0.5,
        clip_norm=2.5,
    )  # fmt: skip
    opened(app, **codec.to_query(experiment))
    assert not app.error
    assert url(app) == codec.to_query(experiment)
    assert app.metric[0].value == f"{gf.run(experiment).loss:.4g}"


def test_parameters_that_are_no_settings_are_ignored_without_a_word(app: AppTest) -> None:
    """A learning platform or a mail program appends them to any address."""
    opened(app, depth="7", utm_source="mail", fbclid="x" * 500, colour="red")
    assert not app.error
    assert url(app) == codec.to_query(gf.Experiment(network=gf.MLP(depth=7)))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"depth": "0"}, ["depth", '"0"', "1 to 200"]),
        ({"width": "1000000"}, ["width", "1000000", "1 to 4096"]),
        ({"initialization": "normal", "init_std": "nan"}, ["init_std", "nan", "above 0"]),
        ({"activation": "swosh"}, ["activation", "swosh", "one of", "tanh"]),
        ({"depth": "200", "width": "4096", "batch_size": "1797"}, ["GiB", "depth", "batch_size"]),
        ({"widths": "3-x"}, ["widths", "x", "1 to 4096"]),
        ({"batch_size": "5000"}, ["batch_size", "5000", "1797"]),
        ({"depth": "<script>alert(1)</script>"}, ["depth", "script"]),
    ],
)
def test_forged_url_is_explained_and_the_rest_lives(
    app: AppTest, query: dict[str, str], words: list[str]
) -> None:
    opened(app, seed="3", **query)
    message = app.error[0].value.replace("\\", "")
    assert all(word in message for word in words), message
    assert "Traceback" not in message
    assert url(app)["seed"] == "3"  # what was right in the URL is kept
    assert len(charts(app)) > 0
    widget(app, "slider", "depth").set_value(9).run()
    assert not working(app).error  # and the complaint goes away with the next change


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"architecture": "mlp", "channels": "16", "kernel": "5"},
         "channels=16, kernel=5 (no effect with architecture=mlp)"),
        ({"architecture": "transformer", "connection": "dense"},
         "connection=dense (no effect with architecture=transformer)"),
        ({"activation": "tanh", "negative_slope": "0.2"},
         "negative_slope=0.2 (no effect with activation=tanh)"),
        ({"initialization": "zeros", "gain_value": "2"},
         "gain_value=2 (no effect with initialization=zeros)"),
        ({"widths": "30-20", "depth": "7"}, "depth=7 (no effect with widths=30-20)"),
        ({"architecture": "conv", "source": "gaussian", "dimension": "9"},
         "dimension=9 (no effect with architecture=conv)"),
        ({"architecture": "mlp", "image_size": "16", "gain_value": "2"},
         "image_size=16 (no effect with architecture=mlp); gain_value=2 (no effect with"),
    ],
)  # fmt: skip
def test_settings_without_effect_are_named(app: AppTest, query: dict[str, str], said: str) -> None:
    opened(app, seed="3", **query)
    message = app.error[0].value.replace("\\", "")
    assert message.startswith(f"Left out of this link: {said}"), message
    assert message.endswith("its other settings are kept.")
    assert (len(app.error), url(app)["seed"]) == (1, "3")
    widget(app, "number_input", "seed").set_value(4).run()
    assert not working(app).error


def test_the_apps_own_links_are_used_in_full() -> None:
    for code in PRESETS:
        query = codec.to_query(PRESETS[code].experiment)
        assert codec.find_without_effect(query, codec.from_query(query)) == {}


def test_impossible_setting_keeps_the_last_picture(app: AppTest) -> None:
    opened(app)
    widget(app, "text_input", "widths").set_value("100-0").run()
    assert "widths" in working(app).error[0].value
    assert len(charts(app)) > 0
    assert url(app) == codec.to_query(gf.Experiment())
    widget(app, "text_input", "widths").set_value("100-50").run()
    assert not working(app).error
    assert url(app)["widths"] == "100-50"


@pytest.mark.parametrize("code", PRESETS)
def test_presets_load_and_are_recognized(app: AppTest, code: str) -> None:
    opened(app)
    app.selectbox(key="setting_preset").set_value(code).run()
    assert url(working(app)) == codec.to_query(PRESETS[code].experiment)
    assert app.selectbox(key="setting_preset").value == code


def test_reset_brings_the_default_back(app: AppTest) -> None:
    opened(app, depth="5", activation="relu", dtype="float16", loss_scale="64.0")
    app.sidebar.button[0].click().run()
    assert url(working(app)) == codec.to_query(gf.Experiment())


def test_hidden_settings_keep_their_value(app: AppTest) -> None:
    opened(app)
    widget(app, "selectbox", "initialization").set_value("normal").run()
    widget(app, "number_input", "init_std").set_value(0.5).run()
    widget(app, "selectbox", "initialization").set_value("zeros").run()
    widget(app, "selectbox", "initialization").set_value("normal").run()
    assert url(working(app))["init_std"] == "0.5"


def test_underflow_is_said(app: AppTest) -> None:
    opened(app, depth="16", activation="sigmoid", dtype="float16")
    assert "Underflow" in sentences(app)
    widget(app, "number_input", "loss_scale").set_value(65536.0).run()
    assert "layers 1 to" not in sentences(working(app))


def test_missing_gpu_is_explained(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    opened(app, device="cuda", seed="77")
    assert "cuda" in app.error[0].value
    assert widget(app, "selectbox", "device").value == "cuda"  # alive: it can be changed back


TABS = ["Gradient norms", "Forward signal", "One layer", "Table", "Export"]


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_shows_its_content(app: AppTest, tab: str) -> None:
    opened(app)
    app.session_state["details"] = tab
    working(app.run())
    count = len(charts(app))
    if tab == "Table":
        assert list(app.dataframe[0].value.columns)[:2] == ["layer", "module"]
    elif tab == "Export":
        assert "import torch" in app.code[0].value
        assert len(app.get("download_button")) == 6
    else:
        assert count == 2


@pytest.mark.parametrize("depth", ["1", "2", "3"])
def test_smallest_networks(app: AppTest, depth: str) -> None:
    opened(app, depth=depth)
    app.session_state["details"] = "One layer"
    working(app.run())


def test_the_network_goes_on_to_training(app: AppTest) -> None:
    opened(app, depth="5", width="24", activation="relu")
    next(b for b in app.button if b.label == "Train this network").click().run()
    app.switch_page("../../pages/training.py")
    working(app.run())
    assert (url(app)["depth"], url(app)["width"], url(app)["activation"]) == ("5", "24", "relu")
