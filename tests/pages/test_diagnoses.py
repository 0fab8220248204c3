"""The page of diagnoses: every verdict is explained, and its example shows it."""

import pytest
from streamlit.testing.v1 import AppTest

import gradflow as gf
from gradflow.core import codec
from gradflow.core.diagnosis import findings
from gradflow.core.verdict import Verdict
from gradflow.ui.diagnoses.view import EXAMPLES, find_example
from gradflow.ui.naming import VERDICT_TITLES
from tests.pages.apptest import check_works, list_charts, open_link, read_findings, read_url


def open_page(app: AppTest, about: str) -> AppTest:
    return open_link(app, "diagnoses", {"about": about})


def test_every_verdict_has_a_title_and_an_example() -> None:
    assert set(VERDICT_TITLES) == set(EXAMPLES) == set(Verdict)
    assert len(set(EXAMPLES.values())) == len(EXAMPLES)


@pytest.mark.parametrize("verdict", Verdict)
def test_the_example_shows_the_verdict(verdict: Verdict) -> None:
    assert verdict in [finding.verdict for finding in findings(gf.run(find_example(verdict)))]


@pytest.mark.parametrize("verdict", [Verdict.UNDERFLOW, Verdict.SYMMETRIC, Verdict.COLLAPSED])
def test_the_verdict_that_was_chosen_is_said_first(app: AppTest, verdict: Verdict) -> None:
    open_page(app, verdict)
    assert findings(gf.run(find_example(verdict)))[0].verdict != verdict
    assert read_findings(app).startswith(f"{VERDICT_TITLES[verdict]}: ")


def test_a_link_opens_its_verdict_and_the_choice_moves_the_address(app: AppTest) -> None:
    open_page(app, "symmetric")
    assert any("copies of each other" in text.value for text in app.markdown)
    assert list_charts(app)
    app.get("button_group")[0].set_value(Verdict.OVERFLOW)
    check_works(app.run())
    assert read_url(app)["about"] == "overflow"
    assert any("65,504" in text.value for text in app.markdown)


def test_a_forged_link_is_explained(app: AppTest) -> None:
    open_page(app, "nonsense")
    assert "nonsense" in app.error[0].value
    assert "vanishing" in app.error[0].value
    assert list_charts(app)


def test_the_example_opens_in_explore(app: AppTest) -> None:
    open_page(app, "dead")
    next(b for b in app.button if "Explore" in b.label).click()
    check_works(app.run())
    assert {k: v for k, v in read_url(app).items() if k != "about"} == codec.to_query(
        find_example(Verdict.DEAD)
    )
