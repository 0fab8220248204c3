"""A picture of many parts is drawn as they come, again and again in the same place."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from gradflow.ui import growing


def draw_page() -> None:
    import streamlit as st

    from gradflow.ui.growing import draw_parts

    def draw(known: dict[int, int], progress: str) -> None:
        st.session_state["drawn"] = [*st.session_state.get("drawn", []), (dict(known), progress)]
        st.text_input("a key of its own", key="words")
        st.markdown(f"sum {sum(known.values())}")

    st.text_input("before", key="before")
    known = draw_parts([3, 1, 2], lambda part: 10 * part, draw)
    st.markdown(f"all {list(known.values())}")
    st.text_input("after", key="after")


@pytest.mark.parametrize(
    ("seconds", "drawings"),
    [
        (0.0, [1, 2, 3]),
        (1e9, [3]),  # what is known already is drawn once
    ],
)
def test_each_drawing_takes_the_place_of_the_last(
    monkeypatch: pytest.MonkeyPatch, seconds: float, drawings: list[int]
) -> None:
    monkeypatch.setattr(growing, "_FIRST_SECONDS", seconds)
    monkeypatch.setattr(growing, "_AGAIN_SECONDS", seconds)
    app = AppTest.from_function(draw_page).run()
    assert not app.exception
    drawn = app.session_state["drawn"]
    assert [len(known) for known, _progress in drawn] == drawings
    assert drawn[-1] == ({3: 30, 1: 10, 2: 20}, "")
    assert [progress for _known, progress in drawn[:-1]] == [
        f"{n} of 3 computed" for n in drawings[:-1]
    ]
    assert [box.key for box in app.text_input] == ["before", "words", "after"]
    assert [text.value for text in app.markdown] == ["sum 60", "all [30, 10, 20]"]
    # What is typed there counts, and other keys may still not be drawn twice.
    app.text_input(key="words").set_value("mine").run()
    assert not app.exception
    assert app.text_input(key="words").value == "mine"


def test_a_key_that_stands_elsewhere_is_still_refused() -> None:
    def draw_twice() -> None:
        import streamlit as st

        from gradflow.ui.growing import GrowingPlace

        st.text_input("elsewhere", key="words")
        with GrowingPlace().draw():
            st.text_input("here", key="words")

    assert len(AppTest.from_function(draw_twice).run().exception) == 1
