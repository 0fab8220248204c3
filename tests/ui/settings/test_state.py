"""What a browser is told of a widget's value, when a run is overtaken and when it is not."""

from streamlit.testing.v1 import AppTest


def draw_switch() -> None:
    """A page with one switch that is on; its run may end early, as one that is overtaken does."""
    import streamlit as st

    from gradflow.ui.settings.state import mark_widgets_sent, show_in_widget

    show_in_widget("switch", True)
    st.toggle("Switch", key="switch")
    if st.session_state.get("overtaken"):
        st.stop()
    mark_widgets_sent()


def run_switch(app: AppTest) -> bool:
    """Run the page; return whether the browser is told the value."""
    app.run()
    assert app.toggle(key="switch").value
    return bool(app.toggle(key="switch").proto.set_value)


def test_a_value_is_told_again_after_an_overtaken_run_and_never_otherwise() -> None:
    app = AppTest.from_function(draw_switch)
    app.session_state["overtaken"] = True
    assert run_switch(app)
    assert run_switch(app)
    app.session_state["overtaken"] = False
    assert run_switch(app)
    assert not run_switch(app)
    app.session_state["overtaken"] = True
    assert not run_switch(app)
