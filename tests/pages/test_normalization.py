"""The page on normalization, its first four views: controls, numbers, links."""

import math
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from gradflow.core.teaching.normalization.batch import BatchSource, PushedBatch, push
from gradflow.core.teaching.normalization.sharing import Norm
from gradflow.core.teaching.normalization.small_batches import Law
from gradflow.ui.normalization.state import PAGE, NormalizationView
from gradflow.ui.normalization.views import VIEWS
from tests.charts.figures import decode, find_traces, read_words
from tests.pages.apptest import (
    check_works,
    list_charts,
    open_link,
    read_chart,
    read_markdown,
    read_url,
)

KEY = "normalization_{}_{}"


def open_page(app: AppTest, view: str, **query: str) -> AppTest:
    return open_link(app, "normalization", {"view": view, **query})


def move_widgets(app: AppTest, view: str, kind: str = "slider", **values: Any) -> AppTest:
    """Move widgets of one kind to these values."""
    for name, value in values.items():
        getattr(app, kind)(key=KEY.format(view, name)).set_value(value)
    return check_works(app.run())


def choose(app: AppTest, view: str, name: str, value: Any) -> AppTest:
    """Choose an option of a list."""
    key = KEY.format(view, name)
    app.selectbox(key=key).set_value(value)
    return check_works(app.run())


def read_latex(app: AppTest) -> str:
    return " ".join(formula.value for formula in app.latex)


def test_every_view_has_a_title_and_a_spec() -> None:
    assert set(VIEWS) == set(PAGE.forms) == set(NormalizationView)


def test_blocks_follow_the_sliders(app: AppTest) -> None:
    open_page(app, "sharing")
    assert "6 × 36 entries" in read_words(read_chart(app))
    assert "are the same here" not in read_markdown(app)
    move_widgets(app, "sharing", samples=3, height=2, width=1)
    labels = read_words(read_chart(app))
    for numbers in ("6 × 6", "3 × 12", "18 × 2", "6 × 6"):
        assert f"{numbers} entries" in labels
    assert "means: $N = 3$" in read_markdown(app)
    assert r"entries: $C\cdot H\cdot W = 12$" in read_markdown(app)
    faces = read_chart(app)["data"][5]["x"]
    move_widgets(app, "sharing", channel=5)
    assert read_chart(app)["data"][5]["x"] != faces
    assert read_url(app) == {
        "view": "sharing",
        "samples": "3",
        "channels": "6",
        "height": "2",
        "width": "1",
        "groups": "2",
        "sample": "2",
        "channel": "5",
    }


def test_coincidences_are_said(app: AppTest) -> None:
    open_page(app, "sharing")
    move_widgets(app, "sharing", "select_slider", groups=1)
    assert "**Layer norm and group norm are the same here:** a single group" in read_markdown(app)
    move_widgets(app, "sharing", "select_slider", groups=6)
    assert "**Instance norm and group norm are the same here:** with G = C" in read_markdown(app)
    move_widgets(app, "sharing", samples=1)
    assert "**Batch norm, instance norm and group norm are the same here:**" in read_markdown(app)
    assert "a single sample, and with G = C" in read_markdown(app)
    move_widgets(app, "sharing", height=1, width=1)
    assert "every entry is alone" in read_markdown(app)


def test_groups_divide_the_channels_that_remain(app: AppTest) -> None:
    open_page(app, "sharing", channels="12", groups="4", channel="11", sample="2")
    groups = app.select_slider(key=KEY.format("sharing", "groups"))
    assert groups.options == ["1", "2", "3", "4", "6", "12"]
    move_widgets(app, "sharing", channels=9)
    assert (read_url(app)["groups"], read_url(app)["channel"]) == ("3", "9")
    move_widgets(app, "sharing", channels=1, samples=1)
    assert [read_url(app)[name] for name in ("groups", "channel", "sample")] == ["1", "1", "1"]
    assert [s.key for s in app.slider] == [
        KEY.format("sharing", name) for name in ("samples", "channels", "height", "width")
    ]
    assert not app.error


def test_one_batch_in_numbers(app: AppTest) -> None:
    open_page(app, "batch")
    move_widgets(app, "batch", gamma=2.0, beta=-1.0, sample=3, channel=4)
    pushed = push(PushedBatch(gamma=2, beta=-1, sample=3, channel=4))
    diamonds = find_traces(read_chart(app), name="the followed entry")
    x = pushed.before[2, 3, 4, 4]
    mean, variance = pushed.before[:, 3].mean(), pushed.before[:, 3].var()
    y = 2 * (x - mean) / math.sqrt(variance + 1e-5) - 1
    assert decode(diamonds[1]["x"])[0] == pytest.approx(y, rel=1e-9)
    assert f"= {mean:.4g}" in read_latex(app)
    assert f"= {variance:.4g}" in read_latex(app)
    assert f"= {y:.4g}" in read_latex(app)
    assert "m = 2,048" in read_markdown(app)
    assert read_url(app)["gamma"] == "2.0"
    assert "groups" not in read_url(app)


def test_every_normalization_and_every_batch(app: AppTest) -> None:
    open_page(app, "batch")
    for norm in Norm:
        choose(app, "batch", "norm", norm)
        assert read_url(app)["norm"] == norm
        (after,) = [t for t in read_chart(app)["data"] if t["xaxis"] == "x5"]
        centred = np.abs(decode(after["y"])).max() < 1e-9
        assert centred == (norm in (Norm.BATCH, Norm.INSTANCE))
    assert r"\mathrm{ms}" in read_latex(app)  # RMS norm was the last
    for source in BatchSource:
        choose(app, "batch", "source", source)
        assert read_url(app)["source"] == source
    assert app.select_slider(key=KEY.format("batch", "eps"))


def test_groups_only_with_group_norm_and_channels(app: AppTest) -> None:
    open_page(app, "batch", norm="group", groups="8")
    assert "Every **group of channels" in read_markdown(app)
    assert app.select_slider(key=KEY.format("batch", "groups")).value == 8
    choose(app, "batch", "source", BatchSource.IMAGES)
    assert "groups" not in read_url(app)
    assert "channel" not in read_url(app)
    assert KEY.format("batch", "channel") not in [s.key for s in app.slider]
    choose(app, "batch", "source", BatchSource.GAUSSIAN)
    assert read_url(app)["groups"] == "8"


def test_epsilon_fades_the_normalization(app: AppTest) -> None:
    open_page(app, "batch", source="gaussian")
    assert "no longer small" not in read_markdown(app)
    move_widgets(app, "batch", "select_slider", eps=1.0)
    assert "ε = 1 is no longer small" in read_markdown(app)
    open_page(app, "batch", source="hidden", norm="instance")
    assert "Every entry is alone" in read_markdown(app)


def test_channels_as_a_table(app: AppTest) -> None:
    open_page(app, "batch", source="gaussian", gamma="2", beta="1")
    assert not app.dataframe
    app.session_state["normalization_channels"] = True
    check_works(app.run())
    table = app.dataframe[0].value
    x = push(PushedBatch(source="gaussian")).before
    assert table["variance before"].tolist() == pytest.approx(x.var((0, 2, 3)).tolist())
    assert table["mean after"].tolist() == pytest.approx([1] * 8)
    assert table["variance after"].tolist() == pytest.approx([4] * 8, rel=1e-3)


def test_training_and_evaluation(app: AppTest) -> None:
    open_page(app, "modes", batches="1", momentum="0.5", batch_size="8")
    running = decode(find_traces(read_chart(app), name="running")[0]["y"])
    x = 3 + 2 * np.random.default_rng([0, 0]).standard_normal(8)
    assert running.tolist() == pytest.approx([0, x.mean() / 2])
    assert rf"\tfrac{{8}}{{7}}\cdot {x.var():.4g} = {0.5 + x.var(ddof=1) / 2:.4g}" in read_latex(
        app
    )
    move_widgets(app, "modes", batches=0)
    assert "No batch yet" in read_markdown(app)
    move_widgets(app, "modes", batches=200)
    assert "The test data is like the training data" in read_markdown(app)
    assert "not settled" not in read_markdown(app)
    move_widgets(app, "modes", "select_slider", momentum=0.01)
    assert "not settled" in read_markdown(app)


def test_a_shift_is_hidden_in_training_mode_and_passed_on_in_evaluation(app: AppTest) -> None:
    open_page(app, "modes", batches="200", batch_size="512")
    move_widgets(app, "modes", shift=2.0, scale=0.5)
    assert "training mode hides it" in read_markdown(app)
    rows = [
        line.split(" | ") for line in read_markdown(app).splitlines() if line.startswith("| **")
    ]
    numbers = {row[0].strip("|* "): [float(cell.strip(" |")) for cell in row[2:]] for row in rows}
    assert numbers["Training"][:2] == pytest.approx([0, 1], abs=0.01)
    assert numbers["Evaluation"][:2] == pytest.approx([2, 0.5], abs=0.1)
    assert numbers["Training"][2] > 1.9
    assert numbers["Evaluation"][2] < 0.2
    training, evaluation = (
        float((decode(t["x"]) * decode(t["y"])).sum())
        for t in find_traces(read_chart(app, 1), type="bar")
    )
    assert (training, evaluation) == pytest.approx((0, 2), abs=0.1)


def test_small_batches(app: AppTest) -> None:
    open_page(app, "small", batch_size="32")
    assert r"\frac{1}{\sqrt{32}} = 0.1768" in read_latex(app)
    assert "Above N = C/G = 8 batch norm has the better statistics" in read_markdown(app)
    move_widgets(app, "small", "select_slider", batch_size=4, positions=4)
    assert r"\frac{1}{\sqrt{16}} = 0.25" in read_latex(app)
    assert "catches up at N = C/G = 8" in read_markdown(app)
    assert {shape["x0"] for shape in read_chart(app)["layout"]["shapes"]} == {4}
    group = find_traces(read_chart(app), name="group norm: theory")[0]
    assert decode(group["y"]).tolist() == pytest.approx([1 / math.sqrt(32)] * 9)
    move_widgets(app, "small", "select_slider", group_channels=4)
    group = find_traces(read_chart(app), name="group norm: theory")[0]
    assert decode(group["y"]).tolist() == pytest.approx([0.25] * 9)
    assert "both average over equally many" in read_markdown(app)
    drawn = find_traces(read_chart(app), name="batch norm: drawn")[1]
    choose(app, "small", "law", Law.LAPLACE)
    assert (
        decode(find_traces(read_chart(app), name="batch norm: drawn")[1]["y"]) > decode(drawn["y"])
    ).all()
    assert r"\frac{6}{16}" in read_latex(app).replace(r"\tfrac", r"\frac")


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        ({"view": "nonsense"}, ["view", "nonsense", "sharing", "small"]),
        ({"view": "sharing", "samples": "99"}, ["samples", "99", "from 1 to 8"]),
        ({"view": "sharing", "channels": "5"}, ["groups: 2 does not divide the 5 channels"]),
        ({"view": "batch", "norm": "group", "groups": "3"}, ["groups: 3", "1, 2, 4, 8"]),
        ({"view": "batch", "samples": "4", "sample": "9"}, ["sample", "9", "from 1 to 4"]),
        ({"view": "batch", "source": "cats", "eps": "nan"}, ["source", "cats", "hidden", "eps"]),
        ({"view": "modes", "momentum": "0", "batches": "x"}, ["momentum", "0.01", "batches"]),
        ({"view": "small", "batch_size": "7"}, ["batch_size: 7", "2, 4, 8"]),
    ],
)
def test_a_forged_link_is_explained(app: AppTest, query: dict[str, str], parts: list[str]) -> None:
    open_page(app, **query)
    message = app.error[0].value.replace("\\", "")
    for part in parts:
        assert part in message
    assert list_charts(app)


def test_parameters_of_nobody_are_ignored(app: AppTest) -> None:
    open_page(app, "small", batch_size="4", utm_source="mail")
    assert not app.error
    assert read_url(app)["batch_size"] == "4"
    assert "utm_source" not in read_url(app)


def test_groups_of_a_link_that_do_not_matter_yet_are_rounded_down(app: AppTest) -> None:
    open_page(app, "batch", norm="batch", groups="3")  # batch norm has no groups
    choose(app, "batch", "norm", Norm.GROUP)
    assert not app.error
    assert read_url(app)["groups"] == "2"


@pytest.mark.parametrize("view", ["sharing", "batch", "modes", "small"])
def test_explanations_open(app: AppTest, view: str) -> None:
    open_page(app, view)
    assert "**Try it.**" not in read_markdown(app)
    app.session_state[f"explain_normalization_{view}"] = True
    check_works(app.run())
    text = next(text for text in (m.value for m in app.markdown) if len(text) > 1000)
    assert "$$" in text


def test_views_keep_their_settings(app: AppTest) -> None:
    open_page(app, "modes", batches="77", shift="1.5")
    app.get("button_group")[0].set_value(NormalizationView.SHARING)
    check_works(app.run())
    assert read_url(app)["view"] == "sharing"
    app.get("button_group")[0].set_value(NormalizationView.MODES)
    check_works(app.run())
    assert (read_url(app)["batches"], read_url(app)["shift"]) == ("77", "1.5")
