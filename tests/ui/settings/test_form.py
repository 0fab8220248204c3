"""Forms and pages: what a page gets from naming its spec."""

from pathlib import Path

from streamlit import config
from streamlit.testing.v1 import AppTest

from gradflow.core.experiment import MLP, Experiment
from gradflow.ui.settings.experiments import make_experiment_form

PAGE = Path(__file__).with_name("steps_page.py")


def open_page(**query: str) -> AppTest:
    # AppTest keeps an object of its own in the session; the browser tests run with the check on.
    config.set_option("runner.enforceSerializableSessionState", False)
    app = AppTest.from_file(str(PAGE), default_timeout=60)
    for name, text in query.items():
        app.query_params[name] = text
    return app.run()


def read(app: AppTest) -> str:
    assert not app.exception
    return app.text[0].value


def test_a_widget_is_read_before_it_is_drawn_and_the_url_follows():
    app = open_page()
    assert read(app) == "5 1 None 0"
    app.slider("steps_steps").set_value(9).run()
    assert read(app) == "9 1 None 0"
    query = {n: t if isinstance(t, str) else t[0] for n, t in app.query_params.items()}
    assert query == {"view": "first", "steps": "9", "every": "1"}


def test_a_change_completes_others_and_a_refused_one_goes_back():
    app = open_page(view="first", steps="15", every="9")
    app.slider("steps_steps").set_value(4).run()
    assert read(app) == "4 4 None 0"
    assert app.slider("steps_every").value == 4
    app.slider("steps_steps").set_value(20).run()
    app.slider("steps_every").set_value(13).run()
    assert read(app) == "20 4 None 0"
    assert app.slider("steps_every").value == 4


def test_a_preset_moves_the_widgets():
    app = open_page()
    app.button[0].click().run()
    assert read(app) == "20 1 many 0"
    assert app.slider("steps_steps").value == 20


def test_a_link_names_what_is_impossible_until_something_is_changed():
    app = open_page(view="second", steps="99", every="2", utm_source="mail")
    assert read(app) == "5 2 None 0"
    assert 'steps: "99" is not allowed; choose a whole number from 1 to 20' in app.error[0].value
    app.slider("other_every").set_value(3).run()
    assert not app.error
    app = open_page(view="third", steps="3")
    assert 'view: "third" is not allowed; choose one of first, second' in app.error[0].value
    assert read(app) == "5 1 None 0"


def test_each_view_keeps_its_own_settings():
    app = open_page()
    app.slider("steps_steps").set_value(3).run()
    app.get("button_group")[0].set_value("second").run()
    assert read(app).startswith("7 1")
    app.get("button_group")[0].set_value("first").run()
    assert read(app).startswith("3 1")


def test_a_late_answer_of_a_replaced_widget_is_no_choice():
    app = open_page()
    app.slider("watched_widget_0").set_value(5)
    app.button[1].click()
    app.run()
    assert read(app).endswith(" 3")


def test_a_change_says_whether_other_widgets_have_to_be_drawn_again() -> None:
    follows: list[bool] = []
    presets = {"deep": Experiment(network=MLP(depth=50))}
    form = make_experiment_form("followed", presets=presets, follow=follows.append)
    form.reset()
    assert follows == []  # only a widget's callback may run fragments again
    for name, value, redraw in (
        ("depth", 30, False),
        ("activation", "relu", True),  # other settings may apply now
        ("activation", "tanh", True),
        ("depth", 50, True),  # a preset's settings: its box says so
        ("depth", 51, True),  # and no more
        ("learning_rate", 0.5, False),
        ("batch_size", 64, False),
    ):
        form.take({name: value})
        assert follows.pop() is redraw, (name, value)
        assert form.values[name] == value
