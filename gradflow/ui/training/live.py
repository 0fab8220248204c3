"""The parts of the page that follow a run: progress, curves, layers. They rerun by themselves."""

from __future__ import annotations

import streamlit as st

from gradflow.charts.training.data import QUANTITIES, Lane
from gradflow.charts.training.layers import layers_figure
from gradflow.charts.training.learning import learning_figure
from gradflow.charts.training.steps import steps_figure
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.training import flow, lanes, state, words
from gradflow.ui.training.runs import SESSIONS

EVERY = 0.4
"""Seconds from one look at a run to the next."""
FLOW_EVERY = 1.0
"""The same for the Flow figure, which changes less often and takes longer to draw."""
ALONE = 4
"""Sessions that may follow a run at that pace; a class that trains at once looks less often."""


def show(*, running: bool) -> None:
    """All that follows a run.

    Args:
        running: whether one advanced when the page began to be drawn; if not, nothing reruns.
    """
    slower = pace(SESSIONS.running())
    st.fragment(_curves, run_every=slower * EVERY if running else None)(running)
    st.fragment(flow.show, run_every=slower * FLOW_EVERY if running else None)()


def pace(sessions: int) -> float:
    """What the time between two looks is multiplied by while so many sessions follow a run.

    Drawing takes the server about 40 ms a look: thirty laptops at full pace would want three
    processor cores for that alone.
    """
    return max(1.0, sessions / ALONE)


def _curves(running: bool) -> None:
    group = state.session().group
    left, right = st.columns([6, 1], vertical_alignment="bottom")
    if group is not None:
        share, text = words.progress(group)
        left.progress(min(share, 1.0), text)
    with right:
        log = _log()
    drawn = [one.lane() for one in lanes.shown(state.session())]
    figure = learning_figure(drawn, log=log, mode=blocks.mode())
    blocks.show_figure(figure, "training_learning", _("Loss and accuracy over the steps"))
    blocks.explain("training_learning")
    panels = {
        _("Layers"): _layers,
        _("Clipping and rate"): _steps,
    }
    tabs = st.tabs(list(panels), key="training_panels", on_change="rerun")
    for tab, draw in zip(tabs, panels.values(), strict=True):
        if tab.open:
            with tab:
                draw(drawn)
    if running and (group is None or not group.running):
        st.rerun()  # once more as a whole: what is said of a run that has ended


def _log() -> bool:
    """Whether the loss has a log axis."""
    scales = {"log": _("log"), "linear": _("linear")}
    return blocks.one_of(_("Axis of the loss"), scales, "training_axis") == "log"


def _layers(drawn: list[Lane]) -> None:
    names = {code: f"{_(what.label)} {_symbol(code)}".strip() for code, what in QUANTITIES.items()}
    quantity = blocks.one_of(
        _("What the map shows"), names, "training_quantity", "weight_grad_norm"
    )
    figure = layers_figure(drawn, quantity=quantity, mode=blocks.mode())
    blocks.show_figure(
        figure, "training_layers", _("Map of layers over steps, and the speed of each layer")
    )
    blocks.explain("training_layers")


def _symbol(code: str) -> str:
    what = QUANTITIES[code]
    return what.symbol if "‖" in what.symbol else ""


def _steps(drawn: list[Lane]) -> None:
    figure = steps_figure(drawn, mode=blocks.mode())
    blocks.show_figure(
        figure, "training_steps", _("Gradient norm before and after clipping, learning rate")
    )
    blocks.explain("training_steps")
