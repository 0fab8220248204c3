"""The app's frame: navigation over ``pages/``."""

from pathlib import Path

import streamlit as st

from gradflow.core.text import _
from gradflow.ui import paths
from gradflow.ui.assets import read_styles, write_section_mark
from gradflow.ui.language import set_language
from gradflow.ui.next import draw_next
from gradflow.ui.present.present import draw_button
from gradflow.ui.settings.state import mark_widgets_sent

HERE = Path(__file__).parent
ICON = HERE / "icon.svg"  # a Material icon would be fetched from the web

set_language()
st.logo(HERE / "logo.svg", size="medium")
pages = [
    st.Page(paths.EXPLORE, title=_("Explore"), default=True),
    st.Page(paths.LEARN, title=_("Lessons"), url_path="learn"),
    st.Page(paths.COMPARE, title=_("Compare"), url_path="compare"),
    st.Page(paths.PHASE, title=_("Phase diagrams"), url_path="phase"),
    st.Page(paths.YOUR_MODEL, title=_("Your model"), url_path="your-model"),
]
sections = {
    _("Train"): [
        st.Page(paths.TRAINING, title=_("Training"), url_path="training"),
        st.Page(paths.PRETRAINING, title=_("Pretraining"), url_path="pretraining"),
    ],
    _("Learn"): [
        st.Page(paths.BACKPROP, title=_("Backpropagation"), url_path="backprop"),
        st.Page(paths.DESCENT, title=_("Descent"), url_path="descent"),
        st.Page(paths.ACTIVATIONS, title=_("Activation functions"), url_path="activations"),
        st.Page(paths.INITIALIZATION, title=_("Initialization"), url_path="initialization"),
        st.Page(paths.NORMALIZATION, title=_("Normalization"), url_path="normalization"),
        st.Page(paths.DEGRADATION, title=_("Degradation"), url_path="degradation"),
        st.Page(paths.RECURRENT, title=_("Through time"), url_path="recurrent"),
        st.Page(paths.DIAGNOSES, title=_("Diagnoses"), url_path="diagnoses"),
    ],
}
page = st.navigation({"": pages, **sections}, position="top")
# Streamlit marks an open page in the navigation, but not the section that it is in.
place = next((i for i, own in enumerate(sections.values(), len(pages) + 1) if page in own), 0)
st.html(f"<style>{read_styles()}{write_section_mark(place)}</style>")
st.set_page_config(
    page_title=f"{page.title} · GradFlow",
    page_icon=str(ICON),
    layout="wide",
    # Any entry makes the menu appear, and with it the switch between light and dark.
    menu_items={"About": _("GradFlow: see how signals and gradients flow through a network.")},
)
draw_button()
page.run()
draw_next(paths.find_page(page.url_path))
mark_widgets_sent()
