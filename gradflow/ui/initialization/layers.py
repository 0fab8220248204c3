"""Ten layers forward and back, and the factor of each: the law of the weights is chosen."""

from __future__ import annotations

import streamlit as st

from gradflow.core.experiment import Experiment
from gradflow.core.teaching.initialization.presets import LAYER_PRESETS
from gradflow.core.text import _
from gradflow.ui import blocks, paths
from gradflow.ui.explore import report as explore_report
from gradflow.ui.explore.look import make_view
from gradflow.ui.explore.state import EXPLORE, ask_for_cures
from gradflow.ui.initialization.state import LAYERS, take_changes
from gradflow.ui.stage import Stage
from gradflow.ui.toolbar.toolbar import describe_fields, draw_toolbar, list_dormant

_ROW = ("activation", "initialization")
_FINE = ("fan_mode", "bias_std")
"""What a law has besides its scale is rarely changed: it stands behind “More”."""
_REST = ("widths", "depth", "width", *_FINE, "batch_size", "seed")


def show(stage: Stage) -> None:
    """Show the Flow figure of the chosen network with the factor of each layer."""
    experiment, problem = LAYERS.read_possible()
    if problem:
        blocks.show_error(problem)
    code = LAYERS.preset
    st.markdown(
        _("**Look for:** {what}").format(what=_(LAYER_PRESETS[code].look_for))
        if code
        else _(
            "Each layer multiplies the mean square of the gradient by **n·Var(W)·E φ′²**, n being "
            "the units that send it back. Ten factors of 1 keep it level; which law gives them?"
        )
    )
    explore_report.show_flow(experiment, make_view({"factors": True}), _show_cures)
    with stage.details:
        if st.button(_("Open this network in Explore"), icon=":material/insights:", type="primary"):
            EXPLORE.replace(experiment)
            st.switch_page(paths.EXPLORE)
        blocks.explain("initialization_layers", "flow")


def _show_cures(experiment: Experiment) -> None:
    EXPLORE.replace(experiment)
    ask_for_cures(experiment)
    st.switch_page(paths.EXPLORE)


def draw_controls() -> None:
    """Draw the toolbar and the choice of a network to start from."""
    row = describe_fields(LAYERS, _ROW, leave_out=_FINE)
    rest = [name for name in _REST if LAYERS.applies(name)]
    panels = {_("More"): {_("Network and data"): describe_fields(LAYERS, rest)}}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        draw_toolbar(
            LAYERS.find_widget_key("toolbar"),
            "flow",
            row,
            panels,
            list_dormant(LAYERS),
            take=take_changes,
            reset=LAYERS.reset,
        )
        st.selectbox(
            _("Start from"),
            list(LAYER_PRESETS),
            index=None,
            format_func=lambda code: _(LAYER_PRESETS[code].label),
            placeholder=_("your own setting"),
            width=300,
            **LAYERS.bind_preset(),
        )
