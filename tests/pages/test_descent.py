"""The page of descents without a browser: settings, URL, sentences, forged links."""

import pytest
from streamlit.testing.v1 import AppTest

from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.descent_presets import PRESETS
from gradflow.core.teaching.descent_verdict import judge_descent
from gradflow.core.teaching.fields import to_query
from gradflow.core.teaching.trajectories import run_descent
from gradflow.ui import blocks
from gradflow.ui.boards.specs import describe_descent
from tests.pages.apptest import Board, check_works, list_charts, open_link, read_markdown, read_url

WIDGET = "descent_set_"


def open_page(app: AppTest, **query: str) -> AppTest:
    return open_link(app, "descent", query)


def check_shows(app: AppTest, descent: Descent) -> None:
    """Check that the address, the sentences and the chart are those of ``descent``."""
    assert read_url(app) == dict(sorted(to_query(descent).items()))
    for trajectory in run_descent(descent):
        assert str(judge_descent(descent, trajectory).text) in read_markdown(app)
    assert Board(app).spec == describe_descent(descent)


def test_it_opens_with_the_slow_crawl_from_a_to_b(app: AppTest) -> None:
    open_page(app)
    check_shows(app, PRESETS["vanishing"].descent)
    assert "Look for" in " ".join(text.value for text in app.caption)


@pytest.mark.parametrize("code", ["cliff_clipped", "scaled"])
def test_a_link_restores_everything(app: AppTest, code: str) -> None:
    open_page(app, **to_query(PRESETS[code].descent))
    check_shows(app, PRESETS[code].descent)
    assert app.selectbox(WIDGET + "preset").value == code


def test_a_preset_is_chosen_and_a_setting_leaves_it(app: AppTest) -> None:
    open_page(app)
    app.selectbox(WIDGET + "preset").set_value("overflow")
    check_shows(check_works(app.run()), PRESETS["overflow"].descent)
    assert "beyond the range of float64" in read_markdown(app)
    app.slider(WIDGET + "steps").set_value(3)
    check_works(app.run())
    check_shows(app, PRESETS["overflow"].descent.model_copy(update={"steps": 3}))
    assert app.selectbox(WIDGET + "preset").value is None


def test_another_loss_brings_its_own_start_and_learning_rate(app: AppTest) -> None:
    open_page(app)
    app.selectbox(WIDGET + "surface").set_value("cliff")
    check_works(app.run())
    check_shows(app, Descent(surface="cliff", steps=300))
    app.slider(WIDGET + "start_0").set_value(4.0)
    app.slider(WIDGET + "shape").set_value(20)
    check_works(app.run())
    check_shows(app, Descent(surface="cliff", steps=300, start=(4.0, -2.2), shape=20))


def test_rules_rates_momentum_and_clipping(app: AppTest) -> None:
    open_page(app, surface="ravine", steps="30")
    pills = next(g for g in app.get("button_group") if g.key == WIDGET + "optimizers")
    pills.set_value(["adam", "momentum"])
    app.select_slider(WIDGET + "learning_rate").set_value(0.01)
    check_works(app.run())
    app.slider(WIDGET + "momentum").set_value(0.5)
    clip = next(g for g in app.get("button_group") if g.key == WIDGET + "clip")
    clip.set_value("value")
    check_works(app.run())
    app.select_slider(WIDGET + "threshold").set_value(0.5)
    check_works(app.run())
    expected = Descent(
        surface="ravine",
        steps=30,
        optimizers=("momentum", "adam"),
        learning_rate=0.01,
        momentum=0.5,
        clip="value",
        threshold=0.5,
    )
    check_shows(app, expected)
    pills = next(g for g in app.get("button_group") if g.key == WIDGET + "optimizers")
    pills.set_value([])  # one rule there must be
    check_works(app.run())
    check_shows(app, expected)


def test_a_start_that_was_pulled_is_taken(app: AppTest) -> None:
    open_page(app, surface="ravine", steps="5")
    Board(app).send(start=[1.25, -0.5])
    check_shows(app, Descent(surface="ravine", steps=5, start=(1.25, -0.5)))
    assert app.slider(WIDGET + "start_0").value == 1.25
    for forged in ([99.0, 0.0], [0.0], "x", None, [True, 0.0]):
        Board(app).send(start=forged, steps=7)
    check_shows(app, Descent(surface="ravine", steps=5, start=(1.25, -0.5)))


def test_the_landscape_is_drawn(app: AppTest) -> None:
    open_page(app, surface="ravine", steps="5")
    app.session_state["descent_details"] = "Landscape, 3-D"
    check_works(app.run())
    assert [chart.key for chart in list_charts(app)] == ["figure_descent_surface"]


def test_each_optimizer_has_a_multiplier_which_stays_with_it(app: AppTest) -> None:
    open_page(app, surface="ravine", steps="5", optimizers="sgd_adam", multipliers="1.0_30.0")
    app.session_state["descent_multipliers"] = True
    check_works(app.run())
    app.select_slider(WIDGET + "multipliers_0").set_value(0.5)
    check_works(app.run())
    pills = next(g for g in app.get("button_group") if g.key == WIDGET + "optimizers")
    pills.set_value(["sgd", "momentum", "adam"])
    check_works(app.run())
    expected = Descent(
        surface="ravine",
        steps=5,
        optimizers=("sgd", "momentum", "adam"),
        multipliers=(0.5, 1.0, 30.0),
    )
    check_shows(app, expected)


def test_one_step_is_shown_with_its_numbers(app: AppTest) -> None:
    open_page(
        app,
        surface="bowl",
        start="2.0",
        learning_rate="0.25",
        clip="norm",
        threshold="1.0",
        steps="5",
    )
    app.session_state["descent_details"] = "One step in numbers"
    check_works(app.run())
    text = read_markdown(app)
    assert r"x_{0} = 2,\quad L(x_{0}) = 2" in text
    assert r"g_{0} \cdot 0.5 = 1" in text
    assert r"-0.25 \cdot 1 = -0.25" in text
    assert r"x_{1} = 1.75,\quad L(x_{1}) = 1.531" in text
    app.slider("descent_step_n").set_value(4)
    assert r"x_{4} = " in read_markdown(check_works(app.run()))


def test_end_points_are_in_the_table(app: AppTest) -> None:
    open_page(app, surface="bowl", start="2.0", learning_rate="0.5", steps="2")
    app.session_state["descent_details"] = "End points"
    table = check_works(app.run()).dataframe[0].value
    assert table["End point"].tolist() == ["0.5"]
    assert table["Loss"].tolist() == ["0.125"]
    assert table["Longest step"].tolist() == ["1"]


def test_parameters_that_are_no_settings_are_ignored_without_a_word(app: AppTest) -> None:
    open_page(app, **{"<b>": "1", "utm_source": "mail", "steps": "7"})
    assert not app.error
    check_shows(app, Descent(steps=7))


@pytest.mark.parametrize(
    ("query", "words", "kept"),
    [
        ({"learning_rate": "huge"}, ("learning", "huge", "1,000"), Descent()),
        ({"surface": "moon", "steps": "7"}, ("surface", "moon", "shelf"), Descent(steps=7)),
        ({"start": "9", "shape": "4"}, ("start", "4.8", "shape"), Descent()),
    ],
)
def test_forged_links_name_field_value_and_range(
    app: AppTest, query: dict[str, str], words: tuple[str, ...], kept: Descent
) -> None:
    open_page(app, **query)
    for word in words:
        assert word in app.error[0].value
    check_shows(app, kept)
    app.slider(WIDGET + "steps").set_value(9)
    assert not check_works(app.run()).error


def test_explanations_exist_and_the_figure_has_one(app: AppTest) -> None:
    for name in ("descent", "descent_course", "descent_surface", "descent_step"):
        assert len(blocks.read_text(name)) > 200
    open_page(app)
    assert Descent(**read_url(app)) == PRESETS["vanishing"].descent


def test_how_each_of_several_paths_ends_is_said_above_the_figure(app: AppTest) -> None:
    """In a word each, in the order of the paths; the list below has the same outcomes."""
    open_page(app, surface="shelf", optimizers="sgd_momentum_adam", multipliers="1.0_1.0_1.0")
    above = next(m.value for m in app.markdown if "·" in m.value)
    words = [part.split("**")[1:] for part in above.splitlines()[-1].split(" · ")]
    assert words == [["SGD", " crawls"], ["Momentum", " arrives"], ["Adam", " crawls"]]
    listed = next(m.value for m in app.markdown if m.value.startswith("- "))
    assert "**SGD:** Crawls" in listed
