"""The Explore page, run without a browser: controls, errors, URL, figures."""

from typing import Any

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
from tests.pages.apptest import (
    Cards,
    Toolbar,
    check_works,
    list_charts,
    press_in_line,
    read_chart,
    read_findings,
    read_markdown,
    read_panels,
    read_url,
    send_event,
)


def open_page(app: AppTest, **query: str) -> AppTest:
    """The page as a link opens it, with its details unfolded."""
    app.session_state["details_box"] = True
    for name, value in query.items():
        app.query_params[name] = value
    return check_works(app.run())


OPENING = PRESETS["deep_sigmoid"].experiment


def test_opens_with_a_network_that_cannot_learn(app: AppTest) -> None:
    open_page(app)
    assert read_url(app) == codec.to_query(OPENING)
    assert "gradient" in read_findings(app).lower()
    count = 64 * 128 + 128 + 22 * (128**2 + 128) + 1290
    assert f"<strong>{count:,}</strong>" in read_markdown(app)
    assert not app.error


def test_every_setting_has_a_widget_where_it_applies(app: AppTest) -> None:
    """Each field of the specs is drawn by some choice of the options that use it."""
    open_page(app, depth="4", width="16", batch_size="32")
    seen = set()

    def look() -> None:
        check_works(app)
        seen.update(Toolbar(app).controls)

    look()
    of_layers = ("initialization", "normalization", "activation", "connection")
    for architecture, owners in (
        ("mlp", (*of_layers, "source", "targets", "dtype", "gain")),
        ("conv", ("connection", "downsampling")),
        ("transformer", ("activation",)),
    ):
        Toolbar(app).set(architecture=architecture)
        look()
        for owner in owners:
            if owner == "gain":
                Toolbar(app).set(initialization="kaiming_normal")
            enum = find_enum(_find_field(owner))
            for code in list_options(enum, architecture):
                if TABLES[enum][code].parameters:
                    Toolbar(app).set(**{owner: str(code)})
                    look()
    assert set(codec.list_field_names()) <= seen


def _find_field(name: str):
    return next(part.model_fields[name] for part in codec.PARTS if name in part.model_fields)


@pytest.mark.parametrize("enum", [Activation, Connection, Initialization, Normalization])
def test_every_option_runs(app: AppTest, enum: type) -> None:
    open_page(app, depth="4", width="16", batch_size="32")
    for member in list_options(enum, "mlp"):
        Toolbar(app).set(**{enum.__name__.lower(): str(member)})
        assert not check_works(app).error, member
        assert read_url(app)[enum.__name__.lower()] == member


@pytest.mark.parametrize(
    ("name", "enum"),
    [
        ("normalization", Normalization),
        ("connection", Connection),
        ("padding", Padding),
        ("downsampling", Downsampling),
    ],
)
def test_every_option_of_a_convnet_runs(app: AppTest, name: str, enum: type) -> None:
    open_page(app, architecture="conv", depth="6", channels="8", batch_size="16")
    for member in list_options(enum, "conv"):
        Toolbar(app).set(**{name: str(member)})
        assert not check_works(app).error, member
        assert read_url(app)[name] == member


def test_every_placement_of_a_transformers_norm_runs(app: AppTest) -> None:
    open_page(app, architecture="transformer", depth="2", width="16", batch_size="16")
    figures = set()
    for member in NormPlacement:
        Toolbar(app).set(norm_placement=str(member))
        assert not check_works(app).error, member
        figures.add(str(read_chart(app)))
    assert len(figures) == 3


def test_another_architecture_keeps_what_it_can(app: AppTest) -> None:
    open_page(app, depth="150", activation="relu", source="moons", seed="7")
    for architecture in (Architecture.CONV, Architecture.TRANSFORMER, Architecture.MLP):
        Toolbar(app).set(architecture=str(architecture))
        assert not check_works(app).error, architecture
        assert read_url(app)["architecture"] == architecture
        assert read_url(app)["seed"] == "7"
        if architecture is Architecture.CONV:
            assert read_url(app)["activation"] == "relu"
            assert read_url(app)["source"] == "digits"  # it cannot see points in the plane
    # Back again, all is as it was.
    assert [read_url(app)[n] for n in ("depth", "activation", "source")] == ["150", "relu", "moons"]


def test_cures_of_a_transformer_are_its_own(app: AppTest) -> None:
    settings = {"norm_placement": "post", "weight_std": "0.2"}
    open_page(app, architecture="transformer", depth="2", width="16", batch_size="16", **settings)
    press_in_line(app, kind="cures")
    data = read_panels(app)
    assert data is not None
    codes = {cure["code"] for cure in data["cures"]}
    assert {"pre_norm", "scaled_weights", "warm_up"} <= codes
    assert set(data["training"]["codes"]) == codes


def test_the_residual_stream_is_a_click_away(app: AppTest) -> None:
    open_page(app, architecture="transformer", depth="3", width="16", batch_size="16")
    stream = read_chart(app)
    Toolbar(app).set(rows="layer")
    assert read_chart(app) != stream
    assert "branch" in stream["layout"]["xaxis"]["title"]["text"]


def find_traces(chart: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [trace for trace in chart["data"] if trace.get("name") == name]


def test_the_streams_numbers_are_in_the_tabs_too(app: AppTest) -> None:
    settings = {"architecture": "transformer", "depth": "2", "width": "16", "batch_size": "16"}
    stream = gf.run(codec.from_query(settings)).stream.layers
    open_page(app, **settings)
    app.session_state["details"] = "Gradient norms"
    check_works(app.run())
    (line,) = find_traces(read_chart(app, 1), "‖∂L/∂h‖")
    assert [10**y for y in line["y"]] == pytest.approx(
        stream["activation_grad_norm"].tolist(), rel=1e-5
    )
    app.segmented_control(key="norm_rows_transformer").set_value("layer").run()
    assert find_traces(read_chart(check_works(app), 1), "‖∂L/∂z‖")
    app.session_state["details"] = "Forward signal"
    assert find_traces(read_chart(check_works(app.run()), 1), "std of h")
    app.session_state["details"] = "Table"
    check_works(app.run())
    app.segmented_control(key="table_of_stream").set_value("stream").run()
    table = check_works(app).dataframe[0].value
    assert table["branch"].tolist() == [0, 1, 2, 3, 4]
    assert table["module"].tolist()[:2] == ["positions", "attention1"]
    assert table["grad_norm"].tolist() == stream["activation_grad_norm"].tolist()
    app.session_state["details"] = "Export"
    check_works(app.run())
    assert "Residual stream, CSV" in [b.proto.label for b in app.get("download_button")]


def test_moving_the_depth_moves_figure_url_and_metrics(app: AppTest) -> None:
    open_page(app)
    before = read_chart(app)
    Toolbar(app).set(depth=7)
    count = 64 * 128 + 128 + 5 * (128**2 + 128) + 1290
    assert f"<strong>{count:,}</strong>" in read_markdown(check_works(app))
    assert read_url(app)["depth"] == "7"
    assert read_chart(app) != before


def test_url_restores_every_setting(app: AppTest) -> None:
    experiment = gf.Experiment(
        network=gf.MLP(
            widths=(30, 40),
            connection="residual",
            block_size=3,
            branch_scale=0.25,
            activation="leaky_relu",
            negative_slope=0.3,
            initialization="kaiming_uniform",
            fan_mode="fan_out",
            gain="custom",
            gain_value=1.25,
            normalization="group",
            groups=5,
            norm_position="after",
        ),
        data=gf.Data(source="gaussian", dimension=9, scale=2.5, correlation=0.5, batch_size=33),
        loss="mse",
        dtype="float16",
        loss_scale=128.0,
        device="cpu",
        seed=5,
        learning_rate=0.5,
        clip_norm=2.5,
    )
    open_page(app, **codec.to_query(experiment))
    assert not app.error
    assert read_url(app) == codec.to_query(experiment)
    assert f"<strong>{gf.run(experiment).loss:.3g}</strong>" in read_markdown(app)


def test_parameters_that_are_no_settings_are_ignored_without_a_word(app: AppTest) -> None:
    """A learning platform or a mail program appends them to any address."""
    open_page(app, depth="7", utm_source="mail", fbclid="x" * 500, colour="red")
    assert not app.error
    assert read_url(app) == codec.to_query(gf.Experiment(network=gf.MLP(depth=7)))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"depth": "0"}, ["depth", '"0"', "1 to 200"]),
        ({"width": "1000000"}, ["width", "1000000", "1 to 4,096"]),
        ({"initialization": "normal", "init_std": "nan"}, ["init_std", "nan", "above 0"]),
        ({"activation": "swosh"}, ["activation", "swosh", "one of", "tanh"]),
        ({"depth": "200", "width": "4096", "batch_size": "1797"}, ["GiB", "depth", "batch_size"]),
        ({"widths": "3-x"}, ["widths", "x", "1 to 4,096"]),
        ({"batch_size": "5000"}, ["batch_size", "5,000", "1,797"]),
        ({"depth": "<script>alert(1)</script>"}, ["depth", "script"]),
    ],
)
def test_forged_url_is_explained_and_the_rest_lives(
    app: AppTest, query: dict[str, str], words: list[str]
) -> None:
    open_page(app, seed="3", **query)
    message = app.error[0].value.strip("` ")
    assert all(word in message for word in words), message
    assert "Traceback" not in message
    assert read_url(app)["seed"] == "3"  # what was right in the URL is kept
    assert len(list_charts(app)) > 0
    Toolbar(app).set(depth=9)
    assert not check_works(app).error  # and the complaint goes away with the next change


@pytest.mark.parametrize(
    ("query", "left_out"),
    [
        (
            {"architecture": "mlp", "channels": "16", "kernel": "5"},
            "channels=16, kernel=5 (no effect with architecture=mlp)",
        ),
        (
            {"architecture": "transformer", "connection": "dense"},
            "connection=dense (no effect with architecture=transformer)",
        ),
        (
            {"activation": "tanh", "negative_slope": "0.2"},
            "negative_slope=0.2 (no effect with activation=tanh)",
        ),
        (
            {"initialization": "zeros", "gain_value": "2"},
            "gain_value=2 (no effect with initialization=zeros)",
        ),
        ({"widths": "30-20", "depth": "7"}, "depth=7 (no effect with widths=30-20)"),
        (
            {"architecture": "conv", "source": "gaussian", "dimension": "9"},
            "dimension=9 (no effect with architecture=conv)",
        ),
        (
            {"architecture": "mlp", "image_size": "16", "gain_value": "2"},
            "image_size=16 (no effect with architecture=mlp); gain_value=2 (no effect with",
        ),
    ],
)
def test_settings_without_effect_are_named(
    app: AppTest, query: dict[str, str], left_out: str
) -> None:
    open_page(app, seed="3", **query)
    message = app.error[0].value.strip("` ")  # it is quoted as code
    assert message.startswith(f"Left out of this link: {left_out}"), message
    assert message.endswith("its other settings are kept.")
    assert (len(app.error), read_url(app)["seed"]) == (1, "3")
    Toolbar(app).set(seed=4)
    assert not check_works(app).error


def test_the_apps_own_links_are_used_in_full() -> None:
    for code in PRESETS:
        query = codec.to_query(PRESETS[code].experiment)
        assert codec.find_without_effect(query, codec.from_query(query)) == {}


def test_impossible_setting_keeps_the_last_picture(app: AppTest) -> None:
    open_page(app)
    Toolbar(app).set(widths="100-0")
    assert "widths" in check_works(app).error[0].value
    assert len(list_charts(app)) > 0
    assert read_url(app) == codec.to_query(OPENING)
    Toolbar(app).set(widths="100-50")
    assert not check_works(app).error
    assert read_url(app)["widths"] == "100-50"


@pytest.mark.parametrize("code", PRESETS)
def test_presets_load_and_are_recognized(app: AppTest, code: str) -> None:
    app.session_state["start_from"] = True
    open_page(app, depth="3", width="8", batch_size="16")
    Cards(app, "start").press(code)
    assert read_url(app) == codec.to_query(PRESETS[code].experiment)
    assert Cards(app, "start").data["chosen"] == code
    assert PRESETS[code].look_for in Cards(app, "start").data["line"]


def test_reset_brings_the_default_back(app: AppTest) -> None:
    open_page(app, depth="5", activation="relu", dtype="float16", loss_scale="64.0")
    Toolbar(app).send("reset", True)
    assert read_url(check_works(app)) == codec.to_query(OPENING)


def test_hidden_settings_keep_their_value(app: AppTest) -> None:
    open_page(app)
    Toolbar(app).set(initialization="normal")
    Toolbar(app).set(init_std=0.5)
    Toolbar(app).set(initialization="zeros")
    Toolbar(app).set(initialization="normal")
    assert read_url(check_works(app))["init_std"] == "0.5"


def test_underflow_is_said(app: AppTest) -> None:
    open_page(app, depth="16", activation="sigmoid", dtype="float16")
    assert "Underflow" in read_findings(app)
    Toolbar(app).set(loss_scale=65536.0)
    assert "layers 1 to" not in read_findings(check_works(app))


def test_missing_gpu_is_explained(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    open_page(app, device="cuda", seed="77")
    assert "cuda" in app.error[0].value
    assert Toolbar(app).read("device") == "cuda"  # alive: it can be changed back


TABS = ["Gradient norms", "Forward signal", "One layer", "Table", "Export"]


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_shows_its_content(app: AppTest, tab: str) -> None:
    open_page(app)
    app.session_state["details"] = tab
    check_works(app.run())
    count = len(list_charts(app))
    if tab == "Table":
        assert list(app.dataframe[0].value.columns)[:2] == ["layer", "module"]
    elif tab == "Export":
        assert "import torch" in app.code[0].value
        assert len(app.get("download_button")) == 6
    else:
        assert count == 2


def test_a_chosen_layer_is_opened(app: AppTest) -> None:
    open_page(app, depth="5", width="16")
    app.session_state["details_box"] = False
    assert [chart.head["name"] for chart in list_charts(check_works(app.run()))] == ["flow"]
    figure = next(e.proto for e in app.get("bidi_component") if "figure_flow" in e.proto.id)
    check_works(send_event(app, figure.id, "choice", 3).run())
    assert [chart.head["name"] for chart in list_charts(app)] == ["flow", "histograms"]
    assert app.slider(key="layer_widget").value == 3


@pytest.mark.parametrize("depth", ["1", "2", "3"])
def test_smallest_networks(app: AppTest, depth: str) -> None:
    open_page(app, depth=depth)
    app.session_state["details"] = "One layer"
    check_works(app.run())


def test_the_network_goes_on_to_training(app: AppTest) -> None:
    open_page(app, depth="5", width="24", activation="relu")
    next(b for b in app.button if b.label == "Train this network").click().run()
    app.switch_page("../../pages/training.py")
    check_works(app.run())
    expected = {"depth": "5", "width": "24", "activation": "relu"}
    assert expected.items() <= read_url(app).items()
