"""The page of diagnoses: every verdict is explained, and its example shows it."""

import re

import pytest
from streamlit.testing.v1 import AppTest

import gradflow as gf
from gradflow.core import codec
from gradflow.core.diagnosis import findings
from gradflow.core.diagnosis.limits import LIMITS
from gradflow.core.verdict import Verdict
from gradflow.ui.blocks import read_text
from gradflow.ui.diagnoses.examples import EXAMPLES
from gradflow.ui.diagnoses.view import read_lesson
from gradflow.ui.naming import VERDICT_TITLES
from tests.pages.apptest import check_works, list_charts, open_link, read_findings, read_url


def open_page(app: AppTest, about: str) -> AppTest:
    return open_link(app, "diagnoses", {"about": about})


def test_every_verdict_has_a_title_and_an_example() -> None:
    assert set(VERDICT_TITLES) == set(Verdict)
    built = {Verdict.CUT, Verdict.NAN}  # by hand, not by settings
    assert set(EXAMPLES) == set(Verdict) - built
    assert len({example.experiment for example in EXAMPLES.values()}) == len(EXAMPLES)


@pytest.mark.parametrize("verdict", Verdict)
def test_the_limits_in_a_text_are_those_of_the_code(verdict: Verdict) -> None:
    quoted = list_placeholders(read_text(f"verdict_{verdict}"))
    lesson = read_lesson(verdict)
    assert all(LIMITS[name] in lesson for name in quoted)
    assert not list_placeholders(lesson)


def test_every_limit_is_told() -> None:
    texts = " ".join(read_text(f"verdict_{verdict}") for verdict in Verdict)
    assert set(list_placeholders(texts)) == set(LIMITS)


def list_placeholders(text: str) -> list[str]:
    """List the names in braces, outside of formulas."""
    return re.findall(r"\{(\w+)\}", re.sub(r"\$\$.*?\$\$", "", text, flags=re.DOTALL))


@pytest.mark.parametrize("verdict", EXAMPLES)
def test_the_example_shows_the_verdict(verdict: Verdict) -> None:
    assert verdict in [
        finding.verdict for finding in findings(gf.run(EXAMPLES[verdict].experiment))
    ]


@pytest.mark.parametrize("verdict", [Verdict.UNDERFLOW, Verdict.CLOSED, Verdict.COLLAPSED])
def test_the_verdict_that_was_chosen_is_said_first(app: AppTest, verdict: Verdict) -> None:
    open_page(app, verdict)
    assert findings(gf.run(EXAMPLES[verdict].experiment))[0].verdict != verdict
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
        EXAMPLES[Verdict.DEAD].experiment
    )


def test_a_verdict_without_an_example_is_explained(app: AppTest) -> None:
    open_page(app, "cut")
    assert any("detach" in text.value for text in app.markdown)
    assert not list_charts(app)
