"""Every page ends with where to go next."""

import pytest
from streamlit.testing.v1 import AppTest

from gradflow.ui import paths
from gradflow.ui.next import NEXT

PAGES = sorted(paths.PAGES.glob("*.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_others_that_exist(page) -> None:  # type: ignore[no-untyped-def]
    assert 2 <= len(NEXT[page]) <= 3
    assert page not in NEXT[page]
    assert set(NEXT[page]) <= set(PAGES)


def test_every_page_can_be_reached_from_another() -> None:
    assert {place for places in NEXT.values() for place in places} == set(PAGES)


def test_the_frame_draws_them_last(app: AppTest) -> None:
    app.run()
    app.switch_page(f"../../pages/{paths.DIAGNOSES.stem}.py").run()
    assert not app.exception
    links = app.get("page_link")
    assert [link.proto.label for link in links] == list(NEXT[paths.DIAGNOSES].values())
